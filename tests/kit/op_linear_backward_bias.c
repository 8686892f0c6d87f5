/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/linear_backward_cases.h"

enum { DY, DB };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_linear_desc *d = &c->of.linear;
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_2D(d->n, d->out), .summed = 1};
  t[DB] = (kit_tensor){"db", KIT_OUT, KIT_F32, KIT_1D(d->out)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) {
  ref_linear_backward_bias(&c->of.linear, 0, c->of.linear.out, t[DY], t[DB]);
}
static void ref64(const kit_case *c, void *const t[]) {
  ref64_linear_backward_bias(&c->of.linear, 0, c->of.linear.out, t[DY], t[DB]);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_linear_desc *d = &c->of.linear;
  const double *dy = t[DY];
  for (int64_t o = 0; o < d->out; o++) {
    kit_chain sum = kit_chain_start(0);
    for (int64_t n = 0; n < d->n; n++) kit_chain_fma(&sum, dy[n * d->out + o], 1);
    b[o] = kit_chain_bound(&sum, order);
  }
}

static double flops(const kit_case *c) { return (double)c->of.linear.n * (double)c->of.linear.out; }

static void prepare(kit_run *run) {
  run->args[0].linear_backward = (lw_linear_backward_args){.desc = run->c->of.linear, .dy = run->t[DY], .out = run->t[DB]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_linear_backward_bias(context, &c->of.linear, t[DY], t[DB]);
}

const kit_op kit_op_linear_backward_bias = {
    .op = LW_OP_linear_backward_bias,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .exact_on_integers = 1,
    .flops = flops,
    .cut = cut,
    .prepare = prepare,
    .call = call,
};
