/* SPDX-License-Identifier: Apache-2.0
 * Random networks on random values, many of them hostile: plans and trainers on every ISA give the bits that the public operators
 * give layer by layer on the loops of ref/, in mode fast those of the plain loops; with any number of threads.
 * LANEWISE_EXHAUSTIVE=1 walks many more. A failure names its seed; `test_random_nets SEED` repeats it. */
#include "tests/random_net.h"

#include <inttypes.h>
#include "simd/isa.h"
#include "tests/exhaustive.h"

#ifdef LANEWISE_CUT
enum { CASES = 12 };
#else
enum { CASES = 60 };
#endif
enum { EXHAUSTIVE = 3000, STEPS = 3, MOST_WORK = 400000 };

static uint64_t first_seed = 1, last_seed = CASES;
static lw_context *reference, *contexts[16];
static int context_count;

static int setup(void **state) {
  static const char *const isas[] = {"naive", "avx2", "avx512", "neon"};
  (void)state;
  must(lw_context_create(&(lw_context_options){.isa = "ref", .threads = 1}, &reference));
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
    for (int threads = 1; threads <= 3 && lw_isa_runnable((lw_isa)lw_isa_from_name(isas[i])); threads++)
      must(lw_context_create(&(lw_context_options){.isa = isas[i], .threads = threads}, &contexts[context_count++]));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  lw_context_destroy(reference);
  for (int i = 0; i < context_count; i++) lw_context_destroy(contexts[i]);
  return 0;
}

/* --------------------------------------------------------------------------------------------------------- comparison */

/* What a run computed, one array after the other. */
typedef struct result {
  int count;
  float *values[STEPS * (2 + 3 * RANDOM_TENSORS)];
  int64_t counts[STEPS * (2 + 3 * RANDOM_TENSORS)];
  const char *names[STEPS * (2 + 3 * RANDOM_TENSORS)];
} result;

/* A copy; values == NULL: room for some, of what nothing computes. */
static float *keep(result *r, const char *name, int64_t count, const float *values) {
  float *copy = must_get(count, sizeof *copy);
  memset(copy, 0xAA, (size_t)count * sizeof *copy);
  if (values) memcpy(copy, values, (size_t)count * sizeof *copy);
  r->names[r->count] = name;
  r->counts[r->count] = count;
  return r->values[r->count++] = copy;
}

static void free_result(result *r) {
  for (int i = 0; i < r->count; i++) free(r->values[i]);
}

static void compare(const random_net *n, uint64_t seed, int64_t batch, const result *expected, const result *got,
                    const lw_context *context) {
  assert_int_equal(expected->count, got->count);
  for (int a = 0; a < expected->count; a++)
    for (int64_t i = 0; i < expected->counts[a]; i++) {
      const float want = expected->values[a][i], have = got->values[a][i];
      if (isnan(want) ? isnan(have) : memcmp(&want, &have, sizeof want) == 0) continue;
      random_net_print(n, batch);
      fail_msg("seed %" PRIu64 " on %s, %d threads: %s (array %d)[%" PRId64 "] is %a, expected %a", seed, lw_context_isa(context),
               lw_context_threads(context), expected->names[a], a, i, (double)have, (double)want);
    }
}

/* Small where the network is large: the loops of ref/ take their time. */
static int64_t random_batch(kit_random *r, const random_net *n) {
  static const int64_t batches[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 49};
  int64_t batch = batches[kit_between(r, 0, sizeof batches / sizeof *batches - 1)];
  while (batch > 1 && batch * n->floats > MOST_WORK) batch /= 2;
  return batch;
}

/* -------------------------------------------------------------------------------------------------------------- plans */

static void run_plan(lw_context *context, const random_net *n, lw_mode mode, int64_t batch, float *const *w, const float *x,
                     result *r) {
  const lw_weights weights = lw_weights_arrays((const float *const *)w);
  lw_plan *plan;
  void *workspace;
  *r = (result){0};
  float *y = keep(r, "y", batch * random_net_outputs(n), NULL);
  must(lw_plan_create(context, &n->net, &weights, &(lw_plan_options){.batch = batch, .mode = mode}, &plan));
  must(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace));
  must(lw_plan_run(plan, x, y, workspace));
  lw_release(context, workspace);
  lw_plan_destroy(plan);
}

static void plan(uint64_t seed) {
  kit_random r = {seed};
  random_net n;
  result expected = {0};
  float *w[RANDOM_TENSORS];
  const int is_fast = one_in(&r, 3), is_hostile = one_in(&r, 2);
  random_net_make(&n, &r, is_fast || one_in(&r, 3));
  if (one_in(&r, 2)) random_net_add(&n, (lw_layer){.kind = LW_LAYER_SOFTMAX});
  const int64_t batch = random_batch(&r, &n), inputs = batch * lw_shape_size(n.shapes[0]);
  float *x = must_get(inputs, sizeof *x);
  random_values(&r, inputs, 1, is_hostile, x);
  random_tensors(&n, &r, 1, is_hostile, w);
  if (is_fast) {
    run_plan(contexts[0], &n, LW_FAST, batch, w, x, &expected);
  } else {
    composed c = {.n = &n, .context = reference, .samples = batch, .w = w, .y = {x}};
    compose_forward(&c);
    keep(&expected, "y", batch * random_net_outputs(&n), c.y[n.net.layer_count]);
    compose_free(&c);
  }
  for (int i = 0; i < context_count; i++) {
    result got;
    run_plan(contexts[i], &n, is_fast ? LW_FAST : LW_EXACT, batch, w, x, &got);
    compare(&n, seed, batch, &expected, &got, contexts[i]);
    free_result(&got);
  }
  free_result(&expected);
  free_tensors(&n, w);
  free(x);
}

static void plans(void **state) {
  (void)state;
  for (uint64_t seed = first_seed; seed <= last_seed; seed++) plan(seed);
}

/* ----------------------------------------------------------------------------------------------------------- trainers */

typedef struct learning {
  random_net n;
  lw_trainer_options options;
  lw_sgd_options later; /* from the second step on */
  int is_restored, has_momentum;
  uint64_t start;
  float *weights[RANDOM_TENSORS], *momentum[RANDOM_TENSORS], *class_weights;
  int steps;
  int64_t samples[STEPS];
  float *x[STEPS];
  int32_t *labels[STEPS];
} learning;

static lw_sgd_options random_sgd(kit_random *r) {
  lw_sgd_options o = {.lr = one_in(r, 8) ? 0 : one_in(r, 10) ? 1e30f : .1f};
  if (one_in(r, 2)) o.weight_decay = one_in(r, 5) ? 3 : 5e-4f;
  if (!one_in(r, 3)) o.momentum = one_in(r, 5) ? 2 : .9f;
  if (one_in(r, 2))
    o.dampening = one_in(r, 3) ? -2 : .1f;
  else
    o.nesterov = o.momentum != 0 && one_in(r, 2);
  return o;
}

static void make_loss(learning *l, kit_random *r) {
  lw_cross_entropy_desc *loss = &l->options.loss;
  const int64_t classes = random_net_outputs(&l->n);
  loss->reduction = one_in(r, 3) ? LW_REDUCTION_SUM : LW_REDUCTION_MEAN;
  if (one_in(r, 3)) loss->label_smoothing = one_in(r, 4) ? 1 : (float)kit_uniform(r);
  if (one_in(r, 3)) {
    loss->class_weights = l->class_weights = must_get(classes, sizeof(float));
    for (int64_t i = 0; i < classes; i++) l->class_weights[i] = one_in(r, 4) ? 0 : one_in(r, 8) ? 1e-40f : (float)kit_uniform(r);
  }
  loss->has_ignore_index = one_in(r, 2);
  loss->ignore_index = one_in(r, 2) ? -100 : (int32_t)kit_between(r, 0, classes - 1);
}

static void make_learning(learning *l, uint64_t seed) {
  kit_random r = {seed};
  *l = (learning){.options.seed = seed};
  const int is_fast = one_in(&r, 3), is_hostile = one_in(&r, 2);
  random_net_make(&l->n, &r, is_fast || one_in(&r, 4));
  const int64_t batch = random_batch(&r, &l->n), classes = random_net_outputs(&l->n);
  l->options.batch = batch;
  l->options.mode = is_fast ? LW_FAST : LW_EXACT;
  l->options.sgd = random_sgd(&r);
  l->later = one_in(&r, 3) ? random_sgd(&r) : l->options.sgd;
  make_loss(l, &r);
  random_tensors(&l->n, &r, 1, is_hostile, l->weights);
  random_tensors(&l->n, &r, .1f, is_hostile, l->momentum);
  l->is_restored = one_in(&r, 2);
  l->has_momentum = one_in(&r, 2);
  l->start = one_in(&r, 2) ? kit_next(&r) : 7;
  l->steps = (int)kit_between(&r, 1, STEPS);
  for (int s = 0; s < l->steps; s++) {
    const int64_t n = l->samples[s] = one_in(&r, 2) ? batch : kit_between(&r, 1, batch),
                  count = n * lw_shape_size(l->n.shapes[0]);
    l->x[s] = must_get(count, sizeof *l->x[s]);
    random_values(&r, count, 1, is_hostile && one_in(&r, 2), l->x[s]);
    l->labels[s] = must_get(n, sizeof *l->labels[s]);
    const int most_ignored = l->options.loss.has_ignore_index ? one_in(&r, 8) ? 1 : 3 : 0;
    for (int64_t i = 0; i < n; i++)
      l->labels[s][i] =
          most_ignored && one_in(&r, most_ignored) ? l->options.loss.ignore_index : (int32_t)kit_between(&r, 0, classes - 1);
  }
}

static void free_learning(learning *l) {
  free_tensors(&l->n, l->weights);
  free_tensors(&l->n, l->momentum);
  free(l->class_weights);
  for (int s = 0; s < l->steps; s++) {
    free(l->x[s]);
    free(l->labels[s]);
  }
}

/* momentum: NULL where there is none. */
static void keep_tensors(const learning *l, result *r, float *const *weights, float *const *gradients, float *const *momentum) {
  for (int i = 0; i < l->n.tensors; i++) {
    const int64_t count = l->n.parameter[i].count;
    keep(r, "gradients", count, gradients[i]);
    keep(r, "weights", count, weights[i]);
    keep(r, "momentum", momentum ? count : 0, momentum ? momentum[i] : NULL);
  }
}

/* Steps by operators. */
static void compose_learning(const learning *l, result *r) {
  float *part[3][RANDOM_TENSORS]; /* by lw_trainer_part */
  float **const weights = part[LW_TRAINER_WEIGHTS], **const gradients = part[LW_TRAINER_GRADIENTS],
                **const momentum = part[LW_TRAINER_MOMENTUM];
  int has_momentum = l->is_restored && l->has_momentum;
  uint64_t done = l->is_restored ? l->start : 0;
  *r = (result){0};
  for (int i = 0; i < l->n.tensors; i++) {
    const size_t bytes = (size_t)l->n.parameter[i].count * sizeof(float);
    for (int k = LW_TRAINER_WEIGHTS; k <= LW_TRAINER_MOMENTUM; k++) part[k][i] = must_get(l->n.parameter[i].count, sizeof(float));
    memcpy(weights[i], l->weights[i], bytes);
    memcpy(momentum[i], l->momentum[i], bytes);
  }
  for (int s = 0; s < l->steps; s++) {
    const lw_sgd_options *sgd = s ? &l->later : &l->options.sgd;
    composed c = {.n = &l->n, .context = reference, .samples = l->samples[s], .drops = 1, .w = weights, .y = {l->x[s]}};
    c.seed = l->options.seed;
    c.stream = done << 16;
    lw_cross_entropy_desc loss = l->options.loss;
    loss.n = l->samples[s];
    loss.c = random_net_outputs(&l->n);
    compose_forward(&c);
    const float *const scores = keep(r, "scores", loss.n * loss.c, c.y[l->n.net.layer_count]);
    float *const cost = keep(r, "loss", 1, NULL), *const dy = must_get(loss.n * loss.c, sizeof *dy);
    must(lw_softmax_cross_entropy(reference, &loss, scores, l->labels[s], cost));
    must(lw_softmax_cross_entropy_backward(reference, &loss, scores, l->labels[s], dy));
    compose_backward(&c, dy, gradients);
    compose_free(&c);
    if (isfinite(*cost)) {
      for (int i = 0; i < l->n.tensors; i++)
        must(lw_sgd(reference, sgd, !has_momentum, l->n.parameter[i].count, weights[i], gradients[i], momentum[i]));
      has_momentum |= sgd->momentum != 0;
      done++;
    }
    keep_tensors(l, r, weights, gradients, has_momentum ? momentum : NULL);
  }
  for (int k = LW_TRAINER_WEIGHTS; k <= LW_TRAINER_MOMENTUM; k++) free_tensors(&l->n, part[k]);
}

static void run_trainer(lw_context *context, const learning *l, result *r) {
  const lw_weights weights = lw_weights_arrays((const float *const *)l->weights),
                   buffers = lw_weights_arrays((const float *const *)l->momentum);
  lw_trainer *t;
  *r = (result){0};
  must(lw_trainer_create(context, &l->n.net, &weights, &l->options, &t));
  if (l->is_restored) must(lw_trainer_restore(t, l->start, &weights, l->has_momentum ? &buffers : NULL));
  for (int s = 0; s < l->steps; s++) {
    float *part[3][RANDOM_TENSORS]; /* by lw_trainer_part */
    float *const scores = keep(r, "scores", l->samples[s] * random_net_outputs(&l->n), NULL);
    float *const loss = keep(r, "loss", 1, NULL);
    if (s) must(lw_trainer_set_sgd(t, &l->later));
    must(lw_train_step(t, l->samples[s], l->x[s], l->labels[s], loss, scores));
    for (int k = LW_TRAINER_WEIGHTS; k <= LW_TRAINER_MOMENTUM; k++)
      for (int i = 0; i < l->n.tensors; i++) part[k][i] = (float *)lw_trainer_tensor(t, (lw_trainer_part)k, i);
    float *const *const momentum = part[LW_TRAINER_MOMENTUM];
    keep_tensors(l, r, part[LW_TRAINER_WEIGHTS], part[LW_TRAINER_GRADIENTS], momentum[0] ? momentum : NULL);
  }
  lw_trainer_destroy(t);
}

static int64_t finite_steps, all_steps;

static void trainer(uint64_t seed) {
  learning l;
  result expected, got;
  make_learning(&l, seed);
  if (l.options.mode == LW_FAST)
    run_trainer(contexts[0], &l, &expected);
  else
    compose_learning(&l, &expected);
  for (int i = 0; i < context_count; i++) {
    run_trainer(contexts[i], &l, &got);
    compare(&l.n, seed, l.options.batch, &expected, &got, contexts[i]);
    free_result(&got);
  }
  for (int i = 0; i < expected.count; i++)
    if (strcmp(expected.names[i], "loss") == 0) {
      finite_steps += isfinite(*expected.values[i]) != 0;
      all_steps++;
    }
  free_result(&expected);
  free_learning(&l);
}

static void trainers(void **state) {
  (void)state;
  for (uint64_t seed = first_seed; seed <= last_seed; seed++) trainer(seed);
  print_message("%" PRId64 " steps, %" PRId64 " of them with a loss that is a number\n", all_steps, finite_steps);
  if (last_seed - first_seed > 10) assert_true(finite_steps > all_steps / 3 && finite_steps < all_steps);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(plans), cmocka_unit_test(trainers)};
  if (is_exhaustive()) last_seed = EXHAUSTIVE;
  if (argc > 1) first_seed = last_seed = strtoull(argv[1], NULL, 10);
  return cmocka_run_group_tests(tests, setup, teardown);
}
