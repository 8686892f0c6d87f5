/* SPDX-License-Identifier: Apache-2.0
 * conv2d, algorithms `winograd4` and `winograd2`: ref/conv2d_winograd.c for a block of tiles at a time, so that transformed
 * inputs (v) and products (sums) stay in cache between the three stages. Lanes are channels: of the input in the input transform,
 * of the output after that. The product is one small matrix product per element of the t x t tile, whose register tile holds
 * several image tiles times a panel or two of output channels; every sum stays one chain over the input channels. */
#include "simd/kernels.h"
#include "simd/f32/winograd.h"

lw_kernel_fn VEC_FN(conv2d_direct);

enum {
  PV = LW_BLOCK / VL,        /* vectors per panel of 16 output channels */
  PANELS = VL == 16 ? 2 : 1, /* panels of a register tile */
  VMAX = PANELS * PV,        /* vectors per image tile of a register tile */
  PX = VL == 16 ? 14 : 6,    /* image tiles of a register tile: VMAX*PX chains, weights and one pixel fill the registers */
  RUN = 8,                   /* tiles of one row that go through the input transform together: they share columns */
  COLUMNS = RUN * 4 + 2
};

typedef struct walk {
  const lw_conv2d_args *a;
  int64_t tiles_h, tiles_w;       /* of an image */
  int64_t blocks;                 /* of 16 input channels */
  int64_t v_element, v_block;     /* floats: v[t*t][blocks][tiles][16] */
  int64_t sum_element, sum_panel; /* floats: sums[t*t][panels][tiles][16] */
  int64_t w_element, w_panel;     /* floats: w[t*t][panels][ic][16] */
  float *v, *sums;
  lw_view ring; /* of a->before */
} walk;

/* ----------------------------------------------------------------------------------------------------- input transform */

/* Along h: the columns that a run of tiles of one row reads, of which `inside` are in the padded image; lines[t][COLUMNS][16]. */
ALWAYS_INLINE void input_columns(const int t, const float *const *rows, int64_t columns, int64_t inside, float *lines) {
  for (int64_t j = 0; j < columns; j++)
    for (int q = 0; q < PV; q++) {
      const int64_t at = j * LW_BLOCK + q * VL;
      vf d[WINOGRAD_MOST], v[WINOGRAD_MOST];
      V_UNROLL for (int i = 0; i < t; i++) d[i] = j < inside ? v_load(rows[i] + at) : v_zero();
      winograd_input_line(t, d, v);
      V_UNROLL for (int i = 0; i < t; i++) v_store(lines + i * (COLUMNS * LW_BLOCK) + at, v[i]);
    }
}

/* Along w: row i of the transformed tiles. */
ALWAYS_INLINE void input_row(const int m, const int t, const float *line, int64_t tiles, float *v, int64_t element) {
  for (int64_t tile = 0; tile < tiles; tile++)
    for (int q = 0; q < PV; q++) {
      const float *x = line + tile * m * LW_BLOCK + q * VL;
      float *to = v + tile * LW_BLOCK + q * VL;
      vf d[WINOGRAD_MOST], out[WINOGRAD_MOST];
      V_UNROLL for (int j = 0; j < t; j++) d[j] = v_load(x + j * LW_BLOCK);
      winograd_input_line(t, d, out);
      V_UNROLL for (int j = 0; j < t; j++) v_store(to + j * element, out[j]);
    }
}

ALWAYS_INLINE int64_t ring_row(const lw_conv2d_desc *d, int64_t row) { return (row + d->pad_top + 2) % LW_WINOGRAD_RING; }

/* `tiles` neighbours of one row of tiles, of one block of channels. */
ALWAYS_INLINE void input_run(const int m, const int t, const walk *k, int64_t block, int64_t tile, int64_t tiles, float *v) {
  static const float zeros[COLUMNS * LW_BLOCK];
  const lw_conv2d_args *a = k->a;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t image = k->tiles_h * k->tiles_w, n = tile / image;
  const int64_t h = tile % image / k->tiles_w * m - d->pad_top, w = tile % k->tiles_w * m - d->pad_left;
  const int64_t right = d->iw + d->pad_right - w, columns = tiles * m + t - m;
  const float *rows[WINOGRAD_MOST];
  _Alignas(64) float lines[WINOGRAD_MOST * COLUMNS * LW_BLOCK];
  for (int i = 0; i < t; i++) {
    if (!a->before.w)
      rows[i] = h + i < d->ih + d->pad_bottom ? lw_view_at(&a->x, n, block, h + i, w) : zeros;
    else
      rows[i] = h + i >= 0 && h + i < d->ih ? lw_view_at(&k->ring, 0, block, ring_row(d, h + i), w) : zeros;
  }
  input_columns(t, rows, columns, right, lines);
  for (int i = 0; i < t; i++) input_row(m, t, lines + i * (COLUMNS * LW_BLOCK), tiles, v + i * t * k->v_element, k->v_element);
}

ALWAYS_INLINE void input(const int m, const int t, const walk *k, int64_t first, int64_t count) {
  for (int64_t block = 0; block < k->blocks; block++)
    for (int64_t i = 0, tiles; i < count; i += tiles) {
      tiles = k->tiles_w - (first + i) % k->tiles_w;
      if (tiles > count - i) tiles = count - i;
      if (tiles > RUN) tiles = RUN;
      input_run(m, t, k, block, first + i, tiles, k->v + block * k->v_block + i * LW_BLOCK);
    }
}

/* ------------------------------------------------------------------------------------------------------------- product */

typedef struct stream {
  const char *at;
  int64_t step; /* bytes per input channel */
} stream;

typedef struct product_args {
  const float *v, *w;
  float *sums;
  int64_t ic;
  stream weights_ahead, input_ahead; /* to be used next: fetched into L2 meanwhile, evenly */
} product_args;

ALWAYS_INLINE void product(const int panels, const int px, const walk *k, const product_args *p) {
  const int vectors = panels * PV;
  const int64_t w_panel = k->w_panel, v_block = k->v_block, sum_panel = k->sum_panel, ahead_panel = w_panel * 4;
  const float *w = p->w, *block = p->v;
  const char *ahead = p->weights_ahead.at, *input_ahead = p->input_ahead.at;
  vf sum[VMAX][PX];
  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int i = 0; i < px; i++) sum[v][i] = v_zero();
  for (int64_t left = p->ic; left > 0; left -= LW_BLOCK, block += v_block) {
    const float *pixel = block, *end = block + (left < LW_BLOCK ? left : LW_BLOCK);
    for (; pixel < end; pixel++, w += LW_BLOCK) {
      V_KEEP(pixel);
      vf weight[VMAX];
      V_UNROLL for (int v = 0; v < vectors; v++) weight[v] = v_load(w + v / PV * w_panel + v % PV * VL);
      V_PREFETCH(ahead);
      if (panels == 2) V_PREFETCH(ahead + ahead_panel);
      V_PREFETCH(input_ahead);
      ahead += p->weights_ahead.step;
      input_ahead += p->input_ahead.step;
      V_UNROLL for (int i = 0; i < px; i++) {
        const vf value = v_broadcast(pixel + i * LW_BLOCK);
        V_UNROLL for (int v = 0; v < vectors; v++) sum[v][i] = v_fma(value, weight[v], sum[v][i]);
      }
    }
  }
  V_UNROLL for (int v = 0; v < vectors; v++) V_UNROLL for (int i = 0; i < px; i++)
      v_store(p->sums + v / PV * sum_panel + i * LW_BLOCK + v % PV * VL, sum[v][i]);
}

#define CASE(panels, px)                                                                                                         \
  case px:                                                                                                                       \
    product(panels, px, k, p);                                                                                                   \
    break;
#if defined(LW_SANITIZED) /* one body for all sizes: instrumented, a dozen takes minutes to compile */
#  define PRODUCT_FN(panels)                                                                                                     \
    static void product_##panels(int px, const walk *k, const product_args *p) { product(panels, px, k, p); }
#else
#  if defined(LW_VEC_AVX512)
#    define MORE(panels)                                                                                                         \
      CASE(panels, 7)                                                                                                            \
      CASE(panels, 8)                                                                                                            \
      CASE(panels, 9) CASE(panels, 10) CASE(panels, 11) CASE(panels, 12) CASE(panels, 13) CASE(panels, 14)
#  else
#    define MORE(panels)
#  endif
#  define PRODUCT_FN(panels)                                                                                                     \
    static void product_##panels(int px, const walk *k, const product_args *p) {                                                 \
      switch (px) {                                                                                                              \
        CASE(panels, 1) CASE(panels, 2) CASE(panels, 3) CASE(panels, 4) CASE(panels, 5) CASE(panels, 6) MORE(panels)             \
      }                                                                                                                          \
    }
#endif
PRODUCT_FN(1)
#if defined(LW_VEC_AVX512)
PRODUCT_FN(2)
#endif

/* All tiles of a block times `panels` panels. Meanwhile the weights from `next` on and `bytes` bytes of input are fetched. */
static void multiply(const walk *k, int panels, const float *v, const float *w, float *sums, int64_t count, const float *next,
                     const float *input, int64_t bytes) {
  const int64_t parts = (count + PX - 1) / PX, narrow = count / parts, wide = count % parts, ic = k->a->desc.ic;
  product_args p = {.w = w, .ic = ic};
  p.weights_ahead = (stream){(const char *)next, LW_BLOCK * (int64_t)sizeof(float) / parts};
  p.input_ahead = (stream){(const char *)input, (bytes + ic * parts - 1) / (ic * parts)};
  for (int64_t i = 0, tile = 0; i < parts; i++) {
    const int px = (int)(narrow + (i < wide));
    p.v = v + tile * LW_BLOCK;
    p.sums = sums + tile * LW_BLOCK;
#if defined(LW_VEC_AVX512)
    if (panels == 2)
      product_2(px, k, &p);
    else
#endif
      product_1(px, k, &p);
    p.weights_ahead.at += p.weights_ahead.step * ic;
    p.input_ahead.at += p.input_ahead.step * ic;
    tile += px;
  }
  (void)panels;
}

/* ---------------------------------------------------------------------------------------------------- output transform */

ALWAYS_INLINE vf larger(vf m, vf v) { return v_select(vm_taken(m, v), v, m); }

/* One vector of channels of one tile, of which rows x pixels are inside the (pooled) output. */
ALWAYS_INLINE void output_tile(const int m, const int t, const float *sums, int64_t element, vf bias, int relu, int pool,
                               float *y, int64_t row_stride, int64_t rows, int64_t pixels) {
  vf columns[WINOGRAD_MOST][WINOGRAD_MOST], out[4][4];
  V_UNROLL for (int j = 0; j < t; j++) {
    vf v[WINOGRAD_MOST], line[4];
    V_UNROLL for (int i = 0; i < t; i++) v[i] = v_load(sums + (i * t + j) * element);
    winograd_output_line(m, t, v, line);
    V_UNROLL for (int i = 0; i < m; i++) columns[i][j] = line[i];
  }
  V_UNROLL for (int i = 0; i < m; i++) {
    winograd_output_line(m, t, columns[i], out[i]);
    V_UNROLL for (int j = 0; j < m; j++) {
      out[i][j] = v_add(out[i][j], bias);
      if (relu) out[i][j] = v_max(v_zero(), out[i][j]);
    }
  }
  if (pool) { /* left with right, then top with bottom, the earlier wins ties */
    V_UNROLL for (int i = 0; i < m / 2; i++) V_UNROLL for (int j = 0; j < m / 2; j++) {
      const vf top = larger(out[2 * i][2 * j], out[2 * i][2 * j + 1]);
      const vf bottom = larger(out[2 * i + 1][2 * j], out[2 * i + 1][2 * j + 1]);
      if (i < rows && j < pixels) v_store(y + i * row_stride + j * LW_BLOCK, larger(top, bottom));
    }
    return;
  }
  V_UNROLL for (int i = 0; i < m; i++) V_UNROLL for (int j = 0; j < m; j++) if (i < rows && j < pixels)
      v_store(y + i * row_stride + j * LW_BLOCK, out[i][j]);
}

ALWAYS_INLINE void output(const int m, const int t, const walk *k, int64_t first, int64_t count, int64_t panel, int64_t panels) {
  const lw_conv2d_args *a = k->a;
  const int64_t tiles = k->tiles_h * k->tiles_w, side = a->pool ? m / 2 : m;
  for (int64_t p = 0; p < panels; p++)
    for (int64_t i = 0; i < count; i++) {
      const int64_t tile = first + i, n = tile / tiles, h = tile % tiles / k->tiles_w * side, w = tile % k->tiles_w * side;
      const int64_t rows = a->y.h - h < side ? a->y.h - h : side, pixels = a->y.w - w < side ? a->y.w - w : side;
      float *y = lw_view_at(&a->y, n, panel + p, h, w);
      for (int row = 0; row < side; row++) /* two tiles on */
        for (int px = 0; px < side; px++) V_PREFETCH(y + row * a->y.row_stride + (2 * side + px) * LW_BLOCK);
      for (int q = 0; q < PV; q++) {
        const vf bias = a->bias ? v_load(a->bias + (panel + p) * LW_BLOCK + q * VL) : v_zero();
        output_tile(m, t, k->sums + p * k->sum_panel + i * LW_BLOCK + q * VL, k->sum_element, bias, a->relu, a->pool, y + q * VL,
                    a->y.row_stride, rows, pixels);
      }
      if (w == 0 && rows > 0) lw_view_zero_halo(&a->y, n, panel + p, h, h + rows);
    }
}

/* -------------------------------------------------------------------------------------------------------------- kernel */

/* Pixel `px` of a row of the tiles from `first` on; row: t of each block of channels. */
ALWAYS_INLINE const float *input_ahead(const int m, const int t, const walk *k, int64_t first, int64_t row, int64_t px) {
  const lw_conv2d_args *a = k->a;
  const int64_t image = k->tiles_h * k->tiles_w, tile = first + px / m;
  return lw_view_at(&a->x, tile / image, row / t, tile % image / k->tiles_w * m - a->desc.pad_top + row % t,
                    tile % k->tiles_w * m - a->desc.pad_left + px % m);
}

/* Rows first..last-1 of x, image n, into the ring. */
static void compute_before(const walk *k, int64_t n, int64_t first, int64_t last) {
  const lw_conv2d_before *b = &k->a->before;
  lw_args args = {.conv2d = {.desc = b->desc, .x = b->x, .y = k->ring, .w = b->w, .bias = b->bias, .relu = b->relu}};
  lw_conv2d_args *a = &args.conv2d;
  a->desc.n = 1;
  a->ow = k->a->desc.iw;
  a->scratch = k->a->scratch; /* without a pool nothing is written there */
  for (; first < last; first += a->oh) {
    const int64_t at = ring_row(&k->a->desc, first), until_end = LW_WINOGRAD_RING - at;
    a->oh = a->y.h = last - first < until_end ? last - first : until_end;
    a->x.p = lw_view_at(&b->x, n, 0, first * b->desc.stride_h, 0);
    a->y.p = lw_view_at(&k->ring, 0, 0, at, 0);
    VEC_FN(conv2d_direct)(&args, (lw_part){0, 1});
  }
}

/* `count` tiles from `first` on and panels begin..end-1; after them come `next_count` tiles. */
ALWAYS_INLINE void tile_block(const int m, const int t, const walk *k, int64_t first, int64_t count, int64_t next_count,
                              int64_t begin, int64_t end) {
  const lw_conv2d_args *a = k->a;
  const int elements = t * t;
  /* Each product also fetches a piece of a row of the next block's input, where that lies in memory. */
  const int64_t products = elements * ((end - begin + PANELS - 1) / PANELS), rows = k->blocks * t;
  const int64_t pieces = products > rows ? products / rows : 1, piece = (next_count * m + pieces - 1) / pieces;
  int64_t number = 0;
  input(m, t, k, first, count);
  for (int64_t group = begin; group < end; group += a->block.panels) {
    const int64_t last = group + a->block.panels < end ? group + a->block.panels : end;
    for (int e = 0; e < elements; e++)
      for (int64_t panel = group; panel < last; panel += PANELS) {
        const int panels = last - panel < PANELS ? 1 : PANELS;
        const float *w = a->w + e * k->w_element + panel * k->w_panel, *next = w + panels * k->w_panel;
        if (panel + panels == last)
          next = e + 1 < elements ? a->w + (e + 1) * k->w_element + group * k->w_panel
                                  : a->w + (last < end ? last : begin) * k->w_panel;
        const float *x = next_count ? input_ahead(m, t, k, first + count, number / pieces, number % pieces * piece) : w;
        multiply(k, panels, k->v + e * k->v_element, w, k->sums + e * k->sum_element + (panel - group) * k->sum_panel, count,
                 next, x, number < rows * pieces ? piece * LW_BLOCK * 4 : 0);
        number++;
      }
    output(m, t, k, first, count, group, last - group);
  }
}

/* Tiles first..last-1 in blocks. */
ALWAYS_INLINE void tile_blocks(const int m, const int t, const walk *k, int64_t first, int64_t last, int64_t begin, int64_t end) {
  const int blocks = (int)((last - first + k->a->block.tiles - 1) / k->a->block.tiles);
  for (int i = 0; i < blocks; i++) {
    int64_t from, to, next = 0, next_to = 0;
    lw_share(last - first, (lw_part){i, blocks}, &from, &to);
    if (i + 1 < blocks && !k->a->before.w) lw_share(last - first, (lw_part){i + 1, blocks}, &next, &next_to);
    tile_block(m, t, k, first + from, to - from, next_to - next, begin, end);
  }
}

/* The same row by row, behind the rows of x that they need; all panels. */
ALWAYS_INLINE void tile_rows(const int m, const int t, const walk *k, int64_t first, int64_t last, int64_t panels) {
  const lw_conv2d_desc *d = &k->a->desc;
  for (int64_t tile = first, next, done = 0; tile < last; tile = next) {
    const int64_t row = tile / k->tiles_w, i = row % k->tiles_h, top = i * m - d->pad_top, bottom = top + t;
    const int64_t from = top > 0 ? top : 0, to = bottom < d->ih ? bottom : d->ih;
    next = (row + 1) * k->tiles_w < last ? (row + 1) * k->tiles_w : last;
    if (tile == first || i == 0) done = from; /* nothing of this image is there */
    if (done < from) done = from;
    if (done < to) compute_before(k, row / k->tiles_h, done, to);
    done = to;
    tile_blocks(m, t, k, tile, next, 0, panels);
  }
}

ALWAYS_INLINE void winograd(const int m, const int t, const lw_conv2d_args *a, lw_part part) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK;
  walk k = {.a = a, .tiles_h = (a->oh + m - 1) / m, .tiles_w = (a->ow + m - 1) / m, .blocks = (d->ic + LW_BLOCK - 1) / LW_BLOCK};
  k.v_block = k.sum_panel = a->block.tiles * LW_BLOCK;
  k.v_element = lw_winograd_stride(k.blocks, a->block.tiles);
  k.sum_element = lw_winograd_stride(a->block.panels, a->block.tiles);
  k.w_panel = d->ic * LW_BLOCK;
  k.w_element = panels * k.w_panel;
  k.v = (float *)(a->scratch + (size_t)part.index * a->scratch_stride);
  k.sums = k.v + t * t * k.v_element;
  if (a->before.w) k.ring = lw_view_place(lw_winograd_ring(d), k.sums + t * t * k.sum_element);

  /* Few tiles: shares of the output channels, so that each reads its weights alone. */
  const int64_t tiles = d->n * k.tiles_h * k.tiles_w, pairs = (panels + 1) / 2;
  const int64_t most = tiles >= LW_WINOGRAD_MANY_TILES || a->before.w ? 1 : pairs;
  const int across = part.count < most ? part.count : (int)most, along = part.count / across;
  if (part.index >= across * along) return;
  int64_t begin, end, first, last;
  lw_share(pairs, (lw_part){part.index % across, across}, &begin, &end);
  lw_share(tiles, (lw_part){part.index / across, along}, &first, &last);
  begin *= 2;
  end = 2 * end < panels ? 2 * end : panels;
  if (a->before.w)
    tile_rows(m, t, &k, first, last, end);
  else
    tile_blocks(m, t, &k, first, last, begin, end);
}

void VEC_FN(conv2d_winograd4)(const lw_args *args, lw_part part) { winograd(4, 6, &args->conv2d, part); }
void VEC_FN(conv2d_winograd2)(const lw_args *args, lw_part part) {
  if (args->conv2d.desc.kh == 3)
    winograd(2, 4, &args->conv2d, part);
  else
    winograd(2, 6, &args->conv2d, part);
}
