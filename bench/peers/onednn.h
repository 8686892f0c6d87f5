/* SPDX-License-Identifier: Apache-2.0
 * The adapter of oneDNN: a chain of primitives from a plain tensor to a plain tensor. Every primitive is asked for the layouts
 * that it likes best, and a reorder is put between two that differ; a chain of one primitive is an operator, a longer one a
 * network. Weights are reordered once, all memory and scratch is made with the chain. */
#ifndef LANEWISE_BENCH_PEERS_ONEDNN_H
#define LANEWISE_BENCH_PEERS_ONEDNN_H

#include "bench/peers/onednn_api.h"
#include "bench/peers/peer.h"

typedef struct onednn {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  int threads;
  void (*set_threads)(int threads); /* of the OpenMP that oneDNN uses; NULL: it has one thread */
  int winograd;                     /* not 0: convolutions by Winograd's minimal filtering where oneDNN has it */
  int block;                        /* channels that lie together in oneDNN's layouts for this CPU: 16 or 8 */
} onednn;

/* 0: done; else there is a message. */
lw_status onednn_check(dnnl_status_t status, const char *what);
/* Tells OpenMP how many threads the calling thread's regions get: primitives ask when they are made and when they run. */
void onednn_threads(const onednn *backend);

/* Where a tensor lies: the caller's inputs and output, the two halves of the chain's memory, which tensors alternate between,
 * scratch that all primitives share; or, of weights, memory of its own. */
typedef enum onednn_place {
  ONEDNN_X,
  ONEDNN_SECOND,
  ONEDNN_Y,
  ONEDNN_LOW,
  ONEDNN_HIGH,
  ONEDNN_SCRATCH,
  ONEDNN_OWN,
  ONEDNN_PLACES = ONEDNN_OWN
} onednn_place;

typedef struct onednn_tensor {
  dnnl_memory_t memory;
  onednn_place place;
  void *own;
} onednn_tensor;

enum { ONEDNN_ARGS = 6 };
typedef struct onednn_step {
  dnnl_primitive_t primitive;
  int is_reorder, count;
  dnnl_exec_arg_t args[ONEDNN_ARGS];
} onednn_step;

typedef struct onednn_chain {
  const onednn *backend;
  int empty;
  int rank; /* and sizes of the current output */
  dnnl_dims_t dims;
  onednn_tensor *tensors;
  onednn_step *steps;
  size_t tensor_count, step_count;
  size_t x, second, current, y; /* indices of tensors; second: 0 if there is none; y: set when finished */
  size_t compute, store;        /* steps before `compute` load, those from `store` on store */
  size_t x_bytes, y_bytes;
  void *buffers[ONEDNN_PLACES]; /* of X and Y: for load and store where no step does it */
} onednn_chain;
enum { ONEDNN_NONE, ONEDNN_RELU, ONEDNN_TANH }; /* what follows a primitive, fused into it */

/* A chain on x of these sizes, without primitives so far; NULL and a message if that fails. A chain on 0 elements does nothing.
 */
onednn_chain *onednn_chain_make(const onednn *backend, int rank, const dnnl_dims_t dims);
/* NULL is allowed. */
void onednn_chain_destroy(onednn_chain *chain);
lw_status onednn_chain_conv2d(onednn_chain *chain, const lw_conv2d_desc *desc, const float *w, const float *bias, int fused);
/* Whether oneDNN has Winograd's minimal filtering for this convolution, here and now. */
int onednn_has_winograd(const onednn *backend, const lw_conv2d_desc *desc);
/* Of x[n][c] or x[n][c][h][w]. */
lw_status onednn_chain_linear(onednn_chain *chain, int64_t out, const float *w, const float *bias, int fused);
/* `algorithm`: dnnl_pooling_max or one of the averages. */
lw_status onednn_chain_pool2d(onednn_chain *chain, const lw_pool2d_desc *desc, dnnl_alg_kind_t algorithm);
/* Any primitive without weights from src to a dst of the same sizes and layout. */
lw_status onednn_chain_map(onednn_chain *chain, onednn_describe *kind, dnnl_alg_kind_t algorithm);
/* x + second input. */
lw_status onednn_chain_add(onednn_chain *chain);
/* Brings x[n][c][h][w] into blocks of channels. */
lw_status onednn_chain_block(onednn_chain *chain);
/* The last call before the chain runs. `parts` not 0: onednn_chain_load and its two companions will be called. */
lw_status onednn_chain_finish(onednn_chain *chain, int parts);

/* What an instance of lw_backend_operator can do: it is a chain. */
int onednn_chain_run(void *chain, const float *const *inputs, float *const *outputs);
int onednn_chain_load(void *chain, const float *const *inputs);
int onednn_chain_compute(void *chain);
int onednn_chain_store(void *chain, float *const *outputs);
void onednn_chain_release(void *chain);

#endif
