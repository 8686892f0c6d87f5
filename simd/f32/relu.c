/* SPDX-License-Identifier: Apache-2.0
 * relu: y = max(0, x), lane by lane. The operand order of v_max keeps NaN and -0. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

void VEC_FN(relu)(const lw_args *args, lw_part part) {
  const lw_map_args *a = &args->map;
  int64_t begin, end;
  lw_share((a->count + VL - 1) / VL, part, &begin, &end);
  for (int64_t i = begin * VL; i < end * VL; i += VL)
    if (i + VL <= a->count)
      v_store(a->y + i, v_max(v_zero(), v_load(a->x + i)));
    else
      v_store_partial(a->y + i, a->count - i, v_max(v_zero(), v_load_partial(a->x + i, a->count - i)));
}
