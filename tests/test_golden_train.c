/* SPDX-License-Identifier: Apache-2.0
 * Gradients, loss and weight update against PyTorch in float64: ref64 on every case of data/golden/train.txt, as golden_check.h
 * explains. */
#include "tests/golden_check.h"

/* ------------------------------------------------------------------------------------------------------------ operators */

#define RUN(op) static void run_##op(const int64_t *i, double *const in[], double *y, int32_t *index)
#define UNUSED  (void)index

static lw_conv2d_desc conv2d(const int64_t *i) {
  return (lw_conv2d_desc){i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9], i[10], i[11], i[12], i[13], i[14], i[15]};
}
RUN(conv2d_backward_data) {
  const lw_conv2d_desc d = conv2d(i);
  UNUSED, ref64_conv2d_backward_data(&d, in[0], in[1], y);
}
RUN(conv2d_backward_weights) {
  const lw_conv2d_desc d = conv2d(i);
  UNUSED, ref64_conv2d_backward_weights(&d, 0, d.oc, in[0], in[1], y);
}
RUN(conv2d_backward_bias) {
  const lw_conv2d_desc d = conv2d(i);
  UNUSED, ref64_conv2d_backward_bias(&d, 0, d.oc, in[0], y);
}
RUN(linear_backward_data) {
  const lw_linear_desc d = {i[0], i[1], i[2]};
  UNUSED, ref64_linear_backward_data(&d, in[0], in[1], y);
}
RUN(linear_backward_weights) {
  const lw_linear_desc d = {i[0], i[1], i[2]};
  UNUSED, ref64_linear_backward_weights(&d, 0, d.out, in[0], in[1], y);
}
RUN(linear_backward_bias) {
  const lw_linear_desc d = {i[0], i[1], i[2]};
  UNUSED, ref64_linear_backward_bias(&d, 0, d.out, in[0], y);
}
RUN(relu_backward) { UNUSED, ref64_relu_backward(i[0], in[0], in[1], y); }
RUN(tanh_backward) { UNUSED, ref64_tanh_backward(i[0], in[0], in[1], y); }
static lw_pool2d_desc pool2d(const int64_t *i) {
  return (lw_pool2d_desc){i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9], i[10], i[11], i[12] != 0, i[13] != 0};
}
enum { MOST = 512 }; /* outputs of a pool, labels, classes */
RUN(max_pool2d_backward) {
  const lw_pool2d_desc d = pool2d(i);
  int32_t taken[MOST];
  int64_t oh, ow;
  assert_int_equal(lw_pool2d_output(&d, &oh, &ow), LW_OK);
  assert_in_range(d.n * d.c * oh * ow, 1, MOST);
  for (int64_t k = 0; k < d.n * d.c * oh * ow; k++) taken[k] = (int32_t)in[0][k];
  UNUSED, ref64_max_pool2d_backward(&d, taken, in[1], y);
}
RUN(avg_pool2d_backward) {
  const lw_pool2d_desc d = pool2d(i);
  UNUSED, ref64_avg_pool2d_backward(&d, in[0], y);
}

static void run_cross_entropy(const int64_t *i, double *const in[], double *loss, double *dx) {
  lw_cross_entropy_desc d = {.n = i[0], .c = i[1], .reduction = (lw_reduction)i[2], .has_ignore_index = i[3] != 0};
  int32_t labels[MOST];
  float weights[MOST];
  assert_in_range(d.n, 1, MOST);
  assert_in_range(d.c, 1, MOST);
  for (int64_t n = 0; n < d.n; n++) labels[n] = (int32_t)in[1][n];
  for (int64_t k = 0; in[2] && k < d.c; k++) weights[k] = (float)in[2][k];
  d.class_weights = in[2] ? weights : NULL;
  d.label_smoothing = (float)in[3][0];
  d.ignore_index = (int32_t)i[4];
  if (loss) ref64_softmax_cross_entropy(&d, in[0], labels, loss);
  if (dx) ref64_softmax_cross_entropy_backward(&d, in[0], labels, dx);
}
RUN(softmax_cross_entropy) { UNUSED, run_cross_entropy(i, in, y, NULL); }
RUN(softmax_cross_entropy_backward) { UNUSED, run_cross_entropy(i, in, NULL, y); }

/* ints: count, steps, nesterov; inputs: w, the gradients of all steps, {lr, momentum, dampening, weight_decay}. */
RUN(sgd) {
  const double *o = in[2];
  const lw_sgd_options options = {(float)o[0], (float)o[1], (float)o[2], (float)o[3], i[2] != 0};
  memcpy(y, in[0], (size_t)i[0] * sizeof *y);
  for (int64_t step = 0; step < i[1]; step++) ref64_sgd(&options, step == 0, i[0], y, in[1] + step * i[0], y + i[0], y, y + i[0]);
  UNUSED;
}
/* ints: count, seed, stream; inputs: x, {probability}. */
RUN(dropout_train) { UNUSED, ref64_dropout_train(0, i[0], (float)in[1][0], (uint64_t)i[1], (uint64_t)i[2], in[0], y); }

/* --------------------------------------------------------------------------------------------------------------- bounds */

static double bound_conv2d_backward_data(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[4] / c->ints[15] * c->ints[5] * c->ints[6], terms);
}
static int64_t images_and_pixels(const golden_case *c) {
  const lw_conv2d_desc d = conv2d(c->ints);
  int64_t oh = 0, ow = 0;
  assert_int_equal(lw_conv2d_output(&d, &oh, &ow), LW_OK);
  return d.n * oh * ow;
}
static double bound_conv2d_sums(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(images_and_pixels(c), terms);
}
static double bound_linear_backward_data(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[2], terms);
}
static double bound_linear_sums(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[0], terms);
}

static double largest(const golden_case *c, int input) {
  double m = 0;
  for (int64_t k = 0; k < c->input_count[input]; k++) m = fmax(m, fabs(c->input[input][k]));
  return m;
}
/* |y| <= sqrt(6) here (random values), so that 1 - y*y is off by at most 6 u + 5 u on a side that rounds both, then the product.
 */
static double bound_tanh_backward(const golden_case *c, double expected, double terms) {
  (void)terms;
  const double y = largest(c, 0);
  return 2 * U * ((2 * y * y + 1) * largest(c, 1) + 2 * fabs(expected));
}
/* Every window of a position brings one addition; for the average also a division, in PyTorch's order of operations. */
static double bound_pool(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[4] * c->ints[5] + 1, terms);
}

/* What a sample's loss is multiplied by at most, and the sum over samples of that: PyTorch may divide before or after it. */
static double weight_over_divisor(const golden_case *c) {
  const double most = c->input[2] ? largest(c, 2) : 1;
  double divisor = 0;
  for (int64_t n = 0; n < c->ints[0]; n++) {
    const int64_t label = (int64_t)c->input[1][n];
    if (!c->ints[3] || label != c->ints[4]) divisor += c->input[2] ? c->input[2][label] : 1;
  }
  return most / (c->ints[2] || divisor == 0 ? 1 : divisor); /* all ignored: NaN or 0, whatever the bound */
}
/* logp is at most 2 max|x| + log(c) in magnitude. Its error: that of a sum of c exponentials, then 4 u of itself; a loss goes
 * through sums over c and n and a few products. */
static double bound_cross_entropy(const golden_case *c, double expected, double terms) {
  (void)expected, (void)terms;
  const double n = (double)c->ints[0], classes = (double)c->ints[1], logp = 2 * largest(c, 0) + log(classes);
  const double of_logp = gamma_of(classes + 6) + 4 * U * logp;
  return 2 * n * weight_over_divisor(c) * (of_logp + gamma_of(classes + n + 8) * logp);
}
/* The parts of a gradient are at most w[t] + eps * W/c <= 2 of the largest weight; p is off by gamma(c + 6). */
static double bound_cross_entropy_backward(const golden_case *c, double expected, double terms) {
  (void)expected, (void)terms;
  return 2 * gamma_of((double)(2 * c->ints[1] + c->ints[0] + 16)) * 4 * weight_over_divisor(c);
}
/* Up to three steps with options below 1: every value stays below 8 (max|w| + max|g|) and is rounded six times per step. */
static double bound_sgd(const golden_case *c, double expected, double terms) {
  (void)expected, (void)terms;
  assert_in_range(c->ints[1], 1, 3);
  return 2 * gamma_of(6.0 * (double)c->ints[1]) * 8 * (largest(c, 0) + largest(c, 1));
}
/* 1 - p, its inverse, a product; or a division by it. */
static double bound_dropout(const golden_case *c, double expected, double terms) {
  (void)c, (void)terms;
  return 2 * gamma_of(3) * fabs(expected);
}

static const golden_op ops[] = {
    {"conv2d_backward_data", 16, 2, run_conv2d_backward_data, bound_conv2d_backward_data, 0},
    {"conv2d_backward_weights", 16, 2, run_conv2d_backward_weights, bound_conv2d_sums, 0},
    {"conv2d_backward_bias", 16, 1, run_conv2d_backward_bias, bound_conv2d_sums, 0},
    {"linear_backward_data", 3, 2, run_linear_backward_data, bound_linear_backward_data, 0},
    {"linear_backward_weights", 3, 2, run_linear_backward_weights, bound_linear_sums, 0},
    {"linear_backward_bias", 3, 1, run_linear_backward_bias, bound_linear_sums, 0},
    {"relu_backward", 1, 2, run_relu_backward, NULL, 0},
    {"tanh_backward", 1, 2, run_tanh_backward, bound_tanh_backward, 1},
    {"max_pool2d_backward", 14, 2, run_max_pool2d_backward, bound_pool, 0},
    {"avg_pool2d_backward", 14, 1, run_avg_pool2d_backward, bound_pool, 0},
    {"softmax_cross_entropy", 5, 4, run_softmax_cross_entropy, bound_cross_entropy, 1},
    {"softmax_cross_entropy_backward", 5, 4, run_softmax_cross_entropy_backward, bound_cross_entropy_backward, 1},
    {"sgd", 3, 3, run_sgd, bound_sgd, 1},
    {"dropout_train", 3, 2, run_dropout_train, bound_dropout, 1},
};
enum { OPS = sizeof ops / sizeof *ops };

/* --------------------------------------------------------------------------------------------------------------- tests */

static void test_operator(void **state) { check_operator(GOLDEN_TRAIN, *state); }

static void every_case_has_its_operator(void **state) {
  (void)state;
  check_names(GOLDEN_TRAIN, ops, OPS);
}

int main(void) {
  struct CMUnitTest tests[1 + OPS] = {cmocka_unit_test(every_case_has_its_operator)};
  for (int k = 0; k < OPS; k++) tests[1 + k] = (struct CMUnitTest){ops[k].name, test_operator, NULL, NULL, (void *)&ops[k]};
  return _cmocka_run_group_tests("golden_train", tests, 1 + OPS, NULL, NULL);
}
