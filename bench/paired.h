/* SPDX-License-Identifier: Apache-2.0
 * Which of two or three is faster, on a machine that is never quite quiet: they take turns, so that what slows one down slows its
 * neighbour in time down too, and the quotient of neighbours is judged. */
#ifndef LANEWISE_BENCH_PAIRED_H
#define LANEWISE_BENCH_PAIRED_H

#include "tests/kit/child.h"

enum { PAIRED_SIDES = 3, PAIRED_FEWEST = 9, PAIRED_MOST = 4096 };

typedef struct paired_side {
  const char *(*run)(void *user); /* one call; NULL, or why it failed */
  void *user;
} paired_side;

typedef struct paired_how {
  int threads;    /* of every side: with several, a side begins when no thread of the process works any more */
  int cold;       /* not 0: all caches are flushed before every call */
  double seconds; /* at least so long, and PAIRED_FEWEST rounds; no new round after a minute */
  unsigned limit; /* seconds that a single call may take, 0: any */
  kit_deadline *deadline;
} paired_how;

/* Seconds of one call, by side and round. */
typedef struct paired_times {
  int rounds;
  double seconds[PAIRED_SIDES][PAIRED_MOST];
} paired_times;

/* Rounds in which every side runs once: a single call where it is long or the caches are to be cold, else as many as fill
 * a fraction of a millisecond, after one that is not counted. The side that begins changes from round to round. Returns NULL, or
 * why a side failed. */
const char *paired_measure(const paired_side *sides, int count, const paired_how *how, paired_times *times);

/* How many times longer a takes than b. */
typedef struct paired_ratio {
  double ratio;     /* median over the rounds */
  double low, high; /* of its confidence interval; 0 if there are too few rounds for one */
} paired_ratio;

/* The median of the quotients a[i]/b[i], and an interval for it of at least 95 % confidence from the order statistics: of n
 * sorted quotients the k-th and the (n+1-k)-th, with the largest k for which P(B < k) <= 2.5 %, B binomial over n and 1/2 (that
 * many of them lie on one side of the median). Nothing is assumed of the distribution; n must be at least 6. David, Nagaraja,
 * Order statistics, 3rd ed. (2003), 7.1. */
paired_ratio paired_compare(const double *a, const double *b, int rounds);
/* Of the turns of a side. */
double paired_mean(const double *seconds, int rounds);

#endif
