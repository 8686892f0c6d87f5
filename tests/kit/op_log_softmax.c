/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/row_cases.h"

static void ref(const kit_case *c, void *const t[]) { ref_log_softmax(c->of.rows.n, c->of.rows.c, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_log_softmax(c->of.rows.n, c->of.rows.c, t[X], t[Y]); }

/* The ends of the logarithm, and two rounded subtractions; in any order also x - (max + log). */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const int64_t columns = c->of.rows.c;
  const double *x = t[X], *y = t[Y];
  for (int64_t n = 0; n < c->of.rows.n; n++, x += columns, y += columns, b += columns) {
    const row_bound row = bound_row(columns, x, order);
    const double log_sum = log(row.sum), high = log(row.sum + row.error), low = log(row.sum - row.error);
    const double log_error =
        fmax(high - log_sum, log_sum - low) + log_ulps(order) * (0x1p-23 * fmax(fabs(high), fabs(low)) + 0x1p-149);
    for (int64_t i = 0; i < columns; i++) {
      const double first =
          KIT_U * (order == KIT_CHAIN ? fabs(x[i] - row.max) : fabs(x[i] - row.max) + fabs(row.max) + fabs(log_sum));
      const double before = first + log_error;
      b[i] = (1 + 1e-6) * (before + KIT_U * (fabs(y[i]) + before) + 0x1p-149);
    }
  }
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_log_softmax(context, c->of.rows.n, c->of.rows.c, t[X], t[Y]);
}

const kit_op kit_op_log_softmax = {
    .op = LW_OP_log_softmax,
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
