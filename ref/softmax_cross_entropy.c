/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy: with logp = log_softmax(x) (ref/log_softmax.c), weights w and eps = label_smoothing, sample n with label
 * t costs  (1 - eps) * -(w[t] * logp[t]), and if eps > 0 plus eps/c * -(sum over i of w[i] * logp[i]), that one added by an fma.
 * Order: the sum over i as ref/rows.h; the sum over samples a chain of additions from +0, n rising, without the ignored ones;
 * then for the mean one division by the sum of w[t], which is a chain like it. */
#include "ref/ref.h"
#include "ref/cross_entropy.h"

void REF(softmax_cross_entropy)(const lw_cross_entropy_desc *d, const real *x, const int32_t *labels, real *loss) {
  real sum = 0;
  for (int64_t n = 0; n < d->n; n++, x += d->c) {
    const int32_t t = labels[n];
    if (is_ignored(d, t)) continue;

    const real max = row_max(d->c, x);
    row_sum exps = {{0}}, logs = {{0}};
    for (int64_t i = 0; i < d->c; i++) row_sum_add(&exps, i, real_exp(x[i] - max));
    const real log_total = real_log(row_sum_total(exps));

    real cost = label_kept(d) * -(class_weight(d, t) * ((x[t] - max) - log_total));
    if (d->label_smoothing > 0) {
      for (int64_t i = 0; i < d->c; i++) row_sum_add(&logs, i, class_weight(d, i) * ((x[i] - max) - log_total));
      cost = real_fma(label_share(d), -row_sum_total(logs), cost);
    }
    sum += cost;
  }
  *loss = sum / loss_divisor(d, labels);
}
