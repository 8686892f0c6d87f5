/* SPDX-License-Identifier: Apache-2.0
 * softmax: rows are shared out, lanes run along a row. */
#include "simd/kernels.h"
#include "simd/f32/rows.h"

void VEC_FN(softmax)(const lw_args *args, lw_part part) {
  const lw_rows_args *a = &args->rows;
  int64_t begin, end;
  lw_share(a->n, part, &begin, &end);
  for (int64_t n = begin; n < end; n++) {
    const float *x = a->x + n * a->c;
    float *y = a->y + n * a->c;
    const vf max = v_set1(v_row_max(a->c, x));
    v_row_sum sum = v_row_sum_zero();
    for (int64_t i = 0; i < a->c; i += 16) v_row_exp16(&sum, a->c, i, x, max, y);
    const vf total = v_set1(v_row_sum_total(&sum));
    int64_t i = 0;
    for (; i + VL <= a->c; i += VL) v_store(y + i, v_div(v_load(y + i), total));
    if (i < a->c) v_store_partial(y + i, a->c - i, v_div(v_load_partial(y + i, a->c - i), total));
  }
}
