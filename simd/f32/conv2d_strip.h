/* SPDX-License-Identifier: Apache-2.0
 * What conv2d_backward_data and conv2d_backward_weights (algorithm `strips`) share: STRIP lanes of the gradient run their chains
 * together, for every row of it (input channels of dx, output channels of dw). What a step of the chains multiplies is gathered
 * into scratch first, [step][STRIP], STEPS at a time; between these chunks the chains rest in scratch, [row][STRIP]. */
#ifndef LANEWISE_SIMD_F32_CONV2D_STRIP_H
#define LANEWISE_SIMD_F32_CONV2D_STRIP_H

#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  VECTORS = VL == 4 ? 4 : 3,
  STRIP = VECTORS * VL,
  ROWS = VL == 16  ? 8
         : VL == 8 ? 4
                   : 6, /* ROWS*VECTORS chains, the vectors of a step and one factor fill the registers */
  STEPS = LW_BACKWARD_STEPS,
};
_Static_assert((int)STRIP <= (int)LW_BACKWARD_STRIP, "scratch is too small");

/* A chunk: row r multiplies step s by factor[step[s] + r*row_stride]. */
typedef struct chunk {
  const float *gathered;
  int64_t steps;
  const float *factor;
  const int64_t *step; /* NULL: s itself */
  int64_t row_stride;
  int first; /* the chains start from +0, else from `chains` */
} chunk;

ALWAYS_INLINE void chunk_tile(const int rows, const int listed, const chunk *c, const float *factor, float *chains) {
  vf acc[ROWS][VECTORS];
  const float *values = c->gathered;
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < VECTORS; v++) acc[r][v] =
      c->first ? v_zero() : v_load(chains + r * STRIP + v * VL);
  for (int64_t s = 0; s < c->steps; s++, values += STRIP) {
    const float *f = factor + (listed ? c->step[s] : s);
    vf value[VECTORS];
    V_UNROLL for (int v = 0; v < VECTORS; v++) value[v] = v_load(values + v * VL);
    V_UNROLL for (int r = 0; r < rows; r++) {
      const vf one = v_broadcast(f + r * c->row_stride);
      V_UNROLL for (int v = 0; v < VECTORS; v++) acc[r][v] = v_fma(value[v], one, acc[r][v]);
    }
  }
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < VECTORS; v++)
      v_store(chains + r * STRIP + v * VL, acc[r][v]);
}

/* All rows over one chunk. */
ALWAYS_INLINE void chunk_run(const int listed, const chunk *c, int64_t rows, float *chains) {
  int64_t r = 0;
  for (; r + ROWS <= rows; r += ROWS) chunk_tile(ROWS, listed, c, c->factor + r * c->row_stride, chains + r * STRIP);
  for (; r < rows; r++) chunk_tile(1, listed, c, c->factor + r * c->row_stride, chains + r * STRIP);
}

#endif
