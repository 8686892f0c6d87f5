/* SPDX-License-Identifier: Apache-2.0
 * The statistics of `lanewise compare`. */
#ifndef LANEWISE_CLI_STATS_H
#define LANEWISE_CLI_STATS_H

#include <stddef.h>

/* The x with P(T <= x) = p for Student's t with nu > 0 degrees of freedom (any real number), 0.5 <= p < 1. */
double stats_t_quantile(double p, double nu);

/* How much longer b takes than a. */
typedef struct stats_ratio {
  double ratio, low, high; /* b/a, and the ends of its confidence interval */
  double nu, t;            /* degrees of freedom, and the quantile that was used; 0 if no time varies */
} stats_ratio;

/* Times vary by factors rather than by differences, so their logarithms are compared: with means m, variances s^2 and counts n of
 * the logarithms, ln(b/a) lies in (m_b - m_a) +- t * se, se^2 = s_a^2/n_a + s_b^2/n_b, t the quantile of (1 + confidence)/2 with
 * nu = se^4 / ((s_a^2/n_a)^2/(n_a-1) + (s_b^2/n_b)^2/(n_b-1)) degrees of freedom: Welch, The generalization of "Student's"
 * problem when several different population variances are involved, Biometrika 34 (1947). All times > 0, counts >= 2. */
stats_ratio stats_compare(const double *a, size_t a_count, const double *b, size_t b_count, double confidence);

/* Geometric mean. */
double stats_mean_time(const double *times, size_t count);

#endif
