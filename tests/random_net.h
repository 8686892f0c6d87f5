/* SPDX-License-Identifier: Apache-2.0
 * Networks at random, and what they compute by the public operators, one call per layer. */
#ifndef LANEWISE_TESTS_RANDOM_NET_H
#define LANEWISE_TESTS_RANDOM_NET_H

#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_train.h"
#include "nets/trainer.h"
#include "tests/expect.h"
#include "tests/kit/kit.h"

enum { RANDOM_LAYERS = 14, RANDOM_TENSORS = 2 * RANDOM_LAYERS, RANDOM_FLOATS = 40000 };

/* Points into itself: it stays where it was made. */
typedef struct random_net {
  lw_net net;
  lw_layer layers[RANDOM_LAYERS];
  char names[RANDOM_LAYERS][16];
  lw_shape shapes[RANDOM_LAYERS + 1]; /* see lw_net_shapes */
  int first[RANDOM_LAYERS];           /* parameter tensor of a layer that has some */
  int tensors;
  lw_parameter_info parameter[RANDOM_TENSORS];
  int64_t floats; /* of one sample, input and all layers */
} random_net;

static inline int one_in(kit_random *r, int n) { return kit_between(r, 1, n) == 1; }

/* ----------------------------------------------------------------------------------------------------------- networks */

/* Whether the layer fits. */
static inline int random_net_add(random_net *n, lw_layer l) {
  static const char *const kinds[] = {"conv", "fc", "relu", "tanh", "max", "avg", "drop", "softmax"};
  const size_t i = n->net.layer_count;
  if (i == RANDOM_LAYERS) return 0;
  snprintf(n->names[i], sizeof n->names[i], "%s%zu", kinds[l.kind], i);
  l.name = n->names[i];
  n->layers[i] = l;
  n->net.layer_count++;
  if (lw_net_layer_output(&n->net, i, n->shapes[i], &n->shapes[i + 1]) != LW_OK ||
      lw_shape_size(n->shapes[i + 1]) > RANDOM_FLOATS) {
    n->net.layer_count--;
    return 0;
  }
  n->floats += lw_shape_size(n->shapes[i + 1]);
  n->first[i] = n->tensors;
  if (lw_train_has_weights(&l)) n->tensors += l.no_bias ? 1 : 2;
  return 1;
}

/* wide: as kernels on blocks of channels and algorithms of mode fast want it, mostly. */
static inline lw_layer random_conv2d(kit_random *r, int64_t c, int wide) {
  lw_layer l = {.kind = LW_LAYER_CONV2D, .no_bias = one_in(r, 4)};
  l.out = wide ? kit_between(r, 14, 36) : kit_between(r, 1, 19);
  l.kernel = wide ? kit_between(r, 1, 2) * 2 + 1 : kit_between(r, 1, 5);
  l.pad = wide && !one_in(r, 4) ? l.kernel / 2 : one_in(r, 2) ? kit_between(r, 0, 5) : 0;
  l.stride = one_in(r, wide ? 5 : 3) ? kit_between(r, 1, 3) : 0;
  l.dilation = one_in(r, wide ? 6 : 4) ? kit_between(r, 1, 3) : 0;
  if (one_in(r, 5)) {
    l.groups = one_in(r, 3) ? c : kit_between(r, 1, c);
    while (c % l.groups) l.groups--;
    l.out = l.groups * kit_between(r, 1, 3);
  }
  return l;
}

/* Convolutions, pools, maps and linear layers in any order, at least one with weights. */
static inline void random_net_make(random_net *n, kit_random *r, int wide) {
  *n = (random_net){.net = {.name = "random", .layers = n->layers}};
  n->net.c = kit_between(r, 1, wide ? 20 : 7);
  n->net.h = wide ? kit_between(r, 8, 32) : kit_between(r, 1, 18);
  n->net.w = wide ? kit_between(r, 8, 32) : kit_between(r, 1, 18);
  n->shapes[0] = (lw_shape){n->net.c, n->net.h, n->net.w};
  n->floats = lw_shape_size(n->shapes[0]);
  const int64_t wanted = kit_between(r, 1, 9);
  for (int tries = 0; tries < 30 && (int64_t)n->net.layer_count < wanted; tries++) {
    const lw_shape in = n->shapes[n->net.layer_count];
    const int64_t roll = kit_between(r, 0, 19);
    lw_layer l = {.kind = LW_LAYER_RELU};
    if (roll < 8) {
      if (random_net_add(n, random_conv2d(r, in.c, wide)) && one_in(r, 2)) random_net_add(n, l);
      continue;
    }
    if (roll < 12) {
      l = (lw_layer){.kind = one_in(r, 3) ? LW_LAYER_AVG_POOL2D : LW_LAYER_MAX_POOL2D};
      l.kernel = one_in(r, 2) ? 2 : kit_between(r, 1, 4);
      l.stride = one_in(r, 3) ? kit_between(r, 1, 4) : 0;
      l.pad = one_in(r, 3) ? kit_between(r, 0, l.kernel / 2) : 0;
    } else if (roll < 14) {
      l = (lw_layer){.kind = LW_LAYER_DROPOUT, .probability = one_in(r, 8) ? (float)(one_in(r, 2)) : (float)kit_uniform(r)};
    } else if (roll < 16) {
      l.kind = LW_LAYER_TANH;
    } else if (roll < 18) {
      l = (lw_layer){.kind = LW_LAYER_LINEAR, .out = kit_between(r, 1, 70), .no_bias = one_in(r, 4)};
    }
    random_net_add(n, l);
  }
  if (n->tensors == 0 || lw_shape_size(n->shapes[n->net.layer_count]) > 300 || !one_in(r, 3))
    assert_true(random_net_add(n, (lw_layer){.kind = LW_LAYER_LINEAR, .out = kit_between(r, 1, 37)}));
  for (int i = 0; i < n->tensors; i++) must(lw_net_parameter(&n->net, i, &n->parameter[i]));
}

static inline int64_t random_net_outputs(const random_net *n) { return lw_shape_size(n->shapes[n->net.layer_count]); }

static inline void random_net_print(const random_net *n, int64_t batch) {
  print_message("batch %lld of %lldx%lldx%lld:", (long long)batch, (long long)n->net.c, (long long)n->net.h, (long long)n->net.w);
  for (size_t i = 0; i < n->net.layer_count; i++) {
    const lw_layer *l = &n->layers[i];
    print_message(" %s", l->name);
    if (l->out) print_message(" out%lld%s", (long long)l->out, l->no_bias ? " no bias" : "");
    if (l->kernel) print_message(" k%llds%lldp%lld", (long long)l->kernel, (long long)l->stride, (long long)l->pad);
    if (l->kind == LW_LAYER_CONV2D) print_message("d%lldg%lld", (long long)l->dilation, (long long)l->groups);
    print_message(";");
  }
  print_message("\n");
}

/* ------------------------------------------------------------------------------------------------------------- values */

/* Reals of -scale to scale; or such with what rounding and comparing find hard. */
static inline void random_values(kit_random *r, int64_t count, float scale, int hostile, float *x) {
  static const uint32_t hard[] = {0x7fc00001, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000, 0x80000000, 0,         0x00000001,
                                  0x807fffff, 0x00800000, 0x7e967699, 0xff61b1e6, 0x0da24260, 0x80800000, 0x3f800000};
  enum { REALS, INTEGERS, ZEROS, ONE, SOME, TINY, HUGE_ONES, STYLES };
  const int64_t style = hostile ? kit_between(r, INTEGERS, STYLES - 1) : REALS;
  for (int64_t i = 0; i < count; i++) {
    x[i] = (float)(2 * kit_uniform(r) - 1) * scale;
    if (style == INTEGERS) x[i] = (float)kit_between(r, -2, 2) * (one_in(r, 2) ? 1 : -1); /* -0 too */
    if (style == ZEROS) x[i] = one_in(r, 2) ? 0.0f : -0.0f;
    if (style == TINY) x[i] *= 1e-38f;
    if (style == HUGE_ONES) x[i] *= 1e37f;
    if (style == SOME && one_in(r, 40)) memcpy(&x[i], &hard[kit_between(r, 0, sizeof hard / sizeof *hard - 1)], sizeof *x);
  }
  if (style == ONE && count > 0)
    memcpy(&x[kit_between(r, 0, count - 1)], &hard[kit_between(r, 0, sizeof hard / sizeof *hard - 1)], sizeof *x);
}

/* Of all parameter tensors; times `factor` what Kaiming takes. */
static inline void random_tensors(const random_net *n, kit_random *r, float factor, int hostile, float *w[RANDOM_TENSORS]) {
  for (int i = 0; i < n->tensors; i++) {
    const lw_parameter_info *p = &n->parameter[i];
    w[i] = must_get(p->count, sizeof *w[i]);
    random_values(r, p->count, factor * sqrtf(6.0f / (float)p->fan_in), hostile && one_in(r, 2), w[i]);
  }
}
static inline void free_tensors(const random_net *n, float *w[RANDOM_TENSORS]) {
  for (int i = 0; i < n->tensors; i++) free(w[i]);
}

/* -------------------------------------------------------------------------------------------------------- composition */

/* A pass of `samples` through a network, by operators on `context`. */
typedef struct composed {
  const random_net *n;
  lw_context *context;
  int64_t samples;
  int drops; /* as in a step of training: layer i has stream + i */
  uint64_t seed, stream;
  float *const *w;
  float *y[RANDOM_LAYERS + 1]; /* y[0]: the input; the others are made here */
  int32_t *index[RANDOM_LAYERS];
} composed;

static inline void compose_forward(composed *c) {
  for (size_t i = 0; i < c->n->net.layer_count; i++) {
    const lw_layer *l = &c->n->layers[i];
    const int64_t in = lw_shape_size(c->n->shapes[i]), count = c->samples * in,
                  out = c->samples * lw_shape_size(c->n->shapes[i + 1]);
    const lw_conv2d_desc conv = lw_layer_conv2d(l, c->samples, c->n->shapes[i]);
    const lw_pool2d_desc pool = lw_layer_pool2d(l, c->samples, c->n->shapes[i]);
    const lw_linear_desc linear = {c->samples, in, l->out};
    float *const *w = c->w + c->n->first[i], *const x = c->y[i], *const y = c->y[i + 1] = must_get(out, sizeof *y);
    const float *const bias = l->no_bias ? NULL : w[1];
    c->index[i] = l->kind == LW_LAYER_MAX_POOL2D ? must_get(out, sizeof **c->index) : NULL;
    switch (l->kind) {
    case LW_LAYER_CONV2D: must(lw_conv2d(c->context, &conv, x, w[0], bias, y)); break;
    case LW_LAYER_LINEAR: must(lw_linear(c->context, &linear, x, w[0], bias, y)); break;
    case LW_LAYER_RELU: must(lw_relu(c->context, count, x, y)); break;
    case LW_LAYER_TANH: must(lw_tanh(c->context, count, x, y)); break;
    case LW_LAYER_MAX_POOL2D: must(lw_max_pool2d(c->context, &pool, x, y, c->index[i])); break;
    case LW_LAYER_AVG_POOL2D: must(lw_avg_pool2d(c->context, &pool, x, y)); break;
    case LW_LAYER_SOFTMAX: must(lw_softmax(c->context, c->samples, in, x, y)); break;
    case LW_LAYER_DROPOUT:
      must(c->drops ? lw_dropout_train(c->context, count, l->probability, c->seed, c->stream + i, x, y)
                    : lw_dropout(c->context, count, l->probability, x, y));
      break;
    }
  }
}

/* From the gradient with respect to the output, which is freed, to those of all weights. */
static inline void compose_backward(const composed *c, float *dy, float *const *gradient) {
  size_t first = 0; /* nobody asks for a gradient before it */
  while (!lw_train_has_weights(&c->n->layers[first])) first++;
  for (size_t i = c->n->net.layer_count; i-- > first;) {
    const lw_layer *l = &c->n->layers[i];
    const int64_t in = lw_shape_size(c->n->shapes[i]), count = c->samples * in;
    const lw_conv2d_desc conv = lw_layer_conv2d(l, c->samples, c->n->shapes[i]);
    const lw_pool2d_desc pool = lw_layer_pool2d(l, c->samples, c->n->shapes[i]);
    const lw_linear_desc linear = {c->samples, in, l->out};
    float *const *dw = gradient + c->n->first[i], *const x = c->y[i], *const y = c->y[i + 1];
    const float *const w = c->w[c->n->first[i]]; /* of layers that have some */
    float *dx = must_get(count, sizeof *dx);
    switch (l->kind) {
    case LW_LAYER_CONV2D:
      must(lw_conv2d_backward_weights(c->context, &conv, x, dy, dw[0]));
      if (!l->no_bias) must(lw_conv2d_backward_bias(c->context, &conv, dy, dw[1]));
      must(lw_conv2d_backward_data(c->context, &conv, dy, w, dx));
      break;
    case LW_LAYER_LINEAR:
      must(lw_linear_backward_weights(c->context, &linear, x, dy, dw[0]));
      if (!l->no_bias) must(lw_linear_backward_bias(c->context, &linear, dy, dw[1]));
      must(lw_linear_backward_data(c->context, &linear, dy, w, dx));
      break;
    case LW_LAYER_RELU: must(lw_relu_backward(c->context, count, y, dy, dx)); break;
    case LW_LAYER_TANH: must(lw_tanh_backward(c->context, count, y, dy, dx)); break;
    case LW_LAYER_MAX_POOL2D: must(lw_max_pool2d_backward(c->context, &pool, c->index[i], dy, dx)); break;
    case LW_LAYER_AVG_POOL2D: must(lw_avg_pool2d_backward(c->context, &pool, dy, dx)); break;
    case LW_LAYER_DROPOUT: must(lw_dropout_backward(c->context, count, l->probability, c->seed, c->stream + i, dy, dx)); break;
    case LW_LAYER_SOFTMAX: fail_msg("a softmax learns by its cross-entropy");
    }
    free(dy);
    dy = dx;
  }
  free(dy);
}

static inline void compose_free(composed *c) {
  for (size_t i = 0; i < c->n->net.layer_count; i++) {
    free(c->y[i + 1]);
    free(c->index[i]);
  }
}

#endif
