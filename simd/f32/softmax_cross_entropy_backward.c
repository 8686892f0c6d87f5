/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy_backward: rows are shared out, lanes run along a row. The label's own element differs and is done alone.
 */
#include "ref/ref.h"
#include "ref/cross_entropy.h"
#include "simd/kernels.h"
#include "simd/f32/rows.h"

/* fma(factor, e / total, -share * weight) / divisor */
ALWAYS_INLINE vf gradient(vf e, vf total, vf factor, vf share, vf weight, vf divisor) {
  return v_div(v_fma(factor, v_div(e, total), v_mul(share, weight)), divisor);
}

void VEC_FN(softmax_cross_entropy_backward)(const lw_args *args, lw_part part) {
  const lw_cross_entropy_args *a = &args->cross_entropy;
  const lw_cross_entropy_desc *d = &a->desc;
  const float share = label_share(d), divisor = a->has_divisor ? a->divisor : loss_divisor(d, a->labels), all = weights_total(d);
  const vf minus_share = v_set1(-share), by = v_set1(divisor);
  int64_t begin, end;
  lw_share(d->n, part, &begin, &end);
  for (int64_t n = begin; n < end; n++) {
    const float *x = a->x + n * d->c, *w = d->class_weights;
    const int32_t t = a->labels[n];
    float *dx = a->out + n * d->c;
    if (is_ignored(d, t)) {
      memset(dx, 0, (size_t)d->c * sizeof *dx);
      continue;
    }
    const vf max = v_set1(v_row_max(d->c, x));
    v_row_sum exps = v_row_sum_zero();
    for (int64_t i = 0; i < d->c; i += 16) v_row_exp16(&exps, d->c, i, x, max, dx);
    const float sum = v_row_sum_total(&exps), own = label_kept(d) * class_weight(d, t), factor = fmaf(share, all, own);
    const float at_label = fmaf(factor, dx[t] / sum, -fmaf(share, class_weight(d, t), own)) / divisor;
    const vf total = v_set1(sum), f = v_set1(factor), one = v_set1(1.0f);
    int64_t i = 0;
    for (; i + VL <= d->c; i += VL) v_store(dx + i, gradient(v_load(dx + i), total, f, minus_share, w ? v_load(w + i) : one, by));
    const int64_t left = d->c - i;
    if (left > 0)
      v_store_partial(dx + i, left,
                      gradient(v_load_partial(dx + i, left), total, f, minus_share, w ? v_load_partial(w + i, left) : one, by));
    dx[t] = at_label;
  }
}
