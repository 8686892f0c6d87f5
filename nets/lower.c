/* SPDX-License-Identifier: Apache-2.0
 * Lowering: a layer table becomes a chain of kernel calls. On SIMD ISAs activations are in 16-channel blocks (plain where
 * there are few channels), ReLU and pooling are fused into the convolution before them, and a tensor is written with the halo
 * that its reader wants. On the loops of ref/ every layer is one step over plain tensors. */
#include <stdio.h>
#include <string.h>
#include "nets/recipe.h"
#include "runtime/topology.h"
#include "simd/conv2d_small.h"

typedef struct lowering {
  const lw_context *context;
  const lw_net *net;
  int64_t batch;
  const lw_recipe_choice *choices; /* by layer */
  const lw_tuning *tunings;        /* likewise, or NULL */
  size_t *l2_bytes;
  int simd, fuse;
  lw_lowered *out;
  /* the tensor that the next step reads */
  lw_view view;
  lw_shape shape;
  lw_place place;
  size_t bytes; /* if in the workspace */
  int tensor;   /* next parameter tensor */
} lowering;

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

static int has_halo(const lw_view *v) { return (v->top | v->left | v->bottom | v->right) != 0; }
static int is_plain(const lw_view *v) { return v->c_block == 1 && !has_halo(v); }

static lw_step *new_step(lowering *s, lw_op op, const char *algorithm, size_t first, size_t last) {
  lw_step *step = &s->out->steps[s->out->count++];
  *step = (lw_step){.first_layer = first, .last_layer = last, .parts = 1};
  step->weights.tensor = step->before.tensor = -1;
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
  if (step->algorithm_flops == 0) step->algorithm_flops = step->flops;
  step->out = s->view = lw_view_make(NULL, shape.c, shape.h, shape.w, c_block, (const int64_t[4]){halo, halo, halo, halo});
  if (is_last(s, step->last_layer + 1) && is_plain(&s->view))
    s->place = LW_PLACE_OUTPUT;
  else
    s->place = step->x == LW_PLACE_LOW ? LW_PLACE_HIGH : LW_PLACE_LOW;
  step->y = s->place;
  step->y_bytes = s->bytes = s->place == LW_PLACE_OUTPUT ? 0 : lw_lines((size_t)(s->view.n_stride * s->batch) * sizeof(float));
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

/* Weights w[rows][k] of a layer: how many bytes, where, and which tensor. winograd, kernel: see lw_step_weights. */
static void add_weights(lowering *s, lw_step *step, lw_step_weights *w, size_t layer, int64_t rows, int64_t k, int packed,
                        int winograd, int kernel) {
  const int64_t per_row = winograd ? lw_winograd_count(winograd, kernel, LW_BLOCK, k / kernel / kernel) / LW_BLOCK : k;
  size_t bias_offset;
  *w = (lw_step_weights){
      .layer = layer, .tensor = s->tensor, .packed = packed, .winograd = winograd, .kernel = kernel, .rows = rows, .k = k};
  w->has_bias = !s->net->layers[layer].no_bias;
  s->tensor += 1 + w->has_bias;
  w->weight_offset = s->out->weight_bytes;
  s->out->weight_bytes += lw_weight_bytes(rows, k, packed, winograd, kernel, w->has_bias, &bias_offset);
  w->bias_offset = w->weight_offset + bias_offset;
  step->weight_bytes += (double)rows * (double)(per_row + w->has_bias) * sizeof(float);
}

static size_t fuse_relu(const lowering *s, size_t layer) {
  return s->simd && s->fuse && layer + 1 < s->net->layer_count && s->net->layers[layer + 1].kind == LW_LAYER_RELU ? layer + 1
                                                                                                                  : layer;
}

static int is_pool_2x2(const lw_layer *l) {
  return l->kind == LW_LAYER_MAX_POOL2D && l->kernel == 2 && (l->stride == 0 || l->stride == 2) && l->pad == 0;
}

static lw_tuning wish(const lowering *s, size_t layer) { return s->tunings ? s->tunings[layer] : (lw_tuning){0}; }

/* As the cost model says for so much work, unless something else is wished. */
static void set_parts(const lowering *s, lw_step *step, int64_t work) {
  const lw_tuning w = wish(s, step->first_layer);
  step->parts = w.parts <= 0 ? lw_kernel_parts(s->context, work) : w.parts < s->context->threads ? w.parts : s->context->threads;
  step->tuning = (lw_tuning){.algorithm = step->kernel->algorithm, .parts = step->parts, .by = w.by};
  step->tuning.seconds = w.seconds;
  step->tuning.model_seconds = w.model_seconds;
}

/* A convolution and the ReLU behind it. */
typedef struct convolution {
  size_t layer, last; /* last: the ReLU, if one is fused */
  lw_conv2d_desc desc;
  int64_t oh, ow, k;       /* k: taps of an output */
  const lw_recipe *recipe; /* NULL: the algorithm of mode exact */
  double flops, algorithm_flops;
} convolution;

static convolution look_at(const lowering *s, size_t layer, lw_shape in) {
  convolution c = {.layer = layer, .last = fuse_relu(s, layer), .desc = lw_layer_conv2d(&s->net->layers[layer], s->batch, in)};
  const lw_conv2d_desc *d = &c.desc;
  (void)lw_conv2d_output(d, &c.oh, &c.ow); /* checked by lw_net_shapes */
  c.k = d->ic / d->groups * d->kh * d->kw;
  c.flops = 2 * (double)(s->batch * c.oh * c.ow) * (double)(d->oc * c.k);
  c.recipe = s->choices[layer].recipe;
  if (c.recipe && !lw_kernel_find(LW_OP_conv2d, s->context->isa, c.recipe->algorithm)) c.recipe = NULL; /* autovec has none */
  c.algorithm_flops = c.flops * lw_recipe_products(c.recipe);
  return c;
}

/* Winograd's convolution behind `c` can compute c's rows as it needs them, so that they never leave the cache. Rows at the seams
 * of shares are computed twice: that suits a first convolution on few channels. */
static int is_computed_on_the_way(const lowering *s, const convolution *c, convolution *next) {
  if (!s->simd || !s->fuse || c->recipe || c->desc.groups != 1 || c->desc.ic >= LW_BLOCK || c->last + 1 >= s->net->layer_count ||
      s->net->layers[c->last + 1].kind != LW_LAYER_CONV2D)
    return 0;
  *next = look_at(s, c->last + 1, (lw_shape){c->desc.oc, c->oh, c->ow});
  return next->recipe != NULL;
}

/* A SIMD step of one of Winograd's algorithms. */
static void set_winograd(lowering *s, lw_step *step, const convolution *c, const convolution *before) {
  lw_conv2d_args *a = &step->args.conv2d;
  const int m = c->recipe->winograd;
  const int64_t tiles = a->desc.n * ((a->oh + m - 1) / m) * ((a->ow + m - 1) / m);
  const int64_t panels = (a->desc.oc + LW_BLOCK - 1) / LW_BLOCK;
  a->block = wish(s, step->first_layer).block;
  if (a->block.tiles > tiles) a->block.tiles = tiles;
  if (a->block.panels > panels) a->block.panels = panels;
  if (a->block.tiles <= 0 || a->block.panels <= 0) {
    if (*s->l2_bytes == 0) *s->l2_bytes = lw_topology_cache_bytes(2);
    if (*s->l2_bytes == 0) *s->l2_bytes = 1 << 20;
    a->block = lw_winograd_choose_block(m, &a->desc, a->oh, a->ow, s->context->isa, *s->l2_bytes);
  }
  step->scratch = lw_winograd_scratch(m, &a->desc, a->block, before != NULL);
  if (!before) return;
  a->before = (lw_conv2d_before){.desc = before->desc, .x = a->x, .relu = before->last > before->layer};
  step->flops += before->flops;
  step->algorithm_flops += before->flops;
  add_weights(s, step, &step->before, before->layer, before->desc.oc, before->k, 1, 0, 0);
}

/* Why the recipe did not take its first choice. */
static void set_reason(const lowering *s, lw_step *step, const convolution *c, const convolution *before) {
  const char *own = s->choices[c->layer].reason;
  if (!before)
    snprintf(step->reason, sizeof step->reason, "%s", own);
  else
    snprintf(step->reason, sizeof step->reason, "%.40s: %s%s%s", s->net->layers[before->layer].name,
             s->choices[before->layer].reason, own[0] ? "; " : "", own);
}

static size_t lower_conv2d(lowering *s, size_t layer) {
  convolution c = look_at(s, layer, s->shape), before = c, next;
  const int packed = s->simd && c.desc.groups == 1, on_the_way = is_computed_on_the_way(s, &c, &next);
  if (on_the_way) c = next;
  const int pool = packed && s->fuse && c.last + 1 < s->net->layer_count && is_pool_2x2(&s->net->layers[c.last + 1]);
  const size_t last = c.last + (size_t)pool;
  const char *wished = wish(s, layer).algorithm;
  const char *algorithm = c.recipe  ? c.recipe->algorithm
                          : !packed ? lw_conv2d_plain_algorithm(&c.desc)
                          : wished && lw_conv2d_packed_can(wished, &c.desc, pool)
                              ? wished
                              : lw_conv2d_packed_algorithm(s->context->isa, &c.desc, c.oh, c.ow, pool);
  const int columns = strcmp(algorithm, "columns") == 0, wants_blocks = c.recipe && !on_the_way;
  if (!packed)
    make_plain(s, layer);
  else if (!columns && (s->view.top != before.desc.pad_top || (wants_blocks && s->view.c_block != LW_BLOCK)))
    reorder(s, layer, s->shape.c < LW_BLOCK ? 1 : LW_BLOCK, before.desc.pad_top); /* the network's input, or what came plain */

  lw_step *step = new_step(s, LW_OP_conv2d, algorithm, layer, last);
  if (c.recipe) step->kernel = lw_kernel_find(LW_OP_conv2d, s->context->isa, algorithm); /* ref and naive have it too */
  lw_conv2d_args *a = &step->args.conv2d;
  *a = (lw_conv2d_args){.desc = c.desc, .oh = c.oh, .ow = c.ow, .x = s->view, .relu = c.last > c.layer, .pool = pool};
  step->flops = c.flops;
  step->algorithm_flops = c.algorithm_flops;
  if (packed && c.recipe)
    set_winograd(s, step, &c, on_the_way ? &before : NULL);
  else if (s->simd)
    step->scratch = packed ? lw_conv2d_packed_scratch(algorithm, a) : lw_conv2d_plain_scratch(&c.desc);
  a->scratch_stride = step->scratch;
  set_reason(s, step, &c, on_the_way ? &before : NULL);
  set_parts(s, step, lw_mac_work(s->context, step->flops / 2, 0));
  step->tuning.block = a->block;
  add_weights(s, step, &step->weights, c.layer, c.desc.oc, c.k, packed, packed && c.recipe ? c.recipe->winograd : 0,
              (int)c.desc.kh);
  const lw_shape shape = {c.desc.oc, pool ? a->oh / 2 : a->oh, pool ? a->ow / 2 : a->ow};
  set_output(s, step, shape, packed && !columns ? LW_BLOCK : 1, packed ? wanted_halo(s, last + 1) : 0);
  a->y = s->view;
  return last;
}

static size_t lower_linear(lowering *s, size_t layer) {
  const lw_layer *l = &s->net->layers[layer];
  const int reads_blocks = s->simd && s->view.c_block == LW_BLOCK && !has_halo(&s->view);
  if (!reads_blocks) make_plain(s, layer);
  const size_t last = fuse_relu(s, layer);
  const int64_t inputs = s->shape.c * s->shape.h * s->shape.w;
  lw_step *step = new_step(s, LW_OP_linear, "panels", layer, last);
  step->args.linear = (lw_linear_args){.desc = {s->batch, inputs, l->out}, .relu = last > layer};
  if (reads_blocks) step->args.linear.x_plane = s->shape.h * s->shape.w;
  const double macs = (double)s->batch * (double)inputs * (double)l->out;
  step->flops = 2 * macs;
  set_parts(s, step, lw_mac_work(s->context, macs, s->batch == 1));
  add_weights(s, step, &step->weights, layer, l->out, inputs, s->simd, 0, 0);
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
  set_parts(s, step, work);
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

lw_status lw_lower(const lw_context *context, const lw_net *net, const lw_plan_options *options, const lw_tuning *tunings,
                   size_t *l2_bytes, lw_lowered *lowered) {
  const lw_budgets budgets = {options->accuracy, options->weight_budget};
  lw_recipe_choice *choices = lw_memory_get(context, net->layer_count * sizeof *choices);
  *lowered = (lw_lowered){0};
  if (!choices) return lw_fail(LW_NO_MEMORY, "network %s: no memory for the recipe of %zu layers", net->name, net->layer_count);
  lw_status status = lw_recipe_net(net, options->mode, &budgets, choices);
  /* At most a reorder before each layer and one at the end. */
  if (status == LW_OK && !(lowered->steps = lw_memory_get(context, (2 * net->layer_count + 1) * sizeof *lowered->steps)))
    status = lw_fail(LW_NO_MEMORY, "network %s: no memory for %zu steps", net->name, 2 * net->layer_count + 1);
  if (status == LW_OK) {
    lowering s = {.context = context, .net = net, .batch = options->batch, .choices = choices, .fuse = !options->no_fuse};
    s.out = lowered;
    s.tunings = tunings;
    s.l2_bytes = l2_bytes;
    s.place = LW_PLACE_INPUT;
    s.simd = lw_isa_is_simd(context->isa);
    s.shape = (lw_shape){net->c, net->h, net->w};
    s.view = lw_view_make(NULL, net->c, net->h, net->w, 1, (const int64_t[4]){0, 0, 0, 0});
    for (size_t layer = 0; layer < net->layer_count; layer++) layer = lower_layer(&s, layer);
    if (s.place != LW_PLACE_OUTPUT) reorder(&s, net->layer_count, 1, 0);
  }
  lw_memory_free(context, choices);
  return status;
}
