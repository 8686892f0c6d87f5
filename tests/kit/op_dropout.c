/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/count_cases.h"

enum { X, Y };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { ref_dropout(c->of.count, t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_dropout(c->of.count, t[X], t[Y]); }

static void prepare(kit_run *run) { run->args[0].map = (lw_map_args){run->c->of.count, run->t[X], run->t[Y]}; }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_dropout(context, c->of.count, 0.5f, t[X], t[Y]);
}

const kit_op kit_op_dropout = {
    .op = LW_OP_dropout,
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
