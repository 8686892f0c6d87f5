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
  for (int64_t i = begin; i < end; i++) {
    const int64_t c = i / vectors % a->c, in_plane = i % vectors * VL, at = i / vectors * plane + in_plane, left = plane - in_plane;
    const vf mean = v_set1(a->mean ? a->mean[c] : 0), std = v_set1(a->std ? a->std[c] : 1);
    if (left >= VL)
      v_store(a->y + at, one(v_load(a->x + at), mean, std));
    else
      v_store_partial(a->y + at, left, one(v_load_partial(a->x + at, left), mean, std));
  }
}
