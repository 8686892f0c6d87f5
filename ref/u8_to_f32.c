/* SPDX-License-Identifier: Apache-2.0
 * u8_to_f32: y[c][h][w] = u[h][w][c]: bytes with interleaved channels to planes of floats, values 0..255. */
#include "ref/ref.h"

void REF(u8_to_f32)(int64_t c, int64_t h, int64_t w, const uint8_t *u, real *y) {
  for (int64_t channel = 0; channel < c; channel++)
    for (int64_t i = 0; i < h * w; i++) y[channel * h * w + i] = (real)u[i * c + channel];
}
