/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_data: lanes are inputs, whose weights of one output lie side by side; each keeps its chain over the outputs. A
 * tile reads each weight once for its rows. */
#include "simd/f32/linear_backward_tile.h"

ALWAYS_INLINE void tile(const int rows, const int whole, const lw_linear_backward_args *a, int64_t n, int64_t i) {
  const int64_t in = a->desc.in, out = a->desc.out, left = in - i;
  const float *w = a->w + i, *dy = a->dy + n * out;
  vf acc[ROWS][COLUMNS];
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < COLUMNS; v++) acc[r][v] = v_zero();
  for (int64_t o = 0; o < out; o++, w += in, dy++) {
    vf weight[COLUMNS];
    V_UNROLL for (int v = 0; v < COLUMNS; v++) weight[v] = tile_load(whole, w, v, left);
    V_UNROLL for (int r = 0; r < rows; r++) {
      const vf g = v_broadcast(dy + r * out);
      V_UNROLL for (int v = 0; v < COLUMNS; v++) acc[r][v] = v_fma(g, weight[v], acc[r][v]);
    }
  }
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < COLUMNS; v++)
      tile_store(whole, a->out + (n + r) * in + i, v, left, acc[r][v]);
}

void VEC_FN(linear_backward_data)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  const lw_linear_desc *d = &a->desc;
  const int64_t strips = (d->in + WIDTH - 1) / WIDTH, tiles = (d->n + ROWS - 1) / ROWS;
  int64_t begin, end;
  lw_share(strips * tiles, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t i = u / tiles * WIDTH, n = u % tiles * ROWS, rows = d->n - n < ROWS ? d->n - n : ROWS;
    const int whole = i + WIDTH <= d->in;
    if (rows == ROWS && whole)
      tile(ROWS, 1, a, n, i);
    else if (rows == ROWS)
      tile(ROWS, 0, a, n, i);
    else
      for (int64_t r = 0; r < rows; r++) whole ? tile(1, 1, a, n + r, i) : tile(1, 0, a, n + r, i);
  }
}
