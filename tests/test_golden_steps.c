/* SPDX-License-Identifier: Apache-2.0
 * Three steps of training of whole networks against PyTorch in float64 (data/golden/steps.txt): losses, then sums and sampled
 * values of every weight and momentum buffer, of ref64's steps (tests/kit/learn64.h) and of lw_trainer's.
 *
 * How far two right computations may be apart follows from what rounding does to them, which is measured: the same steps with
 * random rounding errors of u = 2^-33, far larger than double's and still so small that the answer is linear, and LAMBDA times
 * the largest difference that some such walks show is scaled to the unit roundoff at hand. Parker, Monte Carlo arithmetic (1997),
 * in the form of a sensitivity. Errors in the walks are off by k roundings for sums of k products, as none is in fact: that makes
 * the bound wide by a factor of about sqrt(k). */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/expect.h"
#include "tests/kit/golden.h"
#include "tests/kit/learn64.h"

static const double LAMBDA = 4, DISTURBANCE = 0x1p-33, U64 = 0x1p-53, U32 = 0x1p-24;
enum { WALKS = 4, TENSORS = 2 * GOLDEN_LAYERS, MAX_NUMBERS = GOLDEN_STEP_COUNT + TENSORS * (2 + GOLDEN_SAMPLES) };

/* The shape of VGG16 at a size that fits here; `SMALL` in step_cases.py. */
static const lw_layer small_layers[] = {{.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 8, .kernel = 3, .pad = 1},
                                        {.kind = LW_LAYER_RELU, .name = "relu1"},
                                        {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 2},
                                        {.kind = LW_LAYER_CONV2D, .name = "conv2", .out = 12, .kernel = 3, .pad = 1},
                                        {.kind = LW_LAYER_RELU, .name = "relu2"},
                                        {.kind = LW_LAYER_MAX_POOL2D, .name = "pool2", .kernel = 2},
                                        {.kind = LW_LAYER_LINEAR, .name = "fc1", .out = 24},
                                        {.kind = LW_LAYER_RELU, .name = "relu3"},
                                        {.kind = LW_LAYER_DROPOUT, .name = "drop", .probability = .5f},
                                        {.kind = LW_LAYER_LINEAR, .name = "fc2", .out = 5}};
static const lw_net small = {"small", 3, 12, 16, small_layers, sizeof small_layers / sizeof *small_layers};

/* What the file says of a run: the losses, then of every tensor its sum, the sum of its squares and the samples. */
typedef struct numbers {
  double value[MAX_NUMBERS];
  int count;
} numbers;

static void add_tensor(numbers *r, const golden_layer *at, int64_t count, const double *values) {
  long double sum = 0, squares = 0; /* at most 2^18 terms: their rounding is less than that of any term's computation */
  assert_int_equal(at->count, count);
  for (int64_t i = 0; i < count; i++) {
    sum += values[i];
    squares += (long double)values[i] * values[i];
  }
  r->value[r->count++] = (double)sum;
  r->value[r->count++] = (double)squares;
  for (int s = 0; s < GOLDEN_SAMPLES; s++) r->value[r->count++] = values[at->at[s]];
}

static double *input(const golden_steps *g, const lw_net *net, int step) {
  double *x = golden_uniform(g->seed, g->input_tensor + step, 6, g->batch[step] * net->c * net->h * net->w);
  assert_non_null(x);
  return x;
}

/* Tensors of one kind that belong to a network. */
typedef struct tensors {
  int count;
  int64_t size[GOLDEN_LAYERS], fan_in[GOLDEN_LAYERS];
  double *of[GOLDEN_LAYERS];
} tensors;

static tensors make_tensors(const lw_net *net) {
  tensors t = {0};
  must(lw_net_parameter_tensors(net, &t.count));
  assert_in_range(t.count, 1, GOLDEN_LAYERS);
  for (int i = 0; i < t.count; i++) {
    must(lw_net_tensor(net, i, &t.size[i], &t.fan_in[i]));
    t.of[i] = calloc((size_t)t.size[i], sizeof *t.of[i]);
    assert_non_null(t.of[i]);
  }
  return t;
}

static void free_tensors(tensors *t) {
  for (int i = 0; i < t->count; i++) free(t->of[i]);
}

/* ------------------------------------------------------------------------------------------------------------- two ways */

/* fault: weight 0 is one float away from what it should be. */
static void steps_in_double(const golden_steps *g, const lw_net *net, double disturbance, uint64_t seed, int fault, numbers *r) {
  kit_random random = {seed};
  tensors w = make_tensors(net), gradient = make_tensors(net), buffer = make_tensors(net);
  const int32_t *labels = g->labels;
  *r = (numbers){.count = 0};
  for (int i = 0; i < w.count; i++) {
    free(w.of[i]);
    w.of[i] = golden_uniform(g->seed, i, w.fan_in[i], w.size[i]);
    assert_non_null(w.of[i]);
  }
  if (fault) w.of[0][0] = (double)nextafterf((float)w.of[0][0], 9);
  for (int step = 0; step < GOLDEN_STEP_COUNT; labels += g->batch[step++]) {
    double *x = input(g, net, step);
    const learn64 l = {.net = net,
                       .n = g->batch[step],
                       .x = x,
                       .labels = labels,
                       .loss = g->loss,
                       .drops = 1,
                       .seed = g->seed,
                       .stream = (uint64_t)step << 16,
                       .w = w.of,
                       .gradient = gradient.of,
                       .disturbance = disturbance,
                       .random = &random};
    r->value[r->count++] = learn64_loss(&l);
    for (int i = 0; i < w.count; i++) {
      ref64_sgd(&g->sgd, step == 0, w.size[i], w.of[i], gradient.of[i], buffer.of[i], w.of[i], buffer.of[i]);
      learn64_disturb(&l, w.of[i], w.size[i], 6); /* six operations at most */
      learn64_disturb(&l, buffer.of[i], w.size[i], 6);
    }
    free(x);
  }
  for (int i = 0; i < g->tensors; i++) {
    const int k = i % w.count;
    add_tensor(r, &g->tensor[i], w.size[k], i < w.count ? w.of[k] : buffer.of[k]);
  }
  free_tensors(&w);
  free_tensors(&gradient);
  free_tensors(&buffer);
}

static void steps_of_trainer(const golden_steps *g, const lw_net *net, const lw_sgd_options *sgd, numbers *r) {
  const lw_weights weights = lw_weights_seeded(&g->seed);
  const int32_t *labels = g->labels;
  tensors wide = make_tensors(net);
  lw_trainer *t;
  *r = (numbers){.count = 0};
  must(lw_trainer_create(NULL, net, &weights,
                         &(lw_trainer_options){.batch = g->batch[0], .sgd = *sgd, .loss = g->loss, .seed = g->seed}, &t));
  for (int step = 0; step < GOLDEN_STEP_COUNT; labels += g->batch[step++]) {
    const int64_t count = g->batch[step] * net->c * net->h * net->w;
    double *x = input(g, net, step);
    float *narrow = malloc((size_t)count * sizeof *narrow), loss;
    assert_non_null(narrow);
    for (int64_t i = 0; i < count; i++) narrow[i] = (float)x[i];
    must(lw_train_step(t, g->batch[step], narrow, labels, &loss, NULL));
    r->value[r->count++] = (double)loss;
    free(narrow);
    free(x);
  }
  for (int i = 0; i < g->tensors; i++) {
    const int k = i % wide.count;
    const float *values = lw_trainer_tensor(t, i < wide.count ? LW_TRAINER_WEIGHTS : LW_TRAINER_MOMENTUM, k);
    for (int64_t e = 0; e < wide.size[k]; e++) wide.of[k][e] = (double)values[e];
    add_tensor(r, &g->tensor[i], wide.size[k], wide.of[k]);
  }
  free_tensors(&wide);
  lw_trainer_destroy(t);
}

/* ----------------------------------------------------------------------------------------------------------- comparison */

static void expected_numbers(const golden_steps *g, numbers *r) {
  *r = (numbers){.count = 0};
  for (int s = 0; s < GOLDEN_STEP_COUNT; s++) r->value[r->count++] = g->losses[s];
  for (int i = 0; i < g->tensors; i++) {
    r->value[r->count++] = g->tensor[i].sum;
    r->value[r->count++] = g->tensor[i].squares;
    for (int s = 0; s < GOLDEN_SAMPLES; s++) r->value[r->count++] = g->tensor[i].value[s];
  }
}

/* Each number's largest change under rounding errors of 1; samples of one tensor share theirs. */
static void measure_sensitivity(const golden_steps *g, const lw_net *net, const numbers *undisturbed, double *sensitivity) {
  memset(sensitivity, 0, MAX_NUMBERS * sizeof *sensitivity);
  for (uint64_t seed = 1; seed <= WALKS; seed++) {
    numbers r;
    steps_in_double(g, net, DISTURBANCE, seed, 0, &r);
    for (int i = 0; i < r.count; i++)
      sensitivity[i] = fmax(sensitivity[i], fabs(r.value[i] - undisturbed->value[i]) / DISTURBANCE);
  }
  for (int first = GOLDEN_STEP_COUNT + 2; first < undisturbed->count; first += 2 + GOLDEN_SAMPLES) {
    double most = 0;
    for (int s = 0; s < GOLDEN_SAMPLES; s++) most = fmax(most, sensitivity[first + s]);
    for (int s = 0; s < GOLDEN_SAMPLES; s++) sensitivity[first + s] = most;
  }
}

/* The largest error / bound; *where: of what. */
static double judge(const golden_steps *g, const numbers *got, const double *sensitivity, double u, const char **where) {
  numbers expected;
  double worst = 0;
  expected_numbers(g, &expected);
  assert_int_equal(got->count, expected.count);
  *where = "";
  for (int i = 0; i < got->count; i++) {
    const double error = fabs(got->value[i] - expected.value[i]), ratio = error == 0 ? 0 : error / (LAMBDA * u * sensitivity[i]);
    if (ratio <= worst) continue;
    worst = isnan(ratio) ? INFINITY : ratio;
    *where = i < GOLDEN_STEP_COUNT ? "loss" : g->tensor[(i - GOLDEN_STEP_COUNT) / (2 + GOLDEN_SAMPLES)].name;
  }
  return worst;
}

static void test_net(void **state) {
  const char *name = *state, *where;
  const lw_net *net = strcmp(name, "small") == 0 ? &small : lw_net_builtin(name);
  static golden_steps g;
  static numbers r;
  static double sensitivity[MAX_NUMBERS];
  char error[160];
  double worst;
  assert_non_null(net);
  if (!golden_steps_read(&g, GOLDEN_STEPS, name, error)) fail_msg("%s", error);
  if (g.has_class_weights) g.loss.class_weights = g.class_weights;

  steps_in_double(&g, net, 0, 0, 0, &r);
  measure_sensitivity(&g, net, &r, sensitivity);
  worst = judge(&g, &r, sensitivity, U64, &where);
  print_message("%-12s in double: error / bound up to %.2g (%s)\n", name, worst, where);
  if (!(worst <= 1)) fail_msg("%s: %s is %g times its bound away from PyTorch", name, where, worst);
  steps_in_double(&g, net, 0, 0, 1, &r);
  if (!(judge(&g, &r, sensitivity, U64, &where) > 1)) fail_msg("%s: the smallest fault of a weight went unseen", name);

  steps_of_trainer(&g, net, &g.sgd, &r);
  worst = judge(&g, &r, sensitivity, U32, &where);
  print_message("%-12s lw_trainer: error / bound up to %.2g (%s)\n", name, worst, where);
  if (!(worst <= 1)) fail_msg("%s: %s of lw_trainer is %g times its bound away from PyTorch", name, where, worst);
  const lw_sgd_options wrong[] = {
      {g.sgd.lr * 1.01f, g.sgd.momentum, g.sgd.dampening, g.sgd.weight_decay, g.sgd.nesterov},
      {g.sgd.lr, g.sgd.momentum + .01f, g.sgd.dampening, g.sgd.weight_decay, g.sgd.nesterov},
      {g.sgd.lr, g.sgd.momentum, g.sgd.dampening, g.sgd.weight_decay + 1e-3f, g.sgd.nesterov},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    steps_of_trainer(&g, net, &wrong[i], &r);
    if (!(judge(&g, &r, sensitivity, U32, &where) > 1)) fail_msg("%s: wrong options %zu of SGD went unseen", name, i);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_prestate(test_net, "lenet5"),
    cmocka_unit_test_prestate(test_net, "lenet5_1998"),
    cmocka_unit_test_prestate(test_net, "mlp"),
    cmocka_unit_test_prestate(test_net, "small"),
#if !defined(LANEWISE_CUT) /* 1e9 multiply-adds in double */
    cmocka_unit_test_prestate(test_net, "net"),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
