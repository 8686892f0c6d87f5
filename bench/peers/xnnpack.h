/* SPDX-License-Identifier: Apache-2.0
 * The adapter of XNNPACK: operators one after the other. XNNPACK works on NHWC and reads a little past the end of its inputs, so
 * that tensors always go through memory of the chain: load() brings x there as NHWC, store() brings y out as NCHW, and in between
 * everything stays in NHWC. */
#ifndef LANEWISE_BENCH_PEERS_XNNPACK_H
#define LANEWISE_BENCH_PEERS_XNNPACK_H

#include <pthreadpool.h>
#include <xnnpack.h>
#include "bench/peers/peer.h"
#include "nets/nets.h"

typedef struct xnnpack {
  pthreadpool_t pool; /* NULL: the caller's thread */
} xnnpack;

/* An operator of a chain: its input, and by which function it is set up. */
typedef struct xnnpack_link {
  xnn_operator_t op;
  lw_layer_kind kind;
  lw_shape in;
} xnnpack_link;

typedef struct xnnpack_chain {
  pthreadpool_t pool;
  int64_t n;
  lw_shape in, out; /* of one image; `out` is that of the last operator so far */
  size_t bytes;     /* of the largest tensor so far */
  xnnpack_link *links;
  size_t count;
  float *buffers[2]; /* operators alternate between them */
} xnnpack_chain;

/* A chain on n images of shape `in`, without operators so far; NULL and a message if that fails. */
xnnpack_chain *xnnpack_make(const xnnpack *backend, int64_t n, lw_shape in);
/* lw_backend_operator.destroy; NULL is allowed. */
void xnnpack_destroy(void *chain);
lw_status xnnpack_add_conv2d(xnnpack_chain *chain, const lw_conv2d_desc *desc, const float *w, const float *bias, int relu);
lw_status xnnpack_add_linear(xnnpack_chain *chain, int64_t out, const float *w, const float *bias, int relu);
/* LW_LAYER_MAX_POOL2D or LW_LAYER_AVG_POOL2D. */
lw_status xnnpack_add_pool2d(xnnpack_chain *chain, const lw_pool2d_desc *desc, lw_layer_kind kind);
/* LW_LAYER_RELU, or LW_LAYER_SOFTMAX over the channels of every pixel. */
lw_status xnnpack_add_map(xnnpack_chain *chain, lw_layer_kind kind);
/* Rows or columns of padding that a pool's windows touch at the end. */
uint32_t xnnpack_padding_after(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before);
/* Ends a create(): `status` is what came of adding operators. */
int xnnpack_finish(xnnpack_chain *chain, lw_status status, void **instance);

/* The functions of lw_backend_operator. */
int xnnpack_run(void *chain, const float *const *inputs, float *const *outputs);
int xnnpack_load(void *chain, const float *const *inputs);
int xnnpack_compute(void *chain);
int xnnpack_store(void *chain, float *const *outputs);

#endif
