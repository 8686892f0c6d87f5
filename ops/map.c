/* SPDX-License-Identifier: Apache-2.0
 * Operators over single elements: relu, tanh, dropout, flatten, add, and the gradients of relu, tanh and dropout. */
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

static lw_status check_probability(const char *op, float probability) {
  if (probability >= 0 && probability <= 1) return LW_OK;
  return lw_fail(LW_BAD_ARGUMENT, "%s: probability is %g, expected 0..1", op, (double)probability);
}

lw_status lw_dropout(lw_context *context, int64_t count, float probability, const float *x, float *y) {
  LW_TRY(check_probability("dropout", probability));
  return map(context, LW_OP_dropout, count, x, y);
}

/* Forward and backward are one kernel; op, in and out: their names in messages. */
static lw_status dropout_train(lw_context *context, const char *op, const lw_dropout_args *a, const char *in, const char *out) {
  LW_TRY(check_probability(op, a->probability));
  LW_TRY(lw_check_count(op, in, &a->count, 1, sizeof(float), NULL));
  if (a->count == 0) return LW_OK;
  LW_TRY(lw_check_pointer(op, in, a->x, sizeof(float)));
  LW_TRY(lw_check_pointer(op, out, a->y, sizeof(float)));
  const lw_args args = {.dropout = *a};
  enum { WORK_OF_RANDOM = 5 }; /* operations per element, of one philox for four */
  return lw_op_run(context, LW_OP_dropout_train, NULL, &args,
                   a->count < INT64_MAX / WORK_OF_RANDOM ? WORK_OF_RANDOM * a->count : a->count);
}

lw_status lw_dropout_train(lw_context *context, int64_t count, float probability, uint64_t seed, uint64_t stream, const float *x,
                           float *y) {
  return dropout_train(context, "dropout_train", &(lw_dropout_args){count, 0, probability, seed, stream, x, y}, "x", "y");
}

lw_status lw_dropout_backward(lw_context *context, int64_t count, float probability, uint64_t seed, uint64_t stream,
                              const float *dy, float *dx) {
  return dropout_train(context, "dropout_backward", &(lw_dropout_args){count, 0, probability, seed, stream, dy, dx}, "dy", "dx");
}

static lw_status map_backward(lw_context *context, lw_op op, int64_t count, const float *y, const float *dy, float *dx) {
  const char *name = lw_op_name(op);
  LW_TRY(lw_check_count(name, "y", &count, 1, sizeof(float), NULL));
  if (count == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(name, y));
  LW_TRY(LW_CHECK_F32(name, dy));
  LW_TRY(LW_CHECK_F32(name, dx));
  const lw_args args = {.map_backward = {count, y, dy, dx}};
  return lw_op_run(context, op, NULL, &args, count);
}

lw_status lw_relu_backward(lw_context *context, int64_t count, const float *y, const float *dy, float *dx) {
  return map_backward(context, LW_OP_relu_backward, count, y, dy, dx);
}

lw_status lw_tanh_backward(lw_context *context, int64_t count, const float *y, const float *dy, float *dx) {
  return map_backward(context, LW_OP_tanh_backward, count, y, dy, dx);
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
