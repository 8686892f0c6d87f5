/* SPDX-License-Identifier: Apache-2.0
 * What softmax and log_softmax share: ref/rows.h in lanes. Lane j of register r of a sum is partial r*VL + j. */
#ifndef LANEWISE_SIMD_F32_ROWS_H
#define LANEWISE_SIMD_F32_ROWS_H

#include "ref/rows.h"
#include "simd/f32/math.h"

/* Any order gives the same results (ref/rows.h). */
ALWAYS_INLINE float v_row_max(int64_t c, const float *x) {
  vf m = v_set1(-INFINITY);
  int64_t i = 0;
  for (; i + VL <= c; i += VL) {
    const vf v = v_load(x + i);
    m = v_select(vm_taken(m, v), v, m);
  }
  float lanes[VL];
  v_store(lanes, m);
  const float tail = row_max(c - i, x + i), all = row_max(VL, lanes);
  return tail > all || tail != tail ? tail : all;
}

typedef struct v_row_sum {
  vf partial[16 / VL];
} v_row_sum;

ALWAYS_INLINE v_row_sum v_row_sum_zero(void) {
  v_row_sum s;
  V_UNROLL for (int r = 0; r < 16 / VL; r++) s.partial[r] = v_zero();
  return s;
}

ALWAYS_INLINE float v_row_sum_total(const v_row_sum *s) {
  row_sum all;
  V_UNROLL for (int r = 0; r < 16 / VL; r++) v_store(all.partial + r * VL, s->partial[r]);
  return row_sum_total(all);
}

/* exp(x[i] - max) of 16 elements from i on, into the partials and, if y is not NULL, to y. Elements past c count as +0, which
 * changes no partial: partials start at +0 and exp is never negative. */
ALWAYS_INLINE void v_row_exp16(v_row_sum *s, int64_t c, int64_t i, const float *x, vf max, float *y) {
  V_UNROLL for (int r = 0; r < 16 / VL; r++) {
    const int64_t at = i + r * VL, left = c - at;
    if (left >= VL) {
      const vf e = v_exp(v_sub(v_load(x + at), max));
      s->partial[r] = v_add(s->partial[r], e);
      if (y) v_store(y + at, e);
    } else if (left > 0) {
      float lanes[VL];
      v_store(lanes, v_exp(v_sub(v_load_partial(x + at, left), max)));
      const vf e = v_load_partial(lanes, left);
      s->partial[r] = v_add(s->partial[r], e);
      if (y) v_store_partial(y + at, left, e);
    }
  }
}

#endif
