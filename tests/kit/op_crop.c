/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_, ih_, iw_, top_, left_, oh_, ow_)                                                                           \
  .of.crop = {.n = n_, .c = c_, .ih = ih_, .iw = iw_, .top = top_, .left = left_, .oh = oh_, .ow = ow_}
static const kit_case cases[] = {
    {"pixel", SHAPE(1, 1, 1, 1, 0, 0, 1, 1)},
    {"all", SHAPE(2, 3, 4, 5, 0, 0, 4, 5)},
    {"first-pixel", SHAPE(1, 2, 5, 7, 0, 0, 1, 1)},
    {"last-pixel", SHAPE(1, 2, 5, 7, 4, 6, 1, 1)},
    {"row", SHAPE(1, 2, 5, 17, 3, 0, 1, 17)},
    {"column", SHAPE(1, 2, 17, 5, 0, 2, 17, 1)},
    {"middle", SHAPE(2, 3, 9, 21, 2, 3, 5, 16)},
    {"bottom-right", SHAPE(1, 4, 8, 35, 3, 2, 5, 33)},
    {"n0", SHAPE(0, 3, 5, 5, 1, 1, 3, 3)},
    {"n7", SHAPE(7, 1, 3, 4, 1, 1, 2, 2)},
    {"centre-56", SHAPE(1, 3, 64, 97, 4, 20, 56, 56)},
    {"vgg16", SHAPE(1, 3, 256, 341, 16, 58, 224, 224)},
};

static void random_case(kit_random *r, kit_case *c) {
  lw_crop_desc *d = &c->of.crop;
  *d = (lw_crop_desc){
      .n = kit_between(r, 1, 3), .c = kit_between(r, 1, 4), .ih = kit_between(r, 1, 20), .iw = kit_between(r, 1, 40)};
  d->oh = kit_between(r, 1, d->ih);
  d->ow = kit_between(r, 1, d->iw);
  d->top = kit_between(r, 0, d->ih - d->oh);
  d->left = kit_between(r, 0, d->iw - d->ow);
}

static int64_t outputs(const kit_case *c) { return c->of.crop.n * c->of.crop.c * c->of.crop.oh * c->of.crop.ow; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_crop_desc *d = &c->of.crop;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, d->oh, d->ow)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_crop(&c->of.crop, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_crop(&c->of.crop, t[X], t[Y]); }
static double flops(const kit_case *c) { return (double)outputs(c); }
static void prepare(kit_run *run) { run->args[0].crop = (lw_crop_args){run->c->of.crop, run->t[X], run->t[Y]}; }
static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_crop(context, &c->of.crop, t[X], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.crop.n),   KIT_SIZE(c, of.crop.c),     KIT_SIZE(ih, of.crop.ih),
                                           KIT_SIZE(iw, of.crop.iw), KIT_SIZE(top, of.crop.top), KIT_SIZE(left, of.crop.left),
                                           KIT_SIZE(oh, of.crop.oh), KIT_SIZE(ow, of.crop.ow),   {0}};

const kit_op kit_op_crop = {
    .op = LW_OP_crop,
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
