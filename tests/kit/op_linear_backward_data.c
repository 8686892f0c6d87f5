/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/linear_backward_cases.h"

enum { DY, W, DX };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_linear_desc *d = &c->of.linear;
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_2D(d->n, d->out)};
  t[W] = (kit_tensor){"w", KIT_WEIGHTS, KIT_F32, KIT_2D(d->out, d->in)};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_2D(d->n, d->in)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_linear_backward_data(&c->of.linear, t[DY], t[W], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_linear_backward_data(&c->of.linear, t[DY], t[W], t[DX]); }

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_linear_desc *d = &c->of.linear;
  const double *dy = t[DY], *w = t[W];
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t i = 0; i < d->in; i++) {
      kit_chain k = kit_chain_start(0);
      for (int64_t o = 0; o < d->out; o++) kit_chain_fma(&k, dy[n * d->out + o], w[o * d->in + i]);
      *b++ = kit_chain_bound(&k, order);
    }
}

static double flops(const kit_case *c) {
  return 2.0 * (double)c->of.linear.n * (double)c->of.linear.in * (double)c->of.linear.out;
}

static void prepare(kit_run *run) {
  run->args[0].linear_backward =
      (lw_linear_backward_args){.desc = run->c->of.linear, .dy = run->t[DY], .w = run->t[W], .out = run->t[DX]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_linear_backward_data(context, &c->of.linear, t[DY], t[W], t[DX]);
}

const kit_op kit_op_linear_backward_data = {
    .op = LW_OP_linear_backward_data,
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
