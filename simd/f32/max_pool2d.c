/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d. blocked: lanes are channels of a block; plain: lanes are output columns, those at the borders run one by one. The
 * window is walked in the order of ref/max_pool2d.c, so ties and NaN agree. */
#include <math.h>
#include "simd/f32/pool.h"

enum { PV = LW_BLOCK / VL };

static void blocked_row(const lw_pool2d_args *a, int64_t n, int64_t block, int64_t oh) {
  const lw_pool2d_desc *d = &a->desc;
  for (int64_t ow = 0; ow < a->ow; ow++) {
    vf m[PV];
    V_UNROLL for (int v = 0; v < PV; v++) m[v] = v_set1(-INFINITY);
    for (int64_t kh = 0; kh < d->kh; kh++) {
      const int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
      if (ih < 0 || ih >= d->ih) continue;
      for (int64_t kw = 0; kw < d->kw; kw++) {
        const int64_t iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
        if (iw < 0 || iw >= d->iw) continue;
        const float *x = lw_view_at(&a->x, n, block, ih, iw);
        V_UNROLL for (int v = 0; v < PV; v++) {
          const vf value = v_load(x + v * VL);
          m[v] = v_select(vm_taken(m[v], value), value, m[v]);
        }
      }
    }
    float *y = lw_view_at(&a->y, n, block, oh, ow);
    V_UNROLL for (int v = 0; v < PV; v++) v_store(y + v * VL, m[v]);
  }
  lw_view_zero_halo(&a->y, n, block, oh, oh + 1);
}

void VEC_FN(max_pool2d_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  const int64_t blocks = (a->desc.c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->desc.n * blocks * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) blocked_row(a, i / a->oh / blocks, i / a->oh % blocks, i % a->oh);
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
