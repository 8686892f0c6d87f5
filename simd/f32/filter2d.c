/* SPDX-License-Identifier: Apache-2.0
 * filter2d: lanes are output columns, four vectors at once to hide the latency of FMA. Columns with taps outside the image, and
 * images narrower than a vector, run one by one. */
#include <math.h>
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { COLUMNS = 4 };

typedef struct line {
  const lw_filter2d_desc *d;
  const float *kernel, *x; /* x: the plane */
  int64_t oh, top, left;
} line;

static float one(const line *l, int64_t ow) {
  const lw_filter2d_desc *d = l->d;
  float acc = 0;
  for (int64_t i = 0; i < d->kh; i++)
    for (int64_t j = 0; j < d->kw; j++) {
      const int64_t h = l->oh + i - l->top, w = ow + j - l->left;
      const int inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
      acc = fmaf(inside ? l->x[h * d->w + w] : 0, l->kernel[i * d->kw + j], acc);
    }
  return acc;
}

ALWAYS_INLINE void many(const int vectors, const line *l, int64_t ow, float *y) {
  const lw_filter2d_desc *d = l->d;
  vf acc[COLUMNS];
  V_UNROLL for (int v = 0; v < vectors; v++) acc[v] = v_zero();
  for (int64_t i = 0; i < d->kh; i++) {
    const int64_t h = l->oh + i - l->top;
    const int inside = h >= 0 && h < d->h;
    for (int64_t j = 0; j < d->kw; j++) {
      const vf weight = v_broadcast(l->kernel + i * d->kw + j);
      V_UNROLL for (int v = 0; v < vectors; v++) acc[v] =
          v_fma(inside ? v_load(l->x + h * d->w + ow + j - l->left + v * VL) : v_zero(), weight, acc[v]);
    }
  }
  V_UNROLL for (int v = 0; v < vectors; v++) v_store(y + v * VL, acc[v]);
}

void VEC_FN(filter2d)(const lw_args *args, lw_part part) {
  const lw_filter2d_args *a = &args->filter2d;
  const lw_filter2d_desc *d = &a->desc;
  const int64_t oh_count = d->same ? d->h : d->h - d->kh + 1, ow_count = d->same ? d->w : d->w - d->kw + 1;
  line l = {.d = d, .kernel = a->kernel, .top = d->same ? d->kh / 2 : 0, .left = d->same ? d->kw / 2 : 0};
  /* Columns inner_begin .. inner_end-1 have all their taps inside the image. */
  const int64_t inner_begin = l.left < ow_count ? l.left : ow_count;
  const int64_t reach = d->w - d->kw + l.left + 1, inner_end = reach < inner_begin ? inner_begin
                                                               : reach < ow_count  ? reach
                                                                                   : ow_count;
  int64_t begin, end;
  lw_share(d->n * d->c * oh_count, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    l.x = a->x + i / oh_count * d->h * d->w;
    l.oh = i % oh_count;
    float *y = a->y + i * ow_count;
    int64_t ow = 0;
    for (; ow < inner_begin; ow++) y[ow] = one(&l, ow);
    for (; ow + COLUMNS * VL <= inner_end; ow += COLUMNS * VL) many(COLUMNS, &l, ow, y + ow);
    for (; ow + VL <= inner_end; ow += VL) many(1, &l, ow, y + ow);
    if (ow < inner_end && inner_end - inner_begin >= VL) { /* once more over columns that are done: the same bits */
      ow = inner_end;
      many(1, &l, ow - VL, y + ow - VL);
    }
    for (; ow < ow_count; ow++) y[ow] = one(&l, ow);
  }
}
