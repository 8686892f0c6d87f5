/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/xnnpack.h"

#include <math.h>
#include <stdlib.h>

static lw_status check(enum xnn_status status, const char *what) {
  if (status == xnn_status_success) return LW_OK;
  const char *why = status == xnn_status_invalid_parameter       ? "invalid parameter"
                    : status == xnn_status_unsupported_parameter ? "unsupported parameter"
                    : status == xnn_status_unsupported_hardware  ? "unsupported hardware"
                    : status == xnn_status_out_of_memory         ? "out of memory"
                                                                 : "failed";
  return lw_fail(status == xnn_status_out_of_memory ? LW_NO_MEMORY : LW_UNSUPPORTED, "xnnpack: %s: %s (status %d)", what, why,
                 (int)status);
}

/* -------------------------------------------------------------------------------------------------------------- making */

static size_t bytes_of(const xnnpack_chain *c, lw_shape s) {
  return (size_t)(c->n * s.c * s.h * s.w) * sizeof(float) + XNN_EXTRA_BYTES;
}

void xnnpack_destroy(void *instance) {
  xnnpack_chain *c = instance;
  if (!c) return;
  for (size_t i = 0; i < c->count; i++) xnn_delete_operator(c->links[i].op);
  peer_release(c->buffers[0]);
  peer_release(c->buffers[1]);
  free(c->links);
  free(c);
}

xnnpack_chain *xnnpack_make(const xnnpack *b, int64_t n, lw_shape in) {
  xnnpack_chain *c = calloc(1, sizeof *c);
  if (!c) return (void)lw_fail(LW_NO_MEMORY, "xnnpack: no memory for a chain of operators"), NULL;
  c->pool = b->pool;
  c->n = n;
  c->in = c->out = in;
  c->bytes = bytes_of(c, in);
  return c;
}

/* Appends an operator that was made with `status`. */
static lw_status append(xnnpack_chain *c, const char *what, enum xnn_status made, xnn_operator_t op, lw_layer_kind kind,
                        lw_shape out) {
  lw_status status = check(made, what);
  if (status != LW_OK) return status;
  xnnpack_link *links = realloc(c->links, (c->count + 1) * sizeof *links);
  if (!links) {
    xnn_delete_operator(op);
    return lw_fail(LW_NO_MEMORY, "xnnpack: no memory for %zu operators", c->count + 1);
  }
  c->links = links;
  c->links[c->count++] = (xnnpack_link){op, kind, c->out};
  c->out = out;
  if (bytes_of(c, out) > c->bytes) c->bytes = bytes_of(c, out);
  return LW_OK;
}

/* to[o][pixel][channel] = from[o][channel][pixel] */
static void channels_last(int64_t o, int64_t channels, int64_t pixels, const float *from, float *to) {
  for (int64_t i = 0; i < o; i++, from += channels * pixels, to += channels * pixels)
    for (int64_t p = 0; p < pixels; p++)
      for (int64_t k = 0; k < channels; k++) to[p * channels + k] = from[k * pixels + p];
}

static void channels_first(int64_t o, int64_t channels, int64_t pixels, const float *from, float *to) {
  channels_last(o, pixels, channels, from, to);
}

static float least(int relu) { return relu ? 0 : -INFINITY; }

lw_status xnnpack_add_conv2d(xnnpack_chain *c, const lw_conv2d_desc *d, const float *w, const float *bias, int relu) {
  int64_t oh, ow;
  const lw_status status = lw_conv2d_output(d, &oh, &ow);
  if (status != LW_OK) return status;
  const int64_t ic = d->ic / d->groups, oc = d->oc / d->groups;
  float *kernel = peer_allocate("xnnpack: weights", (size_t)(d->oc * ic * d->kh * d->kw) * sizeof *kernel);
  xnn_operator_t op = NULL;
  if (!kernel) return LW_NO_MEMORY;
  channels_last(d->oc, ic, d->kh * d->kw, w, kernel);
  const enum xnn_status made = xnn_create_convolution2d_nhwc_f32(
      (uint32_t)d->pad_top, (uint32_t)d->pad_right, (uint32_t)d->pad_bottom, (uint32_t)d->pad_left, (uint32_t)d->kh,
      (uint32_t)d->kw, (uint32_t)d->stride_h, (uint32_t)d->stride_w, (uint32_t)d->dilation_h, (uint32_t)d->dilation_w,
      (uint32_t)d->groups, (size_t)ic, (size_t)oc, (size_t)d->ic, (size_t)d->oc, kernel, bias, least(relu), INFINITY, 0, &op);
  peer_release(kernel);
  return append(c, "convolution", made, op, LW_LAYER_CONV2D, (lw_shape){d->oc, oh, ow});
}

lw_status xnnpack_add_linear(xnnpack_chain *c, int64_t out, const float *w, const float *bias, int relu) {
  const int64_t pixels = c->out.h * c->out.w, in = c->out.c * pixels;
  float *kernel = peer_allocate("xnnpack: weights", (size_t)(out * in) * sizeof *kernel);
  xnn_operator_t op = NULL;
  if (!kernel) return LW_NO_MEMORY;
  channels_last(out, c->out.c, pixels, w, kernel); /* inputs are numbered as they lie */
  const enum xnn_status made = xnn_create_fully_connected_nc_f32((size_t)in, (size_t)out, (size_t)in, (size_t)out, kernel, bias,
                                                                 least(relu), INFINITY, 0, &op);
  peer_release(kernel);
  return append(c, "fully connected layer", made, op, LW_LAYER_LINEAR, (lw_shape){out, 1, 1});
}

uint32_t xnnpack_padding_after(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before) {
  const int64_t after = (out - 1) * stride + (kernel - 1) * dilation + 1 - in - before;
  return after > 0 ? (uint32_t)after : 0;
}

lw_status xnnpack_add_pool2d(xnnpack_chain *c, const lw_pool2d_desc *d, lw_layer_kind kind) {
  int64_t oh, ow;
  const lw_status status = lw_pool2d_output(d, &oh, &ow);
  if (status != LW_OK) return status;
  const uint32_t bottom = xnnpack_padding_after(d->ih, oh, d->kh, d->stride_h, d->dilation_h, d->pad_h);
  const uint32_t right = xnnpack_padding_after(d->iw, ow, d->kw, d->stride_w, d->dilation_w, d->pad_w);
  const uint32_t top = (uint32_t)d->pad_h, left = (uint32_t)d->pad_w, kh = (uint32_t)d->kh, kw = (uint32_t)d->kw;
  const size_t channels = (size_t)d->c;
  xnn_operator_t op = NULL;
  const enum xnn_status made =
      kind == LW_LAYER_MAX_POOL2D
          ? xnn_create_max_pooling2d_nhwc_f32(top, right, bottom, left, kh, kw, (uint32_t)d->stride_h, (uint32_t)d->stride_w,
                                              (uint32_t)d->dilation_h, (uint32_t)d->dilation_w, channels, channels, channels,
                                              -INFINITY, INFINITY, 0, &op)
          : xnn_create_average_pooling2d_nhwc_f32(top, right, bottom, left, kh, kw, (uint32_t)d->stride_h, (uint32_t)d->stride_w,
                                                  channels, channels, channels, -INFINITY, INFINITY, 0, &op);
  return append(c, "pooling", made, op, kind, (lw_shape){d->c, oh, ow});
}

lw_status xnnpack_add_map(xnnpack_chain *c, lw_layer_kind kind) {
  const size_t channels = (size_t)c->out.c;
  xnn_operator_t op = NULL;
  const enum xnn_status made = kind == LW_LAYER_RELU ? xnn_create_clamp_nc_f32(channels, channels, channels, 0, INFINITY, 0, &op)
                                                     : xnn_create_softmax_nc_f32(channels, channels, channels, 0, &op);
  return append(c, kind == LW_LAYER_RELU ? "clamp" : "softmax", made, op, kind, c->out);
}

static lw_status set_up(const xnnpack_chain *c, size_t i) {
  const xnnpack_link *l = &c->links[i];
  xnn_operator_t op = c->links[i].op;
  const float *x = c->buffers[i % 2];
  float *y = c->buffers[(i + 1) % 2];
  const size_t n = (size_t)c->n, h = (size_t)l->in.h, w = (size_t)l->in.w;
  enum xnn_status status = xnn_status_invalid_parameter;
  if (l->kind == LW_LAYER_CONV2D) status = xnn_setup_convolution2d_nhwc_f32(op, n, h, w, x, y, c->pool);
  if (l->kind == LW_LAYER_LINEAR) status = xnn_setup_fully_connected_nc_f32(op, n, x, y, c->pool);
  if (l->kind == LW_LAYER_MAX_POOL2D) status = xnn_setup_max_pooling2d_nhwc_f32(op, n, h, w, x, y, c->pool);
  if (l->kind == LW_LAYER_AVG_POOL2D) status = xnn_setup_average_pooling2d_nhwc_f32(op, n, h, w, x, y, c->pool);
  if (l->kind == LW_LAYER_RELU) status = xnn_setup_clamp_nc_f32(op, n * h * w, x, y, c->pool);
  if (l->kind == LW_LAYER_SOFTMAX) status = xnn_setup_softmax_nc_f32(op, n * h * w, x, y, c->pool);
  return check(status, "setup");
}

int xnnpack_finish(xnnpack_chain *c, lw_status status, void **instance) {
  for (int i = 0; i < 2 && status == LW_OK; i++)
    if (!(c->buffers[i] = peer_allocate("xnnpack: tensors", c->bytes))) status = LW_NO_MEMORY;
  for (size_t i = 0; i < c->count && status == LW_OK; i++) status = set_up(c, i);
  if (status == LW_OK)
    *instance = c;
  else
    xnnpack_destroy(c);
  return status;
}

/* ------------------------------------------------------------------------------------------------------------- running */

int xnnpack_load(void *instance, const float *const *inputs) {
  const xnnpack_chain *c = instance;
  channels_last(c->n, c->in.c, c->in.h * c->in.w, inputs[0], c->buffers[0]);
  return LW_OK;
}

int xnnpack_compute(void *instance) {
  const xnnpack_chain *c = instance;
  if (c->n == 0) return LW_OK;
  for (size_t i = 0; i < c->count; i++) {
    const lw_status status = check(xnn_run_operator(c->links[i].op, c->pool), "run");
    if (status != LW_OK) return status;
  }
  return LW_OK;
}

int xnnpack_store(void *instance, float *const *outputs) {
  const xnnpack_chain *c = instance;
  channels_first(c->n, c->out.c, c->out.h * c->out.w, c->buffers[c->count % 2], outputs[0]);
  return LW_OK;
}

int xnnpack_run(void *instance, const float *const *inputs, float *const *outputs) {
  (void)xnnpack_load(instance, inputs);
  const int status = xnnpack_compute(instance);
  return status == LW_OK ? xnnpack_store(instance, outputs) : status;
}
