/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_data: dx[n][i] = sum over o of dy[n][o] * w[o][i].
 * Order: one chain from +0, a fused multiply-add per output, o rising. */
#include "ref/ref.h"

void REF(linear_backward_data)(const lw_linear_desc *d, const real *dy, const real *w, real *dx) {
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t i = 0; i < d->in; i++) {
      real acc = 0;
      for (int64_t o = 0; o < d->out; o++) acc = real_fma(dy[n * d->out + o], w[o * d->in + i], acc);
      dx[n * d->in + i] = acc;
    }
}
