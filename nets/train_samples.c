/* SPDX-License-Identifier: Apache-2.0
 * Learning with samples in lanes: see train_samples.h. */
#include "nets/train_samples.h"

#include <string.h>
#include "ref/ref.h"
#include "ref/cross_entropy.h"
#include "runtime/topology.h"

/* Samples first .. first+n-1 of a batch on their way. */
typedef struct pass {
  const lw_trainer *t;
  const lw_samples *s;
  const lw_samples_way *w;
  int64_t first, n, groups;
  int64_t chains; /* of the convolutions behind the one at hand, in floats */
} pass;

static void run(const pass *p, lw_op op, const char *algorithm, const lw_args *args, int64_t work) {
  if (p->s->ways > 1)
    lw_train_kernel(p->t, op, algorithm)->fn(args, (lw_part){0, 1});
  else
    lw_train_run(p->t, op, algorithm, args, work);
}

/* Multiply-adds of an operator in all lanes. */
static int64_t work_of(const pass *p, double macs_of_sample) {
  return lw_mac_work(p->t->context, (double)(p->groups * LW_BLOCK) * macs_of_sample, 0);
}

static void reorder(const pass *p, lw_shape shape, const lw_view *x, const lw_view *y, int to_samples) {
  const lw_args args = {
      .reorder = {.n = p->n, .c = shape.c, .x = *x, .y = *y, .to_samples = to_samples, .from_samples = !to_samples}};
  run(p, LW_OP_reorder, NULL, &args, p->n * lw_shape_size(shape));
}
static lw_view plain_of(lw_shape s, const float *memory) { return lw_view_plain(memory, s.c, s.h, s.w); }

/* A map through y and dy, halos included. */
static void map_backward(const pass *p, lw_op op, const lw_samples_tensor *it) {
  const int64_t count = p->groups * it->y.n_stride;
  float *y = it->y.p - it->y.top * it->y.row_stride - it->y.left * it->y.px_stride;
  float *dy = it->dy.p - it->dy.top * it->dy.row_stride - it->dy.left * it->dy.px_stride;
  const lw_args args = {.map_backward = {count, y, dy, dy}};
  run(p, op, NULL, &args, count);
}

/* Dropout counts elements as they lie in a plain batch. */
static void dropout(const pass *p, size_t layer, const lw_samples_tensor *it, const lw_view *v) {
  const int64_t size = lw_shape_size(it->shape);
  const lw_view plain = plain_of(it->shape, p->w->dropout);
  const lw_args args = {.dropout = {.count = p->n * size,
                                    .first = p->first * size,
                                    .probability = p->t->net->layers[layer].probability,
                                    .seed = p->t->seed,
                                    .stream = lw_train_stream(p->t, layer),
                                    .x = p->w->dropout,
                                    .y = p->w->dropout}};
  reorder(p, it->shape, v, &plain, 0);
  run(p, LW_OP_dropout_train, NULL, &args, p->n * size);
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
/* A tensor as such images: its elements are their channels. Only one of single pixels, which a convolution may read, has a halo;
 * only maps pass there, which leave the +0 that a trainer's memory begins with. */
static lw_view row_of_groups(lw_shape s, const lw_view *v) {
  return (lw_view){
      .p = v->p, .block_stride = v->block_stride / (s.h * s.w), .px_stride = v->n_stride, .c_block = LW_BLOCK, .h = 1};
}

/* ------------------------------------------------------------------------------------------------------------- forward */

static void forward_weights(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_training_layer *l = &p->t->layers[layer];
  const lw_layer *row = &p->t->net->layers[layer];
  const int is_linear = row->kind == LW_LAYER_LINEAR;
  lw_conv2d_args a = {.desc = is_linear ? linear_of(p, x->shape, y->shape) : lw_layer_conv2d(row, p->n, x->shape),
                      .oh = is_linear ? 1 : y->shape.h,
                      .ow = is_linear ? p->groups : y->shape.w,
                      .x = is_linear ? row_of_groups(x->shape, &x->y) : x->y,
                      .y = is_linear ? row_of_groups(y->shape, &y->y) : y->y,
                      .w = lw_train_weights(p->t, l->tensor),
                      .bias = l->has_bias ? lw_train_weights(p->t, l->tensor + 1) : NULL,
                      .relu = lw_samples_relu_within(p->t->net, layer)};
  const lw_args args = {.conv2d = a};
  run(p, LW_OP_conv2d, "samples", &args,
      work_of(p, (double)lw_shape_size(y->shape) * (double)(a.desc.ic / a.desc.groups * a.desc.kh * a.desc.kw)));
}

static void forward_pool(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_pool2d_desc d = pool_of(p, layer, x->shape);
  const lw_args args = {
      .pool2d = {.desc = d, .oh = y->shape.h, .ow = y->shape.w, .x = x->y, .y = y->y, .index = p->w->index[layer]}};
  const lw_op op = p->t->net->layers[layer].kind == LW_LAYER_MAX_POOL2D ? LW_OP_max_pool2d : LW_OP_avg_pool2d;
  run(p, op, "blocked", &args, lw_pool2d_work(&d, y->shape.h, y->shape.w));
}

/* Maps of a tensor, after its writer. */
static void forward_maps(const pass *p, const lw_samples_tensor *it, int is_training) {
  const lw_net *net = p->t->net;
  for (size_t i = it->writer + 1; i < it->reader; i++) {
    const lw_layer_kind kind = net->layers[i].kind;
    if (kind == LW_LAYER_DROPOUT) {
      if (is_training) dropout(p, i, it, &it->y);
    } else if (!(i > 0 && lw_samples_relu_within(net, i - 1))) {
      const int64_t count = p->groups * it->y.n_stride;
      float *y = it->y.p - it->y.top * it->y.row_stride - it->y.left * it->y.px_stride;
      const lw_args args = {.map = {count, y, y}};
      run(p, kind == LW_LAYER_RELU ? LW_OP_relu : LW_OP_tanh, NULL, &args, count);
    }
  }
}

static void forward(const pass *p, const float *x, int is_training) {
  const lw_samples_tensor *tensor = p->w->tensor, *last = &tensor[p->s->tensors - 1];
  const lw_view in = plain_of(tensor[0].shape, x + p->first * lw_shape_size(tensor[0].shape));
  const lw_view scores = plain_of(last->shape, p->s->scores + p->first * lw_shape_size(last->shape));
  reorder(p, tensor[0].shape, &in, &tensor[0].y, 1);
  forward_maps(p, &tensor[0], is_training);
  for (const lw_samples_tensor *it = tensor; it < last; it++) {
    if (lw_train_has_weights(&p->t->net->layers[it->reader]))
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
                               .out = lw_train_gradient(p->t, l->tensor),
                               .w = lw_train_weights(p->t, l->tensor),
                               .x_view = x->y,
                               .dy_view = y->dy,
                               .scratch = p->s->scratch,
                               .scratch_stride = LW_SAMPLES_SCRATCH};
  const double outputs = (double)lw_shape_size(y->shape);
  const int64_t work = work_of(p, outputs * (double)(a.desc.ic / a.desc.groups * a.desc.kh * a.desc.kw));
  lw_args args = {.conv2d_backward = a};
  if (p->w->chains) args.conv2d_backward.chains = p->w->chains + p->chains;
  run(p, LW_OP_conv2d_backward_weights, "samples", &args, work);
  if (l->has_bias) {
    args.conv2d_backward.out = lw_train_gradient(p->t, l->tensor + 1);
    if (p->w->chains) args.conv2d_backward.chains += lw_samples_chains_of_weights(&a.desc);
    run(p, LW_OP_conv2d_backward_bias, "samples", &args, work_of(p, outputs));
  }
  if (!lw_samples_needs_dx(p->t->net, layer)) return;
  int64_t halo[4];
  lw_samples_backward_halo(p->t->net, layer, x->shape, y->shape, halo);
  if (!lw_samples_covers(&y->dy, halo)) {
    const lw_view wide = lw_view_place(lw_samples_view_of(y->shape, halo), p->w->halo);
    const lw_args copy = {.reorder = {.n = p->groups, .c = y->shape.c * LW_BLOCK, .x = y->dy, .y = wide}};
    run(p, LW_OP_reorder, NULL, &copy, p->groups * y->dy.n_stride);
    args.conv2d_backward.dy_view = wide;
  }
  args.conv2d_backward.x_view = x->dy;
  run(p, LW_OP_conv2d_backward_data, "samples", &args, work);
}

static void backward_linear(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_linear_desc d = {p->n, lw_shape_size(x->shape), lw_shape_size(y->shape)};
  const lw_view plain_x = plain_of(x->shape, p->s->x[layer] + p->first * d.in);
  const lw_view plain_dy = plain_of(y->shape, p->s->dy[layer] + p->first * d.out);
  reorder(p, x->shape, &x->y, &plain_x, 0);
  reorder(p, y->shape, &y->dy, &plain_dy, 0);
  if (!lw_samples_needs_dx(p->t->net, layer)) return;
  const lw_args back = {.conv2d_backward = {.desc = linear_of(p, x->shape, y->shape),
                                            .oh = 1,
                                            .ow = p->groups,
                                            .w = lw_train_weights(p->t, p->t->layers[layer].tensor),
                                            .dy_view = row_of_groups(y->shape, &y->dy),
                                            .x_view = row_of_groups(x->shape, &x->dy)}};
  run(p, LW_OP_conv2d_backward_data, "samples", &back, work_of(p, (double)d.in * (double)d.out));
}

static void backward_pool(const pass *p, size_t layer, const lw_samples_tensor *x, const lw_samples_tensor *y) {
  const lw_pool2d_desc d = pool_of(p, layer, x->shape);
  const int is_max = p->t->net->layers[layer].kind == LW_LAYER_MAX_POOL2D;
  if (lw_samples_relu_of_pool(p->t->net, layer)) map_backward(p, LW_OP_relu_backward, y);
  const lw_args args = {
      .pool2d_backward = {
          .desc = d, .oh = y->shape.h, .ow = y->shape.w, .index = p->w->index[layer], .dy_view = y->dy, .dx_view = x->dy}};
  run(p, is_max ? LW_OP_max_pool2d_backward : LW_OP_avg_pool2d_backward, "blocked", &args,
      lw_pool2d_work(&d, y->shape.h, y->shape.w));
}

static void backward_maps(const pass *p, const lw_samples_tensor *it) {
  const lw_net *net = p->t->net;
  for (size_t i = it->reader; i-- > it->writer + 1;) {
    const lw_layer_kind kind = net->layers[i].kind;
    if (kind == LW_LAYER_DROPOUT)
      dropout(p, i, it, &it->dy);
    else if (!lw_samples_relu_of_pool(net, i + 1))
      map_backward(p, kind == LW_LAYER_RELU ? LW_OP_relu_backward : LW_OP_tanh_backward, it);
  }
}

/* divisor: of the whole batch. */
static void backward(pass *p, const int32_t *labels, float divisor) {
  const lw_samples_tensor *tensor = p->w->tensor, *it = &tensor[p->s->tensors - 1];
  const int64_t classes = lw_shape_size(it->shape);
  float *const dy = p->s->dy[it->writer] + p->first * classes;
  const lw_view gradient = plain_of(it->shape, dy);
  lw_args args = {.cross_entropy = {.desc = p->t->loss,
                                    .x = p->s->scores + p->first * classes,
                                    .labels = labels + p->first,
                                    .out = dy,
                                    .has_divisor = 1,
                                    .divisor = divisor}};
  args.cross_entropy.desc.n = p->n;
  run(p, LW_OP_softmax_cross_entropy_backward, NULL, &args, p->n * classes);
  reorder(p, it->shape, &gradient, &it->dy, 1);
  for (; it > tensor; it--) {
    backward_maps(p, it);
    switch (p->t->net->layers[it->writer].kind) {
    case LW_LAYER_CONV2D: {
      const lw_conv2d_desc d = lw_layer_conv2d(&p->t->net->layers[it->writer], 1, it[-1].shape);
      backward_conv2d(p, it->writer, it - 1, it);
      p->chains += lw_samples_chains_of_layer(&d);
      break;
    }
    case LW_LAYER_LINEAR: backward_linear(p, it->writer, it - 1, it); break;
    default: backward_pool(p, it->writer, it - 1, it);
    }
    if (!lw_samples_needs_dx(p->t->net, it->writer)) return;
  }
}

/* -------------------------------------------------------------------------------------------------------------- batches */

typedef struct batch {
  const lw_trainer *t;
  int64_t n, first; /* samples in all, and where the ways begin */
  const float *x;
  const int32_t *labels;
  float divisor;
} batch;

static void go(const batch *b, int64_t first, const lw_samples_way *way) {
  const int64_t left = b->n - first, now = left < b->t->samples->at_once ? left : b->t->samples->at_once;
  pass p = {.t = b->t, .s = b->t->samples, .w = way, .first = first, .n = now, .groups = LW_SAMPLES(now)};
  forward(&p, b->x, b->labels != NULL);
  if (b->labels) backward(&p, b->labels, b->divisor);
}
static void go_one_way(void *user, int part, int parts) {
  const batch *b = user;
  (void)parts;
  go(b, b->first + part * LW_BLOCK, &b->t->samples->way[part]);
}

/* Sums of the chains that the ways have left. */
static void add_chains(void *user, int part, int parts) {
  const batch *b = user;
  const lw_trainer *t = b->t;
  const lw_samples *s = t->samples;
  const int64_t left = b->n - b->first, most = s->ways * LW_BLOCK;
  const lw_samples_tensor *tensor = s->way[0].tensor;
  float *chains = s->way[0].chains;
  for (const lw_samples_tensor *it = &tensor[s->tensors - 1]; it > tensor; it--) {
    const lw_training_layer *l = &t->layers[it->writer];
    if (t->net->layers[it->writer].kind != LW_LAYER_CONV2D) continue;
    lw_args args = {
        .conv2d_backward = {.desc = lw_layer_conv2d(&t->net->layers[it->writer], left < most ? left : most, it[-1].shape),
                            .adds = b->first > 0,
                            .chains = chains,
                            .chains_stride = s->chains_stride,
                            .is_sum = 1,
                            .out = lw_train_gradient(t, l->tensor)}};
    const lw_conv2d_desc d = args.conv2d_backward.desc;
    lw_train_kernel(t, LW_OP_conv2d_backward_weights, "samples")->fn(&args, (lw_part){part, parts});
    if (l->has_bias) {
      args.conv2d_backward.chains += lw_samples_chains_of_weights(&d);
      args.conv2d_backward.out = lw_train_gradient(t, l->tensor + 1);
      lw_train_kernel(t, LW_OP_conv2d_backward_bias, "samples")->fn(&args, (lw_part){part, parts});
    }
    chains += lw_samples_chains_of_layer(&d);
  }
}

/* Gradients of the weights of linear layers, of the whole batch. */
static void linear_gradients(void *user, int part, int parts) {
  const batch *b = user;
  const lw_trainer *t = b->t;
  for (size_t i = 0; i < t->net->layer_count; i++) {
    const lw_training_layer *l = &t->layers[i];
    if (t->net->layers[i].kind != LW_LAYER_LINEAR) continue;
    lw_args args = {.linear_backward = {.desc = {b->n, lw_shape_size(l->in), lw_shape_size(l->out)},
                                        .x = t->samples->x[i],
                                        .dy = t->samples->dy[i],
                                        .out = lw_train_gradient(t, l->tensor)}};
    lw_train_kernel(t, LW_OP_linear_backward_weights, NULL)->fn(&args, (lw_part){part, parts});
    args.linear_backward.out = lw_train_gradient(t, l->tensor + 1);
    if (l->has_bias) lw_train_kernel(t, LW_OP_linear_backward_bias, NULL)->fn(&args, (lw_part){part, parts});
  }
}

void lw_samples_run(const lw_trainer *t, int64_t n, const float *x, const int32_t *labels) {
  const lw_samples *s = t->samples;
  batch b = {.t = t, .n = n, .x = x, .labels = labels, .divisor = labels ? loss_divisor(&t->loss, labels) : 0};
  for (; b.first < n; b.first += s->ways * s->at_once) {
    if (s->ways == 1) {
      go(&b, b.first, s->way);
      continue;
    }
    const int64_t groups = LW_SAMPLES(n - b.first);
    lw_parallel(t->context, groups < s->ways ? (int)groups : s->ways, go_one_way, &b);
    if (labels) lw_parallel(t->context, t->context->threads, add_chains, &b);
  }
  if (labels) lw_parallel(t->context, t->context->threads, linear_gradients, &b);
}
