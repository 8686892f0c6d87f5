/* SPDX-License-Identifier: Apache-2.0
 * XNNPACK (https://github.com/google/XNNPACK) as a backend: its operators, by themselves and as whole networks. */
#include "bench/peers/xnnpack.h"

#include <cpuinfo.h>
#include <stdlib.h>

/* ----------------------------------------------------------------------------------------------------------- operators */

/* XNNPACK counts sizes of windows, images and groups in 32 bits. */
static int fits(int64_t size) { return size <= INT32_MAX; }

static int conv2d_supported(void *backend, const lw_backend_desc *desc) {
  const lw_conv2d_desc *d = desc->shape;
  int64_t oh, ow;
  (void)backend;
  return lw_conv2d_output(d, &oh, &ow) == LW_OK && fits(d->ih + d->pad_top + d->pad_bottom) &&
         fits(d->iw + d->pad_left + d->pad_right) && fits(d->groups) && fits(d->stride_h) && fits(d->stride_w) &&
         fits(d->dilation_h) && fits(d->dilation_w);
}

static int conv2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_conv2d_desc *d = desc->shape;
  xnnpack_chain *c = xnnpack_make(backend, d->n, (lw_shape){d->ic, d->ih, d->iw});
  return c ? xnnpack_finish(c, xnnpack_add_conv2d(c, d, weights[0], weights[1], desc->relu), instance) : LW_NO_MEMORY;
}

static int linear_supported(void *backend, const lw_backend_desc *desc) {
  const lw_linear_desc *d = desc->shape;
  (void)backend;
  return d->n >= 0 && d->in > 0 && d->out > 0;
}

static int linear_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_linear_desc *d = desc->shape;
  xnnpack_chain *c = xnnpack_make(backend, d->n, (lw_shape){d->in, 1, 1});
  return c ? xnnpack_finish(c, xnnpack_add_linear(c, d->out, weights[0], weights[1], desc->relu), instance) : LW_NO_MEMORY;
}

/* XNNPACK has no windows of one pixel. */
static int pool2d_supported(const lw_pool2d_desc *d) {
  int64_t oh, ow;
  return lw_pool2d_output(d, &oh, &ow) == LW_OK && d->kh * d->kw > 1 && fits(d->ih + 2 * d->pad_h) &&
         fits(d->iw + 2 * d->pad_w) && fits(d->stride_h) && fits(d->stride_w) && fits(d->dilation_h) && fits(d->dilation_w);
}

/* With a dilation (be it that of a side on which the window has one pixel), this version takes pixels for padding that the
 * window does not touch, or that are not on the image at all. */
static int max_pool2d_supported(void *backend, const lw_backend_desc *desc) {
  const lw_pool2d_desc *d = desc->shape;
  int64_t oh, ow;
  (void)backend;
  if (!pool2d_supported(d)) return 0;
  if (d->dilation_h == 1 && d->dilation_w == 1) return 1;
  (void)lw_pool2d_output(d, &oh, &ow);
  return d->pad_h == 0 && d->pad_w == 0 && xnnpack_padding_after(d->ih, oh, d->kh, d->stride_h, d->dilation_h, 0) == 0 &&
         xnnpack_padding_after(d->iw, ow, d->kw, d->stride_w, d->dilation_w, 0) == 0;
}

/* XNNPACK divides by the pixels of the window that lie on the image. */
static int avg_pool2d_supported(void *backend, const lw_backend_desc *desc) {
  const lw_pool2d_desc *d = desc->shape;
  int64_t oh, ow;
  (void)backend;
  if (!pool2d_supported(d) || d->dilation_h != 1 || d->dilation_w != 1) return 0;
  (void)lw_pool2d_output(d, &oh, &ow);
  return !d->count_include_pad ||
         (d->pad_h == 0 && d->pad_w == 0 && xnnpack_padding_after(d->ih, oh, d->kh, d->stride_h, 1, 0) == 0 &&
          xnnpack_padding_after(d->iw, ow, d->kw, d->stride_w, 1, 0) == 0);
}

static int pool2d_create(const xnnpack *b, const lw_pool2d_desc *d, lw_layer_kind kind, void **instance) {
  xnnpack_chain *c = xnnpack_make(b, d->n, (lw_shape){d->c, d->ih, d->iw});
  return c ? xnnpack_finish(c, xnnpack_add_pool2d(c, d, kind), instance) : LW_NO_MEMORY;
}

static int max_pool2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return pool2d_create(backend, desc->shape, LW_LAYER_MAX_POOL2D, instance);
}

static int avg_pool2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return pool2d_create(backend, desc->shape, LW_LAYER_AVG_POOL2D, instance);
}

static int relu_supported(void *backend, const lw_backend_desc *desc) {
  (void)backend;
  return ((const lw_backend_count_desc *)desc->shape)->count >= 0;
}

static int relu_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  xnnpack_chain *c = xnnpack_make(backend, ((const lw_backend_count_desc *)desc->shape)->count, (lw_shape){1, 1, 1});
  return c ? xnnpack_finish(c, xnnpack_add_map(c, LW_LAYER_RELU), instance) : LW_NO_MEMORY;
}

static int softmax_supported(void *backend, const lw_backend_desc *desc) {
  const lw_backend_rows_desc *d = desc->shape;
  (void)backend;
  return d->n >= 0 && d->c > 0;
}

static int softmax_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_backend_rows_desc *d = desc->shape;
  (void)weights;
  xnnpack_chain *c = xnnpack_make(backend, d->n, (lw_shape){d->c, 1, 1});
  return c ? xnnpack_finish(c, xnnpack_add_map(c, LW_LAYER_SOFTMAX), instance) : LW_NO_MEMORY;
}

/* ------------------------------------------------------------------------------------------------------------ networks */

/* This version has no tanh. */
static int net_supported(void *backend, const lw_backend_desc *desc) {
  const lw_backend_net_desc *d = desc->shape;
  (void)backend;
  if (d->batch < 0 || lw_net_shapes(d->net, NULL) != LW_OK) return 0;
  lw_shape shape = {d->net->c, d->net->h, d->net->w};
  for (size_t i = 0; i < d->net->layer_count; i++) {
    const lw_layer *l = &d->net->layers[i];
    const lw_conv2d_desc conv2d = lw_layer_conv2d(l, d->batch, shape);
    const lw_pool2d_desc pool2d = lw_layer_pool2d(l, d->batch, shape);
    if (l->kind == LW_LAYER_TANH) return 0;
    if (l->kind == LW_LAYER_CONV2D && !conv2d_supported(backend, &(lw_backend_desc){&conv2d, 0})) return 0;
    if (l->kind == LW_LAYER_MAX_POOL2D && !max_pool2d_supported(backend, &(lw_backend_desc){&pool2d, 0})) return 0;
    if (l->kind == LW_LAYER_AVG_POOL2D && !avg_pool2d_supported(backend, &(lw_backend_desc){&pool2d, 0})) return 0;
    (void)lw_net_layer_output(d->net, i, shape, &shape); /* they have been checked */
  }
  return 1;
}

/* Adds layer i, with a ReLU behind it if `relu`. */
static lw_status add_layer(xnnpack_chain *c, const lw_layer *l, int relu, const float *w, const float *bias) {
  const lw_conv2d_desc conv2d = lw_layer_conv2d(l, c->n, c->out);
  const lw_pool2d_desc pool2d = lw_layer_pool2d(l, c->n, c->out);
  switch (l->kind) {
  case LW_LAYER_CONV2D: return xnnpack_add_conv2d(c, &conv2d, w, bias, relu);
  case LW_LAYER_LINEAR: return xnnpack_add_linear(c, l->out, w, bias, relu);
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: return xnnpack_add_pool2d(c, &pool2d, l->kind);
  case LW_LAYER_RELU:
  case LW_LAYER_SOFTMAX: return xnnpack_add_map(c, l->kind);
  case LW_LAYER_DROPOUT: return LW_OK;
  case LW_LAYER_TANH: break;
  }
  return lw_fail(LW_UNSUPPORTED, "xnnpack: layer %s is of kind %d", l->name, (int)l->kind);
}

static int net_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_backend_net_desc *d = desc->shape;
  xnnpack_chain *c = xnnpack_make(backend, d->batch, (lw_shape){d->net->c, d->net->h, d->net->w});
  if (!c) return LW_NO_MEMORY;
  lw_status status = LW_OK;
  for (size_t i = 0; i < d->net->layer_count && status == LW_OK; i++) {
    const lw_layer *l = &d->net->layers[i];
    const int weighted = l->kind == LW_LAYER_CONV2D || l->kind == LW_LAYER_LINEAR;
    const int relu = weighted && i + 1 < d->net->layer_count && l[1].kind == LW_LAYER_RELU;
    const float *w = weighted ? *weights++ : NULL, *bias = weighted && !l->no_bias ? *weights++ : NULL;
    status = add_layer(c, l, relu, w, bias);
    i += (size_t)relu;
  }
  return xnnpack_finish(c, status, instance);
}

/* ------------------------------------------------------------------------------------------------------------- backend */

/* XNNPACK's packed weights are to lie where ours do. */
static void *allocate(void *context, size_t bytes) {
  (void)context;
  return malloc(bytes);
}
static void *reallocate(void *context, void *p, size_t bytes) {
  (void)context;
  return realloc(p, bytes);
}
static void release(void *context, void *p) {
  (void)context;
  free(p);
}
static void *allocate_aligned(void *context, size_t alignment, size_t bytes) {
  (void)context;
  return alignment <= 64 ? peer_allocate("xnnpack", bytes) : NULL;
}
static void release_aligned(void *context, void *p) {
  (void)context;
  peer_release(p);
}
static const struct xnn_allocator allocator = {.allocate = allocate,
                                               .reallocate = reallocate,
                                               .deallocate = release,
                                               .aligned_allocate = allocate_aligned,
                                               .aligned_deallocate = release_aligned};

static int open_backend(const lw_backend_options *options, void **backend) {
  if (options->threads < 1) return lw_fail(LW_BAD_ARGUMENT, "xnnpack: threads is %d, expected at least 1", options->threads);
  /* It takes the best kernels that the CPU has, which on x86 end with AVX-512. */
  const int best = !options->isa || peer_isa_is(options, "avx512") ||
                   (peer_isa_is(options, "avx2") && cpuinfo_initialize() && !cpuinfo_has_x86_avx512f());
  if (!best)
    return lw_fail(LW_UNSUPPORTED, "xnnpack: isa is \"%s\", but XNNPACK cannot be held to less than this CPU has", options->isa);
  const enum xnn_status status = xnn_initialize(&allocator);
  if (status != xnn_status_success) return lw_fail(LW_UNSUPPORTED, "xnnpack: it cannot be initialized (status %d)", (int)status);
  xnnpack *b = calloc(1, sizeof *b);
  if (b && options->threads > 1) b->pool = pthreadpool_create((size_t)options->threads);
  if (!b || (options->threads > 1 && !b->pool)) {
    free(b);
    xnn_deinitialize();
    return lw_fail(LW_NO_MEMORY, "xnnpack: %d threads cannot be made", options->threads);
  }
  *backend = b;
  return LW_OK;
}

static void close_backend(void *backend) {
  xnnpack *b = backend;
  if (b->pool) pthreadpool_destroy(b->pool);
  free(b);
  xnn_deinitialize();
}

#define RUN      .run = xnnpack_run, .destroy = xnnpack_destroy
#define IN_PARTS .load = xnnpack_load, .compute = xnnpack_compute, .store = xnnpack_store
static const lw_backend_operator operators[] = {
    {"conv2d", LW_BACKEND_ANY_ORDER, conv2d_supported, conv2d_create, RUN, IN_PARTS},
    {"linear", LW_BACKEND_ANY_ORDER, linear_supported, linear_create, RUN, IN_PARTS},
    {"max_pool2d", LW_BACKEND_ANY_ORDER, max_pool2d_supported, max_pool2d_create, RUN, IN_PARTS},
    {"avg_pool2d", LW_BACKEND_ANY_ORDER, avg_pool2d_supported, avg_pool2d_create, RUN, IN_PARTS},
    {"relu", LW_BACKEND_ANY_ORDER, relu_supported, relu_create, RUN, IN_PARTS},
    {"softmax", LW_BACKEND_MEASURED, softmax_supported, softmax_create, RUN, IN_PARTS},
    {"net", LW_BACKEND_ANY_ORDER, net_supported, net_create, RUN},
};

const lw_backend *lanewise_backend(uint32_t abi) {
  static const lw_backend backend = {.size = sizeof backend,
                                     .name = "xnnpack",
                                     .version = LANEWISE_XNNPACK_VERSION,
                                     .operators = operators,
                                     .operator_count = sizeof operators / sizeof *operators,
                                     .operator_size = sizeof *operators,
                                     .open = open_backend,
                                     .close = close_backend,
                                     .error = lw_error_message};
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
