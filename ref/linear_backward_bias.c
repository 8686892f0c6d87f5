/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_bias: db[o] = sum over n of dy[n][o].
 * Order: a chain of additions from +0, n rising.
 * o0, o1: only of the outputs o0..o1-1. */
#include "ref/ref.h"

void REF(linear_backward_bias)(const lw_linear_desc *d, int64_t o0, int64_t o1, const real *dy, real *db) {
  for (int64_t o = o0; o < o1; o++) {
    real sum = 0;
    for (int64_t n = 0; n < d->n; n++) sum += dy[n * d->out + o];
    db[o] = sum;
  }
}
