/* SPDX-License-Identifier: Apache-2.0
 * Cases of the kit in the words of include/lanewise_backend.h, and runs of them. */
#include <stdio.h>
#include <string.h>
#include "tests/kit/backend.h"

int kit_backend_can(const kit_op *op, kit_case *c) {
  int i = 0;
  while (kit_backend_op(i) && strcmp(kit_backend_op(i), kit_op_name(op)) != 0) i++;
  if (!kit_backend_op(i) || c->pool) return 0;
  c->index = 0;
  return 1;
}

static const void *shape_of(kit_backend_case *b, const kit_op *op, const kit_case *c) {
  switch (op->op) {
  case LW_OP_softmax:
  case LW_OP_log_softmax: b->shape.rows = (lw_backend_rows_desc){c->of.rows.n, c->of.rows.c}; return &b->shape;
  case LW_OP_relu:
  case LW_OP_tanh:
  case LW_OP_add: b->shape.count = (lw_backend_count_desc){c->of.count}; return &b->shape;
  case LW_OP_COUNT:
    kit_net_make(&b->net, c);
    b->shape.net = (lw_backend_net_desc){&b->net.net, c->of.net.batch};
    return &b->shape;
  default: return &c->of; /* conv2d, linear, pools: the descriptors of lanewise.h */
  }
}

void kit_backend_case_make(kit_backend_case *b, const kit_op *op, const kit_case *c, void *const t[]) {
  kit_tensor info[KIT_TENSORS];
  int inputs = 0, weights = 0, outputs = 0;
  *b = (kit_backend_case){.desc = {.relu = c->relu}};
  b->desc.shape = shape_of(b, op, c);
  const int count = t ? op->tensors(c, info) : 0;
  for (int i = 0; i < count; i++) /* an absent tensor, like a bias, is a NULL in its place */
    switch (info[i].role) {
    case KIT_IN: b->inputs[inputs++] = t[i]; break;
    case KIT_WEIGHTS: b->weights[weights++] = t[i]; break;
    case KIT_OUT: b->outputs[outputs++] = t[i]; break;
    case KIT_SCRATCH: break;
    }
  b->weight_count = weights;
}

static const lw_backend_operator *operator_of(kit_backend *b, const kit_op *op) { return kit_backend_find(b, kit_op_name(op)); }

int kit_backend_variants(kit_backend *b, const kit_op *op, const kit_case *c) {
  const lw_backend_operator *o = operator_of(b, op);
  kit_backend_case words;
  kit_backend_case_make(&words, op, c, NULL);
  kit_backend_calls(b, "supported()");
  const int supported = o->supported(b->handle, &words.desc) != 0;
  kit_backend_calls(b, NULL);
  return supported ? 1 + (o->load != NULL) : 0;
}

/* Calls a function of the backend that returns 0 when all went well; if it does not, run->error tells. */
#define CALL(run, function, ...)                                                                                                 \
  (kit_backend_calls((run)->backend, #function "()"),                                                                            \
   failed(run, #function, operator_of((run)->backend, (run)->op)->function(__VA_ARGS__)))

static int failed(kit_run *run, const char *function, int code) {
  kit_backend_calls(run->backend, NULL);
  if (code != 0) snprintf(run->error, sizeof run->error, "%s() failed: %s", function, kit_backend_why(run->backend));
  return code != 0;
}

int kit_backend_prepare(kit_run *run) {
  kit_backend_case words;
  kit_backend_case_make(&words, run->op, run->c, run->t);
  run->instance = NULL;
  return !CALL(run, create, run->backend->handle, &words.desc, words.weight_count ? words.weights : NULL, &run->instance);
}

void kit_backend_execute(kit_run *run) {
  kit_backend_case words;
  kit_backend_case_make(&words, run->op, run->c, run->t);
  if (run->variant == 0)
    CALL(run, run, run->instance, words.inputs, words.outputs);
  else if (!CALL(run, load, run->instance, words.inputs) && !CALL(run, compute, run->instance))
    CALL(run, store, run->instance, words.outputs);
}

void kit_backend_release(kit_run *run) {
  kit_backend_calls(run->backend, "destroy()");
  operator_of(run->backend, run->op)->destroy(run->instance);
  kit_backend_calls(run->backend, NULL);
}
