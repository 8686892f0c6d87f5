/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

enum { X, Y };

#define SHAPE(n_, h_, w_) .of.image = {.n = n_, .c = 3, .h = h_, .w = w_}
#define ROW(w_)                                                                                                                  \
  { "1x" #w_, SHAPE(1, 1, w_) }
static const kit_case cases[] = {
    /* widths */
    KIT_WIDTHS(ROW),
    /* planes, batches, images */
    {"5x1", SHAPE(1, 5, 1)},
    {"3x5", SHAPE(1, 3, 5)},
    {"4x4", SHAPE(1, 4, 4)},
    {"3x11", SHAPE(1, 3, 11)},
    {"7x13", SHAPE(1, 7, 13)},
    {"n0", SHAPE(0, 4, 5)},
    {"n3-3x5", SHAPE(3, 3, 5)},
    {"n2-4x8", SHAPE(2, 4, 8)},
    {"n5-1x1", SHAPE(5, 1, 1)},
    {"photo", SHAPE(1, 97, 131)},
    {"vgg16", SHAPE(1, 224, 224)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = kit_between(r, 1, 3);
  c->of.image.c = 3;
  c->of.image.h = kit_between(r, 1, 40);
  c->of.image.w = kit_between(r, 1, 40);
}

static int64_t count_of(const kit_case *c) { return c->of.image.n * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.image.n, 3, c->of.image.h, c->of.image.w), .range = 255};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(c->of.image.n, 1, c->of.image.h, c->of.image.w)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_grayscale(c->of.image.n, c->of.image.h, c->of.image.w, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) {
  ref64_grayscale(c->of.image.n, c->of.image.h, c->of.image.w, t[X], t[Y]);
}

/* A chain whose three weights were rounded to float before. */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const int64_t plane = c->of.image.h * c->of.image.w;
  for (int64_t n = 0; n < c->of.image.n; n++)
    for (int64_t i = 0; i < plane; i++) {
      const double *x = (const double *)t[X] + n * 3 * plane + i;
      kit_chain k = kit_chain_start(0);
      kit_chain_fma(&k, x[0], .299);
      kit_chain_fma(&k, x[plane], .587);
      kit_chain_fma(&k, x[2 * plane], .114);
      b[n * plane + i] = kit_chain_bound(&k, order) + (1 + 1e-6) * KIT_U * k.absolute;
    }
}

static double flops(const kit_case *c) { return (double)(3 * count_of(c)); }

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  run->args[0].grayscale = (lw_grayscale_args){c->of.image.n, c->of.image.h, c->of.image.w, run->t[X], run->t[Y]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_grayscale(context, c->of.image.n, c->of.image.h, c->of.image.w, t[X], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.image.n), KIT_SIZE(h, of.image.h), KIT_SIZE(w, of.image.w), {0}};

const kit_op kit_op_grayscale = {
    .op = LW_OP_grayscale,
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
