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

/* `blocked` as a plan would lay tensors out; with halos wider than it needs; with x plain but for the halo; the rows of the
 * image, or the images, in two calls. */
enum { BLOCKED, WIDE_HALOS, PLAIN_X, PIECES, VARIANTS };

static int variants(const lw_kernel *row, const kit_case *c) {
  int64_t oh, ow;
  output(c, &oh, &ow);
  if (is_samples(row)) return kit_samples_variants(&c->of.conv2d);
  if (!is_blocked(row)) return 1;
  return c->of.conv2d.groups != 1 ? 0 : c->of.conv2d.n > 1 || (c->of.conv2d.n == 1 && oh > 1) ? VARIANTS : PIECES;
}

static void in_pieces(kit_run *run) {
  lw_conv2d_backward_args *first = &run->args[0].conv2d_backward, *second = &run->args[1].conv2d_backward;
  *second = *first;
  run->passes = 2;
  if (first->desc.n > 1) {
    first->desc.n = 1;
    second->desc.n--;
    second->adds = 1;
    second->x_view.p += first->x_view.n_stride;
    second->dy_view.p += first->dy_view.n_stride;
    return;
  }
  first->oh = (first->oh + 1) / 2;
  first->unfinished = second->follows = 1;
  second->oh -= first->oh;
  second->x_view.p += first->oh * first->desc.stride_h * first->x_view.row_stride;
  second->dy_view.p += first->oh * first->dy_view.row_stride;
}

static void prepare_blocked(kit_run *run, lw_conv2d_backward_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t pad[4] = {d->pad_top, d->pad_left, d->pad_bottom, d->pad_right}, around[4] = {1, 2, 3, 1};
  const int64_t wide[4] = {pad[0] + 1, pad[1] + 2, pad[2] + 1, pad[3] + 3};
  const int64_t weights = lw_packed_count(d->oc, d->ic * d->kh * d->kw);
  a->x_view = kit_view_allocate(run, KIT_IN, d->n, d->ic, d->ih, d->iw, run->variant == PLAIN_X ? 1 : LW_BLOCK,
                                run->variant == WIDE_HALOS ? wide : pad);
  a->dy_view = kit_view_allocate(run, KIT_IN, d->n, d->oc, a->oh, a->ow, LW_BLOCK, run->variant == WIDE_HALOS ? around : NULL);
  a->out = kit_run_allocate(run, KIT_OUT, (size_t)weights * sizeof(float));
  if (d->n > 1) a->scratch = kit_run_allocate(run, KIT_SCRATCH, (size_t)weights * sizeof(float));
  if (a->x_view.p) kit_view_fill(&a->x_view, d->n, d->ic, run->t[X], pad);
  if (a->dy_view.p) kit_view_fill(&a->dy_view, d->n, d->oc, run->t[DY], (const int64_t[4]){0});
  if (run->variant == PIECES) in_pieces(run);
}

static void prepare_samples(kit_run *run, lw_conv2d_backward_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t pad[4] = {d->pad_top, d->pad_left, d->pad_bottom, d->pad_right}, around[4] = {1, 2, 3, 1};
  const int64_t wide[4] = {pad[0] + 1, pad[1] + 2, pad[2] + 1, pad[3] + 3};
  a->x_view = kit_samples_allocate(run, KIT_IN, d->n, d->ic, d->ih, d->iw, run->variant ? wide : pad);
  a->dy_view = kit_samples_allocate(run, KIT_IN, d->n, d->oc, a->oh, a->ow, run->variant ? around : NULL);
  a->out = run->t[DW];
  a->scratch_stride = LW_SAMPLES_SCRATCH;
  a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  if (a->x_view.p) kit_samples_fill(run, &a->x_view, d->n, d->ic, run->t[X], pad);
  if (a->dy_view.p) kit_samples_fill(run, &a->dy_view, d->n, d->oc, run->t[DY], (const int64_t[4]){0});
  sum_in_second_pass(run, lw_samples_taps(d), d->oc);
  add_second_pass(run);
}

static void collect(kit_run *run) {
  const lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  if (is_blocked(run->row)) kit_unpack_weights(run, a->desc.oc, a->desc.ic * a->desc.kh * a->desc.kw, a->out, run->t[DW]);
}

static void prepare(kit_run *run) {
  lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  prepare_args(run, LW_OP_conv2d_backward_weights);
  if (is_blocked(run->row)) {
    prepare_blocked(run, a);
    return;
  }
  if (is_samples(run->row)) {
    prepare_samples(run, a);
    return;
  }
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
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
    .call = call,
};
