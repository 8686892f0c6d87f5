/* SPDX-License-Identifier: Apache-2.0
 * tanh: lane by lane. */
#include "simd/kernels.h"
#include "simd/f32/math.h"

void VEC_FN(tanh)(const lw_args *args, lw_part part) {
  const lw_map_args *a = &args->map;
  int64_t begin, end;
  lw_share((a->count + VL - 1) / VL, part, &begin, &end);
  for (int64_t i = begin * VL; i < end * VL; i += VL)
    if (i + VL <= a->count)
      v_store(a->y + i, v_tanh(v_load(a->x + i)));
    else
      v_store_partial(a->y + i, a->count - i, v_tanh(v_load_partial(a->x + i, a->count - i)));
}
