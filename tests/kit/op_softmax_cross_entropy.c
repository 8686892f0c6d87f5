/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/cross_entropy_cases.h"

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  inputs(c, t);
  t[OUT] = (kit_tensor){"loss", KIT_OUT, KIT_F32, KIT_1D(1)};
  return 4;
}

static void ref(const kit_case *c, void *const t[]) {
  const lw_cross_entropy_desc d = desc_of(c, t[CLASS_WEIGHTS]);
  ref_softmax_cross_entropy(&d, t[X], t[LABELS], t[OUT]);
}
static void ref64(const kit_case *c, void *const t[]) {
  float *weights = narrowed_weights(c, t[CLASS_WEIGHTS]);
  const lw_cross_entropy_desc d = desc_of(c, weights);
  ref64_softmax_cross_entropy(&d, t[X], t[LABELS], t[OUT]);
  free(weights);
}

/* Logarithm of a sum of at least 1: 0.84 ulp, in any order 4. */
static rounded log_of(rounded sum, kit_order order) {
  const double value = log(sum.value), high = log(sum.value + sum.error), low = log(sum.value - sum.error);
  const double ulps = order == KIT_CHAIN ? 0.84 : 4;
  return (rounded){value, fmax(high - value, value - low) + ulps * (0x1p-23 * fmax(fabs(high), fabs(low)) + 0x1p-149)};
}

/* (x - max) - log, in any order also x - (max + log). */
static rounded logp_of(double x, double max, rounded log, kit_order order) {
  const double first = order == KIT_CHAIN ? 0 : KIT_U * (fabs(max) + fabs(log.value));
  rounded logp = rounded_subtract(rounded_subtract(rounded_exact(x), rounded_exact(max), KIT_CHAIN), log, KIT_CHAIN);
  logp.error += first;
  return logp;
}

static rounded cost_of(const lw_cross_entropy_desc *d, const double *weights, const double *x, int32_t label, kit_order order) {
  const double max = row_largest(d->c, x);
  const rounded log = log_of(exps_of_row(d->c, x, max, order), order);
  const rounded own = rounded_multiply(weight_at(weights, label), logp_of(x[label], max, log, order), order);
  const rounded cost = rounded_multiply(kept_of(d, order), rounded_negate(own), order);
  rounded_sum all = {0};
  if (!(d->label_smoothing > 0)) return cost;
  for (int64_t i = 0; i < d->c; i++)
    rounded_sum_add(&all, rounded_multiply(weight_at(weights, i), logp_of(x[i], max, log, order), order));
  return rounded_fma(share_of(d, order), rounded_negate(rounded_sum_total(&all, row_additions(d->c, order))), cost, order);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_cross_entropy_desc *d = &c->of.cross_entropy;
  const int32_t *labels = t[LABELS];
  rounded_sum sum = {0};
  for (int64_t n = 0; n < d->n; n++)
    if (!ignored(d, labels[n]))
      rounded_sum_add(&sum, cost_of(d, t[CLASS_WEIGHTS], (const double *)t[X] + n * d->c, labels[n], order));
  *b = rounded_bound(rounded_divide(rounded_sum_total(&sum, d->n), divisor_of(d, labels, t[CLASS_WEIGHTS]), order));
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  const lw_cross_entropy_desc d = desc_of(c, t[CLASS_WEIGHTS]);
  return lw_softmax_cross_entropy(context, &d, t[X], t[LABELS], t[OUT]);
}

const kit_op kit_op_softmax_cross_entropy = {
    .op = LW_OP_softmax_cross_entropy,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .fill = fill,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
