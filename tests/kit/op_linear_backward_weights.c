/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/linear_backward_cases.h"

enum { X, DY, DW };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_linear_desc *d = &c->of.linear;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_2D(d->n, d->in), .summed = 1};
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_2D(d->n, d->out), .summed = 1};
  t[DW] = (kit_tensor){"dw", KIT_OUT, KIT_F32, KIT_2D(d->out, d->in)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) {
  ref_linear_backward_weights(&c->of.linear, 0, c->of.linear.out, t[X], t[DY], t[DW]);
}
static void ref64(const kit_case *c, void *const t[]) {
  ref64_linear_backward_weights(&c->of.linear, 0, c->of.linear.out, t[X], t[DY], t[DW]);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_linear_desc *d = &c->of.linear;
  const double *x = t[X], *dy = t[DY];
  for (int64_t o = 0; o < d->out; o++)
    for (int64_t i = 0; i < d->in; i++) {
      kit_chain sum = kit_chain_start(0);
      for (int64_t n = 0; n < d->n; n++) {
        kit_chain step = kit_chain_start(0);
        kit_chain_fma(&step, x[n * d->in + i], dy[n * d->out + o]);
        kit_chain_add(&sum, &step);
      }
      *b++ = kit_chain_bound(&sum, order);
    }
}

static double flops(const kit_case *c) {
  return 2.0 * (double)c->of.linear.n * (double)c->of.linear.in * (double)c->of.linear.out;
}

static void prepare(kit_run *run) {
  run->args[0].linear_backward =
      (lw_linear_backward_args){.desc = run->c->of.linear, .x = run->t[X], .dy = run->t[DY], .out = run->t[DW]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_linear_backward_weights(context, &c->of.linear, t[X], t[DY], t[DW]);
}

const kit_op kit_op_linear_backward_weights = {
    .op = LW_OP_linear_backward_weights,
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
