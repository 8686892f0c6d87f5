/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithm `columns`: lanes are output columns, for convolutions with few output channels, which would leave lanes of
 * channels empty. Rows of x are first copied into scratch with their padding, so that x needs no halo and a load may reach past
 * a row's end. With a fused pool they are split there into even and odd columns: lane i of one accumulator is then the left, of
 * another the right pixel of window i, and the pool is a maximum of four registers. A last vector that does not fit starts
 * earlier and computes some outputs again. */
#include "simd/conv2d_small.h"
#include "simd/f32/conv2d_pool.h"

enum {
  OCS = V_REGISTERS == 32 ? 6 : 3, /* channels of a tile: 4*OCS chains, OCS weights and one vector of pixels fill the registers */
  POSITIONS = 4,                   /* chains of a channel: a 2x2 window, or 4 rows */
};

typedef struct walk {
  const lw_conv2d_args *a;
  lw_conv2d_columns c;
  /* Floats from the start of a row to what output column 0 meets at tap 0, and (with a pool) output column 1. */
  int64_t left, right;
} walk;

typedef struct place {
  const float *x;        /* scratch row of the tile's first output row, moved to its first column */
  const float *w, *bias; /* of its first channel */
  float *y;
  int rows;      /* without a pool: how many of the 4 rows exist */
  int64_t lanes; /* how many of VL columns exist, if fewer */
} place;

ALWAYS_INLINE void put(float *y, int64_t lanes, vf value) {
  if (lanes >= VL)
    v_store(y, value);
  else
    v_store_partial(y, lanes, value);
}

ALWAYS_INLINE void tile(const int ocs, const int pool, const walk *k, const place *t) {
  const lw_conv2d_args *a = k->a;
  const int64_t kh_count = a->desc.kh, kw_count = a->desc.kw, row_floats = k->c.row_floats;
  const int64_t down1 = (t->rows > 1 ? 1 : t->rows - 1) * row_floats, down2 = (t->rows > 2 ? 2 : t->rows - 1) * row_floats;
  const int64_t down3 = (t->rows - 1) * row_floats; /* rows that do not exist repeat the last */
  vf acc[OCS][POSITIONS];
  V_UNROLL for (int o = 0; o < ocs; o++) V_UNROLL for (int p = 0; p < POSITIONS; p++) acc[o][p] = v_broadcast(t->bias + o);

  const float *channel = t->x, *w = t->w;
  for (int64_t ic = a->desc.ic; ic > 0; ic--, channel += k->c.channel_floats) {
    const float *row = channel;
    for (int64_t kh = 0; kh < kh_count; kh++, row += row_floats) {
      const float *left = row + k->left, *right = row + k->right;
      for (int64_t kw = 0; kw < kw_count; kw++, w += LW_BLOCK) {
        V_KEEP(left);
        vf weight[OCS];
        V_UNROLL for (int o = 0; o < ocs; o++) weight[o] = v_broadcast(w + o);
        V_UNROLL for (int p = 0; p < POSITIONS; p++) {
          const float *pixels = pool ? (p % 2 ? right : left) + (p < 2 ? 0 : row_floats)
                                     : left + (p == 0   ? 0
                                               : p == 1 ? down1
                                               : p == 2 ? down2
                                                        : down3);
          const vf x = v_load(pixels);
          V_UNROLL for (int o = 0; o < ocs; o++) acc[o][p] = v_fma(x, weight[o], acc[o][p]);
        }
        if (pool) { /* the next tap meets what the right column met, and the neighbour of what the left one did */
          const float *next = left + 1;
          left = right;
          right = next;
        } else {
          left++;
        }
      }
    }
  }

  float *y = t->y;
  V_UNROLL for (int o = 0; o < ocs; o++, y += a->y.block_stride) {
    if (pool)
      put(y, t->lanes, pool_2x2(a->relu, acc[o][0], acc[o][1], acc[o][2], acc[o][3]));
    else
      V_UNROLL for (int p = 0; p < POSITIONS; p++) if (p < t->rows)
          put(y + p * a->y.row_stride, t->lanes, a->relu ? v_max(v_zero(), acc[o][p]) : acc[o][p]);
  }
}

static void channels(int ocs, const walk *k, const place *t) {
#define CASE(ocs)                                                                                                                \
  case ocs: k->a->pool ? tile(ocs, 1, k, t) : tile(ocs, 0, k, t); break;
  switch (ocs) {
    CASE(1)
    CASE(2)
    CASE(3)
#if !defined(LW_VEC_AVX2)
    CASE(4)
    CASE(5)
    CASE(6)
#endif
  }
}

/* VL columns, px floats apart, of which `left` exist; the others are +0. */
ALWAYS_INLINE vf load_columns(const float *x, int64_t px, int64_t left) {
  float lanes[VL] = {0};
  if (px == 1) return left >= VL ? v_load(x) : v_load_partial(x, left);
  for (int64_t i = 0; i < VL && i < left; i++) lanes[i] = x[i * px];
  return v_load(lanes);
}

/* One row of x to its pieces in scratch; NULL: a row of the padding. */
static void fill_row(const walk *k, const float *x, float *to) {
  const int pool = k->a->pool;
  const int64_t px = k->a->x.px_stride, iw = x ? k->a->desc.iw : 0;
  float *even = to + k->c.margin, *odd = even + k->c.data + k->c.margin;
  for (int64_t i = 0; i < k->c.data; i += VL) {
    const int64_t w = pool ? 2 * i : i;
    const vf first = w < iw ? load_columns(x + w * px, px, iw - w) : v_zero();
    if (!pool) {
      v_store(even + i, first);
      continue;
    }
    const vf second = w + VL < iw ? load_columns(x + (w + VL) * px, px, iw - w - VL) : v_zero();
    v_store(even + i, v_even(first, second));
    v_store(odd + i, v_odd(first, second));
  }
}

/* What output rows h0.. (of the convolution) need of image n; margins are there. */
static void fill(const walk *k, int64_t n, int64_t h0, int64_t rows, float *scratch) {
  const lw_conv2d_args *a = k->a;
  for (int64_t ic = 0; ic < a->desc.ic; ic++) {
    const float *x = lw_view_at(&a->x, n, ic / a->x.c_block, 0, 0) + ic % a->x.c_block;
    float *to = scratch + ic * k->c.channel_floats;
    const int64_t first = h0 - a->desc.pad_top;
    for (int64_t ih = first; ih < first + rows; ih++, to += k->c.row_floats)
      fill_row(k, ih < 0 || ih >= a->desc.ih ? NULL : x + ih * a->x.row_stride, to);
  }
}

static void zero_margins(const walk *k, float *scratch) {
  const int64_t piece = k->c.margin + k->c.data, pieces = k->a->desc.ic * k->c.channel_floats / piece;
  for (int64_t i = 0; i <= pieces; i++)
    for (float *p = scratch + i * piece, *end = p + k->c.margin; p < end; p += VL) {
      V_KEEP(p); /* else the compiler calls memset for each */
      v_store(p, v_zero());
    }
}

/* Rows h..h+rows-1 of y, one row if pooled, from the scratch row x on. */
static void compute(const walk *k, int64_t n, int64_t h, int rows, const float *x) {
  static const float zeros[LW_BLOCK];
  const lw_conv2d_args *a = k->a;
  const int64_t panel_floats = a->desc.ic * a->desc.kh * a->desc.kw * LW_BLOCK;
  for (int64_t column = 0; column < a->y.w; column += VL) {
    const int64_t w = column + VL <= a->y.w ? column : a->y.w >= VL ? a->y.w - VL : 0;
    for (int64_t oc = 0; oc < a->desc.oc; oc += LW_BLOCK) {
      const int64_t lanes = a->desc.oc - oc < LW_BLOCK ? a->desc.oc - oc : LW_BLOCK;
      const int64_t groups = (lanes + OCS - 1) / OCS, narrow = lanes / groups, wide = lanes % groups;
      place t = {.x = x + w, .w = a->w + oc / LW_BLOCK * panel_floats, .bias = a->bias ? a->bias + oc : zeros, .rows = rows};
      t.y = lw_view_at(&a->y, n, oc, h, w);
      t.lanes = a->y.w - w;
      for (int64_t i = 0; i < groups; i++) {
        const int ocs = (int)(narrow + (i < wide));
        channels(ocs, k, &t);
        t.w += ocs;
        t.bias += ocs;
        t.y += ocs * a->y.block_stride;
      }
    }
  }
}

void VEC_FN(conv2d_columns)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  walk k = {.a = a, .c = lw_conv2d_columns_layout(d, a->oh, a->ow, a->pool)};
  const int64_t even = k.c.margin, odd = k.c.data + 2 * k.c.margin, pad = d->pad_left;
  k.left = !a->pool ? even - pad : pad % 2 ? odd - (pad + 1) / 2 : even - pad / 2;
  k.right = pad % 2 ? even - (pad - 1) / 2 : odd - pad / 2;
  float *const scratch = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride);

  /* Shares are of whole tiles: one pooled row or up to 4 rows. */
  const int64_t each = a->pool ? 1 : POSITIONS, shrink = a->pool ? 2 : 1;
  const int64_t per_image = (a->y.h + each - 1) / each, per_fill = (k.c.outputs + each - 1) / each;
  int64_t begin, end;
  lw_share(d->n * per_image, part, &begin, &end);
  if (begin < end) zero_margins(&k, scratch);
  while (begin < end) {
    const int64_t n = begin / per_image, first = begin % per_image;
    int64_t count = per_image - first < per_fill ? per_image - first : per_fill;
    if (count > end - begin) count = end - begin;
    const int64_t h0 = first * each, h1 = (first + count) * each < a->y.h ? (first + count) * each : a->y.h;
    fill(&k, n, h0 * shrink, (h1 - h0) * shrink + d->kh - 1, scratch);
    for (int64_t h = h0; h < h1; h += each)
      compute(&k, n, h, (int)(h1 - h < each ? h1 - h : each), scratch + (h - h0) * shrink * k.c.row_floats);
    for (int64_t oc = 0; oc < d->oc; oc++) lw_view_zero_halo(&a->y, n, oc, h0, h1);
    begin += count;
  }
}
