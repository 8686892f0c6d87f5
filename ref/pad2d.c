/* SPDX-License-Identifier: Apache-2.0
 * pad2d: the image with a border of a constant, of its edge pixels, or of its mirror image (which does not repeat the edge). */
#include "ref/ref.h"

/* Source of position i along an axis of `size`; -1: the constant. */
static int64_t source(int64_t i, int64_t size, lw_pad_mode mode) {
  if (i >= 0 && i < size) return i;
  if (mode == LW_PAD_CONSTANT) return -1;
  if (mode == LW_PAD_EDGE) return i < 0 ? 0 : size - 1;
  return i < 0 ? -i : 2 * (size - 1) - i;
}

void REF(pad2d)(const lw_pad2d_desc *d, const real *x, real *y) {
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < d->top + d->ih + d->bottom; oh++)
      for (int64_t ow = 0; ow < d->left + d->iw + d->right; ow++) {
        const int64_t h = source(oh - d->top, d->ih, d->mode), w = source(ow - d->left, d->iw, d->mode);
        *y++ = h < 0 || w < 0 ? (real)d->value : x[(plane * d->ih + h) * d->iw + w];
      }
}
