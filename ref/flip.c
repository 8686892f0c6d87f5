/* SPDX-License-Identifier: Apache-2.0
 * flip: mirrored left-right and/or top-bottom. */
#include "ref/ref.h"

void REF(flip)(int64_t n, int64_t c, int64_t h, int64_t w, int horizontal, int vertical, const real *x, real *y) {
  for (int64_t plane = 0; plane < n * c; plane++)
    for (int64_t i = 0; i < h; i++)
      for (int64_t j = 0; j < w; j++)
        y[(plane * h + i) * w + j] = x[(plane * h + (vertical ? h - 1 - i : i)) * w + (horizontal ? w - 1 - j : j)];
}
