/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

#include "ref/resize_bilinear.h"

enum { X, Y };

#define SHAPE(n_, c_, ih_, iw_, oh_, ow_) .of.resize = {.n = n_, .c = c_, .ih = ih_, .iw = iw_, .oh = oh_, .ow = ow_}
#define ALIAS(n_, c_, ih_, iw_, oh_, ow_)                                                                                        \
  .of.resize = {.n = n_, .c = c_, .ih = ih_, .iw = iw_, .oh = oh_, .ow = ow_, .antialias = 1}
/* Each without and with antialias. */
#define BOTH(name, ...)                                                                                                          \
  {name, SHAPE(__VA_ARGS__)}, { name "-antialias", ALIAS(__VA_ARGS__) }
#define WIDTH(w_) BOTH("20-to-" #w_, 1, 1, 4, 20, 3, w_)

static const kit_case cases[] = {
    /* shrinking and growing */
    KIT_WIDTHS(WIDTH),
    /* widths around vectors of 4, 8 and 16 lanes and around four of them */
    BOTH("w1", 1, 1, 2, 3, 3, 1),
    BOTH("w2", 1, 2, 3, 5, 2, 2),
    BOTH("w3", 1, 1, 3, 2, 4, 3),
    BOTH("w4", 1, 1, 5, 9, 2, 4),
    BOTH("w5", 1, 2, 3, 4, 5, 5),
    BOTH("w7", 1, 1, 4, 20, 3, 7),
    BOTH("w8", 1, 1, 3, 3, 3, 8),
    BOTH("w9", 1, 1, 6, 31, 4, 9),
    BOTH("w15", 1, 1, 4, 40, 5, 15),
    BOTH("w16", 1, 2, 5, 11, 4, 16),
    BOTH("w17", 1, 1, 4, 33, 3, 17),
    BOTH("w31", 1, 1, 3, 17, 4, 31),
    BOTH("w32", 1, 1, 3, 64, 2, 32),
    BOTH("w33", 1, 1, 5, 70, 3, 33),
    BOTH("w63", 1, 1, 3, 100, 2, 63),
    BOTH("w64", 1, 1, 3, 65, 4, 64),
    BOTH("w67", 1, 1, 4, 50, 3, 67),
    BOTH("w131", 1, 1, 4, 200, 3, 131),
    /* scales: none, whole, to and from one pixel, one axis, up and down */
    BOTH("same", 1, 2, 5, 19, 5, 19),
    BOTH("pixel", 1, 1, 1, 1, 1, 1),
    BOTH("to-pixel", 2, 2, 7, 9, 1, 1),
    BOTH("from-pixel", 1, 3, 1, 1, 4, 18),
    BOTH("twice", 1, 2, 5, 10, 10, 20),
    BOTH("half", 1, 2, 10, 36, 5, 18),
    BOTH("third", 1, 1, 9, 51, 3, 17),
    BOTH("ten-times", 1, 1, 3, 4, 30, 40),
    BOTH("tenth", 1, 1, 60, 170, 6, 17),
    BOTH("up-and-down", 1, 2, 4, 60, 11, 23),
    BOTH("down-and-up", 1, 2, 31, 7, 5, 40),
    BOTH("rows-only", 1, 1, 30, 20, 7, 20),
    BOTH("columns-only", 1, 1, 6, 90, 6, 21),
    BOTH("row", 1, 2, 1, 50, 1, 19),
    BOTH("column", 1, 2, 50, 1, 19, 1),
    BOTH("prime", 1, 1, 37, 53, 17, 29),
    BOTH("almost-same", 1, 1, 41, 43, 40, 42),
    /* rows that no output reads */
    BOTH("skip-rows", 1, 2, 97, 20, 5, 18),
    /* batches, images */
    BOTH("n0", 0, 3, 5, 5, 3, 3),
    BOTH("n3", 3, 2, 6, 21, 4, 18),
    BOTH("mnist", 2, 1, 20, 20, 28, 28),
    BOTH("photo", 1, 3, 75, 100, 56, 56),
    BOTH("vgg16", 1, 3, 480, 640, 256, 341),
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.resize = (lw_resize_desc){.n = kit_between(r, 1, 2),
                                  .c = kit_between(r, 1, 3),
                                  .ih = kit_between(r, 1, 30),
                                  .iw = kit_between(r, 1, 90),
                                  .oh = kit_between(r, 1, 30),
                                  .ow = kit_between(r, 1, 90),
                                  .antialias = (int)kit_between(r, 0, 1)};
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_resize_desc *d = &c->of.resize;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, d->oh, d->ow)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_resize_bilinear(&c->of.resize, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_resize_bilinear(&c->of.resize, t[X], t[Y]); }

/* What one axis adds to the error, in units of u times the largest |x|. Without antialias: the difference of two values below m,
 * the rounding of t, each times t or 1-t below 1, and the result: 2 + 2 + 1. With: every weight is rounded once and goes through
 * at most `taps` roundings of the sum; weights are positive with sum 1. In any order products are rounded too. */
static double roundings(resize_axis axis, int antialias, int64_t o, kit_order order) {
  int64_t first, taps;
  if (!antialias) return order == KIT_CHAIN ? 5 : 7;
  resize_reach(axis, o, &first, &taps);
  return (double)taps + (order == KIT_CHAIN ? 1 : 2);
}

/* An axis averages the errors of what it reads and adds its own; values stay below m up to (1 + u)^roundings. 1e-3: that, and
 * the double positions, whose error of some 2^-51 * iw may also move a tap of weight 0 in or out. */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_resize_desc *d = &c->of.resize;
  const double *x = t[X];
  for (int64_t plane = 0; plane < d->n * d->c; plane++, x += d->ih * d->iw) {
    double m = 0;
    for (int64_t i = 0; i < d->ih * d->iw; i++) m = fmax(m, fabs(x[i]));
    for (int64_t oh = 0; oh < d->oh; oh++)
      for (int64_t ow = 0; ow < d->ow; ow++) {
        const double down = roundings((resize_axis){d->ih, d->oh}, d->antialias, oh, order);
        const double across = roundings((resize_axis){d->iw, d->ow}, d->antialias, ow, order);
        *b++ = (1 + 1e-3) * (down + across) * (KIT_U * m + 0x1p-149);
      }
  }
}

/* Multiply-adds of the two passes; a row is resized once. */
static double flops(const kit_case *c) {
  const lw_resize_desc *d = &c->of.resize;
  const lw_resize_tables t = lw_resize_tables_size(d);
  return 2 * (double)(d->n * d->c * d->ow) * (double)(d->ih * t.taps + d->oh * t.row_taps);
}

static void prepare(kit_run *run) {
  lw_resize_bilinear_args *a = &run->args[0].resize_bilinear;
  *a = (lw_resize_bilinear_args){.desc = run->c->of.resize, .x = run->t[X], .y = run->t[Y]};
  if (!lw_isa_is_simd(run->row->isa)) return;
  a->tables = lw_resize_tables_size(&a->desc);
  char *memory = kit_run_allocate(run, KIT_WEIGHTS, a->tables.bytes);
  a->scratch_stride = lw_resize_scratch(&a->tables);
  a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  if (memory) lw_resize_tables_fill(&a->tables, &a->desc, memory);
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_resize_bilinear(context, &c->of.resize, t[X], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.resize.n),
                                           KIT_SIZE(c, of.resize.c),
                                           KIT_SIZE(ih, of.resize.ih),
                                           KIT_SIZE(iw, of.resize.iw),
                                           KIT_SIZE(oh, of.resize.oh),
                                           KIT_SIZE(ow, of.resize.ow),
                                           KIT_FLAG(antialias, of.resize.antialias),
                                           {0}};

const kit_op kit_op_resize_bilinear = {
    .op = LW_OP_resize_bilinear,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
