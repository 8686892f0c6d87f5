/* SPDX-License-Identifier: Apache-2.0
 * Every gradient of ref64 against central differences of its forward operator in ref64. With L(x) = sum of dy * f(x), element i
 * of the gradient must be (L(x + h e_i) - L(x - h e_i)) / 2h, but for
 * - what L's own rounding brings: 2 gamma(n) * (sum of the magnitudes of all terms of L) / 2h, gamma of Higham, Accuracy and
 *   Stability of Numerical Algorithms, 2nd ed., 3.1; where f is linear that is all, so h is large there;
 * - h^2/6 * max|L'''| where it is not (tanh, the loss). */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/kit.h"

enum { MOST = 4096, ROUNDS = 25 };
static const double U = 0x1p-53;

typedef struct subject {
  const char *name;
  int64_t count;       /* elements of the point */
  double point[MOST];  /* where the gradient is taken */
  double got[MOST];    /* the gradient */
  double h, curvature; /* step, largest |L'''| */
  double roundings;    /* that a term of L goes through */
} subject;

static double dy[MOST], other[MOST], y[MOST];
static int32_t indices[MOST], labels[MOST];

static void fill(kit_random *r, double *x, int64_t count) {
  assert_in_range(count, 0, MOST);
  for (int64_t i = 0; i < count; i++) x[i] = 2 * kit_uniform(r) - 1;
}

/* L at the subject's point; *magnitude is the sum of the magnitudes of its terms. */
typedef double loss_function(const void *shape, const double *point, double *magnitude);

/* Compares the gradient with differences of `loss`; the worst error / bound. */
static void check(subject *s, const void *shape, loss_function *loss, double *worst) {
  for (int64_t i = 0; i < s->count; i++) {
    const double at = s->point[i];
    double magnitude[2];
    s->point[i] = at + s->h;
    const double above = loss(shape, s->point, &magnitude[0]);
    s->point[i] = at - s->h;
    const double below = loss(shape, s->point, &magnitude[1]);
    s->point[i] = at;
    const double difference = (above - below) / (2 * s->h), n = s->roundings + 8, gamma = n * U / (1 - n * U);
    const double bound = gamma * (magnitude[0] + magnitude[1]) / s->h + s->h * s->h / 6 * s->curvature + 0x1p-1000;
    const double error = fabs(s->got[i] - difference);
    if (!(error <= bound))
      fail_msg("%s, element %lld: gradient %.17g, difference %.17g, bound %g", s->name, (long long)i, s->got[i], difference,
               bound);
    /* What a wrong gradient would be: the bound must be far below it. */
    if (!(bound <= 1e-6 * (1 + fabs(difference)))) fail_msg("%s: the bound %g says nothing", s->name, bound);
    *worst = fmax(*worst, error / bound);
  }
}

static double dot(int64_t count, const double *a, const double *b, double *magnitude) {
  double sum = 0;
  *magnitude = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += a[i] * b[i];
    *magnitude += fabs(a[i] * b[i]);
  }
  return sum;
}

/* ------------------------------------------------------------------------------------------------------ conv2d, linear */

/* The magnitude of all terms of L: L on absolute values. */
static double *absolute(const double *x, int64_t count) {
  double *a = malloc((size_t)(count + 1) * sizeof *a);
  assert_non_null(a);
  for (int64_t i = 0; i < count; i++) a[i] = fabs(x[i]);
  return a;
}

typedef struct conv_shape {
  lw_conv2d_desc d;
  int64_t x, w, y; /* elements */
} conv_shape;

static conv_shape conv_random(kit_random *r) {
  conv_shape s;
  int64_t oh, ow;
  do {
    const int64_t groups = kit_between(r, 1, 3);
    s.d = (lw_conv2d_desc){.n = kit_between(r, 1, 3),
                           .ic = groups * kit_between(r, 1, 3),
                           .ih = kit_between(r, 1, 7),
                           .iw = kit_between(r, 1, 7),
                           .oc = groups * kit_between(r, 1, 3),
                           .kh = kit_between(r, 1, 4),
                           .kw = kit_between(r, 1, 4),
                           .stride_h = kit_between(r, 1, 3),
                           .stride_w = kit_between(r, 1, 3),
                           .pad_top = kit_between(r, 0, 3),
                           .pad_left = kit_between(r, 0, 3),
                           .pad_bottom = kit_between(r, 0, 3),
                           .pad_right = kit_between(r, 0, 3),
                           .dilation_h = kit_between(r, 1, 3),
                           .dilation_w = kit_between(r, 1, 3),
                           .groups = groups};
  } while (lw_conv2d_output(&s.d, &oh, &ow) != LW_OK);
  s.x = s.d.n * s.d.ic * s.d.ih * s.d.iw;
  s.w = s.d.oc * s.d.ic / s.d.groups * s.d.kh * s.d.kw;
  s.y = s.d.n * s.d.oc * oh * ow;
  return s;
}

/* The point is x, w or bias; `other` is what is left of x and w (x before w for the bias). */
static double conv_loss(const conv_shape *s, const double *x, const double *w, const double *bias, double *magnitude) {
  double *ax = absolute(x, s->x), *aw = absolute(w, s->w), *ab = bias ? absolute(bias, s->d.oc) : NULL, *ady = absolute(dy, s->y);
  double ignored;
  ref64_conv2d(&s->d, ax, aw, ab, y);
  *magnitude = dot(s->y, ady, y, &ignored);
  ref64_conv2d(&s->d, x, w, bias, y);
  free(ax), free(aw), free(ab), free(ady);
  return dot(s->y, dy, y, &ignored);
}
static double conv_loss_of_x(const void *s, const double *point, double *m) { return conv_loss(s, point, other, NULL, m); }
static double conv_loss_of_w(const void *s, const double *point, double *m) { return conv_loss(s, other, point, NULL, m); }
static double conv_loss_of_bias(const void *s, const double *point, double *m) {
  return conv_loss(s, other, other + ((const conv_shape *)s)->x, point, m);
}

static void test_conv2d(void **state) {
  static subject s;
  double worst = 0;
  kit_random r = {1};
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    const conv_shape shape = conv_random(&r);
    const double roundings = (double)(shape.d.ic * shape.d.kh * shape.d.kw + shape.y);
    fill(&r, dy, shape.y);

    s = (subject){.name = "conv2d_backward_data", .count = shape.x, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, shape.x);
    fill(&r, other, shape.w);
    ref64_conv2d_backward_data(&shape.d, dy, other, s.got);
    check(&s, &shape, conv_loss_of_x, &worst);

    s = (subject){.name = "conv2d_backward_weights", .count = shape.w, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, shape.w);
    fill(&r, other, shape.x);
    ref64_conv2d_backward_weights(&shape.d, 0, shape.d.oc, other, dy, s.got);
    check(&s, &shape, conv_loss_of_w, &worst);

    s = (subject){.name = "conv2d_backward_bias", .count = shape.d.oc, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, shape.d.oc);
    fill(&r, other, shape.x + shape.w);
    ref64_conv2d_backward_bias(&shape.d, 0, shape.d.oc, dy, s.got);
    check(&s, &shape, conv_loss_of_bias, &worst);
  }
  print_message("conv2d: error / bound up to %.2g\n", worst);
}

static double linear_loss(const lw_linear_desc *d, const double *x, const double *w, const double *bias, double *magnitude) {
  double *ax = absolute(x, d->n * d->in), *aw = absolute(w, d->out * d->in), *ab = bias ? absolute(bias, d->out) : NULL;
  double *ady = absolute(dy, d->n * d->out), ignored;
  ref64_linear(d, ax, aw, ab, y);
  *magnitude = dot(d->n * d->out, ady, y, &ignored);
  ref64_linear(d, x, w, bias, y);
  free(ax), free(aw), free(ab), free(ady);
  return dot(d->n * d->out, dy, y, &ignored);
}
static double linear_loss_of_x(const void *d, const double *point, double *m) { return linear_loss(d, point, other, NULL, m); }
static double linear_loss_of_w(const void *d, const double *point, double *m) { return linear_loss(d, other, point, NULL, m); }
static double linear_loss_of_bias(const void *d, const double *point, double *m) {
  const lw_linear_desc *l = d;
  return linear_loss(l, other, other + l->n * l->in, point, m);
}

static void test_linear(void **state) {
  static subject s;
  double worst = 0;
  kit_random r = {2};
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    const lw_linear_desc d = {kit_between(&r, 1, 6), kit_between(&r, 1, 12), kit_between(&r, 1, 9)};
    const double roundings = (double)(d.in + d.n * d.out);
    fill(&r, dy, d.n * d.out);

    s = (subject){.name = "linear_backward_data", .count = d.n * d.in, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, s.count);
    fill(&r, other, d.out * d.in);
    ref64_linear_backward_data(&d, dy, other, s.got);
    check(&s, &d, linear_loss_of_x, &worst);

    s = (subject){.name = "linear_backward_weights", .count = d.out * d.in, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, s.count);
    fill(&r, other, d.n * d.in);
    ref64_linear_backward_weights(&d, 0, d.out, other, dy, s.got);
    check(&s, &d, linear_loss_of_w, &worst);

    s = (subject){.name = "linear_backward_bias", .count = d.out, .h = 0.5, .roundings = roundings};
    fill(&r, s.point, s.count);
    fill(&r, other, d.n * d.in + d.out * d.in);
    ref64_linear_backward_bias(&d, 0, d.out, dy, s.got);
    check(&s, &d, linear_loss_of_bias, &worst);
  }
  print_message("linear: error / bound up to %.2g\n", worst);
}

/* ---------------------------------------------------------------------------------------------------------------- pools */

typedef struct pool_shape {
  lw_pool2d_desc d;
  int64_t x, y;
} pool_shape;

static pool_shape pool_random(kit_random *r, int64_t most_dilation) {
  pool_shape s;
  int64_t oh, ow;
  do {
    s.d = (lw_pool2d_desc){.n = kit_between(r, 1, 2),
                           .c = kit_between(r, 1, 3),
                           .ih = kit_between(r, 1, 9),
                           .iw = kit_between(r, 1, 9),
                           .kh = kit_between(r, 1, 4),
                           .kw = kit_between(r, 1, 4),
                           .stride_h = kit_between(r, 1, 4),
                           .stride_w = kit_between(r, 1, 4),
                           .dilation_h = kit_between(r, 1, most_dilation),
                           .dilation_w = kit_between(r, 1, most_dilation),
                           .ceil_mode = (int)kit_between(r, 0, 1),
                           .count_include_pad = (int)kit_between(r, 0, 1)};
    s.d.pad_h = kit_between(r, 0, s.d.kh / 2);
    s.d.pad_w = kit_between(r, 0, s.d.kw / 2);
  } while (lw_pool2d_output(&s.d, &oh, &ow) != LW_OK);
  s.x = s.d.n * s.d.c * s.d.ih * s.d.iw;
  s.y = s.d.n * s.d.c * oh * ow;
  return s;
}

static double avg_loss(const void *shape, const double *point, double *magnitude) {
  const pool_shape *s = shape;
  double *a = absolute(point, s->x), *ady = absolute(dy, s->y), ignored;
  ref64_avg_pool2d(&s->d, a, y);
  *magnitude = dot(s->y, ady, y, &ignored);
  ref64_avg_pool2d(&s->d, point, y);
  free(a), free(ady);
  return dot(s->y, dy, y, &ignored);
}

/* Windows that touch nothing but padding are -inf and do not count. */
static double max_loss(const void *shape, const double *point, double *magnitude) {
  const pool_shape *s = shape;
  ref64_max_pool2d(&s->d, point, y, NULL);
  for (int64_t i = 0; i < s->y; i++)
    if (isinf(y[i])) y[i] = 0;
  return dot(s->y, dy, y, magnitude);
}

static void test_pools(void **state) {
  static subject s;
  double worst = 0;
  kit_random r = {3};
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    const pool_shape avg = pool_random(&r, 1), max = pool_random(&r, 2);
    s = (subject){.name = "avg_pool2d_backward", .count = avg.x, .h = 0.5, .roundings = (double)(avg.d.kh * avg.d.kw + avg.y)};
    fill(&r, s.point, avg.x);
    fill(&r, dy, avg.y);
    ref64_avg_pool2d_backward(&avg.d, dy, s.got);
    check(&s, &avg, avg_loss, &worst);

    /* All values differ by at least 1, so that a step of 1/4 changes no maximum. */
    s = (subject){.name = "max_pool2d_backward", .count = max.x, .h = 0.25, .roundings = (double)max.y};
    for (int64_t i = 0; i < max.x; i++) {
      const int64_t j = kit_between(&r, 0, i);
      s.point[i] = s.point[j];
      s.point[j] = (double)(i - max.x / 2);
    }
    fill(&r, dy, max.y);
    ref64_max_pool2d(&max.d, s.point, y, indices);
    ref64_max_pool2d_backward(&max.d, indices, dy, s.got);
    check(&s, &max, max_loss, &worst);
  }
  print_message("pools: error / bound up to %.2g\n", worst);
}

/* ----------------------------------------------------------------------------------------------------------- elementwise */

static double relu_loss(const void *count, const double *point, double *m) {
  ref64_relu(*(const int64_t *)count, point, y);
  return dot(*(const int64_t *)count, dy, y, m);
}
static double tanh_loss(const void *count, const double *point, double *m) {
  ref64_tanh(*(const int64_t *)count, point, y);
  return dot(*(const int64_t *)count, dy, y, m);
}
static double dropout_loss(const void *count, const double *point, double *m) {
  ref64_dropout_train(0, *(const int64_t *)count, 0.4f, 5, 6, point, y);
  return dot(*(const int64_t *)count, dy, y, m);
}

static void test_elementwise(void **state) {
  static subject s;
  const int64_t count = 60;
  double worst = 0;
  kit_random r = {4};
  (void)state;
  fill(&r, dy, count);

  /* At least 1/2 from the kink. */
  s = (subject){.name = "relu_backward", .count = count, .h = 0.25, .roundings = (double)count};
  fill(&r, s.point, count);
  for (int64_t i = 0; i < count; i++) s.point[i] += s.point[i] < 0 ? -0.5 : 0.5;
  ref64_relu(count, s.point, y);
  ref64_relu_backward(count, y, dy, s.got);
  check(&s, &count, relu_loss, &worst);

  /* |tanh'''| <= 2 and |dy| <= 1. */
  s = (subject){.name = "tanh_backward", .count = count, .h = 1e-4, .curvature = 2, .roundings = (double)count + 4};
  fill(&r, s.point, count);
  ref64_tanh(count, s.point, y);
  ref64_tanh_backward(count, y, dy, s.got);
  check(&s, &count, tanh_loss, &worst);

  s = (subject){.name = "dropout_backward", .count = count, .h = 0.5, .roundings = (double)count + 3};
  fill(&r, s.point, count);
  ref64_dropout_train(0, count, 0.4f, 5, 6, dy, s.got);
  check(&s, &count, dropout_loss, &worst);
  print_message("elementwise: error / bound up to %.2g\n", worst);
}

/* ---------------------------------------------------------------------------------------------------------------- loss */

/* A term is a weight times logp, |logp| <= 2 max|x| + log(c), for every sample and class at most once. */
static double cross_entropy_loss(const void *desc, const double *point, double *magnitude) {
  const lw_cross_entropy_desc *d = desc;
  double loss, largest = 0;
  for (int64_t i = 0; i < d->n * d->c; i++) largest = fmax(largest, fabs(point[i]));
  ref64_softmax_cross_entropy(d, point, labels, &loss);
  *magnitude = 2 * (double)d->n * (2 * largest + log((double)d->c)) * 8;
  return loss;
}

static void test_cross_entropy(void **state) {
  static subject s;
  static float weights[16];
  double worst = 0;
  kit_random r = {5};
  (void)state;
  for (int round = 0; round < 4 * ROUNDS; round++) {
    lw_cross_entropy_desc d = {.n = kit_between(&r, 1, 6), .c = kit_between(&r, 1, 16)};
    d.reduction = round % 2 ? LW_REDUCTION_SUM : LW_REDUCTION_MEAN;
    d.class_weights = round / 2 % 2 ? weights : NULL;
    d.label_smoothing = round / 4 % 2 ? (float)kit_uniform(&r) : 0;
    d.has_ignore_index = round / 8 % 2;
    d.ignore_index = -1;
    for (int64_t i = 0; i < d.c; i++) weights[i] = (float)(0.25 + kit_uniform(&r));
    for (int64_t n = 0; n < d.n; n++)
      labels[n] = d.has_ignore_index && n > 0 && kit_between(&r, 0, 2) == 0 ? -1 : (int32_t)kit_between(&r, 0, d.c - 1);
    /* |d^3 log(sum exp) / dx^3| = p (1-p) |1-2p| <= 0.1; weights are at most 1.25, over a divisor of at least 1/4, and with
     * smoothing twice that. */
    s = (subject){.name = "softmax_cross_entropy_backward", .count = d.n * d.c, .h = 1e-4, .curvature = 0.1 * 10};
    s.roundings = (double)(d.n + 2 * d.c + 20);
    fill(&r, s.point, s.count);
    ref64_softmax_cross_entropy_backward(&d, s.point, labels, s.got);
    check(&s, &d, cross_entropy_loss, &worst);
  }
  print_message("softmax_cross_entropy: error / bound up to %.2g\n", worst);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conv2d),      cmocka_unit_test(test_linear),        cmocka_unit_test(test_pools),
      cmocka_unit_test(test_elementwise), cmocka_unit_test(test_cross_entropy),
  };
  return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
