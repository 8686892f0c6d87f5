/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { U, Y };

#define SHAPE(c_, h_, w_) .of.image = {.n = 1, .c = c_, .h = h_, .w = w_}
static const kit_case cases[] = {
    {"1x1x1", SHAPE(1, 1, 1)},    {"3x1x1", SHAPE(3, 1, 1)},     {"1x1x17", SHAPE(1, 1, 17)}, {"1x17x1", SHAPE(1, 17, 1)},
    {"2x3x5", SHAPE(2, 3, 5)},    {"3x5x7", SHAPE(3, 5, 7)},     {"3x4x16", SHAPE(3, 4, 16)}, {"3x4x33", SHAPE(3, 4, 33)},
    {"4x6x15", SHAPE(4, 6, 15)},  {"17x3x3", SHAPE(17, 3, 3)},   {"mnist", SHAPE(1, 28, 28)}, {"cifar", SHAPE(3, 32, 32)},
    {"photo", SHAPE(3, 97, 131)}, {"vgg16", SHAPE(3, 480, 640)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = 1;
  c->of.image.c = kit_between(r, 1, 5);
  c->of.image.h = kit_between(r, 1, 40);
  c->of.image.w = kit_between(r, 1, 40);
}

static int64_t count_of(const kit_case *c) { return c->of.image.c * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[U] = (kit_tensor){"u", KIT_IN, KIT_U8, KIT_3D(c->of.image.h, c->of.image.w, c->of.image.c)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_3D(c->of.image.c, c->of.image.h, c->of.image.w)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_u8_to_f32(c->of.image.c, c->of.image.h, c->of.image.w, t[U], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) {
  ref64_u8_to_f32(c->of.image.c, c->of.image.h, c->of.image.w, t[U], t[Y]);
}
static double flops(const kit_case *c) { return (double)count_of(c); }

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  run->args[0].u8_to_f32 = (lw_u8_to_f32_args){c->of.image.c, c->of.image.h, c->of.image.w, run->t[U], run->t[Y]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_u8_to_f32(context, c->of.image.c, c->of.image.h, c->of.image.w, t[U], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(c, of.image.c), KIT_SIZE(h, of.image.h), KIT_SIZE(w, of.image.w), {0}};

const kit_op kit_op_u8_to_f32 = {
    .op = LW_OP_u8_to_f32,
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
