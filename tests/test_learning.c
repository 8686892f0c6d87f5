/* SPDX-License-Identifier: Apache-2.0
 * Training by digest: data/golden/learning.txt holds the loss and the sha256 of everything that a trainer holds (weights,
 * gradients, momentum) after many steps. The plain loops recompute it, and every other ISA must arrive at the same on one to four
 * threads. `test_learning --print` writes the file anew by the plain loops, VGG16 included, which takes the better part of an
 * hour; `--print avx2` by another ISA, which is to write the same; `--print avx2 vgg16` one network's lines. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"
#include "nets/recipe.h"
#include "simd/isa.h"
#include "tests/expect.h"
#include "tests/kit/learn.h"

/* Samples are taken in turn, so that the last batch of each turn is smaller. */
typedef struct run {
  const char *net;
  lw_mode mode;
  const char *data; /* digits or noise */
  int64_t batch, samples;
  int steps, cut_steps; /* cut: for sanitizers and emulation */
  lw_sgd_options sgd;
  float label_smoothing;
} run;
static const run runs[] = {
    {"lenet5", LW_EXACT, "digits", 12, 100, 100, 12, {.lr = .02f, .momentum = .9f, .weight_decay = 5e-4f}, 0},
    {"lenet5", LW_EXACT, "digits", 64, 160, 5, 0, {.lr = .02f, .momentum = .9f}, 0},
    {"lenet5_1998", LW_EXACT, "digits", 7, 24, 24, 4, {.lr = .01f, .momentum = .9f, .weight_decay = 1e-3f, .nesterov = 1}, .1f},
    {"mlp", LW_EXACT, "digits", 33, 100, 20, 4, {.lr = .05f}, 0},
    {"net", LW_EXACT, "noise", 2, 3, 4, 1, {.lr = .001f, .momentum = .9f, .dampening = .1f}, 0},
    {"net", LW_FAST, "noise", 2, 3, 4, 1, {.lr = .001f, .momentum = .9f, .dampening = .1f}, 0},
};
enum { RUNS = sizeof runs / sizeof *runs, MAX_STEPS = 100 };

/* Of benchmarks, with the batches that they take by themselves. */
static const struct {
  const char *net;
  int64_t batch;
} benchmarks[] = {{"lenet5", 64}, {"lenet5_1998", 64}, {"net", 16},
                  {"net", 64},    {"mlp", 64},         {"vgg16", 4}}; /* fast: where it differs */

#ifdef LANEWISE_CUT
static const int is_cut = 1;
#else
static const int is_cut = 0;
#endif

static lw_context *context_of(const char *isa, int threads) {
  lw_context *context;
  must(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa}, &context));
  return context;
}

static void load(const run *r, const lw_net *net, float *x, int32_t *labels) {
  if (strcmp(r->data, "noise") == 0) {
    learn_noise(net, r->samples, x, labels);
    return;
  }
  const int64_t size = net->c * net->h * net->w;
  uint8_t *pixels = must_get(r->samples * size, 1), *bytes = must_get(r->samples, 1);
  must(lw_digits(1, 0, r->samples, pixels, bytes));
  for (int64_t i = 0; i < r->samples * size; i++) x[i] = (float)pixels[i] / 255.0f;
  for (int64_t i = 0; i < r->samples; i++) labels[i] = bytes[i];
  free(pixels);
  free(bytes);
}

/* losses[steps]; the state after the last step. */
static void learn(const run *r, int steps, const char *isa, int threads, float *losses, learn_state *state) {
  const lw_net *net = lw_net_builtin(r->net);
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_trainer_options options = {
      .batch = r->batch, .mode = r->mode, .sgd = r->sgd, .loss = {.label_smoothing = r->label_smoothing}, .seed = seed};
  const int64_t size = net->c * net->h * net->w;
  float *x = must_get(r->samples * size, sizeof *x);
  int32_t *labels = must_get(r->samples, sizeof *labels);
  lw_context *context = context_of(isa, threads);
  lw_trainer *t;
  load(r, net, x, labels);
  must(lw_trainer_create(context, net, &weights, &options, &t));
  int64_t next = 0;
  for (int s = 0; s < steps; s++) {
    const int64_t n = r->samples - next < r->batch ? r->samples - next : r->batch;
    must(lw_train_step(t, n, x + next * size, labels + next, &losses[s], NULL));
    assert_true(isfinite(losses[s]));
    next = (next + n) % r->samples;
  }
  state->loss = losses[steps - 1];
  learn_sha256(net, t, state->sha256);
  lw_trainer_destroy(t);
  lw_context_destroy(context);
  free(labels);
  free(x);
}

static const char *name_of(const run *r, int steps) {
  static char name[LEARN_NAME];
  learn_name(lw_net_builtin(r->net), r->mode, r->data, r->batch, steps, name);
  return name;
}

static void check(const run *r, int steps, const char *isa, int threads) {
  float losses[MAX_STEPS];
  learn_state got, want;
  const char *name = name_of(r, steps);
  if (!learn_known(LEARN_GOLDEN, name, &want)) fail_msg("no digest of %s", name);
  learn(r, steps, isa, threads, losses, &got);
  if (memcmp(&got.loss, &want.loss, sizeof got.loss) != 0 || strcmp(got.sha256, want.sha256) != 0)
    fail_msg("%s on %s, %d threads: loss %a and %s, expected %a and %s", name, isa, threads, (double)got.loss, got.sha256,
             (double)want.loss, want.sha256);
}

/* ---------------------------------------------------------------------------------------------------------------- tests */

static void plain_loops_give_the_digests(void **state) {
  (void)state;
  for (int i = 0; i < RUNS; i++) {
    if (runs[i].cut_steps) check(&runs[i], runs[i].cut_steps, is_cut ? "naive" : "ref", 2);
    if (!is_cut) check(&runs[i], runs[i].steps, "naive", 3);
  }
}

static void every_isa_gives_the_digests(void **state) {
  static const char *const isas[] = {"avx2", "avx512", "neon"};
  int skipped = 0;
  (void)state;
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!lw_isa_runnable((lw_isa)lw_isa_from_name(isas[k]))) {
      skipped++;
      continue;
    }
    for (int i = 0; i < RUNS; i++)
      for (int threads = 1; threads <= 4; threads += is_cut ? 2 : 1)
        if (!is_cut || runs[i].cut_steps) check(&runs[i], is_cut ? runs[i].cut_steps : runs[i].steps, isas[k], threads);
  }
  print_message("skipped: %d ISAs that this machine cannot run\n", skipped);
}

/* What the first digest stands for: a network that has learnt its digits. */
static void a_known_seed_reaches_a_known_loss(void **state) {
  float losses[MAX_STEPS], mean[10] = {0};
  learn_state got;
  (void)state;
  if (is_cut) skip();
  learn(&runs[0], runs[0].steps, NULL, 2, losses, &got);
  for (int s = 0; s < 100; s++) mean[s / 10] += losses[s] / 10;
  print_message("lenet5: loss %.4f, then by turns of ten steps", (double)losses[0]);
  for (int i = 0; i < 10; i++) print_message(" %.4f", (double)mean[i]);
  print_message("\n");
  assert_true(mean[9] < .1f * mean[0]);
  assert_true(mean[9] < mean[4] && mean[4] < mean[0]);
}

/* ------------------------------------------------------------------------------------------------------------- program */

static void print(const char *name, const learn_state *state) {
  printf("%s %a %s\n", name, (double)state->loss, state->sha256);
  fflush(stdout);
}

static void print_benchmark(const lw_net *net, lw_mode mode, int64_t batch, const char *isa) {
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_trainer_options options = learn_noise_options(mode, batch);
  float *x = must_get(batch * net->c * net->h * net->w, sizeof *x);
  int32_t *labels = must_get(batch, sizeof *labels);
  lw_context *context = context_of(isa, 0);
  char name[LEARN_NAME];
  learn_state state;
  lw_trainer *t;
  learn_noise(net, batch, x, labels);
  must(lw_trainer_create(context, net, &weights, &options, &t));
  must(learn_noise_steps(net, t, batch, x, labels, &state));
  learn_name(net, mode, "noise", batch, LEARN_NOISE_STEPS, name);
  print(name, &state);
  lw_trainer_destroy(t);
  lw_context_destroy(context);
  free(labels);
  free(x);
}

/* only: a network; NULL: all. */
static void print_all(const char *isa, const char *only) {
  for (int i = 0; i < RUNS; i++)
    for (int cut = 0; cut < 2; cut++) {
      const int steps = cut ? runs[i].cut_steps : runs[i].steps;
      float losses[MAX_STEPS];
      learn_state state;
      if (steps == 0 || (only && strcmp(runs[i].net, only) != 0)) continue;
      learn(&runs[i], steps, isa, 0, losses, &state);
      print(name_of(&runs[i], steps), &state);
    }
  for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
    const lw_net *net = lw_net_builtin(benchmarks[i].net);
    if (only && strcmp(net->name, only) != 0) continue;
    for (int mode = LW_EXACT; mode <= (lw_recipe_is_fast(net) ? LW_FAST : LW_EXACT); mode++)
      print_benchmark(net, (lw_mode)mode, benchmarks[i].batch, isa);
  }
}

int main(int argc, char **argv) {
  if (argc >= 2 && strcmp(argv[1], "--print") == 0) {
    print_all(argc > 2 ? argv[2] : "naive", argc > 3 ? argv[3] : NULL);
    return 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(plain_loops_give_the_digests),
                                     cmocka_unit_test(every_isa_gives_the_digests),
                                     cmocka_unit_test(a_known_seed_reaches_a_known_loss)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
