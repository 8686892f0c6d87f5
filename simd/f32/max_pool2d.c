/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d. blocked: lanes are channels of a block; plain: lanes are output columns, those at the borders run one by one. The
 * window is walked in the order of ref/max_pool2d.c, so ties and NaN agree. */
#include <math.h>
#include "simd/f32/pool.h"

enum { PV = LW_BLOCK / VL };

/* One window's positions kh0..kh1-1 x kw0..kw1-1, which are inside the image; x, position: of position (0, 0), wherever that is.
 * Positions ride along as bits of floats, which selects only move. index may be NULL. */
static void blocked_window(const lw_pool2d_args *a, int64_t kh0, int64_t kh1, int64_t kw0, int64_t kw1, const float *x,
                           int64_t position, float *y, int32_t *index) {
  const lw_pool2d_desc *d = &a->desc;
  const int64_t to_row = d->dilation_h * a->x.row_stride, to_column = d->dilation_w * LW_BLOCK;
  vf m[PV], taken[PV];
  const vf start =
      v_from_bits(vi_set1(kh0 < kh1 && kw0 < kw1 ? (int32_t)(position + kh0 * d->dilation_h * d->iw + kw0 * d->dilation_w) : -1));
  V_UNROLL for (int v = 0; v < PV; v++) m[v] = v_set1(-INFINITY), taken[v] = start;
  for (int64_t kh = kh0; kh < kh1; kh++)
    for (int64_t kw = kw0; kw < kw1; kw++) {
      const vf at = v_from_bits(vi_set1((int32_t)(position + kh * d->dilation_h * d->iw + kw * d->dilation_w)));
      V_UNROLL for (int v = 0; v < PV; v++) {
        const vf value = v_load(x + kh * to_row + kw * to_column + v * VL);
        const vm take = vm_taken(m[v], value);
        m[v] = v_select(take, value, m[v]);
        if (index) taken[v] = v_select(take, at, taken[v]);
      }
    }
  V_UNROLL for (int v = 0; v < PV; v++) v_store(y + v * VL, m[v]);
  if (index) memcpy(index, taken, sizeof taken);
}

/* Positions of a window that begins at `first`: begin..end-1 of `kernel` are inside an image of size `in`. */
static void inside(int64_t first, int64_t kernel, int64_t dilation, int64_t in, int64_t *begin, int64_t *end) {
  *begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
  *end = first < in ? (in - 1 - first) / dilation + 1 : 0;
  if (*begin > kernel) *begin = kernel;
  if (*end > kernel) *end = kernel;
}

/* A row of windows of 2x2 that lie inside the image, 2 apart; x, position: of the first. */
ALWAYS_INLINE void blocked_row_of_2x2(const int has_index, const lw_pool2d_args *a, const float *x, int32_t position, float *y,
                                      int32_t *index) {
  const int64_t row = a->x.row_stride;
  const int32_t iw = (int32_t)a->desc.iw;
  for (int64_t ow = a->ow; ow > 0; ow--, x += 2 * LW_BLOCK, y += LW_BLOCK, position += 2) V_UNROLL for (int v = 0; v < PV; v++) {
      vf m = v_set1(-INFINITY), taken = v_from_bits(vi_set1(position));
      V_UNROLL for (int k = 0; k < 4; k++) {
        const vf value = v_load(x + k / 2 * row + k % 2 * LW_BLOCK + v * VL);
        const vm take = vm_taken(m, value);
        m = v_select(take, value, m);
        if (has_index) taken = v_select(take, v_from_bits(vi_set1(position + k / 2 * iw + k % 2)), taken);
      }
      v_store(y + v * VL, m);
      if (has_index) v_store((float *)(void *)index + (a->ow - ow) * LW_BLOCK + v * VL, taken);
    }
}

static void blocked_row(const lw_pool2d_args *a, int64_t n, int64_t blocks, int64_t block, int64_t oh) {
  const lw_pool2d_desc *d = &a->desc;
  const int64_t top = oh * d->stride_h - d->pad_h;
  int64_t kh0, kh1, kw0, kw1;
  inside(top, d->kh, d->dilation_h, d->ih, &kh0, &kh1);
  int32_t *index = a->index ? a->index + ((n * blocks + block) * a->oh + oh) * a->ow * LW_BLOCK : NULL;
  float *y = lw_view_at(&a->y, n, block, oh, 0);
  const int is_inner = d->kw == 2 && d->stride_w == 2 && d->dilation_h == 1 && d->dilation_w == 1 && d->pad_w == 0 &&
                       2 * a->ow <= d->iw && d->kh == 2 && kh0 == 0 && kh1 == 2;
  if (is_inner) {
    const float *x = lw_view_at(&a->x, n, block, top, 0);
    if (index)
      blocked_row_of_2x2(1, a, x, (int32_t)(top * d->iw), y, index);
    else
      blocked_row_of_2x2(0, a, x, 0, y, NULL);
  }
  for (int64_t ow = 0; !is_inner && ow < a->ow; ow++) {
    const int64_t left = ow * d->stride_w - d->pad_w;
    inside(left, d->kw, d->dilation_w, d->iw, &kw0, &kw1);
    blocked_window(a, kh0, kh1, kw0, kw1, lw_view_at(&a->x, n, block, top, left), top * d->iw + left, y + ow * LW_BLOCK,
                   index ? index + ow * LW_BLOCK : NULL);
  }
  lw_view_zero_halo(&a->y, n, block, oh, oh + 1);
}

void VEC_FN(max_pool2d_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  const int64_t blocks = (a->desc.c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->desc.n * blocks * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) blocked_row(a, i / a->oh / blocks, blocks, i / a->oh % blocks, i % a->oh);
}

/* Output (oh, ow) of a plane; *taken gets the position. */
static float one(const lw_pool2d_args *a, const float *plane, int64_t oh, int64_t ow, int32_t *taken) {
  const lw_pool2d_desc *d = &a->desc;
  float m = -INFINITY;
  *taken = -1;
  for (int64_t kh = 0; kh < d->kh; kh++)
    for (int64_t kw = 0; kw < d->kw; kw++) {
      const int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h, iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
      if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
      const float v = plane[ih * d->iw + iw];
      if (*taken < 0 || v > m || v != v) *taken = (int32_t)(ih * d->iw + iw);
      if (v > m || v != v) m = v;
    }
  return m;
}

/* n <= VL columns from ow on, whose windows lie inside the image's width. Positions ride along as bits of floats, which selects
 * only move. */
ALWAYS_INLINE void many(const lw_pool2d_args *a, const int step, const float *plane, int64_t oh, int64_t ow, int64_t n, float *y,
                        int32_t *index) {
  const lw_pool2d_desc *d = &a->desc;
  int32_t columns[VL];
  for (int i = 0; i < VL; i++) columns[i] = (int32_t)((ow + i) * d->stride_w - d->pad_w);
  vf m = v_set1(-INFINITY);
  vi column, none = vi_set1(-1);
  memcpy(&column, columns, sizeof column);
  vf taken = v_from_bits(none);
  int first = 1;
  for (int64_t kh = 0; kh < d->kh; kh++) {
    const int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
    if (ih < 0 || ih >= d->ih) continue;
    for (int64_t kw = 0; kw < d->kw; kw++) {
      const float *p = plane + ih * d->iw + ow * d->stride_w - d->pad_w + kw * d->dilation_w;
      const vf v = pool_load(step, p, d->stride_w, n);
      const vm take = vm_taken(m, v);
      m = v_select(take, v, m);
      if (!index) continue;
      const vf position = v_from_bits(vi_add(column, vi_set1((int32_t)(ih * d->iw + kw * d->dilation_w))));
      taken = first ? position : v_select(take, position, taken);
      first = 0;
    }
  }
  if (n == VL)
    v_store(y + ow, m);
  else
    v_store_partial(y + ow, n, m);
  if (index) {
    const vi positions = v_bits(taken);
    memcpy(index + ow, &positions, (size_t)n * sizeof *index);
  }
}

/* Columns begin..end-1 of a row, as far as vectors can; returns the first that is left. */
ALWAYS_INLINE int64_t inner(const lw_pool2d_args *a, const int step, const float *plane, int64_t oh, float *y, int32_t *index,
                            int64_t begin, int64_t end) {
  int64_t ow = begin;
  for (; ow + VL <= end; ow += VL) many(a, step, plane, oh, ow, VL, y, index);
  if (step == 0 || ow >= end) return ow;
  many(a, step, plane, oh, ow, end - ow, y, index);
  return end;
}

void VEC_FN(max_pool2d_plain)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  int64_t begin, end, inner_begin, inner_end;
  pool_interior(a, &inner_begin, &inner_end);
  lw_share(a->desc.n * a->desc.c * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const float *plane = a->x.p + i / a->oh * a->desc.ih * a->desc.iw;
    const int64_t oh = i % a->oh;
    float *y = a->y.p + i * a->ow;
    int32_t *index = a->index ? a->index + i * a->ow : NULL, unused;
    int64_t ow = 0;
    for (; ow < inner_begin; ow++) y[ow] = one(a, plane, oh, ow, index ? index + ow : &unused);
    switch (a->desc.stride_w) {
    case 1: ow = inner(a, 1, plane, oh, y, index, ow, inner_end); break;
    case 2: ow = inner(a, 2, plane, oh, y, index, ow, inner_end); break;
    default: ow = inner(a, 0, plane, oh, y, index, ow, inner_end);
    }
    for (; ow < a->ow; ow++) y[ow] = one(a, plane, oh, ow, index ? index + ow : &unused);
  }
}
