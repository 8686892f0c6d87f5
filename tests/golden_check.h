/* SPDX-License-Identifier: Apache-2.0
 * What test_golden.c and test_golden_train.c share: cases of a golden file are run and compared with PyTorch in float64.
 *
 * Operators that move, compare, or do one operation per step must agree bit for bit (any NaN equals any NaN). The others may
 * differ because sums are taken in another order and exp, log and tanh come from another library. With u = 2^-53 and gamma(n) = n
 * u / (1 - n u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1), each side of a comparison is within
 * gamma(r) * sum|terms| of the true sum, where r is the largest number of roundings that a term goes through; two sides are
 * within twice that of each other. sum|terms| is the operator's own value on the absolute inputs. */
#ifndef LANEWISE_TESTS_GOLDEN_CHECK_H
#define LANEWISE_TESTS_GOLDEN_CHECK_H

#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/golden.h"
#include "tests/kit/kit.h"

static const double U = 0x1p-53;
static double gamma_of(double n) { return n * U / (1 - n * U); }

/* How far an output may be from `expected`. `terms`: the operator's output on the absolute inputs. */
typedef double bound_function(const golden_case *c, double expected, double terms);

/* Of a sum of n products and a start value, every one goes through one rounding of its product and at most n of the sum. */
static double products(int64_t n, double terms) { return 2 * gamma_of((double)n + 1) * terms; }

typedef struct golden_op {
  const char *name;
  int ints, inputs;
  void (*run)(const int64_t *i, double *const in[], double *y, int32_t *index);
  bound_function *bound; /* NULL: bit for bit */
  int has_no_terms;      /* not 0: the operator cannot run on absolute inputs, and its bound does not ask */
} golden_op;

/* ----------------------------------------------------------------------------------------------------------- comparison */

/* Error over bound; more than 1 is a difference. */
static double judge(double expected, double got, double bound) {
  if (isnan(expected) || isnan(got)) return isnan(expected) && isnan(got) ? 0 : INFINITY;
  if (bound == 0 || isinf(expected)) return got == expected && !signbit(got) == !signbit(expected) ? 0 : INFINITY;
  return fabs(got - expected) / bound;
}

/* What a float computation would have got wrong at least. */
static double spoil(double expected) { return isfinite(expected) ? expected + 0x1p-24 * fmax(1, fabs(expected)) : 0; }

static void make_output(kit_buffer *b, int64_t count, size_t element) {
  assert_true(kit_buffer_make(b, KIT_GUARD_END, KIT_OUT, (size_t)count * element, element));
  kit_buffer_poison(b);
}

/* The operator on absolute inputs. */
static void sum_of_terms(const golden_op *op, const golden_case *c, double *terms) {
  double *in[GOLDEN_INPUTS] = {NULL};
  for (int k = 0; k < c->inputs; k++) {
    if (!c->input[k]) continue;
    in[k] = malloc((size_t)c->input_count[k] * sizeof *in[k]);
    assert_non_null(in[k]);
    for (int64_t e = 0; e < c->input_count[k]; e++) in[k][e] = fabs(c->input[k][e]);
  }
  op->run(c->ints, in, terms, NULL);
  for (int k = 0; k < c->inputs; k++) free(in[k]);
}

static double check_case(const golden_op *op, const golden_case *c) {
  kit_buffer y, index = {0}, terms;
  double worst = 0;
  assert_int_equal(c->ints_count, op->ints);
  assert_int_equal(c->inputs, op->inputs);
  make_output(&y, c->output_count, sizeof(double));
  make_output(&terms, c->output_count, sizeof(double));
  if (c->index) make_output(&index, c->output_count, sizeof(int32_t));
  op->run(c->ints, c->input, (double *)y.p, (int32_t *)index.p);
  if (op->bound && !op->has_no_terms) sum_of_terms(op, c, (double *)terms.p);

  for (int64_t i = 0; i < c->output_count; i++) {
    const double expected = c->output[i], got = ((double *)y.p)[i];
    const double bound = op->bound ? op->bound(c, expected, ((double *)terms.p)[i]) : 0;
    const double ratio = judge(expected, got, bound);
    if (!(ratio <= 1))
      fail_msg("%s %s, output %lld: got %a, expected %a, bound %g", op->name, c->name, (long long)i, got, expected, bound);
    if (!(judge(expected, spoil(expected), bound) > 1))
      fail_msg("%s %s: the bound %g would let a float through", op->name, c->name, bound);
    if (c->index && ((int32_t *)index.p)[i] != c->index[i])
      fail_msg("%s %s, index %lld: got %d, expected %d", op->name, c->name, (long long)i, ((int32_t *)index.p)[i], c->index[i]);
    worst = fmax(worst, ratio);
  }
  kit_buffer_free(&y);
  kit_buffer_free(&terms);
  if (c->index) kit_buffer_free(&index);
  return worst;
}

static void check_operator(const char *path, const golden_op *op) {
  golden_file file;
  golden_case c;
  int cases = 0;
  double worst = 0;
  if (!golden_open(&file, path)) fail_msg("%s", file.error);
  for (; golden_next(&file, &c); golden_case_free(&c)) {
    if (strcmp(c.op, op->name) != 0) continue;
    worst = fmax(worst, check_case(op, &c));
    cases++;
  }
  golden_close(&file);
  assert_string_equal(file.error, "");
  assert_true(cases >= 3);
  print_message("%-16s %2d cases, error / bound up to %.2g\n", op->name, cases, worst);
}

static void check_names(const char *path, const golden_op *ops, int count) {
  golden_file file;
  golden_case c;
  if (!golden_open(&file, path)) fail_msg("%s", file.error);
  for (; golden_next(&file, &c); golden_case_free(&c)) {
    int found = 0;
    for (int k = 0; k < count; k++) found += strcmp(ops[k].name, c.op) == 0;
    if (found != 1) fail_msg("case %s of unknown operator %s", c.name, c.op);
  }
  golden_close(&file);
  assert_string_equal(file.error, "");
}

#endif
