/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d: y[n][c][oh][ow] = max over (kh, kw) of x[n][c][oh*stride_h - pad_h + kh*dilation_h][ow*stride_w - pad_w + ...].
 * Order: start at -inf, (kh, kw) rising, take v if v > m or v is NaN. Padding is never a candidate. The index is that of the
 * value taken, h*iw + w; a window whose values are all -inf keeps the index of its first position inside the image. A dilated
 * window can have all its positions on the padding: then -inf and index -1. */
#include "ref/ref.h"

void REF(max_pool2d)(const lw_pool2d_desc *d, const real *x, real *y, int32_t *index) {
  int64_t oh_count, ow_count;
  if (lw_pool2d_output(d, &oh_count, &ow_count) != LW_OK) return;

  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++) {
        real m = -INFINITY;
        int64_t taken = -1;
        for (int64_t kh = 0; kh < d->kh; kh++)
          for (int64_t kw = 0; kw < d->kw; kw++) {
            const int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
            const int64_t iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
            if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
            const real v = x[(plane * d->ih + ih) * d->iw + iw];
            if (taken < 0) taken = ih * d->iw + iw;
            if (v > m || v != v) {
              m = v;
              taken = ih * d->iw + iw;
            }
          }
        y[(plane * oh_count + oh) * ow_count + ow] = m;
        if (index) index[(plane * oh_count + oh) * ow_count + ow] = (int32_t)taken;
      }
}
