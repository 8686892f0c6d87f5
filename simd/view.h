/* SPDX-License-Identifier: Apache-2.0
 * How kernels see an activation tensor: plain NCHW or nChw16c (blocks of 16 channels innermost), with or without a halo. */
#ifndef LANEWISE_SIMD_VIEW_H
#define LANEWISE_SIMD_VIEW_H

#include <stdint.h>
#include <string.h>

enum { LW_BLOCK = 16 }; /* channels of a block: one zmm, two ymm, four NEON registers */

/* Element (n, c, h, w) is p[n*n_stride + c/c_block*block_stride + c%c_block + h*row_stride + w*px_stride]; c_block is 1 (plain)
 * or LW_BLOCK. The memory also has `top` rows above row 0, `bottom` below row h-1 and `left`, `right` pixels beside each row,
 * which hold +0 when a convolution reads them as its padding. Whoever writes a tensor zeroes its halo (lw_view_zero_halo), since
 * workspaces keep nothing between runs. Strides count floats. */
typedef struct lw_view {
  float *p;
  int64_t n_stride, block_stride, row_stride, px_stride;
  int64_t c_block;
  int64_t h, w;
  int64_t top, left, bottom, right;
} lw_view;

/* The view on memory that starts with its halo. */
static inline lw_view lw_view_place(lw_view v, float *memory) {
  v.p = memory + v.top * v.row_stride + v.left * v.px_stride;
  return v;
}

/* The view of an image of c channels; halo: top, left, bottom, right. memory == NULL: the strides only, to be placed later. */
static inline lw_view lw_view_make(float *memory, int64_t c, int64_t h, int64_t w, int64_t c_block, const int64_t halo[4]) {
  const int64_t width = halo[1] + w + halo[3], height = halo[0] + h + halo[2];
  lw_view v = {.c_block = c_block, .h = h, .w = w, .top = halo[0], .left = halo[1], .bottom = halo[2], .right = halo[3]};
  v.px_stride = c_block;
  v.row_stride = width * c_block;
  v.block_stride = height * v.row_stride;
  v.n_stride = (c + c_block - 1) / c_block * v.block_stride;
  return memory ? lw_view_place(v, memory) : v;
}

static inline lw_view lw_view_plain(const float *memory, int64_t c, int64_t h, int64_t w) {
  return lw_view_make((float *)memory, c, h, w, 1, (const int64_t[4]){0, 0, 0, 0});
}

/* Address of pixel (h, w) of channel block b of image n. */
static inline float *lw_view_at(const lw_view *v, int64_t n, int64_t b, int64_t h, int64_t w) {
  return v->p + n * v->n_stride + b * v->block_stride + h * v->row_stride + w * v->px_stride;
}

/* Zeroes the halo that belongs to rows h0..h1-1 of one block: beside them, above row 0, below the last row. */
static inline void lw_view_zero_halo(const lw_view *v, int64_t n, int64_t b, int64_t h0, int64_t h1) {
  if (!(v->top | v->left | v->bottom | v->right)) return;
  const size_t row_bytes = (size_t)v->row_stride * sizeof(float), px = (size_t)v->px_stride * sizeof(float);
  float *first = lw_view_at(v, n, b, 0, -v->left);
  if (h0 == 0 && v->top) memset(first - v->top * v->row_stride, 0, (size_t)v->top * row_bytes);
  for (int64_t h = h0; h < h1; h++) {
    if (v->left) memset(first + h * v->row_stride, 0, (size_t)v->left * px);
    if (v->right) memset(first + h * v->row_stride + (v->left + v->w) * v->px_stride, 0, (size_t)v->right * px);
  }
  if (h1 == v->h && v->bottom) memset(first + v->h * v->row_stride, 0, (size_t)v->bottom * row_bytes);
}

#endif
