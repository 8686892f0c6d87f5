/* SPDX-License-Identifier: Apache-2.0
 * Trainers as a caller meets them: the memory they take, a loss that falls, error paths. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_train.h"
#include "nets/nets.h"
#include "simd/isa.h"
#include "tests/trainer.h"

/* VGG16 takes at most a fifth more than what must be kept: weights, gradients and momentum, and for every sample the outputs of
 * convolutions and fully connected layers, whose ReLU and dropout work in place, and of pools, with their indices. */
static void memory_of_vgg16(void **state) {
  (void)state;
  const lw_net *net = lw_net_builtin("vgg16");
  int64_t parameters, kept = 0;
  lw_shape s = {net->c, net->h, net->w};
  must(lw_net_parameters(net, &parameters));
  for (size_t i = 0; i < net->layer_count; i++) {
    const lw_layer_kind kind = net->layers[i].kind;
    must(lw_net_layer_output(net, i, s, &s));
    if (kind == LW_LAYER_CONV2D || kind == LW_LAYER_LINEAR) kept += lw_shape_size(s);
    if (kind == LW_LAYER_MAX_POOL2D) kept += 2 * lw_shape_size(s);
  }
  const double least = sizeof(float) * (3 * (double)parameters + 4 * (double)kept);
  for (int threads = 1; threads <= 4; threads++) {
    size_t bytes;
    lw_context *context;
    must(lw_context_create(&(lw_context_options){.threads = threads}, &context));
    for (int mode = LW_EXACT; mode <= LW_FAST; mode++) {
      must(lw_trainer_memory(context, net, &(lw_trainer_options){.batch = 4, .mode = (lw_mode)mode}, &bytes));
      print_message("vgg16, batch 4, %s, %d threads: %.1f MB = %.3f x weights, gradients, momentum, activations\n",
                    mode == LW_FAST ? "fast" : "exact", threads, (double)bytes * 1e-6, (double)bytes / least);
      assert_true((double)bytes <= 1.2 * least);
    }
    lw_context_destroy(context);
  }
}

/* Mean loss of two classes that a line parts falls to next to nothing. */
static void learns(void **state) {
  (void)state;
  static const lw_layer layers[] = {{.kind = LW_LAYER_LINEAR, .name = "fc1", .out = 8},
                                    {.kind = LW_LAYER_TANH, .name = "tanh"},
                                    {.kind = LW_LAYER_LINEAR, .name = "fc2", .out = 2}};
  static const lw_net two = {"two", 2, 1, 1, layers, 3};
  lw_trainer *t = make(NULL, &two, &(lw_trainer_options){.batch = 16, .sgd = {.lr = .5f, .momentum = .9f}});
  float *x = values(1004, 32), loss = 0, first = 0;
  int32_t labels[16];
  for (int i = 0; i < 16; i++) labels[i] = x[2 * i] + .5f * x[2 * i + 1] > .1f;
  for (int s = 0; s < 200; s++) {
    must(lw_train_step(t, 16, x, labels, &loss, NULL));
    if (s == 0) first = loss;
  }
  assert_true(first > .3f && loss < .02f);
  free(x);
  lw_trainer_destroy(t);
}

/* ------------------------------------------------------------------------------------------------------------ momentum */

static const lw_layer line_layers[] = {{.kind = LW_LAYER_LINEAR, .name = "fc", .out = 2}};
static const lw_net line = {"line", 2, 1, 1, line_layers, 1};

/* One step on the same two samples, by these options. */
static void step(lw_trainer *t, float rate) {
  static const float x[] = {.5f, -2, 1, .25f};
  static const int32_t labels[] = {1, 0};
  float loss;
  must(lw_trainer_set_sgd(t, &(lw_sgd_options){.lr = .1f, .momentum = rate, .dampening = .5f}));
  must(lw_train_step(t, 2, x, labels, &loss, NULL));
}

/* Restored at any time from another trainer, it does what that one does: also where that one has no momentum yet, whose first
 * step is not damped, or takes a step without, which leaves the buffers as they are. */
static void restores_momentum(void **state) {
  (void)state;
  static const float rates[] = {0, .9f, 0, .9f, .5f};
  enum { RATES = sizeof rates / sizeof *rates };
  const lw_trainer_options options = {.batch = 2};
  for (int from = 0; from < RATES; from++) {
    lw_trainer *a = make(NULL, &line, &options), *b = make(NULL, &line, &options);
    const lw_weights weights = lw_trainer_source(a, LW_TRAINER_WEIGHTS), momentum = lw_trainer_source(a, LW_TRAINER_MOMENTUM);
    step(b, .9f); /* what it had is gone */
    for (int i = 0; i < from; i++) step(a, rates[i]);
    assert_int_equal(lw_trainer_tensor(a, LW_TRAINER_MOMENTUM, 0) != NULL, from > 1);
    must(lw_trainer_restore(b, lw_trainer_steps(a), &weights, &momentum));
    for (int i = from; i < RATES; i++) {
      assert_int_equal(lw_trainer_tensor(b, LW_TRAINER_MOMENTUM, 1) != NULL, i > 1);
      step(a, rates[i]);
      step(b, rates[i]);
    }
    for (int part = LW_TRAINER_WEIGHTS; part <= LW_TRAINER_MOMENTUM; part++)
      assert_memory_equal(lw_trainer_tensor(a, (lw_trainer_part)part, 0), lw_trainer_tensor(b, (lw_trainer_part)part, 0),
                          4 * sizeof(float));
    lw_trainer_destroy(a);
    lw_trainer_destroy(b);
  }
}

/* Without momentum the next step is a first one: the buffer is the gradient, dampening or not. */
static void forgets_momentum(void **state) {
  (void)state;
  lw_trainer *t = make(NULL, &line, &(lw_trainer_options){.batch = 2});
  const lw_weights weights = lw_trainer_source(t, LW_TRAINER_WEIGHTS);
  step(t, .9f);
  step(t, .9f);
  assert_memory_not_equal(lw_trainer_tensor(t, LW_TRAINER_MOMENTUM, 0), lw_trainer_tensor(t, LW_TRAINER_GRADIENTS, 0),
                          4 * sizeof(float));
  must(lw_trainer_restore(t, 9, &weights, NULL));
  assert_null(lw_trainer_tensor(t, LW_TRAINER_MOMENTUM, 0));
  step(t, .9f);
  assert_memory_equal(lw_trainer_tensor(t, LW_TRAINER_MOMENTUM, 0), lw_trainer_tensor(t, LW_TRAINER_GRADIENTS, 0),
                      4 * sizeof(float));
  lw_trainer_destroy(t);
}

/* -------------------------------------------------------------------------------------------------------------- errors */

/* Sums of sizes that each are fine, products that no size shows, and paddings that no tensor has. */
static void sizes(void **state) {
  (void)state;
  enum { MANY = 200 };
  static lw_layer layers[MANY];
  static char names[MANY][8];
  const lw_weights weights = lw_weights_seeded(&seed);
  layers[0] = (lw_layer){.kind = LW_LAYER_LINEAR, .name = "fc", .out = 1};
  for (int i = 1; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "t%d", i);
    layers[i] = (lw_layer){.kind = LW_LAYER_TANH, .name = names[i]};
  }
  const lw_net deep = {"deep", 1, 1, 1, layers, MANY};
  const lw_layer padded[] = {{.kind = LW_LAYER_CONV2D, .name = "conv", .out = 1, .kernel = 2, .pad = 1 << 28, .stride = 1 << 28}};
  const lw_net wide = {"wide", 1, 1, 1, padded, 1};
  static const char *const isas[] = {"naive", "avx2", "avx512", "neon"};
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    lw_context *context;
    lw_trainer *t = NULL;
    size_t bytes = 1;
    if (!lw_isa_runnable((lw_isa)lw_isa_from_name(isas[i]))) continue;
    must(lw_context_create(&(lw_context_options){.isa = isas[i], .threads = 2}, &context));
    lw_trainer_options o = {.batch = ((int64_t)1 << 57) - 1};
    refused(lw_trainer_create(context, &deep, &weights, &o, &t), LW_BAD_SHAPE, "more than memory can address", __LINE__);
    o.batch = (int64_t)1 << 56;
    refused(lw_trainer_memory(context, &deep, &o, &bytes), LW_BAD_SHAPE, "takes more than memory can address", __LINE__);
    o.batch = 16;
    o.memory_limit = (size_t)1 << 40;
    const lw_status status = lw_trainer_create(context, &wide, &weights, &o, &t);
    if (status == LW_OK) fail_msg("%s: a convolution with too much padding", isas[i]);
    assert_null(t);
    assert_int_equal(bytes, 1);
    lw_context_destroy(context);
  }
}

/* Sources that are none, or another network's. */
static void sources(void **state) {
  (void)state;
  static const lw_layer more[] = {{.kind = LW_LAYER_LINEAR, .name = "fc", .out = 3}};
  const lw_net other = {"other", 2, 1, 1, more, 1}, turned = {"turned", 1, 2, 2, more, 1};
  lw_trainer *t = make(NULL, &line, NULL), *o = make(NULL, &other, NULL);
  const lw_weights weights = lw_trainer_source(t, LW_TRAINER_WEIGHTS), momentum = lw_trainer_source(t, LW_TRAINER_MOMENTUM),
                   none = lw_trainer_source(NULL, LW_TRAINER_WEIGHTS), part = lw_trainer_source(t, (lw_trainer_part)7);
  lw_plan *plan = NULL;
  float w[8];
  refused(lw_trainer_restore(o, 0, &weights, NULL), LW_BAD_SHAPE,
          "tensor 0 (fc.weight) has another shape than fc.weight of network other", __LINE__);
  refused(lw_plan_create(NULL, &turned, &weights, NULL, &plan), LW_BAD_SHAPE, "another shape", __LINE__);
  refused(lw_trainer_restore(t, 0, &none, NULL), LW_BAD_ARGUMENT, "weights has no function to read", __LINE__);
  refused(lw_trainer_restore(t, 0, &part, NULL), LW_BAD_ARGUMENT, "weights has no function to read", __LINE__);
  refused(lw_plan_create(NULL, &line, &momentum, NULL, &plan), LW_BAD_ARGUMENT, "has no momentum before a step with it",
          __LINE__);
  refused(weights.read(weights.user, &line, -1, "", 0, 1, w), LW_BAD_ARGUMENT, "tensor", __LINE__);
  refused(weights.read(weights.user, &line, 2, "", 0, 1, w), LW_BAD_ARGUMENT, "tensor", __LINE__);
  refused(weights.read(weights.user, &line, 0, "", 2, 3, w), LW_BAD_ARGUMENT, "has 4 elements, not 3 from 2 on", __LINE__);
  refused(weights.read(weights.user, &line, 0, "", -1, 3, w), LW_BAD_ARGUMENT, "has 4 elements, not 3 from -1 on", __LINE__);
  must(weights.read(weights.user, &line, 0, "", 1, 3, w));
  assert_memory_equal(w, lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, 0) + 1, 3 * sizeof *w);
  assert_null(plan);
  lw_trainer_destroy(t);
  lw_trainer_destroy(o);
}

static void errors(void **state) {
  (void)state;
  static const lw_layer softmax[] = {{.kind = LW_LAYER_LINEAR, .name = "fc", .out = 4},
                                     {.kind = LW_LAYER_SOFTMAX, .name = "end"}};
  static const lw_layer bare[] = {{.kind = LW_LAYER_RELU, .name = "relu"}};
  const lw_net ends_in_softmax = {"softmax", 3, 2, 2, softmax, 2}, no_weights = {"bare", 3, 2, 2, bare, 1};
  const lw_weights weights = lw_weights_seeded(&seed), none = {0};
  const lw_net *net = lw_net_builtin("lenet5");
  lw_trainer *t = NULL;
#define CREATE(net, ...) lw_trainer_create(NULL, net, &weights, &(lw_trainer_options){__VA_ARGS__}, &t)
  refused(CREATE(net, .batch = -1), LW_BAD_ARGUMENT, "batch is -1", __LINE__);
  refused(CREATE(net, .mode = (lw_mode)7), LW_BAD_ARGUMENT, "mode is 7, expected LW_EXACT (0) or LW_FAST (1)", __LINE__);
  refused(CREATE(net, .sgd = {.lr = -1}), LW_BAD_ARGUMENT, "lr is -1", __LINE__);
  refused(CREATE(net, .loss = {.label_smoothing = 2}), LW_BAD_ARGUMENT, "label_smoothing is 2", __LINE__);
  refused(CREATE(net, .batch = INT64_MAX / 64), LW_BAD_SHAPE, "activations of the batch", __LINE__);
  refused(CREATE(net, .memory_limit = 1000), LW_NO_MEMORY, "memory_limit is 1000", __LINE__);
  refused(CREATE(&ends_in_softmax, .batch = 1), LW_BAD_ARGUMENT, "layer 1 (end) is a softmax", __LINE__);
  refused(CREATE(&no_weights, .batch = 1), LW_BAD_ARGUMENT, "no weights", __LINE__);
  refused(lw_trainer_create(NULL, net, NULL, NULL, &t), LW_BAD_ARGUMENT, "weights is NULL", __LINE__);
  refused(lw_trainer_create(NULL, net, &none, NULL, &t), LW_BAD_ARGUMENT, "weights->read is NULL", __LINE__);
  refused(lw_trainer_create(NULL, net, &weights, NULL, NULL), LW_BAD_ARGUMENT, "trainer is NULL", __LINE__);
  assert_null(t);

  size_t bytes;
  must(lw_trainer_memory(NULL, net, &(lw_trainer_options){.batch = 2}, &bytes));
  assert_true(bytes > 3 * 61706 * sizeof(float));
  must(CREATE(net, .batch = 2, .sgd = {.lr = .1f}, .memory_limit = bytes));
  float *x = values(1005, 2 * 28 * 28), loss = -1, before = lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, 0)[3];
  int32_t labels[] = {3, 10, 1};
  refused(lw_train_step(t, 2, x, labels, &loss, NULL), LW_BAD_ARGUMENT, "labels[1] is 10, expected 0..9", __LINE__);
  refused(lw_train_step(t, 3, x, labels, &loss, NULL), LW_BAD_ARGUMENT, "n is 3, expected 1..2", __LINE__);
  refused(lw_train_step(t, 0, x, labels, &loss, NULL), LW_BAD_ARGUMENT, "n is 0, expected 1..2", __LINE__);
  refused(lw_train_step(t, 1, NULL, labels, &loss, NULL), LW_BAD_ARGUMENT, "x is NULL", __LINE__);
  refused(lw_train_step(t, 1, x, labels, NULL, NULL), LW_BAD_ARGUMENT, "loss is NULL", __LINE__);
  refused(lw_train_step(NULL, 1, x, labels, &loss, NULL), LW_BAD_ARGUMENT, "trainer is NULL", __LINE__);
  refused(lw_trainer_predict(t, 3, x, x), LW_BAD_ARGUMENT, "n is 3, expected 0..2", __LINE__);
  refused(lw_trainer_set_sgd(t, &(lw_sgd_options){.momentum = NAN}), LW_BAD_ARGUMENT, "momentum is", __LINE__);
  refused(lw_trainer_restore(t, 1, NULL, NULL), LW_BAD_ARGUMENT, "weights", __LINE__);
  assert_true(loss == -1 && lw_trainer_steps(t) == 0);
  assert_null(lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, 10));
  assert_null(lw_trainer_tensor(t, (lw_trainer_part)7, 0));
  assert_null(lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, -1));

  x[5] = INFINITY; /* a loss that is no number leaves everything as it was */
  must(lw_train_step(t, 1, x, labels, &loss, NULL));
  assert_true(!isfinite(loss) && lw_trainer_steps(t) == 0 && lw_trainer_tensor(t, LW_TRAINER_WEIGHTS, 0)[3] == before);
  free(x);
  lw_trainer_destroy(t);
  lw_trainer_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_of_vgg16),
                                     cmocka_unit_test(learns),
                                     cmocka_unit_test(restores_momentum),
                                     cmocka_unit_test(forgets_momentum),
                                     cmocka_unit_test(sizes),
                                     cmocka_unit_test(sources),
                                     cmocka_unit_test(errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
