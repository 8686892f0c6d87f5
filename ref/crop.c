/* SPDX-License-Identifier: Apache-2.0
 * crop: y[n][c][h][w] = x[n][c][top + h][left + w]. */
#include "ref/ref.h"

void REF(crop)(const lw_crop_desc *d, const real *x, real *y) {
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t h = 0; h < d->oh; h++)
      for (int64_t w = 0; w < d->ow; w++)
        y[(plane * d->oh + h) * d->ow + w] = x[(plane * d->ih + d->top + h) * d->iw + d->left + w];
}
