/* SPDX-License-Identifier: Apache-2.0
 * Trainers: the gradients of whole networks against finite differences in double, the same bits after many steps on every ISA and
 * number of threads, steps that go on where others stopped, scores as a plan computes them. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_train.h"
#include "simd/isa.h"
#include "tests/expect.h"
#include "tests/kit/learn64.h"
#include "tests/trainer.h"

/* MANY goes in lanes of samples on SIMD ISAs: two groups of 16 and a rest. */
enum { BATCH = 5, MANY = 37, STEPS = 12 };

static int64_t outputs_of(const lw_net *net) {
  lw_shape s = {net->c, net->h, net->w};
  for (size_t i = 0; i < net->layer_count; i++) must(lw_net_layer_output(net, i, s, &s));
  return s.c * s.h * s.w;
}

/* Every kind of layer; activations one behind the other; a layer without weights first, so that it needs no gradient. */
static const lw_layer odd_layers[] = {{.kind = LW_LAYER_AVG_POOL2D, .name = "pool0", .kernel = 2},
                                      {.kind = LW_LAYER_CONV2D, .name = "c1", .out = 6, .kernel = 3, .pad = 1, .no_bias = 1},
                                      {.kind = LW_LAYER_TANH, .name = "tanh"},
                                      {.kind = LW_LAYER_RELU, .name = "relu0"},
                                      {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 9, .kernel = 3, .stride = 2, .groups = 3},
                                      {.kind = LW_LAYER_RELU, .name = "relu1"},
                                      {.kind = LW_LAYER_DROPOUT, .name = "drop1", .probability = .25f},
                                      {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 3, .stride = 2, .pad = 1},
                                      {.kind = LW_LAYER_LINEAR, .name = "fc1", .out = 11},
                                      {.kind = LW_LAYER_RELU, .name = "relu2"},
                                      {.kind = LW_LAYER_DROPOUT, .name = "drop2", .probability = .5f},
                                      {.kind = LW_LAYER_LINEAR, .name = "fc2", .out = 4, .no_bias = 1}};
static const lw_net odd = {"odd", 3, 14, 18, odd_layers, sizeof odd_layers / sizeof *odd_layers};

/* Convolutions one behind the other, whose gradients want wider halos than a map or a linear layer between leaves. */
static const lw_layer chain_layers[] = {{.kind = LW_LAYER_RELU, .name = "relu0"},
                                        {.kind = LW_LAYER_CONV2D, .name = "c1", .out = 5, .kernel = 3, .pad = 1},
                                        {.kind = LW_LAYER_RELU, .name = "relu1"},
                                        {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 7, .kernel = 3},
                                        {.kind = LW_LAYER_TANH, .name = "tanh"},
                                        {.kind = LW_LAYER_CONV2D, .name = "c3", .out = 4, .kernel = 5, .pad = 1},
                                        {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 2},
                                        {.kind = LW_LAYER_MAX_POOL2D, .name = "pool2", .kernel = 2, .stride = 1},
                                        {.kind = LW_LAYER_CONV2D, .name = "c4", .out = 6, .kernel = 2},
                                        {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 5}};
static const lw_net chain = {"chain", 2, 11, 13, chain_layers, sizeof chain_layers / sizeof *chain_layers};
/* The same without its end: scores from a convolution. */
static const lw_net unended = {"unended", 2, 11, 13, chain_layers, sizeof chain_layers / sizeof *chain_layers - 1};

/* A convolution pads what a linear layer wrote, which knows no halo. */
static const lw_layer behind_layers[] = {{.kind = LW_LAYER_LINEAR, .name = "fc1", .out = 20},
                                         {.kind = LW_LAYER_TANH, .name = "tanh"},
                                         {.kind = LW_LAYER_CONV2D, .name = "conv", .out = 9, .kernel = 3, .pad = 1},
                                         {.kind = LW_LAYER_LINEAR, .name = "fc2", .out = 5}};
static const lw_net behind = {"behind", 2, 3, 3, behind_layers, sizeof behind_layers / sizeof *behind_layers};

#if !defined(LANEWISE_CUT)
/* Channels in whole blocks and not, convolutions that go in several pieces through an L2 of some MB, paddings too wide for the
 * gradient to data to be a convolution, strides. */
static const lw_layer wide_layers[] = {{.kind = LW_LAYER_CONV2D, .name = "c1", .out = 33, .kernel = 3, .pad = 1},
                                       {.kind = LW_LAYER_RELU, .name = "relu1"},
                                       {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 18, .kernel = 3, .pad = 1},
                                       {.kind = LW_LAYER_RELU, .name = "relu2"},
                                       {.kind = LW_LAYER_MAX_POOL2D, .name = "pool", .kernel = 4},
                                       {.kind = LW_LAYER_CONV2D, .name = "c3", .out = 20, .kernel = 5, .pad = 2, .no_bias = 1},
                                       {.kind = LW_LAYER_TANH, .name = "tanh"},
                                       {.kind = LW_LAYER_CONV2D, .name = "c4", .out = 40, .kernel = 3, .stride = 2},
                                       {.kind = LW_LAYER_CONV2D, .name = "c5", .out = 16, .kernel = 3, .pad = 3},
                                       {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 5}};
static const lw_net wide = {"wide", 3, 24, 320, wide_layers, sizeof wide_layers / sizeof *wide_layers};
#endif

/* In mode fast F(4x4, 3x3), F(2x2, 3x3) and F(2x2, 5x5) both ways; a convolution with too few input channels for them; one whose
 * gradient to data, being larger than its output, is Winograd's alone; one with a stride. */
static const lw_layer fast_layers[] = {{.kind = LW_LAYER_CONV2D, .name = "few", .out = 17, .kernel = 3, .pad = 1},
                                       {.kind = LW_LAYER_RELU, .name = "relu1"},
                                       {.kind = LW_LAYER_CONV2D, .name = "large", .out = 33, .kernel = 3, .pad = 1},
                                       {.kind = LW_LAYER_RELU, .name = "relu2"},
                                       {.kind = LW_LAYER_MAX_POOL2D, .name = "pool", .kernel = 2},
                                       {.kind = LW_LAYER_CONV2D, .name = "small", .out = 20, .kernel = 3, .pad = 1, .no_bias = 1},
                                       {.kind = LW_LAYER_TANH, .name = "tanh"},
                                       {.kind = LW_LAYER_CONV2D, .name = "five", .out = 18, .kernel = 5, .pad = 2},
                                       {.kind = LW_LAYER_CONV2D, .name = "back", .out = 16, .kernel = 3},
                                       {.kind = LW_LAYER_CONV2D, .name = "strided", .out = 18, .kernel = 3, .stride = 2},
                                       {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 5}};
static const lw_net fast = {"fast", 3, 28, 30, fast_layers, sizeof fast_layers / sizeof *fast_layers};

/* ------------------------------------------------------------------------------------------------- finite differences */

/* Some weights of every tensor, moved both ways in double: so steep the loss is there. A weight whose move makes ReLU or a pool
 * decide otherwise has no such slope; a smaller move then gives another answer, and it is passed over. */
static void gradients_of(const lw_net *net, int64_t n, int64_t per_tensor) {
  lw_trainer *t = make(NULL, net, &(lw_trainer_options){.batch = n, .sgd = {.lr = 0}});
  float *x = values(1000, n * net->c * net->h * net->w), loss;
  int32_t labels[8];
  int tensors, compared = 0, passed = 0;
  must(lw_net_parameter_tensors(net, &tensors));
  for (int i = 0; i < n; i++) labels[i] = (int32_t)(i * 7 % outputs_of(net));
  must(lw_train_step(t, n, x, labels, &loss, NULL));
  double **w = calloc((size_t)tensors, sizeof *w), *wide = malloc((size_t)(n * net->c * net->h * net->w) * sizeof *wide);
  for (int64_t i = 0; i < n * net->c * net->h * net->w; i++) wide[i] = (double)x[i];
  const learn64 l = {.net = net, .n = n, .x = wide, .labels = labels, .w = w};
  for (int i = 0; i < tensors; i++) {
    lw_parameter_info info;
    must(lw_net_parameter(net, i, &info));
    w[i] = malloc((size_t)info.count * sizeof **w);
    for (int64_t k = 0; k < info.count; k++) w[i][k] = (double)lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, i)[k];
  }
  assert_true(fabs(learn64_loss(&l) - (double)loss) < 1e-5);
  for (int i = 0; i < tensors; i++) {
    lw_parameter_info info;
    must(lw_net_parameter(net, i, &info));
    for (int64_t k = 0; k < info.count; k += info.count / per_tensor + 1) {
      const double kept = w[i][k];
      double slope[2];
      for (int half = 0; half < 2; half++) {
        const double h = half ? 1e-6 : 1e-5;
        w[i][k] = kept + h;
        const double above = learn64_loss(&l);
        w[i][k] = kept - h;
        slope[half] = (above - learn64_loss(&l)) / (2 * h);
      }
      w[i][k] = kept;
      const double scale = fabs(slope[1]) + 1e-3, got = (double)lw_trainer_tensor(t, LW_TRAINER_GRADIENTS, i)[k];
      if (fabs(slope[0] - slope[1]) > 1e-6 * scale + 1e-7) {
        passed++;
        continue;
      }
      compared++;
      if (fabs(got - slope[1]) > 1e-4 * scale) fail_msg("%s[%lld] is %g, expected %g", info.name, (long long)k, got, slope[1]);
    }
  }
  for (int i = 0; i < tensors; i++) free(w[i]);
  print_message("%s: %d gradients compared, %d passed over\n", net->name, compared, passed);
  assert_true(compared > 3 * passed);
  free(w);
  free(wide);
  free(x);
  lw_trainer_destroy(t);
}

static void gradients(void **state) {
  lw_layer plain[sizeof odd_layers / sizeof *odd_layers];
  lw_net without_dropout = odd;
  (void)state;
#if !defined(LANEWISE_CUT) /* the same loops in double */
  gradients_of(lw_net_builtin("lenet5"), 3, 6);
  gradients_of(lw_net_builtin("lenet5_1998"), 2, 6);
  gradients_of(lw_net_builtin("net"), 1, 2);
#endif
  memcpy(plain, odd_layers, sizeof plain);
  for (size_t i = 0; i < odd.layer_count; i++) plain[i].probability = 0;
  without_dropout.layers = plain;
  gradients_of(&without_dropout, 4, 6);
}

/* ---------------------------------------------------------------------------------------------------------- same bits */

static const lw_sgd_options momentum = {.lr = .05f, .momentum = .9f, .weight_decay = 1e-3f, .nesterov = 1};

/* What is left after `steps` steps from step `first` on: everything that a trainer holds, and the losses. */
static void walk(lw_trainer *t, const lw_net *net, int batch, int first, int steps, const float *x, float *losses) {
  const int64_t size = net->c * net->h * net->w, outputs = outputs_of(net);
  for (int s = first; s < first + steps; s++) {
    int32_t labels[MANY];
    const int64_t n = s % 3 == 2 ? batch / 2 : batch; /* a last batch is smaller */
    for (int i = 0; i < n; i++) labels[i] = (int32_t)((s * 5 + i * 3) % outputs);
    must(lw_train_step(t, n, x + s % 4 * batch * size, labels, &losses[s], NULL));
    assert_true(isfinite(losses[s]));
  }
}

static void same(const lw_trainer *a, const lw_trainer *b, const lw_net *net) {
  int tensors;
  must(lw_net_parameter_tensors(net, &tensors));
  assert_int_equal(lw_trainer_steps(a), lw_trainer_steps(b));
  for (int part = LW_TRAINER_WEIGHTS; part <= LW_TRAINER_MOMENTUM; part++)
    for (int i = 0; i < tensors; i++) {
      lw_parameter_info info;
      must(lw_net_parameter(net, i, &info));
      assert_memory_equal(lw_trainer_tensor(a, (lw_trainer_part)part, i), lw_trainer_tensor(b, (lw_trainer_part)part, i),
                          (size_t)info.count * sizeof(float));
    }
}

static void same_bits_in(lw_mode mode, const lw_net *net, int batch, int steps) {
  static const char *const isas[] = {"ref", "naive", "avx2", "avx512", "neon"};
  const lw_trainer_options options = {
      .batch = batch, .sgd = momentum, .seed = 77, .loss = {.label_smoothing = .1f}, .mode = mode};
  float *x = values(1001, 4 * batch * net->c * net->h * net->w), expected[STEPS], losses[STEPS];
  lw_context *context;
  must(lw_context_create(&(lw_context_options){.threads = 1, .isa = "ref"}, &context));
  lw_trainer *reference = make(context, net, &options);
  walk(reference, net, batch, 0, steps, x, expected);
  assert_true(expected[steps - 1] != expected[0]);
  for (size_t i = 1; i < sizeof isas / sizeof *isas; i++)
    for (int threads = 1; threads <= 4; threads++) {
      lw_context *other;
      if (!lw_isa_runnable((lw_isa)lw_isa_from_name(isas[i])) || (i == 1 && threads > 1)) continue;
      must(lw_context_create(&(lw_context_options){.threads = threads, .isa = isas[i]}, &other));
      lw_trainer *t = make(other, net, &options);
      walk(t, net, batch, 0, steps, x, losses);
      assert_memory_equal(losses, expected, (size_t)steps * sizeof *losses);
      same(t, reference, net);
      lw_trainer_destroy(t);
      lw_context_destroy(other);
    }
  lw_trainer_destroy(reference);
  lw_context_destroy(context);
  free(x);
}

static void same_bits(const lw_net *net, int batch, int steps) { same_bits_in(LW_EXACT, net, batch, steps); }

/* Mode fast: bits of its own, the same everywhere, with as many samples as mode exact puts into lanes too. Where the recipe has
 * nothing for a network, those of mode exact. */
static void mode_fast(void **state) {
  (void)state;
  float losses[2][STEPS], *x = values(1006, 4 * MANY * fast.c * fast.h * fast.w);
  const lw_net *const nets[] = {&fast, lw_net_builtin("lenet5")};
  same_bits_in(LW_FAST, &fast, 3, 3);
#if !defined(LANEWISE_CUT)
  same_bits_in(LW_FAST, &fast, 17, 2);
#endif
  for (int i = 0; i < 2; i++) {
    lw_trainer *exact = make(NULL, nets[i], &(lw_trainer_options){.batch = BATCH, .sgd = momentum});
    lw_trainer *other = make(NULL, nets[i], &(lw_trainer_options){.batch = BATCH, .sgd = momentum, .mode = LW_FAST});
    walk(exact, nets[i], BATCH, 0, 3, x, losses[0]);
    walk(other, nets[i], BATCH, 0, 3, x, losses[1]);
    assert_true(fabsf(losses[0][0] - losses[1][0]) < 1e-4f);
    assert_true((memcmp(lw_trainer_tensor(exact, LW_TRAINER_WEIGHTS, 0), lw_trainer_tensor(other, LW_TRAINER_WEIGHTS, 0),
                        100 * sizeof(float)) != 0) == (i == 0));
    lw_trainer_destroy(exact);
    lw_trainer_destroy(other);
  }
  free(x);
}

static void every_isa_and_number_of_threads(void **state) {
  (void)state;
  same_bits(&odd, BATCH, STEPS);
  same_bits(&odd, MANY, STEPS);
  same_bits(&chain, MANY, STEPS);
  same_bits(&unended, MANY, 5);
  same_bits(&behind, MANY, 3);
#if !defined(LANEWISE_CUT) /* test_learning has LeNet-5's for all */
  same_bits(lw_net_builtin("lenet5"), BATCH, 5);
  same_bits(lw_net_builtin("lenet5"), MANY, 3);
  same_bits(lw_net_builtin("lenet5_1998"), BATCH, 5);
  same_bits(lw_net_builtin("lenet5_1998"), MANY, 3);
  same_bits(&wide, 3, 3);
#endif
}

/* Stopped and restored in between, dropout and all. */
static void goes_on_where_it_stopped(void **state) {
  (void)state;
  const lw_trainer_options options = {.batch = BATCH, .sgd = momentum, .seed = 77};
  float *x = values(1002, 4 * BATCH * odd.c * odd.h * odd.w), expected[STEPS], losses[STEPS];
  lw_trainer *whole = make(NULL, &odd, &options), *first = make(NULL, &odd, &options), *second = make(NULL, &odd, &options);
  walk(whole, &odd, BATCH, 0, STEPS, x, expected);
  walk(first, &odd, BATCH, 0, STEPS / 2, x, losses);
  const lw_weights weights = lw_trainer_source(first, LW_TRAINER_WEIGHTS),
                   buffers = lw_trainer_source(first, LW_TRAINER_MOMENTUM);
  must(lw_trainer_restore(second, lw_trainer_steps(first), &weights, &buffers));
  walk(second, &odd, BATCH, STEPS / 2, STEPS / 2, x, losses);
  assert_memory_equal(losses, expected, sizeof losses);
  same(second, whole, &odd);
  lw_trainer_destroy(whole);
  lw_trainer_destroy(first);
  lw_trainer_destroy(second);
  free(x);
}

/* Restored from itself it only counts its steps anew: where weights do not change, a step is repeated, and dropout alone makes
 * the one behind it another. */
static void repeats_a_step(void **state) {
  (void)state;
  lw_trainer *t = make(NULL, &odd, &(lw_trainer_options){.batch = BATCH, .sgd = {.momentum = .9f}, .seed = 77});
  const lw_weights weights = lw_trainer_source(t, LW_TRAINER_WEIGHTS), buffers = lw_trainer_source(t, LW_TRAINER_MOMENTUM);
  float losses[3], *x = values(1007, 4 * BATCH * odd.c * odd.h * odd.w);
  walk(t, &odd, BATCH, 0, 1, x, &losses[0]);
  must(lw_trainer_restore(t, 0, &weights, &buffers));
  walk(t, &odd, BATCH, 0, 1, x, &losses[1]);
  assert_int_equal(lw_trainer_steps(t), 1);
  walk(t, &odd, BATCH, 0, 1, x, &losses[2]);
  assert_memory_equal(&losses[0], &losses[1], sizeof *losses);
  assert_memory_not_equal(&losses[1], &losses[2], sizeof *losses);
  lw_trainer_destroy(t);
  free(x);
}

/* A plan made of a trainer's weights computes what the trainer predicts, in the same bits; dropout is off. */
static void predicts(const lw_net *net, lw_mode mode, int batch) {
  float losses[STEPS], scores[MANY * 5], y[MANY * 5], *x = values(1003, 4 * batch * net->c * net->h * net->w);
  lw_trainer *t = make(NULL, net, &(lw_trainer_options){.batch = batch, .sgd = momentum, .mode = mode});
  lw_plan *plan;
  void *workspace;
  walk(t, net, batch, 0, 3, x, losses);
  const lw_weights weights = lw_trainer_source(t, LW_TRAINER_WEIGHTS);
  must(lw_plan_create(NULL, net, &weights, &(lw_plan_options){.batch = batch, .mode = mode}, &plan));
  must(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace));
  must(lw_plan_run(plan, x, y, workspace));
  must(lw_trainer_predict(t, batch, x, scores));
  assert_memory_equal(scores, y, (size_t)(batch * outputs_of(net)) * sizeof *y);
  must(lw_trainer_predict(t, 0, NULL, NULL));
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  lw_trainer_destroy(t);
  free(x);
}

static void predicts_as_a_plan_does(void **state) {
  (void)state;
  predicts(&odd, LW_EXACT, BATCH);
  predicts(&odd, LW_EXACT, MANY);
  predicts(&fast, LW_FAST, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients),
      cmocka_unit_test(every_isa_and_number_of_threads),
      cmocka_unit_test(goes_on_where_it_stopped),
      cmocka_unit_test(predicts_as_a_plan_does),
      cmocka_unit_test(mode_fast),
      cmocka_unit_test(repeats_a_step),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
