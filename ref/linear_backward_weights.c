/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_weights: dw[o][i] = sum over n of x[n][i] * dy[n][o].
 * Order: that of conv2d_backward_weights on images of one pixel. Per row a chain of one step, fma(x, dy, +0); the first row's is
 * the start, the others are added to it, n rising. Without rows +0.
 * o0, o1: only of the outputs o0..o1-1. */
#include "ref/ref.h"

void REF(linear_backward_weights)(const lw_linear_desc *d, int64_t o0, int64_t o1, const real *x, const real *dy, real *dw) {
  for (int64_t o = o0; o < o1; o++)
    for (int64_t i = 0; i < d->in; i++) {
      real sum = 0;
      for (int64_t n = 0; n < d->n; n++) {
        const real step = real_fma(x[n * d->in + i], dy[n * d->out + o], 0);
        sum = n == 0 ? step : sum + step;
      }
      dw[o * d->in + i] = sum;
    }
}
