/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

enum { X, MEAN, STD, Y };

#define SHAPE(n_, c_, h_, w_) .of.image = {.n = n_, .c = c_, .h = h_, .w = w_}
#define BOTH                  .mean = 1, .std = 1
#define ROW(w_)                                                                                                                  \
  { "2x1x" #w_, SHAPE(1, 2, 1, w_), BOTH }
static const kit_case cases[] = {
    /* widths */
    KIT_WIDTHS(ROW),
    /* mean and std come and go */
    {"1x1x1", SHAPE(1, 1, 1, 1), BOTH},
    {"1x1x1-neither", SHAPE(1, 1, 1, 1)},
    {"3x1x3-mean", SHAPE(1, 3, 1, 3), .mean = 1},
    {"3x2x2-std", SHAPE(1, 3, 2, 2), .std = 1},
    {"3x1x5", SHAPE(1, 3, 1, 5), BOTH},
    {"2x1x7-neither", SHAPE(1, 2, 1, 7)},
    {"2x2x4-mean", SHAPE(1, 2, 2, 4), .mean = 1},
    {"3x3x3-std", SHAPE(1, 3, 3, 3), .std = 1},
    {"3x3x5", SHAPE(1, 3, 3, 5), BOTH},
    {"3x4x4-neither", SHAPE(1, 3, 4, 4)},
    {"3x1x17-mean", SHAPE(1, 3, 1, 17), .mean = 1},
    {"3x1x31-std", SHAPE(1, 3, 1, 31), .std = 1},
    {"3x2x16", SHAPE(1, 3, 2, 16), BOTH},
    {"17x3x11", SHAPE(1, 17, 3, 11), BOTH},
    /* batches, images */
    {"n0", SHAPE(0, 3, 4, 5), BOTH},
    {"n3-3x3x5", SHAPE(3, 3, 3, 5), BOTH},
    {"n2-2x4x9-neither", SHAPE(2, 2, 4, 9)},
    {"mnist", SHAPE(2, 1, 28, 28), BOTH},
    {"photo", SHAPE(1, 3, 97, 131), BOTH},
    {"vgg16", SHAPE(1, 3, 224, 224), BOTH},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = kit_between(r, 1, 3);
  c->of.image.c = kit_between(r, 1, 5);
  c->of.image.h = kit_between(r, 1, 30);
  c->of.image.w = kit_between(r, 1, 30);
  c->mean = (int)kit_between(r, 0, 1);
  c->std = (int)kit_between(r, 0, 1);
}

static int64_t count_of(const kit_case *c) { return c->of.image.n * c->of.image.c * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w), .range = 255};
  t[MEAN] = (kit_tensor){c->mean ? "mean" : NULL, KIT_IN, KIT_F32, KIT_1D(c->of.image.c)};
  t[STD] = (kit_tensor){c->std ? "std" : NULL, KIT_IN, KIT_F32, KIT_1D(c->of.image.c), .positive = 1};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  return 4;
}

static void ref(const kit_case *c, void *const t[]) {
  ref_normalize(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w, t[MEAN], t[STD], t[X], t[Y]);
}
static void ref64(const kit_case *c, void *const t[]) {
  ref64_normalize(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w, t[MEAN], t[STD], t[X], t[Y]);
}

/* Three roundings in a row; in any order a division may be a product with a reciprocal that was refined once (2 ulp). */
static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const double *x = t[X], *means = t[MEAN], *stds = t[STD], *y = t[Y], division = order == KIT_CHAIN ? KIT_U : 4 * KIT_U;
  const int64_t plane = c->of.image.h * c->of.image.w;
  for (int64_t i = 0; i < count_of(c); i++) {
    const int64_t channel = i / plane % c->of.image.c;
    const double std = stds ? stds[channel] : 1, centred = x[i] / 255 - (means ? means[channel] : 0);
    const double quotient_error = division * fabs(x[i] / 255) + 0x1p-149;
    const double error = (quotient_error + (means ? KIT_U * (fabs(centred) + quotient_error) : 0)) / std;
    b[i] = (1 + 1e-6) * (error + (stds ? division * (fabs(y[i]) + error) + 0x1p-149 : 0));
  }
}

static double flops(const kit_case *c) { return (double)(3 * count_of(c)); }

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  run->args[0].normalize = (lw_normalize_args){c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w,
                                               run->t[MEAN],  run->t[STD],   run->t[X],     run->t[Y]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_normalize(context, c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w, t[MEAN], t[STD], t[X], t[Y]);
}

static const kit_parameter parameters[] = {
    KIT_SIZE(n, of.image.n), KIT_SIZE(c, of.image.c), KIT_SIZE(h, of.image.h), KIT_SIZE(w, of.image.w), {0}};

const kit_op kit_op_normalize = {
    .op = LW_OP_normalize,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .in_place = 1u << X,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
