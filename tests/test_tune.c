/* SPDX-License-Identifier: Apache-2.0
 * Choices that change no bit: every candidate of every layer of the shipped networks gives the digests of ref/; plans that are
 * measured, or made from wisdom, have the same bits and no more workspace. */
#include "tests/kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/tune.h"
#include "tests/expect.h"
#include "tests/folder.h"
#include "tests/kit/pass.h"

static const char *const digests = LANEWISE_SOURCE_DIR "/data/golden/digests.txt";
static const uint64_t seed = PASS_SEED;

/* The library's memory: a block that is not given back, or given back twice, changes the count for good. */
static int blocks;
static void *allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  __atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
  return aligned_alloc(alignment, bytes);
}
static void release(void *user, void *pointer) {
  (void)user;
  __atomic_add_fetch(&blocks, -1, __ATOMIC_RELAXED);
  free(pointer);
}

static lw_context *make_context(const char *isa, int threads) {
  lw_context *context;
  must(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa, .allocate = allocate, .release = release},
                         &context));
  return context;
}

static lw_plan *make_plan(lw_context *context, const lw_net *net, lw_plan_options options) {
  const lw_weights weights = lw_weights_seeded(&seed);
  lw_plan *plan;
  if (!options.wisdom) options.wisdom = "";
  must(lw_plan_create(context, net, &weights, &options, &plan));
  return plan;
}

/* ---------------------------------------------------------------------------------------------------- every candidate */

typedef struct checking {
  const lw_net *net;
  lw_mode mode;
  int layers;
} checking;

static void check_layer(void *user, size_t layer, const float *values, int64_t count) {
  checking *c = user;
  char wanted[PASS_HEX], got[PASS_HEX];
  assert_true(pass_digest(digests, c->net, c->mode, c->net->layers[layer].name, wanted));
  pass_sha256(values, count, got);
  if (strcmp(got, wanted) != 0) fail_msg("%s: the bits of %s are not those of ref", c->net->name, c->net->layers[layer].name);
  c->layers++;
}

/* Runs `plan` as `tunings` say and compares every layer. */
static void run_tuned(const lw_plan *plan, const lw_plan_options *options, const lw_tuning *tunings, lw_mode mode) {
  lw_plan trial = *plan;
  int fits;
  void *workspace;
  must(lw_plan_lower_again(plan, options, tunings, SIZE_MAX, &trial.lowered, &fits));
  assert_true(fits);
  assert_int_equal(trial.lowered.weight_bytes, plan->lowered.weight_bytes);
  const size_t bytes = lw_plan_workspace_bytes(&trial);
  must(lw_allocate(plan->context, bytes, &workspace));
  memset(workspace, 0xff, bytes);
  float *x = malloc((size_t)plan->inputs * sizeof *x), *y = malloc((size_t)plan->outputs * sizeof *y);
  pass_input(plan->net, x);
  checking c = {plan->net, mode, 0};
  must(lw_plan_observe(&trial, x, y, workspace, check_layer, &c));
  assert_true(c.layers > 0);
  free(x);
  free(y);
  lw_release(plan->context, workspace);
  lw_memory_free(plan->context, trial.lowered.steps);
}

/* As many passes as the longest list has candidates: pass i takes candidate i of every step. Returns how many choices there were.
 */
static int run_kind(const lw_plan *plan, lw_mode mode, int no_fuse, lw_tuned kind) {
  const lw_plan_options options = {.batch = 1, .mode = mode, .no_fuse = no_fuse};
  lw_tuning *tunings = calloc(plan->net->layer_count, sizeof *tunings), candidates[LW_CANDIDATES];
  int passes = 1, choices = 0;
  for (int i = 0; i < passes; i++) {
    for (size_t k = 0; k < plan->lowered.count; k++) {
      const lw_step *s = &plan->lowered.steps[k];
      const int count = lw_tune_candidates(plan->context, s, kind, candidates);
      if (count < 2) continue;
      if (count > passes) passes = count;
      if (i < count) choices++;
      tunings[s->first_layer] = candidates[i % count];
    }
    run_tuned(plan, &options, tunings, mode);
  }
  free(tunings);
  return choices;
}

static void try_all(const char *name, lw_mode mode, const char *isa) {
  lw_context *context = make_context(isa, 3);
  const int before = blocks;
  lw_plan *plan = make_plan(context, lw_net_builtin(name), (lw_plan_options){.mode = mode});
  int choices[LW_TUNE_KINDS];
  for (int kind = 0; kind < LW_TUNE_KINDS; kind++) choices[kind] = run_kind(plan, mode, 0, (lw_tuned)kind);
  if (strcmp(name, "mlp") != 0) assert_true(choices[LW_TUNE_LAYOUT] + choices[LW_TUNE_BLOCK] >= 4);
  assert_true(choices[LW_TUNE_PARTS] > 0);
  if (mode == LW_FAST && strcmp(name, "vgg16") == 0) assert_true(choices[LW_TUNE_BLOCK] > 12 * 10);
  lw_plan_destroy(plan);
  assert_int_equal(blocks, before);
  lw_context_destroy(context);
}

#ifdef LANEWISE_CUT /* sanitizers, emulation, where measuring takes its time */
static const int is_cut = 1;
#else
static const int is_cut = 0;
#endif

static void every_candidate_has_the_bits_of_ref(void **state) {
  static const char *const isas[] = {"avx2", "avx512", "neon"};
  (void)state;
  int tried = 0;
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!lw_isa_runnable((lw_isa)lw_isa_from_name(isas[k]))) continue;
    for (size_t i = 0; lw_net_builtin_at(i); i++) {
      const char *name = lw_net_builtin_at(i)->name;
      if (strcmp(name, "vgg16") != 0) try_all(name, LW_EXACT, isas[k]);
    }
#ifndef LANEWISE_CUT
    try_all("vgg16", LW_FAST, isas[k]);
    if (isas[k] == lw_context_isa(NULL) || strcmp(isas[k], lw_context_isa(NULL)) == 0) try_all("vgg16", LW_EXACT, isas[k]);
#endif
    tried = 1;
  }
  if (!tried) skip();
}

/* --------------------------------------------------------------------------------------------------------------- plans */

/* Every kind of choice: Winograd behind a first convolution and alone, few channels, pools, a linear layer. */
static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "c1", .out = 16, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_RELU, .name = "r1"},
                                  {.kind = LW_LAYER_CONV2D, .name = "c2", .out = 40, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_MAX_POOL2D, .name = "p2", .kernel = 2},
                                  {.kind = LW_LAYER_CONV2D, .name = "c3", .out = 33, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_CONV2D, .name = "c4", .out = 5, .kernel = 5, .pad = 2},
                                  {.kind = LW_LAYER_MAX_POOL2D, .name = "p4", .kernel = 2},
                                  {.kind = LW_LAYER_CONV2D, .name = "c5", .out = 3, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_AVG_POOL2D, .name = "p5", .kernel = 3, .stride = 1},
                                  {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 7}};
static const lw_net net = {"all", 3, 40, 44, layers, sizeof layers / sizeof *layers};
enum { INPUTS = 3 * 40 * 44, OUTPUTS = 7, BATCH = 2 };

static void run(lw_context *context, const lw_plan *plan, float y[BATCH * OUTPUTS]) {
  static float x[BATCH * INPUTS];
  void *workspace;
  lw_kaiming_uniform(seed, PASS_INPUT_TENSOR, 6, 0, BATCH * INPUTS, x);
  must(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace));
  memset(workspace, 0xff, lw_plan_workspace_bytes(plan));
  must(lw_plan_run(plan, x, y, workspace));
  lw_release(context, workspace);
}

/* How many steps were chosen by whom. */
static int chosen(const lw_plan *plan, const char *by) {
  lw_step_info s;
  int count = 0;
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    must(lw_plan_step(plan, i, &s));
    assert_true(s.parts >= 1);
    if (strcmp(s.chosen_by, by) != 0) continue;
    count++;
    if (strcmp(by, "model") == 0) {
      assert_true(s.seconds == 0 && s.model_seconds == 0);
    } else {
      assert_true(s.seconds > 0 && s.model_seconds > 0);
      assert_true(!strstr(s.algorithm, "winograd") == (s.tiles == 0) && (s.tiles == 0) == (s.panels == 0));
    }
  }
  return count;
}

static int is_simd(void) { return lw_isa_is_simd((lw_isa)lw_isa_from_name(lw_context_isa(NULL))); }

static void measured_plans(void **state) {
  (void)state;
  for (int mode = is_cut ? LW_FAST : LW_EXACT; mode <= LW_FAST; mode++)
    for (int threads = is_cut ? 3 : 1; threads <= 3; threads += 2)
      for (int no_fuse = 0; no_fuse < 2; no_fuse++) {
        lw_context *context = make_context(NULL, threads);
        const int before = blocks;
        lw_plan_options o = {.mode = (lw_mode)mode, .batch = BATCH, .no_fuse = no_fuse};
        float model[BATCH * OUTPUTS], y[BATCH * OUTPUTS];
        size_t weights, workspace;
        lw_plan *plan = make_plan(context, &net, o);
        run(context, plan, model);
        assert_int_equal(chosen(plan, "model"), lw_plan_steps(plan));
        must(lw_plan_memory(context, &net, &o, &weights, &workspace));
        lw_plan_destroy(plan);

        o.planning = LW_PLAN_MEASURE;
        o.memory_limit = weights + workspace; /* exactly what the cost model's plan needs */
        plan = make_plan(context, &net, o);
        run(context, plan, y);
        assert_memory_equal(y, model, sizeof y);
        assert_true(chosen(plan, "measured") >= (is_simd() ? 4 : 0));
        assert_true(lw_plan_workspace_bytes(plan) <= workspace && lw_plan_weight_bytes(plan) == weights);
        assert_string_equal(lw_plan_notice(plan), "");
        lw_plan_destroy(plan);
        assert_int_equal(blocks, before);
        lw_context_destroy(context);
      }
}

static unsigned below(uint64_t *state, unsigned n) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(*state >> 33) % n;
}

/* Seeded networks of convolutions on few and many channels, whose layouts depend on one another. */
static void measured_random_networks(void **state) {
  static const char *const names[] = {"l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7"};
  (void)state;
  for (uint64_t number = 1; number <= (is_cut ? 4 : 16); number++) {
    lw_layer some[8] = {{0}};
    uint64_t random = number;
    for (int i = 0; i < 8; i++) {
      const int64_t kernel = 1 + 2 * below(&random, 3);
      some[i] = (lw_layer){.kind = LW_LAYER_CONV2D, .name = names[i], .out = 1 + below(&random, 24), .kernel = kernel};
      some[i].pad = kernel / 2 + below(&random, 2);
      if (i % 2 == 1 && below(&random, 3) > 0)
        some[i] = (lw_layer){.kind = below(&random, 2) ? LW_LAYER_MAX_POOL2D : LW_LAYER_RELU,
                             .name = names[i],
                             .kernel = 2,
                             .stride = 1 + below(&random, 2)};
    }
    const lw_net any = {"random", 1 + below(&random, 20), 16 + below(&random, 20), 16 + below(&random, 20), some, 8};
    lw_context *context = make_context(NULL, 1 + (int)below(&random, 3));
    lw_plan_options o = {.mode = (lw_mode)below(&random, 2)};
    lw_plan *plans[2];
    float *y[2], *x = malloc((size_t)(any.c * any.h * any.w) * sizeof *x);
    lw_kaiming_uniform(seed, PASS_INPUT_TENSOR, 6, 0, any.c * any.h * any.w, x);
    for (int i = 0; i < 2; i++) {
      void *workspace;
      o.planning = (lw_planning)i;
      plans[i] = make_plan(context, &any, o);
      y[i] = malloc((size_t)lw_plan_outputs(plans[i]) * sizeof **y);
      must(lw_allocate(context, lw_plan_workspace_bytes(plans[i]), &workspace));
      memset(workspace, 0xff, lw_plan_workspace_bytes(plans[i]));
      must(lw_plan_run(plans[i], x, y[i], workspace));
      lw_release(context, workspace);
    }
    assert_true(lw_plan_workspace_bytes(plans[1]) <= lw_plan_workspace_bytes(plans[0]));
    assert_true(chosen(plans[1], "model") < (int)lw_plan_steps(plans[1]) || !is_simd());
    assert_memory_equal(y[0], y[1], (size_t)lw_plan_outputs(plans[0]) * sizeof **y);
    for (int i = 0; i < 2; i++) {
      lw_plan_destroy(plans[i]);
      free(y[i]);
    }
    free(x);
    lw_context_destroy(context);
  }
}

/* Only once: the second plan is made from wisdom, also without LW_PLAN_MEASURE; another number of threads has its own. */
static void wisdom_is_used(void **state) {
  (void)state;
  if (!is_simd()) skip();
  const char *path = in_folder("wisdom");
  lw_context *one = make_context(NULL, 1), *two = make_context(NULL, 2);
  float model[BATCH * OUTPUTS], y[BATCH * OUTPUTS];
  lw_plan_options o = {.mode = LW_FAST, .batch = BATCH};
  lw_plan *plan = make_plan(one, &net, o);
  run(one, plan, model);
  lw_plan_destroy(plan);

  o.wisdom = path;
  plan = make_plan(one, &net, o); /* a file that is not there is no news */
  assert_int_equal(chosen(plan, "model"), lw_plan_steps(plan));
  assert_string_equal(lw_plan_notice(plan), "");
  lw_plan_destroy(plan);
  assert_null(fopen(path, "r"));

  o.planning = LW_PLAN_MEASURE;
  plan = make_plan(one, &net, o);
  const int measured = chosen(plan, "measured");
  assert_true(measured >= 4);
  lw_plan_destroy(plan);
  for (int planning = LW_PLAN_ESTIMATE; planning <= LW_PLAN_MEASURE; planning++) {
    o.planning = (lw_planning)planning;
    plan = make_plan(one, &net, o);
    assert_int_equal(chosen(plan, "wisdom"), measured);
    assert_int_equal(chosen(plan, "measured"), 0);
    run(one, plan, y);
    assert_memory_equal(y, model, sizeof y);
    lw_plan_destroy(plan);
  }
  o.batch = 1;
  o.planning = LW_PLAN_ESTIMATE;
  plan = make_plan(one, &net, o); /* other shapes */
  assert_int_equal(chosen(plan, "wisdom"), 0);
  assert_string_equal(lw_plan_notice(plan), "");
  lw_plan_destroy(plan);
  o.batch = BATCH;
  plan = make_plan(two, &net, o);
  assert_int_equal(chosen(plan, "wisdom"), 0);
  lw_plan_destroy(plan);
  o.planning = LW_PLAN_MEASURE;
  plan = make_plan(two, &net, o);
  assert_true(chosen(plan, "measured") >= measured);
  lw_plan_destroy(plan);
  plan = make_plan(one, &net, o);
  assert_int_equal(chosen(plan, "wisdom"), measured);
  lw_plan_destroy(plan);
  lw_context_destroy(one);
  lw_context_destroy(two);
}

/* A plan without weights is measured, and still has none. */
static void bare_plan(void **state) {
  (void)state;
  if (!is_simd()) skip();
  lw_context *context = make_context(NULL, 1);
  const int before = blocks;
  lw_plan *plan;
  float x[BATCH * INPUTS] = {0}, y[BATCH * OUTPUTS];
  const lw_plan_options o = {.mode = LW_FAST, .planning = LW_PLAN_MEASURE, .wisdom = ""};
  must(lw_plan_create(context, &net, NULL, &o, &plan));
  assert_true(chosen(plan, "measured") >= 4);
  assert_int_equal(lw_plan_run(plan, x, y, x), LW_BAD_ARGUMENT);
  lw_plan_destroy(plan);
  assert_int_equal(blocks, before);
  lw_context_destroy(context);
}

/* Plain loops have nothing to choose: no pass is run, no file made. */
static void nothing_to_choose(void **state) {
  (void)state;
  lw_context *context = make_context("ref", 2);
  lw_plan *plan;
  const char *path = in_folder("unused");
  const lw_plan_options o = {.mode = LW_FAST, .planning = LW_PLAN_MEASURE, .wisdom = path};
  must(lw_plan_create(context, lw_net_builtin("vgg16"), NULL, &o, &plan));
  assert_int_equal(chosen(plan, "model"), lw_plan_steps(plan));
  assert_string_equal(lw_plan_notice(plan), "");
  assert_null(fopen(path, "r"));
  lw_plan_destroy(plan);
  lw_context_destroy(context);
}

/* Choices that cannot be, or need more workspace than the plan has, are not made. */
static void foolish_wisdom(void **state) {
  static const char *const choices[] = {"winograd4 parts 1 tiles 1000000 panels 1000000",
                                        "winograd2 parts 1 tiles 1 panels 1",
                                        "pooled parts 1000000",
                                        "columns parts 7",
                                        "direct parts 1 tiles 3 panels 3",
                                        "im2col parts 2",
                                        "panels parts 999"};
  (void)state;
  if (!is_simd()) skip();
  lw_context *context = make_context(NULL, 2);
  float model[BATCH * OUTPUTS], y[BATCH * OUTPUTS];
  for (int mode = LW_EXACT; mode <= LW_FAST; mode++) {
    lw_plan_options o = {.mode = (lw_mode)mode, .batch = BATCH};
    lw_plan *plan = make_plan(context, &net, o);
    const size_t workspace = lw_plan_workspace_bytes(plan);
    run(context, plan, model);
    o.wisdom = in_folder("foolish");
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
      char machine[LW_TUNE_KEY], setting[LW_TUNE_KEY], problem[LW_TUNE_KEY], notice[LW_NOTICE] = "";
      lw_tune_machine(machine);
      lw_tune_setting(context, setting);
      for (size_t k = 0; k < plan->lowered.count; k++) {
        if (!lw_tune_applies(context, &plan->lowered.steps[k])) continue;
        lw_tune_problem(&plan->lowered.steps[k], problem);
        const lw_wisdom_line line = {machine, setting, problem, choices[i], 1, 1};
        must(lw_wisdom_write(context, o.wisdom, &line, 1, notice));
        assert_string_equal(notice, "");
      }
      lw_plan *fool = make_plan(context, &net, o);
      run(context, fool, y);
      assert_memory_equal(y, model, sizeof y);
      assert_true(lw_plan_workspace_bytes(fool) <= workspace);
      for (size_t k = 0; k < fool->lowered.count; k++) assert_in_range(fool->lowered.steps[k].parts, 1, 2);
      assert_string_equal(lw_plan_notice(fool), "");
      lw_plan_destroy(fool);
    }
    lw_plan_destroy(plan);
  }
  lw_context_destroy(context);
}

static void wrong_planning(void **state) {
  (void)state;
  lw_plan *plan = NULL;
  const lw_plan_options o = {.planning = (lw_planning)2};
  refused(lw_plan_create(NULL, &net, NULL, &o, &plan), LW_BAD_ARGUMENT, "planning is 2", __LINE__);
  assert_null(plan);
  assert_string_equal(lw_plan_notice(NULL), "");
}

int main(void) {
  unsetenv("LANEWISE_WISDOM");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_candidate_has_the_bits_of_ref),
      cmocka_unit_test(measured_plans),
      cmocka_unit_test(measured_random_networks),
      cmocka_unit_test(wisdom_is_used),
      cmocka_unit_test(bare_plan),
      cmocka_unit_test(nothing_to_choose),
      cmocka_unit_test(foolish_wisdom),
      cmocka_unit_test(wrong_planning),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
