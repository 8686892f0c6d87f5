/* SPDX-License-Identifier: Apache-2.0
 * ref/conv2d_winograd.c computes what its points say, and its bound catches faults. (Kernels: test_kernels; every output against
 * its bound: test_oracle; plans of mode fast: test_fast.) */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/kit.h"
#include "tests/kit/winograd.h"

/* F(m x m, r x r). */
static const struct {
  int m, r;
  const char *algorithm;
} sizes[] = {{4, 3, "winograd4"}, {2, 3, "winograd2"}, {2, 5, "winograd2"}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* What element (k, m) of x puts into element (i, j) of l x l^T. */
static double product(const double *l, int stride, int i, int j, int k, int m) { return l[i * stride + k] * l[j * stride + m]; }

/* The transforms are linear: what they make of a tile with a single 1 says all. Inputs and outputs have coefficients of few bits:
 * no rounding, in float as in double. */
static void transforms_are_those_of_the_points(void **state) {
  (void)state;
  for (int size = 0; size < SIZES; size++) {
    const int m = sizes[size].m, r = sizes[size].r;
    const kit_winograd k = kit_winograd_make(m, r);
    const int t = k.t;
    for (int e = 0; e < t * t; e++) {
      float d[36] = {0}, s[36] = {0};
      double d64[36] = {0}, s64[36] = {0};
      d[e] = s[e] = 1;
      d64[e] = s64[e] = 1;
      ref_winograd_input(t, d);
      ref64_winograd_input(t, d64);
      ref_winograd_output(m, t, s);
      ref64_winograd_output(m, t, s64);
      for (int i = 0; i < t; i++)
        for (int j = 0; j < t; j++) {
          const double input = product(&k.bt[0][0], 6, i, j, e / t, e % t);
          assert_true(d[i * t + j] == input && d64[i * t + j] == input);
          if (i >= m || j >= m) continue;
          const double output = product(&k.at[0][0], 6, i, j, e / t, e % t);
          assert_true(s[i * t + j] == output && s64[i * t + j] == output);
        }
    }
    for (int e = 0; e < r * r; e++) {
      float g[25] = {0}, u[36];
      double g64[25] = {0}, u64[36];
      g[e] = 1;
      g64[e] = 1;
      ref_winograd_weights(m, r, g, u);
      ref64_winograd_weights(m, r, g64, u64);
      for (int i = 0; i < t * t; i++) {
        const double want = product(&k.g[0][0], 5, i / t, i % t, e / r, e % r);
        assert_true(fabs(u64[i] - want) <= 16 * 0x1p-53 * fabs(want));
        assert_true(fabs(u[i] - want) <= KIT_U * fabs(want));
      }
    }
  }
}

typedef struct layer {
  lw_conv2d_desc desc;
  float *x, *w, *bias, *y;
  double *x64, *w64, *bias64, *y64;
  int64_t count;
} layer;

static double *widen(const float *x, int64_t count) {
  double *wide = malloc((size_t)count * sizeof *wide);
  assert_non_null(wide);
  for (int64_t i = 0; i < count; i++) wide[i] = x[i];
  return wide;
}

/* Values in [-1, 1), or integers in [-4, 4). */
static float *values(int64_t count, int tensor, int integers) {
  float *x = malloc((size_t)count * sizeof *x);
  assert_non_null(x);
  lw_kaiming_uniform(5, tensor, 6, 0, count, x);
  for (int64_t i = 0; i < count && integers; i++) x[i] = floorf(4 * x[i]);
  return x;
}

static layer make_layer(int r, int integers) {
  layer l = {.desc = {.n = 2,
                      .ic = 37,
                      .ih = 15,
                      .iw = 14,
                      .oc = 5,
                      .kh = r,
                      .kw = r,
                      .stride_h = 1,
                      .stride_w = 1,
                      .pad_top = r / 2,
                      .pad_left = r / 2,
                      .pad_bottom = r / 2,
                      .pad_right = r / 2,
                      .dilation_h = 1,
                      .dilation_w = 1,
                      .groups = 1}};
  const lw_conv2d_desc *d = &l.desc;
  const int64_t inputs = d->n * d->ic * d->ih * d->iw;
  l.count = d->n * d->oc * d->ih * d->iw;
  l.x = values(inputs, 0, integers);
  l.w = values(d->oc * d->ic * r * r, 1, integers);
  l.bias = values(d->oc, 2, integers);
  l.y = values(l.count, 3, 0);
  l.x64 = widen(l.x, inputs);
  l.w64 = widen(l.w, d->oc * d->ic * r * r);
  l.bias64 = widen(l.bias, d->oc);
  l.y64 = widen(l.y, l.count);
  return l;
}

static void free_layer(layer *l) {
  void *all[] = {l->x, l->w, l->bias, l->y, l->x64, l->w64, l->bias64, l->y64};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* In double, where rounding is far below, both definitions give one answer. */
static void winograd_is_a_convolution(void **state) {
  (void)state;
  for (int size = 0; size < SIZES; size++) {
    layer l = make_layer(sizes[size].r, 0);
    double *direct = widen(l.y, l.count);
    ref64_conv2d(&l.desc, l.x64, l.w64, l.bias64, direct);
    ref64_conv2d_winograd(sizes[size].m, &l.desc, l.x64, l.w64, l.bias64, l.y64);
    for (int64_t i = 0; i < l.count; i++) assert_true(fabs(l.y64[i] - direct[i]) < 1e-12);
    free(direct);
    free_layer(&l);
  }
}

/* All of F(2x2, 3x3) is exact on small integers, as sums of products are: nothing but the order differs. The others round. */
static void integers(void **state) {
  (void)state;
  for (int size = 0; size < SIZES; size++) {
    layer l = make_layer(sizes[size].r, 1);
    float *direct = values(l.count, 3, 0);
    ref_conv2d(&l.desc, l.x, l.w, l.bias, direct);
    ref_conv2d_winograd(sizes[size].m, &l.desc, l.x, l.w, l.bias, l.y);
    int64_t equal = 0;
    for (int64_t i = 0; i < l.count; i++) equal += l.y[i] == direct[i];
    assert_true(sizes[size].m + sizes[size].r == 5 ? equal == l.count : equal < l.count);
    free(direct);
    free_layer(&l);
  }
}

/* The largest error / bound of l.y. */
static double worst_of(const layer *l, const char *algorithm) {
  const kit_op *op = kit_op_find(LW_OP_conv2d);
  const kit_case c = {.of.conv2d = l->desc, .bias = 1};
  void *const t[] = {l->x64, l->w64, l->bias64, l->y64};
  double *bound = widen(l->y, l->count), worst = 0;
  op->ref64(&c, t);
  op->fast_bound(algorithm, &c, t, bound);
  for (int64_t i = 0; i < l->count; i++) {
    const double ratio = fabs(l->y[i] - l->y64[i]) / bound[i];
    if (ratio > worst) worst = ratio;
  }
  free(bound);
  return worst;
}

/* One weight or one input is 2^-10 off, or the biases are left out. */
static void bound_catches_faults(void **state) {
  (void)state;
  for (int i = 0; i < SIZES; i++) {
    const int m = sizes[i].m;
    layer l = make_layer(sizes[i].r, 0);
    assert_int_equal(kit_winograd_tile(sizes[i].algorithm), m);
    ref_conv2d_winograd(m, &l.desc, l.x, l.w, l.bias, l.y);
    const double worst = worst_of(&l, sizes[i].algorithm);
    print_message("F(%d, %d): error / bound up to %.3g\n", m, sizes[i].r, worst);
    assert_true(worst <= 1 && worst > 1e-3);

    l.w[4] += 0x1p-10f;
    ref_conv2d_winograd(m, &l.desc, l.x, l.w, l.bias, l.y);
    assert_true(worst_of(&l, sizes[i].algorithm) > 1);
    l.w[4] -= 0x1p-10f;

    const float kept = l.x[100];
    l.x[100] += 0x1p-10f;
    ref_conv2d_winograd(m, &l.desc, l.x, l.w, l.bias, l.y);
    assert_true(worst_of(&l, sizes[i].algorithm) > 1);
    l.x[100] = kept;

    ref_conv2d_winograd(m, &l.desc, l.x, l.w, NULL, l.y);
    assert_true(worst_of(&l, sizes[i].algorithm) > 1);
    free_layer(&l);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transforms_are_those_of_the_points),
      cmocka_unit_test(winograd_is_a_convolution),
      cmocka_unit_test(integers),
      cmocka_unit_test(bound_catches_faults),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
