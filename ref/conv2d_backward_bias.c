/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_bias: db[oc] = sum over (n, oh, ow) of dy[n][oc][oh][ow].
 * Order: per image one chain of additions from +0 over (oh, ow), ow innermost. The first image's chain is the start; those of the
 * others are added to it, n rising. Without images +0.
 * oc0, oc1: only of the output channels oc0..oc1-1. */
#include "ref/ref.h"

void REF(conv2d_backward_bias)(const lw_conv2d_desc *d, int64_t oc0, int64_t oc1, const real *dy, real *db) {
  const int64_t oh_count = (d->ih + d->pad_top + d->pad_bottom - d->dilation_h * (d->kh - 1) - 1) / d->stride_h + 1;
  const int64_t ow_count = (d->iw + d->pad_left + d->pad_right - d->dilation_w * (d->kw - 1) - 1) / d->stride_w + 1;

  for (int64_t oc = oc0; oc < oc1; oc++) {
    real sum = 0;
    for (int64_t n = 0; n < d->n; n++) {
      real acc = 0;
      for (int64_t oh = 0; oh < oh_count; oh++)
        for (int64_t ow = 0; ow < ow_count; ow++) acc += dy[((n * d->oc + oc) * oh_count + oh) * ow_count + ow];
      sum = n == 0 ? acc : sum + acc;
    }
    db[oc] = sum;
  }
}
