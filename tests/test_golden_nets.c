/* SPDX-License-Identifier: Apache-2.0
 * Whole networks of the oracle against PyTorch in float64: sums and sampled values of every layer, and the logits.
 *
 * ref64 walks the layer table from the input; what PyTorch had at a layer differs from what ref64 has by rounding errors made so
 * far, in another order. Worst-case bounds grow by sum|w| per layer and say nothing after VGG16's sixteen; so errors are followed
 * as independent with mean 0 (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41,
 * 2019): a sum of n products computed in any order is within lambda * sqrt(n) * u * sum|terms| of the true one, except with
 * probability 2n exp(-lambda^2/2). (sum|terms|)^2 <= n * sum terms^2, so an output of a layer carries, per lambda^2,
 *
 *   v_out = sum w^2 (v_in + 2 n^2 u^2 x^2) + 2 n^2 u^2 bias^2
 *
 * (2: both sides round), which is the layer itself on squared weights. ReLU, tanh and pooling pass on v without growth: they are
 * 1-Lipschitz; tanh adds its own error. An output agrees if |y - y'| <= lambda * sqrt(v). */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "nets/nets.h"
#include "tests/exhaustive.h"
#include "tests/kit/golden.h"
#include "tests/kit/kit.h"

static const double U = 0x1p-53;
static const double LAMBDA = 10; /* exp(-50): never in 1e7 outputs */

typedef struct walk {
  const lw_net *net;
  const golden_net *golden;
  int fault; /* not 0: weight 0 is one float away from what it should be */
  int tensor;
  double *x, *v; /* values and variances per lambda^2, at the layer's input, then its output */
  double worst;  /* error / bound */
  const char *worst_layer;
} walk;

static double *make(int64_t count) {
  double *p = malloc((size_t)count * sizeof *p);
  assert_non_null(p);
  return p;
}

static int64_t elements(lw_shape s) { return s.c * s.h * s.w; }

static double *read_tensor(walk *k, int64_t *fan_in) {
  int64_t count;
  assert_int_equal(lw_net_tensor(k->net, k->tensor, &count, fan_in), LW_OK);
  double *values = golden_uniform(k->golden->seed, k->tensor, *fan_in, count);
  assert_non_null(values);
  if (k->fault && k->tensor == 0) values[0] = nextafterf((float)values[0], 1);
  k->tensor++;
  return values;
}

static void product(const lw_layer *l, lw_shape in, const double *x, const double *w, const double *bias, double *y) {
  if (l->kind == LW_LAYER_CONV2D) {
    const lw_conv2d_desc d = lw_layer_conv2d(l, 1, in);
    ref64_conv2d(&d, x, w, bias, y);
  } else {
    const lw_linear_desc d = {1, elements(in), l->out};
    ref64_linear(&d, x, w, bias, y);
  }
}

static void walk_product(walk *k, const lw_layer *l, lw_shape in, double *y, double *v) {
  int64_t fan_in;
  double *w = read_tensor(k, &fan_in), *bias = read_tensor(k, &fan_in);
  product(l, in, k->x, w, bias, y);
  const double n = (double)fan_in + 2, rounding = 2 * n * n * U * U;
  for (int64_t i = 0; i < l->out * fan_in; i++) w[i] *= w[i];
  for (int64_t i = 0; i < l->out; i++) bias[i] *= rounding * bias[i];
  for (int64_t i = 0; i < elements(in); i++) k->v[i] += rounding * k->x[i] * k->x[i];
  product(l, in, k->v, w, bias, v);
  free(w);
  free(bias);
}

static void walk_layer(walk *k, const lw_layer *l, lw_shape in, int64_t count, double *y, double *v) {
  const lw_pool2d_desc d = lw_layer_pool2d(l, 1, in);
  switch (l->kind) {
  case LW_LAYER_CONV2D:
  case LW_LAYER_LINEAR: walk_product(k, l, in, y, v); return;
  case LW_LAYER_MAX_POOL2D: /* the largest error among the candidates */
    ref64_max_pool2d(&d, k->x, y, NULL);
    ref64_max_pool2d(&d, k->v, v, NULL);
    return;
  case LW_LAYER_AVG_POOL2D: { /* the square of an average is at most the average of squares */
    const double n = (double)(d.kh * d.kw) + 1;
    ref64_avg_pool2d(&d, k->x, y);
    for (int64_t i = 0; i < elements(in); i++) k->v[i] += 2 * n * n * U * U * k->x[i] * k->x[i];
    ref64_avg_pool2d(&d, k->v, v);
    return;
  }
  case LW_LAYER_RELU: /* certainly negative on both sides: 0 on both */
    ref64_relu(count, k->x, y);
    for (int64_t i = 0; i < count; i++) v[i] = k->x[i] < -LAMBDA * sqrt(k->v[i]) ? 0 : k->v[i];
    return;
  case LW_LAYER_TANH: /* 1 ulp = 2 u in PyTorch, 2 ulp in the C library; errors of the function need not be independent */
    ref64_tanh(count, k->x, y);
    for (int64_t i = 0; i < count; i++) v[i] = k->v[i] + 36 * U * U * y[i] * y[i];
    return;
  case LW_LAYER_DROPOUT:
    ref64_dropout(count, k->x, y);
    memcpy(v, k->v, (size_t)count * sizeof *v);
    return;
  case LW_LAYER_SOFTMAX: break;
  }
  fail_msg("layer %s: no golden network has this kind", l->name);
}

/* A sum whose own rounding is no larger than that of its result (Neumaier, 1974). */
typedef struct sum {
  double total, lost;
} sum;
static void add(sum *s, double value) {
  const double total = s->total + value;
  s->lost += fabs(s->total) >= fabs(value) ? (s->total - total) + value : (value - total) + s->total;
  s->total = total;
}

static void compare(walk *k, const char *layer, double got, double expected, double bound) {
  const double error = fabs(got - expected), ratio = error == 0 ? 0 : error / bound;
  if (ratio <= k->worst) return;
  k->worst = isnan(ratio) ? INFINITY : ratio;
  k->worst_layer = layer;
}

static void compare_layer(walk *k, const golden_layer *g, int64_t count) {
  sum values = {0}, squares = {0};
  double bound = 0, square_bound = 0;
  for (int64_t i = 0; i < count; i++) {
    const double y = k->x[i], e = LAMBDA * sqrt(k->v[i]);
    add(&values, y);
    add(&squares, y * y);
    bound += e + 4 * U * fabs(y);
    square_bound += (2 * fabs(y) + e) * e + 4 * U * y * y;
  }
  compare(k, g->name, values.total + values.lost, g->sum, bound);
  compare(k, g->name, squares.total + squares.lost, g->squares, square_bound);
  for (int s = 0; s < GOLDEN_SAMPLES; s++) compare(k, g->name, k->x[g->at[s]], g->value[s], LAMBDA * sqrt(k->v[g->at[s]]));
}

/* Walks the network and returns the largest error / bound. */
static double walk_net(const char *name, int fault, const char **layer) {
  golden_net golden;
  char error[160];
  const lw_net *net = lw_net_builtin(name);
  assert_non_null(net);
  if (!golden_net_read(&golden, GOLDEN_NETS, name, error)) fail_msg("%s", error);
  assert_int_equal(golden.layers, net->layer_count);
  lw_shape shapes[GOLDEN_LAYERS + 1];
  assert_int_equal(lw_net_shapes(net, shapes), LW_OK);
  const int64_t inputs = elements(shapes[0]);
  assert_int_equal(golden.input_count, inputs);

  walk k = {.net = net, .golden = &golden, .fault = fault, .x = golden_uniform(golden.seed, golden.input_tensor, 6, inputs)};
  assert_non_null(k.x);
  k.v = make(inputs);
  memset(k.v, 0, (size_t)inputs * sizeof *k.v);
  for (size_t i = 0; i < net->layer_count; i++) {
    const int64_t count = elements(shapes[i + 1]);
    double *y = make(count), *v = make(count);
    assert_string_equal(golden.layer[i].name, net->layers[i].name);
    assert_int_equal(golden.layer[i].count, count);
    walk_layer(&k, &net->layers[i], shapes[i], count, y, v);
    free(k.x);
    free(k.v);
    k.x = y;
    k.v = v;
    compare_layer(&k, &golden.layer[i], count);
  }
  assert_int_equal(golden.logit_count, elements(shapes[net->layer_count]));
  for (int64_t i = 0; i < golden.logit_count; i++) compare(&k, "logits", k.x[i], golden.logits[i], LAMBDA * sqrt(k.v[i]));
  *layer = net->layers[net->layer_count - 1].name;
  for (int i = 0; i < golden.layers; i++)
    if (k.worst_layer == golden.layer[i].name) *layer = net->layers[i].name;
  free(k.x);
  free(k.v);
  golden_net_free(&golden);
  return k.worst;
}

static void test_net(void **state) {
  const char *name = *state, *layer;
  const double worst = walk_net(name, 0, &layer);
  print_message("%-12s error / bound up to %.2g (%s)\n", name, worst, layer);
  if (worst > 1) fail_msg("%s: layer %s is %g times its bound away from the golden values", name, layer, worst);
}

/* Two passes over 15.5e9 multiply-adds in double: minutes. */
static void test_vgg16(void **state) {
  if (is_exhaustive()) {
    test_net(state);
  } else {
    print_message("vgg16 in double takes minutes: skipped, as LANEWISE_EXHAUSTIVE is not 1\n");
    skip();
  }
}

/* The smallest fault that a float weight can have. */
static void one_ulp_of_one_weight_is_seen(void **state) {
  static const char *const nets[] = {"lenet5", "lenet5_1998", "net", "mlp"};
  (void)state;
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
    const char *layer;
    const double worst = walk_net(nets[i], 1, &layer);
    if (!(worst > 1)) fail_msg("%s: a changed weight went unseen, error / bound %g", nets[i], worst);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(test_net, "lenet5"),  cmocka_unit_test_prestate(test_net, "lenet5_1998"),
      cmocka_unit_test_prestate(test_net, "net"),     cmocka_unit_test_prestate(test_net, "mlp"),
      cmocka_unit_test_prestate(test_vgg16, "vgg16"), cmocka_unit_test(one_ulp_of_one_weight_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
