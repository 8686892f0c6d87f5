/* SPDX-License-Identifier: Apache-2.0
 * Networks inside the library: shapes, lowering of a layer table to steps, the plan. */
#ifndef LANEWISE_NETS_NETS_H
#define LANEWISE_NETS_NETS_H

#include "lanewise.h"
#include "ops/ops.h"

typedef struct lw_shape {
  int64_t c, h, w;
} lw_shape;
static inline int64_t lw_shape_size(lw_shape s) { return s.c * s.h * s.w; }

/* Bytes rounded up to whole cache lines. */
static inline size_t lw_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Checks a network; shapes[i] is the input of layer i, shapes[layer_count] the output. shapes may be NULL. */
lw_status lw_net_shapes(const lw_net *net, lw_shape *shapes);
/* A deep copy in one block of memory, for lw_memory_free(): the net, its layers, its strings. NULL if there is no memory. */
lw_net *lw_net_copy(const lw_context *context, const lw_net *net);
/* Output shape of one layer for an input of shape `in`; checks the layer. `out` may be `in`'s own copy. */
lw_status lw_net_layer_output(const lw_net *net, size_t layer, lw_shape in, lw_shape *out);
/* The descriptors of layers of a checked network for `n` images of shape `in`. */
lw_conv2d_desc lw_layer_conv2d(const lw_layer *layer, int64_t n, lw_shape in);
lw_pool2d_desc lw_layer_pool2d(const lw_layer *layer, int64_t n, lw_shape in);
/* Parameter tensor `tensor` of a checked network: its elements and fan-in; any result may be NULL. LW_BAD_ARGUMENT if
 * there is no such tensor. */
lw_status lw_net_tensor(const lw_net *net, int tensor, int64_t *count, int64_t *fan_in);

/* Who made the choices that change no bit. */
typedef enum lw_chooser { LW_BY_MODEL, LW_BY_WISDOM, LW_BY_MEASURING } lw_chooser;

/* What may differ between steps of the same bits. Asking for one, 0 means what the cost model says, and what cannot be is
 * ignored. */
typedef struct lw_tuning {
  const char *algorithm;   /* of packed convolutions, where the recipe has nothing to say: "direct", "columns", "pooled" */
  lw_winograd_block block; /* of Winograd's */
  int parts;               /* at most one per thread */
  lw_chooser by;
  double seconds, model_seconds; /* measured: of this choice and of the cost model's; 0: not */
} lw_tuning;

/* Where a step finds a tensor: the caller's x or y, or the workspace, whose tensors alternate between its two ends. */
typedef enum lw_place { LW_PLACE_INPUT, LW_PLACE_OUTPUT, LW_PLACE_LOW, LW_PLACE_HIGH } lw_place;

/* Weights w[rows][k] of one layer in a step, and its bias. */
typedef struct lw_step_weights {
  size_t layer;
  int tensor; /* number of the weight tensor, -1: there are none; bias is the next one */
  int has_bias;
  int packed;   /* in panels */
  int winograd; /* of panels: not 0: transformed for outputs in tiles of winograd x winograd */
  int kernel;   /* then: a side of the kernels */
  int64_t rows, k;
  size_t weight_offset, bias_offset; /* bytes into the plan's weights */
} lw_step_weights;

/* One kernel call. `args` lacks only pointers; lw_step_bind fills them in. */
typedef struct lw_step {
  const lw_kernel *kernel;
  lw_args args;
  lw_place x, y;
  size_t x_bytes, y_bytes; /* of tensors in the workspace */
  lw_view out;             /* layout of the output */
  lw_shape shape;          /* and its size */
  size_t first_layer, last_layer;
  int parts;
  lw_tuning tuning;                /* what it has, all fields set */
  lw_step_weights weights, before; /* before: of lw_conv2d_args.before */
  size_t scratch;                  /* bytes per part */
  double flops, algorithm_flops, weight_bytes, bytes;
  char reason[320]; /* see lw_step_info */
} lw_step;

typedef struct lw_lowered {
  lw_step *steps;
  size_t count;
  size_t weight_bytes, arena_bytes, scratch_bytes;
} lw_lowered;

/* Turns a checked network into steps for the context's ISA. options: checked, with a batch. tunings: by the first layer of a
 * step; NULL: none. *l2_bytes: the size of a core's L2; 0: found if it is needed. The steps come from the context's allocator. */
lw_status lw_lower(const lw_context *context, const lw_net *net, const lw_plan_options *options, const lw_tuning *tunings,
                   size_t *l2_bytes, lw_lowered *lowered);

#endif
