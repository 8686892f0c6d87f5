/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_, h_, w_, horizontal_, vertical_)                                                                            \
  .of.image = {.n = n_, .c = c_, .h = h_, .w = w_, .horizontal = horizontal_, .vertical = vertical_}
static const kit_case cases[] = {
    {"pixel", SHAPE(1, 1, 1, 1, 1, 1)},       {"neither", SHAPE(1, 2, 3, 5, 0, 0)},
    {"horizontal", SHAPE(1, 2, 3, 17, 1, 0)}, {"vertical", SHAPE(1, 2, 5, 16, 0, 1)},
    {"both", SHAPE(1, 3, 4, 33, 1, 1)},       {"row", SHAPE(1, 1, 1, 9, 1, 1)},
    {"column", SHAPE(1, 1, 9, 1, 1, 1)},      {"n0", SHAPE(0, 3, 4, 5, 1, 0)},
    {"n3", SHAPE(3, 2, 4, 7, 1, 0)},          {"not-one-is-true", SHAPE(1, 2, 4, 7, 2, -1)},
    {"cifar", SHAPE(2, 3, 32, 32, 1, 0)},     {"vgg16", SHAPE(1, 3, 224, 224, 1, 0)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = kit_between(r, 1, 3);
  c->of.image.c = kit_between(r, 1, 4);
  c->of.image.h = kit_between(r, 1, 20);
  c->of.image.w = kit_between(r, 1, 40);
  c->of.image.horizontal = (int)kit_between(r, 0, 1);
  c->of.image.vertical = (int)kit_between(r, 0, 1);
}

static int64_t count_of(const kit_case *c) { return c->of.image.n * c->of.image.c * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  return 2;
}

#define IMAGE(k)                                                                                                                 \
  (k)->of.image.n, (k)->of.image.c, (k)->of.image.h, (k)->of.image.w, (k)->of.image.horizontal, (k)->of.image.vertical
static void ref(const kit_case *c, void *const t[]) { ref_flip(IMAGE(c), t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_flip(IMAGE(c), t[X], t[Y]); }
static double flops(const kit_case *c) { return (double)count_of(c); }
static void prepare(kit_run *run) { run->args[0].flip = (lw_flip_args){IMAGE(run->c), run->t[X], run->t[Y]}; }
static lw_status call(lw_context *context, const kit_case *c, void *const t[]) { return lw_flip(context, IMAGE(c), t[X], t[Y]); }

static const kit_parameter parameters[] = {KIT_SIZE(n, of.image.n),
                                           KIT_SIZE(c, of.image.c),
                                           KIT_SIZE(h, of.image.h),
                                           KIT_SIZE(w, of.image.w),
                                           KIT_FLAG(horizontal, of.image.horizontal),
                                           KIT_FLAG(vertical, of.image.vertical),
                                           {0}};

const kit_op kit_op_flip = {
    .op = LW_OP_flip,
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
