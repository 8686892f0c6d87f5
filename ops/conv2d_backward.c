/* SPDX-License-Identifier: Apache-2.0
 * Gradients of conv2d: to data, weights and bias. */
#include "ops/ops.h"

/* out: the name of the gradient. A sum over no images is +0, which the kernels write. */
static lw_status run(lw_context *context, lw_op op, const lw_conv2d_backward_args *given, const char *out) {
  lw_args args = {.conv2d_backward = *given};
  lw_conv2d_backward_args *a = &args.conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const char *name = lw_op_name(op);
  const int per_image = op == LW_OP_conv2d_backward_data, reads_x = op == LW_OP_conv2d_backward_weights;
  LW_TRY(lw_conv2d_output(d, &a->oh, &a->ow));
  if (d->n == 0 && per_image) return LW_OK;
  if (d->n > 0 && reads_x) LW_TRY(lw_check_pointer(name, "x", a->x, sizeof(float)));
  if (d->n > 0) LW_TRY(lw_check_pointer(name, "dy", a->dy, sizeof(float)));
  if (per_image) LW_TRY(lw_check_pointer(name, "w", a->w, sizeof(float)));
  LW_TRY(lw_check_pointer(name, out, a->out, sizeof(float)));
  LW_TRY(lw_context_resolve(context, &context));

  const double outputs = (double)d->n * (double)(d->oc * a->oh * a->ow), taps = (double)(d->ic / d->groups * d->kh * d->kw);
  const int64_t work = lw_mac_work(context, op == LW_OP_conv2d_backward_bias ? outputs : outputs * taps, 0);
  a->scratch_stride = lw_isa_is_simd(context->isa) ? lw_conv2d_backward_scratch(op, d) : 0;
  const size_t bytes = a->scratch_stride * (size_t)lw_kernel_parts(context, work);
  a->scratch = bytes ? lw_memory_get(context, bytes) : NULL;
  if (bytes && !a->scratch) return lw_fail(LW_NO_MEMORY, "%s: no memory for %zu bytes of scratch", name, bytes);
  const lw_status status = lw_op_run(context, op, NULL, &args, work);
  lw_memory_free(context, a->scratch);
  return status;
}

#define CHECK_DESC(op)                                                                                                           \
  if (!desc) return lw_fail(LW_BAD_ARGUMENT, op ": desc is NULL")

lw_status lw_conv2d_backward_data(lw_context *context, const lw_conv2d_desc *desc, const float *dy, const float *w, float *dx) {
  CHECK_DESC("conv2d_backward_data");
  const lw_conv2d_backward_args args = {.desc = *desc, .dy = dy, .w = w, .out = dx};
  return run(context, LW_OP_conv2d_backward_data, &args, "dx");
}

lw_status lw_conv2d_backward_weights(lw_context *context, const lw_conv2d_desc *desc, const float *x, const float *dy,
                                     float *dw) {
  CHECK_DESC("conv2d_backward_weights");
  const lw_conv2d_backward_args args = {.desc = *desc, .x = x, .dy = dy, .out = dw};
  return run(context, LW_OP_conv2d_backward_weights, &args, "dw");
}

lw_status lw_conv2d_backward_bias(lw_context *context, const lw_conv2d_desc *desc, const float *dy, float *db) {
  CHECK_DESC("conv2d_backward_bias");
  const lw_conv2d_backward_args args = {.desc = *desc, .dy = dy, .out = db};
  return run(context, LW_OP_conv2d_backward_bias, &args, "db");
}
