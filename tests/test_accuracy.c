/* SPDX-License-Identifier: Apache-2.0
 * Layers and passes against double (tests/kit/layer.h, pass_accuracy.h), which `lanewise accuracy`, test_digests and bench_nets
 * rely on: held to ref64 and the operators' own bounds, and planted faults are found where they are. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/layer.h"
#include "tests/kit/pass_accuracy.h"

static const uint64_t seed = 11;
#ifdef LANEWISE_CUT                /* sanitizers and emulation: the loops in double are the same */
static const double LARGEST = 3e5; /* flops */
static const int FIRST_MODE = LW_FAST;
#else
static const double LARGEST = 1e6;
static const int FIRST_MODE = LW_EXACT;
#endif

/* A case of conv2d with its tensors, as a layer of one image. */
typedef struct subject {
  kit_set set, wide;
  kit_layer layer;
  double *bound;
} subject;

enum { X, W, BIAS, Y };

/* 0: the case is none of a layer. algorithm NULL: mode exact. */
static int make(subject *s, const kit_op *op, const kit_case *c, const char *algorithm) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  if (d->n != 1 || c->relu || c->pool || op->flops(c) > LARGEST || op->flops(c) == 0) return 0;
  if (algorithm && !op->fast_applies(algorithm, c)) return 0;
  assert_true(kit_set_make(&s->set, op, c, KIT_ALIGNED));
  kit_set_fill(&s->set, KIT_REALS, seed);
  assert_true(kit_set_widen(&s->wide, &s->set));
  if (algorithm)
    op->fast_ref(algorithm, c, s->set.t);
  else
    op->ref(c, s->set.t);
  op->ref64(c, s->wide.t);
  const int64_t outputs = s->set.info[Y].count;
  s->layer = (kit_layer){.name = c->name,
                         .op = op,
                         .c = *c,
                         .inputs = s->set.info[X].count,
                         .outputs = outputs,
                         .macs = op->flops(c) / 2,
                         .w = s->set.t[W],
                         .bias = s->set.t[BIAS]};
  s->bound = malloc((size_t)outputs * sizeof *s->bound);
  assert_non_null(s->bound);
  if (algorithm)
    op->fast_bound(algorithm, c, s->wide.t, s->bound);
  else
    op->bound(c, s->wide.t, KIT_CHAIN, s->bound);
  return 1;
}

static void release(subject *s) {
  free(s->bound);
  kit_set_free(&s->wide);
  kit_set_free(&s->set);
}

static int near(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b) + 1e-300; }

static void layers_in_double(void **state) {
  (void)state;
  const kit_op *op = kit_op_find(LW_OP_conv2d);
  lw_context *context;
  kit_case c;
  subject s;
  int cases = 0;
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 3}, &context), LW_OK);
  for (int i = 0; kit_case_at(op, seed, i, &c); i++) {
    if (!make(&s, op, &c, NULL)) continue;
    const double *x = s.wide.t[X], *w = s.wide.t[W], *want = s.wide.t[Y];
    double *y = malloc((size_t)s.layer.outputs * sizeof *y), largest = 0;
    assert_non_null(y);
    kit_layer_ref64(context, &s.layer, x, y);
    for (int64_t k = 0; k < s.set.info[W].count; k++) largest = fmax(largest, fabs(w[k]));
    for (int64_t k = 0; k < s.layer.outputs; k++)
      if (!(fabs(y[k] - want[k]) <= 1e-12 * (1 + largest)))
        fail_msg("%s: output %d is %g, expected %g", c.name, (int)k, y[k], want[k]);
    free(y);
    release(&s);
    cases++;
  }
  assert_true(cases > 100);
  lw_context_destroy(context);
}

/* The same errors and bounds as the operator's own functions give. */
static void check_judgement(const lw_context *context, const lw_context *other, const kit_op *op, const char *algorithm) {
  kit_case c;
  subject s;
  int cases = 0;
  for (int i = 0; kit_case_at(op, seed, i, &c); i++) {
    if (!make(&s, op, &c, algorithm)) continue;
    const float *x = s.set.t[X], *y = s.set.t[Y];
    const char *name = algorithm ? algorithm : "direct";
    kit_difference d;
    kit_accuracy want, all = {0}, some = {0}, again = {0};
    kit_compare_bound(&s.wide, s.bound, &s.set, &d, &want);
    assert_int_equal(kit_layer_judge(context, &s.layer, name, KIT_CHAIN, 0, x, y, &all), LW_OK);
    assert_int_equal(kit_layer_judge(context, &s.layer, name, KIT_CHAIN, 20, x, y, &some), LW_OK);
    assert_int_equal(kit_layer_judge(other, &s.layer, name, KIT_CHAIN, 20, x, y, &again), LW_OK);
    if (all.count != want.count || !near(all.worst, want.worst) || !near(all.largest, want.largest) ||
        !near(all.squares, want.squares) || !near(all.error_squares, want.error_squares))
      fail_msg("%s %s: worst %g, expected %g; largest %g, expected %g", c.name, name, all.worst, want.worst, all.largest,
               want.largest);
    assert_int_equal(some.count, all.count > 28 ? 28 : all.count);
    assert_true(some.worst <= all.worst && some.largest <= all.largest);
    assert_memory_equal(&some, &again, sizeof some); /* whatever the threads */
    release(&s);
    cases++;
  }
  assert_true(cases > 30);
}

static void judgements(void **state) {
  (void)state;
  const kit_op *op = kit_op_find(LW_OP_conv2d);
  lw_context *one, *three;
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 1}, &one), LW_OK);
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 3}, &three), LW_OK);
  check_judgement(three, one, op, NULL);
  check_judgement(three, one, op, "winograd4");
  check_judgement(three, one, op, "winograd2");
  lw_context_destroy(one);
  lw_context_destroy(three);
}

/* All kinds of layers, and in mode fast both of Winograd's algorithms. */
static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "first", .out = 16, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_RELU, .name = "relu"},
                                  {.kind = LW_LAYER_CONV2D, .name = "large", .out = 20, .kernel = 3, .pad = 1, .no_bias = 1},
                                  {.kind = LW_LAYER_MAX_POOL2D, .name = "max", .kernel = 2},
                                  {.kind = LW_LAYER_CONV2D, .name = "small", .out = 24, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_TANH, .name = "tanh"},
                                  {.kind = LW_LAYER_DROPOUT, .name = "drop", .probability = .5f},
                                  {.kind = LW_LAYER_CONV2D, .name = "strided", .out = 8, .kernel = 3, .stride = 2, .groups = 2},
                                  {.kind = LW_LAYER_AVG_POOL2D, .name = "average", .kernel = 3, .stride = 2},
                                  {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 10},
                                  {.kind = LW_LAYER_SOFTMAX, .name = "softmax"}};
enum { LAYERS = sizeof layers / sizeof *layers, OUTPUTS = 10, SMALL = 4, DROP = 6 };
static const lw_net net = {"kinds", 3, 28, 30, layers, LAYERS};

typedef struct pass {
  pass_record record[2]; /* exact, fast */
  float *x;
  lw_weights weights;
} pass;

static void record(pass *p) {
  p->weights = lw_weights_seeded(&seed);
  p->x = malloc(sizeof(float) * 3 * 28 * 30);
  assert_non_null(p->x);
  lw_kaiming_uniform(seed, 1000, 6, 0, 3 * 28 * 30, p->x);
  for (int mode = 0; mode < 2; mode++) {
    float y[OUTPUTS];
    lw_plan *plan;
    void *workspace;
    const lw_plan_options options = {.no_fuse = 1, .mode = (lw_mode)mode};
    assert_int_equal(lw_plan_create(NULL, &net, &p->weights, &options, &plan), LW_OK);
    assert_int_equal(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace), LW_OK);
    if (pass_record_make(plan, &net, p->x, y, workspace, &p->record[mode]) != LW_OK) fail_msg("%s", lw_error_message());
    lw_release(NULL, workspace);
    lw_plan_destroy(plan);
  }
}

static void forget(pass *p) {
  for (int i = 0; i < 2; i++) pass_record_free(&p->record[i]);
  free(p->x);
}

static pass_judgement judgement_of(const pass *p) {
  return (pass_judgement){.net = &net, .weights = &p->weights, .x = p->x, .order = KIT_CHAIN, .since_input = 1};
}

static void passes(void **state) {
  (void)state;
  pass p;
  pass_layer got[2 * LAYERS];
  record(&p);
  const pass_judgement j = judgement_of(&p);
  assert_int_equal(pass_judge(&j, p.record, 2, got), LW_OK);
  for (int i = 0; i < 2 * LAYERS; i++) {
    const lw_layer *l = &layers[i % LAYERS];
    const kit_accuracy *own = &got[i].own, *since = &got[i].since_input;
    assert_true(own->worst <= 1 && own->count == since->count && own->count > 0);
    if (l->kind == LW_LAYER_RELU || l->kind == LW_LAYER_MAX_POOL2D || l->kind == LW_LAYER_DROPOUT)
      assert_true(own->largest == 0);
    else
      assert_true(own->worst > 1e-3);
    assert_true(since->worst == 0 && since->largest > 0);
    assert_true(kit_accuracy_error_rms(since) < 1e-5 * kit_accuracy_rms(since));
    if (i % LAYERS == 0) assert_true(near(own->largest, since->largest) && near(own->error_squares, since->error_squares));
  }
  assert_string_equal(p.record[1].algorithm[2], "winograd4");
  assert_string_equal(p.record[1].algorithm[SMALL], "winograd2");
  assert_string_equal(p.record[1].algorithm[DROP], "");
  assert_true(got[LAYERS + 2].own.largest != got[2].own.largest);
  forget(&p);
}

/* One output of one layer is off: that layer is outside of its bound, and the next, whose input it is, too. */
static void faults_are_found_where_they_are(void **state) {
  (void)state;
  pass p;
  pass_layer got[LAYERS];
  record(&p);
  const pass_judgement j = judgement_of(&p);
  for (int mode = FIRST_MODE; mode < 2; mode++)
    for (size_t bad = 0; bad < LAYERS; bad++) {
      float *y = p.record[mode].y[bad];
      if (!y) continue;
      const float kept = y[3];
      y[3] += .01f;
      assert_int_equal(pass_judge(&j, &p.record[mode], 1, got), LW_OK);
      for (size_t i = 0; i < LAYERS; i++) {
        const int may_differ = i == bad + 1 || (i == bad + 2 && !p.record[mode].y[bad + 1]);
        if (i == bad) assert_true(got[i].own.worst > 1);
        if (i != bad && !may_differ) assert_true(got[i].own.worst <= 1);
      }
      y[3] = kept;
    }
  forget(&p);
}

static lw_status read_nan(void *user, const lw_net *of, int tensor, const char *name, int64_t first, int64_t count, float *dst) {
  (void)user, (void)of, (void)name, (void)first;
  for (int64_t i = 0; i < count; i++) dst[i] = tensor == 3 && i == 5 ? NAN : .5f;
  return LW_OK;
}

static void bad_input(void **state) {
  (void)state;
  pass p;
  pass_layer got[LAYERS];
  pass_record fused;
  lw_plan *plan;
  void *workspace;
  float y[OUTPUTS];
  record(&p);
  pass_judgement j = judgement_of(&p);
  const lw_weights weights = {.read = read_nan};
  j.weights = &weights;
  assert_int_equal(pass_judge(&j, p.record, 1, got), LW_BAD_ARGUMENT);
  assert_string_equal(lw_error_message(), "small.weight[5] is nan, expected finite weights");
  assert_int_equal(lw_plan_create(NULL, &net, &p.weights, NULL, &plan), LW_OK);
  assert_int_equal(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace), LW_OK);
  if (strcmp(lw_context_isa(NULL), "ref") != 0 && strcmp(lw_context_isa(NULL), "naive") != 0) {
    assert_int_equal(pass_record_make(plan, &net, p.x, y, workspace, &fused), LW_BAD_ARGUMENT);
    assert_non_null(strstr(lw_error_message(), "no_fuse"));
    pass_record_free(&fused);
  }
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  forget(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_in_double), cmocka_unit_test(judgements),
      cmocka_unit_test(passes),           cmocka_unit_test(faults_are_found_where_they_are),
      cmocka_unit_test(bad_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
