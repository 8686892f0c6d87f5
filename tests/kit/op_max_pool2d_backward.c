/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "tests/kit/pool2d_backward_cases.h"

enum { INDEX, DY, DX };

static const kit_case cases[] = {
    PLAIN_CASES,
    {"dilation-2", SHAPE(1, 18, 9, 21, 3, 1), DILATION(2, 2), PAD(1, 1)},
    {"dilation-3x1-s2", SHAPE(1, 18, 9, 21, 2, 2), DILATION(3, 1)},
    {"only-padding", SHAPE(1, 2, 2, 2, 2, 2), DILATION(4, 4), PAD(1, 1), CEIL},
};

static void random_case(kit_random *r, kit_case *c) { random_shape(r, c, 2); }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  t[INDEX] = (kit_tensor){"index", KIT_IN, KIT_I32, KIT_4D(d->n, d->c, oh, ow)};
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, oh, ow)};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  return 3;
}

/* Some position of the window, or -1 where none is inside, and now and then where one is. */
static int32_t some_index(const lw_pool2d_desc *d, kit_random *r, int64_t oh, int64_t ow) {
  const int64_t start = kit_between(r, 0, d->kh * d->kw - 1);
  if (kit_between(r, 0, 15) == 0) return -1;
  for (int64_t i = 0; i < d->kh * d->kw; i++) {
    const int64_t k = (start + i) % (d->kh * d->kw);
    const int64_t ih = oh * d->stride_h - d->pad_h + k / d->kw * d->dilation_h;
    const int64_t iw = ow * d->stride_w - d->pad_w + k % d->kw * d->dilation_w;
    if (ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw) return (int32_t)(ih * d->iw + iw);
  }
  return -1;
}

static void fill(const kit_case *c, kit_random *r, void *const t[]) {
  int32_t *index = t[INDEX];
  int64_t oh, ow;
  output(c, &oh, &ow);
  for (int64_t i = 0; i < c->of.pool2d.n * c->of.pool2d.c * oh * ow; i++)
    index[i] = some_index(&c->of.pool2d, r, i / ow % oh, i % ow);
}

static void ref(const kit_case *c, void *const t[]) { ref_max_pool2d_backward(&c->of.pool2d, t[INDEX], t[DY], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_max_pool2d_backward(&c->of.pool2d, t[INDEX], t[DY], t[DX]); }

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  const int32_t *index = t[INDEX];
  const double *dy = t[DY];
  const int64_t in = d->ih * d->iw;
  int64_t oh, ow;
  output(c, &oh, &ow);
  kit_chain *chains = malloc((size_t)in * sizeof *chains);
  for (int64_t plane = 0; chains && plane < d->n * d->c; plane++, b += in) {
    for (int64_t i = 0; i < in; i++) chains[i] = kit_chain_start(0);
    for (int64_t o = 0; o < oh * ow; o++, index++, dy++)
      if (*index >= 0) kit_chain_fma(&chains[*index], *dy, 1);
    for (int64_t i = 0; i < in; i++) b[i] = kit_chain_bound(&chains[i], order);
  }
  free(chains);
}

static void prepare(kit_run *run) {
  lw_pool2d_backward_args *a = &run->args[0].pool2d_backward;
  *a = (lw_pool2d_backward_args){.desc = run->c->of.pool2d, .index = run->t[INDEX], .dy = run->t[DY], .dx = run->t[DX]};
  output(run->c, &a->oh, &a->ow);
  if (!is_blocked(run->row)) return;
  prepare_views(run, run->t[DY]);
  const lw_pool2d_desc *d = &a->desc;
  const lw_view index = kit_view_allocate(run, KIT_IN, d->n, d->c, a->oh, a->ow, LW_BLOCK, NULL);
  if (index.p) kit_view_fill(&index, d->n, d->c, run->t[INDEX], NULL);
  a->index = (const int32_t *)(const void *)index.p;
}

static void collect(kit_run *run) { collect_view(run, run->t[DX]); }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_max_pool2d_backward(context, &c->of.pool2d, t[INDEX], t[DY], t[DX]);
}

const kit_op kit_op_max_pool2d_backward = {
    .op = LW_OP_max_pool2d_backward,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .fill = fill,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .exact_on_integers = 1,
    .flops = flops,
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
    .call = call,
};
