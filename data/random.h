/* SPDX-License-Identifier: Apache-2.0
 * Streams of random numbers: Philox4x32-10 with the seed as key; the counter names the stream and counts its numbers. Only +, -,
 * * in float, so that they are the same on every machine. */
#ifndef LANEWISE_DATA_RANDOM_H
#define LANEWISE_DATA_RANDOM_H

#include "ref/philox.h"

typedef struct lw_random {
  uint32_t key[2], counter[4], words[4];
  int used;
} lw_random;

/* A stream of its own for each seed, a, b and purpose. */
static inline lw_random lw_random_start(uint64_t seed, uint32_t a, uint32_t b, uint32_t purpose) {
  return (lw_random){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .counter = {0, a, b, purpose}, .used = 4};
}

static inline uint32_t lw_random_word(lw_random *r) {
  if (r->used == 4) {
    lw_philox(r->key, r->counter, r->words);
    r->counter[0]++;
    r->used = 0;
  }
  return r->words[r->used++];
}

/* lo..hi, evenly */
static inline float lw_random_between(lw_random *r, float lo, float hi) {
  return lo + (hi - lo) * ((float)(lw_random_word(r) >> 8) * 0x1p-24f);
}

/* 0..n-1 */
static inline int lw_random_below(lw_random *r, uint32_t n) { return (int)((uint64_t)lw_random_word(r) * n >> 32); }

/* Near to normal: four bytes added, mean 0 and standard deviation 1, at most 3.5 away. */
static inline float lw_random_bell(lw_random *r) {
  const uint32_t w = lw_random_word(r);
  const int sum = (int)(w & 255) + (int)(w >> 8 & 255) + (int)(w >> 16 & 255) + (int)(w >> 24);
  return ((float)sum - 510) * (1 / 147.8f);
}

#endif
