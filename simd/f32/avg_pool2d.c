/* SPDX-License-Identifier: Apache-2.0
 * avg_pool2d. blocked: lanes are channels of a block; plain: lanes are output columns, those at the borders run one by one. Every
 * lane adds in the order of ref/avg_pool2d.c. */
#include "simd/f32/pool.h"

enum { PV = LW_BLOCK / VL };

/* The window of output (oh, ow) cut to the image, and what its sum is divided by. */
typedef struct window {
  int64_t h0, h1, w0, w1;
  float count;
} window;

static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

static window window_at(const lw_pool2d_desc *d, int64_t oh, int64_t ow) {
  const int64_t h0 = oh * d->stride_h - d->pad_h, w0 = ow * d->stride_w - d->pad_w;
  const int64_t h1 = at_most(h0 + d->kh, d->ih + d->pad_h), w1 = at_most(w0 + d->kw, d->iw + d->pad_w);
  window w = {at_least(h0, 0), at_most(h1, d->ih), at_least(w0, 0), at_most(w1, d->iw), 0};
  w.count = (float)(d->count_include_pad ? (h1 - h0) * (w1 - w0) : (w.h1 - w.h0) * (w.w1 - w.w0));
  return w;
}

void VEC_FN(avg_pool2d_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  const int64_t blocks = (a->desc.c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->desc.n * blocks * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / a->oh / blocks, block = i / a->oh % blocks, oh = i % a->oh;
    for (int64_t ow = 0; ow < a->ow; ow++) {
      const window win = window_at(&a->desc, oh, ow);
      vf sum[PV];
      V_UNROLL for (int v = 0; v < PV; v++) sum[v] = v_zero();
      for (int64_t h = win.h0; h < win.h1; h++)
        for (int64_t w = win.w0; w < win.w1; w++) {
          const float *x = lw_view_at(&a->x, n, block, h, w);
          V_UNROLL for (int v = 0; v < PV; v++) sum[v] = v_add(sum[v], v_load(x + v * VL));
        }
      float *y = lw_view_at(&a->y, n, block, oh, ow);
      V_UNROLL for (int v = 0; v < PV; v++) v_store(y + v * VL, v_div(sum[v], v_set1(win.count)));
    }
    lw_view_zero_halo(&a->y, n, block, oh, oh + 1);
  }
}

static float one(const lw_pool2d_args *a, const float *plane, int64_t oh, int64_t ow) {
  const window win = window_at(&a->desc, oh, ow);
  float sum = 0;
  for (int64_t h = win.h0; h < win.h1; h++)
    for (int64_t w = win.w0; w < win.w1; w++) sum += plane[h * a->desc.iw + w];
  return sum / win.count;
}

/* n <= VL columns from ow on; their windows differ only in place. step: see pool_load. */
ALWAYS_INLINE vf many(const lw_pool2d_args *a, const int step, const float *plane, int64_t oh, int64_t ow, int64_t n) {
  const lw_pool2d_desc *d = &a->desc;
  const window win = window_at(d, oh, ow);
  vf sum = v_zero();
  for (int64_t h = win.h0; h < win.h1; h++)
    for (int64_t w = win.w0; w < win.w1; w++) sum = v_add(sum, pool_load(step, plane + h * d->iw + w, d->stride_w, n));
  return v_div(sum, v_set1(win.count));
}

/* Columns begin..end-1 of a row, as far as vectors can; returns the first that is left. */
ALWAYS_INLINE int64_t inner(const lw_pool2d_args *a, const int step, const float *plane, int64_t oh, float *y, int64_t begin,
                            int64_t end) {
  int64_t ow = begin;
  for (; ow + VL <= end; ow += VL) v_store(y + ow, many(a, step, plane, oh, ow, VL));
  if (step == 0 || ow >= end) return ow;
  v_store_partial(y + ow, end - ow, many(a, step, plane, oh, ow, end - ow));
  return end;
}

void VEC_FN(avg_pool2d_plain)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  int64_t begin, end, inner_begin, inner_end;
  pool_interior(a, &inner_begin, &inner_end);
  lw_share(a->desc.n * a->desc.c * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const float *plane = a->x.p + i / a->oh * a->desc.ih * a->desc.iw;
    const int64_t oh = i % a->oh;
    float *y = a->y.p + i * a->ow;
    int64_t ow = 0;
    for (; ow < inner_begin; ow++) y[ow] = one(a, plane, oh, ow);
    switch (a->desc.stride_w) {
    case 1: ow = inner(a, 1, plane, oh, y, ow, inner_end); break;
    case 2: ow = inner(a, 2, plane, oh, y, ow, inner_end); break;
    default: ow = inner(a, 0, plane, oh, y, ow, inner_end);
    }
    for (; ow < a->ow; ow++) y[ow] = one(a, plane, oh, ow);
  }
}
