/* SPDX-License-Identifier: Apache-2.0
 * What a layer table says: shapes, parameters, and whether all of it fits together. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "nets/nets.h"

static int64_t or_default(int64_t value, int64_t otherwise) { return value == 0 ? otherwise : value; }

lw_conv2d_desc lw_layer_conv2d(const lw_layer *l, int64_t n, lw_shape in) {
  const int64_t stride = or_default(l->stride, 1), dilation = or_default(l->dilation, 1);
  return (lw_conv2d_desc){.n = n,
                          .ic = in.c,
                          .ih = in.h,
                          .iw = in.w,
                          .oc = l->out,
                          .kh = l->kernel,
                          .kw = l->kernel,
                          .stride_h = stride,
                          .stride_w = stride,
                          .pad_top = l->pad,
                          .pad_left = l->pad,
                          .pad_bottom = l->pad,
                          .pad_right = l->pad,
                          .dilation_h = dilation,
                          .dilation_w = dilation,
                          .groups = or_default(l->groups, 1)};
}

lw_pool2d_desc lw_layer_pool2d(const lw_layer *l, int64_t n, lw_shape in) {
  const int64_t stride = or_default(l->stride, l->kernel);
  return (lw_pool2d_desc){.n = n,
                          .c = in.c,
                          .ih = in.h,
                          .iw = in.w,
                          .kh = l->kernel,
                          .kw = l->kernel,
                          .stride_h = stride,
                          .stride_w = stride,
                          .pad_h = l->pad,
                          .pad_w = l->pad,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .count_include_pad = 1};
}

/* Adds where a failure happened to its message. */
static lw_status in_layer(const lw_net *net, size_t layer, lw_status status) {
  if (status == LW_OK) return status;
  return lw_fail(status, "network %s, layer %zu (%s): %s", net->name, layer, net->layers[layer].name, lw_error_message());
}

static lw_status layer_output(const lw_net *net, size_t layer, lw_shape in, lw_shape *out) {
  const lw_layer *l = &net->layers[layer];
  *out = in;
  switch (l->kind) {
  case LW_LAYER_CONV2D: {
    const lw_conv2d_desc d = lw_layer_conv2d(l, 1, in);
    out->c = l->out;
    return lw_conv2d_output(&d, &out->h, &out->w);
  }
  case LW_LAYER_LINEAR: {
    int64_t inputs;
    LW_TRY(lw_check_count("linear", "x", (const int64_t[]){1, in.c, in.h, in.w}, 4, sizeof(float), &inputs));
    LW_TRY(lw_check_least("linear", "out", l->out, 1));
    *out = (lw_shape){l->out, 1, 1};
    return lw_check_count("linear", "padded w", (const int64_t[]){1, lw_size_plus(l->out, LW_BLOCK), inputs}, 3, sizeof(float),
                          NULL);
  }
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: {
    const lw_pool2d_desc d = lw_layer_pool2d(l, 1, in);
    return lw_pool2d_output(&d, &out->h, &out->w);
  }
  case LW_LAYER_SOFTMAX:
    if (in.h == 1 && in.w == 1) return LW_OK;
    return lw_fail(LW_BAD_SHAPE, "softmax: input is %" PRId64 " x %" PRId64 " x %" PRId64 ", expected one pixel", in.c, in.h,
                   in.w);
  case LW_LAYER_DROPOUT:
    if (l->probability >= 0 && l->probability <= 1) return LW_OK;
    return lw_fail(LW_BAD_ARGUMENT, "dropout: probability is %g, expected 0..1", (double)l->probability);
  case LW_LAYER_RELU:
  case LW_LAYER_TANH: return LW_OK;
  }
  return lw_fail(LW_BAD_ARGUMENT, "kind is %d, which is no layer", (int)l->kind);
}

lw_status lw_net_layer_output(const lw_net *net, size_t layer, lw_shape in, lw_shape *out) {
  return in_layer(net, layer, layer_output(net, layer, in, out));
}

/* 0: the layer has no parameters. */
static int64_t fan_in_of(const lw_layer *l, lw_shape in) {
  if (l->kind == LW_LAYER_CONV2D) return in.c / or_default(l->groups, 1) * l->kernel * l->kernel;
  return l->kind == LW_LAYER_LINEAR ? in.c * in.h * in.w : 0;
}

/* All parameters together, in whole blocks of outputs with a bias each, as plans add up their bytes. */
static lw_status add_padded(const lw_net *net, size_t layer, lw_shape in, int64_t *total) {
  const lw_layer *l = &net->layers[layer];
  const int64_t fan_in = fan_in_of(l, in);
  int64_t count;
  if (fan_in == 0) return LW_OK;
  if (!__builtin_mul_overflow(lw_size_plus(l->out, LW_BLOCK), fan_in + 1, &count) &&
      !__builtin_add_overflow(*total, count, total) && *total <= INT64_MAX / 8)
    return LW_OK;
  return lw_fail(LW_BAD_SHAPE, "network %s: the parameters up to layer %zu (%s) are more than memory can address", net->name,
                 layer, l->name);
}

lw_status lw_net_shapes(const lw_net *net, lw_shape *shapes) {
  if (!net) return lw_fail(LW_BAD_ARGUMENT, "network: net is NULL");
  if (!net->name) return lw_fail(LW_BAD_ARGUMENT, "network: name is NULL");
  if (!net->layers || net->layer_count == 0) return lw_fail(LW_BAD_ARGUMENT, "network %s has no layers", net->name);
  LW_TRY(lw_check_count(net->name, "its input", (const int64_t[]){1, net->c, net->h, net->w}, 4, sizeof(float), NULL));
  lw_shape shape = {net->c, net->h, net->w};
  int64_t parameters = 0;
  for (size_t i = 0; i < net->layer_count; i++) {
    if (!net->layers[i].name) return lw_fail(LW_BAD_ARGUMENT, "network %s: layer %zu has no name", net->name, i);
    if (strlen(net->layers[i].name) > LW_LAYER_NAME_MAX)
      return lw_fail(LW_BAD_ARGUMENT, "network %s: the name of layer %zu has %zu characters, expected at most %d: %s", net->name,
                     i, strlen(net->layers[i].name), LW_LAYER_NAME_MAX, net->layers[i].name);
    if (shapes) shapes[i] = shape;
    const lw_shape in = shape;
    LW_TRY(lw_net_layer_output(net, i, in, &shape));
    LW_TRY(add_padded(net, i, in, &parameters));
  }
  if (shapes) shapes[net->layer_count] = shape;
  return LW_OK;
}

/* A parameter tensor, and the input of its layer. */
typedef struct parameter {
  size_t layer;
  lw_shape in;
  int is_bias;
  int64_t count, fan_in;
} parameter;

/* Calls visit for every parameter tensor until it returns 0. */
static lw_status each_tensor(const lw_net *net, int (*visit)(void *, const parameter *), void *user) {
  lw_shape in = {net->c, net->h, net->w}, out;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    const lw_layer *l = &net->layers[i];
    LW_TRY(lw_net_layer_output(net, i, in, &out));
    const int64_t fan_in = fan_in_of(l, in);
    if (fan_in == 0) continue;
    if (!visit(user, &(parameter){i, in, 0, l->out * fan_in, fan_in})) return LW_OK;
    if (!l->no_bias && !visit(user, &(parameter){i, in, 1, l->out, fan_in})) return LW_OK;
  }
  return LW_OK;
}

static int add_count(void *user, const parameter *p) {
  *(int64_t *)user += p->count;
  return 1;
}

lw_status lw_net_parameters(const lw_net *net, int64_t *count) {
  if (!count) return lw_fail(LW_BAD_ARGUMENT, "lw_net_parameters: count is NULL");
  LW_TRY(lw_net_shapes(net, NULL));
  *count = 0;
  return each_tensor(net, add_count, count);
}

static int add_one(void *user, const parameter *p) {
  (void)p;
  ++*(int *)user;
  return 1;
}

lw_status lw_net_parameter_tensors(const lw_net *net, int *count) {
  if (!count) return lw_fail(LW_BAD_ARGUMENT, "lw_net_parameter_tensors: count is NULL");
  LW_TRY(lw_net_shapes(net, NULL));
  *count = 0;
  return each_tensor(net, add_one, count);
}

typedef struct search {
  int left;
  parameter found;
} search;

static int find(void *user, const parameter *p) {
  search *s = user;
  s->found = *p;
  return s->left-- > 0;
}

static lw_status find_tensor(const lw_net *net, int tensor, parameter *found) {
  search s = {.left = tensor};
  if (tensor < 0) return lw_fail(LW_BAD_ARGUMENT, "network %s: tensor is %d, expected at least 0", net->name, tensor);
  LW_TRY(each_tensor(net, find, &s));
  if (s.left >= 0) return lw_fail(LW_BAD_ARGUMENT, "network %s has no parameter tensor %d", net->name, tensor);
  *found = s.found;
  return LW_OK;
}

lw_status lw_net_tensor(const lw_net *net, int tensor, int64_t *count, int64_t *fan_in) {
  parameter p = {0};
  LW_TRY(find_tensor(net, tensor, &p));
  if (count) *count = p.count;
  if (fan_in) *fan_in = p.fan_in;
  return LW_OK;
}

lw_status lw_net_parameter(const lw_net *net, int tensor, lw_parameter_info *info) {
  parameter p = {0};
  if (!info) return lw_fail(LW_BAD_ARGUMENT, "lw_net_parameter: info is NULL");
  LW_TRY(lw_net_shapes(net, NULL));
  LW_TRY(find_tensor(net, tensor, &p));
  const lw_layer *l = &net->layers[p.layer];
  lw_parameter_info i = {
      .layer = p.layer, .is_bias = p.is_bias, .rank = 1, .shape = {l->out}, .count = p.count, .fan_in = p.fan_in};
  i.in_c = p.in.c;
  i.in_h = p.in.h;
  i.in_w = p.in.w;
  snprintf(i.name, sizeof i.name, "%s.%s", l->name, p.is_bias ? "bias" : "weight");
  if (!p.is_bias && l->kind == LW_LAYER_LINEAR) {
    i.rank = 2;
    i.shape[1] = p.fan_in;
  } else if (!p.is_bias) {
    i.rank = 4;
    i.shape[1] = p.in.c / or_default(l->groups, 1);
    i.shape[2] = i.shape[3] = l->kernel;
  }
  *info = i;
  return LW_OK;
}
