/* SPDX-License-Identifier: Apache-2.0
 * grayscale: y = .299 r + .587 g + .114 b (luma of ITU-R BT.601), as fma(.114, b, fma(.587, g, .299 * r)). */
#include "ref/ref.h"

void REF(grayscale)(int64_t n, int64_t h, int64_t w, const real *x, real *y) {
  for (int64_t image = 0; image < n; image++)
    for (int64_t i = 0; i < h * w; i++) {
      const real *r = x + image * 3 * h * w + i, *g = r + h * w, *b = g + h * w;
      y[image * h * w + i] = real_fma(REAL(.114), *b, real_fma(REAL(.587), *g, REAL(.299) * *r));
    }
}
