/* SPDX-License-Identifier: Apache-2.0
 * What softmax and log_softmax share: cases, and how far a row's sum of exponentials may be off. */
#ifndef LANEWISE_TESTS_KIT_ROW_CASES_H
#define LANEWISE_TESTS_KIT_ROW_CASES_H

#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_) .of.rows = {.n = n_, .c = c_}
/* Rows around vectors and around the 16 partial sums; short rows in numbers, so that specials leave some without NaN. */
static const kit_case cases[] = {
    {"1x1", SHAPE(1, 1)},   {"100x1", SHAPE(100, 1)},     {"100x2", SHAPE(100, 2)},  {"100x3", SHAPE(100, 3)},
    {"60x4", SHAPE(60, 4)}, {"60x5", SHAPE(60, 5)},       {"9x7", SHAPE(9, 7)},      {"9x8", SHAPE(9, 8)},
    {"9x9", SHAPE(9, 9)},   {"3x12", SHAPE(3, 12)},       {"3x15", SHAPE(3, 15)},    {"3x16", SHAPE(3, 16)},
    {"3x17", SHAPE(3, 17)}, {"2x20", SHAPE(2, 20)},       {"2x24", SHAPE(2, 24)},    {"2x25", SHAPE(2, 25)},
    {"2x31", SHAPE(2, 31)}, {"2x32", SHAPE(2, 32)},       {"2x33", SHAPE(2, 33)},    {"1x47", SHAPE(1, 47)},
    {"1x48", SHAPE(1, 48)}, {"1x49", SHAPE(1, 49)},       {"1x255", SHAPE(1, 255)},  {"1x257", SHAPE(1, 257)},
    {"n0", SHAPE(0, 10)},   {"1x20011", SHAPE(1, 20011)}, {"lenet5", SHAPE(64, 10)}, {"vgg16", SHAPE(2, 1000)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.rows.n = kit_between(r, 1, 20);
  c->of.rows.c = kit_between(r, 1, 120);
}

/* Reals differ by up to 120, so some exponentials are subnormal or 0. */
static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_2D(c->of.rows.n, c->of.rows.c), .range = 60};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_2D(c->of.rows.n, c->of.rows.c)};
  return 2;
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.rows.n), KIT_SIZE(c, of.rows.c), {0}};

static double flops(const kit_case *c) { return (double)(20 * c->of.rows.n * c->of.rows.c); }

static void prepare(kit_run *run) {
  run->args[0].rows = (lw_rows_args){run->c->of.rows.n, run->c->of.rows.c, run->t[X], run->t[Y]};
}

/* Units in the last place of exp and log: as ref/math.h states; in any order also those of the C library's vectors (glibc: 4). */
static inline double exp_ulps(kit_order order) { return order == KIT_CHAIN ? 1.01 : 4; }
static inline double log_ulps(kit_order order) { return order == KIT_CHAIN ? 0.84 : 4; }

/* How far a float exp(x - max) may be from e = exp(x - max): the difference is rounded first, its error grows by e^error. */
static inline double exp_error(double x, double max, double e, kit_order order) {
  const double ulps = exp_ulps(order);
  return e * (exp(KIT_U * fabs(x - max)) * (1 + ulps * 0x1p-23) - 1) + ulps * 0x1p-149;
}

typedef struct row_bound {
  double max, sum, error; /* of sum */
} row_bound;

/* A sum of c terms >= 0 through m additions each is off by at most gamma_m (Higham, 4.2): m counts one of 16 partials and the
 * tree. */
static inline row_bound bound_row(int64_t c, const double *x, kit_order order) {
  row_bound r = {.max = -INFINITY};
  for (int64_t i = 0; i < c; i++) r.max = fmax(r.max, x[i]);
  for (int64_t i = 0; i < c; i++) {
    const double e = exp(x[i] - r.max);
    r.sum += e;
    r.error += exp_error(x[i], r.max, e, order);
  }
  const double m = order == KIT_CHAIN ? (double)(c / 16 + 5) : (double)c, gamma = m * KIT_U / (1 - m * KIT_U);
  r.error += gamma * (r.sum + r.error);
  return r;
}

#endif
