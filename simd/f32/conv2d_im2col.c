/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithm `im2col`: any shape on plain tensors. Lanes are output pixels of one channel plane, taken flat over rows. A
 * strip of pixels is gathered into scratch as [tap][pixel], taps being (ic, kh, kw) of the group and padding being +0; then every
 * output channel of the group runs its chain over the taps. Taps are taken in chunks, so that scratch stays in L1; between chunks
 * the chains rest in y. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PXV = VL == 4 ? 4 : 3, /* vectors of pixels per strip */
  STRIP = PXV * VL,
  OCS = VL == 16  ? 8
        : VL == 8 ? 4
                  : 6, /* output channels per tile: OCS*PXV chains, the pixels and one weight fill the registers */
  TAPS = LW_IM2COL_SCRATCH / (STRIP * (int)sizeof(float)), /* per chunk */
};

typedef struct strip {
  const lw_conv2d_args *a;
  const float *x;    /* channel 0 of the group */
  int64_t p0, count; /* pixels */
} strip;

/* Pixels of one tap (ic, kh, kw) to `to`; lanes past the strip's end are +0. */
static void gather(const strip *s, int64_t ic, int64_t kh, int64_t kw, float *to) {
  const lw_conv2d_desc *d = &s->a->desc;
  const float *plane = s->x + ic * d->ih * d->iw;
  int64_t p = s->p0, left = s->count;
  float *const end = to + STRIP;
  while (left > 0) { /* one output row at a time */
    const int64_t oh = p / s->a->ow, ow = p % s->a->ow;
    const int64_t run = s->a->ow - ow < left ? s->a->ow - ow : left;
    const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
    const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
    const float *row = plane + ih * d->iw;
    const int inside = ih >= 0 && ih < d->ih;
    for (int64_t i = 0, w = iw; i < run; i++, w += d->stride_w) to[i] = inside && w >= 0 && w < d->iw ? row[w] : 0;
    to += run;
    p += run;
    left -= run;
  }
  while (to < end) *to++ = 0;
}

/* ocs output channels over `taps` taps of the strip in `b`. bias == NULL with first: from +0; not first: from y. */
ALWAYS_INLINE void tile(const int ocs, const strip *s, const float *b, int64_t taps, const float *w, int64_t w_stride,
                        const float *bias, int first, int relu, float *y, int64_t plane) {
  vf acc[OCS][PXV];
  V_UNROLL for (int o = 0; o < ocs; o++) V_UNROLL for (int v = 0; v < PXV; v++) {
    const int64_t left = s->count - v * VL;
    if (first)
      acc[o][v] = bias ? v_broadcast(bias + o) : v_zero();
    else
      acc[o][v] = left >= VL ? v_load(y + o * plane + v * VL)
                  : left > 0 ? v_load_partial(y + o * plane + v * VL, left)
                             : v_zero();
  }
  for (int64_t t = 0; t < taps; t++, b += STRIP) {
    vf pixels[PXV];
    V_UNROLL for (int v = 0; v < PXV; v++) pixels[v] = v_load(b + v * VL);
    V_UNROLL for (int o = 0; o < ocs; o++) {
      const vf weight = v_broadcast(w + o * w_stride + t);
      V_UNROLL for (int v = 0; v < PXV; v++) acc[o][v] = v_fma(pixels[v], weight, acc[o][v]);
    }
  }
  V_UNROLL for (int o = 0; o < ocs; o++) V_UNROLL for (int v = 0; v < PXV; v++) {
    const int64_t left = s->count - v * VL;
    const vf value = relu ? v_max(v_zero(), acc[o][v]) : acc[o][v];
    if (left >= VL)
      v_store(y + o * plane + v * VL, value);
    else if (left > 0)
      v_store_partial(y + o * plane + v * VL, left, value);
  }
}

static void channels(int ocs, const strip *s, const float *b, int64_t taps, const float *w, int64_t w_stride, const float *bias,
                     int first, int relu, float *y, int64_t plane) {
  if (ocs == OCS) {
    tile(OCS, s, b, taps, w, w_stride, bias, first, relu, y, plane);
    return;
  }
  for (int o = 0; o < ocs; o++)
    tile(1, s, b, taps, w + o * w_stride, w_stride, bias ? bias + o : NULL, first, relu, y + o * plane, plane);
}

void VEC_FN(conv2d_im2col)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups, plane = a->oh * a->ow;
  const int64_t taps = ic_group * d->kh * d->kw, strips = (plane + STRIP - 1) / STRIP;
  float *const b = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride);
  int64_t begin, end;
  lw_share(d->n * d->groups * strips, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / strips / d->groups, group = i / strips % d->groups, oc0 = group * oc_group;
    strip s = {.a = a, .x = a->x.p + (n * d->ic + group * ic_group) * d->ih * d->iw, .p0 = i % strips * STRIP};
    s.count = plane - s.p0 < STRIP ? plane - s.p0 : STRIP;
    float *y = a->y.p + (n * d->oc + oc0) * plane + s.p0;
    for (int64_t t0 = 0; t0 < taps; t0 += TAPS) {
      const int64_t count = taps - t0 < TAPS ? taps - t0 : TAPS;
      for (int64_t t = 0; t < count; t++)
        gather(&s, (t0 + t) / d->kw / d->kh, (t0 + t) / d->kw % d->kh, (t0 + t) % d->kw, b + t * STRIP);
      for (int64_t o = 0; o < oc_group; o += OCS)
        channels((int)(oc_group - o < OCS ? oc_group - o : OCS), &s, b, count, a->w + (oc0 + o) * taps + t0, taps,
                 a->bias ? a->bias + oc0 + o : NULL, t0 == 0, a->relu && t0 + count == taps, y + o * plane, plane);
    }
  }
}
