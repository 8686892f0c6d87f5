/* SPDX-License-Identifier: Apache-2.0
 * grayscale: lane by lane. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

void VEC_FN(grayscale)(const lw_args *args, lw_part part) {
  const lw_grayscale_args *a = &args->grayscale;
  const int64_t plane = a->h * a->w, vectors = (plane + VL - 1) / VL;
  const vf red = v_set1(.299f), green = v_set1(.587f), blue = v_set1(.114f);
  int64_t begin, end;
  lw_share(a->n * vectors, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / vectors, at = i % vectors * VL, left = plane - at;
    const float *x = a->x + n * 3 * plane + at;
    float *y = a->y + n * plane + at;
    if (left >= VL)
      v_store(y, v_fma(blue, v_load(x + 2 * plane), v_fma(green, v_load(x + plane), v_mul(red, v_load(x)))));
    else
      v_store_partial(y, left, v_fma(blue, v_load_partial(x + 2 * plane, left),
                                     v_fma(green, v_load_partial(x + plane, left), v_mul(red, v_load_partial(x, left)))));
  }
}
