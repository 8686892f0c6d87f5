/* SPDX-License-Identifier: Apache-2.0
 * Scratch of resize_bilinear: what each output column reads, then the rows between the two passes. */
#ifndef LANEWISE_SIMD_RESIZE_TABLES_H
#define LANEWISE_SIMD_RESIZE_TABLES_H

#include "simd/kernels.h"

/* Column o (padded to whole vectors) reads x[index[k*columns + o]], k = 0..taps-1, with weight[k*columns + o]; only its first count[o] taps
 * are valid, the others repeat a valid index. Without antialias: taps = 2, weight[o] is t. */
typedef struct resize_tables {
  int64_t columns, taps;
  int32_t *index;
  float *weight, *count;
  float *rows; /* [n*c][ih][columns] */
} resize_tables;

/* Where the parts of `scratch` are; the same for everyone who asks. */
resize_tables lw_resize_tables(const lw_resize_desc *desc, char *scratch);
/* Fills index, weight and count. */
void lw_resize_tables_fill(const lw_resize_desc *desc, char *scratch);

#endif
