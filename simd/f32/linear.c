/* SPDX-License-Identifier: Apache-2.0
 * linear over panels [out/16][in][16]: lanes are outputs, so every output keeps its own chain over rising inputs.
 * At batch 1 the weights are read once and their stream is the limit: from DRAM one panel at a time with a prefetch ahead
 * (several streams at once are slower there); from cache several panels at once, since one chain waits for the latency of each
 * FMA. With more rows, a chunk of inputs is used for all rows while its weights are in cache; the chains rest in y meanwhile. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PV = LW_BLOCK / VL, /* vectors per panel */
  ROWS = VL == 16  ? 8
         : VL == 8 ? 6
                   : 5, /* rows of a tile of one panel */
  PANELS = VL == 16  ? 8
           : VL == 8 ? 4
                     : 4, /* panels of a tile of one row */
  CHUNK = 512,            /* inputs per chunk if there are several rows: 32 KB of a panel */
  ROW_SHARE = 32,         /* rows per share, if panels alone are too few */
  PREFETCH_FLOATS = 1024,
};
static const int64_t CACHED_BYTES = 2 << 20; /* weights above this size come from DRAM */

typedef struct tile_args {
  const float *x, *w, *bias; /* bias == NULL: the chains start from y */
  float *y;
  int64_t x_stride, y_stride, panel_stride, inputs;
  int64_t lanes; /* valid outputs of the last panel */
  int relu;
} tile_args;

ALWAYS_INLINE vf panel_load(const float *p, int v, int64_t lanes) {
  const int64_t left = lanes - v * VL;
  return left >= VL ? v_load(p + v * VL) : left > 0 ? v_load_partial(p + v * VL, left) : v_zero();
}
ALWAYS_INLINE void panel_store(float *p, int v, int64_t lanes, vf a) {
  const int64_t left = lanes - v * VL;
  if (left >= VL)
    v_store(p + v * VL, a);
  else if (left > 0)
    v_store_partial(p + v * VL, left, a);
}

ALWAYS_INLINE void tile(const int panels, const int rows, const int prefetch, const tile_args *t) {
  vf acc[ROWS * PANELS * PV];
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int p = 0; p < panels; p++) V_UNROLL for (int v = 0; v < PV; v++)
      acc[(r * panels + p) * PV + v] =
          t->bias ? v_load(t->bias + p * LW_BLOCK + v * VL)
                  : panel_load(t->y + r * t->y_stride + p * LW_BLOCK, v, p == panels - 1 ? t->lanes : LW_BLOCK);
  const float *x = t->x, *w = t->w;
  for (int64_t i = 0; i < t->inputs; i++, x++, w += LW_BLOCK) {
    if (prefetch) __builtin_prefetch(w + PREFETCH_FLOATS, 0, 3);
    V_UNROLL for (int p = 0; p < panels; p++) V_UNROLL for (int v = 0; v < PV; v++) {
      const vf weight = v_load(w + p * t->panel_stride + v * VL);
      V_UNROLL for (int r = 0; r < rows; r++) acc[(r * panels + p) * PV + v] =
          v_fma(v_broadcast(x + r * t->x_stride), weight, acc[(r * panels + p) * PV + v]);
    }
  }
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int p = 0; p < panels; p++) V_UNROLL for (int v = 0; v < PV; v++) {
    vf a = acc[(r * panels + p) * PV + v];
    if (t->relu) a = v_max(v_zero(), a);
    panel_store(t->y + r * t->y_stride + p * LW_BLOCK, v, p == panels - 1 ? t->lanes : LW_BLOCK, a);
  }
}

static void one_row(int panels, int prefetch, const tile_args *t) {
  if (prefetch) {
    tile(1, 1, 1, t);
    return;
  }
  switch (panels) {
  case 1: tile(1, 1, 0, t); break;
  case 2: tile(2, 1, 0, t); break;
  case 3: tile(3, 1, 0, t); break;
  case 4: tile(4, 1, 0, t); break;
#if defined(LW_VEC_AVX512)
  case 5: tile(5, 1, 0, t); break;
  case 6: tile(6, 1, 0, t); break;
  case 7: tile(7, 1, 0, t); break;
  case 8: tile(8, 1, 0, t); break;
#endif
  }
}

static void one_panel(int rows, const tile_args *t) {
  switch (rows) {
  case 1: tile(1, 1, 0, t); break;
  case 2: tile(1, 2, 0, t); break;
  case 3: tile(1, 3, 0, t); break;
  case 4: tile(1, 4, 0, t); break;
  case 5: tile(1, 5, 0, t); break;
#if !defined(LW_VEC_NEON)
  case 6: tile(1, 6, 0, t); break;
#endif
#if defined(LW_VEC_AVX512)
  case 7: tile(1, 7, 0, t); break;
  case 8: tile(1, 8, 0, t); break;
#endif
  }
}

void VEC_FN(linear)(const lw_args *args, lw_part part) {
  const lw_linear_args *a = &args->linear;
  const lw_linear_desc *d = &a->desc;
  static const float zeros[PANELS * LW_BLOCK];
  const int64_t panels = (d->out + LW_BLOCK - 1) / LW_BLOCK, panel_stride = d->in * LW_BLOCK;
  const int64_t row_shares = d->n > ROW_SHARE && panels < 4 * part.count ? (d->n + ROW_SHARE - 1) / ROW_SHARE : 1;
  const int64_t rows_each = (d->n + row_shares - 1) / row_shares;
  const int prefetch = d->n == 1 && panels * panel_stride * (int64_t)sizeof(float) > CACHED_BYTES;
  int64_t begin, end;
  lw_share(panels * row_shares, part, &begin, &end);
  while (begin < end) {
    const int64_t panel = begin % panels, n0 = begin / panels * rows_each;
    const int64_t n1 = n0 + rows_each < d->n ? n0 + rows_each : d->n;
    int64_t group = 1;
    tile_args t = {.w = a->w + panel * panel_stride, .x_stride = d->in, .y_stride = d->out, .panel_stride = panel_stride};
    t.lanes = d->out - panel * LW_BLOCK < LW_BLOCK ? d->out - panel * LW_BLOCK : LW_BLOCK;
    const float *bias = a->bias ? a->bias + panel * LW_BLOCK : zeros;
    if (n1 - n0 == 1) {
      group = end - begin < panels - panel ? end - begin : panels - panel;
      if (group > PANELS) group = PANELS;
      if (prefetch) group = 1;
      const int64_t last = (panel + group) * LW_BLOCK;
      t.lanes = last <= d->out ? LW_BLOCK : LW_BLOCK - (last - d->out);
      t.x = a->x + n0 * d->in;
      t.y = a->y + n0 * d->out + panel * LW_BLOCK;
      t.bias = bias;
      t.inputs = d->in;
      t.relu = a->relu;
      one_row((int)group, prefetch, &t);
    } else {
      for (int64_t i = 0; i < d->in; i += CHUNK, t.w += CHUNK * LW_BLOCK) {
        t.bias = i == 0 ? bias : NULL;
        t.inputs = d->in - i < CHUNK ? d->in - i : CHUNK;
        t.relu = a->relu && i + CHUNK >= d->in;
        for (int64_t n = n0; n < n1; n += ROWS) {
          t.x = a->x + n * d->in + i;
          t.y = a->y + n * d->out + panel * LW_BLOCK;
          one_panel((int)(n1 - n < ROWS ? n1 - n : ROWS), &t);
        }
      }
    }
    begin += group;
  }
}
