/* SPDX-License-Identifier: Apache-2.0
 * A trainer: weights, gradients and momentum are plain, and so are the tensors between layers, unless it has `samples`. */
#ifndef LANEWISE_NETS_TRAINER_H
#define LANEWISE_NETS_TRAINER_H

#include "lanewise_train.h"
#include "nets/nets.h"

/* One layer for `batch` samples. */
typedef struct lw_training_layer {
  lw_shape in, out;
  int tensor; /* its weights, bias being the next; -1: none */
  int has_bias;
  float *x, *y;          /* x == NULL: the caller's; y == x: in place. y is kept for the way back */
  int32_t *index;        /* of max_pool2d */
  size_t scratch_stride; /* most bytes per part of its kernels */
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
  lw_sgd_options sgd;
  lw_cross_entropy_desc loss;
  uint64_t seed, steps;
  int has_momentum; /* of the last step */
  int tensors;
  lw_training_layer *layers;
  lw_training_tensor *tensor;
  struct lw_samples *samples; /* NULL: one layer after the other on plain tensors */
  float *gradient[2];         /* with respect to the output of the layer that comes next on the way back, and to its input */
  char *scratch;
  char *memory;  /* all of the above but this struct and the net */
};

/* Hands out pieces of one block of memory; base == NULL: only counts, and gives NULL. */
typedef struct lw_arena {
  char *base;
  size_t used;
} lw_arena;
void *lw_arena_take(lw_arena *a, int64_t count, size_t element);

/* Whether layer i > 0 works in place: it is a map, and its way back and that of the layer before do not need what it overwrites.
 */
int lw_train_in_place(const lw_net *net, size_t i);
/* Of dropout: see lw_trainer_options. */
static inline uint64_t lw_train_stream(const lw_trainer *t, size_t layer) { return (t->steps << 16) + layer; }
/* algorithm: of the SIMD ISAs' kernels. */
void lw_train_run(const lw_trainer *t, lw_op op, const char *algorithm, const lw_args *args, int64_t work);

/* Layers 0..last on n samples: each output to the layer's y. is_training: dropout drops. */
void lw_train_forward(const lw_trainer *t, int64_t n, const float *x, int is_training);
/* From gradient[0], with respect to the scores, back through all layers: gradients of all weights. */
void lw_train_backward(lw_trainer *t, int64_t n, const float *x);

#endif
