/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_weights: lanes are inputs. Each product is rounded before it is added, so a step is two operations. */
#include "simd/f32/linear_backward_tile.h"

ALWAYS_INLINE void tile(const int rows, const int whole, const lw_linear_backward_args *a, int64_t o, int64_t i) {
  const int64_t in = a->desc.in, out = a->desc.out, left = in - i;
  const int any = a->desc.n > 0; /* else x and dy may be NULL */
  const float *x = any ? a->x + i : NULL, *dy = any ? a->dy + o : NULL;
  vf acc[ROWS][COLUMNS];
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < COLUMNS; v++) acc[r][v] = v_zero();
  if (any) /* the start: a product that underflows can be -0, which +0 would take away */
    V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < COLUMNS; v++) acc[r][v] =
        v_fma(tile_load(whole, x, v, left), v_broadcast(dy + r), v_zero());
  for (int64_t n = 1; n < a->desc.n; n++) {
    x += in;
    dy += out;
    vf value[COLUMNS];
    V_UNROLL for (int v = 0; v < COLUMNS; v++) value[v] = tile_load(whole, x, v, left);
    V_UNROLL for (int r = 0; r < rows; r++) {
      const vf g = v_broadcast(dy + r);
      V_UNROLL for (int v = 0; v < COLUMNS; v++) acc[r][v] = v_add(acc[r][v], v_fma(value[v], g, v_zero()));
    }
  }
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < COLUMNS; v++)
      tile_store(whole, a->out + (o + r) * in + i, v, left, acc[r][v]);
}

void VEC_FN(linear_backward_weights)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  const lw_linear_desc *d = &a->desc;
  const int64_t strips = (d->in + WIDTH - 1) / WIDTH, tiles = (d->out + ROWS - 1) / ROWS;
  int64_t begin, end;
  lw_share(strips * tiles, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t i = u / tiles * WIDTH, o = u % tiles * ROWS, rows = d->out - o < ROWS ? d->out - o : ROWS;
    const int whole = i + WIDTH <= d->in;
    if (rows == ROWS && whole)
      tile(ROWS, 1, a, o, i);
    else if (rows == ROWS)
      tile(ROWS, 0, a, o, i);
    else
      for (int64_t r = 0; r < rows; r++) whole ? tile(1, 1, a, o + r, i) : tile(1, 0, a, o + r, i);
  }
}
