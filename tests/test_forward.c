/* SPDX-License-Identifier: Apache-2.0
 * Corners of pools, rows and topk against values worked out by hand, on every ISA: what the reference says must itself be right.
 */
#include "tests/kit/cmocka.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "lanewise.h"
#include "simd/isa.h"
#include "tests/kit/kit.h"

static lw_context *contexts[LW_ISA_COUNT];
static int context_count;

static int setup(void **state) {
  (void)state;
  for (int isa = LW_ISA_REF; isa < LW_ISA_COUNT; isa++)
    if (lw_isa_runnable((lw_isa)isa) && lw_context_create(&(lw_context_options){.isa = lw_isa_name((lw_isa)isa), .threads = 2},
                                                          &contexts[context_count++]) != LW_OK)
      return 1;
  return context_count == 0;
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < context_count; i++) lw_context_destroy(contexts[i]);
  return 0;
}

/* Bits, any NaN equal to any NaN. */
static void expect(const char *what, int64_t count, const float *expected, const float *got, const lw_context *context) {
  for (int64_t i = 0; i < count; i++)
    if (isnan(expected[i]) ? !isnan(got[i]) : memcmp(&expected[i], &got[i], sizeof(float)) != 0)
      fail_msg("%s on %s: element %" PRId64 " is %a, expected %a", what, lw_context_isa(context), i, (double)got[i],
               (double)expected[i]);
}
static void expect_index(const char *what, int64_t count, const int32_t *expected, const int32_t *got,
                         const lw_context *context) {
  for (int64_t i = 0; i < count; i++)
    if (expected[i] != got[i])
      fail_msg("%s on %s: index %" PRId64 " is %" PRId32 ", expected %" PRId32, what, lw_context_isa(context), i, got[i],
               expected[i]);
}

/* PyTorch's rule (ATen/native/Pool.h): floor((in + 2 pad - dilation (kernel-1) - 1 + (ceil ? stride-1 : 0)) / stride) + 1, one
 * less in ceil mode if the last window would start at or after in + pad; 0: no such output. */
static void test_pool2d_output(void **state) {
  static const struct {
    int64_t in, kernel, stride, pad, dilation;
    int ceil_mode;
    int64_t out;
  } cases[] = {
      {28, 2, 2, 0, 1, 0, 14},       {7, 2, 2, 0, 1, 0, 3},
      {7, 2, 2, 0, 1, 1, 4},         {112, 3, 2, 1, 1, 0, 56},
      {112, 3, 2, 0, 1, 1, 56},      {112, 3, 2, 1, 1, 1, 57},
      {4, 2, 3, 1, 1, 0, 2},         {4, 2, 3, 1, 1, 1, 2},
      {5, 2, 3, 1, 1, 1, 2},         {6, 1, 4, 0, 1, 1, 2},
      {4, 1, 4, 0, 1, 1, 1},         {2, 3, 2, 0, 1, 0, 0},
      {2, 3, 2, 0, 1, 1, 1},         {2, 4, 2, 0, 1, 1, 0},
      {2, 3, 1, 0, 1, 1, 0},         {9, 3, 1, 1, 3, 0, 5},
      {9, 3, 2, 1, 3, 1, 3},         {10, 3, 2, 0, 3, 1, 3},
      {1, 2, 1, 1, 1, 0, 2},         {1, 2, 5, 1, 1, 1, 1},
      {6, 2, 1, 0, 6, 0, 0},         {6, 2, 1, 0, 5, 0, 1},
      {6, 2, 7, 0, 11, 1, 1},        {6, 2, 7, 0, 12, 1, 0},
      {4, 2, 1, 0, INT64_MAX, 0, 0}, {4, 2, INT64_MAX / 2, 0, 1, 1, 1},
      {4, 2, 1 << 30, 0, 1, 1, 1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int axis = 0; axis < 2; axis++) { /* the other axis: 3 in, 1 out */
      lw_pool2d_desc d = {1, 1, 3, 3, 3, 3, 1, 1, 0, 0, 1, 1, cases[i].ceil_mode, 0};
      (axis ? (d.iw = cases[i].in, d.kw = cases[i].kernel) : (d.ih = cases[i].in, d.kh = cases[i].kernel));
      (axis ? (d.stride_w = cases[i].stride, d.pad_w = cases[i].pad) : (d.stride_h = cases[i].stride, d.pad_h = cases[i].pad));
      *(axis ? &d.dilation_w : &d.dilation_h) = cases[i].dilation;
      int64_t out[2] = {0, 0};
      const lw_status status = lw_pool2d_output(&d, &out[0], &out[1]);
      if (out[axis] != cases[i].out || status != (cases[i].out ? LW_OK : LW_BAD_SHAPE) || out[!axis] != (cases[i].out != 0))
        fail_msg("case %zu, axis %d: %" PRId64 " x %" PRId64 ", %s, expected %" PRId64, i, axis, out[0], out[1],
                 lw_status_name(status), cases[i].out);
    }
  /* A stride with which kernels could not compute is refused by its own name. */
  int64_t oh = -1, ow = -1;
  assert_int_equal(lw_pool2d_output(&(lw_pool2d_desc){1, 1, 4, 4, 2, 2, 1, INT64_MAX, 0, 0, 1, 1, 1, 0}, &oh, &ow), LW_BAD_SHAPE);
  assert_non_null(strstr(lw_error_message(), "stride_w 9223372036854775807"));
  assert_true(oh == -1 && ow == -1);
}

/* Windows at -1, 1, 3 of four ones: what remains of the divisor at the borders. */
static void test_avg_pool2d_divisor(void **state) {
  static const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  /* Rows and columns hold 2, 3, 1 ones. In the padded image, which ends at 5, the windows have 3, 3 and 2 positions. */
  static const float inside[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  static const float include[9] = {4 / 9.0f, 6 / 9.0f, 2 / 6.0f, 6 / 9.0f, 1, 3 / 6.0f, 2 / 6.0f, 3 / 6.0f, 1 / 4.0f};
  (void)state;
  for (int i = 0; i < context_count; i++) {
    lw_pool2d_desc d = {1, 1, 4, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0};
    float y[9];
    assert_int_equal(lw_avg_pool2d(contexts[i], &d, ones, y), LW_OK);
    expect("avg_pool2d", 9, inside, y, contexts[i]);
    d.count_include_pad = 1;
    assert_int_equal(lw_avg_pool2d(contexts[i], &d, ones, y), LW_OK);
    expect("avg_pool2d with padding", 9, include, y, contexts[i]);
    /* A window larger than the image, which only ceil mode has: three positions a side, of which two are there. */
    d = (lw_pool2d_desc){1, 1, 2, 2, 3, 3, 2, 2, 0, 0, 1, 1, 1, 1};
    assert_int_equal(lw_avg_pool2d(contexts[i], &d, ones, y), LW_OK);
    expect("avg_pool2d larger than the image", 1, (const float[]){1}, y, contexts[i]);
    /* -0 + -0 from +0 is +0. */
    d = (lw_pool2d_desc){1, 1, 1, 2, 1, 2, 1, 1, 0, 0, 1, 1, 0, 0};
    assert_int_equal(lw_avg_pool2d(contexts[i], &d, (const float[]){-0.0f, -0.0f}, y), LW_OK);
    expect("avg_pool2d of -0", 1, (const float[]){0.0f}, y, contexts[i]);
  }
}

static void test_max_pool2d_index(void **state) {
  enum { W = 40 };
  float x[W], y[W];
  int32_t index[W];
  (void)state;
  for (int i = 0; i < context_count; i++) {
    /* Windows of 2: the first of equals (also of +0 and -0), the last NaN, the first of -inf. */
    lw_pool2d_desc d = {1, 1, 1, W, 1, 2, 1, 2, 0, 0, 1, 1, 0, 0};
    static const float pairs[8][2] = {{3, 3},   {-0.0f, 0.0f}, {0.0f, -0.0f},          {NAN, 5},
                                      {5, NAN}, {NAN, NAN},    {-INFINITY, -INFINITY}, {1, 2}};
    static const float highest[8] = {3, -0.0f, 0.0f, NAN, NAN, NAN, -INFINITY, 2};
    static const int32_t second[8] = {0, 0, 0, 0, 1, 1, 0, 1};
    float values[W / 2];
    int32_t taken[W / 2];
    for (int k = 0; k < W / 2; k++) {
      memcpy(x + 2 * k, pairs[k % 8], sizeof pairs[0]);
      values[k] = highest[k % 8];
      taken[k] = 2 * k + second[k % 8];
    }
    assert_int_equal(lw_max_pool2d(contexts[i], &d, x, y, index), LW_OK);
    expect("max_pool2d", W / 2, values, y, contexts[i]);
    expect_index("max_pool2d", W / 2, taken, index, contexts[i]);
    /* Two taps, both on the padding: at -1 and 4 of four columns. */
    d = (lw_pool2d_desc){1, 1, 1, 4, 1, 2, 1, 1, 0, 1, 1, 5, 0, 0};
    assert_int_equal(lw_max_pool2d(contexts[i], &d, x, y, index), LW_OK);
    expect("max_pool2d of padding", 1, (const float[]){-INFINITY}, y, contexts[i]);
    expect_index("max_pool2d of padding", 1, (const int32_t[]){-1}, index, contexts[i]);
    /* Likewise in rows, while all columns are inside. */
    float columns[4 * W], highs[W];
    int32_t none[W], indices[W];
    for (int k = 0; k < 4 * W; k++) columns[k] = (float)k;
    for (int k = 0; k < W; k++) highs[k] = -INFINITY, none[k] = -1;
    d = (lw_pool2d_desc){1, 1, 4, W, 2, 1, 1, 1, 1, 0, 5, 1, 0, 0};
    assert_int_equal(lw_max_pool2d(contexts[i], &d, columns, y, indices), LW_OK);
    expect("max_pool2d of padding rows", W, highs, y, contexts[i]);
    expect_index("max_pool2d of padding rows", W, none, indices, contexts[i]);
  }
}

static void test_rows_with_nan_and_infinities(void **state) {
  enum { C = 37 };
  float x[C], y[C], all_nan[C];
  (void)state;
  for (int k = 0; k < C; k++) all_nan[k] = NAN;
  for (int i = 0; i < context_count; i++) {
    static const float poisons[] = {NAN, INFINITY};
    for (int at = 0; at < C; at++) /* one of them anywhere makes the row NaN */
      for (int p = 0; p < 2; p++) {
        for (int k = 0; k < C; k++) x[k] = (float)(k % 5);
        x[at] = poisons[p];
        /* Of +inf, the other elements are exp(-inf) / NaN and (-inf) - NaN. */
        assert_int_equal(lw_softmax(contexts[i], 1, C, x, y), LW_OK);
        expect("softmax", C, all_nan, y, contexts[i]);
        assert_int_equal(lw_log_softmax(contexts[i], 1, C, x, y), LW_OK);
        expect("log_softmax", C, all_nan, y, contexts[i]);
      }
    for (int k = 0; k < C; k++) x[k] = -INFINITY;
    assert_int_equal(lw_softmax(contexts[i], 1, C, x, y), LW_OK);
    expect("softmax of -inf", C, all_nan, y, contexts[i]);
    /* Four zeros among -inf. */
    float quarters[C] = {0};
    for (int k = 0; k < 4; k++) x[9 * k] = k % 2 ? -0.0f : 0.0f, quarters[9 * k] = 0.25f;
    assert_int_equal(lw_softmax(contexts[i], 1, C, x, y), LW_OK);
    expect("softmax among -inf", C, quarters, y, contexts[i]);
  }
}

/* The maximum is +0 or -0, depending on the order in which it was looked for: no result may tell. */
static void test_rows_with_a_zero_maximum(void **state) {
  enum { MOST = 50 };
  static const float values[] = {0.0f, -0.0f, -0.0f, -1.0f, -0x1p-149f};
  kit_random r = {17};
  (void)state;
  for (int round = 0; round < 2000; round++) {
    const int64_t c = kit_between(&r, 1, MOST);
    float x[MOST], y[MOST], expected[MOST];
    for (int64_t k = 0; k < c; k++) x[k] = values[kit_between(&r, 0, 4)];
    for (int op = 0; op < 2; op++) {
      (op ? ref_log_softmax : ref_softmax)(1, c, x, expected);
      for (int i = 0; i < context_count; i++) {
        assert_int_equal((op ? lw_log_softmax : lw_softmax)(contexts[i], 1, c, x, y), LW_OK);
        expect(op ? "log_softmax" : "softmax", c, expected, y, contexts[i]);
      }
    }
  }
}

static void test_topk_order(void **state) {
  static const float x[8] = {1, NAN, -0.0f, 7, INFINITY, 7, NAN, 0.0f};
  static const float expected[8] = {NAN, NAN, INFINITY, 7, 7, 1, -0.0f, 0.0f};
  static const int32_t positions[8] = {1, 6, 4, 3, 5, 0, 2, 7};
  (void)state;
  for (int i = 0; i < context_count; i++)
    for (int64_t k = 1; k <= 8; k++) {
      float y[8];
      int32_t index[8];
      assert_int_equal(lw_topk(contexts[i], 1, 8, k, x, y, index), LW_OK);
      expect("topk", k, expected, y, contexts[i]);
      expect_index("topk", k, positions, index, contexts[i]);
    }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pool2d_output),
      cmocka_unit_test(test_avg_pool2d_divisor),
      cmocka_unit_test(test_max_pool2d_index),
      cmocka_unit_test(test_rows_with_nan_and_infinities),
      cmocka_unit_test(test_rows_with_a_zero_maximum),
      cmocka_unit_test(test_topk_order),
  };
  return cmocka_run_group_tests_name("forward", tests, setup, teardown);
}
