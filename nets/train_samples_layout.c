/* SPDX-License-Identifier: Apache-2.0
 * The memory of learning with samples in lanes: see train_samples.h. */
#include <string.h>
#include "nets/train_samples.h"
#include "runtime/topology.h"

enum { MOST_PIXELS = 56 * 56 /* of an image: 16 planes of some channels stay in L2 */, LEAST_BATCH = 8 };

int lw_train_in_samples(const lw_trainer *t) {
  if (!lw_isa_is_simd(t->context->isa) || t->batch < LEAST_BATCH) return 0;
  lw_shape shape = {t->net->c, t->net->h, t->net->w};
  for (size_t i = 0; i < t->net->layer_count; i++) {
    const lw_layer *row = &t->net->layers[i];
    if (shape.h * shape.w > MOST_PIXELS) return 0;
    if (i > 0 && lw_train_is_map(row->kind) && !lw_train_in_place(t->net, i)) return 0;
    if (row->kind == LW_LAYER_CONV2D) {
      const lw_conv2d_desc d = lw_layer_conv2d(row, t->batch, shape);
      if (lw_train_conv2d_is_fast(t, &d)) return 0;
    }
    (void)lw_net_layer_output(t->net, i, shape, &shape);
  }
  return shape.h * shape.w <= MOST_PIXELS;
}

/* Where a tensor's y and dy lie. Maps go through both element by element, and a linear layer knows no halo: then dy lies as y. */
static void choose_views(const lw_net *net, const lw_samples_tensor *before, lw_samples_tensor *s) {
  const lw_layer *reader = s->reader < net->layer_count ? &net->layers[s->reader] : NULL;
  const size_t maps = s->reader - (s->writer + 1), relu = lw_samples_relu_of_pool(net, s->reader);
  const int is_flat = maps > relu || (before && lw_samples_relu_of_pool(net, s->writer));
  int64_t halo[4] = {0}, wide[4] = {0};
  if (reader && reader->kind == LW_LAYER_CONV2D) {
    const lw_conv2d_desc d = lw_layer_conv2d(reader, 1, s->shape);
    memcpy(halo, (const int64_t[4]){d.pad_top, d.pad_left, d.pad_bottom, d.pad_right}, sizeof halo);
  }
  if (before) lw_samples_backward_halo(net, s->writer, before->shape, s->shape, wide);
  s->y = lw_samples_view_of(s->shape, halo);
  s->dy = is_flat || (reader && reader->kind == LW_LAYER_LINEAR) ? s->y : lw_samples_view_of(s->shape, wide);
  s->is_transient = before && !before->is_transient && reader && !is_flat &&
                    (reader->kind == LW_LAYER_MAX_POOL2D || reader->kind == LW_LAYER_AVG_POOL2D);
}

/* All tensors, without memory; returns how many. */
static int describe(const lw_net *net, lw_samples_tensor *tensor) {
  int k = 0;
  lw_shape shape = {net->c, net->h, net->w};
  tensor[0] = (lw_samples_tensor){.shape = shape, .writer = SIZE_MAX};
  for (size_t i = 0; i < net->layer_count; i++) {
    (void)lw_net_layer_output(net, i, shape, &shape);
    if (lw_train_is_map(net->layers[i].kind)) continue;
    tensor[k].reader = i;
    tensor[++k] = (lw_samples_tensor){.shape = shape, .writer = i};
  }
  tensor[k].reader = net->layer_count;
  for (int i = 0; i <= k; i++) choose_views(net, i > 0 ? &tensor[i - 1] : NULL, &tensor[i]);
  return k + 1;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Of all convolutions. */
static int64_t chains_of(const lw_net *net, const lw_samples_tensor *tensor, int tensors) {
  int64_t floats = 0;
  for (int k = 1; k < tensors; k++) {
    if (net->layers[tensor[k].writer].kind != LW_LAYER_CONV2D) continue;
    const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[tensor[k].writer], 1, tensor[k - 1].shape);
    floats += lw_samples_chains_of_layer(&d);
  }
  return floats;
}

/* What a group of 16 samples takes on its way, in floats. */
typedef struct sizes {
  int64_t kept, transient, gradient[2], halo, dropout;
} sizes;
static sizes sizes_of(const lw_net *net, const lw_samples_tensor *tensor, int tensors) {
  sizes z = {0};
  for (int k = 0; k < tensors; k++) {
    const lw_samples_tensor *it = &tensor[k];
    const int64_t size = lw_shape_size(it->shape) * LW_BLOCK;
    if (it->is_transient)
      z.transient = larger(z.transient, it->y.n_stride);
    else
      z.kept += it->y.n_stride;
    z.gradient[k % 2] = larger(z.gradient[k % 2], it->dy.n_stride);
    for (size_t i = it->writer + 1; i < it->reader; i++)
      if (net->layers[i].kind == LW_LAYER_DROPOUT) z.dropout = larger(z.dropout, size);
    if (k == 0) continue;
    int64_t wide[4];
    if (net->layers[it->writer].kind == LW_LAYER_MAX_POOL2D) z.kept += size;
    lw_samples_backward_halo(net, it->writer, tensor[k - 1].shape, it->shape, wide);
    if (!lw_samples_covers(&it->dy, wide)) z.halo = larger(z.halo, lw_samples_view_of(it->shape, wide).n_stride);
  }
  return z;
}

/* Memory of one way for `groups` groups of samples; its tensors are described. */
static void lay_out_way(const lw_net *net, lw_arena *a, const sizes *z, int64_t groups, int tensors, lw_samples_way *w) {
  float *shared = lw_arena_take(a, groups * z->transient, sizeof(float)), *dy[2];
  for (int i = 0; i < 2; i++) dy[i] = lw_arena_take(a, groups * z->gradient[i], sizeof(float));
  w->dropout = lw_arena_take(a, groups * z->dropout, sizeof(float));
  w->halo = lw_arena_take(a, groups * z->halo, sizeof(float));
  for (int k = 0; k < tensors; k++) {
    lw_samples_tensor *it = &w->tensor[k];
    float *y = it->is_transient ? shared : lw_arena_take(a, groups * it->y.n_stride, sizeof(float));
    const int is_pooled = k > 0 && net->layers[it->writer].kind == LW_LAYER_MAX_POOL2D;
    int32_t *own = is_pooled ? lw_arena_take(a, groups * lw_shape_size(it->shape) * LW_BLOCK, sizeof *own) : NULL;
    if (!a->base) continue;
    it->y = lw_view_place(it->y, y);
    it->dy = lw_view_place(it->dy, dy[k % 2]);
    if (is_pooled) w->index[it->writer] = own;
  }
}

lw_status lw_samples_lay_out(lw_trainer *t, lw_arena *a) {
  const lw_net *net = t->net;
  const int64_t groups = LW_SAMPLES(t->batch), layers = (int64_t)net->layer_count, l2 = (int64_t)lw_topology_cache_bytes(2);
  lw_samples_tensor *tensor = lw_memory_get(t->context, (net->layer_count + 1) * sizeof *tensor);
  if (!tensor) return lw_fail(LW_NO_MEMORY, "trainer of %s: no memory for %zu layers", net->name, net->layer_count);
  lw_samples s = {.tensors = describe(net, tensor)};
  const sizes z = sizes_of(net, tensor, s.tensors);
  s.chains_stride = chains_of(net, tensor, s.tensors);
  s.ways = groups < t->context->threads ? (int)groups : t->context->threads;
  if (s.chains_stride * (int64_t)sizeof(float) > l2 / 4) s.ways = 1;
  /* Half of L2; the other half is for weights and their gradients. */
  const int64_t each = z.kept + z.transient + z.gradient[0] + z.gradient[1], fit = l2 / 2 / (each * (int64_t)sizeof(float));
  const int64_t once = s.ways > 1 || fit < 1 ? 1 : fit < groups ? fit : groups;
  s.at_once = once * LW_BLOCK;
  lw_samples *kept = lw_arena_take(a, 1, sizeof *kept);
  s.way = lw_arena_take(a, s.ways, sizeof *s.way);
  float *const chains = s.ways > 1 ? lw_arena_take(a, s.ways * s.chains_stride, sizeof(float)) : NULL;
  for (int i = 0; i < s.ways; i++) {
    lw_samples_way w = {.tensor = lw_arena_take(a, s.tensors, sizeof *tensor),
                        .index = lw_arena_take(a, layers, sizeof *w.index)};
    if (chains) w.chains = chains + i * s.chains_stride;
    if (a->base)
      memcpy(w.tensor, tensor, (size_t)s.tensors * sizeof *tensor);
    else
      w.tensor = tensor;
    lay_out_way(net, a, &z, once, s.tensors, &w);
    if (a->base) s.way[i] = w;
  }
  s.scores = lw_arena_take(a, t->batch * lw_shape_size(tensor[s.tensors - 1].shape), sizeof(float));
  s.scratch = lw_arena_take(a, (int64_t)LW_SAMPLES_SCRATCH * t->context->threads, 1);
  s.x = lw_arena_take(a, layers, sizeof *s.x);
  s.dy = lw_arena_take(a, layers, sizeof *s.dy);
  for (int k = 1; k < s.tensors; k++) {
    if (net->layers[tensor[k].writer].kind != LW_LAYER_LINEAR) continue;
    float *x = lw_arena_take(a, t->batch * lw_shape_size(tensor[k - 1].shape), sizeof *x);
    float *dy = lw_arena_take(a, t->batch * lw_shape_size(tensor[k].shape), sizeof *dy);
    if (!a->base) continue;
    s.x[tensor[k].writer] = x;
    s.dy[tensor[k].writer] = dy;
  }
  /* The gradient of the scores, where no linear layer gave them. */
  if (net->layers[tensor[s.tensors - 1].writer].kind != LW_LAYER_LINEAR) {
    float *dy = lw_arena_take(a, t->batch * lw_shape_size(tensor[s.tensors - 1].shape), sizeof *dy);
    if (a->base) s.dy[tensor[s.tensors - 1].writer] = dy;
  }
  if (a->base) *kept = s;
  t->samples = a->base ? kept : NULL;
  lw_memory_free(t->context, tensor);
  return LW_OK;
}
