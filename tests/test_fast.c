/* SPDX-License-Identifier: Apache-2.0
 * Mode fast: plans have the same bits on every ISA, number of threads and batch, fused or not; the recipe depends on the shape
 * alone. (Whole networks: test_digests; Winograd's definition and bound: test_winograd.) */
#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include "nets/recipe.h"
#include "simd/isa.h"

static const uint64_t seed = 7;

/* Both of Winograd's algorithms, at the smallest sizes that the recipe gives them, and convolutions that it leaves as they are.
 */
static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "few", .out = 17, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_RELU, .name = "relu1"},
                                  {.kind = LW_LAYER_CONV2D, .name = "large", .out = 33, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_RELU, .name = "relu2"},
                                  {.kind = LW_LAYER_MAX_POOL2D, .name = "pool1", .kernel = 2},
                                  {.kind = LW_LAYER_CONV2D, .name = "small", .out = 20, .kernel = 3, .pad = 1, .no_bias = 1},
                                  {.kind = LW_LAYER_TANH, .name = "tanh"},
                                  {.kind = LW_LAYER_CONV2D, .name = "strided", .out = 18, .kernel = 3, .stride = 2},
                                  {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 7}};
static const lw_net net = {"fast", 3, 28, 31, layers, sizeof layers / sizeof *layers};

/* The same on the way with other strides, paddings and kernels, and without bias; Winograd's straight from a plain image. */
static const lw_layer strided[] = {
    {.kind = LW_LAYER_CONV2D, .name = "c1", .out = 40, .kernel = 5, .stride = 2, .pad = 1, .no_bias = 1},
    {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 16, .kernel = 3, .pad = 3}};
static const lw_net strided_net = {"strided", 2, 61, 71, strided, 2};
static const lw_layer valid[] = {{.kind = LW_LAYER_CONV2D, .name = "c1", .out = 16, .kernel = 1},
                                 {.kind = LW_LAYER_RELU, .name = "r1"},
                                 {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 31, .kernel = 3},
                                 {.kind = LW_LAYER_RELU, .name = "r2"}};
static const lw_net valid_net = {"valid", 15, 16, 37, valid, 4};
static const lw_layer plain[] = {{.kind = LW_LAYER_CONV2D, .name = "c1", .out = 20, .kernel = 3}};
static const lw_net plain_net = {"plain", 18, 30, 33, plain, 1};

typedef struct fixture {
  lw_context *context;
  lw_plan *plan;
  float *x, *y;
  void *workspace;
  int64_t outputs;
} fixture;

static float *values(int64_t count) {
  float *x = malloc((size_t)count * sizeof *x);
  assert_non_null(x);
  lw_kaiming_uniform(seed, 1000, 6, 0, count, x);
  return x;
}

static fixture make(const lw_net *network, lw_mode mode, const char *isa, int threads, int64_t batch, int no_fuse) {
  fixture f;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_plan_options options = {.batch = batch, .no_fuse = no_fuse, .mode = mode};
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa}, &f.context), LW_OK);
  if (lw_plan_create(f.context, network, &weights, &options, &f.plan) != LW_OK) fail_msg("%s", lw_error_message());
  f.outputs = lw_plan_outputs(f.plan) * batch;
  f.x = values(network->c * network->h * network->w * batch);
  f.y = values(f.outputs);
  assert_int_equal(lw_allocate(f.context, lw_plan_workspace_bytes(f.plan), &f.workspace), LW_OK);
  memset(f.workspace, 0xff, lw_plan_workspace_bytes(f.plan)); /* NaN: nothing may be taken for granted */
  assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
  return f;
}

static void release(fixture *f) {
  lw_release(f->context, f->workspace);
  lw_plan_destroy(f->plan);
  lw_context_destroy(f->context);
  free(f->x);
  free(f->y);
}

static int is_runnable(const char *isa) { return lw_isa_runnable((lw_isa)lw_isa_from_name(isa)); }

/* Sanitizers and emulation: on several threads only fused, and no other plain loops than ref's. */
#ifdef LANEWISE_CUT
static const int is_cut = 1;
#else
static const int is_cut = 0;
#endif

static void same_bits(const lw_net *network, int64_t batch) {
  static const char *const isas[] = {"naive", "avx2", "avx512", "neon"};
  fixture ref = make(network, LW_FAST, "ref", 1, batch, 1);
  for (int64_t i = 0; i < ref.outputs; i++) assert_true(ref.y[i] == ref.y[i]);
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!is_runnable(isas[k]) || (is_cut && k == 0)) continue;
    for (int threads = 1; threads <= (is_cut ? 3 : 5); threads += 2)
      for (int no_fuse = 0; no_fuse < (is_cut && threads > 1 ? 1 : 2); no_fuse++) {
        fixture f = make(network, LW_FAST, isas[k], threads, batch, no_fuse);
        if (memcmp(f.y, ref.y, (size_t)ref.outputs * sizeof(float)) != 0)
          fail_msg("%s on %s, %d threads, batch %d, no_fuse %d: bits differ from ref", network->name, isas[k], threads,
                   (int)batch, no_fuse);
        release(&f);
      }
  }
  fixture exact = make(network, LW_EXACT, lw_context_isa(NULL), 1, batch, 0);
  assert_memory_not_equal(exact.y, ref.y, (size_t)ref.outputs * sizeof(float)); /* so it was Winograd */
  release(&exact);
  release(&ref);
}

static void plans_give_the_bits_of_ref(void **state) {
  (void)state;
  for (int64_t batch = 1; batch <= 5; batch += 4) {
    same_bits(&net, batch);
    same_bits(&strided_net, batch);
    same_bits(&valid_net, batch);
    same_bits(&plain_net, batch);
  }
}

/* A first convolution on few channels and the one behind it are one step, unless layers are to be observed. */
static void first_convolution_on_the_way(void **state) {
  (void)state;
  lw_step_info info;
  lw_plan *plan;
  if (strncmp(lw_context_isa(NULL), "avx", 3) != 0 && strcmp(lw_context_isa(NULL), "neon") != 0) skip();
  assert_int_equal(lw_plan_create(NULL, &strided_net, NULL, &(lw_plan_options){.mode = LW_FAST}, &plan), LW_OK);
  int found = 0;
  for (size_t i = 0; i < lw_plan_steps(plan); i++)
    if (lw_plan_step(plan, i, &info) == LW_OK && info.name[0] && ++found) {
      assert_int_equal(info.first_layer, 0);
      assert_int_equal(info.last_layer, 1);
      assert_string_equal(info.algorithm, "winograd4");
      const double first = 2. * 40 * 30 * 35 * 2 * 25, second = 2. * 16 * 34 * 39 * 40 * 9;
      assert_true(info.flops == first + second && info.algorithm_flops == first + second / 4);
      assert_true(info.weight_bytes == 4. * (40 * 2 * 25 + 16 * (40 * 36 + 1)));
    }
  assert_int_equal(found, 1);
  lw_plan_destroy(plan);
}

/* Where the recipe has nothing to offer, mode fast is mode exact. */
static void fast_may_be_exact(void **state) {
  static const char *const names[] = {"lenet5", "lenet5_1998", "mlp"};
  (void)state;
  for (int i = 0; i < 3; i++) {
    fixture exact = make(lw_net_builtin(names[i]), LW_EXACT, NULL, 1, 1, 0);
    fixture fast = make(lw_net_builtin(names[i]), LW_FAST, NULL, 1, 1, 0);
    assert_memory_equal(exact.y, fast.y, (size_t)exact.outputs * sizeof(float));
    release(&exact);
    release(&fast);
  }
}

/* The algorithm of the step that starts with a layer. */
static const char *algorithm_of(const lw_plan *plan, const char *layer) {
  lw_step_info info;
  for (size_t i = 0; i < lw_plan_steps(plan); i++)
    if (lw_plan_step(plan, i, &info) == LW_OK && strcmp(info.name, layer) == 0) return info.algorithm;
  fail_msg("no step starts with %s", layer);
  return NULL;
}

/* The same on every ISA, for every batch and number of threads. */
static void recipe_depends_on_the_shape(void **state) {
  static const struct {
    const char *layer, *algorithm;
  } rows[] = {{"few", NULL}, {"large", "winograd4"}, {"small", "winograd2"}, {"strided", NULL}};
  static const char *const isas[] = {"ref", "naive", "avx2", "avx512", "neon"};
  (void)state;
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!is_runnable(isas[k])) continue;
    for (int64_t batch = 1; batch <= 9; batch += 8) {
      fixture exact = make(&net, LW_EXACT, isas[k], 1, batch, 1), fast = make(&net, LW_FAST, isas[k], (int)batch, batch, 1);
      for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *usual = algorithm_of(exact.plan, rows[i].layer);
        assert_ptr_equal(strstr(usual, "winograd"), NULL);
        assert_string_equal(algorithm_of(fast.plan, rows[i].layer), rows[i].algorithm ? rows[i].algorithm : usual);
      }
      release(&exact);
      release(&fast);
    }
  }
}

/* Where the transformed weights would be more than 1 GiB, a layer keeps its algorithm, or takes the one with the smaller tile. */
static void recipe_has_a_budget(void **state) {
  static const struct {
    int64_t oc;
    const char *algorithm;
  } rows[] = {{7281, "winograd4"}, {7282, "winograd2"}, {16384, "winograd2"}, {16385, NULL}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const lw_conv2d_desc d = {1, 1024, 28, 28, rows[i].oc, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const lw_recipe *r = lw_recipe_conv2d(LW_FAST, &d, 28, 28);
    assert_true(rows[i].algorithm ? r && strcmp(r->algorithm, rows[i].algorithm) == 0 : !r);
    assert_null(lw_recipe_conv2d(LW_EXACT, &d, 28, 28));
  }
}

static void unknown_mode(void **state) {
  (void)state;
  lw_plan *plan = NULL;
  const lw_plan_options options = {.mode = (lw_mode)7};
  assert_int_equal(lw_plan_create(NULL, &net, NULL, &options, &plan), LW_BAD_ARGUMENT);
  assert_non_null(strstr(lw_error_message(), "mode is 7"));
  assert_null(plan);
}

/* Transformed as they are read, or straight from where they lie. */
static void weights_in_place(void **state) {
  (void)state;
  int tensors;
  float *arrays[16];
  lw_parameter_info p;
  assert_int_equal(lw_net_parameter_tensors(&net, &tensors), LW_OK);
  assert_true(tensors <= 16);
  for (int i = 0; i < tensors; i++) {
    assert_int_equal(lw_net_parameter(&net, i, &p), LW_OK);
    arrays[i] = malloc((size_t)p.count * sizeof(float));
    assert_non_null(arrays[i]);
    lw_kaiming_uniform(seed, i, p.fan_in, 0, p.count, arrays[i]);
  }
  const lw_weights weights = lw_weights_arrays((const float *const *)arrays);
  assert_non_null(weights.map);
  fixture f = make(&net, LW_FAST, NULL, 2, 1, 0);
  lw_plan *plan;
  float y[7];
  assert_int_equal(lw_plan_create(f.context, &net, &weights, &(lw_plan_options){.mode = LW_FAST}, &plan), LW_OK);
  assert_int_equal(lw_plan_run(plan, f.x, y, f.workspace), LW_OK);
  assert_memory_equal(y, f.y, sizeof y);
  lw_plan_destroy(plan);
  release(&f);
  for (int i = 0; i < tensors; i++) free(arrays[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plans_give_the_bits_of_ref), cmocka_unit_test(first_convolution_on_the_way),
      cmocka_unit_test(fast_may_be_exact),          cmocka_unit_test(recipe_depends_on_the_shape),
      cmocka_unit_test(recipe_has_a_budget),        cmocka_unit_test(unknown_mode),
      cmocka_unit_test(weights_in_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
