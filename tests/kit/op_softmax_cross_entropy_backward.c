/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/cross_entropy_cases.h"

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  inputs(c, t);
  t[OUT] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_2D(c->of.cross_entropy.n, c->of.cross_entropy.c)};
  return 4;
}

static void ref(const kit_case *c, void *const t[]) {
  const lw_cross_entropy_desc d = desc_of(c, t[CLASS_WEIGHTS]);
  ref_softmax_cross_entropy_backward(&d, t[X], t[LABELS], t[OUT]);
}
static void ref64(const kit_case *c, void *const t[]) {
  float *weights = narrowed_weights(c, t[CLASS_WEIGHTS]);
  const lw_cross_entropy_desc d = desc_of(c, weights);
  ref64_softmax_cross_entropy_backward(&d, t[X], t[LABELS], t[OUT]);
  free(weights);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_cross_entropy_desc *d = &c->of.cross_entropy;
  const int32_t *labels = t[LABELS];
  const double *weights = t[CLASS_WEIGHTS], *x = t[X];
  const rounded kept = kept_of(d, order), share = share_of(d, order), divisor = divisor_of(d, labels, weights);
  rounded_sum of_weights = {0};
  for (int64_t i = 0; i < d->c; i++) rounded_sum_add(&of_weights, weight_at(weights, i));
  const rounded all = rounded_sum_total(&of_weights, row_additions(d->c, order));
  for (int64_t n = 0; n < d->n; n++, x += d->c, b += d->c) {
    const int32_t label = labels[n];
    const double max = row_largest(d->c, x);
    const rounded total = exps_of_row(d->c, x, max, order);
    for (int64_t i = 0; i < d->c; i++) {
      b[i] = 0;
      if (ignored(d, label)) continue;
      const rounded own = rounded_multiply(kept, weight_at(weights, label), order), factor = rounded_fma(share, all, own, order);
      const rounded p = rounded_divide(exp_of(x[i], max, order), total, order), w = weight_at(weights, i);
      const rounded target = i == label ? rounded_fma(share, w, own, order) : rounded_multiply(share, w, order);
      b[i] = rounded_bound(rounded_divide(rounded_fma(factor, p, rounded_negate(target), order), divisor, order));
    }
  }
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  const lw_cross_entropy_desc d = desc_of(c, t[CLASS_WEIGHTS]);
  return lw_softmax_cross_entropy_backward(context, &d, t[X], t[LABELS], t[OUT]);
}

const kit_op kit_op_softmax_cross_entropy_backward = {
    .op = LW_OP_softmax_cross_entropy_backward,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .fill = fill,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .in_place = 1u << X,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
