/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/nets.h"

static const char *op_of(lw_layer_kind kind) {
  switch (kind) {
  case LW_LAYER_CONV2D: return "conv2d";
  case LW_LAYER_LINEAR: return "linear";
  case LW_LAYER_RELU: return "relu";
  case LW_LAYER_TANH: return "tanh";
  case LW_LAYER_MAX_POOL2D: return "max_pool2d";
  case LW_LAYER_AVG_POOL2D: return "avg_pool2d";
  case LW_LAYER_SOFTMAX: return "softmax";
  case LW_LAYER_DROPOUT: break;
  }
  return NULL;
}

static void describe(peer_stage *s, const lw_layer *l, int64_t n, lw_shape in) {
  const int64_t count = in.c * in.h * in.w;
  s->kind = l->kind;
  switch (l->kind) {
  case LW_LAYER_CONV2D: s->d.conv2d = lw_layer_conv2d(l, n, in); break;
  case LW_LAYER_LINEAR: s->d.linear = (lw_linear_desc){n, count, l->out}; break;
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: s->d.pool2d = lw_layer_pool2d(l, n, in); break;
  case LW_LAYER_SOFTMAX: s->d.rows = (lw_backend_rows_desc){n, count}; break;
  case LW_LAYER_RELU:
  case LW_LAYER_TANH: s->d.count = (lw_backend_count_desc){n * count}; break;
  case LW_LAYER_DROPOUT: break;
  }
}

static int has_weights(lw_layer_kind kind) { return kind == LW_LAYER_CONV2D || kind == LW_LAYER_LINEAR; }

static int takes(kit_backend *b, const lw_backend_operator *o, const void *shape, int relu) {
  if (!o) return 0;
  kit_backend_calls(b, "supported()");
  const int can = o->supported(b->handle, &(lw_backend_desc){.shape = shape, .relu = relu});
  kit_backend_calls(b, NULL);
  return can;
}

/* Chooses the operator of a layer: 1 with the ReLU behind it, 0 without, -1 not at all. */
static int choose(kit_backend *b, peer_stage *s, int relu_follows) {
  s->o = kit_backend_find(b, op_of(s->kind));
  if (has_weights(s->kind) && relu_follows && takes(b, s->o, &s->d, 1)) return 1;
  if (takes(b, s->o, &s->d, 0)) return 0;
  s->o = NULL;
  return has_weights(s->kind) ? -1 : 0;
}

/* From the strongest to none. */
static lw_backend_promise weaker(lw_backend_promise a, lw_backend_promise b) {
  if (a == LW_BACKEND_MEASURED || b == LW_BACKEND_MEASURED) return LW_BACKEND_MEASURED;
  return a == LW_BACKEND_EXACT ? b : a;
}

/* Calls made(user, stage, relu, layer, input) for every stage in turn; an identity has none. Returns 0 where the backend lacks
 * what it must have, or made() returned 0. */
static int for_stages(kit_backend *b, const lw_net *net, int64_t batch,
                      int (*made)(void *user, peer_stage *s, int relu, size_t layer), void *user) {
  lw_shape in = {net->c, net->h, net->w}, out;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    const lw_layer *l = &net->layers[i];
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) return 0;
    if (l->kind == LW_LAYER_DROPOUT) continue;
    peer_stage s = {0};
    describe(&s, l, batch, in);
    const int relu = choose(b, &s, i + 1 < net->layer_count && net->layers[i + 1].kind == LW_LAYER_RELU);
    if (relu < 0 || !made(user, &s, relu, i)) return 0;
    i += (size_t)relu; /* its shape is the same */
  }
  return 1;
}

static int note_promise(void *user, peer_stage *s, int relu, size_t layer) {
  lw_backend_promise *promise = user;
  (void)relu, (void)layer;
  if (s->o) *promise = weaker(*promise, s->o->promise);
  return 1;
}

int peer_chain_supports(kit_backend *b, const lw_net *net, int64_t batch) {
  const lw_backend_operator *o = kit_backend_find(b, "net");
  const lw_backend_net_desc d = {net, batch};
  lw_backend_promise promise = LW_BACKEND_EXACT;
  if (takes(b, o, &d, 0)) return 1 + (int)o->promise;
  return for_stages(b, net, batch, note_promise, &promise) ? 1 + (int)promise : 0;
}

/* --------------------------------------------------------------------------------------------------------------- making */

typedef struct making {
  peer_outcome *o;
  peer_chain *c;
  const float *const *tensors; /* of the layers to come */
  const lw_net *net;
} making;

static const char *failed(peer_chain *c, const peer_stage *s, const char *function) {
  snprintf(c->error, sizeof c->error, "%s of %s failed: %s", function, s->o->op, kit_backend_why(&c->backend));
  return c->error;
}

static int make_stage(void *user, peer_stage *s, int relu, size_t layer) {
  making *m = user;
  peer_chain *c = m->c;
  const float *weights[2] = {NULL, NULL};
  if (c->count == PEER_CHAIN_STAGES) return peer_fail(m->o, "the network has too many layers"), 0;
  if (has_weights(s->kind)) {
    weights[0] = *m->tensors++;
    if (!m->net->layers[layer].no_bias) weights[1] = *m->tensors++;
  }
  const lw_backend_desc desc = {.shape = &s->d, .relu = relu};
  kit_backend_calls(&c->backend, "create()");
  if (s->o && s->o->create(c->backend.handle, &desc, has_weights(s->kind) ? weights : NULL, &s->instance)) {
    peer_fail(m->o, "%s", failed(c, s, "create()"));
    return 0;
  }
  c->stages[c->count++] = *s;
  if (s->o) c->promise = weaker(c->promise, s->o->promise);
  return 1;
}

static void tell(peer_outcome *o, const peer_chain *c) {
  size_t length = (size_t)snprintf(o->note, sizeof o->note, "operator by operator");
  const char *separator = ", with Lanewise's ";
  for (int i = 0; i < c->count && length < sizeof o->note; i++) {
    const char *op = op_of(c->stages[i].kind);
    if (c->stages[i].o || strstr(o->note, op)) continue;
    length += (size_t)snprintf(o->note + length, sizeof o->note - length, "%s%s", separator, op);
    separator = ", ";
  }
}

static int make_one_by_one(peer_outcome *o, peer_chain *c, const lw_net *net, int64_t batch, int threads,
                           const float *const *tensors) {
  making m = {o, c, tensors, net};
  lw_shape in = {net->c, net->h, net->w}, out;
  int64_t largest = 1;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) return peer_fail(o, "%s", lw_error_message()), 0;
    if (batch * out.c * out.h * out.w > largest) largest = batch * out.c * out.h * out.w;
  }
  for (int i = 0; i < 2; i++) {
    c->between[i] = aligned_alloc(64, ((size_t)largest * sizeof(float) + 63) / 64 * 64);
    if (!c->between[i]) return peer_fail(o, "no memory"), 0;
  }
  if (lw_context_create(&(lw_context_options){.threads = threads}, &c->context) != LW_OK)
    return peer_fail(o, "%s", lw_error_message()), 0;
  if (!for_stages(&c->backend, net, batch, make_stage, &m)) peer_fail(o, "it no longer supports what it has said to support");
  tell(o, c);
  return !o->error[0];
}

int peer_chain_make(peer_outcome *o, peer_chain *c, const lw_net *net, int64_t batch, int threads, const float *const *tensors,
                    const float *x, float *y) {
  peer_stage whole = {.o = kit_backend_find(&c->backend, "net"), .d.net = {net, batch}};
  c->promise = LW_BACKEND_EXACT;
  c->x = x;
  c->y = y;
  if (!takes(&c->backend, whole.o, &whole.d, 0)) return make_one_by_one(o, c, net, batch, threads, tensors);
  kit_backend_calls(&c->backend, "create()");
  if (whole.o->create(c->backend.handle, &(lw_backend_desc){.shape = &whole.d}, tensors, &whole.instance)) {
    peer_fail(o, "%s", failed(c, &whole, "create()"));
  } else {
    c->promise = whole.o->promise;
    c->stages[c->count++] = whole;
  }
  return !o->error[0];
}

/* -------------------------------------------------------------------------------------------------------------- running */

static lw_status run_own(lw_context *context, const peer_stage *s, const float *x, float *y) {
  switch (s->kind) {
  case LW_LAYER_RELU: return lw_relu(context, s->d.count.count, x, y);
  case LW_LAYER_TANH: return lw_tanh(context, s->d.count.count, x, y);
  case LW_LAYER_MAX_POOL2D: return lw_max_pool2d(context, &s->d.pool2d, x, y, NULL);
  case LW_LAYER_AVG_POOL2D: return lw_avg_pool2d(context, &s->d.pool2d, x, y);
  default: return lw_softmax(context, s->d.rows.n, s->d.rows.c, x, y);
  }
}

const char *peer_chain_run(void *chain) {
  peer_chain *c = chain;
  const float *x = c->x;
  for (int i = 0; i < c->count; i++) {
    const peer_stage *s = &c->stages[i];
    kit_backend_calls(&c->backend, s->o ? "run()" : "Lanewise's own operator");
    float *y = i + 1 == c->count ? c->y : c->between[i % 2];
    if (s->o && s->o->run(s->instance, &x, &y)) return failed(c, s, "run()");
    if (!s->o && run_own(c->context, s, x, y) != LW_OK) return lw_error_message();
    x = y;
  }
  return NULL;
}

void peer_chain_destroy(peer_chain *c) {
  kit_backend_calls(&c->backend, "destroy()");
  while (c->count > 0)
    if (c->stages[--c->count].o) c->stages[c->count].o->destroy(c->stages[c->count].instance);
  kit_backend_calls(&c->backend, NULL);
  lw_context_destroy(c->context);
  free(c->between[0]);
  free(c->between[1]);
}
