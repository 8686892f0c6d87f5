/* SPDX-License-Identifier: Apache-2.0
 * linear: y[n][o] = bias[o] + sum over i of x[n][i] * w[o][i].
 * Order: one chain that starts at the bias (+0 without one), then a fused multiply-add per input, i rising. */
#include "ref/ref.h"

void REF(linear)(const lw_linear_desc *d, const real *x, const real *w, const real *bias, real *y) {
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t o = 0; o < d->out; o++) {
      real acc = bias ? bias[o] : 0;
      for (int64_t i = 0; i < d->in; i++) acc = real_fma(x[n * d->in + i], w[o * d->in + i], acc);
      y[n * d->out + o] = acc;
    }
}
