/* SPDX-License-Identifier: Apache-2.0
 * tanh_backward: lane by lane. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

ALWAYS_INLINE vf gradient(vf y, vf dy) { return v_mul(dy, v_fma(v_mul(v_set1(-1.0f), y), y, v_set1(1.0f))); }

void VEC_FN(tanh_backward)(const lw_args *args, lw_part part) {
  const lw_map_backward_args *a = &args->map_backward;
  int64_t begin, end;
  lw_share((a->count + VL - 1) / VL, part, &begin, &end);
  for (int64_t i = begin * VL; i < end * VL; i += VL) {
    const int64_t left = a->count - i;
    if (left >= VL)
      v_store(a->dx + i, gradient(v_load(a->y + i), v_load(a->dy + i)));
    else
      v_store_partial(a->dx + i, left, gradient(v_load_partial(a->y + i, left), v_load_partial(a->dy + i, left)));
  }
}
