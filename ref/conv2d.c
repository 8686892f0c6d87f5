/* SPDX-License-Identifier: Apache-2.0
 * conv2d: y[n][oc][oh][ow] = bias[oc] + sum over (ic, kh, kw) of x[n][ic][ih][iw] * w[oc][ic][kh][kw], where
 *   ih = oh*stride_h - pad_top + kh*dilation_h,  iw = ow*stride_w - pad_left + kw*dilation_w,  x = +0 outside the image,
 *   and ic runs over the ic/groups channels of the group of oc.
 * Order: one chain that starts at the bias (+0 without one), then a fused multiply-add per (ic, kh, kw), kw innermost. Taps on
 * the padding are in the chain: they matter when the chain is -0 or a weight is Inf or NaN. */
#include "ref/ref.h"

void REF(conv2d)(const lw_conv2d_desc *d, const real *x, const real *w, const real *bias, real *y) {
  const int64_t oh_count = (d->ih + d->pad_top + d->pad_bottom - d->dilation_h * (d->kh - 1) - 1) / d->stride_h + 1;
  const int64_t ow_count = (d->iw + d->pad_left + d->pad_right - d->dilation_w * (d->kw - 1) - 1) / d->stride_w + 1;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups;

  for (int64_t n = 0; n < d->n; n++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t oh = 0; oh < oh_count; oh++)
        for (int64_t ow = 0; ow < ow_count; ow++) {
          real acc = bias ? bias[oc] : 0;
          for (int64_t ic = 0; ic < ic_group; ic++)
            for (int64_t kh = 0; kh < d->kh; kh++)
              for (int64_t kw = 0; kw < d->kw; kw++) {
                const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
                const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
                const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
                const real v = inside ? x[((n * d->ic + oc / oc_group * ic_group + ic) * d->ih + ih) * d->iw + iw] : 0;
                acc = real_fma(v, w[((oc * ic_group + ic) * d->kh + kh) * d->kw + kw], acc);
              }
          y[((n * d->oc + oc) * oh_count + oh) * ow_count + ow] = acc;
        }
}
