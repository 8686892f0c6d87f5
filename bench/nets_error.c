/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench/machine.h"
#include "bench/nets_input.h"
#include "nets/nets.h"
#include "tests/kit/pass.h"
#include "tests/kit/pass_accuracy.h"

static const float U2 = 0x1p-48f; /* u^2 */
static const float TANH_ULP = 4;  /* of libm's tanhf, by its documentation; most others are nearer */

/* Values x[n][c][h][w] and their variances between two layers; y, v and q are the memory for the next. */
typedef struct walk {
  lw_context *context;
  int64_t n;
  lw_shape shape;
  float *x, *variance, *y, *v, *q;
} walk;

static int64_t count_of(const walk *s) { return s->n * s->shape.c * s->shape.h * s->shape.w; }

static void swap(walk *s, lw_shape shape) {
  float *x = s->x, *variance = s->variance;
  s->x = s->y, s->y = x;
  s->variance = s->v, s->v = variance;
  s->shape = shape;
}

/* q = variance + 2 k u^2 x^2: what each input adds per w^2. The 2: of both passes. */
static void add_rounding(const walk *s, double terms) {
  const float each = (float)(2 * terms) * U2;
  for (int64_t i = 0; i < count_of(s); i++) s->q[i] = s->variance[i] + each * s->x[i] * s->x[i];
}

static float *squares(const float *w, int64_t count, float factor) {
  float *w2 = malloc((size_t)count * sizeof *w2);
  for (int64_t i = 0; w2 && i < count; i++) w2[i] = factor * w[i] * w[i];
  return w2;
}

/* A sum over k inputs: values by w, variances by w^2. */
static lw_status sum_layer(walk *s, const lw_layer *l, const float *w, const float *bias, lw_shape out) {
  const lw_conv2d_desc c = lw_layer_conv2d(l, s->n, s->shape);
  const lw_linear_desc d = {s->n, s->shape.c * s->shape.h * s->shape.w, l->out};
  const int is_conv = l->kind == LW_LAYER_CONV2D;
  const int64_t k = is_conv ? c.ic / c.groups * c.kh * c.kw : d.in;
  float *w2 = squares(w, l->out * k, 1), *bias2 = bias ? squares(bias, l->out, (float)(2 * (k + 1)) * U2) : NULL;
  lw_status status = w2 && (!bias || bias2) ? LW_OK : LW_NO_MEMORY;
  add_rounding(s, (double)k + 1);
  if (status == LW_OK)
    status = is_conv ? lw_conv2d(s->context, &c, s->x, w, bias, s->y) : lw_linear(s->context, &d, s->x, w, bias, s->y);
  if (status == LW_OK)
    status = is_conv ? lw_conv2d(s->context, &c, s->q, w2, bias2, s->v) : lw_linear(s->context, &d, s->q, w2, bias2, s->v);
  free(w2);
  free(bias2);
  swap(s, out);
  return status;
}

/* Where neither pass is likely to be above 0 they agree. */
static void relu_layer(walk *s) {
  const float far = NETS_ERROR_DEVIATIONS;
  for (int64_t i = 0; i < count_of(s); i++) {
    if (s->x[i] < 0 && s->x[i] * s->x[i] > far * far * s->variance[i]) s->variance[i] = 0;
    if (s->x[i] < 0) s->x[i] = 0;
  }
}

static lw_status tanh_layer(walk *s) {
  const lw_status status = lw_tanh(s->context, count_of(s), s->x, s->x);
  for (int64_t i = 0; i < count_of(s); i++) s->variance[i] += 2 * TANH_ULP * TANH_ULP * 4 * U2 * s->x[i] * s->x[i];
  return status;
}

static lw_status pool_layer(walk *s, const lw_layer *l, lw_shape out) {
  const lw_pool2d_desc d = lw_layer_pool2d(l, s->n, s->shape);
  const double k = (double)(d.kh * d.kw);
  if (l->kind == LW_LAYER_MAX_POOL2D) {
    lw_status status = lw_max_pool2d(s->context, &d, s->x, s->y, NULL);
    if (status == LW_OK) status = lw_max_pool2d(s->context, &d, s->variance, s->v, NULL);
    swap(s, out);
    return status;
  }
  add_rounding(s, k + 1);
  lw_status status = lw_avg_pool2d(s->context, &d, s->x, s->y);
  if (status == LW_OK) status = lw_avg_pool2d(s->context, &d, s->q, s->v);
  swap(s, out);
  for (int64_t i = 0; i < count_of(s); i++) s->variance[i] /= (float)k;
  return status;
}

/* dy_i = y_i (dx_i - sum y_j dx_j), |sum y_j dx_j| <= max |dx_j|; an exponential is taken to be within 4 ulp. */
static lw_status softmax_layer(walk *s) {
  const int64_t c = s->shape.c;
  const lw_status status = lw_softmax(s->context, s->n, c, s->x, s->x);
  for (int64_t n = 0; n < s->n; n++) {
    float most = 0, *v = s->variance + n * c;
    for (int64_t i = 0; i < c; i++) most = fmaxf(most, v[i]);
    for (int64_t i = 0; i < c; i++) v[i] = s->x[n * c + i] * s->x[n * c + i] * (4 * most + 2 * ((float)c + 64) * U2);
  }
  return status;
}

static lw_status layer(walk *s, const lw_net *net, size_t i, const float *const *tensors, int *tensor) {
  const lw_layer *l = &net->layers[i];
  lw_shape out;
  const lw_status status = lw_net_layer_output(net, i, s->shape, &out);
  if (status != LW_OK) return status;
  switch (l->kind) {
  case LW_LAYER_CONV2D:
  case LW_LAYER_LINEAR: {
    const float *w = tensors[*tensor], *bias = l->no_bias ? NULL : tensors[*tensor + 1];
    *tensor += 2 - (l->no_bias != 0);
    return sum_layer(s, l, w, bias, out);
  }
  case LW_LAYER_RELU: relu_layer(s); return LW_OK;
  case LW_LAYER_TANH: return tanh_layer(s);
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: return pool_layer(s, l, out);
  case LW_LAYER_SOFTMAX: return softmax_layer(s);
  case LW_LAYER_DROPOUT: break;
  }
  return LW_OK;
}

const char *nets_error_variance(const lw_net *net, const float *const *tensors, int64_t n, const float *x, float *variance) {
  walk s = {.n = n, .shape = {net->c, net->h, net->w}};
  lw_shape *shapes = malloc((net->layer_count + 1) * sizeof *shapes);
  lw_status status = shapes ? lw_net_shapes(net, shapes) : LW_NO_MEMORY;
  int64_t largest = count_of(&s);
  for (size_t i = 0; status == LW_OK && i <= net->layer_count; i++) {
    const int64_t count = n * shapes[i].c * shapes[i].h * shapes[i].w;
    if (count > largest) largest = count;
  }
  float *memory = calloc((size_t)largest, 5 * sizeof *memory);
  if (status == LW_OK && !memory) status = LW_NO_MEMORY;
  if (status == LW_OK) status = lw_context_create(&(lw_context_options){.threads = machine_cores()}, &s.context);
  if (status == LW_OK) {
    s.x = memory, s.y = memory + largest, s.variance = memory + 2 * largest, s.v = memory + 3 * largest;
    s.q = memory + 4 * largest;
    memcpy(s.x, x, (size_t)count_of(&s) * sizeof *x);
  }
  int tensor = 0;
  for (size_t i = 0; status == LW_OK && i < net->layer_count; i++) status = layer(&s, net, i, tensors, &tensor);
  if (status == LW_OK) memcpy(variance, s.variance, (size_t)count_of(&s) * sizeof *variance);
  lw_context_destroy(s.context);
  free(memory);
  free(shapes);
  return status == LW_OK ? NULL : status == LW_NO_MEMORY ? "no memory" : lw_error_message();
}

double nets_error_worst(const float *y, const float *expected, int64_t count, const float *variance, int64_t known) {
  double worst = 0;
  for (int64_t i = 0; i < count; i++) {
    const double error = fabs((double)y[i] - expected[i]);
    if (!isfinite(y[i])) return NAN;
    if (error > 0) worst = fmax(worst, error / (NETS_ERROR_DEVIATIONS * sqrt((double)variance[i % known])));
  }
  return worst;
}

/* -------------------------------------------------------------------------------------------------------------- own passes */

enum { SAMPLES = 48 }; /* outputs of a large layer */

/* By layer; NULL if there is no memory or a step failed. */
static pass_layer *judge_layers(lw_context *context, const lw_net *net, const lw_plan *plan, const lw_weights *weights) {
  pass_record record = {0};
  pass_layer *layers = calloc(net->layer_count, sizeof *layers);
  float *x = malloc((size_t)(net->c * net->h * net->w) * sizeof *x), *y = malloc((size_t)lw_plan_outputs(plan) * sizeof *y);
  void *workspace = NULL;
  const pass_judgement j = {.context = context, .net = net, .weights = weights, .x = x, .samples = SAMPLES, .order = KIT_CHAIN};
  const int ok = layers && x && y && nets_input(net, 1, x) == LW_OK &&
                 lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace) == LW_OK &&
                 pass_record_make(plan, net, x, y, workspace, &record) == LW_OK && pass_judge(&j, &record, 1, layers) == LW_OK;
  pass_record_free(&record);
  lw_release(context, workspace);
  free(x);
  free(y);
  if (ok) return layers;
  free(layers);
  return NULL;
}

static pass_layer *judge_mode(const lw_net *net, lw_mode mode) {
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_plan_options options = {.mode = mode, .no_fuse = 1};
  lw_context *context = NULL;
  lw_plan *plan = NULL;
  pass_layer *layers = NULL;
  if (lw_context_create(&(lw_context_options){.threads = machine_cores()}, &context) == LW_OK &&
      lw_plan_create(context, net, &weights, &options, &plan) == LW_OK)
    layers = judge_layers(context, net, plan, &weights);
  lw_plan_destroy(plan);
  lw_context_destroy(context);
  return layers;
}

double nets_error_of_layers(const lw_net *net, lw_mode mode, size_t first, size_t last) {
  static struct {
    const lw_net *net;
    pass_layer *layers;
  } known[LW_FAST + 1];
  double worst = -1;
  if (known[mode].net != net) {
    free(known[mode].layers);
    known[mode].net = net;
    known[mode].layers = judge_mode(net, mode);
  }
  for (size_t i = first; known[mode].layers && i <= last && i < net->layer_count; i++)
    worst = fmax(worst, known[mode].layers[i].own.worst);
  return worst;
}

double nets_error_of_pass(const lw_net *net, lw_mode mode) { return nets_error_of_layers(net, mode, 0, net->layer_count - 1); }
