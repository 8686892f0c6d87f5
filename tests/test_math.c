/* SPDX-License-Identifier: Apache-2.0
 * exp, tanh and log of ref/math.h: their largest errors against libm's double, and the same bits from every ISA.
 * By default 2^20 inputs spread over all floats, as many where the polynomials are at work, and 4096 around each seam; with
 * LANEWISE_EXHAUSTIVE=1 all 2^32. */
#include "tests/kit/cmocka.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ref/math.h"
#include "ref/rows.h"
#include "simd/kernels.h"
#include "tests/exhaustive.h"
#include "tests/kit/kit.h"

enum { CHUNK = 4096, MOST_THREADS = 64 };

/* Where a formula changes, a result saturates, underflows or overflows, or a reduction turns over; both signs are visited. */
static const float seams[] = {0.0f,        0x1p-126f,   0x1p-12f,     0.34657359f,  TANH_SPLIT,  0.70710678f,
                              1.0f,        1.4142135f,  9.0109139f,   17.32868f,    44.3614f,    87.336545f,
                              88.7228394f, EXP_HIGHEST, 103.2789307f, 103.9720840f, -EXP_LOWEST, INFINITY};
enum { SEAMS = sizeof seams / sizeof *seams };

static int exhaustive;

/* Chunk `i` of the inputs, as bit patterns; 0 past the last. */
static int inputs(int64_t i, float *x) {
  /* Spread over all floats; densely over 2^-6 .. 128 and its negatives, where the polynomials are at work; around the seams. The
   * strides are prime, so that the low bits of the inputs vary. */
  enum { SPREAD = 1 << 8, SPREAD_STRIDE = 4093, DENSE = 252, DENSE_STRIDE = 211 };
  const int64_t seam = i - SPREAD - DENSE;
  if (i >= (exhaustive ? 1 << 20 : SPREAD + DENSE + 2 * SEAMS)) return 0;
  for (int k = 0; k < CHUNK; k++) {
    const uint32_t at = (uint32_t)(i * CHUNK + k), dense = at - SPREAD * CHUNK;
    uint32_t bits;
    if (exhaustive)
      bits = at;
    else if (i < SPREAD)
      bits = at * SPREAD_STRIDE;
    else if (i < SPREAD + DENSE)
      bits = (dense % 2 << 31) | (UINT32_C(0x3c800000) + dense / 2 * DENSE_STRIDE);
    else
      bits = (uint32_t)real_bits(seam % 2 ? -seams[seam / 2] : seams[seam / 2]) + (uint32_t)k - CHUNK / 2;
    x[k] = real_from_bits((int32_t)bits);
  }
  return 1;
}

typedef struct finding {
  double worst; /* ulp */
  float at;
  int64_t checked, wrong;
  char first[200];
} finding;

static void note(finding *f, const char *what, float x, float expected, float got) {
  if (f->wrong++ == 0)
    snprintf(f->first, sizeof f->first, "%s at %a (0x%08" PRIx32 "): expected %a (0x%08" PRIx32 "), got %a (0x%08" PRIx32 ")",
             what, (double)x, (uint32_t)real_bits(x), (double)expected, (uint32_t)real_bits(expected), (double)got,
             (uint32_t)real_bits(got));
}

static int same(float a, float b) { return real_bits(a) == real_bits(b) || (isnan(a) && isnan(b)); }

/* ---------------------------------------------------------------------------------------- all chunks, on all threads */

typedef struct job {
  void (*chunk)(const float *x, finding *f);
  int index, count;
  finding found;
  pthread_t thread;
} job;

static void *run_job(void *user) {
  job *j = user;
  float x[CHUNK];
  for (int64_t i = j->index; inputs(i, x); i += j->count) j->chunk(x, &j->found);
  return NULL;
}

static finding run(void (*chunk)(const float *x, finding *f)) {
  static job jobs[MOST_THREADS];
  const char *limit = getenv("LANEWISE_THREADS");
  long threads = !exhaustive ? 1 : limit ? atol(limit) : sysconf(_SC_NPROCESSORS_ONLN);
  if (threads < 1) threads = 1;
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  finding all = {0};
  for (int i = 0; i < threads; i++) {
    jobs[i] = (job){.chunk = chunk, .index = i, .count = (int)threads};
    if (i > 0) assert_int_equal(pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]), 0);
  }
  run_job(&jobs[0]);
  for (int i = 0; i < threads; i++) {
    if (i > 0) pthread_join(jobs[i].thread, NULL);
    const finding *f = &jobs[i].found;
    if (f->worst > all.worst) all.worst = f->worst, all.at = f->at;
    if (f->wrong > 0 && all.wrong == 0) memcpy(all.first, f->first, sizeof all.first);
    all.wrong += f->wrong;
    all.checked += f->checked;
  }
  return all;
}

static void judge(const char *name, const finding *f) {
  if (f->wrong) fail_msg("%s: %" PRId64 " wrong, first %s", name, f->wrong, f->first);
  if (f->checked == 0) fail_msg("%s: nothing was checked", name);
}

/* -------------------------------------------------------------------------------------------------------------- error */

/* In ulps of the float nearest to `exact` in magnitude; infinity stands for 2^128, what the next float would be. */
static void measure(finding *f, float x, float y, double exact) {
  const double got = isinf(y) ? copysign(0x1p128, y) : y;
  if (fabs(exact) > 0x1p128) exact = copysign(0x1p128, exact);
  int exponent;
  frexp(exact, &exponent);
  if (exponent < -125 || exact == 0) exponent = -125;
  if (exponent > 128) exponent = 128;
  const double error = ldexp(fabs(got - exact), 24 - exponent);
  f->checked++;
  if (!(error <= f->worst)) f->worst = error, f->at = x;
}

static void error_of_exp(const float *x, finding *f) {
  for (int i = 0; i < CHUNK; i++) {
    const float y = real_exp(x[i]);
    if (!isnan(x[i]) != !isnan(y) || (!isnan(y) && signbit(y))) note(f, "exp", x[i], expf(x[i]), y);
    if (!isnan(x[i])) measure(f, x[i], y, exp((double)x[i]));
  }
}

static void error_of_tanh(const float *x, finding *f) {
  for (int i = 0; i < CHUNK; i++) {
    const float y = real_tanh(x[i]);
    if (!isnan(x[i]) != !isnan(y) || fabsf(y) > 1 || (!isnan(y) && !signbit(x[i]) != !signbit(y)) || (x[i] == 0 && y != 0))
      note(f, "tanh", x[i], tanhf(x[i]), y);
    if (!isnan(x[i])) measure(f, x[i], y, tanh((double)x[i]));
  }
}

static void error_of_log(const float *x, finding *f) {
  for (int i = 0; i < CHUNK; i++) {
    const float y = real_log(x[i]);
    if (x[i] > 0 && !isinf(x[i]))
      measure(f, x[i], y, log((double)x[i]));
    else if (!same(y, x[i] == 0 ? -INFINITY : x[i] > 0 ? INFINITY : NAN))
      note(f, "log", x[i], x[i] == 0 ? -INFINITY : x[i] > 0 ? INFINITY : NAN, y);
    if (x[i] == 1 && !same(y, 0.0f)) note(f, "log", x[i], 0, y);
  }
}

/* `stated`: the largest error, rounded up, as ref/math.h and lanewise.h state it. */
static void check_error(const char *name, void (*chunk)(const float *x, finding *f), double stated) {
  const finding f = run(chunk);
  judge(name, &f);
  print_message("%-4s at most %.4f ulp, at %a, of %" PRId64 " inputs\n", name, f.worst, (double)f.at, f.checked);
  if (!(f.worst <= stated)) fail_msg("%s: %.4f ulp at %a, stated are %.2f", name, f.worst, (double)f.at, stated);
  if (exhaustive && f.worst < stated - 0.01) fail_msg("%s: only %.4f ulp, stated are %.2f", name, f.worst, stated);
}

static void test_error_of_exp(void **state) { (void)state, check_error("exp", error_of_exp, 1.01); }
static void test_error_of_tanh(void **state) { (void)state, check_error("tanh", error_of_tanh, 1.34); }
static void test_error_of_log(void **state) { (void)state, check_error("log", error_of_log, 0.84); }

/* --------------------------------------------------------------------------------------------------------------- bits */

static int checked_row(const lw_kernel *row, lw_op op) {
  return row->op == op && row->promise == LW_EXACT && lw_isa_runnable(row->isa);
}

static void bits_of_tanh(const float *x, finding *f) {
  float expected[CHUNK], got[CHUNK];
  for (int i = 0; i < CHUNK; i++) expected[i] = real_tanh(x[i]);
  for (size_t r = 0; r < lw_kernel_count; r++) {
    const lw_kernel *row = &lw_kernel_table[r];
    if (!checked_row(row, LW_OP_tanh)) continue;
    const lw_args args = {.map = {CHUNK, x, got}};
    row->fn(&args, (lw_part){0, 1});
    for (int i = 0; i < CHUNK; i++)
      if (!same(expected[i], got[i])) note(f, row->symbol, x[i], expected[i], got[i]);
    f->checked += CHUNK;
  }
}

/* softmax shows exp only divided by the sum of the row, and a quotient can hide a wrong last bit. So each row gets, besides
 * INPUTS inputs (none positive) and a 0, the maximum, as many elements as bring its sum to a power of two: then the quotients are
 * exact. */
enum { INPUTS = 16, MAXIMUM = INPUTS, COLUMNS = 34, TRIES = 64 };

static float sum_of(const float *e) {
  row_sum sum = {{0}};
  for (int i = 0; i < COLUMNS; i++) row_sum_add(&sum, i, e[i]);
  return row_sum_total(sum);
}

/* x and e = exp(x): returns the sum, a power of two, or 0 if the rounding of the sum always missed it. */
static float fill_row(float *x, float *e) {
  double inexact = 1, power = 1, missing;
  x[MAXIMUM] = 0;
  for (int i = 0; i <= MAXIMUM; i++) e[i] = real_exp(x[i]);
  for (int i = 0; i < INPUTS; i++) inexact += e[i];
  if (inexact > 1 + 0x1p-26)
    while (power < inexact) power *= 2;
  missing = power > 1 ? power - inexact : 0;
  int at = MAXIMUM + 1;
  for (; missing >= 1; missing--, at++) x[at] = 0, e[at] = 1;
  const int rest = at;
  for (; at < COLUMNS; at++) x[at] = EXP_LOWEST, e[at] = real_exp(EXP_LOWEST);
  for (int i = 0; i < TRIES; i++) {
    if (missing > 0) {
      x[rest] = missing < 1 ? (float)log(missing) : 0.0f;
      e[rest] = real_exp(x[rest]);
    }
    const float sum = sum_of(e);
    if ((double)sum == power) return sum;
    missing += (power - (double)sum) / 2;
  }
  return 0;
}

static void bits_of_rows(int64_t n, const float *x, const float *e, const float *sums, finding *f) {
  static _Thread_local float got[CHUNK / INPUTS * COLUMNS];
  for (size_t r = 0; r < lw_kernel_count; r++) {
    const lw_kernel *row = &lw_kernel_table[r];
    if (!checked_row(row, LW_OP_softmax)) continue;
    const lw_args args = {.rows = {n, COLUMNS, x, got}};
    row->fn(&args, (lw_part){0, 1});
    for (int64_t i = 0; i < n * COLUMNS; i++) {
      const float expected = e[i] / sums[i / COLUMNS];
      if (!same(expected, got[i])) note(f, row->symbol, x[i], expected, got[i]);
    }
  }
  f->checked += n * INPUTS;
}

static void bits_of_exp(const float *x, finding *f) {
  static _Thread_local float rows[CHUNK / INPUTS * COLUMNS], e[CHUNK / INPUTS * COLUMNS], sums[CHUNK / INPUTS];
  int64_t n = 0;
  int filled = 0;
  for (int i = 0; i < CHUNK; i++) {
    if (!signbit(x[i]) || isnan(x[i])) continue;
    rows[n * COLUMNS + filled++] = x[i];
    if (filled < INPUTS && i + 1 < CHUNK) continue;
    for (; filled < INPUTS; filled++) rows[n * COLUMNS + filled] = -1;
    sums[n] = fill_row(rows + n * COLUMNS, e + n * COLUMNS);
    if (sums[n] == 0) note(f, "no power of two for the row that starts", rows[n * COLUMNS], 1, sum_of(e + n * COLUMNS));
    n++;
    filled = 0;
  }
  bits_of_rows(n, rows, e, sums, f);
}

static void check_bits(const char *name, lw_op op, void (*chunk)(const float *x, finding *f)) {
  int rows = 0;
  for (size_t r = 0; r < lw_kernel_count; r++) rows += checked_row(&lw_kernel_table[r], op);
  assert_true(rows >= 2);
  const finding f = run(chunk);
  judge(name, &f);
  print_message("%-4s in %d rows of the table: the same bits, %" PRId64 " checks\n", name, rows, f.checked);
}

static void test_bits_of_tanh(void **state) { (void)state, check_bits("tanh", LW_OP_tanh, bits_of_tanh); }
static void test_bits_of_exp(void **state) { (void)state, check_bits("exp", LW_OP_softmax, bits_of_exp); }

int main(void) {
  exhaustive = is_exhaustive();
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_error_of_exp), cmocka_unit_test(test_error_of_tanh), cmocka_unit_test(test_error_of_log),
      cmocka_unit_test(test_bits_of_tanh), cmocka_unit_test(test_bits_of_exp),
  };
  return cmocka_run_group_tests_name("math", tests, NULL, NULL);
}
