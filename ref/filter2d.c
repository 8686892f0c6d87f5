/* SPDX-License-Identifier: Apache-2.0
 * filter2d: y[oh][ow] = sum over (i, j) of x[oh + i - top][ow + j - left] * kernel[i][j], every channel alone; top = kh/2, left =
 * kw/2 with `same`, else 0. Correlation: the kernel is not mirrored. Order: one chain of fused multiply-adds from +0, j
 * innermost; taps outside the image are in the chain as +0. */
#include "ref/ref.h"

void REF(filter2d)(const lw_filter2d_desc *d, const real *kernel, const real *x, real *y) {
  const int64_t oh_count = d->same ? d->h : d->h - d->kh + 1, ow_count = d->same ? d->w : d->w - d->kw + 1;
  const int64_t top = d->same ? d->kh / 2 : 0, left = d->same ? d->kw / 2 : 0;
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++) {
        real acc = 0;
        for (int64_t i = 0; i < d->kh; i++)
          for (int64_t j = 0; j < d->kw; j++) {
            const int64_t h = oh + i - top, w = ow + j - left;
            const int inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
            acc = real_fma(inside ? x[(plane * d->h + h) * d->w + w] : 0, kernel[i * d->kw + j], acc);
          }
        y[(plane * oh_count + oh) * ow_count + ow] = acc;
      }
}
