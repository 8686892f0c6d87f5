/* SPDX-License-Identifier: Apache-2.0
 * The testers are tested: kernels with planted faults go through the same steps as real ones, and each must be caught. */
#include "tests/kit/cmocka.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/kit/kit.h"

enum { CAUGHT = 3, SURVIVED = 0, LANES = 16 };

/* ------------------------------------------------------------------------------------------------ faulty relu kernels */

static void good_relu(const lw_args *args, lw_part part) {
  int64_t begin, end;
  lw_share(args->map.count, part, &begin, &end);
  ref_relu(end - begin, args->map.x + begin, args->map.y + begin);
}

static void dropped_tail(const lw_args *args, lw_part part) {
  int64_t begin, end;
  lw_share(args->map.count / LANES, part, &begin, &end);
  ref_relu((end - begin) * LANES, args->map.x + begin * LANES, args->map.y + begin * LANES);
}

/* Forgets the last part, as a wrong split would. */
static void dropped_part(const lw_args *args, lw_part part) {
  if (part.index < 2) good_relu(args, part);
}

static void one_ulp(const lw_args *args, lw_part part) {
  good_relu(args, part);
  float *last = args->map.y + args->map.count - 1;
  if (part.index == part.count - 1) *last = nextafterf(*last, INFINITY);
}

static void lost_sign_of_zero(const lw_args *args, lw_part part) {
  (void)part;
  for (int64_t i = 0; i < args->map.count; i++) args->map.y[i] = args->map.x[i] > 0 ? args->map.x[i] : 0;
}

static void past_the_end(const lw_args *args, lw_part part) {
  good_relu(args, part);
  ((volatile float *)args->map.y)[args->map.count] = 0;
}

static void before_the_start(const lw_args *args, lw_part part) {
  good_relu(args, part);
  ((volatile float *)args->map.y)[-1] = 0;
}

static void reads_past_the_end(const lw_args *args, lw_part part) {
  good_relu(args, part);
  (void)((volatile const float *)args->map.x)[args->map.count];
}

static void reads_before_the_start(const lw_args *args, lw_part part) {
  good_relu(args, part);
  (void)((volatile const float *)args->map.x)[-1];
}

static void modifies_input(const lw_args *args, lw_part part) {
  good_relu(args, part);
  ((float *)args->map.x)[args->map.count / 2] += 1;
}

static void writes_nothing(const lw_args *args, lw_part part) { (void)args, (void)part; }

/* --------------------------------------------------------------------------------------------- faulty conv2d kernels */

static void conv(const lw_conv2d_args *a, const lw_conv2d_desc *d, const float *bias) {
  ref_conv2d(d, a->x.p, a->w, bias, a->y.p);
}

static void good_conv2d(const lw_args *args, lw_part part) {
  (void)part;
  conv(&args->conv2d, &args->conv2d.desc, args->conv2d.bias);
}

static void skipped_bias(const lw_args *args, lw_part part) {
  (void)part;
  conv(&args->conv2d, &args->conv2d.desc, NULL);
}

static void shifted_padding(const lw_args *args, lw_part part) {
  lw_conv2d_desc d = args->conv2d.desc;
  (void)part;
  d.pad_left--, d.pad_right++;
  conv(&args->conv2d, &d, args->conv2d.bias);
}

/* The same sum from its other end: within the bound of any order, yet not the bits. */
static void reversed_sum(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const int64_t taps = a->desc.ic, pixels = a->desc.ih * a->desc.iw;
  (void)part;
  for (int64_t oc = 0; oc < a->desc.oc; oc++)
    for (int64_t i = 0; i < pixels; i++) {
      float acc = 0;
      for (int64_t k = taps - 1; k >= 0; k--) acc = fmaf(a->x.p[k * pixels + i], a->w[oc * taps + k], acc);
      a->y.p[oc * pixels + i] = acc + (a->bias ? a->bias[oc] : 0);
    }
}

/* ----------------------------------------------------------------------------------------------------------- running */

static const kit_case relu_case = {.name = "planted", .of.count = 37};
static const kit_case conv2d_case = {.name = "planted",
                                     .of.conv2d = {.n = 1,
                                                   .ic = 2,
                                                   .ih = 6,
                                                   .iw = 7,
                                                   .oc = 3,
                                                   .kh = 3,
                                                   .kw = 3,
                                                   .stride_h = 1,
                                                   .stride_w = 1,
                                                   .pad_top = 1,
                                                   .pad_left = 1,
                                                   .pad_bottom = 1,
                                                   .pad_right = 1,
                                                   .dilation_h = 1,
                                                   .dilation_w = 1,
                                                   .groups = 1},
                                     .bias = 1};
static const kit_case pointwise_case = {.name = "planted",
                                        .of.conv2d = {.n = 1,
                                                      .ic = 50,
                                                      .ih = 4,
                                                      .iw = 5,
                                                      .oc = 6,
                                                      .kh = 1,
                                                      .kw = 1,
                                                      .stride_h = 1,
                                                      .stride_w = 1,
                                                      .dilation_h = 1,
                                                      .dilation_w = 1,
                                                      .groups = 1},
                                        .bias = 1};

typedef struct verdict {
  char error[160]; /* of kit_collect */
  kit_difference difference;
  int64_t beyond_bound; /* outputs outside the bound of any order */
} verdict;

static verdict run(lw_op op_id, lw_kernel_fn *fn, const kit_case *c, kit_fill fill, kit_memory memory, int parts) {
  const kit_op *op = kit_op_find(op_id);
  const lw_kernel row = {op_id, LW_ISA_REF, "", "planted", LW_EXACT, fn};
  verdict v = {.error = ""};
  kit_set expected, got, wide;
  assert_true(kit_set_make(&expected, op, c, KIT_ALIGNED));
  assert_true(kit_set_make(&got, op, c, memory));
  kit_set_fill(&expected, fill, 5);
  kit_set_fill(&got, fill, 5);
  op->ref(c, expected.t);
  kit_run r = {.op = op, .row = &row, .c = c, .t = got.t, .parts = parts, .memory = memory};
  assert_true(kit_prepare(&r));
  kit_poison(&r, &got);
  kit_execute(&r, parts, KIT_FALLING);
  if (!kit_collect(&r, &got)) memcpy(v.error, r.error, sizeof v.error);
  kit_compare(&expected, &got, &v.difference);
  if (op->bound) {
    kit_difference d;
    double bound[1024];
    assert_true(kit_set_widen(&wide, &got));
    op->ref64(c, wide.t);
    op->bound(c, wide.t, KIT_ANY_ORDER, bound);
    v.beyond_bound = kit_compare_bound(&wide, bound, &got, &d, NULL);
    kit_set_free(&wide);
  }
  kit_release(&r);
  kit_set_free(&got);
  kit_set_free(&expected);
  return v;
}

/* The same in a child, for kernels that may die of it. */
static int fate(lw_kernel_fn *fn, kit_memory memory) {
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    const verdict v = run(LW_OP_relu, fn, &relu_case, KIT_REALS, memory, 1);
    _exit(v.error[0] || v.difference.count ? CAUGHT : SURVIVED);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED ? SURVIVED : CAUGHT;
}

static void test_good_kernels_pass(void **state) {
  (void)state;
  for (int f = 0; f < KIT_FILLS; f++)
    for (int m = 0; m <= KIT_ALIGNED; m++) {
      const verdict v = run(LW_OP_relu, good_relu, &relu_case, (kit_fill)f, (kit_memory)m, 3);
      assert_string_equal(v.error, "");
      assert_int_equal(v.difference.count, 0);
      const verdict w = run(LW_OP_conv2d, good_conv2d, &conv2d_case, (kit_fill)f, (kit_memory)m, 1);
      assert_string_equal(w.error, "");
      assert_int_equal(w.difference.count, 0);
      if (f != KIT_SPECIALS) assert_int_equal(w.beyond_bound, 0);
    }
  for (int m = 0; m <= KIT_GUARD_OFFSET; m++) assert_int_equal(fate(good_relu, (kit_memory)m), SURVIVED);
}

static void test_wrong_values_are_caught(void **state) {
  (void)state;
  verdict v = run(LW_OP_relu, dropped_tail, &relu_case, KIT_REALS, KIT_GUARD_END, 1);
  assert_int_equal(v.difference.count, 37 % LANES);
  assert_int_equal(v.difference.index, 37 / LANES * LANES);
  assert_int_equal(v.difference.got_bits, KIT_POISON);
  v = run(LW_OP_relu, dropped_part, &relu_case, KIT_REALS, KIT_GUARD_END, 2);
  assert_int_equal(v.difference.count, 0);
  v = run(LW_OP_relu, dropped_part, &relu_case, KIT_REALS, KIT_GUARD_END, 3);
  assert_int_equal(v.difference.count, 12);
  v = run(LW_OP_relu, one_ulp, &relu_case, KIT_REALS, KIT_GUARD_END, 3);
  assert_int_equal(v.difference.count, 1);
  assert_int_equal(v.difference.index, 36);
  assert_int_equal(v.difference.ulp, 1);
  v = run(LW_OP_relu, lost_sign_of_zero, &relu_case, KIT_SPECIALS, KIT_GUARD_END, 1);
  assert_true(v.difference.count > 0);
  v = run(LW_OP_relu, writes_nothing, &relu_case, KIT_SPECIALS, KIT_GUARD_END, 1); /* also where NaN is right */
  assert_int_equal(v.difference.count, 37);
}

static void test_wrong_convolutions_are_caught(void **state) {
  (void)state;
  for (int f = KIT_INTEGERS; f <= KIT_REALS; f++) {
    verdict v = run(LW_OP_conv2d, skipped_bias, &conv2d_case, (kit_fill)f, KIT_GUARD_END, 1);
    assert_true(v.difference.count > 0);
    assert_true(v.beyond_bound > 0);
    v = run(LW_OP_conv2d, shifted_padding, &conv2d_case, (kit_fill)f, KIT_GUARD_END, 1);
    assert_true(v.difference.count > 0);
    assert_true(v.beyond_bound > 0);
  }
  const verdict v = run(LW_OP_conv2d, reversed_sum, &pointwise_case, KIT_REALS, KIT_GUARD_END, 1);
  assert_true(v.difference.count > 0);
  assert_int_equal(v.beyond_bound, 0);
}

static void test_overruns_are_caught(void **state) {
  (void)state;
  for (int m = 0; m <= KIT_GUARD_OFFSET; m++) {
    assert_int_equal(fate(past_the_end, (kit_memory)m), CAUGHT);
    assert_int_equal(fate(before_the_start, (kit_memory)m), CAUGHT);
    assert_int_equal(fate(modifies_input, (kit_memory)m), CAUGHT);
  }
  assert_int_equal(fate(reads_past_the_end, KIT_GUARD_END), CAUGHT);
  assert_int_equal(fate(reads_before_the_start, KIT_GUARD_START), CAUGHT);
  /* Where no page protects, canaries tell. */
  verdict v = run(LW_OP_relu, past_the_end, &relu_case, KIT_REALS, KIT_GUARD_START, 1);
  assert_string_equal(v.error, "y: written past the end");
  v = run(LW_OP_relu, before_the_start, &relu_case, KIT_REALS, KIT_GUARD_END, 1);
  assert_string_equal(v.error, "y: written before the start");
  v = run(LW_OP_relu, modifies_input, &relu_case, KIT_REALS, KIT_GUARD_END, 1);
  assert_string_equal(v.error, "x: input modified");
}

/* ---------------------------------------------------------------------------------------------- layouts, fills, ulps */

static void test_halo_and_missing_channels(void **state) {
  static float plain[2 * 20 * 3 * 4], back[2 * 20 * 3 * 4];
  static const int64_t halo[4] = {1, 2, 1, 1}, zero[4] = {1, 1, 1, 1};
  kit_run r = {.memory = KIT_GUARD_END};
  (void)state;
  for (int i = 0; i < 2 * 20 * 3 * 4; i++) plain[i] = (float)i;
  const lw_view v = kit_view_allocate(&r, KIT_IN, 2, 20, 3, 4, LW_BLOCK, halo);
  kit_view_fill(&v, 2, 20, plain, NULL);
  kit_view_collect(&r, &v, 2, 20, back);
  assert_string_equal(r.error, "");
  assert_memory_equal(plain, back, sizeof plain);
  assert_true(isnan(lw_view_at(&v, 0, 1, 0, 0)[4])); /* channel 20 */
  kit_buffer_poison(&r.buffer[0]);
  kit_view_fill(&v, 2, 20, plain, zero);
  assert_true(isnan(*lw_view_at(&v, 0, 0, 0, -2)));
  assert_true(*lw_view_at(&v, 0, 0, 0, -1) == 0);
  kit_view_collect(&r, &v, 2, 20, back);
  assert_non_null(strstr(r.error, "halo"));
  kit_release(&r);
}

static void test_fills(void **state) {
  const kit_op *op = kit_op_find(LW_OP_relu);
  const kit_case c = {.of.count = 4096};
  kit_set a, b;
  (void)state;
  assert_true(kit_set_make(&a, op, &c, KIT_ALIGNED));
  assert_true(kit_set_make(&b, op, &c, KIT_GUARD_OFFSET));
  assert_int_equal((uintptr_t)b.t[0] % 64, sizeof(float));
  for (int f = 0; f < KIT_FILLS; f++) {
    int nan = 0, infinite = 0, minus_zero = 0, subnormal = 0;
    kit_set_fill(&a, (kit_fill)f, 9);
    kit_set_fill(&b, (kit_fill)f, 9);
    assert_memory_equal(a.t[0], b.t[0], 4096 * sizeof(float));
    for (int i = 0; i < 4096; i++) {
      const float x = ((float *)a.t[0])[i];
      nan += isnan(x) != 0;
      infinite += isinf(x) != 0;
      minus_zero += x == 0 && signbit(x);
      subnormal += fpclassify(x) == FP_SUBNORMAL;
      if (f == KIT_INTEGERS) assert_true(x == rintf(x) && fabsf(x) <= 4);
      if (f == KIT_REALS) assert_true(fabsf(x) <= 1);
    }
    assert_true((nan && infinite && subnormal) == (f == KIT_SPECIALS));
    assert_true(minus_zero > 0 || f == KIT_REALS);
    kit_set_fill(&b, (kit_fill)f, 10);
    assert_memory_not_equal(a.t[0], b.t[0], 4096 * sizeof(float));
  }
  kit_set_free(&a);
  kit_set_free(&b);
}

static void test_ulp(void **state) {
  (void)state;
  assert_int_equal(kit_ulp(1.0f, 1.0f), 0);
  assert_int_equal(kit_ulp(0.0f, -0.0f), 0);
  assert_int_equal(kit_ulp(1.0f, nextafterf(1.0f, 2.0f)), 1);
  assert_int_equal(kit_ulp(-0x1p-149f, 0x1p-149f), 2);
  assert_int_equal(kit_ulp(1.0f, 2.0f), 1 << 23);
}

/* True values 3, -4, 0 and 5, with the rms of sqrt(12.5) = 3.54 and so an ulp of 2^-22; errors of 2, 0, 1 and 1 of these. */
static void test_accuracy(void **state) {
  (void)state;
  const double ulp = 0x1p-22;
  kit_accuracy a = {0}, b = {0};
  assert_true(kit_accuracy_rms(&a) == 0 && kit_accuracy_error_rms(&a) == 0 && kit_accuracy_ulp(&a) == 0x1p-149);
  kit_accuracy_add(&a, 3 + 2 * ulp, 3, 8 * ulp);
  kit_accuracy_add(&a, -4, -4, 0);
  kit_accuracy_add(&b, ulp, 0, 2 * ulp);
  kit_accuracy_add(&b, 5 - ulp, 5, INFINITY); /* where anything may be: an overflow */
  kit_accuracy_join(&a, &b);
  assert_true(a.count == 4 && a.largest == 2 * ulp && a.worst == .5);
  assert_true(kit_accuracy_rms(&a) == sqrt(12.5) && kit_accuracy_ulp(&a) == ulp);
  assert_true(kit_accuracy_error_rms(&a) == sqrt(1.5) * ulp);

  kit_accuracy_add(&b, 1, 2, 0);
  assert_true(isinf(b.worst) && b.largest == 1);
  kit_accuracy_add(&b, NAN, 2, 1);
  assert_true(isinf(b.largest));
}

/* An output that was not written is wrong even where any value would be right. */
static void test_unwritten(void **state) {
  (void)state;
  const kit_case c = {.name = "3", .of.count = 3};
  const double anything[] = {INFINITY, INFINITY, INFINITY};
  const kit_op *op = kit_op_find(LW_OP_relu);
  kit_set got, wide;
  kit_difference d;
  assert_true(kit_set_make(&got, op, &c, KIT_ALIGNED));
  kit_set_fill(&got, KIT_REALS, 1);
  assert_true(kit_set_widen(&wide, &got));
  op->ref64(&c, wide.t);
  float *y = got.t[kit_set_output(&got)];
  y[0] = 1;
  y[1] = NAN;
  assert_int_equal(kit_unwritten(&got, &d), 1);
  assert_int_equal(d.at[0], 2);
  assert_int_equal(kit_compare_bound(&wide, anything, &got, &d, NULL), 1);
  assert_int_equal(d.at[0], 2);
  y[2] = 0;
  assert_int_equal(kit_unwritten(&got, &d), 0);
  assert_int_equal(kit_compare_bound(&wide, anything, &got, &d, NULL), 0);
  kit_set_free(&wide);
  kit_set_free(&got);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_kernels_pass),
      cmocka_unit_test(test_wrong_values_are_caught),
      cmocka_unit_test(test_wrong_convolutions_are_caught),
      cmocka_unit_test(test_overruns_are_caught),
      cmocka_unit_test(test_halo_and_missing_channels),
      cmocka_unit_test(test_fills),
      cmocka_unit_test(test_ulp),
      cmocka_unit_test(test_accuracy),
      cmocka_unit_test(test_unwritten),
  };
  return cmocka_run_group_tests_name("kit", tests, NULL, NULL);
}
