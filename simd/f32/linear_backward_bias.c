/* SPDX-License-Identifier: Apache-2.0
 * linear_backward_bias: lanes are outputs. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

void VEC_FN(linear_backward_bias)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  const int64_t out = a->desc.out;
  int64_t begin, end;
  lw_share((out + VL - 1) / VL, part, &begin, &end);
  for (int64_t o = begin * VL; o < end * VL; o += VL) {
    const int64_t left = out - o;
    vf sum = v_zero();
    for (int64_t n = 0; n < a->desc.n; n++) {
      const float *dy = a->dy + n * out + o;
      sum = v_add(sum, left >= VL ? v_load(dy) : v_load_partial(dy, left));
    }
    if (left >= VL)
      v_store(a->out + o, sum);
    else
      v_store_partial(a->out + o, left, sum);
  }
}
