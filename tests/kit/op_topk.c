/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y, INDEX };

/* Integers are full of ties, among them +0 with -0; specials of NaN. */
#define SHAPE(n_, c_, k_) .of.rows = {.n = n_, .c = c_, .k = k_}
static const kit_case cases[] = {
    {"1x1-k1", SHAPE(1, 1, 1)},         {"1x2-k1", SHAPE(1, 2, 1)},     {"1x2-k2", SHAPE(1, 2, 2)},
    {"3x3-k2", SHAPE(3, 3, 2)},         {"5x7-k7", SHAPE(5, 7, 7)},     {"64x4-k3", SHAPE(64, 4, 3)},
    {"2x16-k5", SHAPE(2, 16, 5)},       {"2x17-k16", SHAPE(2, 17, 16)}, {"7x33-k4", SHAPE(7, 33, 4)},
    {"1x100-k100", SHAPE(1, 100, 100)}, {"n0", SHAPE(0, 10, 3)},        {"lenet5", SHAPE(8, 10, 3)},
    {"vgg16", SHAPE(2, 1000, 5)},       {"long", SHAPE(1, 20000, 10)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.rows.n = kit_between(r, 1, 9);
  c->of.rows.c = kit_between(r, 1, 300);
  c->of.rows.k = kit_between(r, 1, c->of.rows.c < 20 ? c->of.rows.c : 20);
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_2D(c->of.rows.n, c->of.rows.c)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_2D(c->of.rows.n, c->of.rows.k)};
  t[INDEX] = (kit_tensor){"index", KIT_OUT, KIT_I32, KIT_2D(c->of.rows.n, c->of.rows.k)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_topk(c->of.rows.n, c->of.rows.c, c->of.rows.k, t[X], t[Y], t[INDEX]); }
static void ref64(const kit_case *c, void *const t[]) {
  ref64_topk(c->of.rows.n, c->of.rows.c, c->of.rows.k, t[X], t[Y], t[INDEX]);
}
static double flops(const kit_case *c) { return (double)(c->of.rows.n * c->of.rows.c); }

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  run->args[0].topk = (lw_topk_args){c->of.rows.n, c->of.rows.c, c->of.rows.k, run->t[X], run->t[Y], run->t[INDEX]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_topk(context, c->of.rows.n, c->of.rows.c, c->of.rows.k, t[X], t[Y], t[INDEX]);
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.rows.n), KIT_SIZE(c, of.rows.c), KIT_SIZE(k, of.rows.k), {0}};

const kit_op kit_op_topk = {
    .op = LW_OP_topk,
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
