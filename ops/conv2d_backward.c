/* SPDX-License-Identifier: Apache-2.0
 * Gradients of conv2d: to data, weights and bias. */
#include "ops/ops.h"

/* turned[ic][oc][kh][kw] = w[oc][ic][last - kh][last - kw] */
static void turn(const lw_conv2d_desc *d, const float *w, float *turned) {
  const int64_t taps = d->kh * d->kw;
  for (int64_t ic = 0; ic < d->ic; ic++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t k = 0; k < taps; k++) *turned++ = w[(oc * d->ic + ic) * taps + taps - 1 - k];
}

/* Through a plan of the convolution that the gradient is: whichever of its kernels that takes, it is faster than `strips`. */
static lw_status run_turned(lw_context *context, const lw_conv2d_desc *d, int64_t oh, int64_t ow, const float *dy, const float *w,
                            float *dx) {
  const lw_conv2d_desc forward = lw_conv2d_turned(d, oh, ow);
  lw_conv2d_plan *plan = NULL;
  const size_t bytes = (size_t)(d->oc * d->ic * d->kh * d->kw) * sizeof(float);
  float *turned = lw_memory_get(context, bytes);
  if (!turned) return lw_fail(LW_NO_MEMORY, "conv2d_backward_data: no memory for %zu bytes of turned kernels", bytes);
  turn(d, w, turned);
  lw_status status = lw_conv2d_plan_create(context, &forward, turned, NULL, 0, &plan);
  lw_memory_free(context, turned);
  if (status != LW_OK) return status;
  void *workspace = lw_memory_get(context, lw_conv2d_plan_workspace_bytes(plan));
  if (workspace)
    status = lw_conv2d_plan_run(plan, dy, dx, workspace);
  else
    status =
        lw_fail(LW_NO_MEMORY, "conv2d_backward_data: no memory for %zu bytes of workspace", lw_conv2d_plan_workspace_bytes(plan));
  lw_memory_free(context, workspace);
  lw_conv2d_plan_destroy(plan);
  return status;
}

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
  if (op == LW_OP_conv2d_backward_data && lw_isa_is_simd(context->isa) && lw_conv2d_can_turn(d))
    return run_turned(context, d, a->oh, a->ow, a->dy, a->w, a->out);

  const double outputs = (double)d->n * (double)(d->oc * a->oh * a->ow), taps = (double)(d->ic / d->groups * d->kh * d->kw);
  const int64_t work = lw_mac_work(context, op == LW_OP_conv2d_backward_bias ? outputs : outputs * taps, 0);
  a->scratch_stride = lw_isa_is_simd(context->isa) ? lw_conv2d_backward_scratch(op, d) : 0;
  const size_t bytes = a->scratch_stride * (size_t)lw_kernel_parts(context, work);
  a->scratch = bytes ? lw_memory_get(context, bytes) : NULL;
  if (bytes && !a->scratch) return lw_fail(LW_NO_MEMORY, "%s: no memory for %zu bytes of scratch", name, bytes);
  const lw_status status = lw_op_run(context, op, op == LW_OP_conv2d_backward_bias ? NULL : "strips", &args, work);
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
