/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_weights: dw[oc][ic][kh][kw] = sum over (n, oh, ow) of x[n][ic][ih][iw] * dy[n][oc][oh][ow], where
 *   ih = oh*stride_h - pad_top + kh*dilation_h,  iw = ow*stride_w - pad_left + kw*dilation_w,  x = +0 outside the image.
 * Order: per image one chain from +0, a fused multiply-add per (oh, ow), ow innermost, with the padding in the chain. The first
 * image's chain is the start; those of the others are added to it, n rising. Without images +0.
 * oc0, oc1: only of the output channels oc0..oc1-1. */
#include "ref/ref.h"

void REF(conv2d_backward_weights)(const lw_conv2d_desc *d, int64_t oc0, int64_t oc1, const real *x, const real *dy, real *dw) {
  const int64_t oh_count = (d->ih + d->pad_top + d->pad_bottom - d->dilation_h * (d->kh - 1) - 1) / d->stride_h + 1;
  const int64_t ow_count = (d->iw + d->pad_left + d->pad_right - d->dilation_w * (d->kw - 1) - 1) / d->stride_w + 1;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups;

  for (int64_t oc = oc0; oc < oc1; oc++)
    for (int64_t ic = 0; ic < ic_group; ic++)
      for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++) {
          real sum = 0;
          for (int64_t n = 0; n < d->n; n++) {
            real acc = 0;
            for (int64_t oh = 0; oh < oh_count; oh++)
              for (int64_t ow = 0; ow < ow_count; ow++) {
                const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
                const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
                const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
                const real v = inside ? x[((n * d->ic + oc / oc_group * ic_group + ic) * d->ih + ih) * d->iw + iw] : 0;
                acc = real_fma(v, dy[((n * d->oc + oc) * oh_count + oh) * ow_count + ow], acc);
              }
            sum = n == 0 ? acc : sum + acc;
          }
          dw[((oc * ic_group + ic) * d->kh + kh) * d->kw + kw] = sum;
        }
}
