/* SPDX-License-Identifier: Apache-2.0
 * What the Winograd kernels of every ISA share: transformed weights in panels, and the size of a block. */
#include "ref/ref.h"
#include "simd/kernels.h"

void lw_pack_winograd(int m, int r, int64_t oc, int64_t ic, int64_t first, int64_t last, const float *w, float *packed) {
  const int elements = (m + r - 1) * (m + r - 1);
  const int64_t element = lw_packed_count(oc, ic);
  for (int64_t panel = first; panel < last; panel++)
    for (int64_t i = 0; i < ic; i++)
      for (int64_t lane = 0; lane < LW_BLOCK; lane++) {
        float u[36] = {0};
        float *to = packed + (panel * ic + i) * LW_BLOCK + lane;
        if (panel * LW_BLOCK + lane < oc)
          ref_winograd_weights(m, r, w + (((panel - first) * LW_BLOCK + lane) * ic + i) * r * r, u);
        for (int e = 0; e < elements; e++) to[e * element] = u[e];
      }
}

void lw_pack_winograd_turned(int m, const lw_conv2d_desc *d, int64_t first, int64_t last, const float *w, float *packed) {
  const int r = (int)d->kh, taps = r * r, elements = (m + r - 1) * (m + r - 1);
  const int64_t element = lw_packed_count(d->ic, d->oc);
  for (int64_t panel = first; panel < last; panel++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t lane = 0; lane < LW_BLOCK; lane++) {
        float g[25], u[36] = {0};
        const int64_t ic = panel * LW_BLOCK + lane;
        float *to = packed + (panel * d->oc + oc) * LW_BLOCK + lane;
        for (int k = 0; k < taps && ic < d->ic; k++) g[k] = w[(oc * d->ic + ic) * taps + taps - 1 - k];
        if (ic < d->ic) ref_winograd_weights(m, r, g, u);
        for (int e = 0; e < elements; e++) to[e * element] = u[e];
      }
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
