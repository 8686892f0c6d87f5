/* SPDX-License-Identifier: Apache-2.0
 * Whole passes by digest: data/golden/digests.txt holds the sha256 of every layer's output of the seeded networks. The loops of
 * ref/ recompute them natively; every other ISA must arrive at the same digests, layer by layer and fused, on several thread
 * counts. `test_digests --print` writes the file anew, from ref/. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"
#include "tests/kit/pass.h"
#include "tests/kit/pass_accuracy.h"

#define DIGESTS LANEWISE_SOURCE_DIR "/data/golden/digests.txt"

typedef struct pass {
  const lw_net *net;
  lw_mode mode;
  const char *isa;
  int print;
  int layers; /* checked so far */
} pass;

static void observe(void *user, size_t layer, const float *values, int64_t count) {
  pass *p = user;
  char hex[PASS_HEX], want[PASS_HEX];
  const char *name = p->net->layers[layer].name;
  pass_sha256(values, count, hex);
  if (p->print)
    printf("%s %s %s\n", pass_name(p->net, p->mode), name, hex);
  else if (!pass_digest(DIGESTS, p->net, p->mode, name, want))
    fail_msg("no digest of %s %s", pass_name(p->net, p->mode), name);
  else if (strcmp(hex, want) != 0)
    fail_msg("%s on %s: layer %s differs from the reference", pass_name(p->net, p->mode), p->isa, name);
  p->layers++;
}

static void run_net(const lw_net *net, lw_mode mode, const char *isa, int threads, int fused, int print) {
  lw_context *context;
  lw_plan *plan;
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = threads, .isa = isa}, &context), LW_OK);
  assert_int_equal(lw_plan_create(context, net, &weights, &(lw_plan_options){.no_fuse = !fused, .mode = mode}, &plan), LW_OK);
  const int64_t inputs = net->c * net->h * net->w, outputs = lw_plan_outputs(plan);
  float *x = malloc((size_t)inputs * sizeof *x), *y = malloc((size_t)outputs * sizeof *y);
  void *workspace;
  assert_non_null(x);
  assert_non_null(y);
  assert_int_equal(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace), LW_OK);
  pass_input(net, x);
  pass p = {.net = net, .mode = mode, .isa = isa, .print = print};
  if (fused) {
    assert_int_equal(lw_plan_run(plan, x, y, workspace), LW_OK);
    observe(&p, net->layer_count - 1, y, outputs);
  } else {
    assert_int_equal(lw_plan_observe(plan, x, y, workspace, observe, &p), LW_OK);
    assert_true(p.layers >= (int)net->layer_count - 2); /* dropout has no step of its own */
  }
  lw_release(context, workspace);
  free(x);
  free(y);
  lw_plan_destroy(plan);
  lw_context_destroy(context);
}

static int is_big(const lw_net *net) { return strcmp(net->name, "vgg16") == 0; }
#ifdef LANEWISE_CUT /* sanitizers, emulation */
static const int is_cut = 1;
#else
static const int is_cut = 0;
#endif

static int is_runnable(const char *isa) {
  lw_kernel_info rows[1024];
  const size_t count = lw_kernels(rows, 1024);
  for (size_t i = 0; i < count && i < 1024; i++)
    if (strcmp(rows[i].isa, isa) == 0) return rows[i].runnable;
  return 0;
}

static void ref_gives_the_digests(void **state) {
  (void)state;
  const lw_net *net;
  for (size_t i = 0; (net = lw_net_builtin_at(i)); i++)
    for (int mode = LW_EXACT; mode <= LW_FAST; mode++)
      if (!is_big(net) || (!is_cut && mode == LW_EXACT)) run_net(net, (lw_mode)mode, "ref", 0, 0, 0);
}

/* VGG16 on the plain loops takes half a minute, so they share its modes: ref runs exact, naive fast, each having been tested on
 * the other kernel by kernel. */
static void every_isa_gives_the_digests(void **state) {
  static const char *const isas[] = {"naive", "avx2", "avx512", "neon"};
  (void)state;
  int skipped = 0;
  for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
    if (!is_runnable(isas[k])) {
      skipped++;
      continue;
    }
    const lw_net *net;
    if (is_cut && k == 0) continue; /* ref's loops */
    for (size_t i = 0; (net = lw_net_builtin_at(i)); i++) {
      const int emulated = is_cut && strcmp(isas[k], "neon") == 0; /* one whole VGG16 pass per mode, fused */
      const int naive = strcmp(isas[k], "naive") == 0;
      if (is_big(net) && is_cut && !emulated) continue;
      if (is_big(net) && naive) {
        run_net(net, LW_FAST, isas[k], 0, 0, 0);
        continue;
      }
      for (int mode = LW_EXACT; mode <= LW_FAST; mode++) {
        if (!is_big(net) || !is_cut) run_net(net, (lw_mode)mode, isas[k], 1, 0, 0);
        run_net(net, (lw_mode)mode, isas[k], 2, 1, 0);
        if (!is_big(net) && !is_cut) run_net(net, (lw_mode)mode, isas[k], 5, 1, 0);
      }
    }
  }
  print_message("skipped: %d ISAs that this machine cannot run\n", skipped);
}

/* Each layer keeps the bound of its own algorithm, and each with sums comes within 1/1000 of it: a bound that nothing comes near
 * proves nothing. */
static void judge_layers(const lw_net *net, lw_mode mode, const pass_record *record, const float *x) {
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const pass_judgement judgement = {.net = net, .weights = &weights, .x = x, .samples = 256, .order = KIT_CHAIN};
  pass_layer *layers = malloc(net->layer_count * sizeof *layers);
  double least = INFINITY;
  assert_non_null(layers);
  if (pass_judge(&judgement, record, 1, layers) != LW_OK) fail_msg("%s", lw_error_message());
  for (size_t i = 0; i < net->layer_count; i++) {
    const lw_layer *l = &net->layers[i];
    const double worst = layers[i].own.worst;
    if (!(worst <= 1)) fail_msg("%s: layer %s: error / bound %g", pass_name(net, mode), l->name, worst);
    if (l->kind != LW_LAYER_CONV2D && l->kind != LW_LAYER_LINEAR) continue;
    if (!(worst > 1e-3)) fail_msg("%s: layer %s: error / bound only %g", pass_name(net, mode), l->name, worst);
    least = fmin(least, worst);
  }
  print_message("%s: largest error / bound of each layer at least %.3g\n", pass_name(net, mode), least);
  free(layers);
}

static void check_bounds(const lw_net *net, lw_mode mode) {
  lw_plan *plan, *other;
  void *workspace;
  const uint64_t seed = PASS_SEED, other_seed = PASS_SEED + 1;
  const lw_weights weights = lw_weights_seeded(&seed), other_weights = lw_weights_seeded(&other_seed);
  const lw_plan_options options = {.no_fuse = 1, .mode = mode};
  assert_int_equal(lw_plan_create(NULL, net, &weights, &options, &plan), LW_OK);
  assert_int_equal(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace), LW_OK);
  float *x = malloc((size_t)(net->c * net->h * net->w) * sizeof *x), *y = malloc((size_t)lw_plan_outputs(plan) * sizeof *y);
  assert_non_null(x);
  assert_non_null(y);
  pass_input(net, x);
  pass_record record;
  if (pass_record_make(plan, net, x, y, workspace, &record) != LW_OK) fail_msg("%s", lw_error_message());
  judge_layers(net, mode, &record, x);
  pass_record_free(&record);
  /* The check can fail: weights of another seed are out of all bounds. */
  if (!is_big(net)) {
    assert_null(pass_check_bounds(net, plan, x, y, workspace));
    assert_int_equal(lw_plan_create(NULL, net, &other_weights, &options, &other), LW_OK);
    assert_non_null(pass_check_bounds(net, other, x, y, workspace));
    lw_plan_destroy(other);
  }
  free(x);
  free(y);
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
}

/* Layer by layer against sums in double: what the digests say is right, too, and not only the same everywhere. Once, since equal
 * bits are equally right: cut builds only try the way there. */
static void every_layer_is_within_its_bound(void **state) {
  (void)state;
  const lw_net *net;
  for (size_t i = 0; (net = lw_net_builtin_at(i)); i++)
    for (int mode = LW_EXACT; mode <= LW_FAST; mode++)
      if (!is_cut || strcmp(net->name, "lenet5") == 0) check_bounds(net, (lw_mode)mode);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--print") == 0) {
    const lw_net *net;
    for (int mode = LW_EXACT; mode <= LW_FAST; mode++)
      for (size_t i = 0; (net = lw_net_builtin_at(i)); i++) run_net(net, (lw_mode)mode, "ref", 0, 0, 1);
    return 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(ref_gives_the_digests), cmocka_unit_test(every_isa_gives_the_digests),
                                     cmocka_unit_test(every_layer_is_within_its_bound)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
