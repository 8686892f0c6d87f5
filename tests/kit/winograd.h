/* SPDX-License-Identifier: Apache-2.0
 * Winograd's F(m x m, r x r) from its points, independent of ref/conv2d_winograd.c, and how far that can be from the truth. */
#ifndef LANEWISE_TESTS_KIT_WINOGRAD_H
#define LANEWISE_TESTS_KIT_WINOGRAD_H

#include <stdint.h>
#include "lanewise.h"

/* Y = A^T [ (G g G^T) .* (B^T d B) ] A. */
typedef struct kit_winograd {
  int m, r, t; /* t = m + r - 1 */
  double at[4][6], g[6][5], bt[6][6];
} kit_winograd;

/* m: 2 or 4; r: 3, or 5 with m = 2. */
kit_winograd kit_winograd_make(int m, int r);
/* The m of an algorithm's name, 0 if it is none of Winograd's. */
int kit_winograd_tile(const char *algorithm);

/* The transform of one channel's t x t inputs, and how far ref_winograd_input can be from it. */
typedef struct kit_winograd_input {
  double v[6][6], error[6][6];
} kit_winograd_input;
kit_winograd_input kit_winograd_transform(const kit_winograd *k, const double *d);

/* Of one tile of one output channel, with inputs v[ic], kernels g[ic][r][r] and the bias: bound[i][j], for the distance of output
 * (i, j) of ref_conv2d_winograd from the true one; infinite where an intermediate result may be too large for a float. */
void kit_winograd_bound(const kit_winograd *k, int64_t ic, const kit_winograd_input *v, const double *g, double bias,
                        double bound[4][4]);

/* The same for all outputs of a convolution; bias may be NULL. */
void kit_winograd_bounds(int m, const lw_conv2d_desc *d, int64_t oh, int64_t ow, const double *x, const double *w,
                         const double *bias, double *bounds);

#endif
