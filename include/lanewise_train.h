/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * What training adds to lanewise.h, in the same library: gradients of the operators, the loss, the update of the weights.
 *
 * The conventions of lanewise.h hold: shapes, aliasing, errors, threads, and the same bits on every ISA and thread count. Every
 * order of additions is fixed by `ref/<operator>.c`. Names: `y` is what the forward operator gave, `dy` the gradient of the loss
 * with respect to y, and `dx`, `dw`, `db` those with respect to x, w and bias. A gradient is written, not added to what was
 * there.
 *
 * With n == 0 the gradients of weights and biases, which are sums over the images, are +0; everything else does nothing.
 */
#ifndef LANEWISE_TRAIN_H
#define LANEWISE_TRAIN_H

#include "lanewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ backward operators */
/** @defgroup backward Backward operators
 * @{ */

/** Gradient of lw_conv2d() with respect to x: dy[n][oc][oh][ow], w[oc][ic/groups][kh][kw], dx[n][ic][ih][iw]. `desc` is the
 * forward's. dx[n][ic][ih][iw] = chain from +0 of fmaf(dy, w, acc) over the oc of the group, then over the (oh, ow) that touch
 * (ih, iw), rising. An output beyond the edge of y that would touch is in the chain as +0; positions between the strides are no
 * outputs. So with stride 1 it is lw_conv2d() of dy with the kernels turned by 180 degrees. Allocates scratch, and with stride 1
 * packed weights. */
LW_API lw_status lw_conv2d_backward_data(lw_context *context, const lw_conv2d_desc *desc, const float *dy, const float *w,
                                         float *dx);
/** Gradient of lw_conv2d() with respect to w: dw[oc][ic/groups][kh][kw]. Per image one chain from +0 of fmaf(x, dy, acc) over
 * (oh, ow) rising, x = +0 on the padding; the first image's is the start, the others are added to it, n rising. Allocates
 * scratch. */
LW_API lw_status lw_conv2d_backward_weights(lw_context *context, const lw_conv2d_desc *desc, const float *x, const float *dy,
                                            float *dw);
/** Gradient of lw_conv2d() with respect to bias: db[oc]. Per image one chain of additions from +0 of dy over (oh, ow) rising; the
 * first image's is the start, the others are added to it, n rising. */
LW_API lw_status lw_conv2d_backward_bias(lw_context *context, const lw_conv2d_desc *desc, const float *dy, float *db);

/** Gradient of lw_linear() with respect to x: dx[n][i] = chain from +0 of fmaf(dy[n][o], w[o][i], acc) over rising o. */
LW_API lw_status lw_linear_backward_data(lw_context *context, const lw_linear_desc *desc, const float *dy, const float *w,
                                         float *dx);
/** Gradient of lw_linear() with respect to w: dw[o][i] = sum over rising n of fmaf(x[n][i], dy[n][o], +0), each rounded: the
 * order of lw_conv2d_backward_weights() on images of one pixel. */
LW_API lw_status lw_linear_backward_weights(lw_context *context, const lw_linear_desc *desc, const float *x, const float *dy,
                                            float *dw);
/** Gradient of lw_linear() with respect to bias: db[o] = sum over rising n of dy[n][o] + 0. */
LW_API lw_status lw_linear_backward_bias(lw_context *context, const lw_linear_desc *desc, const float *dy, float *db);

/** dx = y <= 0 ? 0 : dy, y = relu(x) (or x itself, which gives the same). NaN in y lets dy through, as in PyTorch. In place
 * (dx == dy or dx == y) allowed. */
LW_API lw_status lw_relu_backward(lw_context *context, int64_t count, const float *y, const float *dy, float *dx);
/** dx = dy * fmaf(-y, y, 1), y = tanh(x). In place (dx == dy or dx == y) allowed. */
LW_API lw_status lw_tanh_backward(lw_context *context, int64_t count, const float *y, const float *dy, float *dx);

/** Gradient of lw_max_pool2d(), whose `index` it takes: dx[n][c][ih][iw] = sum from +0 over rising (oh, ow) of the
 * dy[n][c][oh][ow] whose index is ih*iw_count + iw. Each index must be a position of its window, or -1 (a window that touches
 * nothing but padding). */
LW_API lw_status lw_max_pool2d_backward(lw_context *context, const lw_pool2d_desc *desc, const int32_t *index, const float *dy,
                                        float *dx);
/** Gradient of lw_avg_pool2d(): dx[n][c][ih][iw] = sum from +0 over the windows that touch it, (oh, ow) rising, of dy / count,
 * each a true division by the count of the forward operator. */
LW_API lw_status lw_avg_pool2d_backward(lw_context *context, const lw_pool2d_desc *desc, const float *dy, float *dx);

/** Dropout while training: y[i] = u[i] >= probability ? x[i] * scale : 0, scale = 1.0f / (1.0f - probability), and all 0 if
 * probability is 1. u[i] = (word >> 8) * 2^-24, word = philox(key = seed, counter = (i/4, stream))[i%4] of Philox4x32-10: it
 * depends on seed, stream and i alone. Give every layer and step a stream of its own. 0 <= probability <= 1. In place allowed.
 * (lw_dropout() is the layer at inference.) */
LW_API lw_status lw_dropout_train(lw_context *context, int64_t count, float probability, uint64_t seed, uint64_t stream,
                                  const float *x, float *y);
/** Gradient of lw_dropout_train(): the same factors, dx[i] = u[i] >= probability ? dy[i] * scale : 0. In place allowed. */
LW_API lw_status lw_dropout_backward(lw_context *context, int64_t count, float probability, uint64_t seed, uint64_t stream,
                                     const float *dy, float *dx);

/** @} */

/* -------------------------------------------------------------------------------------------------------------- loss */
/** @defgroup loss Loss and weight update
 * @{ */

/** How the losses of the samples become one. */
typedef enum lw_reduction {
  LW_REDUCTION_MEAN, /**< their sum divided by the sum of the weights of their labels */
  LW_REDUCTION_SUM   /**< their sum */
} lw_reduction;

/** Shape and options of lw_softmax_cross_entropy(); all but n and c may be 0. */
typedef struct lw_cross_entropy_desc {
  int64_t n;                  /**< samples */
  int64_t c;                  /**< classes */
  lw_reduction reduction;     /**< mean or sum */
  const float *class_weights; /**< c finite numbers >= 0, or NULL: all 1 */
  float label_smoothing;      /**< 0..1: the part of a label that is spread evenly over all classes */
  int has_ignore_index;       /**< not 0: samples whose label is ignore_index count for nothing */
  int32_t ignore_index;       /**< may lie outside 0..c-1 (PyTorch's default is -100) */
} lw_cross_entropy_desc;

/** The loss of classes: what torch.nn.functional.cross_entropy computes of scores x[n][c] (before softmax) and labels[n]. With
 * logp = log_softmax(x), w = class_weights and eps = label_smoothing, sample n with label t costs
 *
 *     (1 - eps) * -w[t] * logp[t]  +  eps/c * -sum over i of w[i] * logp[i]
 *
 * *loss is the sum of that in rising n, divided by the sum of w[labels[n]] if the reduction is the mean. The mean over no sample
 * (none, or all ignored) is NaN. Every rounding: ref/softmax_cross_entropy.c. A label must be in 0..c-1 or the ignored one.
 * n == 0: *loss is NaN (mean) or 0 (sum). */
LW_API lw_status lw_softmax_cross_entropy(lw_context *context, const lw_cross_entropy_desc *desc, const float *x,
                                          const int32_t *labels, float *loss);
/** Gradient of that loss with respect to x: with p = softmax(x), W = sum of w and D = the sum of w[labels[n]] (1 if the reduction
 * is the sum),
 *
 *     dx[n][i] = (((1 - eps) * w[t] + eps/c * W) * p[i] - (1 - eps) * w[t] * (i == t) - eps/c * w[i]) / D
 *
 * and +0 where the sample is ignored. In place (dx == x) allowed. */
LW_API lw_status lw_softmax_cross_entropy_backward(lw_context *context, const lw_cross_entropy_desc *desc, const float *x,
                                                   const int32_t *labels, float *dx);

/** Options of lw_sgd(), as of torch.optim.SGD. */
typedef struct lw_sgd_options {
  float lr;           /**< learning rate, finite, >= 0 */
  float momentum;     /**< finite, >= 0; 0: none, and no buffer */
  float dampening;    /**< of the momentum, finite */
  float weight_decay; /**< finite, >= 0: adds weight_decay * w to the gradient */
  int nesterov;       /**< not 0: Nesterov momentum; needs momentum > 0 and dampening 0 */
} lw_sgd_options;

/** One step of stochastic gradient descent on `count` weights w with gradients g, as torch.optim.SGD takes it:
 *
 *     g = fmaf(weight_decay, w, g)                                                      unless weight_decay is 0
 *     buffer = first_step ? g : fmaf(momentum, buffer, (1 - dampening) * g)             unless momentum is 0
 *     g = nesterov ? fmaf(momentum, buffer, g) : buffer
 *     w = fmaf(-lr, g, w)
 *
 * w and buffer change in place, g stays. With momentum, `buffer` has `count` elements, which need not be set before the first
 * step; without, it may be NULL. */
LW_API lw_status lw_sgd(lw_context *context, const lw_sgd_options *options, int first_step, int64_t count, float *w,
                        const float *g, float *buffer);

/** @} */

/* ---------------------------------------------------------------------------------------------------------- training */
/** @defgroup training Training a network
 * @{ */

/** A network that learns: its weights, gradients and momentum, and the memory of a step. It changes with every step, so that one
 * call at a time may use it. */
typedef struct lw_trainer lw_trainer;

/** What lw_trainer_create() can be told; all 0: the defaults. */
typedef struct lw_trainer_options {
  int64_t batch;              /**< most samples per step; 0 means 1 */
  lw_sgd_options sgd;         /**< of the first steps: see lw_trainer_set_sgd() */
  lw_cross_entropy_desc loss; /**< reduction, class weights (copied), smoothing, ignored label; n and c are not read */
  uint64_t seed;              /**< of dropout: layer `i` in step `s` has stream s * 2^16 + i of lw_dropout_train() */
  lw_mode mode;               /**< LW_FAST: convolutions as a plan in that mode computes them, and their gradients to data, which
                                   with stride 1 are convolutions too, likewise (docs/winograd.md); everything else, also the
                                   gradients of the weights, is exact. Bits are the same on every ISA and number of threads */
  size_t memory_limit;        /**< bytes in all; 0: none. LW_NO_MEMORY, before anything is made, where more is needed */
} lw_trainer_options;

/** Makes a trainer for scores and softmax_cross_entropy: the network ends in its scores, without a softmax layer. `weights` are
 * the first weights (lw_weights_seeded() for random ones). The context must outlive the trainer. */
LW_API lw_status lw_trainer_create(lw_context *context, const lw_net *net, const lw_weights *weights,
                                   const lw_trainer_options *options, lw_trainer **trainer);
/** Releases it. NULL is allowed. */
LW_API void lw_trainer_destroy(lw_trainer *trainer);
/** Bytes that a trainer would need, without making it. */
LW_API lw_status lw_trainer_memory(lw_context *context, const lw_net *net, const lw_trainer_options *options, size_t *bytes);

/** One step on x[n][c][h][w] and labels[n], 1 <= n <= batch: forward, *loss, gradients of all weights, then lw_sgd() on each
 * parameter tensor. N steps give the same bits on every ISA and number of threads. No allocation. `scores` (may be NULL) gets the
 * network's n x outputs before the update. LW_BAD_ARGUMENT, with the sample, if a label is none; nothing has changed then. Where
 * *loss comes out as NaN or infinite, the weights are left as they were. */
LW_API lw_status lw_train_step(lw_trainer *trainer, int64_t n, const float *x, const int32_t *labels, float *loss, float *scores);
/** The network's scores with its weights as they are now, 0 <= n <= batch, dropout being the identity. */
LW_API lw_status lw_trainer_predict(lw_trainer *trainer, int64_t n, const float *x, float *scores);
/** Other options from the next step on: a schedule of the learning rate. */
LW_API lw_status lw_trainer_set_sgd(lw_trainer *trainer, const lw_sgd_options *sgd);

/** Steps that changed the weights. */
LW_API uint64_t lw_trainer_steps(const lw_trainer *trainer);
/** What a trainer holds for every parameter tensor. */
typedef enum lw_trainer_part {
  LW_TRAINER_WEIGHTS,   /**< as they are now */
  LW_TRAINER_GRADIENTS, /**< of the last step; +0 before the first */
  LW_TRAINER_MOMENTUM   /**< the buffers of lw_sgd(); there are none before the first step with momentum */
} lw_trainer_part;
/** Parameter tensor `tensor` (see lw_net_parameter()), valid until the trainer is destroyed; NULL past the last, and of momentum
 * where there is none. */
LW_API const float *lw_trainer_tensor(const lw_trainer *trainer, lw_trainer_part part, int tensor);
/** A source of such tensors, for plans and for lw_safetensors_save(), while the trainer lives. It fails where there is no
 * momentum, and for a network whose tensor has another shape. */
LW_API lw_weights lw_trainer_source(const lw_trainer *trainer, lw_trainer_part part);
/** Goes on where another trainer was: after `steps` steps, with these weights and momentum. NULL, or lw_trainer_source() of a
 * trainer that has no momentum yet: none, so that the next step with momentum is the first (see lw_sgd()). What
 * lw_trainer_source() gives of the trainer itself stays as it is, so that only the number of steps changes. Where a source fails,
 * its status is returned, the number of steps is as before, and weights and momentum are new up to where it failed. */
LW_API lw_status lw_trainer_restore(lw_trainer *trainer, uint64_t steps, const lw_weights *weights, const lw_weights *momentum);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
