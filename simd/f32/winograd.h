/* SPDX-License-Identifier: Apache-2.0
 * The one-dimensional transforms of ref/conv2d_winograd.c over vectors, operation by operation. */
#ifndef LANEWISE_SIMD_F32_WINOGRAD_H
#define LANEWISE_SIMD_F32_WINOGRAD_H

#include "simd/vec/vec.h"

enum { WINOGRAD_MOST = 6 }; /* the largest t: inputs of a line */

ALWAYS_INLINE void winograd_input_line(const int t, const vf *d, vf *v) {
  if (t == 4) {
    v[0] = v_sub(d[2], d[0]);
    v[1] = v_add(d[1], d[2]);
    v[2] = v_sub(d[2], d[1]);
    v[3] = v_sub(d[3], d[1]);
    return;
  }
  const vf a2 = v_set1(-0.390625f), b2 = v_set1(-2.25f), both = v_set1(-2.640625f), product = v_set1(0.87890625f);
  const vf even_a = v_fma(b2, d[2], d[4]), odd_a = v_fma(b2, d[1], d[3]);
  const vf even_b = v_fma(a2, d[2], d[4]), odd_b = v_fma(a2, d[1], d[3]);
  v[0] = v_fma(product, d[0], v_fma(both, d[2], d[4]));
  v[1] = v_fma(v_set1(0.625f), odd_a, even_a);
  v[2] = v_fma(v_set1(-0.625f), odd_a, even_a);
  v[3] = v_fma(v_set1(1.5f), odd_b, even_b);
  v[4] = v_fma(v_set1(-1.5f), odd_b, even_b);
  v[5] = v_fma(product, d[1], v_fma(both, d[3], d[5]));
}

ALWAYS_INLINE void winograd_output_line(const int m, const int t, const vf *v, vf *y) {
  const vf sum_a = v_add(v[1], v[2]), difference_a = v_sub(v[1], v[2]);
  if (t == 4) {
    y[0] = v_add(v[0], sum_a);
    y[1] = v_add(difference_a, v[3]);
    return;
  }
  const vf sum_b = v_add(v[3], v[4]), difference_b = v_sub(v[3], v[4]);
  y[0] = v_add(v_add(v[0], sum_a), sum_b);
  if (m == 2) {
    y[1] = v_fma(v_set1(1.5f), difference_b, v_fma(v_set1(0.625f), difference_a, v[5]));
    return;
  }
  y[1] = v_fma(v_set1(1.5f), difference_b, v_mul(v_set1(0.625f), difference_a));
  y[2] = v_fma(v_set1(2.25f), sum_b, v_mul(v_set1(0.390625f), sum_a));
  y[3] = v_fma(v_set1(3.375f), difference_b, v_fma(v_set1(0.244140625f), difference_a, v[5]));
}

#endif
