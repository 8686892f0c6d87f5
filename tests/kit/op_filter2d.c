/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

enum { X, KERNEL, Y };

#define SHAPE(n_, c_, h_, w_, kh_, kw_) .of.filter2d = {.n = n_, .c = c_, .h = h_, .w = w_, .kh = kh_, .kw = kw_}
#define SAME(n_, c_, h_, w_, kh_, kw_)  .of.filter2d = {.n = n_, .c = c_, .h = h_, .w = w_, .kh = kh_, .kw = kw_, .same = 1}
#define VALID_AND_SAME(name, ...)                                                                                                \
  {name, SHAPE(__VA_ARGS__)}, { name "-same", SAME(__VA_ARGS__) }
#define WIDTH(w_) VALID_AND_SAME("w" #w_, 1, 1, 4, w_, 3, 3)

static const kit_case cases[] = {
    /* with columns at the borders and without (valid is 2 narrower); then four vectors at once */
    {"w1-same", SAME(1, 1, 3, 1, 3, 3)},
    {"w2-same", SAME(1, 1, 3, 2, 3, 3)},
    KIT_WIDTHS_FROM_3(WIDTH),
    WIDTH(34),
    WIDTH(35),
    VALID_AND_SAME("w66", 1, 1, 4, 66, 3, 3),
    VALID_AND_SAME("w67", 1, 1, 4, 67, 3, 3),
    VALID_AND_SAME("w83", 1, 1, 3, 83, 3, 3),
    VALID_AND_SAME("w135", 1, 1, 3, 135, 3, 3),
    /* kernels */
    VALID_AND_SAME("k1", 1, 2, 5, 21, 1, 1),
    VALID_AND_SAME("k5", 1, 2, 7, 40, 5, 5),
    VALID_AND_SAME("k1x9", 1, 1, 4, 75, 1, 9),
    VALID_AND_SAME("k9x1", 1, 1, 12, 21, 9, 1),
    VALID_AND_SAME("k7x3", 1, 1, 9, 37, 7, 3),
    VALID_AND_SAME("k-is-image", 1, 2, 5, 7, 5, 7),
    {"k-over-image", SAME(1, 2, 2, 3, 5, 7)},
    {"k-wider-than-image", SAME(1, 1, 20, 4, 3, 11)},
    {"k-taller-than-image", SAME(1, 1, 2, 40, 9, 3)},
    {"k-over-pixel", SAME(1, 3, 1, 1, 3, 3)},
    {"pixel", SHAPE(1, 1, 1, 1, 1, 1)},
    {"row", SAME(1, 1, 1, 50, 3, 3)},
    {"column", SAME(1, 1, 50, 1, 3, 3)},
    /* batches, images */
    {"n0", SHAPE(0, 3, 5, 5, 3, 3)},
    VALID_AND_SAME("n3", 3, 2, 5, 23, 3, 3),
    VALID_AND_SAME("mnist", 2, 1, 28, 28, 3, 3),
    {"photo", SAME(1, 3, 97, 131, 3, 3)},
    {"photo-k7", SAME(1, 1, 97, 131, 7, 7)},
};

static int64_t rows_of(const lw_filter2d_desc *d) { return d->same ? d->h : d->h - d->kh + 1; }
static int64_t columns_of(const lw_filter2d_desc *d) { return d->same ? d->w : d->w - d->kw + 1; }

static void random_case(kit_random *r, kit_case *c) {
  do
    c->of.filter2d = (lw_filter2d_desc){.n = kit_between(r, 1, 2),
                                        .c = kit_between(r, 1, 3),
                                        .h = kit_between(r, 1, 12),
                                        .w = kit_between(r, 1, 90),
                                        .kh = 2 * kit_between(r, 0, 3) + 1,
                                        .kw = 2 * kit_between(r, 0, 4) + 1,
                                        .same = (int)kit_between(r, 0, 1)};
  while (rows_of(&c->of.filter2d) < 1 || columns_of(&c->of.filter2d) < 1);
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_filter2d_desc *d = &c->of.filter2d;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, d->h, d->w)};
  t[KERNEL] = (kit_tensor){"kernel", KIT_WEIGHTS, KIT_F32, KIT_2D(d->kh, d->kw)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, rows_of(d), columns_of(d))};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_filter2d(&c->of.filter2d, t[KERNEL], t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_filter2d(&c->of.filter2d, t[KERNEL], t[X], t[Y]); }

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_filter2d_desc *d = &c->of.filter2d;
  const double *x = t[X], *kernel = t[KERNEL];
  const int64_t top = d->same ? d->kh / 2 : 0, left = d->same ? d->kw / 2 : 0;
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < rows_of(d); oh++)
      for (int64_t ow = 0; ow < columns_of(d); ow++) {
        kit_chain k = kit_chain_start(0);
        for (int64_t i = 0; i < d->kh; i++)
          for (int64_t j = 0; j < d->kw; j++) {
            const int64_t h = oh + i - top, w = ow + j - left;
            if (h >= 0 && h < d->h && w >= 0 && w < d->w)
              kit_chain_fma(&k, x[(plane * d->h + h) * d->w + w], kernel[i * d->kw + j]);
          }
        *b++ = kit_chain_bound(&k, order);
      }
}

static double flops(const kit_case *c) {
  const lw_filter2d_desc *d = &c->of.filter2d;
  return 2 * (double)(d->n * d->c * rows_of(d) * columns_of(d)) * (double)(d->kh * d->kw);
}

static void prepare(kit_run *run) {
  run->args[0].filter2d = (lw_filter2d_args){run->c->of.filter2d, run->t[KERNEL], run->t[X], run->t[Y]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_filter2d(context, &c->of.filter2d, t[KERNEL], t[X], t[Y]);
}

static const kit_parameter parameters[] = {
    KIT_SIZE(n, of.filter2d.n),   KIT_SIZE(c, of.filter2d.c),   KIT_SIZE(h, of.filter2d.h),       KIT_SIZE(w, of.filter2d.w),
    KIT_SIZE(kh, of.filter2d.kh), KIT_SIZE(kw, of.filter2d.kw), KIT_FLAG(same, of.filter2d.same), {0}};

const kit_op kit_op_filter2d = {
    .op = LW_OP_filter2d,
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
    .prepare = prepare,
    .call = call,
};
