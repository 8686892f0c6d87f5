/* SPDX-License-Identifier: Apache-2.0
 * exp and tanh of ref/math.h, operation by operation, in the vector vocabulary. */
#ifndef LANEWISE_SIMD_F32_MATH_H
#define LANEWISE_SIMD_F32_MATH_H

#include "ref/math.h"
#include "simd/vec/vec.h"

ALWAYS_INLINE vf v_exp(vf x) {
  const vf magic = v_set1(EXP_MAGIC);
  x = v_min(v_set1(EXP_HIGHEST), x);
  x = v_max(v_set1(EXP_LOWEST), x);
  const vf shifted = v_fma(x, v_set1(EXP_LOG2E), magic), rounded = v_sub(shifted, magic);
  const vi n = vi_sub(v_bits(shifted), v_bits(magic));
  vf r = v_fma(rounded, v_set1(-EXP_LN2_HI), x);
  r = v_fma(rounded, v_set1(-EXP_LN2_LO), r);
  vf p = v_fma(v_set1(EXP_P4), r, v_set1(EXP_P3));
  p = v_fma(p, r, v_set1(EXP_P2));
  p = v_fma(p, r, v_set1(EXP_P1));
  p = v_fma(p, r, v_set1(EXP_P0));
  const vf e = v_add(v_set1(1.0f), v_fma(v_mul(r, r), p, r));
  const vi half = vi_shr(n, 1), rest = vi_sub(n, half), bias = vi_set1(127);
  return v_mul(v_mul(e, v_from_bits(vi_shl(vi_add(half, bias), 23))), v_from_bits(vi_shl(vi_add(rest, bias), 23)));
}

ALWAYS_INLINE vf v_tanh(vf x) {
  const vf a = v_from_bits(vi_and(v_bits(x), vi_set1(0x7fffffff))), z = v_mul(a, a);
  vf p = v_fma(v_set1(TANH_P5), z, v_set1(TANH_P4));
  p = v_fma(p, z, v_set1(TANH_P3));
  p = v_fma(p, z, v_set1(TANH_P2));
  p = v_fma(p, z, v_set1(TANH_P1));
  p = v_fma(p, z, v_set1(TANH_P0));
  const vf one = v_set1(1.0f), small = v_fma(v_mul(a, z), p, a);
  const vf large = v_sub(one, v_div(v_set1(2.0f), v_add(v_exp(v_add(a, a)), one)));
  const vf y = v_select(vm_lt(a, v_set1(TANH_SPLIT)), small, large);
  return v_from_bits(vi_or(v_bits(y), vi_and(v_bits(x), vi_set1((int32_t)0x80000000))));
}

#endif
