/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy and its gradient. */
#include "ops/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { WORK_OF_EXP = 20 }; /* operations per element */

static lw_status check_desc(const char *op, const lw_cross_entropy_desc *d, int64_t *count) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "%s: desc is NULL", op);
  LW_TRY(lw_check_least(op, "n", d->n, 0));
  LW_TRY(lw_check_least(op, "c", d->c, 1));
  LW_TRY(lw_check_count(op, "x", (const int64_t[]){d->n, d->c}, 2, sizeof(float), count));
  if (d->reduction != LW_REDUCTION_MEAN && d->reduction != LW_REDUCTION_SUM)
    return lw_fail(LW_BAD_ARGUMENT, "%s: reduction is %d, expected LW_REDUCTION_MEAN or LW_REDUCTION_SUM", op, (int)d->reduction);
  if (!(d->label_smoothing >= 0 && d->label_smoothing <= 1))
    return lw_fail(LW_BAD_ARGUMENT, "%s: label_smoothing is %g, expected 0..1", op, (double)d->label_smoothing);
  if (!d->class_weights) return LW_OK;
  LW_TRY(lw_check_pointer(op, "class_weights", d->class_weights, sizeof(float)));
  for (int64_t i = 0; i < d->c; i++)
    if (!(d->class_weights[i] >= 0 && isfinite(d->class_weights[i])))
      return lw_fail(LW_BAD_ARGUMENT, "%s: class_weights[%" PRId64 "] is %g, expected a finite number of at least 0", op, i,
                     (double)d->class_weights[i]);
  return LW_OK;
}

lw_status lw_cross_entropy_check(const lw_cross_entropy_desc *desc) { return check_desc("softmax_cross_entropy", desc, NULL); }

lw_status lw_cross_entropy_check_labels(const char *op, const lw_cross_entropy_desc *d, const int32_t *labels) {
  LW_TRY(lw_check_pointer(op, "labels", labels, sizeof *labels));
  for (int64_t n = 0; n < d->n; n++) {
    if ((labels[n] >= 0 && labels[n] < d->c) || (d->has_ignore_index && labels[n] == d->ignore_index)) continue;
    char ignored[48] = "";
    if (d->has_ignore_index) snprintf(ignored, sizeof ignored, " or the ignored %" PRId32, d->ignore_index);
    return lw_fail(LW_BAD_ARGUMENT, "%s: labels[%" PRId64 "] is %" PRId32 ", expected 0..%" PRId64 "%s", op, n, labels[n],
                   d->c - 1, ignored);
  }
  return LW_OK;
}

static lw_status run(lw_context *context, lw_op op, const lw_cross_entropy_desc *d, const float *x, const int32_t *labels,
                     float *out, const char *out_name) {
  const char *name = lw_op_name(op);
  int64_t count;
  LW_TRY(check_desc(name, d, &count));
  if (d->n == 0 && op == LW_OP_softmax_cross_entropy_backward) return LW_OK;
  if (d->n > 0) LW_TRY(LW_CHECK_F32(name, x));
  if (d->n > 0) LW_TRY(lw_cross_entropy_check_labels(name, d, labels));
  LW_TRY(lw_check_pointer(name, out_name, out, sizeof(float)));
  const lw_args args = {.cross_entropy = {.desc = *d, .x = x, .labels = labels, .out = out}};
  return lw_op_run(context, op, NULL, &args, count < INT64_MAX / WORK_OF_EXP ? WORK_OF_EXP * count : count);
}

lw_status lw_softmax_cross_entropy(lw_context *context, const lw_cross_entropy_desc *desc, const float *x, const int32_t *labels,
                                   float *loss) {
  return run(context, LW_OP_softmax_cross_entropy, desc, x, labels, loss, "loss");
}

lw_status lw_softmax_cross_entropy_backward(lw_context *context, const lw_cross_entropy_desc *desc, const float *x,
                                            const int32_t *labels, float *dx) {
  return run(context, LW_OP_softmax_cross_entropy_backward, desc, x, labels, dx, "dx");
}
