/* SPDX-License-Identifier: Apache-2.0
 * Whole networks: the built-in ones, the large one with fewer channels and pixels too.
 *
 * The bound of a whole pass in any order of its sums is the bound of each layer carried through the next ones. Let x be a layer's
 * true input (double), e bound the distance of the float input from it, and m = |x| + e, which no float input exceeds in size.
 *   conv2d, linear  gamma_{n+1} * (sum m |w| + |bias|) + sum e |w|, for n terms with the bias (Higham, Accuracy and Stability of
 *                   Numerical Algorithms, 2nd ed., 3.1): the layer itself, on sizes. If x and w are integers, e = 0 and every
 *                   sum m |w| + |bias| is at most 2^24, then all sums are exact in any order, and the bound is 0.
 *   relu, max_pool2d  bring no two inputs further apart: e, and its largest in each window.
 *   tanh            has a slope of at most 1: e, and 4 ulp (as op_tanh.c) of |tanh x| + e.
 *   avg_pool2d      the mean of e, gamma_k of the mean of m, and the division's rounding (as op_avg_pool2d.c).
 *   dropout         e.
 * n counts weights that are not 0, as the others round nothing. Such bounds grow by sum |x||w| / |sum xw| from layer to layer: on
 * dense weights they say little of a deep network, whose errors cancel. So there are cases with few weights that are not 0, most
 * of them positive, whose sums cancel little: a pass that rounds to less than float is seen there, and of their integers, which
 * stay small, a pass in any order has one right result. */
#include <stdlib.h>
#include <string.h>
#include "tests/kit/net.h"

enum { X, FIRST_PARAMETER };

#define CASE(id, network, images, ...)                                                                                           \
  {                                                                                                                              \
    .name = id, .of.net = {.net = network, .batch = images, __VA_ARGS__ }                                                        \
  }
enum { SIDE = 36, CHANNELS = 24 };
static const kit_case cases[] = {
    CASE("lenet5", "lenet5", 1, .sparse = 0),
    CASE("lenet5-n3", "lenet5", 3, .sparse = 0),
    CASE("lenet5-n0", "lenet5", 0, .sparse = 0),
    CASE("lenet5-sparse", "lenet5", 2, .sparse = 1),
    CASE("lenet5_1998", "lenet5_1998", 1, .sparse = 0),
    CASE("lenet5_1998-sparse", "lenet5_1998", 2, .sparse = 1),
    CASE("mlp", "mlp", 1, .sparse = 0),
    CASE("mlp-sparse", "mlp", 5, .sparse = 1),
    CASE("net", "net", 1, .sparse = 0),
    CASE("net-sparse", "net", 2, .sparse = 1),
    CASE("vgg16", "vgg16", 1, .sparse = 0),
    CASE("vgg16-sparse", "vgg16", 1, .sparse = 1, .side = SIDE, .channels = CHANNELS),
};

/* 36 pixels leave an odd row and column to two of vgg16's five pools; 24 channels are a block and a half. */
static void cut(kit_case *c) {
  c->of.net.side = SIDE;
  c->of.net.channels = CHANNELS;
}

static int64_t at_most(int64_t size, int64_t limit) { return limit && size > limit ? limit : size; }

void kit_net_make(kit_net *n, const kit_case *c) {
  n->net = *lw_net_builtin(c->of.net.net);
  memcpy(n->layers, n->net.layers, n->net.layer_count * sizeof *n->layers);
  n->net.layers = n->layers;
  n->net.h = at_most(n->net.h, c->of.net.side);
  n->net.w = at_most(n->net.w, c->of.net.side);
  for (size_t i = 0; i < n->net.layer_count; i++) n->layers[i].out = at_most(n->layers[i].out, c->of.net.channels);
  lw_net_shapes(&n->net, n->shapes);
}

static int64_t floats_of(lw_shape s) { return s.c * s.h * s.w; }

/* Of the layers' inputs and outputs. */
static int64_t largest(const kit_net *n) {
  int64_t most = 0;
  for (size_t i = 0; i <= n->net.layer_count; i++)
    if (floats_of(n->shapes[i]) > most) most = floats_of(n->shapes[i]);
  return most;
}

/* Parameters are named by their number in lw_net_parameter(). */
#define NAMES(tens)                                                                                                              \
  "parameter " tens "0", "parameter " tens "1", "parameter " tens "2", "parameter " tens "3", "parameter " tens "4",             \
      "parameter " tens "5", "parameter " tens "6", "parameter " tens "7", "parameter " tens "8", "parameter " tens "9"
static const char *const names[] = {NAMES(""), NAMES("1"), NAMES("2"), NAMES("3")};

/* Dense weights as lw_weights_seeded has them, so that values neither grow nor vanish; of sparse ones, three to an output. */
static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  kit_net n;
  lw_parameter_info p;
  int parameters = 0;
  const int sparse = c->of.net.sparse;
  kit_net_make(&n, c);
  const lw_shape out = n.shapes[n.net.layer_count];
  lw_net_parameter_tensors(&n.net, &parameters);
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.net.batch, n.net.c, n.net.h, n.net.w)};
  for (int i = 0; i < parameters; i++) {
    lw_net_parameter(&n.net, i, &p);
    t[FIRST_PARAMETER + i] = (kit_tensor){.name = names[i],
                                          .role = KIT_WEIGHTS,
                                          .type = KIT_F32,
                                          .dims = p.rank,
                                          .shape = {p.shape[0], p.shape[1], p.shape[2], p.shape[3]},
                                          .count = p.count,
                                          .range = sparse ? 1 : (float)sqrt(6 / (double)p.fan_in),
                                          .nonzero = !sparse     ? 0
                                                     : p.is_bias ? .5f
                                                                 : 3 / (float)p.fan_in};
  }
  t[FIRST_PARAMETER + parameters] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_2D(c->of.net.batch, floats_of(out))};
  return FIRST_PARAMETER + parameters + 1;
}

/* --------------------------------------------------------------------------------------------------------------- passes */

#define LAYER_RUN     run_layer
#define LAYER_REAL    float
#define LAYER_REF(op) ref_##op
#include "tests/kit/net_layer.h"
#define LAYER_RUN     run_layer64
#define LAYER_REAL    double
#define LAYER_REF(op) ref64_##op
#include "tests/kit/net_layer.h"

/* A layer of a pass: t[weight] and, if it has one, t[bias]. */
typedef struct place {
  const lw_layer *l;
  lw_shape in, out;
  int weight, bias; /* 0: none */
} place;

/* Layer i; the places before it have been asked for. */
static place place_of(const kit_net *n, size_t i, int *parameter) {
  place p = {.l = &n->layers[i], .in = n->shapes[i], .out = n->shapes[i + 1]};
  if (p.l->kind != LW_LAYER_CONV2D && p.l->kind != LW_LAYER_LINEAR) return p;
  p.weight = (*parameter)++;
  if (!p.l->no_bias) p.bias = (*parameter)++;
  return p;
}

static void swap(void *a, void *b) {
  void *kept;
  memcpy(&kept, a, sizeof kept);
  memcpy(a, b, sizeof kept);
  memcpy(b, &kept, sizeof kept);
}

static void ref(const kit_case *c, void *const t[]) {
  kit_net n;
  kit_net_make(&n, c);
  const int64_t batch = c->of.net.batch, most = batch * largest(&n) + 1;
  float *memory = malloc((size_t)(2 * most) * sizeof *memory), *x = memory, *y = memory + most;
  int parameter = FIRST_PARAMETER;
  if (!memory) return;
  memcpy(x, t[X], (size_t)(batch * floats_of(n.shapes[0])) * sizeof *x);
  for (size_t i = 0; i < n.net.layer_count; i++) {
    const place p = place_of(&n, i, &parameter);
    run_layer(p.l, batch, p.in, x, p.weight ? t[p.weight] : NULL, p.bias ? t[p.bias] : NULL, y);
    swap(&x, &y);
  }
  memcpy(t[parameter], x, (size_t)(batch * floats_of(n.shapes[n.net.layer_count])) * sizeof *x);
  free(memory);
}

/* A pass in double with the bound of every value beside it. */
typedef struct pass {
  int64_t batch;
  double *x, *y, *e, *bound; /* a layer's input and output, and the bounds of both */
  double *size, *absolute, *part;
  int integers; /* not 0: x has integers only, none of them off */
} pass;

static void absolute(const double *from, int64_t count, double *to) {
  for (int64_t i = 0; i < count; i++) to[i] = fabs(from[i]);
}

static int are_integers(const double *x, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (x[i] != rint(x[i])) return 0;
  return 1;
}

/* Of the weights of one output, the most that are not 0. */
static int64_t most_nonzero(const double *w, int64_t outputs, int64_t each) {
  int64_t most = 0;
  for (int64_t o = 0; o < outputs; o++) {
    int64_t count = 0;
    for (int64_t k = 0; k < each; k++) count += w[o * each + k] != 0;
    if (count > most) most = count;
  }
  return most;
}

static double gamma_of(int64_t terms) { return (double)terms * KIT_U / (1 - (double)terms * KIT_U); }

/* conv2d and linear: w and bias are doubles of so many elements. */
static void bound_sums(pass *s, const place *p, const double *w, int64_t weights, const double *bias) {
  const int64_t outputs = s->batch * floats_of(p->out), terms = most_nonzero(w, p->l->out, weights / p->l->out) + 2;
  double *w_size = s->absolute, *bias_size = s->absolute + weights, most = 0;
  absolute(w, weights, w_size);
  if (bias) absolute(bias, p->l->out, bias_size);
  run_layer64(p->l, s->batch, p->in, s->size, w_size, bias ? bias_size : NULL, s->bound);
  run_layer64(p->l, s->batch, p->in, s->e, w_size, NULL, s->part);
  for (int64_t i = 0; i < outputs; i++) most = fmax(most, s->bound[i]);
  s->integers &= most <= 0x1p24 && are_integers(w, weights) && (!bias || are_integers(bias, p->l->out));
  for (int64_t i = 0; i < outputs; i++)
    s->bound[i] = s->integers ? 0 : (1 + 1e-6) * (gamma_of(terms) * s->bound[i] + s->part[i] + (double)terms * 0x1p-149);
}

static void bound_average(pass *s, const place *p) {
  const int64_t outputs = s->batch * floats_of(p->out), terms = p->l->kernel * p->l->kernel;
  run_layer64(p->l, s->batch, p->in, s->size, NULL, NULL, s->part);
  run_layer64(p->l, s->batch, p->in, s->e, NULL, NULL, s->bound);
  for (int64_t i = 0; i < outputs; i++) {
    const double sum = s->bound[i] + gamma_of(terms) * s->part[i];
    s->bound[i] = (1 + 1e-6) * (sum + 4 * KIT_U * (fabs(s->y[i]) + sum) + 0x1p-149);
  }
  s->integers = 0;
}

/* s->bound of the layer whose input is x with bounds e, and whose true output is y. */
static void bound_layer(pass *s, const place *p, void *const t[], int64_t weights) {
  const int64_t inputs = s->batch * floats_of(p->in);
  for (int64_t i = 0; i < inputs; i++) s->size[i] = fabs(s->x[i]) + s->e[i];
  switch (p->l->kind) {
  case LW_LAYER_CONV2D:
  case LW_LAYER_LINEAR: bound_sums(s, p, t[p->weight], weights, p->bias ? t[p->bias] : NULL); break;
  case LW_LAYER_AVG_POOL2D: bound_average(s, p); break;
  case LW_LAYER_MAX_POOL2D: run_layer64(p->l, s->batch, p->in, s->e, NULL, NULL, s->bound); break;
  case LW_LAYER_RELU:
  case LW_LAYER_DROPOUT: memcpy(s->bound, s->e, (size_t)inputs * sizeof *s->e); break;
  case LW_LAYER_TANH:
    for (int64_t i = 0; i < inputs; i++) s->bound[i] = s->e[i] + 4 * fmax(0x1p-23 * (fabs(s->y[i]) + s->e[i]), 0x1p-149);
    s->integers = 0;
    break;
  case LW_LAYER_SOFTMAX: /* no built-in network has one */
    for (int64_t i = 0; i < inputs; i++) s->bound[i] = INFINITY;
    s->integers = 0;
    break;
  }
}

/* bounds == NULL: only the values. */
static void walk64(const kit_case *c, void *const t[], double *bounds) {
  kit_net n;
  kit_tensor info[KIT_TENSORS];
  kit_net_make(&n, c);
  const int count = tensors(c, info);
  const int64_t batch = c->of.net.batch, most = batch * largest(&n) + 1, inputs = batch * floats_of(n.shapes[0]);
  const int64_t outputs = batch * floats_of(n.shapes[n.net.layer_count]);
  int64_t weights = 0;
  for (int i = FIRST_PARAMETER; i < count - 1; i++)
    if (info[i].count > weights) weights = info[i].count;
  double *memory = calloc((size_t)(6 * most + 2 * weights), sizeof *memory);
  if (!memory) return;
  pass s = {.batch = batch,
            .x = memory,
            .y = memory + most,
            .e = memory + 2 * most,
            .bound = memory + 3 * most,
            .size = memory + 4 * most,
            .part = memory + 5 * most,
            .absolute = memory + 6 * most,
            .integers = are_integers(t[X], inputs)};
  int parameter = FIRST_PARAMETER;
  memcpy(s.x, t[X], (size_t)inputs * sizeof *s.x);
  for (size_t i = 0; i < n.net.layer_count; i++) {
    const place p = place_of(&n, i, &parameter);
    run_layer64(p.l, batch, p.in, s.x, p.weight ? t[p.weight] : NULL, p.bias ? t[p.bias] : NULL, s.y);
    if (bounds) bound_layer(&s, &p, t, p.weight ? info[p.weight].count : 0);
    swap(&s.x, &s.y);
    swap(&s.e, &s.bound);
  }
  memcpy(bounds ? bounds : t[parameter], bounds ? s.e : s.x, (size_t)outputs * sizeof *s.x);
  free(memory);
}

static void ref64(const kit_case *c, void *const t[]) { walk64(c, t, NULL); }
/* A chain is an order, too. */
static void bound(const kit_case *c, void *const t[], kit_order order, double *bounds) {
  (void)order;
  walk64(c, t, bounds);
}

static double flops(const kit_case *c) {
  kit_net n;
  double sum = 0;
  kit_net_make(&n, c);
  for (size_t i = 0; i < n.net.layer_count; i++) {
    const lw_layer *l = &n.layers[i];
    const double outputs = (double)(c->of.net.batch * floats_of(n.shapes[i + 1]));
    if (l->kind == LW_LAYER_CONV2D) sum += 2 * outputs * (double)(n.shapes[i].c * l->kernel * l->kernel);
    if (l->kind == LW_LAYER_LINEAR) sum += 2 * outputs * (double)floats_of(n.shapes[i]);
  }
  return sum;
}

const kit_op kit_op_net = {
    .op = LW_OP_COUNT,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .tensors = tensors,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .large_fills = 1u << KIT_INTEGERS,
    .flops = flops,
    .cut = cut,
};
