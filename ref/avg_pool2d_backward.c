/* SPDX-License-Identifier: Apache-2.0
 * avg_pool2d_backward: dx[n][c][ih][iw] = sum over the windows that (ih, iw) lies in of dy[n][c][oh][ow] / count.
 * Order: additions from +0, (oh, ow) rising; each term is divided before it is added. count: as in ref/avg_pool2d.c. */
#include "ref/ref.h"

void REF(avg_pool2d_backward)(const lw_pool2d_desc *d, const real *dy, real *dx) {
  int64_t oh_count, ow_count;
  if (lw_pool2d_output(d, &oh_count, &ow_count) != LW_OK) return;

  for (int64_t plane = 0; plane < d->n * d->c; plane++) {
    real *image = dx + plane * d->ih * d->iw;
    for (int64_t i = 0; i < d->ih * d->iw; i++) image[i] = 0;
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++) {
        const int64_t h = oh * d->stride_h - d->pad_h, w = ow * d->stride_w - d->pad_w;
        int64_t inside = 0, padded = 0;
        for (int64_t ih = h; ih < h + d->kh; ih++)
          for (int64_t iw = w; iw < w + d->kw; iw++) {
            padded += ih < d->ih + d->pad_h && iw < d->iw + d->pad_w;
            inside += ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
          }
        const real term = dy[(plane * oh_count + oh) * ow_count + ow] / (real)(d->count_include_pad ? padded : inside);
        for (int64_t ih = h; ih < h + d->kh; ih++)
          for (int64_t iw = w; iw < w + d->kw; iw++)
            if (ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw) image[ih * d->iw + iw] += term;
      }
  }
}
