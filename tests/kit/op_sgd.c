/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tests/kit/rounded.h"

/* The state is w and, with momentum, the buffer after it. */
enum { STATE, G, NEW_STATE };

#define SGD(name_, count_, first, ...)                                                                                           \
  {                                                                                                                              \
    .name = name_, .of.sgd = {.count = count_, .first_step = first, .options = {__VA_ARGS__} }                                   \
  }
#define PLAIN(count)    SGD("plain-" #count, count, 0, .lr = 0.1f)
#define MOMENTUM(count) SGD("momentum-" #count, count, 0, .lr = 0.01f, .momentum = 0.9f, .weight_decay = 5e-4f)
static const kit_case cases[] = {
    PLAIN(0),
    PLAIN(1),
    PLAIN(2),
    PLAIN(3),
    PLAIN(4),
    PLAIN(5),
    PLAIN(7),
    PLAIN(8),
    PLAIN(9),
    PLAIN(15),
    PLAIN(16),
    PLAIN(17),
    PLAIN(31),
    PLAIN(33),
    PLAIN(1000),
    MOMENTUM(0),
    MOMENTUM(1),
    MOMENTUM(2),
    MOMENTUM(3),
    MOMENTUM(4),
    MOMENTUM(5),
    MOMENTUM(7),
    MOMENTUM(8),
    MOMENTUM(9),
    MOMENTUM(15),
    MOMENTUM(16),
    MOMENTUM(17),
    MOMENTUM(31),
    MOMENTUM(33),
    MOMENTUM(61),
    MOMENTUM(1000),
    SGD("decay", 97, 0, .lr = 0.05f, .weight_decay = 0.01f),
    SGD("first", 97, 1, .lr = 0.05f, .momentum = 0.9f, .weight_decay = 0.01f),
    SGD("first-nesterov", 53, 1, .lr = 0.05f, .momentum = 0.9f, .nesterov = 1),
    SGD("nesterov", 53, 0, .lr = 0.05f, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = 1),
    SGD("dampening", 53, 0, .lr = 0.05f, .momentum = 0.5f, .dampening = 0.25f),
    SGD("first-dampening", 53, 1, .lr = 0.05f, .momentum = 0.5f, .dampening = 0.25f),
    SGD("everything", 75, 0, .lr = 0.7f, .momentum = 0.8f, .dampening = 0.1f, .weight_decay = 0.2f),
    SGD("lr-0", 19, 0, .momentum = 0.9f),
    SGD("lenet5", 61706, 0, .lr = 0.01f, .momentum = 0.9f),
    SGD("vgg16-conv3_2", 589824, 0, .lr = 0.01f, .momentum = 0.9f, .weight_decay = 5e-4f),
};

static void random_case(kit_random *r, kit_case *c) {
  lw_sgd_options *o = &c->of.sgd.options;
  c->of.sgd.count = kit_between(r, 1, 5000);
  c->of.sgd.first_step = kit_between(r, 0, 3) == 0;
  o->lr = (float)kit_uniform(r);
  o->momentum = kit_between(r, 0, 2) ? (float)kit_uniform(r) : 0;
  o->weight_decay = kit_between(r, 0, 1) ? (float)kit_uniform(r) : 0;
  o->nesterov = o->momentum > 0 && kit_between(r, 0, 1);
  o->dampening = !o->nesterov && kit_between(r, 0, 1) ? (float)kit_uniform(r) : 0;
}

static int has_buffer(const kit_case *c) { return c->of.sgd.options.momentum != 0; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const int64_t count = c->of.sgd.count, arrays = has_buffer(c) ? 2 : 1;
  t[STATE] = (kit_tensor){"state", KIT_IN, KIT_F32, KIT_2D(arrays, count)};
  t[G] = (kit_tensor){"g", KIT_IN, KIT_F32, KIT_1D(count)};
  t[NEW_STATE] = (kit_tensor){"new_state", KIT_OUT, KIT_F32, KIT_2D(arrays, count)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) {
  const float *state = t[STATE];
  float *new_state = t[NEW_STATE];
  const int64_t count = c->of.sgd.count;
  ref_sgd(&c->of.sgd.options, c->of.sgd.first_step, count, state, t[G], state + (has_buffer(c) ? count : 0), new_state,
          new_state + (has_buffer(c) ? count : 0));
}
static void ref64(const kit_case *c, void *const t[]) {
  const double *state = t[STATE];
  double *new_state = t[NEW_STATE];
  const int64_t count = c->of.sgd.count;
  ref64_sgd(&c->of.sgd.options, c->of.sgd.first_step, count, state, t[G], state + (has_buffer(c) ? count : 0), new_state,
            new_state + (has_buffer(c) ? count : 0));
}

static void bound(const kit_case *c, void *const t[], kit_order order, double *b) {
  const lw_sgd_options *o = &c->of.sgd.options;
  const double *w = t[STATE], *g = t[G];
  const int64_t count = c->of.sgd.count;
  const rounded momentum = rounded_exact((double)o->momentum);
  const rounded fresh = rounded_subtract(rounded_exact(1), rounded_exact((double)o->dampening), order);
  for (int64_t i = 0; i < count; i++) {
    rounded step = rounded_exact(g[i]);
    if (o->weight_decay != 0) step = rounded_fma(rounded_exact((double)o->weight_decay), rounded_exact(w[i]), step, order);
    if (has_buffer(c)) {
      rounded kept = step;
      if (!c->of.sgd.first_step)
        kept = rounded_fma(momentum, rounded_exact(w[count + i]), rounded_multiply(fresh, step, order), order);
      step = o->nesterov ? rounded_fma(momentum, kept, step, order) : kept;
      b[count + i] = rounded_bound(kept);
    }
    b[i] = rounded_bound(rounded_fma(rounded_exact(-(double)o->lr), step, rounded_exact(w[i]), order));
  }
}

static double flops(const kit_case *c) { return 8.0 * (double)c->of.sgd.count; }

static void prepare(kit_run *run) {
  const kit_case *c = run->c;
  const int64_t count = c->of.sgd.count;
  const float *state = run->t[STATE];
  float *new_state = run->t[NEW_STATE];
  const int buffer = has_buffer(c);
  run->args[0].sgd =
      (lw_sgd_args){c->of.sgd.options, c->of.sgd.first_step,          count,     state,
                    run->t[G],         buffer ? state + count : NULL, new_state, buffer ? new_state + count : NULL};
}

/* The public function works in place. */
static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  const int64_t count = c->of.sgd.count;
  float *state = t[NEW_STATE];
  if (state != t[STATE]) memcpy(state, t[STATE], (size_t)(has_buffer(c) ? 2 * count : count) * sizeof *state);
  return lw_sgd(context, &c->of.sgd.options, c->of.sgd.first_step, count, state, t[G], has_buffer(c) ? state + count : NULL);
}

static const kit_parameter parameters[] = {KIT_SIZE(count, of.sgd.count),
                                           KIT_FLAG(first_step, of.sgd.first_step),
                                           KIT_REAL(lr, of.sgd.options.lr),
                                           KIT_REAL(momentum, of.sgd.options.momentum),
                                           KIT_REAL(dampening, of.sgd.options.dampening),
                                           KIT_REAL(weight_decay, of.sgd.options.weight_decay),
                                           KIT_FLAG(nesterov, of.sgd.options.nesterov),
                                           {0}};

const kit_op kit_op_sgd = {
    .op = LW_OP_sgd,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .in_place = 1u << STATE,
    .flops = flops,
    .prepare = prepare,
    .call = call,
};
