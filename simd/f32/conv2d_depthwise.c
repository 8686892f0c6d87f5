/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithm `depthwise`: one input channel per group, plain tensors. There is nothing to share between output channels,
 * so lanes are output columns and taps are read where they lie. Columns whose taps all lie inside the image run in vectors; the
 * few at the borders, with their padding taps, one by one. */
#include <math.h>
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { COLUMNS = 4 }; /* vectors at once: independent chains, to hide the latency of FMA */

typedef struct line {
  const lw_conv2d_args *a;
  const float *x; /* the channel */
  const float *w; /* kh*kw taps */
  float bias;
  int64_t oh;
} line;

static float one(const line *l, int64_t ow) {
  const lw_conv2d_desc *d = &l->a->desc;
  float acc = l->bias;
  for (int64_t kh = 0; kh < d->kh; kh++)
    for (int64_t kw = 0; kw < d->kw; kw++) {
      const int64_t ih = l->oh * d->stride_h - d->pad_top + kh * d->dilation_h;
      const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
      const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
      acc = fmaf(inside ? l->x[ih * d->iw + iw] : 0, l->w[kh * d->kw + kw], acc);
    }
  return l->a->relu && 0 > acc ? 0 : acc;
}

ALWAYS_INLINE void many(const int vectors, const int strided, const line *l, int64_t ow, float *y) {
  const lw_conv2d_desc *d = &l->a->desc;
  vf acc[COLUMNS];
  V_UNROLL for (int v = 0; v < vectors; v++) acc[v] = v_set1(l->bias);
  for (int64_t kh = 0; kh < d->kh; kh++) {
    const int64_t ih = l->oh * d->stride_h - d->pad_top + kh * d->dilation_h;
    const float *row = l->x + ih * d->iw + ow * d->stride_w - d->pad_left;
    const int inside = ih >= 0 && ih < d->ih;
    for (int64_t kw = 0; kw < d->kw; kw++) {
      const vf weight = v_broadcast(l->w + kh * d->kw + kw);
      V_UNROLL for (int v = 0; v < vectors; v++) {
        vf pixel = v_zero();
        if (inside) {
          const float *p = row + v * VL * d->stride_w + kw * d->dilation_w;
          pixel = strided ? v_load_strided(p, d->stride_w) : v_load(p);
        }
        acc[v] = v_fma(pixel, weight, acc[v]);
      }
    }
  }
  V_UNROLL for (int v = 0; v < vectors; v++) v_store(y + v * VL, l->a->relu ? v_max(v_zero(), acc[v]) : acc[v]);
}

/* Output columns begin..end-1 have all their taps inside the image. */
static void interior(const lw_conv2d_args *a, int64_t *begin, int64_t *end) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t last = d->iw - 1 + d->pad_left - d->dilation_w * (d->kw - 1); /* largest ow*stride_w */
  *begin = (d->pad_left + d->stride_w - 1) / d->stride_w;
  *end = last < 0 ? 0 : last / d->stride_w + 1;
  if (*end > a->ow) *end = a->ow;
  if (*begin > *end) *begin = *end;
}

void VEC_FN(conv2d_depthwise)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  const int strided = d->stride_w != 1;
  int64_t begin, end, inner_begin, inner_end;
  interior(a, &inner_begin, &inner_end);
  lw_share(d->n * d->oc * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / a->oh / d->oc, oc = i / a->oh % d->oc;
    const line l = {a, a->x.p + (n * d->ic + oc / (d->oc / d->groups)) * d->ih * d->iw, a->w + oc * d->kh * d->kw,
                    a->bias ? a->bias[oc] : 0, i % a->oh};
    float *y = a->y.p + i * a->ow;
    int64_t ow = 0;
    for (; ow < inner_begin; ow++) y[ow] = one(&l, ow);
    for (; ow + COLUMNS * VL <= inner_end; ow += COLUMNS * VL)
      strided ? many(COLUMNS, 1, &l, ow, y + ow) : many(COLUMNS, 0, &l, ow, y + ow);
    for (; ow + VL <= inner_end; ow += VL) strided ? many(1, 1, &l, ow, y + ow) : many(1, 0, &l, ow, y + ow);
    for (; ow < a->ow; ow++) y[ow] = one(&l, ow);
  }
}
