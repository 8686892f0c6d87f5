/* SPDX-License-Identifier: Apache-2.0
 * linear over panels [out/16][in][16]: lanes are outputs, so every output keeps its own chain over rising inputs.
 * At batch 1 the weights are read once and their stream is the limit: from DRAM one panel at a time with a prefetch ahead
 * (several streams at once are slower there); from cache several panels at once, since one chain waits for the latency of each
 * FMA. With more rows, a tile of rows x panels reads each weight once for its rows, and a chunk of inputs is used for all rows
 * while its weights are in cache; the chains rest in y meanwhile. Algorithm `plain` packs each chunk of w[out][in] on the way. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PV = LW_BLOCK / VL,                   /* vectors per panel */
  CHAINS = V_REGISTERS == 32 ? 24 : 12, /* vectors of a tile, which with weights and one input fill the registers */
  ROWS = VL == 16 ? 8 : 6,              /* rows of the tallest tile */
  PANELS = VL == 16 ? 8 : 4,            /* panels of the widest tile */
  CHUNK = LW_LINEAR_CHUNK,              /* inputs per chunk and panel if there are several rows: 128 KB */
  ROW_SHARE = 32,                       /* rows per share, if panels alone are too few */
  PREFETCH_FLOATS = 1024,
  PLAIN_PANELS =
      2, /* of a tile of `plain`: packing takes longer than the chains, and fewer rows of w at a time are read faster */
};
static const int64_t CACHED_BYTES = 2 << 20; /* weights above this size come from DRAM */

typedef struct tile_args {
  const float *x, *w, *bias; /* bias == NULL: the chains start from y */
  float *y;
  int64_t x_stride, y_stride, panel_stride;
  int64_t inputs;      /* of this chunk, whole channels */
  int64_t plane, step; /* inputs of a channel, floats from one to the next */
  int64_t lane;        /* of the first channel in its block */
  int64_t lanes;       /* valid outputs of the last panel */
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
  const int vectors = panels * PV;
  vf acc[CHAINS];
  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < vectors; v++) acc[r * vectors + v] =
      t->bias ? v_load(t->bias + v * VL)
              : panel_load(t->y + r * t->y_stride + v / PV * LW_BLOCK, v % PV, v / PV == panels - 1 ? t->lanes : LW_BLOCK);

  const float *channel = t->x, *w = t->w;
  int64_t lane = t->lane;
  for (int64_t left = t->inputs; left > 0; left -= t->plane) {
    const float *x = channel;
    for (int64_t i = t->plane; i > 0; i--, x += t->step, w += LW_BLOCK) {
      if (prefetch) __builtin_prefetch(w + PREFETCH_FLOATS, 0, 3);
      vf weight[PANELS * PV];
      V_UNROLL for (int v = 0; v < vectors; v++) weight[v] = v_load(w + v / PV * t->panel_stride + v % PV * VL);
      V_UNROLL for (int r = 0; r < rows; r++) {
        const vf value = v_broadcast(x + r * t->x_stride);
        V_UNROLL for (int v = 0; v < vectors; v++) acc[r * vectors + v] = v_fma(value, weight[v], acc[r * vectors + v]);
      }
    }
    channel++;
    if (++lane == t->step) { /* on to the next block */
      lane = 0;
      channel += (t->plane - 1) * t->step;
    }
  }

  V_UNROLL for (int r = 0; r < rows; r++) V_UNROLL for (int v = 0; v < vectors; v++) {
    const vf a = acc[r * vectors + v];
    panel_store(t->y + r * t->y_stride + v / PV * LW_BLOCK, v % PV, v / PV == panels - 1 ? t->lanes : LW_BLOCK,
                t->relu ? v_max(v_zero(), a) : a);
  }
}

/* Panels of a tile of so many rows: as many as fit the registers. */
static int most_panels(int rows) {
  const int fit = CHAINS / PV / (rows > 0 ? rows : 1);
  return fit < PANELS ? fit : PANELS;
}

static void run(int panels, int rows, const tile_args *t) {
#if defined(LW_SANITIZED) /* one body for all tiles: instrumented, so many take minutes to compile */
  tile(panels, rows, 0, t);
#else
#  define TILE(panels, rows)                                                                                                     \
  case panels * 8 + rows - 1:                                                                                                    \
    if (panels <= PANELS && rows <= ROWS && panels * rows * PV <= CHAINS) tile(panels, rows, 0, t);                              \
    break;
#  define TILES(rows)                                                                                                            \
    TILE(1, rows) TILE(2, rows) TILE(3, rows) TILE(4, rows) TILE(5, rows) TILE(6, rows) TILE(7, rows) TILE(8, rows)
  switch (panels * 8 + rows - 1) { TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7) TILES(8) }
#endif
}

/* Rows n0..n1-1 of `group` panels from `panel` on. packed: for w that is not, CHUNK*16 floats. */
static void rows_of_panels(const lw_linear_args *a, int64_t n0, int64_t n1, int64_t panel, int64_t group, int prefetch,
                           float *packed) {
  _Alignas(64) float bias[PANELS * LW_BLOCK] = {0};
  const lw_linear_desc *d = &a->desc;
  const int64_t panel_stride = d->in * LW_BLOCK, last = (panel + group) * LW_BLOCK;
  const int64_t tiles = (n1 - n0 + ROWS - 1) / ROWS, narrow = (n1 - n0) / tiles, wide = (n1 - n0) % tiles;
  const int is_blocked = a->x_plane > 0;
  tile_args t = {.w = a->w + panel * panel_stride, .y_stride = d->out, .panel_stride = panel_stride};
  t.lanes = last <= d->out ? LW_BLOCK : LW_BLOCK - (last - d->out);
  t.step = is_blocked ? LW_BLOCK : 1;
  t.x_stride = is_blocked ? lw_packed_count(d->in / a->x_plane, a->x_plane) : d->in;
  if (a->bias)
    memcpy(bias, a->bias + panel * LW_BLOCK, (size_t)((last < d->out ? last : d->out) - panel * LW_BLOCK) * sizeof *bias);
  int64_t chunk = n1 - n0 == 1 && !packed ? d->in : CHUNK / group;
  if (is_blocked) chunk = chunk > a->x_plane ? chunk / a->x_plane * a->x_plane : a->x_plane;
  for (int64_t i = 0; i < d->in; i += chunk, t.w += chunk * LW_BLOCK) {
    t.bias = i > 0 ? NULL : bias;
    t.inputs = d->in - i < chunk ? d->in - i : chunk;
    t.relu = a->relu && i + chunk >= d->in;
    t.plane = is_blocked ? a->x_plane : t.inputs;
    if (packed) {
      t.w = packed;
      t.panel_stride = t.inputs * LW_BLOCK;
      for (int64_t p = 0; p < group; p++) {
        const int64_t out = (panel + p) * LW_BLOCK;
        lw_pack_panel(d->out - out, d->in, t.inputs, a->w + out * d->in + i, packed + p * t.panel_stride);
      }
    }
    const int64_t channel = is_blocked ? i / a->x_plane : 0;
    t.lane = channel % LW_BLOCK;
    const float *x = a->x + (is_blocked ? (channel - t.lane) * a->x_plane + t.lane : i);
    for (int64_t k = 0, n = n0; k < tiles; k++) {
      const int rows = (int)(narrow + (k < wide));
      t.x = x + n * t.x_stride;
      t.y = a->y + n * d->out + panel * LW_BLOCK;
      if (prefetch)
        tile(1, 1, 1, &t);
      else
        run((int)group, rows, &t);
      n += rows;
    }
  }
}

static void linear(const lw_linear_args *a, lw_part part, float *packed) {
  const lw_linear_desc *d = &a->desc;
  const int64_t panels = (d->out + LW_BLOCK - 1) / LW_BLOCK;
  const int64_t row_shares = d->n > ROW_SHARE && panels < 4 * part.count ? (d->n + ROW_SHARE - 1) / ROW_SHARE : 1;
  const int64_t rows_each = (d->n + row_shares - 1) / row_shares, rows = rows_each < ROWS ? rows_each : ROWS;
  const int64_t fit = most_panels((int)rows), most = packed && fit > PLAIN_PANELS ? PLAIN_PANELS : fit;
  const int prefetch = !packed && d->n == 1 && panels * d->in * LW_BLOCK * (int64_t)sizeof(float) > CACHED_BYTES;
  int64_t begin, end;
  lw_share(d->n > 0 ? panels * row_shares : 0, part, &begin, &end);
  while (begin < end) {
    const int64_t panel = begin % panels, n0 = begin / panels * rows_each;
    const int64_t n1 = n0 + rows_each < d->n ? n0 + rows_each : d->n;
    const int64_t left = end - begin < panels - panel ? end - begin : panels - panel;
    const int64_t groups = prefetch ? left : (left + most - 1) / most, group = (left + groups - 1) / groups;
    rows_of_panels(a, n0, n1, panel, group, prefetch, packed);
    begin += group;
  }
}

void VEC_FN(linear)(const lw_args *args, lw_part part) { linear(&args->linear, part, NULL); }

void VEC_FN(linear_plain)(const lw_args *args, lw_part part) {
  const lw_linear_args *a = &args->linear;
  linear(a, part, (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride));
}
