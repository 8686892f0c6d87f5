/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "tests/kit/pool2d_backward_cases.h"

enum { DY, DX };

static const kit_case cases[] = {PLAIN_CASES};

static void random_case(kit_random *r, kit_case *c) { random_shape(r, c, 1); }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, oh, ow)};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_avg_pool2d_backward(&c->of.pool2d, t[DY], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_avg_pool2d_backward(&c->of.pool2d, t[DY], t[DX]); }

/* Adds the terms of one window; each is off by a rounded division, in any order by a reciprocal that was refined once (2 ulp). */
static void add_window(const lw_pool2d_desc *d, int64_t oh, int64_t ow, double dy, kit_order order, kit_chain *chains) {
  const int64_t h = oh * d->stride_h - d->pad_h, w = ow * d->stride_w - d->pad_w;
  int64_t inside = 0, padded = 0;
  for (int64_t ih = h; ih < h + d->kh; ih++)
    for (int64_t iw = w; iw < w + d->kw; iw++) {
      padded += ih < d->ih + d->pad_h && iw < d->iw + d->pad_w;
      inside += ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
    }
  const double term = dy / (double)(d->count_include_pad ? padded : inside);
  const double error = (order == KIT_CHAIN ? KIT_U : 4 * KIT_U) * fabs(term) + 0x1p-149;
  for (int64_t ih = h < 0 ? 0 : h; ih < h + d->kh && ih < d->ih; ih++)
    for (int64_t iw = w < 0 ? 0 : w; iw < w + d->kw && iw < d->iw; iw++) {
      kit_chain *k = &chains[ih * d->iw + iw];
      k->running += error;
      kit_chain_fma(k, term, 1);
    }
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  const double *dy = t[DY];
  const int64_t in = d->ih * d->iw;
  int64_t oh_count, ow_count;
  output(c, &oh_count, &ow_count);
  kit_chain *chains = malloc((size_t)in * sizeof *chains);
  for (int64_t plane = 0; chains && plane < d->n * d->c; plane++, b += in) {
    for (int64_t i = 0; i < in; i++) chains[i] = kit_chain_start(0);
    for (int64_t o = 0; o < oh_count * ow_count; o++) add_window(d, o / ow_count, o % ow_count, *dy++, order, chains);
    for (int64_t i = 0; i < in; i++)
      b[i] = order == KIT_CHAIN ? kit_chain_bound(&chains[i], order)
                                : kit_chain_bound(&chains[i], order) + 4 * KIT_U * (1 + 1e-3) * chains[i].absolute;
  }
  free(chains);
}

static void prepare(kit_run *run) {
  lw_pool2d_backward_args *a = &run->args[0].pool2d_backward;
  *a = (lw_pool2d_backward_args){.desc = run->c->of.pool2d, .dy = run->t[DY], .dx = run->t[DX]};
  output(run->c, &a->oh, &a->ow);
  if (!is_blocked(run->row)) return;
  prepare_views(run, run->t[DY]);
}

static void collect(kit_run *run) { collect_view(run, run->t[DX]); }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_avg_pool2d_backward(context, &c->of.pool2d, t[DY], t[DX]);
}

const kit_op kit_op_avg_pool2d_backward = {
    .op = LW_OP_avg_pool2d_backward,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .flops = flops,
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
    .call = call,
};
