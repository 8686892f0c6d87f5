/* SPDX-License-Identifier: Apache-2.0
 * avg_pool2d: y[n][c][oh][ow] = (sum over the window of x) / count.
 * Order: a chain of additions from +0 over (kh, kw) rising, of positions inside the image; then one division. count is the number
 * of those positions or, with count_include_pad, of the window's positions inside the padded image (a window in ceil mode may end
 * outside of that too). */
#include "ref/ref.h"

void REF(avg_pool2d)(const lw_pool2d_desc *d, const real *x, real *y) {
  int64_t oh_count, ow_count;
  if (lw_pool2d_output(d, &oh_count, &ow_count) != LW_OK) return;

  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++) {
        real sum = 0;
        int64_t inside = 0, padded = 0;
        for (int64_t kh = 0; kh < d->kh; kh++)
          for (int64_t kw = 0; kw < d->kw; kw++) {
            const int64_t ih = oh * d->stride_h - d->pad_h + kh, iw = ow * d->stride_w - d->pad_w + kw;
            if (ih < d->ih + d->pad_h && iw < d->iw + d->pad_w) padded++;
            if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
            sum += x[(plane * d->ih + ih) * d->iw + iw];
            inside++;
          }
        y[(plane * oh_count + oh) * ow_count + ow] = sum / (real)(d->count_include_pad ? padded : inside);
      }
}
