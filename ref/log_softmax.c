/* SPDX-License-Identifier: Apache-2.0
 * log_softmax: over each row, y[i] = (x[i] - max) - log(sum of exp(x - max)). exp, log: ref/math.h; sum: ref/rows.h. */
#include "ref/ref.h"
#include "ref/math.h"
#include "ref/rows.h"

void REF(log_softmax)(int64_t n, int64_t c, const real *x, real *y) {
  for (int64_t row = 0; row < n; row++, x += c, y += c) {
    const real max = row_max(c, x);
    row_sum sum = {{0}};
    for (int64_t i = 0; i < c; i++) row_sum_add(&sum, i, real_exp(x[i] - max));
    const real log_total = real_log(row_sum_total(sum));
    for (int64_t i = 0; i < c; i++) y[i] = (x[i] - max) - log_total;
  }
}
