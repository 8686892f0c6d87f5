/* SPDX-License-Identifier: Apache-2.0
 * What softmax_cross_entropy and its gradient share. */
#ifndef LANEWISE_REF_CROSS_ENTROPY_H
#define LANEWISE_REF_CROSS_ENTROPY_H

#include "ref/math.h"
#include "ref/rows.h"

static inline int is_ignored(const lw_cross_entropy_desc *d, int32_t label) {
  return d->has_ignore_index && label == d->ignore_index;
}

static inline real class_weight(const lw_cross_entropy_desc *d, int64_t i) { return d->class_weights ? d->class_weights[i] : 1; }

/* What of a label stays with its class, and what every class gets of it. */
static inline real label_kept(const lw_cross_entropy_desc *d) { return 1 - (real)d->label_smoothing; }
static inline real label_share(const lw_cross_entropy_desc *d) { return (real)d->label_smoothing / (real)d->c; }

/* What the losses of samples are divided by: for the mean the sum of their labels' weights, a chain from +0 over rising n. */
static inline real loss_divisor(const lw_cross_entropy_desc *d, const int32_t *labels) {
  if (d->reduction == LW_REDUCTION_SUM) return 1;
  real sum = 0;
  for (int64_t n = 0; n < d->n; n++)
    if (!is_ignored(d, labels[n])) sum += class_weight(d, labels[n]);
  return sum;
}

/* The sum of all weights, in the order of a row. */
static inline real weights_total(const lw_cross_entropy_desc *d) {
  row_sum sum = {{0}};
  for (int64_t i = 0; i < d->c; i++) row_sum_add(&sum, i, class_weight(d, i));
  return row_sum_total(sum);
}

#endif
