/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/conv2d_backward_cases.h"

enum { X, DY, DW };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->ic, d->ih, d->iw), .summed = 1};
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_4D(d->n, d->oc, oh, ow), .summed = 1};
  t[DW] = (kit_tensor){"dw", KIT_OUT, KIT_F32, KIT_4D(d->oc, d->ic / d->groups, d->kh, d->kw)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) {
  ref_conv2d_backward_weights(&c->of.conv2d, 0, c->of.conv2d.oc, t[X], t[DY], t[DW]);
}
static void ref64(const kit_case *c, void *const t[]) {
  ref64_conv2d_backward_weights(&c->of.conv2d, 0, c->of.conv2d.oc, t[X], t[DY], t[DW]);
}

/* The chain of one image for weight (oc, ic, kh, kw); taps on the padding add +0, which brings no error. */
static kit_chain image_chain(const lw_conv2d_desc *d, const double *x, const double *dy, int64_t oh_count, int64_t ow_count,
                             int64_t kh, int64_t kw) {
  kit_chain k = kit_chain_start(0);
  for (int64_t oh = 0; oh < oh_count; oh++)
    for (int64_t ow = 0; ow < ow_count; ow++) {
      const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h,
                    iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
      if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
      kit_chain_fma(&k, x[ih * d->iw + iw], dy[oh * ow_count + ow]);
    }
  return k;
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups;
  int64_t oh, ow;
  output(c, &oh, &ow);
  for (int64_t i = 0; i < d->oc * ic_group * d->kh * d->kw; i++) {
    const int64_t kw = i % d->kw, kh = i / d->kw % d->kh, oc = i / d->kw / d->kh / ic_group;
    const int64_t ic = oc / oc_group * ic_group + i / d->kw / d->kh % ic_group;
    kit_chain sum = kit_chain_start(0);
    for (int64_t n = 0; n < d->n; n++) {
      const double *x = (const double *)t[X] + (n * d->ic + ic) * d->ih * d->iw,
                   *dy = (const double *)t[DY] + (n * d->oc + oc) * oh * ow;
      const kit_chain image = image_chain(d, x, dy, oh, ow, kh, kw);
      kit_chain_add(&sum, &image);
    }
    b[i] = kit_chain_bound(&sum, order);
  }
}

static double flops(const kit_case *c) {
  return 2 * outputs(c) * (double)(c->of.conv2d.ic / c->of.conv2d.groups * c->of.conv2d.kh * c->of.conv2d.kw);
}

static void prepare(kit_run *run) {
  lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  prepare_args(run, LW_OP_conv2d_backward_weights);
  a->x = run->t[X];
  a->dy = run->t[DY];
  a->out = run->t[DW];
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_conv2d_backward_weights(context, &c->of.conv2d, t[X], t[DY], t[DW]);
}

const kit_op kit_op_conv2d_backward_weights = {
    .op = LW_OP_conv2d_backward_weights,
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
