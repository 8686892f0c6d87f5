/* SPDX-License-Identifier: Apache-2.0
 * The benchmarks' paired comparison: turns, rounds, errors, and its interval against published ones and by trial. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <time.h>
#include "bench/machine.h"
#include "bench/paired.h"
#include "tests/kit/kit.h"

static int flushed;
void machine_flush_caches(void) { flushed++; }

/* ------------------------------------------------------------------------------------------------------------ interval */

/* Ranks of the ends of 95 % intervals of a median: Conover, Practical nonparametric statistics, 3rd ed. (1999), table A3, and for
 * n = 100 as in any text book. */
static void test_ranks(void **state) {
  static const struct {
    int n, low, high; /* 0: there is none */
  } known[] = {{1, 0, 0}, {5, 0, 0}, {6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {12, 3, 10}, {15, 4, 12}, {20, 6, 15}, {100, 40, 61}};
  double a[100], b[100];
  (void)state;
  for (int i = 0; i < 100; i++) b[i] = 2;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const int n = known[k].n;
    for (int i = 0; i < n; i++) a[i] = 2.0 * ((i * 7) % n + 1); /* the quotients are 1..n in some order */
    if (n % 7 == 0) continue;
    const paired_ratio r = paired_compare(a, b, n);
    assert_true(fabs(r.ratio - (n + 1) / 2.0) < 1e-12);
    assert_true(r.low == known[k].low && r.high == known[k].high);
  }
}

/* Of noise without mean or variance, Cauchy's on the logarithm, 95 % of intervals hold the median, a little more as ranks are
 * whole. The seed is fixed, so this is no matter of chance. */
static void test_coverage(void **state) {
  enum { TRIALS = 4000, ROUNDS = 20 };
  double a[ROUNDS], b[ROUNDS];
  int held = 0;
  kit_random random = {1};
  (void)state;
  for (int t = 0; t < TRIALS; t++) {
    for (int i = 0; i < ROUNDS; i++) {
      const double common = exp(3 * kit_uniform(&random)); /* what slows both down */
      b[i] = common;
      a[i] = common * 1.5 * exp(0.01 * tan(3.14159265358979 * (kit_uniform(&random) - 0.5 + 0x1p-26)));
    }
    const paired_ratio r = paired_compare(a, b, ROUNDS);
    held += r.low <= 1.5 && r.high >= 1.5;
    assert_true(r.low <= r.ratio && r.ratio <= r.high);
  }
  assert_true(held > 0.95 * TRIALS && held < 0.97 * TRIALS); /* 95.86 % by the binomial distribution */
}

/* Of an even number of rounds the median is the mean of the middle two. */
static void test_median(void **state) {
  const double a[] = {4, 1, 3, 2}, b[] = {1, 1, 1, 1};
  (void)state;
  assert_true(paired_compare(a, b, 4).ratio == 2.5 && paired_compare(a, b, 3).ratio == 3 && paired_compare(a, b, 1).ratio == 4);
  assert_true(paired_mean(a, 4) == 2.5 && paired_mean(a, 1) == 4 && paired_mean(a, 0) == 0);
}

/* --------------------------------------------------------------------------------------------------------------- turns */

typedef struct side {
  int number, calls, fails_at; /* fails_at: the call, 0: none */
  double seconds;
} side;

static char order[1 << 16];
static int order_count;

static const char *call(void *user) {
  side *s = user;
  s->calls++;
  if (order_count < (int)sizeof order) order[order_count++] = (char)('a' + s->number);
  const struct timespec pause = {.tv_nsec = (long)(s->seconds * 1e9)};
  if (s->seconds > 0) nanosleep(&pause, NULL);
  return s->calls == s->fails_at ? "it failed" : NULL;
}

static paired_times times;

/* Runs that are too long to be repeated in a row: the order is that of the turns. */
static void test_turns(void **state) {
  side sides[3] = {{.number = 0, .seconds = 0.006}, {.number = 1, .seconds = 0.006}, {.number = 2, .seconds = 0.006}};
  const paired_side run[3] = {{call, &sides[0]}, {call, &sides[1]}, {call, &sides[2]}};
  kit_deadline deadline = 0;
  (void)state;
  order_count = 0;
  assert_null(paired_measure(run, 3, &(paired_how){.threads = 1, .seconds = 0, .limit = 5, .deadline = &deadline}, &times));
  assert_int_equal(times.rounds, PAIRED_FEWEST);
  assert_int_equal(deadline, 0);
  assert_int_equal(order_count, 6 + 3 * PAIRED_FEWEST);
  assert_memory_equal(order, "aabbccabcbcacab", 15); /* to find out how long they take, then turns that begin with another one */
  for (int s = 0; s < 3; s++)
    for (int i = 0; i < times.rounds; i++) assert_true(times.seconds[s][i] >= 0.006 && times.seconds[s][i] < 1);
}

/* Short runs are repeated, after one that is not timed; a longer limit gives more rounds. */
static void test_blocks(void **state) {
  side sides[2] = {{.number = 0}, {.number = 1, .seconds = 1e-4}};
  const paired_side run[2] = {{call, &sides[0]}, {call, &sides[1]}};
  kit_deadline deadline = 0;
  (void)state;
  assert_null(paired_measure(run, 2, &(paired_how){.threads = 1, .seconds = 0.1, .deadline = &deadline}, &times));
  assert_true(times.rounds >= PAIRED_FEWEST);
  assert_true(sides[0].calls > 10 * times.rounds);
  assert_true(sides[1].calls > 2 * times.rounds);
}

/* Cold: the caches are flushed before every call, of which there is one in a turn. */
static void test_cold(void **state) {
  side sides[2] = {{.number = 0}, {.number = 1}};
  const paired_side run[2] = {{call, &sides[0]}, {call, &sides[1]}};
  kit_deadline deadline = 0;
  (void)state;
  flushed = 0;
  assert_null(paired_measure(run, 2, &(paired_how){.threads = 2, .cold = 1, .deadline = &deadline}, &times));
  assert_int_equal(times.rounds, PAIRED_FEWEST);
  assert_int_equal(flushed, 2 * PAIRED_FEWEST);
  assert_int_equal(sides[0].calls, 2 + PAIRED_FEWEST);
}

static void test_failure(void **state) {
  (void)state;
  for (int at = 1; at <= 4; at++) {
    side sides[2] = {{.number = 0, .seconds = 0.006}, {.number = 1, .seconds = 0.006, .fails_at = at}};
    const paired_side run[2] = {{call, &sides[0]}, {call, &sides[1]}};
    kit_deadline deadline = 0;
    assert_string_equal(paired_measure(run, 2, &(paired_how){.threads = 1, .limit = 5, .deadline = &deadline}, &times),
                        "it failed");
    assert_int_equal(sides[1].calls, at);
    assert_int_equal(times.rounds, at < 3 ? 0 : at - 3);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranks),  cmocka_unit_test(test_coverage), cmocka_unit_test(test_median), cmocka_unit_test(test_turns),
      cmocka_unit_test(test_blocks), cmocka_unit_test(test_cold),     cmocka_unit_test(test_failure)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
