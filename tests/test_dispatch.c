/* SPDX-License-Identifier: Apache-2.0
 * Every operator through its public function, for each ISA and 1, 2 and 5 threads (sanitizers and emulation: plain loops on one,
 * and smaller cases): the bits of ref. And what surrounds that: the
 * cap LANEWISE_ISA, lw_kernels(), the exported names, the floating-point environment. */
#include "tests/kit/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/context.h"
#include "tests/kit/fp.h"
#include "tests/kit/kit.h"

enum { MOST_CONTEXTS = 32 };
#ifdef LANEWISE_CUT
static const int is_cut = 1;
static const double LARGEST = 2e5; /* flops */
#else
static const int is_cut = 0;
static const double LARGEST = 2e6;
#endif
static const uint64_t seed = 2;
static const int threads[] = {1, 2, 5};

static lw_context *contexts[MOST_CONTEXTS];
static int context_count;

/* ISAs that promise exact bits: all but the compiler's own vectors. */
static int is_exact(lw_isa isa) {
  return isa != LW_ISA_PORTABLE && strncmp(lw_isa_name(isa), "autovec", 7) != 0 && lw_isa_runnable(isa);
}

static int make_contexts(void **state) {
  (void)state;
  for (int isa = 0; isa < LW_ISA_COUNT; isa++)
    for (size_t t = 0; t < sizeof threads / sizeof *threads && is_exact((lw_isa)isa); t++) {
      if (is_cut && t > 0 && !lw_isa_is_simd((lw_isa)isa)) continue;
      const lw_context_options options = {.isa = lw_isa_name((lw_isa)isa), .threads = threads[t]};
      if (lw_context_create(&options, &contexts[context_count]) != LW_OK) fail_msg("%s", lw_error_message());
      assert_string_equal(lw_context_isa(contexts[context_count]), options.isa);
      assert_int_equal(lw_context_threads(contexts[context_count]), threads[t]);
      context_count++;
    }
  contexts[context_count++] = NULL; /* the default context */
  return 0;
}

static int destroy_contexts(void **state) {
  (void)state;
  for (int i = 0; i < context_count; i++) lw_context_destroy(contexts[i]);
  return 0;
}

typedef struct subject {
  const char *op, *how;
  const kit_case *c;
  kit_fill fill;
  const lw_context *context;
} subject;

static void judge(const subject *s, lw_status status, const kit_set *expected, const kit_set *got) {
  kit_difference d;
  char text[256] = "";
  if (status != LW_OK)
    snprintf(text, sizeof text, "%s: %s", lw_status_name(status), lw_error_message());
  else if (kit_compare(expected, got, &d))
    kit_difference_text(&d, text, sizeof text);
  for (int i = 0; i < got->count && !text[0]; i++) {
    const char *what = got->t[i] ? kit_buffer_check(&got->buffer[i]) : NULL;
    if (what) snprintf(text, sizeof text, "%s: %s", got->info[i].name, what);
  }
  if (text[0])
    fail_msg("%s%s, ISA %s, %d threads, case %s, fill %s, seed %" PRIu64 ": %s", s->op, s->how, lw_context_isa(s->context),
             lw_context_threads(s->context), s->c->name, kit_fill_name(s->fill), seed, text);
}

static void poison(kit_set *set) {
  for (int i = 0; i < set->count; i++)
    if (set->t[i] && set->info[i].role == KIT_OUT) kit_buffer_poison(&set->buffer[i]);
}

static void run_in_place(subject *s, const kit_op *op, lw_context *context, const kit_set *expected, kit_set *got) {
  s->how = " in place";
  for (int input = 0; input < KIT_TENSORS; input++) {
    void *t[KIT_TENSORS];
    int output = 0;
    if (!(op->in_place >> input & 1)) continue;
    while (got->info[output].role != KIT_OUT) output++;
    memcpy(t, got->t, sizeof t);
    memcpy(got->t[output], got->t[input], got->buffer[input].bytes);
    t[input] = got->t[output];
    judge(s, op->call(context, s->c, t), expected, got);
  }
}

static void run_plan(subject *s, lw_context *context, const kit_set *expected, kit_set *got) {
  lw_conv2d_plan *plan;
  void *workspace;
  enum { X, W, BIAS, Y };
  void *const *t = got->t;
  s->how = "_plan";
  const lw_status status = lw_conv2d_plan_create(context, &s->c->of.conv2d, t[W], t[BIAS], s->c->relu, &plan);
  if (status != LW_OK) {
    judge(s, status, expected, got);
    return;
  }
  assert_int_equal(lw_allocate(context, lw_conv2d_plan_workspace_bytes(plan), &workspace), LW_OK);
  assert_true(strlen(lw_conv2d_plan_kernel(plan)) > 0);
  for (int i = 0; i < 2; i++) {
    poison(got);
    judge(s, lw_conv2d_plan_run(plan, t[X], t[Y], workspace), expected, got);
  }
  lw_release(context, workspace);
  lw_conv2d_plan_destroy(plan);
}

static void run_fill(const kit_op *op, const kit_case *c, kit_fill fill) {
  kit_set expected;
  assert_true(kit_set_make(&expected, op, c, KIT_ALIGNED));
  kit_set_fill(&expected, fill, seed);
  op->ref(c, expected.t);
  for (int i = 0; i < context_count; i++) {
    subject s = {lw_op_name(op->op), "", c, fill, contexts[i]};
    kit_set got;
    assert_true(kit_set_make(&got, op, c, (kit_memory)(i % KIT_ALIGNED)));
    kit_set_fill(&got, fill, seed);
    if (!c->relu) judge(&s, op->call(contexts[i], c, got.t), &expected, &got);
    if (!c->relu) run_in_place(&s, op, contexts[i], &expected, &got);
    if (op->op == LW_OP_conv2d) run_plan(&s, contexts[i], &expected, &got);
    kit_set_free(&got);
  }
  kit_set_free(&expected);
}

static void test_operator(void **state) {
  const kit_op *op = *state;
  kit_case c;
  int cases = 0;
  for (int i = 0; kit_case_at(op, seed, i, &c); i++) {
    if (c.pool || (c.relu && op->op != LW_OP_conv2d) || op->flops(&c) > LARGEST) continue;
    run_fill(op, &c, i % 3 ? KIT_REALS : KIT_SPECIALS);
    cases++;
  }
  assert_true(cases > 0);
}

static void test_isa_variable(void **state) {
  lw_context *c = NULL;
  (void)state;
  char *before = getenv("LANEWISE_ISA");
  before = before ? strdup(before) : NULL;
  for (int isa = 0; isa < LW_ISA_COUNT; isa++) {
    if (!is_exact((lw_isa)isa)) continue;
    setenv("LANEWISE_ISA", lw_isa_name((lw_isa)isa), 1);
    assert_int_equal(lw_context_create(NULL, &c), LW_OK);
    assert_string_equal(lw_context_isa(c), lw_isa_name((lw_isa)isa));
    lw_context_destroy(c);
    /* The option wins over the environment. */
    assert_int_equal(lw_context_create(&(lw_context_options){.isa = "ref", .threads = 1}, &c), LW_OK);
    assert_string_equal(lw_context_isa(c), "ref");
    lw_context_destroy(c);
  }
  c = NULL;
  setenv("LANEWISE_ISA", "sse9", 1);
  assert_int_equal(lw_context_create(NULL, &c), LW_BAD_ARGUMENT);
  assert_null(c);
  assert_non_null(strstr(lw_error_message(), "LANEWISE_ISA"));
  assert_non_null(strstr(lw_error_message(), "sse9"));
#if defined(__x86_64__)
  setenv("LANEWISE_ISA", "neon", 1);
#else
  setenv("LANEWISE_ISA", "avx2", 1);
#endif
  assert_int_equal(lw_context_create(NULL, &c), LW_UNSUPPORTED);
  assert_non_null(strstr(lw_error_message(), getenv("LANEWISE_ISA")));
  unsetenv("LANEWISE_ISA");
  assert_int_equal(lw_context_create(NULL, &c), LW_OK);
  assert_string_equal(lw_context_isa(c), lw_isa_name(lw_isa_best()));
  lw_context_destroy(c);
  if (before) setenv("LANEWISE_ISA", before, 1);
  free(before);
}

static void test_kernels_lists_the_table(void **state) {
  (void)state;
  const size_t count = lw_kernels(NULL, 0);
  assert_int_equal(count, lw_kernel_count);
  lw_kernel_info *rows = calloc(count + 1, sizeof *rows);
  assert_non_null(rows);
  assert_int_equal(lw_kernels(rows, 3), count);
  assert_null(rows[3].op);
  assert_int_equal(lw_kernels(rows, count + 1), count);
  assert_null(rows[count].op);
  for (size_t i = 0; i < count; i++) {
    const lw_kernel *k = &lw_kernel_table[i];
    assert_string_equal(rows[i].op, lw_op_name(k->op));
    assert_string_equal(rows[i].isa, lw_isa_name(k->isa));
    assert_string_equal(rows[i].algorithm, k->algorithm);
    assert_string_equal(rows[i].promise, lw_promise_name(k->promise));
    assert_string_equal(rows[i].symbol, k->symbol);
    assert_int_equal(!rows[i].runnable, !lw_isa_runnable(k->isa));
    for (size_t j = 0; j < i; j++) assert_string_not_equal(rows[i].symbol, rows[j].symbol);
  }
  free(rows);
}

/* Of liblanewise.so; skipped where it was not built for this machine. */
static void test_exported_names(void **state) {
  (void)state;
#if defined(LANEWISE_SHARED_LIBRARY)
  char line[512];
  int names = 0;
  FILE *nm = popen("nm -D --defined-only '" LANEWISE_SHARED_LIBRARY "'", "r");
  assert_non_null(nm);
  while (fgets(line, sizeof line, nm)) {
    char name[256], type;
    if (sscanf(line, "%*x %c %255s", &type, name) != 2) continue;
    if (strncmp(name, "lw_", 3) != 0 && strncmp(name, "__", 2) != 0) fail_msg("liblanewise.so exports %s", name);
    names++;
  }
  assert_int_equal(pclose(nm), 0);
  assert_true(names > 20);
#else
  skip();
#endif
}

static void read_control(void *arg, int part, int parts) {
  (void)parts;
  ((uint64_t *)arg)[part] = kit_fp_control();
}

/* After every kernel has run on these threads: none may have touched the register. */
static void test_floating_point_environment(void **state) {
  (void)state;
  assert_true(kit_fp_control() == KIT_FP_DEFAULT);
  for (int i = 0; i < context_count; i++) {
    uint64_t control[64];
    lw_context *c;
    assert_int_equal(lw_context_resolve(contexts[i], &c), LW_OK);
    const int parts = lw_context_threads(c) < 64 ? lw_context_threads(c) : 64;
    lw_parallel(c, parts, read_control, control);
    for (int k = 0; k < parts; k++) assert_true(control[k] == KIT_FP_DEFAULT);
  }
}

int main(void) {
  static struct CMUnitTest tests[LW_OP_COUNT + 8];
  size_t count = 0;
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_floating_point_environment);
  for (int op = 0; op < LW_OP_COUNT; op++) {
    const kit_op *kit = kit_op_find((lw_op)op);
    if (kit && kit->call) tests[count++] = (struct CMUnitTest){lw_op_name(kit->op), test_operator, NULL, NULL, (void *)kit};
  }
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_floating_point_environment);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_isa_variable);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_kernels_lists_the_table);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_exported_names);
  return _cmocka_run_group_tests("dispatch", tests, count, make_contexts, destroy_contexts);
}
