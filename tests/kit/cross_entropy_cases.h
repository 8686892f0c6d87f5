/* SPDX-License-Identifier: Apache-2.0
 * What softmax_cross_entropy and its gradient share: cases, tensors, and the row's exponentials followed with their errors. */
#ifndef LANEWISE_TESTS_KIT_CROSS_ENTROPY_CASES_H
#define LANEWISE_TESTS_KIT_CROSS_ENTROPY_CASES_H

#include <stdlib.h>
#include "tests/kit/rounded.h"

enum { X, LABELS, CLASS_WEIGHTS, OUT };

#define SHAPE(n_, c_) .of.cross_entropy.n = n_, .of.cross_entropy.c = c_
#define SUM           .of.cross_entropy.reduction = LW_REDUCTION_SUM
#define SMOOTH(eps)   .of.cross_entropy.label_smoothing = eps
#define IGNORE(label) .of.cross_entropy.has_ignore_index = 1, .of.cross_entropy.ignore_index = label
#define WEIGHTS       .class_weights = 1
/* Rows around vectors and around the 16 partial sums. The mean of no sample is NaN, which no bound can judge: golden vectors do.
 */
static const kit_case cases[] = {
    {"1x1", SHAPE(1, 1)},
    {"5x1-smooth", SHAPE(5, 1), SMOOTH(0.1f)},
    {"7x2", SHAPE(7, 2)},
    {"9x3-sum", SHAPE(9, 3), SUM},
    {"9x4-weights", SHAPE(9, 4), WEIGHTS},
    {"9x5-smooth", SHAPE(9, 5), SMOOTH(0.25f)},
    {"6x7-ignore", SHAPE(6, 7), IGNORE(-100)},
    {"6x8-everything", SHAPE(6, 8), SMOOTH(0.1f), IGNORE(3), WEIGHTS},
    {"6x9-everything-sum", SHAPE(6, 9), SUM, SMOOTH(0.3f), IGNORE(-1), WEIGHTS},
    {"5x15-weights", SHAPE(5, 15), WEIGHTS},
    {"5x16-smooth-weights", SHAPE(5, 16), SMOOTH(0.1f), WEIGHTS},
    {"5x17-smooth", SHAPE(5, 17), SMOOTH(1.0f)},
    {"3x31-smooth-weights-sum", SHAPE(3, 31), SUM, SMOOTH(0.5f), WEIGHTS},
    {"3x32", SHAPE(3, 32)},
    {"3x33-everything", SHAPE(3, 33), SMOOTH(0.2f), IGNORE(0), WEIGHTS},
    {"2x49-smooth", SHAPE(2, 49), SMOOTH(0.1f)},
    {"2x257-smooth-weights", SHAPE(2, 257), SMOOTH(0.1f), WEIGHTS},
    {"n0-sum", SHAPE(0, 10), SUM},
    {"lenet5", SHAPE(64, 10)},
    {"vgg16", SHAPE(4, 1000)},
    {"vgg16-smooth", SHAPE(4, 1000), SMOOTH(0.1f)},
};

static void random_case(kit_random *r, kit_case *c) {
  lw_cross_entropy_desc *d = &c->of.cross_entropy;
  *d = (lw_cross_entropy_desc){
      .n = kit_between(r, 1, 20), .c = kit_between(r, 1, 120), .has_ignore_index = (int)kit_between(r, 0, 1)};
  d->reduction = kit_between(r, 0, 1) ? LW_REDUCTION_SUM : LW_REDUCTION_MEAN;
  d->label_smoothing = kit_between(r, 0, 1) ? (float)kit_uniform(r) : 0;
  d->ignore_index = (int32_t)kit_between(r, -1, d->c - 1);
  c->class_weights = (int)kit_between(r, 0, 1);
}

/* Reals differ by up to 60, so some exponentials are next to 0. */
static void inputs(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_cross_entropy_desc *d = &c->of.cross_entropy;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_2D(d->n, d->c), .range = 30, .summed = 1};
  t[LABELS] = (kit_tensor){"labels", KIT_IN, KIT_I32, KIT_1D(d->n)};
  t[CLASS_WEIGHTS] =
      (kit_tensor){c->class_weights ? "class_weights" : NULL, KIT_IN, KIT_F32, KIT_1D(d->c), .range = 2, .positive = 1};
}

/* One in four is ignored, but not the first. */
static void fill(const kit_case *c, kit_random *r, void *const t[]) {
  const lw_cross_entropy_desc *d = &c->of.cross_entropy;
  int32_t *labels = t[LABELS];
  for (int64_t n = 0; n < d->n; n++) {
    labels[n] = (int32_t)kit_between(r, 0, d->c - 1);
    if (d->has_ignore_index && n > 0 && kit_between(r, 0, 3) == 0) labels[n] = d->ignore_index;
    if (d->has_ignore_index && n == 0 && labels[0] == d->ignore_index) labels[0] = (int32_t)((labels[0] + 1) % d->c);
  }
}

static lw_cross_entropy_desc desc_of(const kit_case *c, const float *class_weights) {
  lw_cross_entropy_desc d = c->of.cross_entropy;
  d.class_weights = class_weights;
  return d;
}

/* The weights of a widened set as floats again, which they were; release with free. */
static float *narrowed_weights(const kit_case *c, const double *wide) {
  float *w = wide ? malloc((size_t)c->of.cross_entropy.c * sizeof *w) : NULL;
  for (int64_t i = 0; w && i < c->of.cross_entropy.c; i++) w[i] = (float)wide[i];
  return w;
}

/* A single class is certain: nothing to compute, no error. */
static double flops(const kit_case *c) { return (double)(20 * c->of.cross_entropy.n * (c->of.cross_entropy.c - 1)); }

static void prepare(kit_run *run) {
  run->args[0].cross_entropy = (lw_cross_entropy_args){
      .desc = desc_of(run->c, run->t[CLASS_WEIGHTS]), .x = run->t[X], .labels = run->t[LABELS], .out = run->t[OUT]};
}

static const char *const reductions[] = {"mean", "sum", NULL};
static const kit_parameter parameters[] = {KIT_SIZE(n, of.cross_entropy.n),
                                           KIT_SIZE(c, of.cross_entropy.c),
                                           KIT_CHOICE(reduction, of.cross_entropy.reduction, reductions),
                                           KIT_FLAG(class_weights, class_weights),
                                           KIT_REAL(label_smoothing, of.cross_entropy.label_smoothing),
                                           KIT_FLAG(has_ignore_index, of.cross_entropy.has_ignore_index),
                                           KIT_LABEL(ignore_index, of.cross_entropy.ignore_index),
                                           {0}};

/* --------------------------------------------------------------------------------------------------------------- bounds */

/* One of 16 partials and the tree, or any order. */
static inline int64_t row_additions(int64_t c, kit_order order) { return order == KIT_CHAIN ? c / 16 + 5 : c; }

static inline int ignored(const lw_cross_entropy_desc *d, int32_t label) {
  return d->has_ignore_index && label == d->ignore_index;
}

static inline rounded weight_at(const double *weights, int64_t i) { return rounded_exact(weights ? weights[i] : 1); }

static inline rounded kept_of(const lw_cross_entropy_desc *d, kit_order order) {
  return rounded_subtract(rounded_exact(1), rounded_exact((double)d->label_smoothing), order);
}
static inline rounded share_of(const lw_cross_entropy_desc *d, kit_order order) {
  return rounded_divide(rounded_exact((double)d->label_smoothing), rounded_exact((double)d->c), order);
}

static rounded divisor_of(const lw_cross_entropy_desc *d, const int32_t *labels, const double *weights) {
  rounded_sum sum = {0};
  if (d->reduction == LW_REDUCTION_SUM) return rounded_exact(1);
  for (int64_t n = 0; n < d->n; n++)
    if (!ignored(d, labels[n])) rounded_sum_add(&sum, weight_at(weights, labels[n]));
  return rounded_sum_total(&sum, d->n);
}

static double row_largest(int64_t c, const double *x) {
  double max = -INFINITY;
  for (int64_t i = 0; i < c; i++) max = fmax(max, x[i]);
  return max;
}

/* exp(x - max): the difference is rounded first and its error grows by e^error; then 1.01 ulp (ref/math.h), in any order 4 (the
 * vectors of the C library). */
static rounded exp_of(double x, double max, kit_order order) {
  const double e = exp(x - max), ulps = order == KIT_CHAIN ? 1.01 : 4;
  return (rounded){e, e * (exp(KIT_U * fabs(x - max)) * (1 + ulps * 0x1p-23) - 1) + ulps * 0x1p-149};
}

static rounded exps_of_row(int64_t c, const double *x, double max, kit_order order) {
  rounded_sum sum = {0};
  for (int64_t i = 0; i < c; i++) rounded_sum_add(&sum, exp_of(x[i], max, order));
  return rounded_sum_total(&sum, row_additions(c, order));
}

#endif
