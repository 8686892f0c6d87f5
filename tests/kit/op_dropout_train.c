/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/rounded.h"

enum { X, Y };

/* Counts around vectors, and around the 4*VL elements of VL Philox blocks. */
#define DROPOUT(count_, p, seed_, stream_)                                                                                       \
  {                                                                                                                              \
    .name = #count_ "-p" #p, .of.dropout = {.count = count_, .seed = seed_, .stream = stream_, .probability = p##f }             \
  }
static const kit_case cases[] = {
    DROPOUT(0, 0.5, 1, 0),
    DROPOUT(1, 0.5, 1, 0),
    DROPOUT(2, 0.5, 2, 1),
    DROPOUT(3, 0.25, 3, 2),
    DROPOUT(4, 0.5, 4, 3),
    DROPOUT(5, 0.75, 5, 4),
    DROPOUT(7, 0.5, 6, 5),
    DROPOUT(8, 0.5, 7, 6),
    DROPOUT(9, 0.1, 8, 7),
    DROPOUT(15, 0.5, 9, 8),
    DROPOUT(16, 0.9, 10, 9),
    DROPOUT(17, 0.5, 11, 10),
    DROPOUT(31, 0.5, 12, 11),
    DROPOUT(32, 0.3, 13, 12),
    DROPOUT(33, 0.5, 14, 13),
    DROPOUT(47, 0.5, 15, 14),
    DROPOUT(63, 0.5, 16, 15),
    DROPOUT(64, 0.2, 17, 16),
    DROPOUT(65, 0.5, 18, 17),
    DROPOUT(97, 0.0, 19, 18),
    DROPOUT(127, 1.0, 20, 19),
    DROPOUT(129, 0.5, 21, -1),
    DROPOUT(1000, 0.5, -1, 20),
    DROPOUT(4096, 0.5, 22, INT64_C(1) << 40),
    DROPOUT(4704, 0.4, INT64_C(0x123456789abcdef), 21),
    {.name = "vgg16-dropout-b4", .of.dropout = {INT64_C(4) * 4096, 24, 23, .5f}},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.dropout.count = kit_between(r, 1, 5000);
  c->of.dropout.seed = (int64_t)(kit_next(r) >> 1);
  c->of.dropout.stream = (int64_t)(kit_next(r) >> 1);
  c->of.dropout.probability = (float)kit_uniform(r);
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_1D(c->of.dropout.count)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_1D(c->of.dropout.count)};
  return 2;
}

#define OPTIONS(c) (c)->of.dropout.probability, (uint64_t)(c)->of.dropout.seed, (uint64_t)(c)->of.dropout.stream

static void ref(const kit_case *c, void *const t[]) { ref_dropout_train(0, c->of.dropout.count, OPTIONS(c), t[X], t[Y]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_dropout_train(0, c->of.dropout.count, OPTIONS(c), t[X], t[Y]); }

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const double *x = t[X], *y = t[Y];
  const rounded kept = rounded_subtract(rounded_exact(1), rounded_exact((double)c->of.dropout.probability), order);
  for (int64_t i = 0; i < c->of.dropout.count; i++)
    b[i] = y[i] == 0 ? 0
                     : rounded_bound(rounded_multiply(rounded_exact(x[i]), rounded_divide(rounded_exact(1), kept, order), order));
}

static double flops(const kit_case *c) { return (double)c->of.dropout.count; }

static void prepare(kit_run *run) {
  run->args[0].dropout = (lw_dropout_args){run->c->of.dropout.count, 0, OPTIONS(run->c), run->t[X], run->t[Y]};
}

/* Forward and backward are one function: cases of an odd number of elements go through the backward one. */
static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return (c->of.dropout.count % 2 ? lw_dropout_backward : lw_dropout_train)(context, c->of.dropout.count, OPTIONS(c), t[X], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(count, of.dropout.count),
                                           KIT_REAL(probability, of.dropout.probability),
                                           KIT_SIZE(seed, of.dropout.seed),
                                           KIT_SIZE(stream, of.dropout.stream),
                                           {0}};

const kit_op kit_op_dropout_train = {
    .op = LW_OP_dropout_train,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .in_place = 1u << X,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
