/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d. blocked: lanes are channels of a block; plain: lanes are output columns, those at the borders run one by one. The
 * window is walked in the order of ref/max_pool2d.c, so ties and NaN agree. */
#include <math.h>
#include "simd/f32/pool.h"
#include "simd/vec/vec.h"

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

/* VL columns from ow on, whose windows lie inside the image's width. Positions ride along as bits of floats, which selects only
 * move. */
ALWAYS_INLINE void many(const lw_pool2d_args *a, const int strided, const float *plane, int64_t oh, int64_t ow, float *y,
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
      const vf v = strided ? v_load_strided(p, d->stride_w) : v_load(p);
      const vm take = vm_taken(m, v);
      m = v_select(take, v, m);
      if (!index) continue;
      const vf position = v_from_bits(vi_add(column, vi_set1((int32_t)(ih * d->iw + kw * d->dilation_w))));
      taken = first ? position : v_select(take, position, taken);
      first = 0;
    }
  }
  v_store(y + ow, m);
  if (index) {
    const vi positions = v_bits(taken);
    memcpy(index + ow, &positions, sizeof positions);
  }
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
    for (; ow + VL <= inner_end; ow += VL)
      a->desc.stride_w == 1 ? many(a, 0, plane, oh, ow, y, index) : many(a, 1, plane, oh, ow, y, index);
    for (; ow < a->ow; ow++) y[ow] = one(a, plane, oh, ow, index ? index + ow : &unused);
  }
}
