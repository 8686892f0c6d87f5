/* SPDX-License-Identifier: Apache-2.0
 * Learning with samples in lanes: see train_samples.h. */
#include "nets/train_samples.h"

#include <string.h>
#include "ref/ref.h"
#include "ref/cross_entropy.h"
#include "runtime/topology.h"

/* --------------------------------------------------------------------------------------------------------------- layout */

enum { MOST_PIXELS = 56 * 56 /* of an image: 16 planes of some channels stay in L2 */, LEAST_BATCH = 8 };

static int is_map(lw_layer_kind kind) { return kind == LW_LAYER_RELU || kind == LW_LAYER_TANH || kind == LW_LAYER_DROPOUT; }
static int has_weights(const lw_layer *row) { return row->kind == LW_LAYER_CONV2D || row->kind == LW_LAYER_LINEAR; }

int lw_train_in_samples(const lw_trainer *t) {
  if (!lw_isa_is_simd(t->context->isa) || t->batch < LEAST_BATCH) return 0;
  lw_shape shape = {t->net->c, t->net->h, t->net->w};
  for (size_t i = 0; i < t->net->layer_count; i++) {
    const lw_layer *row = &t->net->layers[i];
    if (shape.h * shape.w > MOST_PIXELS) return 0;
    if (i > 0 && is_map(row->kind) && !lw_train_in_place(t->net, i)) return 0;
    (void)lw_net_layer_output(t->net, i, shape, &shape);
  }
  return shape.h * shape.w <= MOST_PIXELS;
}

/* A ReLU right before a max pool acts on the gradient behind the pool, where it is a quarter or less: what the pool did not take
 * gets +0 anyway, and what it took is its output. */
static int relu_of_pool(const lw_net *net, size_t pool) {
  return pool > 0 && pool < net->layer_count && net->layers[pool].kind == LW_LAYER_MAX_POOL2D &&
         net->layers[pool - 1].kind == LW_LAYER_RELU;
}
/* ReLUs that are part of the kernel before them. */
static int relu_within(const lw_net *net, size_t layer) {
  return has_weights(&net->layers[layer]) && layer + 1 < net->layer_count && net->layers[layer + 1].kind == LW_LAYER_RELU;
}
static int needs_dx(const lw_net *net, size_t layer) {
  size_t first = 0;
  while (!has_weights(&net->layers[first])) first++;
  return layer > first;
}

static lw_view view_of(lw_shape s, const int64_t halo[4]) { return lw_view_make(NULL, s.c * LW_BLOCK, s.h, s.w, LW_BLOCK, halo); }
static int covers(const lw_view *v, const int64_t halo[4]) {
  return v->top >= halo[0] && v->left >= halo[1] && v->bottom >= halo[2] && v->right >= halo[3];
}

/* The halo that the way back of a convolution wants around dy, none if it wants no dx. */
static void backward_halo(const lw_net *net, size_t layer, lw_shape in, lw_shape out, int64_t halo[4]) {
  memset(halo, 0, 4 * sizeof *halo);
  if (net->layers[layer].kind != LW_LAYER_CONV2D || !needs_dx(net, layer)) return;
  const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[layer], 1, in);
  lw_conv2d_backward_halo(&d, out.h, out.w, halo);
}

/* Where a tensor's y and dy lie. Maps go through both element by element, and a linear layer knows no halo: then dy lies as y. */
static void choose_views(const lw_net *net, const lw_samples_tensor *before, lw_samples_tensor *s) {
  const lw_layer *reader = s->reader < net->layer_count ? &net->layers[s->reader] : NULL;
  const size_t maps = s->reader - (s->writer + 1), relu = relu_of_pool(net, s->reader);
  const int is_flat = maps > relu || (before && relu_of_pool(net, s->writer));
  int64_t halo[4] = {0}, wide[4] = {0};
  if (reader && reader->kind == LW_LAYER_CONV2D) {
    const lw_conv2d_desc d = lw_layer_conv2d(reader, 1, s->shape);
    memcpy(halo, (const int64_t[4]){d.pad_top, d.pad_left, d.pad_bottom, d.pad_right}, sizeof halo);
  }
  if (before) backward_halo(net, s->writer, before->shape, s->shape, wide);
  s->y = view_of(s->shape, halo);
  s->dy = is_flat || (reader && reader->kind == LW_LAYER_LINEAR) ? s->y : view_of(s->shape, wide);
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
    if (is_map(net->layers[i].kind)) continue;
    tensor[k].reader = i;
    tensor[++k] = (lw_samples_tensor){.shape = shape, .writer = i};
  }
  tensor[k].reader = net->layer_count;
  for (int i = 0; i <= k; i++) choose_views(net, i > 0 ? &tensor[i - 1] : NULL, &tensor[i]);
  return k + 1;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

lw_status lw_samples_lay_out(lw_trainer *t, lw_arena *a) {
  const lw_net *net = t->net;
  const int64_t groups = LW_SAMPLES(t->batch);
  lw_samples *s = lw_arena_take(a, 1, sizeof *s), none = {0};
  lw_samples_tensor *tensor = lw_arena_take(a, (int64_t)net->layer_count + 1, sizeof *tensor);
  int32_t **index = lw_arena_take(a, (int64_t)net->layer_count, sizeof *index);
  if (!s) s = &none;
  /* Only counting: a table of its own, since views decide sizes. */
  lw_samples_tensor *table = tensor ? tensor : lw_memory_get(t->context, (net->layer_count + 1) * sizeof *table);
  if (!table) return lw_fail(LW_NO_MEMORY, "trainer of %s: no memory for %zu layers", net->name, net->layer_count);
  const int tensors = describe(net, table);

  int64_t kept = 0, transient = 0, gradient[2] = {0}, halo = 0, plain_x = 0, plain_dy = 0; /* floats of one group */
  for (int k = 0; k < tensors; k++) {
    const lw_samples_tensor *it = &table[k];
    int64_t wide[4];
    if (it->is_transient)
      transient = larger(transient, it->y.n_stride);
    else
      kept += it->y.n_stride;
    gradient[k % 2] = larger(gradient[k % 2], it->dy.n_stride);
    plain_dy = larger(plain_dy, lw_shape_size(it->shape) * LW_BLOCK);
    if (k == 0) continue;
    if (net->layers[it->writer].kind == LW_LAYER_MAX_POOL2D) kept += lw_shape_size(it->shape) * LW_BLOCK;
    plain_x = larger(plain_x, lw_shape_size(table[k - 1].shape) * LW_BLOCK);
    backward_halo(net, it->writer, table[k - 1].shape, it->shape, wide);
    if (!covers(&it->dy, wide)) halo = larger(halo, view_of(it->shape, wide).n_stride);
  }
  const int64_t each = kept + transient + gradient[0] + gradient[1];
  /* Half of L2; the other half is for weights and their gradients. */
  const int64_t fit = (int64_t)lw_topology_cache_bytes(2) / 2 / (each * (int64_t)sizeof(float));
  const int64_t once = fit < 1 ? 1 : fit < groups ? fit : groups;

  float *shared = lw_arena_take(a, once * transient, sizeof(float));
  float *dy[2] = {lw_arena_take(a, once * gradient[0], sizeof(float)), lw_arena_take(a, once * gradient[1], sizeof(float))};
  for (int k = 0; k < tensors; k++) {
    lw_samples_tensor *it = &table[k];
    float *y = it->is_transient ? shared : lw_arena_take(a, once * it->y.n_stride, sizeof(float));
    const int is_pooled = k > 0 && net->layers[it->writer].kind == LW_LAYER_MAX_POOL2D;
    int32_t *own = is_pooled ? lw_arena_take(a, once * lw_shape_size(it->shape) * LW_BLOCK, sizeof *own) : NULL;
    if (!tensor) continue;
    it->y = lw_view_place(it->y, y);
    it->dy = lw_view_place(it->dy, dy[k % 2]);
    if (is_pooled) index[it->writer] = own;
  }
  *s = (lw_samples){.at_once = once * LW_BLOCK, .tensor = tensor, .tensors = tensors, .index = index};
  s->scores = lw_arena_take(a, t->batch * lw_shape_size(table[tensors - 1].shape), sizeof(float));
  s->x = lw_arena_take(a, once * plain_x, sizeof(float));
  s->dy = lw_arena_take(a, once * plain_dy, sizeof(float));
  s->halo = lw_arena_take(a, once * halo, sizeof(float));
  s->scratch = lw_arena_take(a, (int64_t)LW_SAMPLES_SCRATCH * t->context->threads, 1);
  t->samples = a->base ? s : NULL;
  if (!tensor) lw_memory_free(t->context, table);
  return LW_OK;
}

/* ------------------------------------------------------------------------------------------------------------- the way */

/* Samples first .. first+n-1 of a batch on their way. */
typedef struct pass {
  const lw_trainer *t;
  const lw_samples *s;
  int64_t first, n, groups;
} pass;

static const float *weights_of(const pass *p, int tensor) { return p->t->tensor[tensor].part[LW_TRAINER_WEIGHTS]; }
static float *gradient_of(const pass *p, int tensor) { return p->t->tensor[tensor].part[LW_TRAINER_GRADIENTS]; }

/* Multiply-adds of an operator in all lanes. */
static int64_t work_of(const pass *p, double macs_of_sample) {
  return lw_mac_work(p->t->context, (double)(p->groups * LW_BLOCK) * macs_of_sample, 0);
}

static void reorder(const pass *p, lw_shape shape, const lw_view *x, const lw_view *y, int to_samples) {
  const lw_args args = {
      .reorder = {.n = p->n, .c = shape.c, .x = *x, .y = *y, .to_samples = to_samples, .from_samples = !to_samples}};
  lw_train_run(p->t, LW_OP_reorder, NULL, &args, p->n * lw_shape_size(shape));
}
static lw_view plain_of(lw_shape s, const float *memory) { return lw_view_plain(memory, s.c, s.h, s.w); }

/* A map through y and dy, halos included. */
static void map_backward(const pass *p, lw_op op, const lw_samples_tensor *it) {
  const int64_t count = p->groups * it->y.n_stride;
  float *y = it->y.p - it->y.top * it->y.row_stride - it->y.left * it->y.px_stride;
  float *dy = it->dy.p - it->dy.top * it->dy.row_stride - it->dy.left * it->dy.px_stride;
  const lw_args args = {.map_backward = {count, y, dy, dy}};
  lw_train_run(p->t, op, NULL, &args, count);
}

/* Dropout counts elements as they lie in a plain batch. */
static void dropout(const pass *p, size_t layer, const lw_samples_tensor *it, const lw_view *v) {
  const int64_t size = lw_shape_size(it->shape);
  const lw_view plain = plain_of(it->shape, p->s->dy);
  const lw_args args = {.dropout = {.count = p->n * size,
                                    .first = p->first * size,
                                    .probability = p->t->net->layers[layer].probability,
                                    .seed = p->t->seed,
                                    .stream = lw_train_stream(p->t, layer),
                                    .x = p->s->dy,
                                    .y = p->s->dy}};
  reorder(p, it->shape, v, &plain, 0);
  lw_train_run(p->t, LW_OP_dropout_train, NULL, &args, p->n * size);
  reorder(p, it->shape, &plain, v, 1);
}

static lw_pool2d_desc pool_of(const pass *p, size_t layer, lw_shape in) {
  lw_pool2d_desc d = lw_layer_pool2d(&p->t->net->layers[layer], p->groups, in);
  d.c *= LW_BLOCK;
  return d;
}

/* A linear layer is a convolution of images of one row, whose pixels are the groups of samples. */
static lw_conv2d_desc linear_of(const pass *p, lw_shape in, lw_shape out) {
  return (lw_conv2d_desc){.n = LW_BLOCK,
                          .ic = lw_shape_size(in),
                          .ih = 1,
                          .iw = p->groups,
                          .oc = lw_shape_size(out),
                          .kh = 1,
                          .kw = 1,
                          .stride_h = 1,
                          .stride_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1};
}
static lw_view row_of_groups(lw_shape s, float *memory) {
  return (lw_view){.p = memory, .block_stride = LW_BLOCK, .px_stride = lw_shape_size(s) * LW_BLOCK, .c_block = LW_BLOCK, .h = 1};
}

/* ------------------------------------------------------------------------------------------------------------- forward */

static void forward_weights(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_training_layer *l = &p->t->layers[layer];
  const lw_layer *row = &p->t->net->layers[layer];
  const int is_linear = row->kind == LW_LAYER_LINEAR;
  lw_conv2d_args a = {.desc = is_linear ? linear_of(p, x->shape, y->shape) : lw_layer_conv2d(row, p->n, x->shape),
                      .oh = is_linear ? 1 : y->shape.h,
                      .ow = is_linear ? p->groups : y->shape.w,
                      .x = is_linear ? row_of_groups(x->shape, x->y.p) : x->y,
                      .y = is_linear ? row_of_groups(y->shape, y->y.p) : y->y,
                      .w = weights_of(p, l->tensor),
                      .bias = l->has_bias ? weights_of(p, l->tensor + 1) : NULL,
                      .relu = relu_within(p->t->net, layer)};
  const lw_args args = {.conv2d = a};
  lw_train_run(p->t, LW_OP_conv2d, "samples", &args,
               work_of(p, (double)lw_shape_size(y->shape) * (double)(a.desc.ic / a.desc.groups * a.desc.kh * a.desc.kw)));
}

static void forward_pool(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_pool2d_desc d = pool_of(p, layer, x->shape);
  const lw_args args = {
      .pool2d = {.desc = d, .oh = y->shape.h, .ow = y->shape.w, .x = x->y, .y = y->y, .index = p->s->index[layer]}};
  const lw_op op = p->t->net->layers[layer].kind == LW_LAYER_MAX_POOL2D ? LW_OP_max_pool2d : LW_OP_avg_pool2d;
  lw_train_run(p->t, op, "blocked", &args, lw_pool2d_work(&d, y->shape.h, y->shape.w));
}

/* Maps of a tensor, after its writer. */
static void forward_maps(const pass *p, const lw_samples_tensor *it, int is_training) {
  const lw_net *net = p->t->net;
  for (size_t i = it->writer + 1; i < it->reader; i++) {
    const lw_layer_kind kind = net->layers[i].kind;
    if (kind == LW_LAYER_DROPOUT) {
      if (is_training) dropout(p, i, it, &it->y);
    } else if (!(i > 0 && relu_within(net, i - 1))) {
      const int64_t count = p->groups * it->y.n_stride;
      float *y = it->y.p - it->y.top * it->y.row_stride - it->y.left * it->y.px_stride;
      const lw_args args = {.map = {count, y, y}};
      lw_train_run(p->t, kind == LW_LAYER_RELU ? LW_OP_relu : LW_OP_tanh, NULL, &args, count);
    }
  }
}

static void forward(const pass *p, const float *x, int is_training) {
  const lw_samples_tensor *tensor = p->s->tensor, *last = &tensor[p->s->tensors - 1];
  const lw_view in = plain_of(tensor[0].shape, x + p->first * lw_shape_size(tensor[0].shape));
  const lw_view scores = plain_of(last->shape, p->s->scores + p->first * lw_shape_size(last->shape));
  reorder(p, tensor[0].shape, &in, &tensor[0].y, 1);
  forward_maps(p, &tensor[0], is_training);
  for (const lw_samples_tensor *it = tensor; it < last; it++) {
    if (has_weights(&p->t->net->layers[it->reader]))
      forward_weights(p, it->reader, it, it + 1);
    else
      forward_pool(p, it->reader, it, it + 1);
    forward_maps(p, it + 1, is_training);
  }
  reorder(p, last->shape, &last->y, &scores, 0);
}

/* ------------------------------------------------------------------------------------------------------------ backward */

static void backward_conv2d(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_training_layer *l = &p->t->layers[layer];
  lw_conv2d_backward_args a = {.desc = lw_layer_conv2d(&p->t->net->layers[layer], p->n, x->shape),
                               .adds = p->first > 0,
                               .oh = y->shape.h,
                               .ow = y->shape.w,
                               .out = gradient_of(p, l->tensor),
                               .w = weights_of(p, l->tensor),
                               .x_view = x->y,
                               .dy_view = y->dy,
                               .scratch = p->s->scratch,
                               .scratch_stride = LW_SAMPLES_SCRATCH};
  const double outputs = (double)lw_shape_size(y->shape);
  const int64_t work = work_of(p, outputs * (double)(a.desc.ic / a.desc.groups * a.desc.kh * a.desc.kw));
  lw_args args = {.conv2d_backward = a};
  lw_train_run(p->t, LW_OP_conv2d_backward_weights, "samples", &args, work);
  if (l->has_bias) {
    args.conv2d_backward.out = gradient_of(p, l->tensor + 1);
    lw_train_run(p->t, LW_OP_conv2d_backward_bias, "samples", &args, work_of(p, outputs));
  }
  if (!needs_dx(p->t->net, layer)) return;
  int64_t halo[4];
  backward_halo(p->t->net, layer, x->shape, y->shape, halo);
  if (!covers(&y->dy, halo)) {
    const lw_view wide = lw_view_place(view_of(y->shape, halo), p->s->halo);
    const lw_args copy = {.reorder = {.n = p->groups, .c = y->shape.c * LW_BLOCK, .x = y->dy, .y = wide}};
    lw_train_run(p->t, LW_OP_reorder, NULL, &copy, p->groups * y->dy.n_stride);
    args.conv2d_backward.dy_view = wide;
  }
  args.conv2d_backward.x_view = x->dy;
  lw_train_run(p->t, LW_OP_conv2d_backward_data, "samples", &args, work);
}

static void backward_linear(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_training_layer *l = &p->t->layers[layer];
  const lw_view plain_x = plain_of(x->shape, p->s->x), plain_dy = plain_of(y->shape, p->s->dy);
  const lw_linear_desc d = {p->n, lw_shape_size(x->shape), lw_shape_size(y->shape)};
  lw_args args = {.linear_backward = {.desc = d, .adds = p->first > 0, .x = p->s->x, .dy = p->s->dy}};
  reorder(p, x->shape, &x->y, &plain_x, 0);
  reorder(p, y->shape, &y->dy, &plain_dy, 0);
  args.linear_backward.out = gradient_of(p, l->tensor);
  lw_train_run(p->t, LW_OP_linear_backward_weights, NULL, &args, work_of(p, (double)d.in * (double)d.out));
  if (l->has_bias) {
    args.linear_backward.out = gradient_of(p, l->tensor + 1);
    lw_train_run(p->t, LW_OP_linear_backward_bias, NULL, &args, work_of(p, (double)d.out));
  }
  if (!needs_dx(p->t->net, layer)) return;
  const lw_args back = {.conv2d_backward = {.desc = linear_of(p, x->shape, y->shape),
                                            .oh = 1,
                                            .ow = p->groups,
                                            .w = weights_of(p, l->tensor),
                                            .dy_view = row_of_groups(y->shape, y->dy.p),
                                            .x_view = row_of_groups(x->shape, x->dy.p)}};
  lw_train_run(p->t, LW_OP_conv2d_backward_data, "samples", &back, work_of(p, (double)d.in * (double)d.out));
}

static void backward_pool(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_pool2d_desc d = pool_of(p, layer, x->shape);
  const int is_max = p->t->net->layers[layer].kind == LW_LAYER_MAX_POOL2D;
  if (relu_of_pool(p->t->net, layer)) map_backward(p, LW_OP_relu_backward, y);
  const lw_args args = {
      .pool2d_backward = {
          .desc = d, .oh = y->shape.h, .ow = y->shape.w, .index = p->s->index[layer], .dy_view = y->dy, .dx_view = x->dy}};
  lw_train_run(p->t, is_max ? LW_OP_max_pool2d_backward : LW_OP_avg_pool2d_backward, "blocked", &args,
               lw_pool2d_work(&d, y->shape.h, y->shape.w));
}

static void backward_maps(const pass *p, const lw_samples_tensor *it) {
  const lw_net *net = p->t->net;
  for (size_t i = it->reader; i-- > it->writer + 1;) {
    const lw_layer_kind kind = net->layers[i].kind;
    if (kind == LW_LAYER_DROPOUT)
      dropout(p, i, it, &it->dy);
    else if (!relu_of_pool(net, i + 1))
      map_backward(p, kind == LW_LAYER_RELU ? LW_OP_relu_backward : LW_OP_tanh_backward, it);
  }
}

/* divisor: of the whole batch. */
static void backward(const pass *p, const int32_t *labels, float divisor) {
  const lw_samples_tensor *tensor = p->s->tensor, *it = &tensor[p->s->tensors - 1];
  const lw_view gradient = plain_of(it->shape, p->s->dy);
  const int64_t classes = lw_shape_size(it->shape);
  lw_args args = {.cross_entropy = {.desc = p->t->loss,
                                    .x = p->s->scores + p->first * classes,
                                    .labels = labels + p->first,
                                    .out = p->s->dy,
                                    .has_divisor = 1,
                                    .divisor = divisor}};
  args.cross_entropy.desc.n = p->n;
  lw_train_run(p->t, LW_OP_softmax_cross_entropy_backward, NULL, &args, p->n * classes);
  reorder(p, it->shape, &gradient, &it->dy, 1);
  for (; it > tensor; it--) {
    backward_maps(p, it);
    switch (p->t->net->layers[it->writer].kind) {
    case LW_LAYER_CONV2D: backward_conv2d(p, it->writer, it - 1, it); break;
    case LW_LAYER_LINEAR: backward_linear(p, it->writer, it - 1, it); break;
    default: backward_pool(p, it->writer, it - 1, it);
    }
    if (!needs_dx(p->t->net, it->writer)) return;
  }
}

void lw_samples_run(const lw_trainer *t, int64_t n, const float *x, const int32_t *labels) {
  const float divisor = labels ? loss_divisor(&t->loss, labels) : 0;
  for (int64_t first = 0; first < n; first += t->samples->at_once) {
    const int64_t left = n - first, now = left < t->samples->at_once ? left : t->samples->at_once;
    const pass p = {.t = t, .s = t->samples, .first = first, .n = now, .groups = LW_SAMPLES(now)};
    forward(&p, x, labels != NULL);
    if (labels) backward(&p, labels, divisor);
  }
}
