/* SPDX-License-Identifier: Apache-2.0
 * A trainer: weights, gradients and momentum are plain, and so are the tensors between layers, unless it has `samples`. */
#ifndef LANEWISE_NETS_TRAINER_H
#define LANEWISE_NETS_TRAINER_H

#include "lanewise_train.h"
#include "nets/recipe.h"

/* Rows of outputs at a time that a convolution passes through blocks of 16 channels; 0: it runs on plain tensors. */
typedef struct lw_training_rows {
  int64_t forward, data, weights;
} lw_training_rows;

/* One layer for `batch` samples. */
typedef struct lw_training_layer {
  lw_shape in, out;
  int tensor; /* its weights, bias being the next; -1: none */
  int has_bias;
  float *x, *y;   /* x == NULL: the caller's; y == x: in place. y is kept for the way back */
  int32_t *index; /* of max_pool2d */
  lw_training_rows rows;
  const lw_recipe *forward, *data; /* of a convolution and of its gradient to data; NULL: exact */
  int has_relu;                    /* computes the ReLU layer behind it too */
} lw_training_layer;

typedef struct lw_training_tensor {
  int64_t count;
  float *part[3]; /* by lw_trainer_part */
} lw_training_tensor;

struct lw_samples; /* nets/train_samples.h */

struct lw_trainer {
  lw_context *context;
  lw_net *net; /* a deep copy */
  int64_t batch;
  lw_mode mode;
  lw_sgd_options sgd;
  lw_cross_entropy_desc loss;
  uint64_t seed, steps;
  int has_momentum; /* buffers: from the first step with momentum on */
  int tensors;
  lw_training_layer *layers;
  lw_training_tensor *tensor;
  struct lw_samples *samples; /* NULL: one layer after the other on plain tensors */
  float *gradient[2];         /* with respect to the output of the layer that comes next on the way back, and to its input */
  char *scratch;
  float *packed; /* weights of one convolution, or their gradient, in panels */
  size_t l2_bytes;
  char *memory; /* all of the above but this struct and the net */
};

/* Hands out pieces of one block of memory; base == NULL: only counts, up to LW_ARENA_FULL, and gives NULL. */
#define LW_ARENA_FULL ((size_t)PTRDIFF_MAX / 64 * 64)
typedef struct lw_arena {
  char *base;
  size_t used;
} lw_arena;
void *lw_arena_take(lw_arena *a, int64_t count, size_t element);

/* Whether layer i > 0 works in place: it is a map, and its way back and that of the layer before do not need what it overwrites.
 */
int lw_train_in_place(const lw_net *net, size_t i);
/* Maps, which work element by element. */
static inline int lw_train_is_map(lw_layer_kind kind) {
  return kind == LW_LAYER_RELU || kind == LW_LAYER_TANH || kind == LW_LAYER_DROPOUT;
}
static inline int lw_train_has_weights(const lw_layer *layer) {
  return layer->kind == LW_LAYER_CONV2D || layer->kind == LW_LAYER_LINEAR;
}
static inline const float *lw_train_weights(const lw_trainer *t, int tensor) {
  return t->tensor[tensor].part[LW_TRAINER_WEIGHTS];
}
static inline float *lw_train_gradient(const lw_trainer *t, int tensor) { return t->tensor[tensor].part[LW_TRAINER_GRADIENTS]; }
/* Of dropout: see lw_trainer_options. */
static inline uint64_t lw_train_stream(const lw_trainer *t, size_t layer) { return (t->steps << 16) + layer; }
/* algorithm: of the SIMD ISAs' kernels. */
const lw_kernel *lw_train_kernel(const lw_trainer *t, lw_op op, const char *algorithm);
void lw_train_run(const lw_trainer *t, lw_op op, const char *algorithm, const lw_args *args, int64_t work);

/* nets/train_conv2d.c: how a convolution of the whole batch runs, from l->in and l->out; bytes of scratch for all threads, floats
 * of packed weights. */
void lw_train_conv2d_plan(const lw_trainer *t, const lw_conv2d_desc *desc, lw_training_layer *l, size_t *scratch,
                          int64_t *packed);
/* Whether mode fast has an algorithm for it. */
int lw_train_conv2d_is_fast(const lw_trainer *t, const lw_conv2d_desc *desc);
void lw_train_conv2d(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *desc, const float *x);
/* dx may be NULL. */
void lw_train_conv2d_backward(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *desc, const float *x,
                              const float *dy, float *dx);

/* Layers 0..last on n samples: each output to the layer's y. is_training: dropout drops. */
void lw_train_forward(const lw_trainer *t, int64_t n, const float *x, int is_training);
/* From gradient[0], with respect to the scores, back through all layers: gradients of all weights. */
void lw_train_backward(lw_trainer *t, int64_t n, const float *x);

#endif
