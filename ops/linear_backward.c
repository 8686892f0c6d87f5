/* SPDX-License-Identifier: Apache-2.0
 * Gradients of linear: to data, weights and bias. */
#include "ops/ops.h"

/* out: the name of the gradient. A sum over no rows is +0, which the kernels write. */
static lw_status run(lw_context *context, lw_op op, const lw_linear_desc *d, const lw_linear_backward_args *given,
                     const char *out) {
  lw_args args = {.linear_backward = *given};
  lw_linear_backward_args *a = &args.linear_backward;
  const char *name = lw_op_name(op);
  const int per_row = op == LW_OP_linear_backward_data, reads_x = op == LW_OP_linear_backward_weights;
  LW_TRY(lw_linear_check(name, d));
  if (d->n == 0 && per_row) return LW_OK;
  if (d->n > 0 && reads_x) LW_TRY(lw_check_pointer(name, "x", a->x, sizeof(float)));
  if (d->n > 0) LW_TRY(lw_check_pointer(name, "dy", a->dy, sizeof(float)));
  if (per_row) LW_TRY(lw_check_pointer(name, "w", a->w, sizeof(float)));
  LW_TRY(lw_check_pointer(name, out, a->out, sizeof(float)));
  LW_TRY(lw_context_resolve(context, &context));
  a->desc = *d;
  const double outputs = (double)d->n * (double)d->out;
  return lw_op_run(context, op, NULL, &args,
                   lw_mac_work(context, op == LW_OP_linear_backward_bias ? outputs : outputs * (double)d->in, d->n == 1));
}

lw_status lw_linear_backward_data(lw_context *context, const lw_linear_desc *desc, const float *dy, const float *w, float *dx) {
  const lw_linear_backward_args args = {.dy = dy, .w = w, .out = dx};
  return run(context, LW_OP_linear_backward_data, desc, &args, "dx");
}

lw_status lw_linear_backward_weights(lw_context *context, const lw_linear_desc *desc, const float *x, const float *dy,
                                     float *dw) {
  const lw_linear_backward_args args = {.x = x, .dy = dy, .out = dw};
  return run(context, LW_OP_linear_backward_weights, desc, &args, "dw");
}

lw_status lw_linear_backward_bias(lw_context *context, const lw_linear_desc *desc, const float *dy, float *db) {
  const lw_linear_backward_args args = {.dy = dy, .out = db};
  return run(context, LW_OP_linear_backward_bias, desc, &args, "db");
}
