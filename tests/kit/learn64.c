/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/learn64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 64 };

/* What the way back needs. */
typedef struct walk {
  const learn64 *l;
  lw_shape shape[LAYERS + 1];
  double *y[LAYERS + 1]; /* y[i]: input of layer i */
  int32_t *index[LAYERS];
  int tensor[LAYERS]; /* its weights */
  int lacks_memory;
} walk;

static double share(const learn64 *l) { return l->disturbance * (2 * kit_uniform(l->random) - 1); }

void learn64_disturb(const learn64 *l, double *values, int64_t count, int64_t k) {
  for (int64_t i = 0; l->disturbance != 0 && i < count; i++) values[i] *= 1 + (double)k * share(l);
}

static void *get(walk *k, int64_t count, size_t element) {
  void *p = calloc((size_t)count + 1, element);
  k->lacks_memory |= !p;
  return p;
}

/* A copy of which every element is off. NULL for NULL, or without memory. */
static double *disturbed(walk *k, const double *a, int64_t count, int64_t terms) {
  double *copy = a ? get(k, count, sizeof *copy) : NULL;
  if (!copy) return NULL;
  memcpy(copy, a, (size_t)count * sizeof *copy);
  learn64_disturb(k->l, copy, count, terms);
  return copy;
}

/* ------------------------------------------------------------------------------------------------------------- forward */

static void forward_sum(walk *k, size_t i, const double *x, double *y) {
  const lw_layer *row = &k->l->net->layers[i];
  const lw_conv2d_desc conv = lw_layer_conv2d(row, k->l->n, k->shape[i]);
  const lw_linear_desc linear = {k->l->n, lw_shape_size(k->shape[i]), row->out};
  const int is_conv = row->kind == LW_LAYER_CONV2D;
  const int64_t terms = is_conv ? conv.ic / conv.groups * conv.kh * conv.kw : linear.in;
  double *const *given = k->l->w + k->tensor[i];
  double *w = disturbed(k, given[0], row->out * terms, terms + 1);
  double *bias = disturbed(k, row->no_bias ? NULL : given[1], row->out, terms + 1);
  if (!k->lacks_memory && is_conv) ref64_conv2d(&conv, x, w, bias, y);
  if (!k->lacks_memory && !is_conv) ref64_linear(&linear, x, w, bias, y);
  free(w);
  free(bias);
}

static void forward_layer(walk *k, size_t i) {
  const learn64 *l = k->l;
  const lw_layer *row = &l->net->layers[i];
  const lw_pool2d_desc pool = lw_layer_pool2d(row, l->n, k->shape[i]);
  const int64_t count = l->n * lw_shape_size(k->shape[i + 1]);
  const double *x = k->y[i];
  double *y = k->y[i + 1] = get(k, count, sizeof *y);
  if (row->kind == LW_LAYER_MAX_POOL2D) k->index[i] = get(k, count, sizeof **k->index);
  if (k->lacks_memory) return;
  switch (row->kind) {
  case LW_LAYER_CONV2D:
  case LW_LAYER_LINEAR: forward_sum(k, i, x, y); break;
  case LW_LAYER_RELU: ref64_relu(count, x, y); break;
  case LW_LAYER_TANH:
    ref64_tanh(count, x, y);
    learn64_disturb(l, y, count, 3); /* a few units in the last place */
    break;
  case LW_LAYER_MAX_POOL2D: ref64_max_pool2d(&pool, x, y, k->index[i]); break;
  case LW_LAYER_AVG_POOL2D:
    ref64_avg_pool2d(&pool, x, y);
    learn64_disturb(l, y, count, pool.kh * pool.kw);
    break;
  case LW_LAYER_DROPOUT:
    if (l->drops)
      ref64_dropout_train(0, count, row->probability, l->seed, l->stream + i, x, y);
    else
      ref64_dropout(count, x, y);
    learn64_disturb(l, y, count, 3);
    break;
  case LW_LAYER_SOFTMAX: break;
  }
}

/* ------------------------------------------------------------------------------------------------------------ backward */

/* dx == NULL: not wanted. */
static void backward_sum(walk *k, size_t i, const double *dy, double *dx) {
  const learn64 *l = k->l;
  const lw_layer *row = &l->net->layers[i];
  const lw_conv2d_desc conv = lw_layer_conv2d(row, l->n, k->shape[i]);
  const lw_linear_desc linear = {l->n, lw_shape_size(k->shape[i]), row->out};
  const int is_conv = row->kind == LW_LAYER_CONV2D;
  const int64_t pixels = is_conv ? k->shape[i + 1].h * k->shape[i + 1].w : 1,
                fan_in = is_conv ? conv.ic / conv.groups * conv.kh * conv.kw : linear.in;
  double *const *gradient = l->gradient + k->tensor[i];
  double *d = disturbed(k, dy, l->n * pixels * row->out, l->n * pixels);
  double *w = disturbed(k, l->w[k->tensor[i]], row->out * fan_in, is_conv ? conv.oc / conv.groups * conv.kh * conv.kw : row->out);
  if (!k->lacks_memory && is_conv) {
    ref64_conv2d_backward_weights(&conv, 0, conv.oc, k->y[i], d, gradient[0]);
    if (!row->no_bias) ref64_conv2d_backward_bias(&conv, 0, conv.oc, d, gradient[1]);
    if (dx) ref64_conv2d_backward_data(&conv, dy, w, dx);
  } else if (!k->lacks_memory) {
    ref64_linear_backward_weights(&linear, 0, linear.out, k->y[i], d, gradient[0]);
    if (!row->no_bias) ref64_linear_backward_bias(&linear, 0, linear.out, d, gradient[1]);
    if (dx) ref64_linear_backward_data(&linear, dy, w, dx);
  }
  free(d);
  free(w);
}

static void backward_layer(walk *k, size_t i, const double *dy, double *dx) {
  const learn64 *l = k->l;
  const lw_layer *row = &l->net->layers[i];
  const lw_pool2d_desc pool = lw_layer_pool2d(row, l->n, k->shape[i]);
  const int64_t count = l->n * lw_shape_size(k->shape[i]);
  switch (row->kind) {
  case LW_LAYER_CONV2D:
  case LW_LAYER_LINEAR: backward_sum(k, i, dy, dx); return;
  case LW_LAYER_RELU: ref64_relu_backward(count, k->y[i + 1], dy, dx); return;
  case LW_LAYER_TANH: ref64_tanh_backward(count, k->y[i + 1], dy, dx); break;
  case LW_LAYER_MAX_POOL2D: ref64_max_pool2d_backward(&pool, k->index[i], dy, dx); break;
  case LW_LAYER_AVG_POOL2D: ref64_avg_pool2d_backward(&pool, dy, dx); break;
  case LW_LAYER_DROPOUT:
    if (l->drops)
      ref64_dropout_train(0, count, row->probability, l->seed, l->stream + i, dy, dx);
    else
      ref64_dropout(count, dy, dx);
    break;
  case LW_LAYER_SOFTMAX: break;
  }
  learn64_disturb(l, dx, count, pool.kh * pool.kw + 4);
}

static void backward(walk *k, double *dy) {
  size_t first = 0; /* no gradient is wanted before the first layer with weights */
  while (first < k->l->net->layer_count && k->tensor[first] < 0) first++;
  for (size_t i = k->l->net->layer_count; !k->lacks_memory && i-- > first;) {
    double *dx = i > first ? get(k, k->l->n * lw_shape_size(k->shape[i]), sizeof *dx) : NULL;
    if (!k->lacks_memory) backward_layer(k, i, dy, dx);
    free(dy);
    dy = dx;
  }
  free(dy);
}

/* ---------------------------------------------------------------------------------------------------------------- loss */

/* Scores off by a share of their size, or of 1 where they are smaller: what an exponential makes of it is off by that share. */
static void disturb_scores(const learn64 *l, double *scores, int64_t count, int64_t k) {
  for (int64_t i = 0; l->disturbance != 0 && i < count; i++) scores[i] += fmax(1, fabs(scores[i])) * (double)k * share(l);
}

static double loss_of(walk *k) {
  const learn64 *l = k->l;
  lw_cross_entropy_desc d = l->loss;
  double *scores = k->y[l->net->layer_count], *dy = NULL, loss = NAN;
  d.n = l->n;
  d.c = lw_shape_size(k->shape[l->net->layer_count]);
  disturb_scores(l, scores, d.n * d.c, d.c + d.n + 8);
  ref64_softmax_cross_entropy(&d, scores, l->labels, &loss);
  if (!l->gradient || !(dy = get(k, d.n * d.c, sizeof *dy))) return loss;
  ref64_softmax_cross_entropy_backward(&d, scores, l->labels, dy);
  learn64_disturb(l, dy, d.n * d.c, d.c + d.n + 8);
  backward(k, dy);
  return loss;
}

double learn64_loss(const learn64 *l) {
  walk k = {.l = l};
  double loss = NAN;
  int tensor = 0;
  if (l->net->layer_count > LAYERS || lw_net_shapes(l->net, k.shape) != LW_OK) return NAN;
  const int64_t inputs = l->n * lw_shape_size(k.shape[0]);
  if ((k.y[0] = get(&k, inputs, sizeof **k.y))) memcpy(k.y[0], l->x, (size_t)inputs * sizeof **k.y);
  for (size_t i = 0; !k.lacks_memory && i < l->net->layer_count; i++) {
    const lw_layer *row = &l->net->layers[i];
    const int has_weights = row->kind == LW_LAYER_CONV2D || row->kind == LW_LAYER_LINEAR;
    k.tensor[i] = has_weights ? tensor : -1;
    if (has_weights) tensor += row->no_bias ? 1 : 2;
    forward_layer(&k, i);
  }
  if (!k.lacks_memory) loss = loss_of(&k);
  for (size_t i = 0; i <= l->net->layer_count; i++) free(k.y[i]);
  for (size_t i = 0; i < l->net->layer_count; i++) free(k.index[i]);
  return k.lacks_memory ? NAN : loss;
}
