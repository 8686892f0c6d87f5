/* SPDX-License-Identifier: Apache-2.0
 * normalize: y = (x / 255 - mean[c]) / std[c], true divisions. Without mean, 0 is subtracted; without std there is no second
 * division. */
#include "ref/ref.h"

void REF(normalize)(int64_t n, int64_t c, int64_t h, int64_t w, const real *mean, const real *std, const real *x, real *y) {
  for (int64_t plane = 0; plane < n * c; plane++)
    for (int64_t i = plane * h * w; i < (plane + 1) * h * w; i++) {
      const real centred = x[i] / 255 - (mean ? mean[plane % c] : 0);
      y[i] = std ? centred / std[plane % c] : centred;
    }
}
