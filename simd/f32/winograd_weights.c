/* SPDX-License-Identifier: Apache-2.0
 * Winograd's transform of the kernels of 16 channels at once, in double: operation by operation that of ref/conv2d_winograd.c. */
#include <math.h>
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { MOST = 6, TAPS = 5 }; /* the largest t and r */
typedef double lanes[LW_BLOCK];

#define EACH_LANE for (int lane = 0; lane < LW_BLOCK; lane++)

/* (1, p, .., p^(r-1)) . g at the points in their order; g and h in steps. */
ALWAYS_INLINE void evaluate(const int t, const int r, const lanes *g, int g_step, lanes *h, int h_step) {
  memcpy(h[0], g[0], sizeof *h);
  memcpy(h[(t - 1) * h_step], g[(r - 1) * g_step], sizeof *h);
  for (int pair = 0; pair < t / 2 - 1; pair++) {
    const double p = t == 4 ? 1 : pair == 0 ? 0.625 : 1.5, square = p * p;
    double *plus = h[(2 * pair + 1) * h_step], *minus = h[(2 * pair + 2) * h_step];
    EACH_LANE {
      const double g0 = g[0][lane], g1 = g[g_step][lane], g2 = g[2 * g_step][lane];
      double even, odd;
      if (r == 3) {
        even = fma(square, g2, g0);
        odd = g1;
      } else {
        even = fma(square * square, g[4 * g_step][lane], fma(square, g2, g0));
        odd = fma(square, g[3 * g_step][lane], g1);
      }
      plus[lane] = fma(p, odd, even);
      minus[lane] = fma(-p, odd, even);
    }
  }
}

ALWAYS_INLINE void transform(const int t, const int r, const lanes *g, int64_t element, float *to) {
  static const double scale4[MOST] = {-1, .5, .5, 1};
  static const double scale6[MOST] = {256. / 225, -2048. / 2975, -2048. / 2975, 128. / 1071, 128. / 1071, 1};
  const double *scale = t == 4 ? scale4 : scale6;
  lanes columns[MOST * TAPS], h[MOST];
  for (int k = 0; k < r; k++) evaluate(t, r, g + k, r, columns + k, r);
  for (int i = 0; i < t; i++) {
    evaluate(t, r, columns + i * r, 1, h, 1);
    for (int j = 0; j < t; j++, to += element) EACH_LANE to[lane] = (float)(h[j][lane] * (scale[i] * scale[j]));
  }
}

void VEC_FN(winograd_weights)(int m, int r, const double *g, int64_t element, float *to) {
  const lanes *kernels = (const lanes *)(const void *)g;
  if (m == 4)
    transform(6, 3, kernels, element, to);
  else if (r == 3)
    transform(4, 3, kernels, element, to);
  else
    transform(6, 5, kernels, element, to);
}
