/* SPDX-License-Identifier: Apache-2.0
 * Layout changes: weights into panels, activations between views. Values are moved, never computed. */
#include "simd/kernels.h"

typedef float four __attribute__((vector_size(16)));

/* to[c * to_row + r] = from[r * k + c] for r, c in 0..3. */
static inline void transpose_4x4(int64_t k, const float *from, int64_t to_row, float *to) {
  four a, b, c, d;
  memcpy(&a, from, sizeof a);
  memcpy(&b, from + k, sizeof b);
  memcpy(&c, from + 2 * k, sizeof c);
  memcpy(&d, from + 3 * k, sizeof d);
  const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const four columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; i++) memcpy(to + i * to_row, &columns[i], sizeof columns[i]);
}

/* A cache line of each row at a time: rows that are a power of two apart share a cache set and would push each other out. */
static int64_t pack_whole_lines(int64_t k, const float *from, float *to) {
  int64_t i = 0;
  for (; i + 16 <= k; i += 16)
    for (int64_t row = 0; row < LW_BLOCK; row += 4)
      for (int64_t c = 0; c < 16; c += 4) transpose_4x4(k, from + row * k + i + c, LW_BLOCK, to + (i + c) * LW_BLOCK + row);
  return i;
}

void lw_pack_weights(int64_t oc, int64_t k, int64_t first, int64_t last, const float *w, float *packed) {
  for (int64_t panel = first; panel < last; panel++) {
    float *to = packed + (panel - first) * k * LW_BLOCK;
    const float *from = w + (panel - first) * LW_BLOCK * k;
    const int64_t lanes = oc - panel * LW_BLOCK < LW_BLOCK ? oc - panel * LW_BLOCK : LW_BLOCK;
    for (int64_t i = lanes == LW_BLOCK ? pack_whole_lines(k, from, to) : 0; i < k; i++) {
      for (int64_t lane = 0; lane < lanes; lane++) to[i * LW_BLOCK + lane] = from[lane * k + i];
      for (int64_t lane = lanes; lane < LW_BLOCK; lane++) to[i * LW_BLOCK + lane] = 0;
    }
  }
}

void lw_pack_turned(const lw_conv2d_desc *d, int64_t first, int64_t last, const float *w, float *packed) {
  const int64_t kernel = d->kh * d->kw;
  for (int64_t panel = first; panel < last; panel++) {
    float *to = packed + panel * d->oc * kernel * LW_BLOCK;
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t k = 0; k < kernel; k++)
        for (int64_t lane = 0; lane < LW_BLOCK; lane++, to++) {
          const int64_t ic = panel * LW_BLOCK + lane;
          *to = ic < d->ic ? w[(oc * d->ic + ic) * kernel + kernel - 1 - k] : 0;
        }
  }
}

/* One row of one block of y from x; missing channels of a block are +0. */
static void reorder_row(const lw_reorder_args *a, int64_t n, int64_t block, int64_t h) {
  const lw_view *x = &a->x, *y = &a->y;
  for (int64_t lane = 0; lane < y->c_block; lane++) {
    const int64_t c = block * y->c_block + lane;
    float *to = lw_view_at(y, n, block, h, 0) + lane;
    if (c >= a->c) {
      for (int64_t w = 0; w < y->w; w++) to[w * y->px_stride] = 0;
      continue;
    }
    const float *from = lw_view_at(x, n, c / x->c_block, h, 0) + c % x->c_block;
    if (x->px_stride == 1 && y->px_stride == 1)
      memcpy(to, from, (size_t)y->w * sizeof *to);
    else
      for (int64_t w = 0; w < y->w; w++) to[w * y->px_stride] = from[w * x->px_stride];
  }
  lw_view_zero_halo(y, n, block, h, h + 1);
}

/* One row of a channel of up to 16 samples, `stride` floats apart, to lanes or back. */
static void row_of_samples(const float *plain, int64_t stride, int64_t samples, int64_t width, float *to) {
  int64_t w = 0;
  for (; samples == LW_BLOCK && w + 4 <= width; w += 4)
    for (int64_t s = 0; s < LW_BLOCK; s += 4) transpose_4x4(stride, plain + s * stride + w, LW_BLOCK, to + w * LW_BLOCK + s);
  for (; w < width; w++)
    for (int64_t s = 0; s < LW_BLOCK; s++) to[w * LW_BLOCK + s] = s < samples ? plain[s * stride + w] : 0;
}
static void row_of_plain(const float *lanes, int64_t stride, int64_t samples, int64_t width, float *to) {
  int64_t w = 0;
  for (; samples == LW_BLOCK && w + 4 <= width; w += 4)
    for (int64_t s = 0; s < LW_BLOCK; s += 4) transpose_4x4(LW_BLOCK, lanes + w * LW_BLOCK + s, stride, to + s * stride + w);
  for (; w < width; w++)
    for (int64_t s = 0; s < samples; s++) to[s * stride + w] = lanes[w * LW_BLOCK + s];
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
      row_of_plain(l, plain->n_stride, samples, plain->w, p);
    } else {
      row_of_samples(p, plain->n_stride, samples, plain->w, l);
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
  const int64_t blocks = (a->c + a->y.c_block - 1) / a->y.c_block;
  int64_t begin, end;
  lw_share(a->n * blocks * a->y.h, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) reorder_row(a, i / a->y.h / blocks, i / a->y.h % blocks, i % a->y.h);
}
