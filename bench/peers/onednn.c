/* SPDX-License-Identifier: Apache-2.0
 * oneDNN (https://github.com/uxlfoundation/oneDNN) as a backend: its operators, by themselves and as whole networks. */
#include "bench/peers/onednn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "nets/nets.h"

/* ----------------------------------------------------------------------------------------------------------- operators */

/* Ends a create(): `status` is what came of adding primitives. */
static int finish(onednn_chain *c, lw_status status, int parts, void **instance) {
  if (status == LW_OK) status = onednn_chain_finish(c, parts);
  if (status == LW_OK)
    *instance = c;
  else
    onednn_chain_destroy(c);
  return status;
}

static int conv2d_supported(void *backend, const lw_backend_desc *desc) {
  int64_t oh, ow;
  if (((const onednn *)backend)->winograd) return onednn_has_winograd(backend, desc->shape);
  return lw_conv2d_output(desc->shape, &oh, &ow) == LW_OK;
}

static int conv2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_conv2d_desc *d = desc->shape;
  onednn_chain *c = onednn_chain_make(backend, 4, (const dnnl_dims_t){d->n, d->ic, d->ih, d->iw});
  if (!c) return LW_NO_MEMORY;
  return finish(c, onednn_chain_conv2d(c, d, weights[0], weights[1], desc->relu ? ONEDNN_RELU : ONEDNN_NONE), 1, instance);
}

static int linear_supported(void *backend, const lw_backend_desc *desc) {
  const lw_linear_desc *d = desc->shape;
  (void)backend;
  return d->n >= 0 && d->in > 0 && d->out > 0;
}

static int linear_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_linear_desc *d = desc->shape;
  onednn_chain *c = onednn_chain_make(backend, 2, (const dnnl_dims_t){d->n, d->in});
  if (!c) return LW_NO_MEMORY;
  return finish(c, onednn_chain_linear(c, d->out, weights[0], weights[1], desc->relu ? ONEDNN_RELU : ONEDNN_NONE), 1, instance);
}

static int max_pool2d_supported(void *backend, const lw_backend_desc *desc) {
  int64_t oh, ow;
  (void)backend;
  return lw_pool2d_output(desc->shape, &oh, &ow) == LW_OK;
}

/* With count_include_pad, oneDNN divides by the whole window even where ceil mode lets it end beyond the padding. */
static int avg_pool2d_supported(void *backend, const lw_backend_desc *desc) {
  const lw_pool2d_desc *d = desc->shape;
  int64_t oh, ow;
  (void)backend;
  if (lw_pool2d_output(d, &oh, &ow) != LW_OK || d->dilation_h != 1 || d->dilation_w != 1) return 0;
  return !d->count_include_pad ||
         ((oh - 1) * d->stride_h + d->kh <= d->ih + 2 * d->pad_h && (ow - 1) * d->stride_w + d->kw <= d->iw + 2 * d->pad_w);
}

static int pool2d_create(const onednn *b, const lw_pool2d_desc *d, dnnl_alg_kind_t algorithm, void **instance) {
  onednn_chain *c = onednn_chain_make(b, 4, (const dnnl_dims_t){d->n, d->c, d->ih, d->iw});
  if (!c) return LW_NO_MEMORY;
  lw_status status = d->c >= b->block ? onednn_chain_block(c) : LW_OK; /* where its convolutions would have left it */
  if (status == LW_OK) status = onednn_chain_pool2d(c, d, algorithm);
  return finish(c, status, 1, instance);
}

static int max_pool2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return pool2d_create(backend, desc->shape, dnnl_pooling_max, instance);
}

static dnnl_alg_kind_t average(const lw_pool2d_desc *d) {
  return d->count_include_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
}

static int avg_pool2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return pool2d_create(backend, desc->shape, average(desc->shape), instance);
}

static int count_supported(void *backend, const lw_backend_desc *desc) {
  (void)backend;
  return ((const lw_backend_count_desc *)desc->shape)->count >= 0;
}

static int map_create(const onednn *b, const lw_backend_desc *desc, dnnl_alg_kind_t algorithm, void **instance) {
  onednn_chain *c = onednn_chain_make(b, 1, (const dnnl_dims_t){((const lw_backend_count_desc *)desc->shape)->count});
  if (!c) return LW_NO_MEMORY;
  const lw_status status = algorithm == dnnl_binary_add ? onednn_chain_add(c) : onednn_chain_map(c, onednn_eltwise, algorithm);
  return finish(c, status, 0, instance);
}

static int relu_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return map_create(backend, desc, dnnl_eltwise_relu, instance);
}

static int tanh_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return map_create(backend, desc, dnnl_eltwise_tanh, instance);
}

static int add_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return map_create(backend, desc, dnnl_binary_add, instance);
}

static int rows_supported(void *backend, const lw_backend_desc *desc) {
  const lw_backend_rows_desc *d = desc->shape;
  (void)backend;
  return d->n >= 0 && d->c > 0;
}

static int rows_create(const onednn *b, const lw_backend_desc *desc, onednn_describe *describe, void **instance) {
  const lw_backend_rows_desc *d = desc->shape;
  onednn_chain *c = onednn_chain_make(b, 2, (const dnnl_dims_t){d->n, d->c});
  return c ? finish(c, onednn_chain_map(c, describe, dnnl_alg_kind_undef), 0, instance) : LW_NO_MEMORY;
}

static int softmax_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return rows_create(backend, desc, onednn_softmax, instance);
}

static int log_softmax_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  (void)weights;
  return rows_create(backend, desc, onednn_log_softmax, instance);
}

/* ------------------------------------------------------------------------------------------------------------ networks */

/* Layers on planes must not follow linear layers, whose outputs oneDNN keeps as [n][c]. The backend of Winograd's convolutions
 * leaves networks that have none to the other one. */
static int net_supported(void *backend, const lw_backend_desc *desc) {
  const lw_backend_net_desc *d = desc->shape;
  const onednn *b = backend;
  int flat = 0, winograd = 0;
  if (d->batch < 0 || lw_net_shapes(d->net, NULL) != LW_OK) return 0;
  lw_shape shape = {d->net->c, d->net->h, d->net->w};
  for (size_t i = 0; i < d->net->layer_count; i++) {
    const lw_layer *l = &d->net->layers[i];
    if (flat && (l->kind == LW_LAYER_CONV2D || l->kind == LW_LAYER_MAX_POOL2D || l->kind == LW_LAYER_AVG_POOL2D)) return 0;
    flat |= l->kind == LW_LAYER_LINEAR;
    if (b->winograd && l->kind == LW_LAYER_CONV2D) {
      const lw_conv2d_desc conv2d = lw_layer_conv2d(l, d->batch, shape);
      winograd |= onednn_has_winograd(b, &conv2d);
    }
    (void)lw_net_layer_output(d->net, i, shape, &shape); /* they have been checked */
  }
  return winograd || !b->winograd;
}

/* Adds layer i, and the next one if it can be fused: *used layers. *tensor: the number of its weights. */
static lw_status add_layer(onednn_chain *c, const lw_backend_net_desc *d, size_t i, lw_shape in, const float *const *weights,
                           int *tensor, size_t *used) {
  const lw_layer *l = &d->net->layers[i];
  int fused = ONEDNN_NONE;
  const float *w = NULL, *bias = NULL;
  *used = 1;
  if (l->kind == LW_LAYER_CONV2D || l->kind == LW_LAYER_LINEAR) {
    w = weights[(*tensor)++];
    if (!l->no_bias) bias = weights[(*tensor)++];
    if (i + 1 < d->net->layer_count) {
      const lw_layer_kind next = l[1].kind;
      fused = next == LW_LAYER_RELU ? ONEDNN_RELU : next == LW_LAYER_TANH ? ONEDNN_TANH : ONEDNN_NONE;
      *used += fused != ONEDNN_NONE;
    }
  }
  const lw_conv2d_desc conv2d = lw_layer_conv2d(l, d->batch, in);
  const lw_pool2d_desc pool2d = lw_layer_pool2d(l, d->batch, in);
  switch (l->kind) {
  case LW_LAYER_CONV2D: return onednn_chain_conv2d(c, &conv2d, w, bias, fused);
  case LW_LAYER_LINEAR: return onednn_chain_linear(c, l->out, w, bias, fused);
  case LW_LAYER_RELU: return onednn_chain_map(c, onednn_eltwise, dnnl_eltwise_relu);
  case LW_LAYER_TANH: return onednn_chain_map(c, onednn_eltwise, dnnl_eltwise_tanh);
  case LW_LAYER_MAX_POOL2D: return onednn_chain_pool2d(c, &pool2d, dnnl_pooling_max);
  case LW_LAYER_AVG_POOL2D: return onednn_chain_pool2d(c, &pool2d, average(&pool2d));
  case LW_LAYER_DROPOUT: return LW_OK;
  case LW_LAYER_SOFTMAX: return onednn_chain_map(c, onednn_softmax, dnnl_alg_kind_undef);
  }
  return lw_fail(LW_UNSUPPORTED, "onednn: layer %s is of kind %d", l->name, (int)l->kind);
}

static int net_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  const lw_backend_net_desc *d = desc->shape;
  onednn_chain *c = onednn_chain_make(backend, 4, (const dnnl_dims_t){d->batch, d->net->c, d->net->h, d->net->w});
  if (!c) return LW_NO_MEMORY;
  lw_status status = LW_OK;
  lw_shape shape = {d->net->c, d->net->h, d->net->w};
  int tensor = 0;
  for (size_t i = 0, used; i < d->net->layer_count && status == LW_OK; i += used) {
    status = add_layer(c, d, i, shape, weights, &tensor, &used);
    for (size_t j = i; j < i + used && status == LW_OK; j++) status = lw_net_layer_output(d->net, j, shape, &shape);
  }
  return finish(c, status, 0, instance);
}

/* ------------------------------------------------------------------------------------------------------------- backend */

/* The same source makes two backends: one by Winograd's minimal filtering, with the operators that can have it. */
#ifdef LANEWISE_ONEDNN_WINOGRAD
enum { WINOGRAD = 1, OPERATORS = 2 };
#  define NAME         "onednn-winograd"
#  define SUMS_PROMISE LW_BACKEND_MEASURED
#else
enum { WINOGRAD = 0, OPERATORS = 10 };
#  define NAME         "onednn"
#  define SUMS_PROMISE LW_BACKEND_ANY_ORDER
#endif

/* oneDNN can be held to an ISA once in a process, before it does anything else. */
static lw_status cap_isa(const lw_backend_options *options) {
  static const char *capped; /* by this backend */
  const char *isa = options->isa;
  const dnnl_cpu_isa_t wanted = peer_isa_is(options, "avx512") ? dnnl_cpu_isa_avx512_core : dnnl_cpu_isa_avx2;
  if (!isa) {
    if (!capped) return LW_OK;
    return lw_fail(LW_UNSUPPORTED, "onednn: the best isa is wanted, but this process has held oneDNN to %s, and that is for good",
                   capped);
  }
  if (!peer_isa_is(options, "avx512") && !peer_isa_is(options, "avx2"))
    return lw_fail(LW_UNSUPPORTED, "onednn: isa is \"%s\", expected avx2 or avx512: oneDNN can be held to no other", isa);
  if (dnnl_set_max_cpu_isa(wanted) != dnnl_success && dnnl_get_effective_cpu_isa() != wanted)
    return lw_fail(LW_UNSUPPORTED,
                   "onednn: isa is \"%s\", but this process has used oneDNN with another one, and that is for good", isa);
  capped = wanted == dnnl_cpu_isa_avx2 ? "avx2" : "avx512";
  return LW_OK;
}

static lw_status find_threads(onednn *b, int threads) {
  if (threads < 1) return lw_fail(LW_BAD_ARGUMENT, "onednn: threads is %d, expected at least 1", threads);
  b->threads = threads;
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
  /* That of the OpenMP that oneDNN was linked with, whichever it is. */
  *(void **)&b->set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (b->set_threads) return LW_OK;
  return lw_fail(LW_UNSUPPORTED, "onednn: its OpenMP has no omp_set_num_threads, so threads cannot be set");
#elif DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_SEQ
  if (threads == 1) return LW_OK;
  return lw_fail(LW_UNSUPPORTED, "onednn: threads is %d, but this build of oneDNN has no threads", threads);
#else
  return lw_fail(LW_UNSUPPORTED, "onednn: this build of oneDNN does not use OpenMP, so threads cannot be set");
#endif
}

static void close_backend(void *backend) {
  onednn *b = backend;
  if (b->stream) dnnl_stream_destroy(b->stream);
  if (b->engine) dnnl_engine_destroy(b->engine);
  free(b);
}

static int open_backend(const lw_backend_options *options, void **backend) {
  onednn *b = calloc(1, sizeof *b);
  if (!b) return lw_fail(LW_NO_MEMORY, "onednn: no memory for the backend");
  lw_status status = find_threads(b, options->threads);
  if (status == LW_OK) status = cap_isa(options);
  if (status == LW_OK) onednn_threads(b);
  if (status == LW_OK) status = onednn_check(dnnl_engine_create(&b->engine, dnnl_cpu, 0), "engine");
  if (status == LW_OK) status = onednn_check(dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags), "stream");
  if (status != LW_OK) return close_backend(b), (int)status;
  const int avx512 = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
  b->block = avx512 ? 16 : 8;
  b->winograd = WINOGRAD;
  *backend = b;
  return LW_OK;
}

#define RUN      .run = onednn_chain_run, .destroy = onednn_chain_release
#define IN_PARTS .load = onednn_chain_load, .compute = onednn_chain_compute, .store = onednn_chain_store
static const lw_backend_operator operators[] = {
    {"conv2d", SUMS_PROMISE, conv2d_supported, conv2d_create, RUN, IN_PARTS},
    {"net", SUMS_PROMISE, net_supported, net_create, RUN},
    {"linear", LW_BACKEND_ANY_ORDER, linear_supported, linear_create, RUN, IN_PARTS},
    {"max_pool2d", LW_BACKEND_ANY_ORDER, max_pool2d_supported, max_pool2d_create, RUN, IN_PARTS},
    {"avg_pool2d", LW_BACKEND_ANY_ORDER, avg_pool2d_supported, avg_pool2d_create, RUN, IN_PARTS},
    {"relu", LW_BACKEND_ANY_ORDER, count_supported, relu_create, RUN},
    {"tanh", LW_BACKEND_ANY_ORDER, count_supported, tanh_create, RUN},
    {"add", LW_BACKEND_ANY_ORDER, count_supported, add_create, RUN},
    {"softmax", LW_BACKEND_MEASURED, rows_supported, softmax_create, RUN},
    {"log_softmax", LW_BACKEND_MEASURED, rows_supported, log_softmax_create, RUN},
};

const lw_backend *lanewise_backend(uint32_t abi) {
  static char version[64];
  static lw_backend backend = {.size = sizeof backend,
                               .name = NAME,
                               .version = version,
                               .operators = operators,
                               .operator_count = OPERATORS,
                               .operator_size = sizeof *operators,
                               .open = open_backend,
                               .close = close_backend,
                               .error = lw_error_message};
  const dnnl_version_t *v = dnnl_version();
  snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
