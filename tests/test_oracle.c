/* SPDX-License-Identifier: Apache-2.0
 * The definition against the double oracle: ref within the chain bound of ref64, for every operator. */
#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include "tests/kit/kit.h"

#ifdef LANEWISE_CUT /* sanitizers and emulation: the loops are the same */
static const double LARGEST = 5e5;
static const double TIGHT = .05; /* shapes of which some output comes nearer to its bound are larger */
#else
static const double LARGEST = 1e7; /* flops; the bound follows every chain in double */
static const double TIGHT = .1;
#endif
static const uint64_t seed = 3;

/* A bound that nothing comes near proves nothing: on reals the largest error / bound of every shape is above 1/1000. Only sums of
 * 16 terms or fewer may come out exactly, as those of poolings and copies do. */
static int is_tight(const kit_accuracy *a, double flops) {
  return a->worst > 1e-3 || (a->worst == 0 && flops <= 32 * (double)a->count);
}

/* Every output within its bound times `scale`. with: the seed of the fill. algorithm: of mode fast, NULL: mode exact. */
static kit_accuracy judge(const kit_op *op, const char *algorithm, const kit_case *c, kit_fill fill, uint64_t with,
                          double scale) {
  kit_set set, wide;
  kit_difference d;
  kit_accuracy accuracy;
  double *bound = NULL;
  assert_true(kit_set_make(&set, op, c, KIT_ALIGNED));
  kit_set_fill(&set, fill, with);
  assert_true(kit_set_widen(&wide, &set));
  if (algorithm)
    op->fast_ref(algorithm, c, set.t);
  else
    op->ref(c, set.t);
  op->ref64(c, wide.t);
  if (op->bound) {
    bound = malloc((size_t)set.info[kit_set_output(&set)].count * sizeof *bound + 1);
    assert_non_null(bound);
    if (algorithm)
      op->fast_bound(algorithm, c, wide.t, bound);
    else
      op->bound(c, wide.t, KIT_CHAIN, bound);
  }
  for (int64_t i = 0; bound && i < set.info[kit_set_output(&set)].count; i++) bound[i] *= scale;
  if (kit_compare_bound(&wide, bound, &set, &d, &accuracy)) {
    char text[256];
    kit_difference_text(&d, text, sizeof text);
    fail_msg("%s %s, case %s, fill %s, seed %d: %s", lw_op_name(op->op), algorithm ? algorithm : "", c->name, kit_fill_name(fill),
             (int)with, text);
  }
  /* Sums of small integers are exact, in float and in double. */
  if (fill == KIT_INTEGERS && op->exact_on_integers && !algorithm)
    assert_int_equal(kit_compare_bound(&wide, NULL, &set, &d, NULL), 0);
  free(bound);
  kit_set_free(&wide);
  kit_set_free(&set);
  return accuracy;
}

/* A single output can be near the truth by chance: such a shape may try several fills. */
static kit_accuracy judge_reals(const kit_op *op, const char *algorithm, const kit_case *c) {
  enum { FILLS = 8 };
  kit_accuracy a = judge(op, algorithm, c, KIT_REALS, seed, 1);
  for (uint64_t k = 1; k < FILLS && op->bound && a.count == 1 && !is_tight(&a, op->flops(c)); k++)
    a = judge(op, algorithm, c, KIT_REALS, seed + k, 1);
  return a;
}

static void judge_all(const kit_op *op, const char *algorithm) {
  kit_case c;
  double worst = 0, least = INFINITY;
  for (int i = 0; kit_case_at(op, seed, i, &c); i++) {
    if (op->flops(&c) > LARGEST || (algorithm && !op->fast_applies(algorithm, &c))) continue;
    judge(op, algorithm, &c, KIT_INTEGERS, seed, 1);
    const kit_accuracy a = judge_reals(op, algorithm, &c);
    if (op->bound && !is_tight(&a, op->flops(&c)))
      fail_msg("%s %s, case %s: error / bound is only %g", lw_op_name(op->op), algorithm ? algorithm : "", c.name, a.worst);
    worst = fmax(worst, a.worst);
    least = a.worst > 0 ? fmin(least, a.worst) : least;
  }
  if (!op->bound) return;
  print_message("%-16s %-10s largest error / bound of a shape %.2g to %.3g\n", lw_op_name(op->op), algorithm ? algorithm : "",
                least, worst);
  assert_true(worst > TIGHT);
}

static void test_operator(void **state) {
  const kit_op *op = *state;
  judge_all(op, NULL);
  const char *algorithm;
  for (int i = 0; (algorithm = kit_fast_algorithm(op, i)); i++) judge_all(op, algorithm);
}

/* The check can fail: bounds that are 1000 times too large are seen on every shape with sums. */
static void test_loose_bounds(void **state) {
  (void)state;
  static const char *const algorithms[] = {NULL, "winograd4", "winograd2"};
  const kit_op *op = kit_op_find(LW_OP_conv2d);
  kit_case c;
  int seen = 0;
  for (int i = 0; kit_case_at(op, seed, i, &c); i++)
    for (int k = 0; k < 3 && op->flops(&c) > 0 && op->flops(&c) <= 1e5; k++) {
      if (algorithms[k] && !op->fast_applies(algorithms[k], &c)) continue;
      const kit_accuracy a = judge(op, algorithms[k], &c, KIT_REALS, seed, 1000);
      assert_false(is_tight(&a, op->flops(&c)));
      seen++;
    }
  assert_true(seen > 100);
}

int main(void) {
  static struct CMUnitTest tests[LW_OP_COUNT + 1] = {cmocka_unit_test(test_loose_bounds)};
  size_t count = 1;
  for (int op = 0; op < LW_OP_COUNT; op++) {
    const kit_op *kit = kit_op_find((lw_op)op);
    if (kit && kit->ref64) tests[count++] = (struct CMUnitTest){lw_op_name(kit->op), test_operator, NULL, NULL, (void *)kit};
  }
  return _cmocka_run_group_tests("oracle", tests, count, NULL, NULL);
}
