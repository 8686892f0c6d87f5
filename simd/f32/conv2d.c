/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithm `direct`: lanes are output channels, a register tile holds several pixels of one output row, and the sum of
 * every output stays the one chain of ref/conv2d.c over (ic, kh, kw). Channels are walked in chunks so that a chunk of input rows
 * and weights stays in cache; between chunks the chains rest, unsplit, in y (or in scratch when a pool is fused). The halo holds
 * the padding as zeros, so padding taps need no code. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PV = LW_BLOCK / VL,        /* vectors per panel of 16 output channels */
  PANELS = VL == 16 ? 2 : 1, /* panels of a tile */
  VMAX = PANELS * PV,        /* vectors per pixel of a tile */
  PX = VL == 16 ? 12 : 6,    /* pixels of a tile: VMAX*PX chains, weights and one pixel fill the registers */
  REUSE = VL == 16,          /* enough registers to hold the weights of a whole kernel row */
  CHUNK = 32,                /* input channels per chunk */
};

typedef struct walk {
  const lw_conv2d_args *a;
  int64_t step, kh_stride,
      kw_stride;               /* floats from one output pixel to the next, one kernel row to the next, one tap to the next */
  int64_t lanes;               /* input channels per block of x: 16 or 1 */
  int64_t panel_stride;        /* floats of a weight panel */
  int64_t tiles, narrow, wide; /* tiles of a row; the first `wide` have narrow+1 pixels, the rest `narrow` */
} walk;

typedef struct tile_args {
  const float *x, *w, *bias; /* bias == NULL: the chains continue from acc */
  float *acc;
  int64_t acc_panel_stride;
  int64_t channels; /* of this chunk */
  int relu;
} tile_args;

/* kw and step are constants after inlining, or 0 for "read it from the descriptor". */
ALWAYS_INLINE void tile(const int panels, const int px, const int kw_const, const int step_const, const walk *k,
                        const tile_args *t) {
  const lw_conv2d_desc *d = &k->a->desc;
  const int vectors = panels * PV;
  const int64_t step = step_const ? step_const : k->step, kw_stride = k->kw_stride, kh_stride = k->kh_stride;
  const int64_t panel_stride = k->panel_stride, kh_count = d->kh, kw_count = kw_const ? kw_const : d->kw;
  vf acc[VMAX][PX];
  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int p = 0; p < px; p++) acc[v][p] =
      t->bias ? v_load(t->bias + v * VL) : v_load(t->acc + v / PV * t->acc_panel_stride + p * LW_BLOCK + v % PV * VL);

  const float *w = t->w, *block = t->x;
  for (int64_t left = t->channels; left > 0; left -= k->lanes, block += k->a->x.block_stride)
    for (int64_t lane = 0; lane < k->lanes && lane < left; lane++) {
      const float *row = block + lane;
      for (int64_t kh = 0; kh < kh_count; kh++, row += kh_stride) {
        if (REUSE && kw_const) { /* each input pixel is broadcast once and feeds every output that it touches, kw rising */
          const int taps = kw_const ? kw_const : 1;
          vf weight[5][VMAX];
          V_UNROLL for (int q = 0; q < taps; q++) V_UNROLL for (int v = 0; v < vectors; v++) weight[q][v] =
              v_load(w + q * LW_BLOCK + v / PV * panel_stride + v % PV * VL);
          V_UNROLL for (int i = 0; i < px + taps - 1; i++) {
            const vf pixel = v_broadcast(row + i * step);
            V_UNROLL for (int q = 0; q < taps; q++) if (i - q >= 0 && i - q < px) V_UNROLL for (int v = 0; v < vectors; v++)
                acc[v][i - q] = v_fma(pixel, weight[q][v], acc[v][i - q]);
          }
          w += taps * LW_BLOCK;
        } else {
          const float *tap = row;
          for (int64_t q = 0; q < kw_count; q++, tap += kw_stride, w += LW_BLOCK) {
            V_KEEP(tap);
            vf weight[VMAX];
            V_UNROLL for (int v = 0; v < vectors; v++) weight[v] = v_load(w + v / PV * panel_stride + v % PV * VL);
            V_UNROLL for (int p = 0; p < px; p++) {
              const vf pixel = v_broadcast(tap + p * step);
              V_UNROLL for (int v = 0; v < vectors; v++) acc[v][p] = v_fma(pixel, weight[v], acc[v][p]);
            }
          }
        }
      }
    }

  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int p = 0; p < px; p++) v_store(
      t->acc + v / PV * t->acc_panel_stride + p * LW_BLOCK + v % PV * VL, t->relu ? v_max(v_zero(), acc[v][p]) : acc[v][p]);
}

typedef void tile_fn(int px, const walk *k, const tile_args *t);

#if defined(LW_VEC_AVX512)
#  define MORE_WIDTHS(panels, kw, step)                                                                                          \
  case 7: tile(panels, 7, kw, step, k, t); break;                                                                                \
  case 8: tile(panels, 8, kw, step, k, t); break;                                                                                \
  case 9: tile(panels, 9, kw, step, k, t); break;                                                                                \
  case 10: tile(panels, 10, kw, step, k, t); break;                                                                              \
  case 11: tile(panels, 11, kw, step, k, t); break;                                                                              \
  case 12:                                                                                                                       \
    tile(panels, 12, kw, step, k, t);                                                                                            \
    break;
#else
#  define MORE_WIDTHS(panels, kw, step)
#endif
#if defined(LW_SANITIZED) /* one body for all widths: instrumented, a dozen takes minutes to compile */
#  define TILE_FN(panels, kw, step)                                                                                              \
    static void tile_##panels##_##kw##_##step(int px, const walk *k, const tile_args *t) { tile(panels, px, kw, step, k, t); }
#else
#  define TILE_FN(panels, kw, step)                                                                                              \
    static void tile_##panels##_##kw##_##step(int px, const walk *k, const tile_args *t) {                                       \
      switch (px) {                                                                                                              \
      case 1: tile(panels, 1, kw, step, k, t); break;                                                                            \
      case 2: tile(panels, 2, kw, step, k, t); break;                                                                            \
      case 3: tile(panels, 3, kw, step, k, t); break;                                                                            \
      case 4: tile(panels, 4, kw, step, k, t); break;                                                                            \
      case 5: tile(panels, 5, kw, step, k, t); break;                                                                            \
      case 6:                                                                                                                    \
        tile(panels, 6, kw, step, k, t);                                                                                         \
        break;                                                                                                                   \
        MORE_WIDTHS(panels, kw, step)                                                                                            \
      }                                                                                                                          \
    }
#endif
TILE_FN(1, 0, 0)
TILE_FN(1, 0, 1)
TILE_FN(1, 0, 16)
#if defined(LW_VEC_AVX512)
TILE_FN(1, 3, 16)
TILE_FN(1, 5, 1)
TILE_FN(1, 5, 16)
TILE_FN(2, 0, 0)
TILE_FN(2, 0, 1)
TILE_FN(2, 0, 16)
TILE_FN(2, 3, 1)
TILE_FN(2, 3, 16)
TILE_FN(2, 5, 16)
#endif

static tile_fn *choose_tile(int64_t panels, const walk *k) {
  const int step = k->step == 1 || k->step == 16 ? (int)k->step : 0;
#if defined(LW_VEC_AVX512)
  /* Kernel rows are held in registers only where neighbouring outputs share taps. */
  const int kw = k->kw_stride == k->step ? (int)k->a->desc.kw : 0;
  if (panels == 2) {
    if (kw == 3 && step == 16) return tile_2_3_16;
    if (kw == 3 && step == 1) return tile_2_3_1;
    if (kw == 5 && step == 16) return tile_2_5_16;
    return step == 16 ? tile_2_0_16 : step == 1 ? tile_2_0_1 : tile_2_0_0;
  }
  if (kw == 3 && step == 16) return tile_1_3_16;
  if (kw == 5 && step == 16) return tile_1_5_16;
  if (kw == 5 && step == 1) return tile_1_5_1;
#else
  (void)panels;
#endif
  return step == 16 ? tile_1_0_16 : step == 1 ? tile_1_0_1 : tile_1_0_0;
}

/* 2x2 stride 2 over finished rows in scratch [panel][rows][ow][16]: left with right, then top with bottom, the earlier wins ties.
 */
static void pool_rows(const lw_view *y, const float *rows, int64_t ow, int64_t n, int64_t block, int64_t h0, int64_t count) {
  for (int64_t h = 0; h < count; h++)
    for (int64_t w = 0; w < y->w; w++)
      for (int v = 0; v < PV; v++) {
        const float *top = rows + (2 * h * ow + 2 * w) * LW_BLOCK + v * VL, *bottom = top + ow * LW_BLOCK;
        vf m = v_load(top), right = v_load(top + LW_BLOCK), low = v_load(bottom), low_right = v_load(bottom + LW_BLOCK);
        m = v_select(vm_taken(m, right), right, m);
        low = v_select(vm_taken(low, low_right), low_right, low);
        m = v_select(vm_taken(m, low), low, m);
        v_store(lw_view_at(y, n, block, h0 + h, w) + v * VL, m);
      }
  lw_view_zero_halo(y, n, block, h0, h0 + count);
}

/* Output rows h0..h1-1 of `panels` panels from `panel` on, image n. */
static void row_block(const walk *k, int64_t n, int64_t panel, int64_t panels, int64_t h0, int64_t h1, char *scratch) {
  const lw_conv2d_args *a = k->a;
  const lw_conv2d_desc *d = &a->desc;
  static const float zeros[PANELS * LW_BLOCK];
  tile_fn *const run = choose_tile(panels, k);
  const int64_t acc_row = a->pool ? a->ow * LW_BLOCK : a->y.row_stride;
  const int64_t acc_panel = a->pool ? (h1 - h0) * acc_row : a->y.block_stride;
  float *const acc = a->pool ? (float *)scratch : lw_view_at(&a->y, n, panel, h0, 0);

  tile_args t = {.acc_panel_stride = acc_panel};
  for (int64_t ic = 0; ic < d->ic; ic += CHUNK) {
    t.channels = d->ic - ic < CHUNK ? d->ic - ic : CHUNK;
    t.bias = ic > 0 ? NULL : a->bias ? a->bias + panel * LW_BLOCK : zeros;
    t.relu = a->relu && ic + CHUNK >= d->ic;
    t.w = a->w + panel * k->panel_stride + ic * d->kh * d->kw * LW_BLOCK;
    for (int64_t h = h0; h < h1; h++) {
      const float *x = lw_view_at(&a->x, n, ic / k->lanes, h * d->stride_h - d->pad_top, -d->pad_left);
      float *row = acc + (h - h0) * acc_row;
      for (int64_t i = 0, w = 0; i < k->tiles; i++) {
        const int px = (int)(k->narrow + (i < k->wide));
        t.x = x + w * k->step;
        t.acc = row + w * LW_BLOCK;
        run(px, k, &t);
        w += px;
      }
    }
  }
  for (int64_t p = 0; p < panels; p++)
    if (a->pool)
      pool_rows(&a->y, acc + p * acc_panel, a->ow, n, panel + p, h0 / 2, (h1 - h0) / 2);
    else
      lw_view_zero_halo(&a->y, n, panel + p, h0, h1);
}

void VEC_FN(conv2d_direct)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  walk k = {.a = a, .lanes = a->x.c_block, .step = d->stride_w * a->x.px_stride};
  k.kh_stride = d->dilation_h * a->x.row_stride;
  k.kw_stride = d->dilation_w * a->x.px_stride;
  k.panel_stride = d->ic * d->kh * d->kw * LW_BLOCK;
  k.tiles = (a->ow + PX - 1) / PX;
  k.narrow = a->ow / k.tiles;
  k.wide = a->ow % k.tiles;

  const int64_t rows = a->pool ? a->oh / 2 * 2 : a->oh, each = lw_conv2d_direct_rows(a->ow);
  const int64_t row_blocks = (rows + each - 1) / each, panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK;
  const int64_t groups = (panels + PANELS - 1) / PANELS;
  int64_t begin, end;
  lw_share(groups * d->n * row_blocks, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) { /* panels outermost: a share reads as few weights as it can */
    const int64_t panel = i / row_blocks / d->n * PANELS, n = i / row_blocks % d->n, h0 = i % row_blocks * each;
    row_block(&k, n, panel, panels - panel < PANELS ? panels - panel : PANELS, h0, h0 + each < rows ? h0 + each : rows,
              a->pool ? a->scratch + (size_t)part.index * a->scratch_stride : NULL);
  }
}
