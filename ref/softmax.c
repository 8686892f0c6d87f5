/* SPDX-License-Identifier: Apache-2.0
 * softmax: over each row, e[i] = exp(x[i] - max), y[i] = e[i] / sum(e). exp: ref/math.h; sum: ref/rows.h. */
#include "ref/ref.h"
#include "ref/math.h"
#include "ref/rows.h"

void REF(softmax)(int64_t n, int64_t c, const real *x, real *y) {
  for (int64_t row = 0; row < n; row++, x += c, y += c) {
    const real max = row_max(c, x);
    row_sum sum = {{0}};
    for (int64_t i = 0; i < c; i++) {
      y[i] = real_exp(x[i] - max);
      row_sum_add(&sum, i, y[i]);
    }
    const real total = row_sum_total(sum);
    for (int64_t i = 0; i < c; i++) y[i] = y[i] / total;
  }
}
