/* SPDX-License-Identifier: Apache-2.0
 * What the outputs of resize_bilinear read: positions and weights of ref/resize_bilinear.h, computed once per call. */
#ifndef LANEWISE_SIMD_RESIZE_TABLES_H
#define LANEWISE_SIMD_RESIZE_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include "lanewise.h"
#include "simd/view.h"

/* Column o (padded to whole blocks of LW_BLOCK by repeating the last) reads x[index[k*columns + o]], k = 0..taps-1, with
 * weight[k*columns + o]. With antialias only its first count[o] taps are valid, the others repeat a valid index; in each block
 * all lanes have the first sure[o / LW_BLOCK] taps and none has more than most[o / LW_BLOCK]. Output row o reads source rows
 * row_first[o] .. row_first[o] + row_count[o] - 1 with row_weight[o*row_taps + k]. Without antialias taps = row_taps = 2 and
 * weight[o], row_weight[2*o] are t; where there is no second source, index repeats the first and row_count is 1. */
typedef struct lw_resize_tables {
  int64_t columns, taps, row_taps;
  int32_t *index, *sure, *most, *row_first, *row_count;
  float *weight, *count, *row_weight;
  size_t bytes; /* of all of these */
} lw_resize_tables;

/* Sizes only, for memory of `bytes`. iw, ow, ih, oh < 2^31; iw <= 2^24 with antialias (`count` is exact up to there). */
lw_resize_tables lw_resize_tables_size(const lw_resize_desc *desc);
/* Fills `memory` (4-byte aligned) and points into it. */
void lw_resize_tables_fill(lw_resize_tables *tables, const lw_resize_desc *desc, char *memory);
/* Bytes of scratch per part, a multiple of 64: the source rows that one output row reads. */
static inline size_t lw_resize_scratch(const lw_resize_tables *t) { return (size_t)(t->row_taps * t->columns) * sizeof(float); }

#endif
