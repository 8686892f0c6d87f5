/* SPDX-License-Identifier: Apache-2.0
 * Layout changes: weights into panels, activations between views. Values are moved, never computed. */
#include "simd/kernels.h"

typedef float four __attribute__((vector_size(16)));

/* to[c * to_stride + r] = from[r * from_stride + c] for r, c in 0..3. */
static inline void transpose_4x4(int64_t from_stride, const float *from, int64_t to_stride, float *to) {
  four a, b, c, d;
  memcpy(&a, from, sizeof a);
  memcpy(&b, from + from_stride, sizeof b);
  memcpy(&c, from + 2 * from_stride, sizeof c);
  memcpy(&d, from + 3 * from_stride, sizeof d);
  const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const four columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; i++) memcpy(to + i * to_stride, &columns[i], sizeof columns[i]);
}

/* Of 16 rows of `count` values that lie `plain_stride` apart, and the same values as `count` columns of 16: to columns or back. A
 * cache line of each row at a time: rows that are a power of two apart share a cache set and would push each other out. */
static inline void to_columns(int64_t count, int64_t plain_stride, const float *rows, int64_t column_stride, float *columns) {
  int64_t i = 0;
  for (int64_t next; count - i >= 4; i = next) {
    next = count - i < 16 ? i + (count - i) / 4 * 4 : i + 16;
    for (int64_t row = 0; row < LW_BLOCK; row += 4)
      for (int64_t c = i; c < next; c += 4)
        transpose_4x4(plain_stride, rows + row * plain_stride + c, column_stride, columns + c * column_stride + row);
  }
  for (; i < count; i++)
    for (int64_t row = 0; row < LW_BLOCK; row++) columns[i * column_stride + row] = rows[row * plain_stride + i];
}
static inline void from_columns(int64_t count, const float *columns, int64_t plain_stride, float *rows) {
  int64_t i = 0;
  for (int64_t next; count - i >= 4; i = next) {
    next = count - i < 16 ? i + (count - i) / 4 * 4 : i + 16;
    for (int64_t row = 0; row < LW_BLOCK; row += 4)
      for (int64_t c = i; c < next; c += 4)
        transpose_4x4(LW_BLOCK, columns + c * LW_BLOCK + row, plain_stride, rows + row * plain_stride + c);
  }
  for (; i < count; i++)
    for (int64_t row = 0; row < LW_BLOCK; row++) rows[row * plain_stride + i] = columns[i * LW_BLOCK + row];
}

void lw_pack_panel(int64_t lanes, int64_t stride, int64_t count, const float *w, float *panel) {
  if (lanes >= LW_BLOCK) {
    to_columns(count, stride, w, LW_BLOCK, panel);
    return;
  }
  for (int64_t i = 0; i < count; i++)
    for (int64_t lane = 0; lane < LW_BLOCK; lane++) panel[i * LW_BLOCK + lane] = lane < lanes ? w[lane * stride + i] : 0;
}

/* The way back. */
static void unpack_panel(int64_t lanes, int64_t stride, int64_t count, const float *panel, float *w) {
  if (lanes >= LW_BLOCK) {
    from_columns(count, panel, stride, w);
    return;
  }
  for (int64_t lane = 0; lane < lanes; lane++)
    for (int64_t i = 0; i < count; i++) w[lane * stride + i] = panel[i * LW_BLOCK + lane];
}

void lw_pack_weights(int64_t oc, int64_t k, int64_t first, int64_t last, const float *w, float *packed) {
  for (int64_t i = 0; i < last - first; i++)
    lw_pack_panel(oc - (first + i) * LW_BLOCK, k, k, w + i * LW_BLOCK * k, packed + i * LW_BLOCK * k);
}

void lw_unpack_weights(int64_t oc, int64_t k, int64_t first, int64_t last, const float *packed, float *w) {
  for (int64_t panel = first; panel < last; panel++)
    unpack_panel(oc - panel * LW_BLOCK, k, k, packed + panel * k * LW_BLOCK, w + panel * LW_BLOCK * k);
}

void lw_pack_turned(const lw_conv2d_desc *d, int64_t first, int64_t last, const float *w, float *packed) {
  const int64_t kernel = d->kh * d->kw;
  for (int64_t panel = first; panel < last; panel++) {
    const int64_t lanes = d->ic - panel * LW_BLOCK;
    for (int64_t oc = 0; oc < d->oc; oc++) {
      const float *from = w + (oc * d->ic + panel * LW_BLOCK) * kernel;
      float *end = packed + ((panel * d->oc + oc + 1) * kernel - 1) * LW_BLOCK;
      if (lanes >= LW_BLOCK) {
        to_columns(kernel, kernel, from, -LW_BLOCK, end);
        continue;
      }
      for (int64_t k = 0; k < kernel; k++)
        for (int64_t lane = 0; lane < LW_BLOCK; lane++) end[lane - k * LW_BLOCK] = lane < lanes ? from[lane * kernel + k] : 0;
    }
  }
}

/* Row h of 16 channels, or what is left of them; missing channels of a block are +0. */
static void reorder_row(const lw_reorder_args *a, int64_t n, int64_t group, int64_t h) {
  const lw_view *x = &a->x, *y = &a->y;
  const int64_t first = group * LW_BLOCK, count = a->c - first < LW_BLOCK ? a->c - first : LW_BLOCK;
  const float *from = lw_view_at(x, n, first / x->c_block, h, 0);
  float *to = lw_view_at(y, n, first / y->c_block, h, 0);
  if (x->c_block == 1 && y->c_block == 1) {
    for (int64_t c = 0; c < count; c++) memcpy(to + c * y->block_stride, from + c * x->block_stride, (size_t)y->w * sizeof *to);
  } else if (x->c_block == y->c_block) {
    memcpy(to, from, (size_t)(y->w * LW_BLOCK) * sizeof *to);
    for (int64_t c = count; c < LW_BLOCK; c++)
      for (int64_t w = 0; w < y->w; w++) to[w * LW_BLOCK + c] = 0;
  } else if (y->c_block == LW_BLOCK) {
    lw_pack_panel(count, x->block_stride, y->w, from, to);
  } else {
    unpack_panel(count, y->block_stride, y->w, from, to);
  }
  for (int64_t c = first; c < first + count; c += y->c_block) lw_view_zero_halo(y, n, c / y->c_block, h, h + 1);
}

static void reorder_samples(const lw_reorder_args *a, lw_part part) {
  const lw_view *plain = a->to_samples ? &a->x : &a->y, *lanes = a->to_samples ? &a->y : &a->x;
  int64_t begin, end;
  lw_share(LW_SAMPLES(a->n) * a->c * plain->h, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t group = i / plain->h / a->c, c = i / plain->h % a->c, h = i % plain->h, n = group * LW_BLOCK;
    const int64_t samples = a->n - n < LW_BLOCK ? a->n - n : LW_BLOCK;
    float *p = lw_view_at(plain, n, c, h, 0), *l = lw_view_at(lanes, group, c, h, 0);
    if (a->from_samples) {
      unpack_panel(samples, plain->n_stride, plain->w, l, p);
    } else {
      lw_pack_panel(samples, plain->n_stride, plain->w, p, l);
      lw_view_zero_halo(lanes, group, c, h, h + 1);
    }
  }
}

void lw_reorder(const lw_args *args, lw_part part) {
  const lw_reorder_args *a = &args->reorder;
  if (a->to_samples || a->from_samples) {
    reorder_samples(a, part);
    return;
  }
  const int64_t groups = (a->c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->n * groups * a->y.h, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) reorder_row(a, i / a->y.h / groups, i / a->y.h % groups, i % a->y.h);
}
