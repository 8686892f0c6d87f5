/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_, ih_, iw_, top_, left_, bottom_, right_, mode_)                                                             \
  .of.pad2d = {                                                                                                                  \
      .n = n_, .c = c_, .ih = ih_, .iw = iw_, .top = top_, .left = left_, .bottom = bottom_, .right = right_, .mode = mode_}
#define VALUE(v) .of.pad2d.value = v
#pragma GCC diagnostic ignored "-Woverride-init"

static const kit_case cases[] = {
    {"pixel", SHAPE(1, 1, 1, 1, 1, 1, 1, 1, LW_PAD_CONSTANT)},
    {"pixel-edge", SHAPE(1, 2, 1, 1, 3, 2, 1, 4, LW_PAD_EDGE)},
    {"pixel-reflect", SHAPE(1, 2, 1, 1, 0, 0, 0, 0, LW_PAD_REFLECT)},
    {"none", SHAPE(1, 2, 3, 5, 0, 0, 0, 0, LW_PAD_CONSTANT)},
    {"constant", SHAPE(2, 3, 4, 17, 1, 2, 3, 4, LW_PAD_CONSTANT), VALUE(-2.5f)},
    {"constant-minus-0", SHAPE(1, 1, 3, 5, 2, 1, 0, 3, LW_PAD_CONSTANT), VALUE(-0.0f)},
    {"constant-over-image", SHAPE(1, 1, 2, 3, 5, 7, 9, 20, LW_PAD_CONSTANT), VALUE(0x1p-149f)},
    {"edge", SHAPE(2, 3, 4, 16, 1, 2, 3, 4, LW_PAD_EDGE)},
    {"edge-over-image", SHAPE(1, 1, 2, 3, 5, 7, 9, 20, LW_PAD_EDGE)},
    {"reflect", SHAPE(2, 3, 6, 15, 1, 2, 3, 4, LW_PAD_REFLECT)},
    {"reflect-most", SHAPE(1, 2, 4, 9, 3, 8, 3, 8, LW_PAD_REFLECT)},
    {"reflect-2x2", SHAPE(1, 1, 2, 2, 1, 1, 1, 1, LW_PAD_REFLECT)},
    {"top", SHAPE(1, 1, 4, 5, 2, 0, 0, 0, LW_PAD_REFLECT)},
    {"left", SHAPE(1, 1, 4, 5, 0, 2, 0, 0, LW_PAD_REFLECT)},
    {"bottom", SHAPE(1, 1, 4, 5, 0, 0, 2, 0, LW_PAD_REFLECT)},
    {"right", SHAPE(1, 1, 4, 5, 0, 0, 0, 2, LW_PAD_REFLECT)},
    {"n0", SHAPE(0, 3, 4, 5, 1, 1, 1, 1, LW_PAD_EDGE)},
    {"mnist", SHAPE(2, 1, 28, 28, 2, 2, 2, 2, LW_PAD_CONSTANT)},
};

static void random_case(kit_random *r, kit_case *c) {
  lw_pad2d_desc *d = &c->of.pad2d;
  *d = (lw_pad2d_desc){.n = kit_between(r, 1, 3),
                       .c = kit_between(r, 1, 4),
                       .ih = kit_between(r, 1, 12),
                       .iw = kit_between(r, 1, 30),
                       .mode = (lw_pad_mode)kit_between(r, LW_PAD_CONSTANT, LW_PAD_REFLECT),
                       .value = (float)kit_uniform(r)};
  const int64_t high = d->mode == LW_PAD_REFLECT ? d->ih - 1 : 9, wide = d->mode == LW_PAD_REFLECT ? d->iw - 1 : 9;
  d->top = kit_between(r, 0, high);
  d->bottom = kit_between(r, 0, high);
  d->left = kit_between(r, 0, wide);
  d->right = kit_between(r, 0, wide);
}

static int64_t outputs(const kit_case *c) {
  const lw_pad2d_desc *d = &c->of.pad2d;
  return d->n * d->c * (d->top + d->ih + d->bottom) * (d->left + d->iw + d->right);
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_pad2d_desc *d = &c->of.pad2d;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, d->top + d->ih + d->bottom, d->left + d->iw + d->right)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_pad2d(&c->of.pad2d, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_pad2d(&c->of.pad2d, t[X], t[Y]); }
static double flops(const kit_case *c) { return (double)outputs(c); }
static void prepare(kit_run *run) { run->args[0].pad2d = (lw_pad2d_args){run->c->of.pad2d, run->t[X], run->t[Y]}; }
static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_pad2d(context, &c->of.pad2d, t[X], t[Y]);
}

static const char *const modes[] = {[LW_PAD_CONSTANT] = "constant", [LW_PAD_EDGE] = "edge", [LW_PAD_REFLECT] = "reflect"};
static const kit_parameter parameters[] = {KIT_SIZE(n, of.pad2d.n),
                                           KIT_SIZE(c, of.pad2d.c),
                                           KIT_SIZE(ih, of.pad2d.ih),
                                           KIT_SIZE(iw, of.pad2d.iw),
                                           KIT_SIZE(top, of.pad2d.top),
                                           KIT_SIZE(left, of.pad2d.left),
                                           KIT_SIZE(bottom, of.pad2d.bottom),
                                           KIT_SIZE(right, of.pad2d.right),
                                           KIT_CHOICE(mode, of.pad2d.mode, modes),
                                           KIT_REAL(value, of.pad2d.value),
                                           {0}};

const kit_op kit_op_pad2d = {
    .op = LW_OP_pad2d,
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
