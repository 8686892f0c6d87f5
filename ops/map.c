/* SPDX-License-Identifier: Apache-2.0
 * Operators over single elements: relu, tanh, dropout, flatten, add. */
#include "ops/ops.h"

static lw_status map(lw_context *context, lw_op op, int64_t count, const float *x, float *y) {
  const char *name = lw_op_name(op);
  LW_TRY(lw_check_count(name, "x", &count, 1, sizeof(float), NULL));
  if (count == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(name, x));
  LW_TRY(LW_CHECK_F32(name, y));
  const lw_args args = {.map = {count, x, y}};
  return lw_op_run(context, op, NULL, &args, count);
}

lw_status lw_relu(lw_context *context, int64_t count, const float *x, float *y) { return map(context, LW_OP_relu, count, x, y); }
