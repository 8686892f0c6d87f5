/* SPDX-License-Identifier: Apache-2.0
 * Trainers: made once; then a step allocates nothing. */
#include "nets/train_samples.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "ops/ops.h"
#include "runtime/topology.h"

/* ---------------------------------------------------------------------------------------------------------------- sizes */

void *lw_arena_take(lw_arena *a, int64_t count, size_t element) {
  void *p = a->base ? a->base + a->used : NULL;
  size_t bytes;
  if (__builtin_mul_overflow((size_t)count, element, &bytes) || bytes > LW_ARENA_FULL - a->used)
    a->used = LW_ARENA_FULL;
  else
    a->used += lw_lines(bytes);
  return p;
}

/* Each layer of so many samples, laid out by whatever kernel with padding before and behind, is counted without overflow. */
static lw_status check_layers(const lw_trainer *t) {
  const int64_t batch = lw_size_plus(t->batch, LW_BLOCK);
  lw_shape in = {t->net->c, t->net->h, t->net->w}, out;
  for (size_t i = 0; i < t->net->layer_count; i++, in = out) {
    (void)lw_net_layer_output(t->net, i, in, &out); /* checked */
    LW_TRY(lw_check_count("trainer", "activations of the batch", (const int64_t[]){batch, out.c + LW_BLOCK, out.h, out.w}, 4,
                          sizeof(float), NULL));
    if (t->net->layers[i].kind != LW_LAYER_CONV2D) continue;
    const lw_conv2d_desc d = lw_layer_conv2d(&t->net->layers[i], 1, in);
    const int64_t c = (in.c > out.c ? in.c : out.c) + LW_BLOCK, h = d.ih + d.pad_top + d.pad_bottom,
                  w = d.iw + d.pad_left + d.pad_right; /* no smaller than the kernel, whose reach is the padding of dy */
    LW_TRY(lw_check_count("trainer", "a convolution with its padding, of the batch and on all threads",
                          (const int64_t[]){batch, c, 3, h, 3, w, t->context->threads}, 7, sizeof(float), NULL));
  }
  return LW_OK;
}

/* Its way back reads its own output, which a layer behind it must not overwrite. ReLU's asks for the sign only, which dropout of
 * its output keeps where a gradient is not 0 anyway. */
static int may_be_overwritten(lw_layer_kind kind, lw_layer_kind by) {
  return kind != LW_LAYER_TANH && kind != LW_LAYER_DROPOUT && (kind != LW_LAYER_RELU || by == LW_LAYER_DROPOUT);
}

int lw_train_in_place(const lw_net *net, size_t i) {
  return lw_train_is_map(net->layers[i].kind) && i > 0 && may_be_overwritten(net->layers[i - 1].kind, net->layers[i].kind);
}

/* Lays out all memory of a trainer; with base == NULL only counts it. */
static lw_status lay_out(lw_trainer *t, lw_arena *a) {
  const int in_samples = lw_train_in_samples(t);
  lw_shape in = {t->net->c, t->net->h, t->net->w}, out;
  float *y = NULL;
  int64_t most = 0, packed = 0;
  size_t scratch = 0;
  int tensor = 0;
  t->layers = lw_arena_take(a, (int64_t)t->net->layer_count, sizeof *t->layers);
  t->tensor = lw_arena_take(a, t->tensors, sizeof *t->tensor);
  for (size_t i = 0; i < t->net->layer_count; i++, in = out) {
    const lw_layer *row = &t->net->layers[i];
    (void)lw_net_layer_output(t->net, i, in, &out); /* checked */
    const int has_weights = lw_train_has_weights(row);
    const int in_place = lw_train_in_place(t->net, i);
    float *const x = y;
    if (!in_place && !in_samples) y = lw_arena_take(a, t->batch * lw_shape_size(out), sizeof *y);
    int32_t *const index =
        row->kind == LW_LAYER_MAX_POOL2D && !in_samples ? lw_arena_take(a, t->batch * lw_shape_size(out), sizeof *index) : NULL;
    if (t->batch * lw_shape_size(out) > most) most = t->batch * lw_shape_size(out);
    lw_training_layer l = {.in = in, .out = out, .tensor = has_weights ? tensor : -1, .x = x, .y = y, .index = index};
    l.has_bias = has_weights && !row->no_bias;
    size_t own_scratch = 0;
    int64_t own_packed = 0;
    if (row->kind == LW_LAYER_CONV2D && !in_samples) {
      const lw_conv2d_desc d = lw_layer_conv2d(row, t->batch, in);
      lw_train_conv2d_plan(t, &d, &l, &own_scratch, &own_packed);
      l.has_relu = l.rows.forward && i + 1 < t->net->layer_count && t->net->layers[i + 1].kind == LW_LAYER_RELU;
    } else if (row->kind == LW_LAYER_LINEAR && !in_samples && lw_isa_is_simd(t->context->isa)) {
      own_scratch = LW_LINEAR_PLAIN_SCRATCH * (size_t)t->context->threads;
    }
    if (own_scratch > scratch) scratch = own_scratch;
    if (own_packed > packed) packed = own_packed;
    if (t->layers) t->layers[i] = l;
    if (has_weights) tensor += row->no_bias ? 1 : 2;
  }
  for (int i = 0; i < t->tensors; i++) {
    int64_t count;
    LW_TRY(lw_net_tensor(t->net, i, &count, NULL));
    for (int part = LW_TRAINER_WEIGHTS; part <= LW_TRAINER_MOMENTUM; part++) {
      float *p = lw_arena_take(a, count, sizeof *p);
      if (t->tensor) t->tensor[i].part[part] = p;
    }
    if (t->tensor) t->tensor[i].count = count;
  }
  if (in_samples) return lw_samples_lay_out(t, a);
  for (int i = 0; i < 2; i++) t->gradient[i] = lw_arena_take(a, most, sizeof(float));
  t->packed = lw_arena_take(a, packed, sizeof(float));
  t->scratch = lw_arena_take(a, (int64_t)scratch, 1);
  return LW_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- making */

static lw_status check(const lw_net *net, const lw_trainer_options *o) {
  if (o->batch < 0) return lw_fail(LW_BAD_ARGUMENT, "trainer: batch is %" PRId64 ", expected at least 1", o->batch);
  if (o->mode != LW_EXACT && o->mode != LW_FAST)
    return lw_fail(LW_BAD_ARGUMENT, "trainer: mode is %d, expected LW_EXACT (0) or LW_FAST (1)", (int)o->mode);
  LW_TRY(lw_net_shapes(net, NULL));
  for (size_t i = 0; i < net->layer_count; i++)
    if (net->layers[i].kind == LW_LAYER_SOFTMAX)
      return lw_fail(LW_BAD_ARGUMENT, "trainer of %s: layer %zu (%s) is a softmax, expected a network that ends in its scores",
                     net->name, i, net->layers[i].name);
  int tensors;
  LW_TRY(lw_net_parameter_tensors(net, &tensors));
  if (tensors == 0) return lw_fail(LW_BAD_ARGUMENT, "trainer of %s: the network has no weights", net->name);
  return lw_sgd_check(&o->sgd);
}

static int64_t classes_of(const lw_net *net) {
  lw_shape shape = {net->c, net->h, net->w};
  for (size_t i = 0; i < net->layer_count; i++) (void)lw_net_layer_output(net, i, shape, &shape);
  return lw_shape_size(shape);
}

/* The trainer on the caller's net, without memory of its own; *bytes: how much it needs. */
static lw_status describe(lw_context *context, const lw_net *net, const lw_trainer_options *given, lw_trainer *t, size_t *bytes) {
  const lw_trainer_options o = given ? *given : (lw_trainer_options){0};
  lw_arena a = {0};
  LW_TRY(check(net, &o));
  LW_TRY(lw_context_resolve(context, &context));
  *t = (lw_trainer){.context = context, .net = (lw_net *)net, .batch = o.batch ? o.batch : 1, .sgd = o.sgd, .loss = o.loss};
  t->seed = o.seed;
  t->mode = o.mode;
  t->loss.n = 1;
  t->loss.c = classes_of(net);
  LW_TRY(lw_cross_entropy_check(&t->loss));
  LW_TRY(lw_net_parameter_tensors(net, &t->tensors));
  t->l2_bytes = lw_topology_cache_bytes(2);
  if (t->l2_bytes == 0) t->l2_bytes = 1 << 20;
  LW_TRY(check_layers(t));
  LW_TRY(lay_out(t, &a));
  if (t->loss.class_weights) (void)lw_arena_take(&a, t->loss.c, sizeof(float));
  if (a.used == LW_ARENA_FULL)
    return lw_fail(LW_BAD_SHAPE, "trainer of %s: a batch of %" PRId64 " takes more than memory can address", net->name, t->batch);
  *bytes = a.used;
  if (o.memory_limit && *bytes > o.memory_limit)
    return lw_fail(LW_NO_MEMORY, "trainer of %s: needs %zu bytes, memory_limit is %zu", net->name, *bytes, o.memory_limit);
  return LW_OK;
}

lw_status lw_trainer_memory(lw_context *context, const lw_net *net, const lw_trainer_options *options, size_t *bytes) {
  lw_trainer t;
  if (!bytes) return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_memory: bytes is NULL");
  return describe(context, net, options, &t, bytes);
}

static lw_status read_part(lw_trainer *t, lw_trainer_part part, const lw_weights *from) {
  for (int i = 0; i < t->tensors; i++) {
    lw_parameter_info info;
    LW_TRY(lw_net_parameter(t->net, i, &info));
    LW_TRY(from->read(from->user, t->net, i, info.name, 0, info.count, t->tensor[i].part[part]));
  }
  return LW_OK;
}

lw_status lw_trainer_create(lw_context *context, const lw_net *net, const lw_weights *weights, const lw_trainer_options *options,
                            lw_trainer **result) {
  if (!result) return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_create: trainer is NULL");
  if (!weights || !weights->read)
    return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_create: %s is NULL", weights ? "weights->read" : "weights");
  lw_trainer described;
  size_t bytes;
  LW_TRY(describe(context, net, options, &described, &bytes));
  context = described.context;
  lw_trainer *t = lw_memory_get(context, sizeof *t);
  if (!t) return lw_fail(LW_NO_MEMORY, "lw_trainer_create: no memory for a trainer");
  *t = described;
  t->net = lw_net_copy(context, net);
  t->memory = lw_memory_get(context, bytes);
  lw_status status = LW_OK;
  if (!t->net || !t->memory) {
    status = lw_fail(LW_NO_MEMORY, "lw_trainer_create: no memory for %zu bytes", bytes);
  } else {
    lw_arena a = {.base = t->memory};
    memset(t->memory, 0, bytes);
    status = lay_out(t, &a);
    if (t->loss.class_weights) {
      float *copy = lw_arena_take(&a, t->loss.c, sizeof *copy);
      memcpy(copy, t->loss.class_weights, (size_t)t->loss.c * sizeof *copy);
      t->loss.class_weights = copy;
    }
    if (status == LW_OK) status = read_part(t, LW_TRAINER_WEIGHTS, weights);
  }
  if (status != LW_OK) {
    lw_trainer_destroy(t);
    return status;
  }
  *result = t;
  return LW_OK;
}

void lw_trainer_destroy(lw_trainer *t) {
  if (!t) return;
  lw_memory_free(t->context, t->memory);
  lw_memory_free(t->context, t->net);
  lw_memory_free(t->context, t);
}

/* ----------------------------------------------------------------------------------------------------------------- steps */

static lw_status check_batch(const char *call, const lw_trainer *t, int64_t n, int64_t least, const float *x) {
  if (!t) return lw_fail(LW_BAD_ARGUMENT, "%s: trainer is NULL", call);
  if (n < least || n > t->batch)
    return lw_fail(LW_BAD_ARGUMENT, "%s: n is %" PRId64 ", expected %" PRId64 "..%" PRId64, call, n, least, t->batch);
  return n > 0 ? lw_check_pointer(call, "x", x, sizeof(float)) : LW_OK;
}

static const float *scores_of(const lw_trainer *t) {
  return t->samples ? t->samples->scores : t->layers[t->net->layer_count - 1].y;
}

static void update(lw_trainer *t) {
  for (int i = 0; i < t->tensors; i++) {
    float *const *part = t->tensor[i].part;
    (void)lw_sgd(t->context, &t->sgd, !t->has_momentum, t->tensor[i].count, part[LW_TRAINER_WEIGHTS], part[LW_TRAINER_GRADIENTS],
                 part[LW_TRAINER_MOMENTUM]); /* checked when its options came */
  }
  t->has_momentum |= t->sgd.momentum != 0;
  t->steps++;
}

lw_status lw_train_step(lw_trainer *t, int64_t n, const float *x, const int32_t *labels, float *loss, float *scores) {
  static const char call[] = "lw_train_step";
  LW_TRY(check_batch(call, t, n, 1, x));
  LW_TRY(LW_CHECK_F32(call, loss));
  if (scores) LW_TRY(LW_CHECK_F32(call, scores));
  t->loss.n = n;
  LW_TRY(lw_cross_entropy_check_labels(call, &t->loss, labels));
  if (t->samples)
    lw_samples_run(t, n, x, labels);
  else
    lw_train_forward(t, n, x, 1);
  LW_TRY(lw_softmax_cross_entropy(t->context, &t->loss, scores_of(t), labels, loss));
  if (scores) memcpy(scores, scores_of(t), (size_t)(n * t->loss.c) * sizeof *scores);
  if (!t->samples) {
    LW_TRY(lw_softmax_cross_entropy_backward(t->context, &t->loss, scores_of(t), labels, t->gradient[0]));
    lw_train_backward(t, n, x);
  }
  if (isfinite(*loss)) update(t);
  return LW_OK;
}

lw_status lw_trainer_predict(lw_trainer *t, int64_t n, const float *x, float *scores) {
  static const char call[] = "lw_trainer_predict";
  LW_TRY(check_batch(call, t, n, 0, x));
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32(call, scores));
  if (t->samples)
    lw_samples_run(t, n, x, NULL);
  else
    lw_train_forward(t, n, x, 0);
  memcpy(scores, scores_of(t), (size_t)(n * t->loss.c) * sizeof *scores);
  return LW_OK;
}

lw_status lw_trainer_set_sgd(lw_trainer *t, const lw_sgd_options *sgd) {
  if (!t) return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_set_sgd: trainer is NULL");
  LW_TRY(lw_sgd_check(sgd));
  t->sgd = *sgd;
  return LW_OK;
}

/* ------------------------------------------------------------------------------------------------------------- tensors */

uint64_t lw_trainer_steps(const lw_trainer *t) { return t ? t->steps : 0; }

const float *lw_trainer_tensor(const lw_trainer *t, lw_trainer_part part, int tensor) {
  if (!t || tensor < 0 || tensor >= t->tensors || (int)part < LW_TRAINER_WEIGHTS || (int)part > LW_TRAINER_MOMENTUM) return NULL;
  return part != LW_TRAINER_MOMENTUM || t->has_momentum ? t->tensor[tensor].part[part] : NULL;
}

static lw_status read_from(const lw_trainer *t, lw_trainer_part part, const lw_net *net, int tensor, int64_t first, int64_t count,
                           float *dst) {
  lw_parameter_info has, wanted;
  LW_TRY(lw_net_parameter(net, tensor, &wanted));
  LW_TRY(lw_net_parameter(t->net, tensor, &has));
  if (has.rank != wanted.rank || memcmp(has.shape, wanted.shape, sizeof has.shape) != 0)
    return lw_fail(LW_BAD_SHAPE, "trainer of %s: tensor %d (%s) has another shape than %s of network %s", t->net->name, tensor,
                   has.name, wanted.name, net->name);
  if (first < 0 || count < 0 || count > has.count - first)
    return lw_fail(LW_BAD_ARGUMENT, "trainer of %s: tensor %d (%s) has %" PRId64 " elements, not %" PRId64 " from %" PRId64 " on",
                   t->net->name, tensor, has.name, has.count, count, first);
  const float *src = lw_trainer_tensor(t, part, tensor);
  if (!src) return lw_fail(LW_BAD_ARGUMENT, "trainer of %s: has no momentum before a step with it", t->net->name);
  src += first;
  if (dst != src) memcpy(dst, src, (size_t)count * sizeof *dst); /* the same: restored to what it is */
  return LW_OK;
}
#define READ_FN(name, part)                                                                                                      \
  static lw_status read_##name(void *user, const lw_net *net, int tensor, const char *text, int64_t first, int64_t count,        \
                               float *dst) {                                                                                     \
    (void)text;                                                                                                                  \
    return read_from(user, part, net, tensor, first, count, dst);                                                                \
  }
READ_FN(weights, LW_TRAINER_WEIGHTS)
READ_FN(gradients, LW_TRAINER_GRADIENTS)
READ_FN(momentum, LW_TRAINER_MOMENTUM)

lw_weights lw_trainer_source(const lw_trainer *t, lw_trainer_part part) {
  lw_weights source = {.user = (void *)t};
  if (!t) return source;
  switch (part) {
  case LW_TRAINER_WEIGHTS: source.read = read_weights; break;
  case LW_TRAINER_GRADIENTS: source.read = read_gradients; break;
  case LW_TRAINER_MOMENTUM: source.read = read_momentum; break;
  }
  return source;
}

lw_status lw_trainer_restore(lw_trainer *t, uint64_t steps, const lw_weights *weights, const lw_weights *momentum) {
  if (!t) return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_restore: trainer is NULL");
  if (!weights || !weights->read || (momentum && !momentum->read))
    return lw_fail(LW_BAD_ARGUMENT, "lw_trainer_restore: %s has no function to read",
                   weights && weights->read ? "momentum" : "weights");
  const lw_trainer *other = momentum && momentum->read == read_momentum ? momentum->user : NULL;
  const int has_momentum = other ? other->has_momentum : momentum != NULL;
  LW_TRY(read_part(t, LW_TRAINER_WEIGHTS, weights));
  if (has_momentum) LW_TRY(read_part(t, LW_TRAINER_MOMENTUM, momentum));
  t->has_momentum = has_momentum;
  t->steps = steps;
  return LW_OK;
}
