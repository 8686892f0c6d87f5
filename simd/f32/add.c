/* SPDX-License-Identifier: Apache-2.0
 * add: lane by lane. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

void VEC_FN(add)(const lw_args *args, lw_part part) {
  const lw_add_args *a = &args->add;
  int64_t begin, end;
  lw_share((a->count + VL - 1) / VL, part, &begin, &end);
  for (int64_t i = begin * VL; i < end * VL; i += VL)
    if (i + VL <= a->count)
      v_store(a->y + i, v_add(v_load(a->a + i), v_load(a->b + i)));
    else
      v_store_partial(a->y + i, a->count - i,
                      v_add(v_load_partial(a->a + i, a->count - i), v_load_partial(a->b + i, a->count - i)));
}
