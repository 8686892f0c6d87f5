/* SPDX-License-Identifier: Apache-2.0
 * linear: the one-off call. */
#include "ops/ops.h"

lw_status lw_linear_check(const char *op, const lw_linear_desc *desc) {
  if (!desc) return lw_fail(LW_BAD_ARGUMENT, "%s: desc is NULL", op);
  LW_TRY(lw_check_least(op, "n", desc->n, 0));
  LW_TRY(lw_check_least(op, "in", desc->in, 1));
  LW_TRY(lw_check_least(op, "out", desc->out, 1));
  LW_TRY(lw_check_count(op, "x", (const int64_t[]){desc->n, desc->in}, 2, sizeof(float), NULL));
  const int64_t out = lw_size_plus(desc->out, LW_BLOCK);
  LW_TRY(lw_check_count(op, "padded w", (const int64_t[]){1, out, desc->in}, 3, sizeof(float), NULL));
  return lw_check_count(op, "y", (const int64_t[]){desc->n, out}, 2, sizeof(float), NULL);
}

lw_status lw_linear(lw_context *context, const lw_linear_desc *desc, const float *x, const float *w, const float *bias,
                    float *y) {
  LW_TRY(lw_linear_check("linear", desc));
  if (desc->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("linear", x));
  LW_TRY(LW_CHECK_F32("linear", w));
  if (bias) LW_TRY(LW_CHECK_F32("linear", bias));
  LW_TRY(LW_CHECK_F32("linear", y));
  LW_TRY(lw_context_resolve(context, &context));
  const double macs = (double)desc->n * (double)desc->in * (double)desc->out;
  const int64_t work = lw_mac_work(context, macs, desc->n == 1);
  lw_args args = {.linear = {.desc = *desc, .x = x, .w = w, .bias = bias, .y = y}};
  if (!lw_isa_is_simd(context->isa)) return lw_op_run(context, LW_OP_linear, NULL, &args, work);

  args.linear.scratch_stride = LW_LINEAR_PLAIN_SCRATCH;
  const size_t bytes = LW_LINEAR_PLAIN_SCRATCH * (size_t)lw_kernel_parts(context, work);
  args.linear.scratch = lw_memory_get(context, bytes);
  if (!args.linear.scratch) return lw_fail(LW_NO_MEMORY, "linear: no memory for %zu bytes of scratch", bytes);
  const lw_status status = lw_op_run(context, LW_OP_linear, "plain", &args, work);
  lw_memory_free(context, args.linear.scratch);
  return status;
}
