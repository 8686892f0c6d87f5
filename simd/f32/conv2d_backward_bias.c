/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_bias: lanes are output channels. VL pixels of VL channels are loaded as they lie and turned in registers, so
 * that every channel keeps its chain. */
#include "simd/f32/transpose.h"
#include "simd/kernels.h"

/* The chains of `channels` planes over `pixels` <= VL pixels; missing ones load as +0. */
ALWAYS_INLINE vf add_pixels(const int whole, vf sum, const float *dy, int64_t plane, int64_t channels, int64_t pixels) {
  vf rows[VL];
  V_UNROLL for (int c = 0; c < VL; c++) rows[c] = whole          ? v_load(dy + c * plane)
                                                  : c < channels ? v_load_partial(dy + c * plane, pixels)
                                                                 : v_zero();
  v_transpose(rows);
  V_UNROLL for (int p = 0; p < VL; p++) if (whole || p < pixels) sum = v_add(sum, rows[p]);
  return sum;
}

void VEC_FN(conv2d_backward_bias)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t plane = a->oh * a->ow;
  int64_t begin, end;
  lw_share((d->oc + VL - 1) / VL, part, &begin, &end);
  for (int64_t oc = begin * VL; oc < end * VL; oc += VL) {
    const int64_t channels = d->oc - oc < VL ? d->oc - oc : VL;
    vf sum = v_zero();
    for (int64_t n = 0; n < d->n; n++) {
      const float *dy = a->dy + (n * d->oc + oc) * plane;
      vf chain = v_zero();
      int64_t p = 0;
      for (; channels == VL && p + VL <= plane; p += VL) chain = add_pixels(1, chain, dy + p, plane, VL, VL);
      for (; p < plane; p += VL) {
        const int64_t left = plane - p;
        if (left >= VL) /* fewer channels: whole vectors of those that exist */
          for (int half = 0; half < 2; half++) chain = add_pixels(0, chain, dy + p + half * (VL / 2), plane, channels, VL / 2);
        else
          chain = add_pixels(0, chain, dy + p, plane, channels, left);
      }
      sum = n == 0 ? chain : v_add(sum, chain);
    }
    if (channels == VL)
      v_store(a->out + oc, sum);
    else
      v_store_partial(a->out + oc, channels, sum);
  }
}
