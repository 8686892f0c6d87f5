/* SPDX-License-Identifier: Apache-2.0
 * What the Winograd kernels of every ISA share: transformed weights in panels, and the size of a block. */
#include "ref/ref.h"
#include "simd/kernels.h"

void lw_pack_winograd(int m, int64_t oc, int64_t ic, int64_t first, int64_t last, const float *w, float *packed) {
  const int elements = (m + 2) * (m + 2);
  const int64_t element = lw_packed_count(oc, ic);
  for (int64_t panel = first; panel < last; panel++)
    for (int64_t i = 0; i < ic; i++)
      for (int64_t lane = 0; lane < LW_BLOCK; lane++) {
        float u[36] = {0};
        float *to = packed + (panel * ic + i) * LW_BLOCK + lane;
        if (panel * LW_BLOCK + lane < oc) ref_winograd_weights(m, w + (((panel - first) * LW_BLOCK + lane) * ic + i) * 9, u);
        for (int e = 0; e < elements; e++) to[e * element] = u[e];
      }
}

lw_winograd_block lw_winograd_choose_block(int m, const lw_conv2d_desc *d, int64_t oh, int64_t ow, size_t l2_bytes) {
  const int64_t panels = (d->oc + LW_BLOCK - 1) / LW_BLOCK;
  const int64_t tiles = d->n * ((oh + m - 1) / m) * ((ow + m - 1) / m);
  (void)l2_bytes;
  lw_winograd_block b = {14, 2};
  if (b.tiles > tiles) b.tiles = tiles > 0 ? tiles : 1;
  if (b.panels > panels) b.panels = panels;
  return b;
}
