/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/count_cases.h"

enum { A, B, Y };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[A] = (kit_tensor){"a", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[B] = (kit_tensor){"b", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_add(c->of.count, t[A], t[B], t[Y]); }
/* No bound: a sum of two floats, rounded to double and then to float, is rounded as once. */
static void ref64(const kit_case *c, void *const t[]) { ref64_add(c->of.count, t[A], t[B], t[Y]); }

static void prepare(kit_run *run) { run->args[0].add = (lw_add_args){run->c->of.count, run->t[A], run->t[B], run->t[Y]}; }

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_add(context, c->of.count, t[A], t[B], t[Y]);
}

const kit_op kit_op_add = {
    .op = LW_OP_add,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .exact_on_integers = 1,
    .in_place = 1u << A | 1u << B,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
