/* SPDX-License-Identifier: Apache-2.0
 * Weight sources: seeded (Philox4x32-10 and Kaiming uniform) and arrays in memory. */
#include <math.h>
#include <string.h>
#include "lanewise.h"
#include "nets/nets.h"
#include "ref/philox.h"

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
  const lw_status status = lw_net_tensor(net, tensor, NULL, &fan_in);
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
