/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/conv2d_backward_cases.h"

enum { DY, DB };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_4D(d->n, d->oc, oh, ow), .summed = 1};
  t[DB] = (kit_tensor){"db", KIT_OUT, KIT_F32, KIT_1D(d->oc)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_conv2d_backward_bias(&c->of.conv2d, 0, c->of.conv2d.oc, t[DY], t[DB]); }
static void ref64(const kit_case *c, void *const t[]) {
  ref64_conv2d_backward_bias(&c->of.conv2d, 0, c->of.conv2d.oc, t[DY], t[DB]);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  const double *dy = t[DY];
  int64_t oh, ow;
  output(c, &oh, &ow);
  for (int64_t oc = 0; oc < d->oc; oc++) {
    kit_chain sum = kit_chain_start(0);
    for (int64_t n = 0; n < d->n; n++) {
      kit_chain image = kit_chain_start(0);
      for (int64_t p = 0; p < oh * ow; p++) kit_chain_fma(&image, dy[(n * d->oc + oc) * oh * ow + p], 1);
      kit_chain_add(&sum, &image);
    }
    b[oc] = kit_chain_bound(&sum, order);
  }
}

static double flops(const kit_case *c) { return outputs(c); }

static int variants(const lw_kernel *row, const kit_case *c) { return is_samples(row) ? kit_samples_variants(&c->of.conv2d) : 1; }

static void prepare(kit_run *run) {
  lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  prepare_args(run, LW_OP_conv2d_backward_bias);
  a->out = run->t[DB];
  if (!is_samples(run->row)) {
    a->dy = run->t[DY];
    return;
  }
  const int64_t around[4] = {1, 2, 3, 1};
  a->dy_view = kit_samples_allocate(run, KIT_IN, a->desc.n, a->desc.oc, a->oh, a->ow, run->variant ? around : NULL);
  if (a->dy_view.p) kit_samples_fill(run, &a->dy_view, a->desc.n, a->desc.oc, run->t[DY], (const int64_t[4]){0});
  sum_in_second_pass(run, 1, LW_SAMPLES(a->desc.oc) * LW_BLOCK);
  add_second_pass(run);
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_conv2d_backward_bias(context, &c->of.conv2d, t[DY], t[DB]);
}

const kit_op kit_op_conv2d_backward_bias = {
    .op = LW_OP_conv2d_backward_bias,
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
    .variants = variants,
    .prepare = prepare,
    .call = call,
};
