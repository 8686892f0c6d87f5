/* SPDX-License-Identifier: Apache-2.0
 * How networks of small images learn on SIMD ISAs: 16 samples in the lanes of every tensor (simd/kernels.h), so that vectors are
 * full however few channels there are, and weights, gradients and momentum stay as they are. A batch goes forth and back a few
 * groups of samples at a time, as many as fit into L2; every sum over samples goes on from group to group. */
#ifndef LANEWISE_NETS_TRAIN_SAMPLES_H
#define LANEWISE_NETS_TRAIN_SAMPLES_H

#include "nets/trainer.h"

/* A tensor between layers; layers that work in place share one. */
typedef struct lw_samples_tensor {
  lw_shape shape;
  size_t writer, reader; /* layers; maps between them work in place. The input's writer is SIZE_MAX, the scores' reader the number
                            of layers */
  int is_transient;      /* y is not needed on the way back: its memory is every such tensor's */
  lw_view y, dy;
} lw_samples_tensor;

typedef struct lw_samples {
  int64_t at_once;           /* samples, a multiple of 16 */
  lw_samples_tensor *tensor; /* 0: the input */
  int tensors;
  int32_t **index; /* by layer: of max_pool2d */
  float *scores;   /* plain, of the whole batch */
  float *x, *dy;   /* plain, of one layer */
  float *halo;     /* dy of a convolution that needs a wider halo than its tensor has */
  char *scratch;
} lw_samples;

/* Whether a trainer works so. */
int lw_train_in_samples(const lw_trainer *t);
/* Takes its memory; t->samples is NULL where the arena only counts. */
lw_status lw_samples_lay_out(lw_trainer *t, lw_arena *a);
/* The scores of n samples; with labels (else NULL) also the gradients of all weights. */
void lw_samples_run(const lw_trainer *t, int64_t n, const float *x, const int32_t *labels);

#endif
