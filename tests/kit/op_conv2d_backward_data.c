/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "nets/recipe.h"
#include "runtime/topology.h"
#include "tests/kit/conv2d_backward_cases.h"
#include "tests/kit/winograd.h"

enum { DY, W, DX };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_4D(d->n, d->oc, oh, ow)};
  t[W] = (kit_tensor){"w", KIT_WEIGHTS, KIT_F32, KIT_4D(d->oc, d->ic / d->groups, d->kh, d->kw)};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_4D(d->n, d->ic, d->ih, d->iw)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_conv2d_backward_data(&c->of.conv2d, t[DY], t[W], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_conv2d_backward_data(&c->of.conv2d, t[DY], t[W], t[DX]); }

static void fast_ref(const char *algorithm, const kit_case *c, void *const t[]) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  ref_conv2d_backward_data_winograd(kit_winograd_tile(algorithm), d, 0, d->ic, t[DY], t[W], t[DX]);
}

/* Taps outside of y add +0, which brings no error. */
static double bound_at(const lw_conv2d_desc *d, void *const t[], int64_t oh_count, int64_t ow_count, int64_t n, int64_t ic,
                       int64_t ih, int64_t iw, kit_order order) {
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups, group = ic / ic_group;
  const double *dy = t[DY], *w = t[W];
  kit_chain k = kit_chain_start(0);
  for (int64_t oc = group * oc_group; oc < (group + 1) * oc_group; oc++)
    for (int64_t kh = d->kh - 1; kh >= 0; kh--)
      for (int64_t kw = d->kw - 1; kw >= 0; kw--) {
        const int64_t h = ih + d->pad_top - kh * d->dilation_h, v = iw + d->pad_left - kw * d->dilation_w;
        if (h < 0 || v < 0 || h % d->stride_h || v % d->stride_w || h / d->stride_h >= oh_count || v / d->stride_w >= ow_count)
          continue;
        kit_chain_fma(&k, dy[((n * d->oc + oc) * oh_count + h / d->stride_h) * ow_count + v / d->stride_w],
                      w[((oc * ic_group + ic % ic_group) * d->kh + kh) * d->kw + kw]);
      }
  return kit_chain_bound(&k, order);
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  for (int64_t i = 0; i < d->n * d->ic * d->ih * d->iw; i++) {
    const int64_t plane = i / d->iw / d->ih;
    b[i] = bound_at(d, t, oh, ow, plane / d->ic, plane % d->ic, i / d->iw % d->ih, i % d->iw, order);
  }
}

static double flops(const kit_case *c) {
  return 2 * outputs(c) * (double)(c->of.conv2d.ic / c->of.conv2d.groups * c->of.conv2d.kh * c->of.conv2d.kw);
}

/* The bound of the convolution that the gradient is. */
static void fast_bound(const char *algorithm, const kit_case *c, void *const t[], double *b) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  const int64_t taps = d->kh * d->kw;
  const double *w = t[W];
  int64_t oh, ow;
  output(c, &oh, &ow);
  const lw_conv2d_desc turned = lw_conv2d_turned(d, oh, ow);
  double *g = malloc((size_t)(d->ic * d->oc * taps) * sizeof *g);
  for (int64_t i = 0; g && i < d->ic * d->oc * taps; i++) {
    const int64_t ic = i / taps / d->oc, oc = i / taps % d->oc;
    g[i] = w[(oc * d->ic + ic) * taps + taps - 1 - i % taps];
  }
  if (g) kit_winograd_bounds(kit_winograd_tile(algorithm), &turned, d->ih, d->iw, t[DY], g, NULL, b);
  free(g);
}

/* The largest layers only by the algorithm that trainers use for them: definitions take seconds. */
static int fast_applies(const char *algorithm, const kit_case *c) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  const lw_recipe *recipe = lw_recipe_conv2d_backward_data(LW_FAST, d, oh, ow);
  return lw_winograd_turns(kit_winograd_tile(algorithm), d) &&
         (flops(c) <= 1e8 || (recipe && strcmp(recipe->algorithm, algorithm) == 0));
}

/* `blocked` as a plan would lay tensors out, and with halos where there need be none. */
enum { BLOCKED, WIDE_HALOS, VARIANTS };
/* Winograd's besides that: two more sizes of the block of tiles. */
static const lw_winograd_block blocks[] = {{1, 1}, {17, 3}};
enum { WINOGRAD_VARIANTS = VARIANTS + 2 };

static int is_winograd(const lw_kernel *row) { return lw_isa_is_simd(row->isa) && kit_winograd_tile(row->algorithm); }

static int variants(const lw_kernel *row, const kit_case *c) {
  const int m = kit_winograd_tile(row->algorithm);
  if (m) return !lw_winograd_turns(m, &c->of.conv2d) ? 0 : is_winograd(row) ? WINOGRAD_VARIANTS : 1;
  return is_samples(row)                     ? kit_samples_variants(&c->of.conv2d)
         : !is_blocked(row)                  ? 1
         : lw_conv2d_can_turn(&c->of.conv2d) ? VARIANTS
                                             : 0;
}

static void prepare_blocked(kit_run *run, lw_conv2d_backward_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  const lw_conv2d_desc turned = lw_conv2d_turned(d, a->oh, a->ow);
  const int64_t pad[4] = {turned.pad_top, turned.pad_left, turned.pad_bottom, turned.pad_right}, around[4] = {1, 2, 3, 1};
  const int64_t wide[4] = {pad[0] + 1, pad[1] + 2, pad[2] + 1, pad[3] + 3};
  const int64_t panels = (d->ic + LW_BLOCK - 1) / LW_BLOCK;
  a->dy_view = kit_view_allocate(run, KIT_IN, d->n, d->oc, a->oh, a->ow, LW_BLOCK, run->variant == WIDE_HALOS ? wide : pad);
  a->x_view = kit_view_allocate(run, KIT_OUT, d->n, d->ic, d->ih, d->iw, LW_BLOCK, run->variant == WIDE_HALOS ? around : NULL);
  const int m = kit_winograd_tile(run->row->algorithm);
  const int64_t count = m ? lw_winograd_count(m, (int)d->kh, d->ic, d->oc) : lw_packed_count(d->ic, d->oc * d->kh * d->kw);
  float *w = kit_run_allocate(run, KIT_WEIGHTS, (size_t)count * sizeof *w);
  if (w && m)
    lw_pack_winograd_turned(m, d, 0, panels, run->t[W], w);
  else if (w)
    lw_pack_turned(d, 0, panels, run->t[W], w);
  a->w = w;
  if (m) {
    a->block = run->variant >= VARIANTS
                   ? blocks[run->variant - VARIANTS]
                   : lw_winograd_choose_block(m, &turned, d->ih, d->iw, run->row->isa, lw_topology_cache_bytes(2));
    a->scratch_stride = lw_winograd_scratch(m, &turned, a->block, 0);
    a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  }
  if (a->dy_view.p) kit_view_fill(&a->dy_view, d->n, d->oc, run->t[DY], pad);
}

static void prepare_samples(kit_run *run, lw_conv2d_backward_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  int64_t halo[4];
  lw_conv2d_backward_halo(d, a->oh, a->ow, halo);
  const int64_t wide[4] = {halo[0] + 1, halo[1] + 2, halo[2] + 1, halo[3] + 3}, around[4] = {1, 2, 3, 1};
  a->dy_view = kit_samples_allocate(run, KIT_IN, d->n, d->oc, a->oh, a->ow, run->variant ? wide : halo);
  a->x_view = kit_samples_allocate(run, KIT_OUT, d->n, d->ic, d->ih, d->iw, run->variant ? around : NULL);
  a->w = run->t[W];
  if (a->dy_view.p) kit_samples_fill(run, &a->dy_view, d->n, d->oc, run->t[DY], halo);
}

static void collect(kit_run *run) {
  const lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  if (is_blocked(run->row) || is_winograd(run->row)) kit_view_collect(run, &a->x_view, a->desc.n, a->desc.ic, run->t[DX]);
  if (is_samples(run->row)) kit_samples_collect(run, &a->x_view, a->desc.n, a->desc.ic, run->t[DX]);
}

static void prepare(kit_run *run) {
  lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  prepare_args(run, LW_OP_conv2d_backward_data);
  if (is_blocked(run->row) || is_winograd(run->row)) {
    prepare_blocked(run, a);
    return;
  }
  if (is_samples(run->row)) {
    prepare_samples(run, a);
    return;
  }
  a->dy = run->t[DY];
  a->w = run->t[W];
  a->out = run->t[DX];
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_conv2d_backward_data(context, &c->of.conv2d, t[DY], t[W], t[DX]);
}

const kit_op kit_op_conv2d_backward_data = {
    .op = LW_OP_conv2d_backward_data,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .fast_applies = fast_applies,
    .fast_ref = fast_ref,
    .fast_bound = fast_bound,
    .exact_on_integers = 1,
    .flops = flops,
    .cut = cut,
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
    .call = call,
};
