/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_, h_, w_) .of.image = {.n = n_, .c = c_, .h = h_, .w = w_}
static const kit_case cases[] = {
    {"1x1x1x1", SHAPE(1, 1, 1, 1)}, {"1x3x1x1", SHAPE(1, 3, 1, 1)},   {"1x1x1x7", SHAPE(1, 1, 1, 7)},
    {"2x3x4x5", SHAPE(2, 3, 4, 5)}, {"5x1x3x11", SHAPE(5, 1, 3, 11)}, {"n0", SHAPE(0, 3, 4, 5)},
    {"lenet5", SHAPE(1, 16, 5, 5)}, {"net", SHAPE(2, 128, 5, 5)},     {"vgg16", SHAPE(1, 512, 7, 7)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = kit_between(r, 1, 3);
  c->of.image.c = kit_between(r, 1, 20);
  c->of.image.h = kit_between(r, 1, 9);
  c->of.image.w = kit_between(r, 1, 9);
}

static int64_t count_of(const kit_case *c) { return c->of.image.n * c->of.image.c * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_2D(c->of.image.n, c->of.image.c * c->of.image.h * c->of.image.w)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_flatten(count_of(c), t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_flatten(count_of(c), t[X], t[Y]); }
static double flops(const kit_case *c) { return (double)count_of(c); }

static void prepare(kit_run *run) { run->args[0].map = (lw_map_args){count_of(run->c), run->t[X], run->t[Y]}; }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_flatten(context, c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w, t[X], t[Y]);
}

static const kit_parameter parameters[] = {
    KIT_SIZE(n, of.image.n), KIT_SIZE(c, of.image.c), KIT_SIZE(h, of.image.h), KIT_SIZE(w, of.image.w), {0}};

const kit_op kit_op_flatten = {
    .op = LW_OP_flatten,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .exact_on_integers = 1,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
