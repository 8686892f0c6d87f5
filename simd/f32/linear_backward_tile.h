/* SPDX-License-Identifier: Apache-2.0
 * The register tile of linear_backward_data and linear_backward_weights: ROWS rows of COLUMNS vectors, which with the vectors of
 * one step and a broadcast fill the registers. Lanes are columns of the gradient. */
#ifndef LANEWISE_SIMD_F32_LINEAR_BACKWARD_TILE_H
#define LANEWISE_SIMD_F32_LINEAR_BACKWARD_TILE_H

#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  COLUMNS = VL == 4 ? 4 : 3,
  ROWS = VL == 16  ? 8
         : VL == 8 ? 4
                   : 6,
  WIDTH = COLUMNS * VL,
};

/* Vector v of a row of which `left` floats exist; whole: all of them do. */
ALWAYS_INLINE vf tile_load(const int whole, const float *p, int v, int64_t left) {
  left -= v * VL;
  return whole || left >= VL ? v_load(p + v * VL) : left > 0 ? v_load_partial(p + v * VL, left) : v_zero();
}
ALWAYS_INLINE void tile_store(const int whole, float *p, int v, int64_t left, vf a) {
  left -= v * VL;
  if (whole || left >= VL)
    v_store(p + v * VL, a);
  else if (left > 0)
    v_store_partial(p + v * VL, left, a);
}

#endif
