/* SPDX-License-Identifier: Apache-2.0
 * Float computations followed in double with a bound of their error: every operation adds the errors of its operands and what
 * its own rounding may be off (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.3). In any order
 * (KIT_ANY_ORDER) a division may be a product with a reciprocal that was refined once (2 ulp), and a fused operation be two. */
#ifndef LANEWISE_TESTS_KIT_ROUNDED_H
#define LANEWISE_TESTS_KIT_ROUNDED_H

#include "tests/kit/kit.h"

typedef struct rounded {
  double value, error;
} rounded;

static inline rounded rounded_exact(double value) { return (rounded){value, 0}; }

static inline rounded rounded_once(double value, double error, kit_order order) {
  const double u = order == KIT_CHAIN ? KIT_U : 4 * KIT_U;
  return (rounded){value, error + u * (fabs(value) + error) + 0x1p-149};
}

static inline double product_error(rounded a, rounded b) {
  return fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error;
}

static inline rounded rounded_subtract(rounded a, rounded b, kit_order order) {
  return rounded_once(a.value - b.value, a.error + b.error, order);
}

static inline rounded rounded_multiply(rounded a, rounded b, kit_order order) {
  return rounded_once(a.value * b.value, product_error(a, b), order);
}

static inline rounded rounded_fma(rounded a, rounded b, rounded c, kit_order order) {
  const double unfused = order == KIT_CHAIN ? 0 : KIT_U * fabs(a.value * b.value);
  return rounded_once(a.value * b.value + c.value, product_error(a, b) + c.error + unfused, order);
}

static inline rounded rounded_divide(rounded a, rounded b, kit_order order) {
  const double value = a.value / b.value, least = fabs(b.value) - b.error;
  return least > 0 ? rounded_once(value, (a.error + fabs(value) * b.error) / least, order) : (rounded){value, INFINITY};
}

static inline rounded rounded_negate(rounded a) { return (rounded){-a.value, a.error}; }

/* A sum in which a term goes through at most `additions` of them (gamma_n; Higham, 4.2). */
typedef struct rounded_sum {
  double value, absolute, error;
} rounded_sum;

static inline void rounded_sum_add(rounded_sum *s, rounded term) {
  s->value += term.value;
  s->absolute += fabs(term.value);
  s->error += term.error;
}

static inline rounded rounded_sum_total(const rounded_sum *s, int64_t additions) {
  const double n = (double)additions, gamma = n * KIT_U / (1 - n * KIT_U);
  return (rounded){s->value, s->error + gamma * (s->absolute + s->error)};
}

/* 1e-6: the double arithmetic of the bound itself. */
static inline double rounded_bound(rounded a) { return (1 + 1e-6) * a.error; }

#endif
