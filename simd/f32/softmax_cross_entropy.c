/* SPDX-License-Identifier: Apache-2.0
 * softmax_cross_entropy: lanes run along a row. */
#include "ref/ref.h"
#include "ref/cross_entropy.h"
#include "simd/kernels.h"
#include "simd/f32/rows.h"

/* Sum over a row of w[i] * logp[i]; lanes past its end count as +0, which changes no partial. */
static float weighted_logs(const lw_cross_entropy_desc *d, const float *x, vf max, vf log_total) {
  v_row_sum sum = v_row_sum_zero();
  for (int64_t i = 0; i < d->c; i += 16) V_UNROLL for (int r = 0; r < 16 / VL; r++) {
      const int64_t at = i + r * VL, left = d->c - at;
      if (left <= 0) continue;
      vf log = v_sub(v_sub(left >= VL ? v_load(x + at) : v_load_partial(x + at, left), max), log_total);
      if (d->class_weights) {
        const float *w = d->class_weights + at;
        log = v_mul(left >= VL ? v_load(w) : v_load_partial(w, left), log);
      }
      if (left < VL) {
        float lanes[VL];
        v_store(lanes, log);
        log = v_load_partial(lanes, left);
      }
      sum.partial[r] = v_add(sum.partial[r], log);
    }
  return v_row_sum_total(&sum);
}

void VEC_FN(softmax_cross_entropy)(const lw_args *args, lw_part part) {
  const lw_cross_entropy_args *a = &args->cross_entropy;
  const lw_cross_entropy_desc *d = &a->desc;
  if (part.index != 0) return;
  float loss = 0;
  for (int64_t n = 0; n < d->n; n++) {
    const float *x = a->x + n * d->c;
    const int32_t t = a->labels[n];
    if (is_ignored(d, t)) continue;
    const float max = v_row_max(d->c, x);
    v_row_sum exps = v_row_sum_zero();
    for (int64_t i = 0; i < d->c; i += 16) v_row_exp16(&exps, d->c, i, x, v_set1(max), NULL);
    const float log_total = real_log(v_row_sum_total(&exps));
    float cost = label_kept(d) * -(class_weight(d, t) * ((x[t] - max) - log_total));
    if (d->label_smoothing > 0) cost = fmaf(label_share(d), -weighted_logs(d, x, v_set1(max), v_set1(log_total)), cost);
    loss += cost;
  }
  *a->out = loss / loss_divisor(d, a->labels);
}
