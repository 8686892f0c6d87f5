/* SPDX-License-Identifier: Apache-2.0
 * Networks and plans: parameter counts, bits by ISA, threads, batch and fusion, memory, concurrent runs, error paths. */
#include "tests/kit/cmocka.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"

/* Linked with --wrap: counts what the library itself allocates. */
static _Atomic int allocations;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes) {
  allocations++;
  return __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  allocations++;
  return __real_calloc(count, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  allocations++;
  return __real_aligned_alloc(alignment, bytes);
}

static const uint64_t seed = 7;

typedef struct fixture {
  lw_context *context;
  lw_plan *plan;
  float *x, *y;
  void *workspace;
  int64_t outputs;
} fixture;

static fixture make(const lw_net *net, const char *isa, int threads, int64_t batch, int no_fuse) {
  fixture f;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_plan_options options = {.batch = batch, .no_fuse = no_fuse};
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa}, &f.context), LW_OK);
  if (lw_plan_create(f.context, net, &weights, &options, &f.plan) != LW_OK) fail_msg("%s", lw_error_message());
  const int64_t inputs = net->c * net->h * net->w * batch;
  f.outputs = lw_plan_outputs(f.plan) * batch;
  f.x = malloc((size_t)inputs * sizeof(float));
  f.y = malloc((size_t)f.outputs * sizeof(float));
  lw_kaiming_uniform(seed, 1000, 6, 0, inputs, f.x);
  assert_int_equal(lw_allocate(f.context, lw_plan_workspace_bytes(f.plan), &f.workspace), LW_OK);
  memset(f.workspace, 0xff, lw_plan_workspace_bytes(f.plan)); /* NaN: nothing may be taken for granted */
  memset(f.y, 0xff, (size_t)f.outputs * sizeof(float));
  return f;
}

static void release(fixture *f) {
  lw_release(f->context, f->workspace);
  lw_plan_destroy(f->plan);
  lw_context_destroy(f->context);
  free(f->x);
  free(f->y);
}

static const char *best_isa(void) { return lw_context_isa(NULL); }

/* ---------------------------------------------------------------------------------------------------------- networks */

static void parameter_counts(void **state) {
  static const struct {
    const char *name;
    int64_t count;
  } nets[] = {{"lenet5", 61706},
              {"lenet5_1998", 61706},
              {"vgg16", 138357544},
              {"net", 241802},
              {"mlp", 784 * 300 + 300 + 300 * 100 + 100 + 1010}};
  (void)state;
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
    int64_t count = 0;
    assert_ptr_equal(lw_net_builtin_at(i), lw_net_builtin(nets[i].name));
    assert_int_equal(lw_net_parameters(lw_net_builtin(nets[i].name), &count), LW_OK);
    assert_int_equal(count, nets[i].count);
  }
  assert_null(lw_net_builtin_at(5));
  assert_null(lw_net_builtin("alexnet"));
  assert_null(lw_net_builtin(NULL));
}

/* Every way of layers that the shipped networks lack: groups, strides, dilation, no bias, pools with padding, softmax in the end,
 * dropout first, activations on the bare input. */
static const lw_layer odd_layers[] = {
    {.kind = LW_LAYER_DROPOUT, .name = "drop", .probability = .1f},
    {.kind = LW_LAYER_TANH, .name = "tanh0"},
    {.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 20, .kernel = 3, .pad = 1, .stride = 2},
    {.kind = LW_LAYER_TANH, .name = "tanh1"},
    {.kind = LW_LAYER_CONV2D, .name = "depthwise", .out = 20, .kernel = 3, .pad = 1, .groups = 20, .no_bias = 1},
    {.kind = LW_LAYER_RELU, .name = "relu1"},
    {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 3, .stride = 2, .pad = 1},
    {.kind = LW_LAYER_CONV2D, .name = "dilated", .out = 33, .kernel = 3, .pad = 2, .dilation = 2},
    {.kind = LW_LAYER_AVG_POOL2D, .name = "pool2", .kernel = 2, .stride = 1},
    {.kind = LW_LAYER_CONV2D, .name = "grouped", .out = 6, .kernel = 1, .groups = 3},
    {.kind = LW_LAYER_AVG_POOL2D, .name = "pool3", .kernel = 2},
    {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 19, .no_bias = 1},
    {.kind = LW_LAYER_DROPOUT, .name = "drop2", .probability = .5f},
    {.kind = LW_LAYER_SOFTMAX, .name = "softmax"},
};
static const lw_net odd = {"odd", 3, 27, 31, odd_layers, sizeof odd_layers / sizeof *odd_layers};
static const lw_layer conv_last[] = {{.kind = LW_LAYER_CONV2D, .name = "conv", .out = 17, .kernel = 3, .pad = 1},
                                     {.kind = LW_LAYER_RELU, .name = "relu"},
                                     {.kind = LW_LAYER_MAX_POOL2D, .name = "pool", .kernel = 2}};
static const lw_net conv_only = {"conv_only", 18, 9, 7, conv_last, 3};
/* Few channels: plain tensors with and without a halo between convolutions, blocks with empty lanes into a linear layer. */
static const lw_layer small_layers[] = {
    {.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 5, .kernel = 3, .pad = 1},
    {.kind = LW_LAYER_RELU, .name = "relu1"},
    {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 2},
    {.kind = LW_LAYER_CONV2D, .name = "conv2", .out = 3, .kernel = 5, .pad = 2, .no_bias = 1},
    {.kind = LW_LAYER_TANH, .name = "tanh2"},
    {.kind = LW_LAYER_CONV2D, .name = "conv3", .out = 20, .kernel = 3, .pad = 1},
    {.kind = LW_LAYER_RELU, .name = "relu3"},
    {.kind = LW_LAYER_MAX_POOL2D, .name = "pool3", .kernel = 2},
    {.kind = LW_LAYER_CONV2D, .name = "conv4", .out = 21, .kernel = 3, .pad = 2},
    {.kind = LW_LAYER_MAX_POOL2D, .name = "pool4", .kernel = 2},
    {.kind = LW_LAYER_DROPOUT, .name = "drop", .probability = .5f},
    {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 7},
};
static const lw_net small = {"small", 2, 25, 37, small_layers, sizeof small_layers / sizeof *small_layers};
static const lw_layer few_last[] = {{.kind = LW_LAYER_CONV2D, .name = "conv1", .out = 4, .kernel = 3, .pad = 1},
                                    {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 3, .stride = 2},
                                    {.kind = LW_LAYER_CONV2D, .name = "conv2", .out = 1, .kernel = 3, .pad = 1}};
static const lw_net few_channels = {"few_channels", 1, 21, 43, few_last, 3};
static const lw_layer nothing[] = {{.kind = LW_LAYER_DROPOUT, .name = "drop"}};
static const lw_net identity = {"identity", 2, 3, 5, nothing, 1};

static void same_bits(const lw_net *net) {
  static const char *const isas[] = {"naive", "avx2", "avx512", "neon"};
  for (int64_t batch = 1; batch <= 3; batch += 2) {
    fixture ref = make(net, "ref", 1, batch, 1);
    assert_int_equal(lw_plan_run(ref.plan, ref.x, ref.y, ref.workspace), LW_OK);
    for (int64_t i = 0; i < ref.outputs; i++) assert_true(ref.y[i] == ref.y[i]);
    for (size_t k = 0; k < 4; k++) {
      lw_context *probe;
      if (lw_context_create(&(lw_context_options){.threads = 1, .isa = isas[k]}, &probe) != LW_OK) continue;
      lw_context_destroy(probe);
      for (int threads = 1; threads <= 3; threads++)
        for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
          fixture f = make(net, isas[k], threads, batch, no_fuse);
          assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
          if (memcmp(f.y, ref.y, (size_t)ref.outputs * sizeof(float)) != 0)
            fail_msg("%s on %s, %d threads, batch %d, no_fuse %d: bits differ from ref", net->name, isas[k], threads, (int)batch,
                     no_fuse);
          release(&f);
        }
    }
    release(&ref);
  }
}

static void plans_give_the_bits_of_ref(void **state) {
  static const char *const names[] = {"lenet5", "lenet5_1998", "net", "mlp"};
  (void)state;
  for (int i = 0; i < 4; i++) {
#ifdef LANEWISE_CUT
    if (strcmp(names[i], "net") == 0) continue; /* minutes under emulation; test_digests runs it once */
#endif
    same_bits(lw_net_builtin(names[i]));
  }
  same_bits(&odd);
  same_bits(&small);
  same_bits(&few_channels);
  same_bits(&conv_only);
  same_bits(&identity);
}

/* ------------------------------------------------------------------------------------------------------------- memory */

static void run_allocates_nothing(void **state) {
  (void)state;
  const lw_net *nets[] = {lw_net_builtin("lenet5"), lw_net_builtin("net"), &odd};
  for (int i = 0; i < 3; i++) {
    fixture f = make(nets[i], best_isa(), 2, 2, 0);
    assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
    const int before = allocations;
    assert_true(before > 0); /* so the counter works */
    for (int k = 0; k < 10; k++) assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
    assert_int_equal(allocations, before);
    release(&f);
  }
}

static void memory_is_known_before(void **state) {
  (void)state;
  size_t weights, workspace;
  const lw_net *vgg16 = lw_net_builtin("vgg16");
  assert_int_equal(lw_plan_memory(NULL, vgg16, NULL, &weights, &workspace), LW_OK);
  int64_t parameters;
  assert_int_equal(lw_net_parameters(vgg16, &parameters), LW_OK);
  assert_true((double)(weights + workspace) <= 1.15 * 4 * (double)parameters);
  fixture f = make(lw_net_builtin("lenet5"), best_isa(), 2, 3, 0);
  assert_int_equal(lw_plan_memory(f.context, lw_net_builtin("lenet5"), &(lw_plan_options){.batch = 3}, &weights, &workspace),
                   LW_OK);
  assert_int_equal(weights, lw_plan_weight_bytes(f.plan));
  assert_int_equal(workspace, lw_plan_workspace_bytes(f.plan));
  assert_int_equal(lw_plan_batch(f.plan), 3);
  assert_int_equal(lw_plan_outputs(f.plan), 10);
  release(&f);
}

static void plan_keeps_its_own_network(void **state) {
  (void)state;
  lw_layer layers[3];
  char names[3][16] = {"a", "b", "c"};
  memcpy(layers, conv_last, sizeof layers);
  for (int i = 0; i < 3; i++) layers[i].name = names[i];
  const lw_net net = {"mine", 18, 9, 7, layers, 3};
  fixture f = make(&net, best_isa(), 1, 1, 0);
  memset(layers, 0, sizeof layers);
  memset(names, 'x', sizeof names);
  lw_step_info info;
  assert_int_equal(lw_plan_step(f.plan, 0, &info), LW_OK);
  char text[4096];
  const size_t length = lw_plan_describe(f.plan, text, sizeof text);
  assert_true(length < sizeof text && length == strlen(text));
  assert_non_null(strstr(text, "mine"));
  assert_non_null(strstr(text, "a..c"));
  char little[10];
  assert_int_equal(lw_plan_describe(f.plan, little, sizeof little), length);
  assert_int_equal(strlen(little), sizeof little - 1);
  release(&f);
}

/* ------------------------------------------------------------------------------------------------------- concurrent runs */

typedef struct runner {
  const fixture *f;
  float y[32];
  int failures;
} runner;

static void *run_often(void *user) {
  runner *r = user;
  void *workspace;
  if (lw_allocate(r->f->context, lw_plan_workspace_bytes(r->f->plan), &workspace) != LW_OK) return r->failures = -1, NULL;
  for (int i = 0; i < 50; i++) {
    memset(r->y, 0xff, sizeof r->y);
    if (lw_plan_run(r->f->plan, r->f->x, r->y, workspace) != LW_OK ||
        memcmp(r->y, r->f->y, (size_t)r->f->outputs * sizeof(float)) != 0)
      r->failures++;
  }
  lw_release(r->f->context, workspace);
  return NULL;
}

static void one_plan_on_many_threads(void **state) {
  (void)state;
  fixture f = make(lw_net_builtin("lenet5"), best_isa(), 2, 2, 0);
  assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
  pthread_t threads[4];
  runner runners[4];
  for (int i = 0; i < 4; i++) {
    runners[i] = (runner){.f = &f};
    assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(runners[i].failures, 0);
  }
  release(&f);
}

/* -------------------------------------------------------------------------------------------------------------- errors */

static void expect(lw_status got, lw_status want, const char *part) {
  if (got != want) fail_msg("%s instead of %s: %s", lw_status_name(got), lw_status_name(want), lw_error_message());
  if (!strstr(lw_error_message(), part)) fail_msg("message \"%s\" lacks \"%s\"", lw_error_message(), part);
}

static lw_status no_weights(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                            float *dst) {
  (void)user, (void)net, (void)first, (void)count, (void)dst;
  return tensor == 3 ? lw_fail(LW_BAD_FILE, "%s is torn", name) : LW_OK;
}

/* Steps as with weights, without their memory, and no run. */
static void described_without_weights(void **state) {
  (void)state;
  const lw_net *net = lw_net_builtin("lenet5");
  const lw_weights weights = lw_weights_seeded(&seed);
  static float x[28 * 28], y[10];
  static _Alignas(64) char workspace[1 << 20];
  char with[4096], without[4096];
  lw_plan *full, *bare;
  assert_int_equal(lw_plan_create(NULL, net, &weights, NULL, &full), LW_OK);
  assert_int_equal(lw_plan_create(NULL, net, NULL, NULL, &bare), LW_OK);
  assert_in_range(lw_plan_describe(full, with, sizeof with), 1, sizeof with - 1);
  assert_in_range(lw_plan_describe(bare, without, sizeof without), 1, sizeof without - 1);
  assert_string_equal(with, without);
  assert_int_equal(lw_plan_weight_bytes(full), lw_plan_weight_bytes(bare));
  assert_true(lw_plan_workspace_bytes(bare) <= sizeof workspace);
  expect(lw_plan_run(bare, x, y, workspace), LW_BAD_ARGUMENT, "the plan of lenet5 was made without weights");
  lw_plan_destroy(full);
  lw_plan_destroy(bare);
}

/* Offers every second tensor in place; `read` serves the rest and counts what it was asked for. */
typedef struct half_mapped {
  float *tensors[10];
  _Atomic int reads[10];
  size_t shift; /* bytes by which the arrays are off */
} half_mapped;

static lw_status read_half(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                           float *dst) {
  half_mapped *h = user;
  (void)net, (void)name;
  h->reads[tensor]++;
  memcpy(dst, h->tensors[tensor] + first, (size_t)count * sizeof *dst);
  return LW_OK;
}

static const float *map_half(void *user, const lw_net *net, int tensor, const char *name, int64_t count) {
  half_mapped *h = user;
  lw_parameter_info p;
  assert_int_equal(lw_net_parameter(net, tensor, &p), LW_OK);
  assert_string_equal(name, p.name);
  assert_int_equal(count, p.count);
  return tensor % 2 ? NULL : (const float *)(const void *)((const char *)h->tensors[tensor] + h->shift);
}

static void weights_in_place(void **state) {
  (void)state;
  const lw_net *lenet5 = lw_net_builtin("lenet5");
  half_mapped h = {0};
  const lw_weights weights = {.read = read_half, .user = &h, .map = map_half};
  static const char *const isas[] = {"ref", NULL};
  for (int i = 0; i < 10; i++) {
    lw_parameter_info p;
    assert_int_equal(lw_net_parameter(lenet5, i, &p), LW_OK);
    h.tensors[i] = malloc((size_t)(p.count + 1) * sizeof(float));
    lw_kaiming_uniform(seed, i, p.fan_in, 0, p.count, h.tensors[i]);
  }
  for (int i = 0; i < 2; i++) {
    fixture seeded = make(lenet5, isas[i], 1, 1, 0);
    lw_plan *plan;
    float y[10];
    if (lw_plan_create(seeded.context, lenet5, &weights, NULL, &plan) != LW_OK) fail_msg("%s", lw_error_message());
    assert_int_equal(lw_plan_run(seeded.plan, seeded.x, seeded.y, seeded.workspace), LW_OK);
    assert_int_equal(lw_plan_run(plan, seeded.x, y, seeded.workspace), LW_OK);
    assert_memory_equal(y, seeded.y, sizeof y);
    lw_plan_destroy(plan);
    release(&seeded);
  }
  for (int i = 0; i < 10; i++) assert_true((h.reads[i] > 0) == (i % 2 == 1));
  h.shift = 2;
  lw_plan *plan = NULL;
  expect(lw_plan_create(NULL, lenet5, &weights, NULL, &plan), LW_BAD_ARGUMENT, "alignment to 4 bytes");
  assert_null(plan);
  for (int i = 0; i < 10; i++) free(h.tensors[i]);
}

static void errors(void **state) {
  (void)state;
  const lw_net *lenet5 = lw_net_builtin("lenet5");
  const lw_weights weights = lw_weights_seeded(&seed);
  lw_plan *plan = NULL;
  int64_t count;
  expect(lw_net_parameters(NULL, &count), LW_BAD_ARGUMENT, "net is NULL");
  expect(lw_net_parameters(lenet5, NULL), LW_BAD_ARGUMENT, "count is NULL");
  expect(lw_plan_create(NULL, lenet5, &weights, NULL, NULL), LW_BAD_ARGUMENT, "plan is NULL");
  expect(lw_plan_create(NULL, lenet5, &(lw_weights){0}, NULL, &plan), LW_BAD_ARGUMENT, "weights->read is NULL");
  expect(lw_plan_create(NULL, NULL, &weights, NULL, &plan), LW_BAD_ARGUMENT, "net is NULL");
  expect(lw_plan_create(NULL, lenet5, &weights, &(lw_plan_options){.batch = -1}, &plan), LW_BAD_ARGUMENT, "batch is -1");
  expect(lw_plan_create(NULL, lenet5, &weights, &(lw_plan_options){.batch = INT64_MAX / 1000}, &plan), LW_BAD_SHAPE,
         "more than memory");
  expect(lw_plan_create(NULL, lenet5, &weights, &(lw_plan_options){.memory_limit = 1000}, &plan), LW_NO_MEMORY,
         "memory_limit is 1000");
  expect(lw_plan_create(NULL, lenet5, &(lw_weights){.read = no_weights}, NULL, &plan), LW_BAD_FILE, "conv2.bias is torn");
  const float *tensors[10] = {0};
  const lw_weights arrays = lw_weights_arrays(tensors);
  expect(lw_plan_create(NULL, lenet5, &arrays, NULL, &plan), LW_BAD_ARGUMENT, "is NULL");

  lw_layer bad[2] = {{.kind = LW_LAYER_CONV2D, .name = "conv", .out = 4, .kernel = 9}, {.kind = LW_LAYER_RELU, .name = "relu"}};
  lw_net net = {"bad", 1, 5, 5, bad, 2};
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "layer 0 (conv)");
  bad[0].kernel = 3;
  bad[0].out = -4;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "-4");
  bad[0].out = 4;
  bad[0].groups = 3;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "groups");
  bad[0].groups = 0;
  bad[1].kind = (lw_layer_kind)99;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_ARGUMENT, "99");
  bad[1] = (lw_layer){.kind = LW_LAYER_DROPOUT, .name = "drop", .probability = 2};
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_ARGUMENT, "probability is 2");
  bad[1] = (lw_layer){.kind = LW_LAYER_SOFTMAX, .name = "softmax"};
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "softmax");
  bad[1] = (lw_layer){.kind = LW_LAYER_LINEAR, .name = "fc", .out = INT64_MAX / 8};
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "more than memory");
  bad[1].name = NULL;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_ARGUMENT, "no name");
  char name[LW_LAYER_NAME_MAX + 2] = "";
  memset(name, 'n', LW_LAYER_NAME_MAX + 1);
  bad[1] = (lw_layer){.kind = LW_LAYER_LINEAR, .name = name, .out = 1};
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_ARGUMENT,
         "layer 1 has 121 characters, expected at most 120: nn");
  lw_parameter_info parameter;
  name[LW_LAYER_NAME_MAX] = 0; /* the longest, whole */
  if (lw_net_parameter(&net, 2, &parameter) != LW_OK) fail_msg("%s", lw_error_message());
  assert_int_equal(strlen(parameter.name), LW_LAYER_NAME_MAX + 7);
  assert_true(parameter.in_c == 4 && parameter.in_h == 3 && parameter.in_w == 3);
  net.h = 0;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_SHAPE, "bad");
  net.layer_count = 0;
  expect(lw_plan_create(NULL, &net, &weights, NULL, &plan), LW_BAD_ARGUMENT, "no layers");

  /* Every layer fits, their sum does not; an image fits with its padding, the batch does not. */
  const lw_layer wide[] = {{.kind = LW_LAYER_LINEAR, .name = "up", .out = INT64_C(1) << 29},
                           {.kind = LW_LAYER_LINEAR, .name = "down", .out = INT64_C(1) << 30}};
  expect(lw_net_parameters(&(lw_net){"wide", INT64_C(1) << 30, 1, 1, wide, 2}, &count), LW_BAD_SHAPE, "up to layer 1 (down)");
  const lw_layer far = {.kind = LW_LAYER_CONV2D, .name = "far", .out = 4, .kernel = 1, .pad = 1 << 24, .stride = 1 << 25};
  expect(lw_plan_create(NULL, &(lw_net){"far", 1, 1, 1, &far, 1}, &weights, &(lw_plan_options){.batch = 4096}, &plan),
         LW_BAD_SHAPE, "padded x");
  assert_null(plan);

  fixture f = make(lenet5, best_isa(), 1, 1, 0);
  expect(lw_plan_run(NULL, f.x, f.y, f.workspace), LW_BAD_ARGUMENT, "plan is NULL");
  expect(lw_plan_run(f.plan, NULL, f.y, f.workspace), LW_BAD_ARGUMENT, "x is NULL");
  expect(lw_plan_run(f.plan, f.x, NULL, f.workspace), LW_BAD_ARGUMENT, "y is NULL");
  expect(lw_plan_run(f.plan, f.x, f.y, NULL), LW_BAD_ARGUMENT, "workspace is NULL");
  expect(lw_plan_run(f.plan, f.x, f.y, (char *)f.workspace + 4), LW_BAD_ARGUMENT, "64 bytes");
  expect(lw_plan_run(f.plan, (float *)(void *)((char *)f.x + 1), f.y, f.workspace), LW_BAD_ARGUMENT, "alignment to 4");
  expect(lw_plan_profile(f.plan, f.x, f.y, f.workspace, NULL), LW_BAD_ARGUMENT, "seconds is NULL");
  expect(lw_plan_observe(f.plan, f.x, f.y, f.workspace, NULL, NULL), LW_BAD_ARGUMENT, "observe is NULL");
  lw_step_info info;
  expect(lw_plan_step(f.plan, 99, &info), LW_BAD_ARGUMENT, "step is 99");
  expect(lw_plan_step(f.plan, 0, NULL), LW_BAD_ARGUMENT, "info is NULL");
  expect(lw_plan_step(NULL, 0, &info), LW_BAD_ARGUMENT, "plan is NULL");
  for (int64_t i = 0; i < f.outputs; i++) assert_true(f.y[i] != f.y[i]); /* still untouched */
  lw_plan_destroy(NULL);
  release(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameter_counts),
      cmocka_unit_test(plans_give_the_bits_of_ref),
      cmocka_unit_test(run_allocates_nothing),
      cmocka_unit_test(memory_is_known_before),
      cmocka_unit_test(plan_keeps_its_own_network),
      cmocka_unit_test(one_plan_on_many_threads),
      cmocka_unit_test(described_without_weights),
      cmocka_unit_test(weights_in_place),
      cmocka_unit_test(errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
