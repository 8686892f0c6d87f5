/* SPDX-License-Identifier: Apache-2.0
 * What the Winograd kernels of every ISA share: transformed weights in panels, and the size of a block. */
#include <string.h>
#include "ref/ref.h"
#include "simd/kernels.h"

typedef void weights_fn(int m, int r, const double *g, int64_t element, float *to);
#if defined(__x86_64__)
weights_fn lw_winograd_weights_avx2, lw_winograd_weights_avx512;
#else
weights_fn lw_winograd_weights_neon;
#endif

static void one_by_one(int m, int r, const double *g, int64_t element, float *to) {
  for (int lane = 0; lane < LW_BLOCK; lane++) {
    float kernel[25], u[36];
    for (int k = 0; k < r * r; k++) kernel[k] = (float)g[k * LW_BLOCK + lane];
    ref_winograd_weights(m, r, kernel, u);
    for (int e = 0; e < (m + r - 1) * (m + r - 1); e++) to[e * element + lane] = u[e];
  }
}

/* They all give the bits of ref_winograd_weights, so that no context need say which. */
static weights_fn *choose_weights(void) {
#if defined(__x86_64__)
  if (lw_isa_runnable(LW_ISA_AVX512)) return lw_winograd_weights_avx512;
  if (lw_isa_runnable(LW_ISA_AVX2)) return lw_winograd_weights_avx2;
#else
  if (lw_isa_runnable(LW_ISA_NEON)) return lw_winograd_weights_neon;
#endif
  return one_by_one;
}

/* One panel of `lanes` kernels, `stride` floats from one to the next, whose taps lie `tap` floats apart; missing ones are +0. */
static void pack_kernels(weights_fn *fn, int m, int r, int64_t lanes, int64_t stride, const float *w, int64_t tap,
                         int64_t element, float *to) {
  double g[25 * LW_BLOCK];
  if (lanes > LW_BLOCK) lanes = LW_BLOCK;
  for (int k = 0; k < r * r; k++)
    for (int64_t lane = 0; lane < LW_BLOCK; lane++)
      g[k * LW_BLOCK + lane] = lane < lanes ? (double)w[lane * stride + k * tap] : 0;
  fn(m, r, g, element, to);
  for (int e = 0; lanes < LW_BLOCK && e < (m + r - 1) * (m + r - 1); e++)
    memset(to + e * element + lanes, 0, (size_t)(LW_BLOCK - lanes) * sizeof *to);
}

void lw_pack_winograd(int m, int r, int64_t oc, int64_t ic, int64_t first, int64_t last, const float *w, float *packed) {
  weights_fn *const fn = choose_weights();
  for (int64_t panel = first; panel < last; panel++)
    for (int64_t i = 0; i < ic; i++)
      pack_kernels(fn, m, r, oc - panel * LW_BLOCK, ic * r * r, w + ((panel - first) * LW_BLOCK * ic + i) * r * r, 1,
                   lw_packed_count(oc, ic), packed + (panel * ic + i) * LW_BLOCK);
}

void lw_pack_winograd_turned(int m, const lw_conv2d_desc *d, int64_t first, int64_t last, const float *w, float *packed) {
  weights_fn *const fn = choose_weights();
  const int r = (int)d->kh, taps = r * r;
  for (int64_t panel = first; panel < last; panel++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      pack_kernels(fn, m, r, d->ic - panel * LW_BLOCK, taps, w + (oc * d->ic + panel * LW_BLOCK) * taps + taps - 1, -1,
                   lw_packed_count(d->ic, d->oc), packed + (panel * d->oc + oc) * LW_BLOCK);
}

/* Sizes by experiment: transformed inputs in half of L2, whole register tiles, few of them where the weights stay in cache. Large
 * weights come from memory, which is slow: then each is read for as many tiles as possible, though those leave L2. */
lw_winograd_block lw_winograd_choose_block(int m, const lw_conv2d_desc *d, int64_t oh, int64_t ow, lw_isa isa, size_t l2_bytes) {
  const int64_t t = m + d->kh - 1, l2 = l2_bytes ? (int64_t)l2_bytes : 1 << 20, register_tile = isa == LW_ISA_AVX512 ? 14 : 6;
  const int64_t panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK, tiles = d->n * ((oh + m - 1) / m) * ((ow + m - 1) / m);
  const int64_t per_tile = t * t * lw_packed_count(d->ic, 1) * (int64_t)sizeof(float);
  lw_winograd_block b = {64, 4};
  if (lw_winograd_count(m, (int)d->kh, d->oc, d->ic) * (int64_t)sizeof(float) < 8 * l2) {
    b.tiles = l2 / 2 / per_tile / register_tile * register_tile;
    if (b.tiles > 28) b.tiles = 28 / register_tile * register_tile;
    if (b.tiles < register_tile) b.tiles = register_tile;
    b.panels = 2;
  }
  if (b.tiles > tiles) b.tiles = tiles > 0 ? tiles : 1;
  if (b.panels > panels) b.panels = panels;
  return b;
}

size_t lw_winograd_scratch(int m, const lw_conv2d_desc *d, lw_winograd_block block, int has_before) {
  const int64_t t = m + d->kh - 1, blocks = (d->ic + LW_BLOCK - 1) / LW_BLOCK;
  const int64_t element = lw_winograd_stride(blocks, block.tiles) + lw_winograd_stride(block.panels, block.tiles);
  return (size_t)(t * t * element + (has_before ? lw_winograd_ring(d).n_stride : 0)) * sizeof(float);
}
