/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "simd/conv2d_small.h"
#include "tests/kit/kit.h"
#include "tests/kit/conv2d_cases.h"
#include "tests/kit/winograd.h"
#include "nets/recipe.h"
#include "runtime/topology.h"

enum { X, W, BIAS, Y };

static void random_case(kit_random *r, kit_case *c) {
  lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  do {
    const int64_t groups = kit_between(r, 0, 3) == 0 ? kit_between(r, 2, 4) : 1;
    *d = (lw_conv2d_desc){.n = kit_between(r, 1, 2),
                          .ic = groups * kit_between(r, 1, groups > 1 ? 5 : 40),
                          .ih = kit_between(r, 1, 20),
                          .iw = kit_between(r, 1, 40),
                          .oc = groups * kit_between(r, 1, groups > 1 ? 5 : 50),
                          .kh = kit_between(r, 1, 5),
                          .kw = kit_between(r, 1, 5),
                          .stride_h = kit_between(r, 1, 3),
                          .stride_w = kit_between(r, 1, 3),
                          .pad_top = kit_between(r, 0, 3),
                          .pad_left = kit_between(r, 0, 3),
                          .pad_bottom = kit_between(r, 0, 3),
                          .pad_right = kit_between(r, 0, 3),
                          .dilation_h = kit_between(r, 1, 2),
                          .dilation_w = kit_between(r, 1, 2),
                          .groups = groups};
  } while (lw_conv2d_output(d, &oh, &ow) != LW_OK || d->n * d->oc * oh * ow * d->ic * d->kh * d->kw > 500000);
  c->bias = kit_between(r, 0, 1);
  c->relu = kit_between(r, 0, 3) == 0;
  c->pool = d->groups == 1 && oh >= 2 && ow >= 2 && kit_between(r, 0, 3) == 0;
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  if (c->pool) oh /= 2, ow /= 2;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->ic, d->ih, d->iw)};
  t[W] = (kit_tensor){"w", KIT_WEIGHTS, KIT_F32, KIT_4D(d->oc, d->ic / d->groups, d->kh, d->kw)};
  t[BIAS] = (kit_tensor){c->bias ? "bias" : NULL, KIT_WEIGHTS, KIT_F32, KIT_1D(d->oc)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->oc, oh, ow)};
  return 4;
}

static lw_pool2d_desc fused_pool(const kit_case *c) {
  int64_t oh, ow;
  output(c, &oh, &ow);
  return (lw_pool2d_desc){.n = c->of.conv2d.n,
                          .c = c->of.conv2d.oc,
                          .ih = oh,
                          .iw = ow,
                          .kh = 2,
                          .kw = 2,
                          .stride_h = 2,
                          .stride_w = 2,
                          .dilation_h = 1,
                          .dilation_w = 1};
}

static int64_t conv_count(const kit_case *c) {
  int64_t oh, ow;
  output(c, &oh, &ow);
  return c->of.conv2d.n * c->of.conv2d.oc * oh * ow;
}

/* The convolution before a fused pool, or y itself. */
static void *unpooled(const kit_case *c, void *y, size_t element) {
  return c->pool ? malloc((size_t)conv_count(c) * element + 1) : y;
}

/* tile: of Winograd's algorithm, 0: the definition of mode exact. */
static void float_ref(int tile, const kit_case *c, void *const t[]) {
  const lw_pool2d_desc pool = fused_pool(c);
  float *y = unpooled(c, t[Y], sizeof(float));
  if (!y) return;
  if (tile)
    ref_conv2d_winograd(tile, &c->of.conv2d, t[X], t[W], t[BIAS], y);
  else
    ref_conv2d(&c->of.conv2d, t[X], t[W], t[BIAS], y);
  if (c->relu) ref_relu(conv_count(c), y, y);
  if (c->pool) {
    ref_max_pool2d(&pool, y, t[Y], NULL);
    free(y);
  }
}

static void ref(const kit_case *c, void *const t[]) { float_ref(0, c, t); }
static void fast_ref(const char *algorithm, const kit_case *c, void *const t[]) { float_ref(kit_winograd_tile(algorithm), c, t); }

static void ref64(const kit_case *c, void *const t[]) {
  const lw_pool2d_desc pool = fused_pool(c);
  double *y = unpooled(c, t[Y], sizeof(double));
  if (!y) return;
  ref64_conv2d(&c->of.conv2d, t[X], t[W], t[BIAS], y);
  if (c->relu) ref64_relu(conv_count(c), y, y);
  if (c->pool) {
    ref64_max_pool2d(&pool, y, t[Y], NULL);
    free(y);
  }
}

static double output_bound(const lw_conv2d_desc *d, void *const t[], int64_t n, int64_t oc, int64_t oh, int64_t ow,
                           kit_order order) {
  const double *x = t[X], *w = t[W], *bias = t[BIAS];
  const int64_t ic_group = d->ic / d->groups, group = oc / (d->oc / d->groups);
  kit_chain k = kit_chain_start(bias ? bias[oc] : 0);
  for (int64_t ic = 0; ic < ic_group; ic++)
    for (int64_t kh = 0; kh < d->kh; kh++)
      for (int64_t kw = 0; kw < d->kw; kw++) {
        const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
        const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
        const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
        const double v = inside ? x[((n * d->ic + group * ic_group + ic) * d->ih + ih) * d->iw + iw] : 0;
        kit_chain_fma(&k, v, w[((oc * ic_group + ic) * d->kh + kh) * d->kw + kw]);
      }
  return kit_chain_bound(&k, order);
}

/* relu and max bring no two numbers further apart: the bound of a pooled output is the largest of its window. */
static void pool_bounds(const kit_case *c, const double *unpooled_bounds, double *bounds) {
  int64_t oh_count, ow_count;
  output(c, &oh_count, &ow_count);
  for (int64_t plane = 0; plane < c->of.conv2d.n * c->of.conv2d.oc; plane++, unpooled_bounds += oh_count * ow_count)
    for (int64_t oh = 0; oh + 2 <= oh_count; oh += 2)
      for (int64_t ow = 0; ow + 2 <= ow_count; ow += 2) {
        const double *top = unpooled_bounds + oh * ow_count + ow, *bottom = top + ow_count;
        *bounds++ = fmax(fmax(top[0], top[1]), fmax(bottom[0], bottom[1]));
      }
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *bounds) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh_count, ow_count;
  output(c, &oh_count, &ow_count);
  double *all = unpooled(c, bounds, sizeof *all);
  for (int64_t i = 0; all && i < conv_count(c); i++) {
    const int64_t plane = i / ow_count / oh_count;
    all[i] = output_bound(d, t, plane / d->oc, plane % d->oc, i / ow_count % oh_count, i % ow_count, order);
  }
  if (!c->pool || !all) return;
  pool_bounds(c, all, bounds);
  free(all);
}

static void fast_bound(const char *algorithm, const kit_case *c, void *const t[], double *bounds) {
  int64_t oh, ow;
  output(c, &oh, &ow);
  double *all = unpooled(c, bounds, sizeof *all);
  if (all) kit_winograd_bounds(kit_winograd_tile(algorithm), &c->of.conv2d, oh, ow, t[X], t[W], t[BIAS], all);
  if (!c->pool || !all) return;
  pool_bounds(c, all, bounds);
  free(all);
}

static double flops(const kit_case *c) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  return 2.0 * (double)conv_count(c) * (double)(d->ic / d->groups * d->kh * d->kw);
}

/* The largest layers only by the algorithm that networks use for them: definitions take seconds. */
static int fast_applies(const char *algorithm, const kit_case *c) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  const lw_recipe *recipe = lw_recipe_conv2d(LW_FAST, d, oh, ow);
  return lw_winograd_applies(kit_winograd_tile(algorithm), d) &&
         (flops(c) <= 1e8 || (recipe && strcmp(recipe->algorithm, algorithm) == 0));
}

static int is(const lw_kernel *row, const char *algorithm) { return strcmp(row->algorithm, algorithm) == 0; }

static int is_winograd(const lw_kernel *row) { return lw_isa_is_simd(row->isa) && kit_winograd_tile(row->algorithm); }
static int is_packed(const lw_kernel *row) {
  return is(row, "direct") || is(row, "columns") || is(row, "pooled") || is_winograd(row);
}

/* How x lies; y has a halo in all but the first variant. Winograd's kernels take blocks only, and three sizes of the block of
 * tiles. */
enum { BLOCKED, PLAIN, WIDE_HALOS, PACKED_VARIANTS, WINOGRAD_VARIANTS = 3 };

static int variants(const lw_kernel *row, const kit_case *c) {
  const lw_conv2d_desc *d = &c->of.conv2d;
  if (is(row, "direct")) return d->groups == 1 ? PACKED_VARIANTS : 0;
  if (is(row, "columns")) return lw_conv2d_columns_can(d) ? PACKED_VARIANTS : 0;
  if (is(row, "pooled")) return lw_conv2d_pooled_can(d, c->pool) ? PACKED_VARIANTS : 0;
  if (is(row, "depthwise") && d->ic != d->groups) return 0;
  if (kit_winograd_tile(row->algorithm)) {
    if (!lw_winograd_applies(kit_winograd_tile(row->algorithm), d)) return 0;
    if (is_winograd(row)) return WINOGRAD_VARIANTS;
  }
  return c->pool ? 0 : is(row, "samples") ? kit_samples_variants(d) : 1;
}

static void set_winograd(kit_run *run, lw_conv2d_args *a) {
  static size_t l2_bytes;
  static const lw_winograd_block blocks[WINOGRAD_VARIANTS] = {[1] = {1, 1}, [2] = {17, 3}};
  const lw_conv2d_desc *d = &a->desc;
  const int m = kit_winograd_tile(run->row->algorithm), r = (int)d->kh;
  float *w = kit_run_allocate(run, KIT_WEIGHTS, (size_t)lw_winograd_count(m, r, d->oc, d->ic) * sizeof *w);
  if (w) lw_pack_winograd(m, r, d->oc, d->ic, 0, (d->oc + LW_BLOCK - 1) / LW_BLOCK, run->t[W], w);
  a->w = w;
  if (l2_bytes == 0) l2_bytes = lw_topology_cache_bytes(2);
  a->block = run->variant ? blocks[run->variant] : lw_winograd_choose_block(m, d, a->oh, a->ow, run->row->isa, l2_bytes);
  a->scratch_stride = lw_winograd_scratch(m, d, a->block, 0);
}

/* `columns` must not read the halo of x, which stays NaN; for the others the padding in it is zero. */
static void prepare_packed(kit_run *run, lw_conv2d_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  const int columns = is(run->row, "columns");
  static const int64_t none[4] = {0};
  const int64_t pad[4] = {d->pad_top, d->pad_left, d->pad_bottom, d->pad_right};
  const int64_t wide[4] = {pad[0] + 1, pad[1] + 2, pad[2] + 1, pad[3] + 3}, out_halo[4] = {1, 2, 3, 1};
  const int64_t shrink = a->pool ? 2 : 1;
  const int64_t *halo = run->variant == WIDE_HALOS ? wide : columns ? none : pad;
  const int plain_x = !is_winograd(run->row) && (run->variant == PLAIN || (columns && run->variant == WIDE_HALOS));
  a->x = kit_view_allocate(run, KIT_IN, d->n, d->ic, d->ih, d->iw, plain_x ? 1 : LW_BLOCK, halo);
  a->y = kit_view_allocate(run, KIT_OUT, d->n, d->oc, a->oh / shrink, a->ow / shrink, columns ? 1 : LW_BLOCK,
                           run->variant == BLOCKED ? NULL : out_halo);
  a->bias = kit_pad_bias(run, d->oc, run->t[BIAS]);
  if (is_winograd(run->row)) {
    set_winograd(run, a);
  } else {
    a->w = kit_pack_weights(run, d->oc, d->ic * d->kh * d->kw, run->t[W]);
    a->scratch_stride = lw_conv2d_packed_scratch(run->row->algorithm, a);
  }
  a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  if (a->x.p) kit_view_fill(&a->x, d->n, d->ic, run->t[X], columns ? none : pad);
}

static void prepare_samples(kit_run *run, lw_conv2d_args *a) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t pad[4] = {d->pad_top, d->pad_left, d->pad_bottom, d->pad_right};
  const int64_t wide[4] = {pad[0] + 1, pad[1] + 2, pad[2] + 1, pad[3] + 3}, out_halo[4] = {1, 2, 3, 1};
  a->x = kit_samples_allocate(run, KIT_IN, d->n, d->ic, d->ih, d->iw, run->variant ? wide : pad);
  a->y = kit_samples_allocate(run, KIT_OUT, d->n, d->oc, a->oh, a->ow, run->variant ? out_halo : NULL);
  a->w = run->t[W];
  a->bias = run->t[BIAS];
  if (a->x.p) kit_samples_fill(run, &a->x, d->n, d->ic, run->t[X], pad);
}

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  lw_conv2d_args *a = &run->args[0].conv2d;
  *a = (lw_conv2d_args){.desc = c->of.conv2d, .relu = c->relu, .pool = c->pool};
  output(c, &a->oh, &a->ow);
  if (is_packed(run->row)) {
    prepare_packed(run, a);
    return;
  }
  if (is(run->row, "samples")) {
    prepare_samples(run, a);
    return;
  }
  a->x = lw_view_plain(run->t[X], a->desc.ic, a->desc.ih, a->desc.iw);
  a->y = lw_view_plain(run->t[Y], a->desc.oc, a->oh, a->ow);
  a->w = run->t[W];
  a->bias = run->t[BIAS];
  if (is(run->row, "im2col")) {
    a->scratch_stride = LW_IM2COL_SCRATCH;
    a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  }
}

static void collect(kit_run *run) {
  const lw_conv2d_args *a = &run->args[0].conv2d;
  if (is_packed(run->row)) kit_view_collect(run, &a->y, a->desc.n, a->desc.oc, run->t[Y]);
  if (is(run->row, "samples")) kit_samples_collect(run, &a->y, a->desc.n, a->desc.oc, run->t[Y]);
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_conv2d(context, &c->of.conv2d, t[X], t[W], t[BIAS], t[Y]);
}

static const kit_parameter parameters[] = {
    KIT_CONV2D_PARAMETERS, KIT_FLAG(bias, bias), KIT_FLAG(relu, relu), KIT_FLAG(pool, pool), {0}};

const kit_op kit_op_conv2d = {
    .op = LW_OP_conv2d,
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
