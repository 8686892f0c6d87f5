/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Backends: how any library of kernels is judged by the conformance suite of Lanewise (lanewise conform --backend ./x.so) and
 * measured beside its kernels (bench_ops --backend=./x.so, bench_nets --backend=./x.so).
 *
 * A backend is a shared object that exports one function, lanewise_backend(). It lists the operators that it has; each is a
 * struct of functions over plain tensors (contiguous NCHW f32, as in lanewise.h). Operators are named as in lanewise.h, mean the
 * same and take the descriptors of lanewise.h (max_pool2d without its index):
 *
 * | op              | shape points to        | weights                 | inputs | outputs          |
 * |-----------------|------------------------|-------------------------|--------|------------------|
 * | `conv2d`        | lw_conv2d_desc         | w, bias (may be NULL)   | x      | y                |
 * | `linear`        | lw_linear_desc         | w, bias (may be NULL)   | x      | y                |
 * | `max_pool2d`    | lw_pool2d_desc         |                         | x      | y                |
 * | `avg_pool2d`    | lw_pool2d_desc         |                         | x      | y                |
 * | `relu`, `tanh`  | lw_backend_count_desc  |                         | x      | y                |
 * | `add`           | lw_backend_count_desc  |                         | a, b   | y                |
 * | `softmax`, `log_softmax` | lw_backend_rows_desc |                  | x      | y                |
 * | `net`           | lw_backend_net_desc    | parameter tensors of lw_net_parameter() | x | y     |
 *
 * `net` is a whole network: a backend that has it may keep its own layouts from layer to layer. Without it, bench_nets calls the
 * operators one by one.
 *
 * - **Promise**: a backend states one for each operator. LW_BACKEND_ANY_ORDER: y is within the error bound of sums in any order.
 *   LW_BACKEND_EXACT: the bits of ref/. LW_BACKEND_MEASURED: none; the largest error / bound is reported, nothing fails by it
 *   (an algorithm like Winograd's, whose bound is another one).
 * - **Special values**: outputs of LW_BACKEND_EXACT have the bits of ref/ for NaN, infinities, -0 and subnormals too (any NaN is
 * as good as any other). Of the others only finite inputs are asked.
 * - **Memory**: inputs and weights are only read, outputs written whole, nothing touched outside. Pointers are 4-byte aligned, no
 *   more. Inputs and outputs do not overlap. Weights may be released once create() has returned: a backend keeps a copy of what
 * it needs. An operator without weights gets NULL for them.
 * - **Sizes**: n == 0 (count, batch) is valid and does nothing, as in lanewise.h; a backend may call it not supported.
 * - **Environment**: the floating-point control register of the calling thread is left as it is (subnormals are kept).
 * - **Instances**: run() may be called any number of times on an instance, several instances may be alive at once.
 * - **Threads**: all calls on one backend come from one thread at a time. It uses as many threads as lw_backend_options says.
 * - **Errors**: functions that can fail return 0 when all went well, anything else when not; then error() tells why.
 * - **Isolation**: the suite runs a backend in a child process: if it crashes or does not come back, that is reported and the run
 *   goes on.
 *
 * This header needs no library: a backend need not link Lanewise. */
#ifndef LANEWISE_BACKEND_H
#define LANEWISE_BACKEND_H

#include "lanewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this interface. It grows when a struct below changes its meaning; structs only grow at their ends otherwise,
 * and `size` and `operator_size` tell how much of lw_backend and lw_backend_operator a backend knows. */
#define LW_BACKEND_ABI 1

/** What an operator promises of its outputs. */
typedef enum lw_backend_promise {
  LW_BACKEND_ANY_ORDER, /**< within the bound of sums in any order, fused or not */
  LW_BACKEND_EXACT,     /**< the bits of ref/ */
  LW_BACKEND_MEASURED   /**< nothing: error / bound is reported, not judged */
} lw_backend_promise;

/** What lw_backend::open gets. */
typedef struct lw_backend_options {
  int threads;     /**< to use, >= 1 */
  const char *isa; /**< "avx2", "avx512", ..: the strongest ISA to use where the backend can be told; NULL: its best */
} lw_backend_options;

/** Elementwise operators. */
typedef struct lw_backend_count_desc {
  int64_t count; /**< elements */
} lw_backend_count_desc;

/** Operators on rows x[n][c]. */
typedef struct lw_backend_rows_desc {
  int64_t n; /**< rows */
  int64_t c; /**< columns */
} lw_backend_rows_desc;

/** A whole network. */
typedef struct lw_backend_net_desc {
  const lw_net *net; /**< valid during the call only */
  int64_t batch;     /**< images per run */
} lw_backend_net_desc;

/** What an instance of an operator is to compute. */
typedef struct lw_backend_desc {
  const void *shape; /**< the descriptor that the table above names for the operator */
  int relu;          /**< not 0 (conv2d, linear): y = relu(op(x)) */
} lw_backend_desc;

/** One operator of a backend. */
typedef struct lw_backend_operator {
  const char *op;             /**< "conv2d" and so on */
  lw_backend_promise promise; /**< see there */
  /** Not 0 if create() will take this descriptor. A case that is not supported is skipped and counted. */
  int (*supported)(void *backend, const lw_backend_desc *desc);
  /** Makes an instance: chooses kernels, packs weights, allocates. 0: *instance is made. */
  int (*create)(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance);
  /** From plain tensors to plain tensors. */
  int (*run)(void *instance, const float *const *inputs, float *const *outputs);
  /** Releases an instance. */
  void (*destroy)(void *instance);
  /** Optional, all three or none (NULL): run() in parts, for backends with layouts of their own. load() brings inputs into the
   * instance, compute() works from there to there, store() brings the outputs out. bench_ops measures compute() alone, as it
   * measures Lanewise's kernels on Lanewise's layouts. */
  int (*load)(void *instance, const float *const *inputs);
  int (*compute)(void *instance);                      /**< see load() */
  int (*store)(void *instance, float *const *outputs); /**< see load() */
} lw_backend_operator;

/** What lanewise_backend() returns: constant, valid until the shared object is unloaded. */
typedef struct lw_backend {
  size_t size;         /**< sizeof(lw_backend) as the backend knows it */
  const char *name;    /**< "onednn": 1 to 31 letters, digits, '-', '_' and '.', not the name of an ISA: stands where names of
                          benchmarks have the ISA */
  const char *version; /**< "3.1.1": 1 to 63 printable characters */
  const lw_backend_operator *operators; /**< what it has: at least one, none twice */
  size_t operator_count;                /**< how many of them */
  size_t operator_size;                 /**< sizeof(lw_backend_operator) as the backend knows it */
  /** Makes ready. 0: *backend is the first argument of the functions below. */
  int (*open)(const lw_backend_options *options, void **backend);
  /** Releases it; no instance is alive. */
  void (*close)(void *backend);
  /** Why the last call of this thread failed: valid until its next one, never NULL. Also for a failed open(). */
  const char *(*error)(void);
} lw_backend;

/** The function that a backend exports under this name. Returns NULL if it does not speak version `abi` (LW_BACKEND_ABI of the
 * caller). */
typedef const lw_backend *lanewise_backend_fn(uint32_t abi);
/** The name of that function. */
#define LW_BACKEND_SYMBOL "lanewise_backend"

#ifdef __cplusplus
}
#endif
#endif
