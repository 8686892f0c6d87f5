/* SPDX-License-Identifier: Apache-2.0
 * The two ways through a network that learns, layer by layer on plain tensors. */
#include <string.h>
#include "nets/trainer.h"
#include "ops/ops.h"

const lw_kernel *lw_train_kernel(const lw_trainer *t, lw_op op, const char *algorithm) {
  return lw_kernel_find(op, t->context->isa, lw_isa_is_simd(t->context->isa) ? algorithm : NULL);
}
void lw_train_run(const lw_trainer *t, lw_op op, const char *algorithm, const lw_args *args, int64_t work) {
  lw_kernel_run(t->context, lw_train_kernel(t, op, algorithm), args, work);
}

/* ------------------------------------------------------------------------------------------------------------- forward */

static void forward_linear(const lw_trainer *t, const lw_training_layer *l, const lw_linear_desc *d, const float *x) {
  lw_args args = {.linear = {.desc = *d, .x = x, .w = lw_train_weights(t, l->tensor), .y = l->y}};
  if (l->has_bias) args.linear.bias = lw_train_weights(t, l->tensor + 1);
  args.linear.scratch = t->scratch;
  args.linear.scratch_stride = LW_LINEAR_PLAIN_SCRATCH;
  lw_train_run(t, LW_OP_linear, "plain", &args,
               lw_mac_work(t->context, (double)d->n * (double)d->in * (double)d->out, d->n == 1));
}

static void forward_pool(const lw_trainer *t, const lw_training_layer *l, lw_op op, const lw_pool2d_desc *d, const float *x) {
  const lw_args args = {.pool2d = {.desc = *d,
                                   .oh = l->out.h,
                                   .ow = l->out.w,
                                   .x = lw_view_plain(x, d->c, d->ih, d->iw),
                                   .y = lw_view_plain(l->y, d->c, l->out.h, l->out.w),
                                   .index = l->index}};
  lw_train_run(t, op, "plain", &args, lw_pool2d_work(d, l->out.h, l->out.w));
}

static lw_args dropout(const lw_trainer *t, size_t layer, int64_t count, const float *x, float *y) {
  return (lw_args){.dropout = {.count = count,
                               .probability = t->net->layers[layer].probability,
                               .seed = t->seed,
                               .stream = lw_train_stream(t, layer),
                               .x = x,
                               .y = y}};
}

static void forward_layer(const lw_trainer *t, size_t layer, int64_t n, const float *x, int is_training) {
  const lw_training_layer *l = &t->layers[layer];
  const lw_layer *row = &t->net->layers[layer];
  const int64_t count = n * lw_shape_size(l->out);
  const lw_args map = {.map = {count, x, l->y}};
  switch (row->kind) {
  case LW_LAYER_CONV2D: {
    const lw_conv2d_desc d = lw_layer_conv2d(row, n, l->in);
    lw_train_conv2d(t, l, &d, x);
    break;
  }
  case LW_LAYER_LINEAR: forward_linear(t, l, &(lw_linear_desc){n, lw_shape_size(l->in), row->out}, x); break;
  case LW_LAYER_RELU:
    if (layer == 0 || !t->layers[layer - 1].has_relu) lw_train_run(t, LW_OP_relu, NULL, &map, count);
    break;
  case LW_LAYER_TANH: lw_train_run(t, LW_OP_tanh, NULL, &map, count); break;
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: {
    const lw_pool2d_desc d = lw_layer_pool2d(row, n, l->in);
    forward_pool(t, l, row->kind == LW_LAYER_MAX_POOL2D ? LW_OP_max_pool2d : LW_OP_avg_pool2d, &d, x);
    break;
  }
  case LW_LAYER_DROPOUT:
    if (is_training) {
      const lw_args args = dropout(t, layer, count, x, l->y);
      lw_train_run(t, LW_OP_dropout_train, NULL, &args, count);
    } else if (l->y != x) {
      memcpy(l->y, x, (size_t)count * sizeof *x);
    }
    break;
  case LW_LAYER_SOFTMAX: break; /* refused when the trainer was made */
  }
}

void lw_train_forward(const lw_trainer *t, int64_t n, const float *x, int is_training) {
  for (size_t i = 0; i < t->net->layer_count; i++) forward_layer(t, i, n, t->layers[i].x ? t->layers[i].x : x, is_training);
}

/* ------------------------------------------------------------------------------------------------------------ backward */

static void linear_gradient(const lw_trainer *t, lw_op op, lw_linear_backward_args a) {
  const double outputs = (double)a.desc.n * (double)a.desc.out;
  const lw_args args = {.linear_backward = a};
  lw_train_run(t, op, NULL, &args,
               lw_mac_work(t->context, op == LW_OP_linear_backward_bias ? outputs : outputs * (double)a.desc.in, a.desc.n == 1));
}

/* dy to dx (NULL: not wanted) and to the gradients of the layer's weights. Returns whichever of both now is the gradient with
 * respect to the layer's input. */
static float *backward_layer(const lw_trainer *t, size_t layer, int64_t n, const float *x, float *dy, float *dx) {
  const lw_training_layer *l = &t->layers[layer];
  const lw_layer *row = &t->net->layers[layer];
  const int64_t count = n * lw_shape_size(l->out);
  const lw_args map = {.map_backward = {count, l->y, dy, dy}};
  switch (row->kind) {
  case LW_LAYER_CONV2D: {
    const lw_conv2d_desc d = lw_layer_conv2d(row, n, l->in);
    lw_train_conv2d_backward(t, l, &d, x, dy, dx);
    return dx;
  }
  case LW_LAYER_LINEAR: {
    const lw_linear_desc d = {n, lw_shape_size(l->in), row->out};
    linear_gradient(t, LW_OP_linear_backward_weights,
                    (lw_linear_backward_args){.desc = d, .x = x, .dy = dy, .out = lw_train_gradient(t, l->tensor)});
    if (l->has_bias)
      linear_gradient(t, LW_OP_linear_backward_bias,
                      (lw_linear_backward_args){.desc = d, .dy = dy, .out = lw_train_gradient(t, l->tensor + 1)});
    if (dx)
      linear_gradient(t, LW_OP_linear_backward_data,
                      (lw_linear_backward_args){.desc = d, .dy = dy, .w = lw_train_weights(t, l->tensor), .out = dx});
    return dx;
  }
  case LW_LAYER_RELU: lw_train_run(t, LW_OP_relu_backward, NULL, &map, count); return dy;
  case LW_LAYER_TANH: lw_train_run(t, LW_OP_tanh_backward, NULL, &map, count); return dy;
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: {
    if (!dx) return dx;
    const lw_pool2d_desc d = lw_layer_pool2d(row, n, l->in);
    const lw_args args = {.pool2d_backward = {.desc = d, .oh = l->out.h, .ow = l->out.w, .index = l->index, .dy = dy, .dx = dx}};
    lw_train_run(t, row->kind == LW_LAYER_MAX_POOL2D ? LW_OP_max_pool2d_backward : LW_OP_avg_pool2d_backward, NULL, &args,
                 lw_pool2d_work(&d, l->out.h, l->out.w));
    return dx;
  }
  case LW_LAYER_DROPOUT: {
    const lw_args args = dropout(t, layer, count, dy, dy);
    lw_train_run(t, LW_OP_dropout_train, NULL, &args, count);
    return dy;
  }
  case LW_LAYER_SOFTMAX: break;
  }
  return dy;
}

void lw_train_backward(lw_trainer *t, int64_t n, const float *x) {
  float *dy = t->gradient[0], *other = t->gradient[1];
  size_t first = 0; /* layers before the first with weights need no gradient */
  while (first < t->net->layer_count && t->layers[first].tensor < 0) first++;
  for (size_t i = t->net->layer_count; i-- > first;) {
    const float *in = t->layers[i].x ? t->layers[i].x : x;
    float *dx = backward_layer(t, i, n, in, dy, i > first ? other : NULL);
    if (dx == other) {
      other = dy;
      dy = dx;
    }
  }
}
