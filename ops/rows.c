/* SPDX-License-Identifier: Apache-2.0
 * Operators over rows: softmax, log_softmax, topk. */
#include "ops/ops.h"

#include <inttypes.h>

enum { WORK_OF_EXP = 20 }; /* operations per element */

static lw_status rows(lw_context *context, lw_op op, int64_t n, int64_t c, const float *x, float *y) {
  const char *name = lw_op_name(op);
  int64_t count;
  LW_TRY(lw_check_count(name, "x", (const int64_t[]){n, c}, 2, sizeof(float), &count));
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(name, x));
  LW_TRY(LW_CHECK_F32(name, y));
  const lw_args args = {.rows = {n, c, x, y}};
  return lw_op_run(context, op, NULL, &args, count < INT64_MAX / WORK_OF_EXP ? WORK_OF_EXP * count : count);
}

lw_status lw_softmax(lw_context *context, int64_t n, int64_t c, const float *x, float *y) {
  return rows(context, LW_OP_softmax, n, c, x, y);
}

lw_status lw_log_softmax(lw_context *context, int64_t n, int64_t c, const float *x, float *y) {
  return rows(context, LW_OP_log_softmax, n, c, x, y);
}

lw_status lw_topk(lw_context *context, int64_t n, int64_t c, int64_t k, const float *x, float *y, int32_t *index) {
  int64_t count;
  LW_TRY(lw_check_count("topk", "x", (const int64_t[]){n, c}, 2, sizeof(float), &count));
  if (k < 1 || k > c) return lw_fail(LW_BAD_SHAPE, "topk: k is %" PRId64 ", expected 1..%" PRId64, k, c);
  if (c > INT32_MAX) return lw_fail(LW_BAD_SHAPE, "topk: c is %" PRId64 ", too large for an int32 index", c);
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("topk", x));
  LW_TRY(LW_CHECK_F32("topk", y));
  LW_TRY(lw_check_pointer("topk", "index", index, sizeof *index));
  const lw_args args = {.topk = {n, c, k, x, y, index}};
  return lw_op_run(context, LW_OP_topk, NULL, &args, count);
}
