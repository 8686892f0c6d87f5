/* SPDX-License-Identifier: Apache-2.0
 * dropout_train: y[i] = u[i] >= probability ? x[i] * scale : 0, scale = 1 / (1 - probability). u[i] = (word >> 8) * 2^-24, word =
 * philox(key = seed, counter = (i/4, stream))[i%4] (ref/philox.h). Its gradient is the same function of dy.
 * first: x and y start at element `first` of the tensor. */
#include "ref/ref.h"
#include "ref/philox.h"

void REF(dropout_train)(int64_t first, int64_t count, float probability, uint64_t seed, uint64_t stream, const real *x, real *y) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  const real scale = 1 / (1 - (real)probability);

  for (int64_t i = 0; i < count; i++) {
    const uint64_t block = (uint64_t)(first + i) / 4;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t words[4];
    lw_philox(key, counter, words);
    const float u = (float)(words[(first + i) % 4] >> 8) * 0x1p-24f;
    y[i] = u >= probability ? x[i] * scale : 0;
  }
}
