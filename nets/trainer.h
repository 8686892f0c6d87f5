/* SPDX-License-Identifier: Apache-2.0
 * A trainer: every layer's tensors are plain, and so are weights, gradients and momentum. */
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
  float *gradient[2]; /* with respect to the output of the layer that comes next on the way back, and to its input */
  char *scratch;
  float *packed; /* weights of a linear layer in panels, and its bias */
  char *memory;  /* all of the above but this struct and the net */
};

/* Layers 0..last on n samples: each output to the layer's y. is_training: dropout drops. */
void lw_train_forward(const lw_trainer *t, int64_t n, const float *x, int is_training);
/* From gradient[0], with respect to the scores, back through all layers: gradients of all weights. */
void lw_train_backward(lw_trainer *t, int64_t n, const float *x);

#endif
