/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/paired.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include "bench/clock.h"
#include "bench/machine.h"

static const double BLOCK_SECONDS = 3e-4; /* of calls that are timed together */
static const double WARM_SECONDS = 5e-3;  /* longer calls bring their data back into the caches themselves */
static const double LONGEST_SECONDS = 60;

/* ------------------------------------------------------------------------------------------------------------- measuring */

static double process_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Thread pools look for more work for some milliseconds after a call, and would take the cores from the next side. A pool that
 * never sleeps is given up on. */
static void wait_until_idle(void) {
  const struct timespec pause = {.tv_nsec = 1000000};
  for (int i = 0; i < 100; i++) {
    const double before = process_seconds();
    nanosleep(&pause, NULL);
    if (process_seconds() - before < 1e-4) return;
  }
}

static const char *run(const paired_side *side, const paired_how *how, int calls, double *seconds) {
  const char *wrong = NULL;
  kit_deadline_set(how->deadline, how->limit);
  const double begin = clock_seconds();
  for (int i = 0; i < calls && !wrong; i++) wrong = side->run(side->user);
  if (seconds) *seconds = (clock_seconds() - begin) / calls;
  kit_deadline_set(how->deadline, 0);
  return wrong;
}

static const char *take_turn(const paired_side *side, const paired_how *how, int calls, int warm, double *seconds) {
  const char *wrong = NULL;
  if (how->threads > 1) wait_until_idle();
  if (how->cold)
    machine_flush_caches();
  else if (warm)
    wrong = run(side, how, 1, NULL);
  return wrong ? wrong : run(side, how, calls, seconds);
}

const char *paired_measure(const paired_side *sides, int count, const paired_how *how, paired_times *times) {
  const char *wrong = NULL;
  int calls[PAIRED_SIDES];
  double longest = 0;
  times->rounds = 0;
  for (int s = 0; s < count && !wrong; s++) {
    double seconds = 0;
    wrong = run(&sides[s], how, 1, NULL);
    if (!wrong) wrong = run(&sides[s], how, 1, &seconds);
    calls[s] = how->cold || seconds >= BLOCK_SECONDS ? 1 : (int)ceil(BLOCK_SECONDS / fmax(seconds, 1e-8));
    longest = fmax(longest, seconds);
  }
  const double begin = clock_seconds();
  while (!wrong && times->rounds < PAIRED_MOST) {
    const double elapsed = clock_seconds() - begin;
    if ((times->rounds >= PAIRED_FEWEST && elapsed >= how->seconds) || (times->rounds > 0 && elapsed >= LONGEST_SECONDS)) break;
    for (int i = 0; i < count && !wrong; i++) {
      const int s = (times->rounds + i) % count;
      wrong = take_turn(&sides[s], how, calls[s], longest < WARM_SECONDS, &times->seconds[s][times->rounds]);
    }
    if (!wrong) times->rounds++;
  }
  return wrong;
}

/* ------------------------------------------------------------------------------------------------------------- statistics */

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double middle(const double *sorted, int count) { return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2; }

double paired_mean(const double *seconds, int rounds) {
  double sum = 0;
  for (int i = 0; i < rounds; i++) sum += seconds[i];
  return rounds > 0 ? sum / rounds : 0;
}

/* The largest k with P(B < k) <= 2.5 %; 0: there is none. */
static int order_of_interval(int n) {
  double below = 0;
  int k = 0;
  while (k < n) {
    below += exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) - n * log(2));
    if (below > 0.025) break;
    k++;
  }
  return k;
}

paired_ratio paired_compare(const double *a, const double *b, int rounds) {
  double quotients[PAIRED_MOST];
  paired_ratio r = {0};
  for (int i = 0; i < rounds; i++) quotients[i] = a[i] / b[i];
  qsort(quotients, (size_t)rounds, sizeof *quotients, by_value);
  if (rounds > 0) r.ratio = middle(quotients, rounds);
  const int k = order_of_interval(rounds);
  if (k > 0) {
    r.low = quotients[k - 1];
    r.high = quotients[rounds - k];
  }
  return r;
}
