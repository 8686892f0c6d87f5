/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_SIMD_F32_SAMPLES_TILE_H
#define LANEWISE_SIMD_F32_SAMPLES_TILE_H

#include <stdint.h>

/* Half cycles of tiles of a x b that cover all_a x all_b: two FMAs or loads in a cycle, chains of 4 cycles per step, and what a
 * step costs beside them. */
static inline int64_t samples_tile_cost(int64_t all_a, int64_t a, int64_t all_b, int64_t b, int64_t fmas, int64_t loads) {
  enum { CHAIN = 8, STEP = 3 };
  const int64_t most = fmas > loads ? fmas : loads;
  return (all_a + a - 1) / a * ((all_b + b - 1) / b) * ((most > CHAIN ? most : CHAIN) + STEP);
}

#endif
