/* SPDX-License-Identifier: Apache-2.0
 * Lowering: a layer table becomes a chain of kernel calls. On SIMD ISAs activations are in 16-channel blocks, ReLU and pooling
 * are fused into the convolution before them, and a tensor is written with the halo that its reader wants. On the loops of ref/
 * every layer is one step over plain tensors. */
#include "nets/nets.h"
#include "runtime/topology.h"

typedef struct lowering {
  const lw_context *context;
  const lw_net *net;
  int64_t batch;
  lw_mode mode;
  int simd, fuse;
  lw_lowered *out;
  /* the tensor that the next step reads */
  lw_view view;
  lw_shape shape;
  lw_place place;
  size_t bytes;    /* if in the workspace */
  int tensor;      /* next parameter tensor */
  size_t l2_bytes; /* of a core, 0: not asked yet */
} lowering;

static size_t align64(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* The halo that the reader of a tensor wants: padding of the next convolution. `layer` is the first layer not yet lowered. */
static int64_t wanted_halo(const lowering *s, size_t layer) {
  if (!s->simd) return 0;
  for (size_t i = layer; i < s->net->layer_count; i++) {
    const lw_layer *l = &s->net->layers[i];
    if (l->kind == LW_LAYER_RELU || l->kind == LW_LAYER_TANH || l->kind == LW_LAYER_DROPOUT) continue; /* keep zeros zero */
    return l->kind == LW_LAYER_CONV2D && l->groups <= 1 ? l->pad : 0;
  }
  return 0;
}

static int is_last(const lowering *s, size_t layer) {
  for (size_t i = layer; i < s->net->layer_count; i++)
    if (s->net->layers[i].kind != LW_LAYER_DROPOUT) return 0;
  return 1;
}

static int is_plain(const lw_view *v) { return v->c_block == 1 && !(v->top | v->left | v->bottom | v->right); }

static lw_step *new_step(lowering *s, lw_op op, const char *algorithm, size_t first, size_t last) {
  lw_step *step = &s->out->steps[s->out->count++];
  *step = (lw_step){.first_layer = first, .last_layer = last, .tensor = -1, .parts = 1};
  step->kernel = lw_kernel_find(op, s->context->isa, s->simd ? algorithm : NULL);
  step->x = s->place;
  step->x_bytes = s->bytes;
  return step;
}

/* Gives `step` its output: [shape] in blocks of c_block channels with a halo, at the caller's y if it is plain and the last. */
static void set_output(lowering *s, lw_step *step, lw_shape shape, int64_t c_block, int64_t halo) {
  const double before = (double)s->shape.c * (double)s->shape.h * (double)s->shape.w;
  const double after = (double)shape.c * (double)shape.h * (double)shape.w;
  step->bytes = (before + after) * (double)s->batch * sizeof(float) + step->weight_bytes;
  step->shape = s->shape = shape;
  step->out = s->view = lw_view_make(NULL, shape.c, shape.h, shape.w, c_block, (const int64_t[4]){halo, halo, halo, halo});
  if (is_last(s, step->last_layer + 1) && is_plain(&s->view))
    s->place = LW_PLACE_OUTPUT;
  else
    s->place = step->x == LW_PLACE_LOW ? LW_PLACE_HIGH : LW_PLACE_LOW;
  step->y = s->place;
  step->y_bytes = s->bytes = s->place == LW_PLACE_OUTPUT ? 0 : align64((size_t)(s->view.n_stride * s->batch) * sizeof(float));
  const size_t both = (step->x == LW_PLACE_INPUT ? 0 : step->x_bytes) + step->y_bytes;
  if (both > s->out->arena_bytes) s->out->arena_bytes = both;
  if (step->scratch * (size_t)step->parts > s->out->scratch_bytes) s->out->scratch_bytes = step->scratch * (size_t)step->parts;
}

static void reorder(lowering *s, size_t next_layer, int64_t c_block, int64_t halo) {
  lw_step *step = new_step(s, LW_OP_reorder, NULL, next_layer, next_layer - 1);
  step->args.reorder = (lw_reorder_args){.n = s->batch, .c = s->shape.c, .x = s->view};
  step->parts = lw_kernel_parts(s->context, s->batch * s->shape.c * s->shape.h * s->shape.w);
  set_output(s, step, s->shape, c_block, halo);
  step->args.reorder.y = s->view;
}

static void make_plain(lowering *s, size_t next_layer) {
  if (!is_plain(&s->view)) reorder(s, next_layer, 1, 0);
}

/* Weights w[rows][k] of a layer: how many bytes, where, and which tensor. step->winograd is set. */
static void add_weights(lowering *s, lw_step *step, const lw_layer *l, int64_t rows, int64_t k, int packed) {
  const int64_t padded = packed ? (rows + LW_BLOCK - 1) / LW_BLOCK * LW_BLOCK : rows;
  const int64_t count = step->winograd ? lw_winograd_count(step->winograd, rows, k / 9) : padded * k;
  step->rows = rows;
  step->k = k;
  step->packed = packed;
  step->has_bias = !l->no_bias;
  step->tensor = s->tensor;
  s->tensor += 1 + step->has_bias;
  step->weight_offset = s->out->weight_bytes;
  step->bias_offset = step->weight_offset + align64((size_t)count * sizeof(float));
  s->out->weight_bytes = step->bias_offset + (step->has_bias ? align64((size_t)padded * sizeof(float)) : 0);
  const double per_row = step->winograd ? (double)lw_winograd_count(step->winograd, LW_BLOCK, k / 9) / LW_BLOCK : (double)k;
  step->weight_bytes = (double)rows * (per_row + step->has_bias) * sizeof(float);
}

static size_t fuse_relu(const lowering *s, size_t layer) {
  return s->simd && s->fuse && layer + 1 < s->net->layer_count && s->net->layers[layer + 1].kind == LW_LAYER_RELU ? layer + 1
                                                                                                                  : layer;
}

static int is_pool_2x2(const lw_layer *l) {
  return l->kind == LW_LAYER_MAX_POOL2D && l->kernel == 2 && (l->stride == 0 || l->stride == 2) && l->pad == 0;
}

/* A SIMD step of one of Winograd's algorithms: its block, scratch and kind of weights. */
static void set_winograd(lowering *s, lw_step *step, int m) {
  lw_conv2d_args *a = &step->args.conv2d;
  if (s->l2_bytes == 0) s->l2_bytes = lw_topology_cache_bytes(2);
  a->block = lw_winograd_choose_block(m, &a->desc, a->oh, a->ow, s->context->isa, s->l2_bytes);
  step->winograd = m;
  step->scratch = lw_winograd_scratch(m, a->desc.ic, a->block);
}

static size_t lower_conv2d(lowering *s, size_t layer) {
  const lw_layer *l = &s->net->layers[layer];
  lw_conv2d_desc d = lw_layer_conv2d(l, s->batch, s->shape);
  int64_t oh, ow;
  (void)lw_conv2d_output(&d, &oh, &ow); /* checked by lw_net_shapes */
  const lw_recipe *recipe = lw_recipe_conv2d(s->mode, &d, oh, ow);
  const int direct = s->simd && d.groups == 1;
  if (!direct)
    make_plain(s, layer);
  else if (s->view.top != l->pad) /* only the network's input comes without its halo */
    reorder(s, layer, s->shape.c < LW_BLOCK ? 1 : LW_BLOCK, l->pad);

  size_t last = fuse_relu(s, layer);
  const int relu = last > layer;
  const int pool = direct && s->fuse && last + 1 < s->net->layer_count && is_pool_2x2(&s->net->layers[last + 1]);
  last += (size_t)pool;

  lw_step *step = new_step(s, LW_OP_conv2d, direct ? "direct" : lw_conv2d_plain_algorithm(&d), layer, last);
  const lw_kernel *fast = recipe ? lw_kernel_find(LW_OP_conv2d, s->context->isa, recipe->algorithm) : NULL;
  if (fast) step->kernel = fast; /* autovec has none */
  lw_conv2d_args *a = &step->args.conv2d;
  *a = (lw_conv2d_args){.desc = d, .oh = oh, .ow = ow, .x = s->view, .relu = relu, .pool = pool};
  const int64_t k = d.ic / d.groups * d.kh * d.kw;
  const double macs = (double)(s->batch * a->oh * a->ow) * (double)(d.oc * k);
  step->flops = 2 * macs;
  step->parts = lw_kernel_parts(s->context, macs < 1e15 ? (int64_t)macs : (int64_t)1e15);
  if (pool) step->scratch = lw_conv2d_direct_scratch(a->ow);
  if (direct && fast) set_winograd(s, step, recipe->winograd);
  if (s->simd && !direct) step->scratch = lw_conv2d_plain_scratch(&d);
  a->scratch_stride = step->scratch;
  add_weights(s, step, l, d.oc, k, direct);
  const lw_shape shape = {d.oc, pool ? a->oh / 2 : a->oh, pool ? a->ow / 2 : a->ow};
  set_output(s, step, shape, direct ? LW_BLOCK : 1, direct ? wanted_halo(s, last + 1) : 0);
  a->y = s->view;
  return last;
}

static size_t lower_linear(lowering *s, size_t layer) {
  const lw_layer *l = &s->net->layers[layer];
  make_plain(s, layer);
  const size_t last = fuse_relu(s, layer);
  const int64_t inputs = s->shape.c * s->shape.h * s->shape.w;
  lw_step *step = new_step(s, LW_OP_linear, "panels", layer, last);
  step->args.linear = (lw_linear_args){.desc = {s->batch, inputs, l->out}, .relu = last > layer};
  step->flops = 2.0 * (double)s->batch * (double)inputs * (double)l->out;
  step->parts = lw_kernel_parts(s->context, s->batch * inputs * l->out);
  add_weights(s, step, l, l->out, inputs, s->simd);
  set_output(s, step, (lw_shape){l->out, 1, 1}, 1, 0);
  return last;
}

/* relu and tanh: over the whole buffer, halo and channel padding included (0 stays 0), in place unless it is the caller's. */
static size_t lower_map(lowering *s, size_t layer, lw_op op) {
  lw_step *step = new_step(s, op, NULL, layer, layer);
  const int64_t count = s->view.n_stride * s->batch;
  step->args.map.count = count;
  step->flops = (double)s->batch * (double)s->shape.c * (double)s->shape.h * (double)s->shape.w;
  step->parts = lw_kernel_parts(s->context, count);
  const lw_place x = step->x;
  const int in_place = x != LW_PLACE_INPUT && !(is_last(s, layer + 1) && is_plain(&s->view));
  const size_t bytes = s->bytes;
  set_output(s, step, s->shape, s->view.c_block, s->view.top);
  if (in_place) {
    step->y = s->place = x;
    step->y_bytes = s->bytes = bytes;
  }
  return layer;
}

static size_t lower_pool(lowering *s, size_t layer, lw_op op) {
  const lw_layer *l = &s->net->layers[layer];
  const lw_pool2d_desc d = lw_layer_pool2d(l, s->batch, s->shape);
  const int blocked = s->view.c_block == LW_BLOCK;
  if (!blocked) make_plain(s, layer);
  lw_step *step = new_step(s, op, blocked ? "blocked" : "plain", layer, layer);
  lw_pool2d_args *a = &step->args.pool2d;
  *a = (lw_pool2d_args){.desc = d, .x = s->view};
  (void)lw_pool2d_output(&d, &a->oh, &a->ow);
  const int64_t work = s->batch * d.c * a->oh * a->ow * d.kh * d.kw;
  step->flops = (double)work;
  step->parts = lw_kernel_parts(s->context, work);
  set_output(s, step, (lw_shape){d.c, a->oh, a->ow}, s->view.c_block, blocked ? wanted_halo(s, layer + 1) : 0);
  a->y = s->view;
  return layer;
}

static size_t lower_softmax(lowering *s, size_t layer) {
  make_plain(s, layer);
  lw_step *step = new_step(s, LW_OP_softmax, NULL, layer, layer);
  step->args.rows = (lw_rows_args){.n = s->batch, .c = s->shape.c};
  step->flops = 20.0 * (double)(s->batch * s->shape.c);
  step->parts = lw_kernel_parts(s->context, 20 * s->batch * s->shape.c);
  set_output(s, step, s->shape, 1, 0);
  return layer;
}

/* Lowers from `layer` on; returns the last layer that the new step computes. */
static size_t lower_layer(lowering *s, size_t layer) {
  switch (s->net->layers[layer].kind) {
  case LW_LAYER_CONV2D: return lower_conv2d(s, layer);
  case LW_LAYER_LINEAR: return lower_linear(s, layer);
  case LW_LAYER_RELU: return lower_map(s, layer, LW_OP_relu);
  case LW_LAYER_TANH: return lower_map(s, layer, LW_OP_tanh);
  case LW_LAYER_MAX_POOL2D: return lower_pool(s, layer, LW_OP_max_pool2d);
  case LW_LAYER_AVG_POOL2D: return lower_pool(s, layer, LW_OP_avg_pool2d);
  case LW_LAYER_SOFTMAX: return lower_softmax(s, layer);
  case LW_LAYER_DROPOUT: break; /* identity at inference: belongs to the step before it */
  }
  if (s->out->count) s->out->steps[s->out->count - 1].last_layer = layer;
  return layer;
}

lw_status lw_lower(const lw_context *context, const lw_net *net, int64_t batch, lw_mode mode, int fuse, lw_lowered *lowered) {
  *lowered = (lw_lowered){0};
  /* At most a reorder before each layer and one at the end. */
  lowered->steps = lw_memory_get(context, (2 * net->layer_count + 1) * sizeof *lowered->steps);
  if (!lowered->steps) return lw_fail(LW_NO_MEMORY, "network %s: no memory for %zu steps", net->name, 2 * net->layer_count + 1);
  lowering s = {
      .context = context, .net = net, .batch = batch, .mode = mode, .fuse = fuse, .out = lowered, .place = LW_PLACE_INPUT};
  s.simd = lw_isa_is_simd(context->isa);
  s.shape = (lw_shape){net->c, net->h, net->w};
  s.view = lw_view_make(NULL, net->c, net->h, net->w, 1, (const int64_t[4]){0, 0, 0, 0});
  for (size_t layer = 0; layer < net->layer_count; layer++) layer = lower_layer(&s, layer);
  if (s.place != LW_PLACE_OUTPUT) reorder(&s, net->layer_count, 1, 0);
  return LW_OK;
}
