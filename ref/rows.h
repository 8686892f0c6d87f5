/* SPDX-License-Identifier: Apache-2.0
 * What softmax and log_softmax share. */
#ifndef LANEWISE_REF_ROWS_H
#define LANEWISE_REF_ROWS_H

#include "ref/ref.h"

/* Largest element, NaN if there is one: once m is NaN, only another NaN is taken. Any order gives the same results. Among numbers
 * only the sign of a zero maximum depends on it, and only in a row with zeros of both signs. There x - max changes at most from
 * +0 to -0, whose exp is 1 all the same, and log_softmax subtracts from it the log of a sum that is at least 2, which absorbs the
 * sign. */
static inline real row_max(int64_t c, const real *x) {
  real m = -INFINITY;
  for (int64_t i = 0; i < c; i++)
    if (x[i] > m || x[i] != x[i]) m = x[i];
  return m;
}

/* Sum of a row in the canonical order: element i goes to partial i mod 16, then partials are added as a tree +8, +4, +2, +1. */
typedef struct row_sum {
  real partial[16];
} row_sum;

static inline void row_sum_add(row_sum *s, int64_t i, real value) { s->partial[i % 16] += value; }

static inline real row_sum_total(row_sum s) {
  for (int distance = 8; distance >= 1; distance /= 2)
    for (int i = 0; i < distance; i++) s.partial[i] += s.partial[i + distance];
  return s.partial[0];
}

#endif
