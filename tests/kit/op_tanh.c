/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/count_cases.h"

enum { X, Y };

/* Reals reach both formulas. */
static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_1D(c->of.count), .range = 4};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_tanh(c->of.count, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_tanh(c->of.count, t[X], t[Y]); }

/* What ref/math.h states, and what the C library does for its vector functions (glibc: 4 ulp). */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const double *y = t[Y], ulps = order == KIT_CHAIN ? 1.34 : 4;
  for (int64_t i = 0; i < c->of.count; i++) b[i] = ulps * fmax(0x1p-23 * fabs(y[i]), 0x1p-149);
}

static void prepare(kit_run *run) { run->args[0].map = (lw_map_args){run->c->of.count, run->t[X], run->t[Y]}; }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_tanh(context, c->of.count, t[X], t[Y]);
}

const kit_op kit_op_tanh = {
    .op = LW_OP_tanh,
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
