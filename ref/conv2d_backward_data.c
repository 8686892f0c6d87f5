/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_data: dx[n][ic][ih][iw] = sum over (oc, kh, kw) of dy[n][oc][oh][ow] * w[oc][ic][kh][kw], where
 *   oh*stride_h = ih + pad_top - kh*dilation_h,  ow*stride_w = iw + pad_left - kw*dilation_w,  dy = +0 outside of y,
 *   and oc runs over the oc/groups channels of the group of ic. A tap that falls between two outputs is none.
 * Order: one chain from +0, a fused multiply-add per (oc, oh, ow), ow innermost: kh and kw fall as oh and ow rise. Taps outside
 * of y are in the chain. */
#include "ref/ref.h"

void REF(conv2d_backward_data)(const lw_conv2d_desc *d, const real *dy, const real *w, real *dx) {
  const int64_t oh_count = (d->ih + d->pad_top + d->pad_bottom - d->dilation_h * (d->kh - 1) - 1) / d->stride_h + 1;
  const int64_t ow_count = (d->iw + d->pad_left + d->pad_right - d->dilation_w * (d->kw - 1) - 1) / d->stride_w + 1;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups;

  for (int64_t n = 0; n < d->n; n++)
    for (int64_t ic = 0; ic < d->ic; ic++)
      for (int64_t ih = 0; ih < d->ih; ih++)
        for (int64_t iw = 0; iw < d->iw; iw++) {
          const int64_t group = ic / ic_group;
          real acc = 0;
          for (int64_t oc = group * oc_group; oc < (group + 1) * oc_group; oc++)
            for (int64_t kh = d->kh - 1; kh >= 0; kh--)
              for (int64_t kw = d->kw - 1; kw >= 0; kw--) {
                const int64_t h = ih + d->pad_top - kh * d->dilation_h, v = iw + d->pad_left - kw * d->dilation_w;
                if (h % d->stride_h != 0 || v % d->stride_w != 0) continue;
                const int64_t oh = h / d->stride_h, ow = v / d->stride_w;
                const int inside = oh >= 0 && oh < oh_count && ow >= 0 && ow < ow_count;
                const real g = inside ? dy[((n * d->oc + oc) * oh_count + oh) * ow_count + ow] : 0;
                acc = real_fma(g, w[((oc * ic_group + ic % ic_group) * d->kh + kh) * d->kw + kw], acc);
              }
          dx[((n * d->ic + ic) * d->ih + ih) * d->iw + iw] = acc;
        }
}
