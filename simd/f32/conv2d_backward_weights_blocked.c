/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_weights, algorithm `blocked`: lanes are output channels, so that dy is loaded as it lies in its blocks; a tile
 * holds the chains of some input channels times the taps of one kernel row in registers while it walks over output pixels. Rows
 * of outputs are taken a few at a time, so that dy and x under them serve all tiles from L1; between such chunks the chains rest,
 * unsplit, in dw (of the first image) or in scratch (of the others, which are added to dw when they are complete). The rows of an
 * image may also come in several calls. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PV = LW_BLOCK / VL,                   /* vectors per panel of 16 output channels */
  PANELS = VL == 16 ? 2 : 1,            /* panels of a tile */
  VMAX = PANELS * PV,                   /* vectors of dy per pixel */
  CHAINS = V_REGISTERS == 32 ? 24 : 12, /* vectors of a tile: they, dy and one input fill the registers */
  PIXELS = 128,                         /* of a chunk, about: 24 KB of dy and x, half of L1 */
  CACHED = 512 << 10                    /* bytes of dw that may wait between two chunks */
};

typedef struct walk {
  const lw_conv2d_backward_args *a;
  int64_t panel, panels; /* of output channels */
  int64_t lanes;         /* channels per block of x: 16 or 1 */
  int64_t taps;          /* a panel's weights: [ic][kh][kw][16] */
} walk;

typedef struct tile_args {
  const float *x, *dy;
  float *chains, *add_to; /* chains rest there; add_to: complete ones are added to dw, NULL: they are not complete or its start */
  int64_t rows, ow;       /* output pixels */
  int64_t x_row, dy_row;  /* floats from one row of outputs to the next */
  int64_t step, tap, channel; /* floats of x from one output pixel, tap, channel to the next */
  int64_t dy_block, panel, per_channel;
  int is_first; /* chains start from +0 */
} tile_args;

ALWAYS_INLINE void tile(const int panels, const int channels, const int taps, const tile_args *t) {
  const int vectors = panels * PV;
  const int64_t step = t->step, tap = t->tap, channel = t->channel, dy_block = t->dy_block;
  vf chain[CHAINS];
#define AT(v, c, q)     (((v)*channels + (c)) * taps + (q))
#define OFFSET(v, c, q) ((v) / PV * t->panel + (c)*t->per_channel + (q)*LW_BLOCK + (v) % PV * VL)
  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int c = 0; c < channels; c++) V_UNROLL for (int q = 0; q < taps; q++)
      chain[AT(v, c, q)] = t->is_first ? v_zero() : v_load(t->chains + OFFSET(v, c, q));
  for (int64_t row = 0; row < t->rows; row++) {
    const float *x = t->x + row * t->x_row, *dy = t->dy + row * t->dy_row;
    for (int64_t i = t->ow; i > 0; i--, x += step, dy += LW_BLOCK) {
      V_KEEP(x);
      vf d[VMAX];
      V_UNROLL for (int v = 0; v < vectors; v++) d[v] = v_load(dy + v / PV * dy_block + v % PV * VL);
      V_UNROLL for (int q = 0; q < taps; q++) V_UNROLL for (int c = 0; c < channels; c++) {
        const vf input = v_broadcast(x + q * tap + c * channel);
        V_UNROLL for (int v = 0; v < vectors; v++) chain[AT(v, c, q)] = v_fma(input, d[v], chain[AT(v, c, q)]);
      }
    }
  }
  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int c = 0; c < channels; c++) V_UNROLL for (int q = 0; q < taps; q++) {
    if (t->add_to)
      v_store(t->add_to + OFFSET(v, c, q), v_add(v_load(t->add_to + OFFSET(v, c, q)), chain[AT(v, c, q)]));
    else
      v_store(t->chains + OFFSET(v, c, q), chain[AT(v, c, q)]);
  }
}

/* Channels of a tile of so many taps, a power of two. */
ALWAYS_INLINE int most_channels(const int panels, const int taps) {
  const int fit = CHAINS / (panels * PV * taps);
  return fit >= 8 ? 8 : fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

/* A tile of at most `left` channels; returns how many. */
ALWAYS_INLINE int some_channels(const int panels, const int taps, int64_t left, const tile_args *t) {
  const int most = most_channels(panels, taps);
  if (most >= 8 && left >= 8) return tile(panels, 8, taps, t), 8;
  if (most >= 4 && left >= 4) return tile(panels, 4, taps, t), 4;
  if (most >= 2 && left >= 2) return tile(panels, 2, taps, t), 2;
  return tile(panels, 1, taps, t), 1;
}

#define RUN_FN(panels, taps)                                                                                                     \
  static int run_##panels##_##taps(int64_t left, const tile_args *t) { return some_channels(panels, taps, left, t); }
RUN_FN(1, 1)
RUN_FN(1, 3)
RUN_FN(1, 5)
#if defined(LW_VEC_AVX512)
RUN_FN(2, 1)
RUN_FN(2, 3)
RUN_FN(2, 5)
#endif

static int run(int64_t panels, int taps, int64_t left, const tile_args *t) {
#if defined(LW_VEC_AVX512)
  if (panels == 2) return taps == 3 ? run_2_3(left, t) : taps == 5 ? run_2_5(left, t) : run_2_1(left, t);
#endif
  (void)panels;
  return taps == 3 ? run_1_3(left, t) : taps == 5 ? run_1_5(left, t) : run_1_1(left, t);
}

/* Output rows h0..h1-1 of image n, input channels first..last-1, which lie in one block. */
static void chunk(const walk *k, int64_t n, int64_t h0, int64_t h1, int64_t first, int64_t last) {
  const lw_conv2d_backward_args *a = k->a;
  const lw_conv2d_desc *d = &a->desc;
  const int taps = d->kw == 3 || d->kw == 5 ? (int)d->kw : 1;
  const int64_t at = k->panel * k->taps * LW_BLOCK;
  const int adds = n > 0 || a->adds, completes = h1 == a->oh && !a->unfinished;
  float *const dw = a->out + at, *const chains = adds ? (float *)(void *)a->scratch + at : dw;
  tile_args t = {.rows = h1 - h0, .ow = a->ow, .dy_row = a->dy_view.row_stride, .dy_block = a->dy_view.block_stride};
  t.x_row = d->stride_h * a->x_view.row_stride;
  t.step = d->stride_w * a->x_view.px_stride;
  t.tap = d->dilation_w * a->x_view.px_stride;
  t.channel = k->lanes == 1 ? a->x_view.block_stride : 1;
  t.panel = k->taps * LW_BLOCK;
  t.per_channel = d->kh * d->kw * LW_BLOCK;
  t.dy = lw_view_at(&a->dy_view, n, k->panel, h0, 0);
  t.is_first = h0 == 0 && !a->follows;
  for (int64_t c = first, done; c < last; c += done) {
    done = 0;
    for (int64_t kh = 0; kh < d->kh; kh++)
      for (int64_t q = 0; q < d->kw; q += taps) {
        const int64_t h = h0 * d->stride_h - d->pad_top + kh * d->dilation_h, w = q * d->dilation_w - d->pad_left;
        const int64_t weight = ((c * d->kh + kh) * d->kw + q) * LW_BLOCK;
        t.x = lw_view_at(&a->x_view, n, c / k->lanes, h, w) + c % k->lanes;
        t.chains = chains + weight;
        t.add_to = adds && completes ? dw + weight : NULL;
        done = run(k->panels, taps, last - c, &t);
      }
  }
}

static void panels_of_weights(const walk *k, int64_t first_block, int64_t last_block) {
  const lw_conv2d_backward_args *a = k->a;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t each = PIXELS / a->ow > 1 ? PIXELS / a->ow : 1, chunks = (a->oh + each - 1) / each;
  const int64_t blocks = last_block - first_block;
  /* Either all weights wait while a chunk is used for them, or all of the image while a block of weights is computed. */
  const int waits = k->panels * k->taps * LW_BLOCK * (int64_t)sizeof(float) <= CACHED;
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t i = 0; i < chunks * blocks; i++) {
      const int64_t h0 = (waits ? i / blocks : i % chunks) * each, h1 = h0 + each < a->oh ? h0 + each : a->oh;
      const int64_t first = (first_block + (waits ? i % blocks : i / chunks)) * LW_BLOCK;
      chunk(k, n, h0, h1, first, first + LW_BLOCK < d->ic ? first + LW_BLOCK : d->ic);
    }
}

/* Missing outputs of the last panel: +0. */
static void clear_lanes(float *weights, int64_t count, int64_t lanes) {
  for (int64_t i = 0; i < count; i++) memset(weights + i * LW_BLOCK + lanes, 0, (size_t)(LW_BLOCK - lanes) * sizeof *weights);
}

void VEC_FN(conv2d_backward_weights_blocked)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK, groups = (panels + PANELS - 1) / PANELS;
  const int64_t blocks = (d->ic + LW_BLOCK - 1) / LW_BLOCK;
  walk k = {.a = a, .lanes = a->x_view.c_block, .taps = d->ic * d->kh * d->kw};
  int64_t begin, end;
  lw_share(groups * blocks, part, &begin, &end);
  while (begin < end) {
    const int64_t first = begin % blocks, last = first + (end - begin) < blocks ? first + (end - begin) : blocks;
    k.panel = begin / blocks * PANELS;
    k.panels = panels - k.panel < PANELS ? panels - k.panel : PANELS;
    panels_of_weights(&k, first, last);
    const int64_t from = first * LW_BLOCK * d->kh * d->kw, to = last < blocks ? last * LW_BLOCK * d->kh * d->kw : k.taps;
    for (int64_t p = 0; p < k.panels; p++) {
      float *dw = a->out + ((k.panel + p) * k.taps + from) * LW_BLOCK;
      const int64_t lanes = d->oc - (k.panel + p) * LW_BLOCK;
      if (d->n == 0)
        clear_lanes(dw, to - from, 0);
      else if (lanes < LW_BLOCK)
        clear_lanes(dw, to - from, lanes);
    }
    begin += last - first;
  }
}
