/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_SIMD_F32_TRANSPOSE_H
#define LANEWISE_SIMD_F32_TRANSPOSE_H

#include "simd/vec/vec.h"

/* r[i] lane j to r[j] lane i: each round rotates the address (row, lane) of every element by one bit. */
ALWAYS_INLINE void v_transpose(vf r[VL]) {
  enum { ROUNDS = VL == 16 ? 4 : VL == 8 ? 3 : 2 }; /* log2(VL) */
  V_UNROLL for (int round = 0; round < ROUNDS; round++) {
    vf next[VL];
    V_UNROLL for (int i = 0; i < VL / 2; i++) {
      next[2 * i] = v_zip_low(r[i], r[i + VL / 2]);
      next[2 * i + 1] = v_zip_high(r[i], r[i + VL / 2]);
    }
    V_UNROLL for (int i = 0; i < VL; i++) r[i] = next[i];
  }
}

#endif
