/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/count_cases.h"
#include "tests/kit/rounded.h"

enum { Y, DY, DX };

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[Y] = (kit_tensor){"y", KIT_IN, KIT_F32, KIT_1D(c->of.count)};
  t[DY] = (kit_tensor){"dy", KIT_IN, KIT_F32, KIT_1D(c->of.count), .range = 4};
  t[DX] = (kit_tensor){"dx", KIT_OUT, KIT_F32, KIT_1D(c->of.count)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_tanh_backward(c->of.count, t[Y], t[DY], t[DX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_tanh_backward(c->of.count, t[Y], t[DY], t[DX]); }

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const double *y = t[Y], *dy = t[DY];
  for (int64_t i = 0; i < c->of.count; i++) {
    const rounded slope = rounded_fma(rounded_exact(-y[i]), rounded_exact(y[i]), rounded_exact(1), order);
    b[i] = rounded_bound(rounded_multiply(rounded_exact(dy[i]), slope, order));
  }
}

static void prepare(kit_run *run) {
  run->args[0].map_backward = (lw_map_backward_args){run->c->of.count, run->t[Y], run->t[DY], run->t[DX]};
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_tanh_backward(context, c->of.count, t[Y], t[DY], t[DX]);
}

const kit_op kit_op_tanh_backward = {
    .op = LW_OP_tanh_backward,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .exact_on_integers = 1,
    .in_place = 1u << Y | 1u << DY,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
