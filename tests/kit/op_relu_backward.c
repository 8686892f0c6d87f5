/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/count_cases.h"

enum { Y, DY, DX };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[Y] = (kit_tensor){"y", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_relu_backward(c->of.count, t[Y], t[DY], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_relu_backward(c->of.count, t[Y], t[DY], t[DX]); }

static void prepare(kit_run *run) {
  run->args[0].map_backward = (lw_map_backward_args){run->c->of.count, run->t[Y], run->t[DY], run->t[DX]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_relu_backward(context, c->of.count, t[Y], t[DY], t[DX]);
}

const kit_op kit_op_relu_backward = {
    .op = LW_OP_relu_backward,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .exact_on_integers = 1,
    .in_place = 1u << Y | 1u << DY,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
