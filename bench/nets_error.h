/* SPDX-License-Identifier: Apache-2.0
 * Errors of whole passes of the seeded networks.
 *
 * Of a foreign pass only the outputs are seen. A bound that holds in the worst case (tests/kit/op_net.c) says nothing of a deep
 * network on dense weights: over VGG16's 16 layers of sums it allows many powers of ten more than the outputs. But seeded weights
 * have random signs, and with them the variance of rounding errors can be followed (the idea of Higham, Mary, A new approach to
 * probabilistic rounding error analysis, SIAM J. Sci. Comput. 41 (2019)): a model, no proof. A sum of k products p_i, in any
 * order, rounds its partial sums s_t, each by at most u |s_t|. As the signs are random, the mean of s_t^2 is at most the sum of
 * p_i^2, so that the variance of the error is at most u^2 k sum p_i^2. Errors of the inputs, taken to be independent, arrive with
 * w^2:
 *
 *   v_out = sum over i of w_i^2 (v_i + k u^2 x_i^2)
 *
 * ReLU and max pooling bring no two numbers further apart. Two passes differ by twice the variance. That a right pass is more
 * than NETS_ERROR_DEVIATIONS standard deviations away has then a chance of less than 1e-14 for each output. Those are 2e-5 of the
 * outputs' root mean square on LeNet-5 and 2e-4 on VGG16, so that a wrong kernel is seen; oneDNN, OpenBLAS and XNNPACK stay below
 * a tenth of it. */
#ifndef LANEWISE_BENCH_NETS_ERROR_H
#define LANEWISE_BENCH_NETS_ERROR_H

#include "lanewise.h"

enum { NETS_ERROR_DEVIATIONS = 8 };

/* tensors: the parameters, seeded. x: n images. variance[n][outputs]: of the difference of two passes. NULL, or why not. */
const char *nets_error_variance(const lw_net *net, const float *const *tensors, int64_t n, const float *x, float *variance);

/* The largest |y - expected| over NETS_ERROR_DEVIATIONS standard deviations; NaN if an output is not finite. count: outputs; the
 * variances of the first `known` of them are given, and repeat. */
double nets_error_worst(const float *y, const float *expected, int64_t count, const float *variance, int64_t known);

/* Of Lanewise's own passes every layer is seen: the largest error / bound of the layers first..last, each on its own input, by
 * the running bound of its chains and the bound of Winograd's algorithms; large layers on some outputs (pass_judge). On the first
 * sample image, worked out once for a network and mode, whose bits are the same everywhere. Negative: unknown. */
double nets_error_of_layers(const lw_net *net, lw_mode mode, size_t first, size_t last);
double nets_error_of_pass(const lw_net *net, lw_mode mode);

#endif
