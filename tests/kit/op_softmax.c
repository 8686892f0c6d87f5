/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/row_cases.h"

static void ref(const kit_case *c, void *const t[]) { ref_softmax(c->of.rows.n, c->of.rows.c, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_softmax(c->of.rows.n, c->of.rows.c, t[X], t[Y]); }

/* The ends of e/sum. In any order the division may be a product with a reciprocal that was refined once (2 ulp). */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const int64_t columns = c->of.rows.c;
  const double *x = t[X], *y = t[Y], division = order == KIT_CHAIN ? KIT_U : 4 * KIT_U;
  for (int64_t n = 0; n < c->of.rows.n; n++, x += columns, y += columns, b += columns) {
    const row_bound row = bound_row(columns, x, order);
    for (int64_t i = 0; i < columns; i++) {
      const double e = exp(x[i] - row.max), error = exp_error(x[i], row.max, e, order);
      const double high = (e + error) / (row.sum - row.error) * (1 + division) + 0x1p-149;
      const double low = (e - error) / (row.sum + row.error) * (1 - division) - 0x1p-149;
      b[i] = (1 + 1e-6) * fmax(high - y[i], y[i] - low);
    }
  }
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_softmax(context, c->of.rows.n, c->of.rows.c, t[X], t[Y]);
}

const kit_op kit_op_softmax = {
    .op = LW_OP_softmax,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .in_place = 1u << X,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
