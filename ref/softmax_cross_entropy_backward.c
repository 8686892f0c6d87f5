/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy_backward: with p = softmax(x) (ref/softmax.c), a = (1 - eps) * w[t], b = eps/c and W = sum of w,
 *   dx[i] = fma(fma(b, W, a), p[i], -target[i]) / divisor,  target[i] = i == t ? fma(b, w[i], a) : b * w[i];
 * +0 for ignored samples. W is summed as ref/rows.h, the divisor as in ref/softmax_cross_entropy.c. */
#include "ref/ref.h"
#include "ref/cross_entropy.h"

void REF(softmax_cross_entropy_backward)(const lw_cross_entropy_desc *d, const real *x, const int32_t *labels, real *dx) {
  const real share = label_share(d), divisor = loss_divisor(d, labels), all = weights_total(d);
  for (int64_t n = 0; n < d->n; n++, x += d->c, dx += d->c) {
    const int32_t t = labels[n];
    if (is_ignored(d, t)) {
      for (int64_t i = 0; i < d->c; i++) dx[i] = 0;
      continue;
    }

    const real max = row_max(d->c, x);
    row_sum exps = {{0}};
    for (int64_t i = 0; i < d->c; i++) {
      dx[i] = real_exp(x[i] - max);
      row_sum_add(&exps, i, dx[i]);
    }
    const real total = row_sum_total(exps), own = label_kept(d) * class_weight(d, t), factor = real_fma(share, all, own);
    for (int64_t i = 0; i < d->c; i++) {
      const real target = i == t ? real_fma(share, class_weight(d, i), own) : share * class_weight(d, i);
      dx[i] = real_fma(factor, dx[i] / total, -target) / divisor;
    }
  }
}
