/* SPDX-License-Identifier: Apache-2.0
 * How networks of small images learn on SIMD ISAs: 16 samples in the lanes of every tensor (simd/kernels.h), so that vectors are
 * full however few channels there are, and weights, gradients and momentum stay as they are. A batch goes forth and back a few
 * groups of samples at a time, as many as fit into L2; every sum over samples goes on from group to group. Where convolutions
 * have few weights, each thread takes groups of its own, so that nothing but the sums passes from core to core. */
#ifndef LANEWISE_NETS_TRAIN_SAMPLES_H
#define LANEWISE_NETS_TRAIN_SAMPLES_H

#include <string.h>
#include "nets/trainer.h"

/* A tensor between layers; layers that work in place share one. */
typedef struct lw_samples_tensor {
  lw_shape shape;
  size_t writer, reader; /* layers; maps between them work in place. The input's writer is SIZE_MAX, the scores' reader the number
                            of layers */
  int is_transient;      /* y is not needed on the way back: its memory is every such tensor's */
  lw_view y, dy;
} lw_samples_tensor;

/* What samples on their way need for themselves. */
typedef struct lw_samples_way {
  lw_samples_tensor *tensor; /* 0: the input */
  int32_t **index;           /* by layer: of max_pool2d */
  float *dropout;            /* plain, of one tensor */
  float *halo;               /* dy of a convolution that needs a wider halo than its tensor has */
  float *chains;             /* of convolutions' weights and biases, one layer after the other; NULL: one way at a time */
} lw_samples_way;

typedef struct lw_samples {
  int64_t at_once; /* samples on a way, a multiple of 16 */
  int tensors;
  int ways; /* 1: the threads share each layer. Else each goes a way of its own, with 16 samples */
  lw_samples_way *way;
  float *scores;   /* plain, of the whole batch */
  float **x, **dy; /* by layer: what a linear layer reads and its gradient, plain, of the whole batch */
  int64_t chains_stride;
  char *scratch;
} lw_samples;

/* Whether a trainer works so. */
int lw_train_in_samples(const lw_trainer *t);
/* Takes its memory; t->samples is NULL where the arena only counts. */
lw_status lw_samples_lay_out(lw_trainer *t, lw_arena *a);
/* The scores of n samples; with labels (else NULL) also the gradients of all weights. */
void lw_samples_run(const lw_trainer *t, int64_t n, const float *x, const int32_t *labels);

/* What the files share. */
/* A ReLU right before a max pool acts on the gradient behind the pool, where it is a quarter or less: what the pool did not take
 * gets +0 anyway, and what it took is its output. */
static inline int lw_samples_relu_of_pool(const lw_net *net, size_t pool) {
  return pool > 0 && pool < net->layer_count && net->layers[pool].kind == LW_LAYER_MAX_POOL2D &&
         net->layers[pool - 1].kind == LW_LAYER_RELU;
}
/* ReLUs that are part of the kernel before them. */
static inline int lw_samples_relu_within(const lw_net *net, size_t layer) {
  return lw_train_has_weights(&net->layers[layer]) && layer + 1 < net->layer_count &&
         net->layers[layer + 1].kind == LW_LAYER_RELU;
}
static inline int lw_samples_needs_dx(const lw_net *net, size_t layer) {
  size_t first = 0;
  while (!lw_train_has_weights(&net->layers[first])) first++;
  return layer > first;
}

static inline lw_view lw_samples_view_of(lw_shape s, const int64_t halo[4]) {
  return lw_view_make(NULL, s.c * LW_BLOCK, s.h, s.w, LW_BLOCK, halo);
}
static inline int lw_samples_covers(const lw_view *v, const int64_t halo[4]) {
  return v->top >= halo[0] && v->left >= halo[1] && v->bottom >= halo[2] && v->right >= halo[3];
}

/* The halo that the way back of a convolution wants around dy, none if it wants no dx. */
static inline void lw_samples_backward_halo(const lw_net *net, size_t layer, lw_shape in, lw_shape out, int64_t halo[4]) {
  memset(halo, 0, 4 * sizeof *halo);
  if (net->layers[layer].kind != LW_LAYER_CONV2D || !lw_samples_needs_dx(net, layer)) return;
  const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[layer], 1, in);
  lw_conv2d_backward_halo(&d, out.h, out.w, halo);
}

/* Floats of the chains of 16 samples: of a convolution's weights, and with those of its bias. */
static inline int64_t lw_samples_chains_of_weights(const lw_conv2d_desc *d) { return d->oc * lw_samples_taps(d) * LW_BLOCK; }
static inline int64_t lw_samples_chains_of_layer(const lw_conv2d_desc *d) {
  return lw_samples_chains_of_weights(d) + LW_SAMPLES(d->oc) * LW_BLOCK * LW_BLOCK;
}

#endif
