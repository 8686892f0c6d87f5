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
lw_status lw_tanh(lw_context *context, int64_t count, const float *x, float *y) { return map(context, LW_OP_tanh, count, x, y); }

lw_status lw_dropout(lw_context *context, int64_t count, float probability, const float *x, float *y) {
  if (!(probability >= 0 && probability <= 1))
    return lw_fail(LW_BAD_ARGUMENT, "dropout: probability is %g, expected 0..1", (double)probability);
  return map(context, LW_OP_dropout, count, x, y);
}

lw_status lw_flatten(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, const float *x, float *y) {
  int64_t count;
  LW_TRY(lw_check_count("flatten", "x", (const int64_t[]){n, c, h, w}, 4, sizeof(float), &count));
  return map(context, LW_OP_flatten, count, x, y);
}

lw_status lw_add(lw_context *context, int64_t count, const float *a, const float *b, float *y) {
  LW_TRY(lw_check_count("add", "a", &count, 1, sizeof(float), NULL));
  if (count == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("add", a));
  LW_TRY(LW_CHECK_F32("add", b));
  LW_TRY(LW_CHECK_F32("add", y));
  const lw_args args = {.add = {count, a, b, y}};
  return lw_op_run(context, LW_OP_add, NULL, &args, count);
}
