/* SPDX-License-Identifier: Apache-2.0
 * The 2x2 max pool of four registers, fused behind an optional ReLU. */
#ifndef LANEWISE_SIMD_F32_CONV2D_POOL_H
#define LANEWISE_SIMD_F32_CONV2D_POOL_H

#include <math.h>
#include "simd/vec/vec.h"

/* max_pool2d over (a, b, c, d), each through ReLU first if relu. A value is taken if it is larger than the maximum so far, or
 * NaN; a NaN stays. So the plain maximum serves where none is NaN, and all NaN are equal. ReLU of the first suffices: a negative
 * b, c or d is never larger than +-0. */
ALWAYS_INLINE vf pool_2x2(int relu, vf a, vf b, vf c, vf d) {
  vf m = relu ? v_max(v_zero(), a) : a;
  m = v_max(b, m);
  m = v_max(c, m);
  m = v_max(d, m);
  return v_select(vm_or(vm_unordered(a, b), vm_unordered(c, d)), v_set1(NAN), m);
}

#endif
