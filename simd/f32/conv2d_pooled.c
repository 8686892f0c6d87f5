/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithm `pooled`: lanes are output channels, a tile holds pixels of two output rows, and the 2x2 max pool happens in
 * the registers that hold their finished sums. All input channels are walked at once, so this is for convolutions whose weights
 * stay in L1. The weights of several taps of a kernel row are held in registers: a pixel is broadcast once and feeds every output
 * that it touches, each in rising kw. The halo of x holds the padding as zeros. */
#include "simd/conv2d_small.h"
#include "simd/f32/conv2d_pool.h"

enum {
  PV = LW_BLOCK / VL,                /* vectors per panel of 16 output channels; a tile has one vector */
  PAIRS = V_REGISTERS == 32 ? 6 : 3, /* pooled pixels of a tile, 4 chains each */
  TAPS = V_REGISTERS == 32 ? 5 : 3,  /* weights held at once: with one pixel they fill the registers */
};

typedef struct walk {
  const lw_conv2d_args *a;
  int64_t lanes; /* input channels per block of x: 16 or 1 */
} walk;

typedef struct place {
  const float *x, *w, *bias;
  float *y;
} place;

/* kw and step (floats from a pixel to the next) are constants after inlining. */
ALWAYS_INLINE void tile(const int pairs, const int kw, const int step, const walk *k, const place *t) {
  const lw_conv2d_args *a = k->a;
  const int64_t row_stride = a->x.row_stride, kh_count = a->desc.kh;
  const int px = 2 * pairs;
  vf acc[2][2 * PAIRS];
  V_UNROLL for (int r = 0; r < 2; r++) V_UNROLL for (int p = 0; p < px; p++) acc[r][p] = v_load(t->bias);

  const float *block = t->x, *w = t->w;
  for (int64_t left = a->desc.ic; left > 0; left -= k->lanes, block += a->x.block_stride)
    for (int64_t lane = 0; lane < k->lanes && lane < left; lane++) {
      const float *row = block + lane;
      for (int64_t kh = 0; kh < kh_count; kh++, row += row_stride, w += kw * LW_BLOCK)
        V_UNROLL for (int first = 0; first < kw; first += TAPS) {
          const int taps = kw - first < TAPS ? kw - first : TAPS;
          vf weight[TAPS];
          V_UNROLL for (int q = 0; q < taps; q++) weight[q] = v_load(w + (first + q) * LW_BLOCK);
          const float *top = row + first * step, *bottom = top + row_stride;
          V_KEEP(top);
          V_KEEP(bottom);
          V_UNROLL for (int i = 0; i < px + taps - 1; i++) V_UNROLL for (int r = 0; r < 2; r++) {
            const vf pixel = v_broadcast((r ? bottom : top) + i * step);
            V_UNROLL for (int q = 0; q < taps; q++) if (i - q >= 0 && i - q < px) acc[r][i - q] =
                v_fma(pixel, weight[q], acc[r][i - q]);
          }
        }
    }

  V_UNROLL for (int p = 0; p < pairs; p++)
      v_store(t->y + p * LW_BLOCK, pool_2x2(a->relu, acc[0][2 * p], acc[0][2 * p + 1], acc[1][2 * p], acc[1][2 * p + 1]));
}

typedef void tile_fn(int pairs, const walk *k, const place *t);

#if defined(LW_SANITIZED) /* one body for all widths: instrumented, many take minutes to compile */
#  define TILE_FN(kw, step)                                                                                                      \
    static void tile_##kw##_##step(int pairs, const walk *k, const place *t) { tile(pairs, kw, step, k, t); }
#else
#  if defined(LW_VEC_AVX2)
#    define MORE_WIDTHS(kw, step)
#  else
#    define MORE_WIDTHS(kw, step)                                                                                                \
    case 4: tile(4, kw, step, k, t); break;                                                                                      \
    case 5: tile(5, kw, step, k, t); break;                                                                                      \
    case 6:                                                                                                                      \
      tile(6, kw, step, k, t);                                                                                                   \
      break;
#  endif
#  define TILE_FN(kw, step)                                                                                                      \
    static void tile_##kw##_##step(int pairs, const walk *k, const place *t) {                                                   \
      switch (pairs) {                                                                                                           \
      case 1: tile(1, kw, step, k, t); break;                                                                                    \
      case 2: tile(2, kw, step, k, t); break;                                                                                    \
      case 3:                                                                                                                    \
        tile(3, kw, step, k, t);                                                                                                 \
        break;                                                                                                                   \
        MORE_WIDTHS(kw, step)                                                                                                    \
      }                                                                                                                          \
    }
#endif
TILE_FN(3, 1)
TILE_FN(3, 16)
TILE_FN(5, 1)
TILE_FN(5, 16)

void VEC_FN(conv2d_pooled)(const lw_args *args, lw_part part) {
  static const float zeros[LW_BLOCK];
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  const walk k = {.a = a, .lanes = a->x.c_block};
  tile_fn *const run = d->kw == 3 ? (k.lanes == 1 ? tile_3_1 : tile_3_16) : k.lanes == 1 ? tile_5_1 : tile_5_16;
  const int64_t panel_floats = d->ic * d->kh * d->kw * LW_BLOCK, panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK;
  const int64_t tiles = (a->y.w + PAIRS - 1) / PAIRS, narrow = a->y.w / tiles, wide = a->y.w % tiles;
  int64_t begin, end;
  lw_share(panels * d->n * a->y.h, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) { /* panels outermost: a share reads as few weights as it can */
    const int64_t panel = i / a->y.h / d->n, n = i / a->y.h % d->n, h = i % a->y.h;
    const float *bias = a->bias ? a->bias + panel * LW_BLOCK : zeros;
    for (int v = 0; v < PV; v++) {
      place t = {.x = lw_view_at(&a->x, n, 0, 2 * h - d->pad_top, -d->pad_left), .bias = bias + v * VL};
      t.w = a->w + panel * panel_floats + v * VL;
      t.y = lw_view_at(&a->y, n, panel, h, 0) + v * VL;
      for (int64_t j = 0; j < tiles; j++) {
        const int pairs = (int)(narrow + (j < wide));
        run(pairs, &k, &t);
        t.x += 2 * pairs * a->x.px_stride;
        t.y += pairs * LW_BLOCK;
      }
    }
    lw_view_zero_halo(&a->y, n, panel, h, h + 1);
  }
}
