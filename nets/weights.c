/* SPDX-License-Identifier: Apache-2.0
 * Weight sources: seeded (Philox4x32-10 and Kaiming uniform) and arrays in memory. */
#include <math.h>
#include <string.h>
#include "lanewise.h"
#include "nets/nets.h"

/* Philox4x32-10: Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011. */
void lw_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
  uint32_t k0 = key[0], k1 = key[1], c[4] = {counter[0], counter[1], counter[2], counter[3]};
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53 * c[0], p1 = (uint64_t)0xCD9E8D57 * c[2];
    const uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k1, (uint32_t)p0};
    memcpy(c, next, sizeof c);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  memcpy(out, c, sizeof c);
}

void lw_kaiming_uniform(uint64_t seed, int tensor, int64_t fan_in, int64_t first, int64_t count, float *dst) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  const float bound = (float)sqrt(6.0 / (double)fan_in);
  uint32_t words[4];
  for (int64_t i = first; i < first + count; i++) {
    if (i == first || i % 4 == 0) {
      const uint64_t block = (uint64_t)i / 4;
      lw_philox(key, (const uint32_t[4]){(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)tensor, 0}, words);
    }
    const float u = (float)(words[i % 4] >> 8) * 0x1p-24f;
    dst[i - first] = (2 * u - 1) * bound;
  }
}

static lw_status read_seeded(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                             float *dst) {
  int64_t fan_in;
  (void)name;
  const lw_status status = lw_net_tensor(net, tensor, NULL, NULL, &fan_in);
  if (status != LW_OK) return status;
  lw_kaiming_uniform(*(const uint64_t *)user, tensor, fan_in, first, count, dst);
  return LW_OK;
}

static lw_status read_array(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                            float *dst) {
  const float *const *tensors = user;
  (void)net;
  if (!tensors[tensor]) return lw_fail(LW_BAD_ARGUMENT, "weights: tensor %d (%s) is NULL", tensor, name);
  memcpy(dst, tensors[tensor] + first, (size_t)count * sizeof *dst);
  return LW_OK;
}

/* An array that is NULL or not aligned is left to read_array. */
static const float *map_array(void *user, const lw_net *net, int tensor, const char *name, int64_t count) {
  const float *array = ((const float *const *)user)[tensor];
  (void)net, (void)name, (void)count;
  return (uintptr_t)array % sizeof(float) == 0 ? array : NULL;
}

lw_weights lw_weights_seeded(const uint64_t *seed) { return (lw_weights){.read = read_seeded, .user = (void *)seed}; }
lw_weights lw_weights_arrays(const float *const *tensors) {
  return (lw_weights){.read = read_array, .user = (void *)tensors, .map = map_array};
}
