/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/kit.h"

enum { X, Y };

#define COUNT(number)                                                                                                            \
  { .name = #number, .of.count = number }
static const kit_case cases[] = {
    COUNT(0),  COUNT(1),  COUNT(2),  COUNT(3),  COUNT(4),  COUNT(5),  COUNT(7),  COUNT(8),    COUNT(9),
    COUNT(15), COUNT(16), COUNT(17), COUNT(31), COUNT(32), COUNT(33), COUNT(97), COUNT(1000), COUNT(4704),
};

static void random_case(kit_random *r, kit_case *c) { c->of.count = kit_between(r, 1, 5000); }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_relu(c->of.count, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_relu(c->of.count, t[X], t[Y]); }
static double flops(const kit_case *c) { return (double)c->of.count; }

static void prepare(kit_run *run) { run->args[0].map = (lw_map_args){run->c->of.count, run->t[X], run->t[Y]}; }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_relu(context, c->of.count, t[X], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(count, of.count), {0}};

const kit_op kit_op_relu = {
    .op = LW_OP_relu,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .exact_on_integers = 1,
    .in_place = 1u << X,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
