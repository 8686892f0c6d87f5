/* SPDX-License-Identifier: Apache-2.0
 * normalize: lane by lane. Dividing by 1 where there is no std changes no bit. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

ALWAYS_INLINE vf one(vf x, vf mean, vf std) { return v_div(v_sub(v_div(x, v_set1(255.0f)), mean), std); }

void VEC_FN(normalize)(const lw_args *args, lw_part part) {
  const lw_normalize_args *a = &args->normalize;
  const int64_t plane = a->h * a->w, vectors = (plane + VL - 1) / VL;
  int64_t begin, end;
  lw_share(a->n * a->c * vectors, part, &begin, &end);
  while (begin < end) { /* one run of vectors inside one plane */
    const int64_t p = begin / vectors, c = p % a->c, first = begin % vectors;
    const int64_t count = vectors - first < end - begin ? vectors - first : end - begin;
    const vf mean = v_set1(a->mean ? a->mean[c] : 0), std = v_set1(a->std ? a->std[c] : 1);
    const float *x = a->x + p * plane;
    float *y = a->y + p * plane;
    for (int64_t i = first * VL; i < (first + count) * VL; i += VL)
      if (i + VL <= plane)
        v_store(y + i, one(v_load(x + i), mean, std));
      else
        v_store_partial(y + i, plane - i, one(v_load_partial(x + i, plane - i), mean, std));
    begin += count;
  }
}
