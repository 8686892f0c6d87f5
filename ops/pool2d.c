/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d and avg_pool2d, and their gradients. */
#include "ops/ops.h"

#include <inttypes.h>
#include <limits.h>

/* room: where the first window may start before the padded input ends. Below 0 only in ceil mode, and then no further than a
 * stride. */
static int64_t axis(int64_t in, int64_t pad, int64_t room, int64_t stride, int ceil_mode) {
  int64_t out = (ceil_mode ? room + stride - 1 : room) / stride + 1;
  /* As in PyTorch: a last window that would start in the right padding is dropped. */
  if (ceil_mode && (out - 1) * stride >= in + pad) out--;
  return out;
}

static lw_status output(const char *op, const lw_pool2d_desc *d, int64_t *oh, int64_t *ow) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "%s: desc is NULL", op);
  const struct {
    const char *name;
    int64_t value, least;
  } fields[] = {{"n", d->n, 0},
                {"c", d->c, 1},
                {"ih", d->ih, 1},
                {"iw", d->iw, 1},
                {"kh", d->kh, 1},
                {"kw", d->kw, 1},
                {"stride_h", d->stride_h, 1},
                {"stride_w", d->stride_w, 1},
                {"pad_h", d->pad_h, 0},
                {"pad_w", d->pad_w, 0},
                {"dilation_h", d->dilation_h, 1},
                {"dilation_w", d->dilation_w, 1}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    LW_TRY(lw_check_least(op, fields[i].name, fields[i].value, fields[i].least));
  const struct {
    const char *name;
    int64_t in, kernel, pad, dilation, stride;
  } axes[] = {{"h", d->ih, d->kh, d->pad_h, d->dilation_h, d->stride_h},
              {"w", d->iw, d->kw, d->pad_w, d->dilation_w, d->stride_w}};
  int64_t room[2];
  for (int i = 0; i < 2; i++) {
    int64_t extent, limit;
    if (axes[i].pad > axes[i].kernel / 2)
      return lw_fail(LW_BAD_SHAPE, "%s: pad_%s is %" PRId64 ", expected at most half of the kernel, %" PRId64, op, axes[i].name,
                     axes[i].pad, axes[i].kernel / 2);
    if (__builtin_add_overflow(axes[i].in, axes[i].kernel, &limit) || __builtin_add_overflow(limit, axes[i].stride, &limit))
      return lw_fail(LW_BAD_SHAPE, "%s: i%s %" PRId64 ", k%s %" PRId64 " and stride_%s %" PRId64 " are too large", op,
                     axes[i].name, axes[i].in, axes[i].name, axes[i].kernel, axes[i].name, axes[i].stride);
    const int overflow = __builtin_mul_overflow(axes[i].dilation, axes[i].kernel - 1, &extent);
    room[i] = overflow ? 0 : axes[i].in + 2 * axes[i].pad - 1 - extent;
    /* In ceil mode one window may be larger than the input, as in PyTorch. */
    if (overflow || room[i] + (d->ceil_mode ? axes[i].stride - 1 : 0) < 0)
      return lw_fail(LW_BAD_SHAPE,
                     "%s: k%s %" PRId64 " with dilation %" PRId64 " does not fit the padded input i%s %" PRId64 " + 2 x %" PRId64,
                     op, axes[i].name, axes[i].kernel, axes[i].dilation, axes[i].name, axes[i].in, axes[i].pad);
  }
  const int64_t c = lw_size_plus(d->c, LW_BLOCK);
  LW_TRY(lw_check_count(op, "the window", (const int64_t[]){1, d->kh, d->kw}, 3, sizeof(float), NULL));
  LW_TRY(lw_check_count(op, "x", (const int64_t[]){d->n, c, d->ih, d->iw}, 4, sizeof(float), NULL));
  const int64_t h = axis(d->ih, d->pad_h, room[0], d->stride_h, d->ceil_mode);
  const int64_t w = axis(d->iw, d->pad_w, room[1], d->stride_w, d->ceil_mode);
  LW_TRY(lw_check_count(op, "y", (const int64_t[]){d->n, c, h, w}, 4, sizeof(float), NULL));
  *oh = h;
  *ow = w;
  return LW_OK;
}

lw_status lw_pool2d_output(const lw_pool2d_desc *d, int64_t *oh, int64_t *ow) {
  if (!oh || !ow) return lw_fail(LW_BAD_ARGUMENT, "pool2d: %s is NULL", oh ? "ow" : "oh");
  return output("pool2d", d, oh, ow);
}

static lw_status check_not_dilated(const char *op, const lw_pool2d_desc *d) {
  if (d->dilation_h == 1 && d->dilation_w == 1) return LW_OK;
  return lw_fail(LW_BAD_ARGUMENT, "%s: dilation is %" PRId64 " x %" PRId64 ", expected 1", op, d->dilation_h, d->dilation_w);
}

static lw_status check_index_fits(const char *op, const lw_pool2d_desc *d) {
  if (d->ih <= INT32_MAX / d->iw) return LW_OK;
  return lw_fail(LW_BAD_SHAPE, "%s: ih*iw is %" PRId64 " * %" PRId64 ", too large for an int32 index", op, d->ih, d->iw);
}

int64_t lw_pool2d_work(const lw_pool2d_desc *d, int64_t oh, int64_t ow) {
  const double adds = (double)(d->n * d->c * oh * ow) * (double)(d->kh * d->kw);
  return adds < 1e15 ? (int64_t)adds : (int64_t)1e15;
}

static lw_status pool(lw_context *context, lw_op op, const lw_pool2d_desc *d, const float *x, float *y, int32_t *index) {
  const char *name = lw_op_name(op);
  int64_t oh, ow;
  LW_TRY(output(name, d, &oh, &ow));
  if (op == LW_OP_avg_pool2d) LW_TRY(check_not_dilated(name, d));
  if (index) LW_TRY(check_index_fits(name, d));
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(name, x));
  LW_TRY(LW_CHECK_F32(name, y));
  if (index) LW_TRY(lw_check_pointer(name, "index", index, sizeof *index));
  const lw_args args = {.pool2d = {.desc = *d,
                                   .oh = oh,
                                   .ow = ow,
                                   .x = lw_view_plain(x, d->c, d->ih, d->iw),
                                   .y = lw_view_plain(y, d->c, oh, ow),
                                   .index = index}};
  return lw_op_run(context, op, "plain", &args, lw_pool2d_work(d, oh, ow));
}

lw_status lw_max_pool2d(lw_context *context, const lw_pool2d_desc *desc, const float *x, float *y, int32_t *index) {
  return pool(context, LW_OP_max_pool2d, desc, x, y, index);
}

lw_status lw_avg_pool2d(lw_context *context, const lw_pool2d_desc *desc, const float *x, float *y) {
  return pool(context, LW_OP_avg_pool2d, desc, x, y, NULL);
}

/* Whether `index` is a position of the window that starts at row h, column w. */
static int in_window(const lw_pool2d_desc *d, int64_t h, int64_t w, int32_t index) {
  for (int64_t kh = 0, ih = h; kh < d->kh; kh++, ih += d->dilation_h) {
    const int64_t iw = index - ih * d->iw;
    if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
    return iw >= w && (iw - w) % d->dilation_w == 0 && (iw - w) / d->dilation_w < d->kw;
  }
  return 0;
}

/* A wrong index would write anywhere. */
static lw_status check_index(const char *op, const lw_pool2d_desc *d, int64_t oh_count, int64_t ow_count, const int32_t *index) {
  int64_t i = 0;
  LW_TRY(lw_check_pointer(op, "index", index, sizeof *index));
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++, i++)
        if (index[i] != -1 && !in_window(d, oh * d->stride_h - d->pad_h, ow * d->stride_w - d->pad_w, index[i]))
          return lw_fail(LW_BAD_ARGUMENT, "%s: index[%" PRId64 "] is %" PRId32 ", expected -1 or a position of its window", op, i,
                         index[i]);
  return LW_OK;
}

lw_status lw_max_pool2d_backward(lw_context *context, const lw_pool2d_desc *desc, const int32_t *index, const float *dy,
                                 float *dx) {
  static const char op[] = "max_pool2d_backward";
  int64_t oh, ow;
  LW_TRY(output(op, desc, &oh, &ow));
  LW_TRY(check_index_fits(op, desc));
  if (desc->n == 0) return LW_OK;
  LW_TRY(check_index(op, desc, oh, ow, index));
  LW_TRY(LW_CHECK_F32(op, dy));
  LW_TRY(LW_CHECK_F32(op, dx));
  const lw_args args = {.pool2d_backward = {.desc = *desc, .oh = oh, .ow = ow, .index = index, .dy = dy, .dx = dx}};
  return lw_op_run(context, LW_OP_max_pool2d_backward, NULL, &args, lw_pool2d_work(desc, oh, ow));
}

lw_status lw_avg_pool2d_backward(lw_context *context, const lw_pool2d_desc *desc, const float *dy, float *dx) {
  static const char op[] = "avg_pool2d_backward";
  int64_t oh, ow;
  LW_TRY(output(op, desc, &oh, &ow));
  LW_TRY(check_not_dilated(op, desc));
  if (desc->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(op, dy));
  LW_TRY(LW_CHECK_F32(op, dx));
  const lw_args args = {.pool2d_backward = {.desc = *desc, .oh = oh, .ow = ow, .dy = dy, .dx = dx}};
  return lw_op_run(context, LW_OP_avg_pool2d_backward, NULL, &args, lw_pool2d_work(desc, oh, ow));
}
