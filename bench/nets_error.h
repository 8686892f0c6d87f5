/* SPDX-License-Identifier: Apache-2.0
 * Whether a foreign pass of a seeded network may be what the network answers.
 *
 * A bound that holds in the worst case says nothing of a whole pass: over VGG16's 16 layers of sums it allows 1e20 times the
 * outputs. But seeded weights have random signs, and with them the variance of rounding errors can be followed (the idea of
 * Higham, Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41 (2019)). A sum of k products
 * p_i, in any order, rounds its partial sums s_t, each by at most u |s_t|. As the signs are random, the mean of s_t^2 is the sum
 * of its p_i^2, so that the variance of the error is at most u^2 k sum p_i^2. Errors of the inputs arrive with w^2:
 *
 *   v_out = sum over i of w_i^2 (v_i + k u^2 x_i^2)
 *
 * ReLU and max pooling bring no two numbers further apart. Two passes differ by twice the variance. That a right pass is more
 * than NETS_ERROR_DEVIATIONS standard deviations away has a chance of less than 1e-14 for each output; a wrong kernel is, as soon
 * as it changes outputs by some 1e-4 of their size. */
#ifndef LANEWISE_BENCH_NETS_ERROR_H
#define LANEWISE_BENCH_NETS_ERROR_H

#include "lanewise.h"

enum { NETS_ERROR_DEVIATIONS = 8 };

/* tensors: the parameters, seeded. x: n images. variance[n][outputs]: of the difference of two passes. NULL, or why not. */
const char *nets_error_variance(const lw_net *net, const float *const *tensors, int64_t n, const float *x, float *variance);

/* The largest |y - expected| over NETS_ERROR_DEVIATIONS standard deviations; NaN if an output is not finite. count: outputs; the
 * variances of the first `known` of them are given, and repeat. */
double nets_error_worst(const float *y, const float *expected, int64_t count, const float *variance, int64_t known);

#endif
