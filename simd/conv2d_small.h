/* SPDX-License-Identifier: Apache-2.0
 * Small convolutions: where the algorithms `columns` and `pooled` apply, and the scratch of `columns`. */
#ifndef LANEWISE_SIMD_CONV2D_SMALL_H
#define LANEWISE_SIMD_CONV2D_SMALL_H

#include "simd/kernels.h"

/* Scratch of `columns`: [ic][rows] rows of x with their padding. A row is one piece, or two if a pool is fused: its even and
 * its odd columns. A piece is a margin of zeros and then data; what is read past the data is the next margin. */
typedef struct lw_conv2d_columns {
  int64_t margin, data;               /* floats of a piece */
  int64_t row_floats, channel_floats; /* from a row to the next, from a channel to the next */
  int64_t outputs;                    /* output rows, after a fused pool, that one filling serves */
  int64_t rows;                       /* of x for them */
  size_t bytes;                       /* in all, a multiple of 64 */
} lw_conv2d_columns;
lw_conv2d_columns lw_conv2d_columns_layout(const lw_conv2d_desc *desc, int64_t oh, int64_t ow, int pool);

/* Not 0 if the algorithm can run such a convolution, whatever its speed. */
int lw_conv2d_columns_can(const lw_conv2d_desc *desc);
int lw_conv2d_pooled_can(const lw_conv2d_desc *desc, int pool);

/* The algorithm for packed weights, groups == 1: "columns", "pooled" or "direct". All give the same bits. */
const char *lw_conv2d_packed_algorithm(lw_isa isa, const lw_conv2d_desc *desc, int64_t oh, int64_t ow, int pool);
/* Not 0 if `algorithm` is one of them and can run such a convolution. */
int lw_conv2d_packed_can(const char *algorithm, const lw_conv2d_desc *desc, int pool);
/* Its bytes of scratch per part, a multiple of 64. */
size_t lw_conv2d_packed_scratch(const char *algorithm, const lw_conv2d_args *a);

#endif
