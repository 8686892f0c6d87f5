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
  while (begin < end) { /* one run of vectors inside one image */
    const int64_t n = begin / vectors, first = begin % vectors,
                  count = vectors - first < end - begin ? vectors - first : end - begin;
    const float *r = a->x + n * 3 * plane, *g = r + plane, *b = g + plane;
    float *y = a->y + n * plane;
    for (int64_t i = first * VL; i < (first + count) * VL; i += VL)
      if (i + VL <= plane)
        v_store(y + i, v_fma(blue, v_load(b + i), v_fma(green, v_load(g + i), v_mul(red, v_load(r + i)))));
      else
        v_store_partial(y + i, plane - i,
                        v_fma(blue, v_load_partial(b + i, plane - i),
                              v_fma(green, v_load_partial(g + i, plane - i), v_mul(red, v_load_partial(r + i, plane - i)))));
    begin += count;
  }
}
