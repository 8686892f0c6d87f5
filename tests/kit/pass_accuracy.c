/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/pass_accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/context.h"
#include "tests/kit/layer.h"

static const double EXPENSIVE = 1e8; /* multiply-adds */

/* ----------------------------------------------------------------------------------------------------------- recording */

typedef struct recorder {
  pass_record *r;
  int no_memory;
} recorder;

static void observe(void *user, size_t layer, const float *values, int64_t count) {
  recorder *o = user;
  float *y = malloc((size_t)count * sizeof *y);
  o->no_memory |= !y;
  if (y) memcpy(y, values, (size_t)count * sizeof *y);
  o->r->y[layer] = y;
}

/* A step is told of as its last layer; all behind its first one are dropout, which changes nothing. */
static lw_status name_outputs(const lw_plan *plan, const lw_net *net, pass_record *r) {
  lw_step_info info;
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    if (lw_plan_step(plan, i, &info) != LW_OK || !info.name[0]) continue;
    r->algorithm[info.first_layer] = info.algorithm;
    for (size_t k = info.first_layer + 1; k <= info.last_layer; k++)
      if (net->layers[k].kind != LW_LAYER_DROPOUT)
        return lw_fail(LW_BAD_ARGUMENT, "layer %s cannot be observed: the plan was made without no_fuse",
                       net->layers[k - 1].name);
    if (info.last_layer == info.first_layer) continue;
    r->y[info.first_layer] = r->y[info.last_layer];
    r->y[info.last_layer] = NULL;
  }
  return LW_OK;
}

lw_status pass_record_make(const lw_plan *plan, const lw_net *net, const float *x, float *y, void *workspace, pass_record *r) {
  recorder o = {.r = r};
  *r = (pass_record){.y = calloc(net->layer_count, sizeof *r->y), .algorithm = calloc(net->layer_count, sizeof *r->algorithm)};
  if (!r->y || !r->algorithm) return lw_fail(LW_NO_MEMORY, "no memory to record a pass");
  r->layers = net->layer_count;
  for (size_t i = 0; i < net->layer_count; i++) r->algorithm[i] = "";
  const lw_status status = lw_plan_observe(plan, x, y, workspace, observe, &o);
  if (status != LW_OK) return status;
  return o.no_memory ? lw_fail(LW_NO_MEMORY, "no memory to record a pass") : name_outputs(plan, net, r);
}

void pass_record_free(pass_record *r) {
  for (size_t i = 0; i < r->layers; i++) free(r->y[i]);
  free(r->y);
  free(r->algorithm);
  *r = (pass_record){0};
}

/* ------------------------------------------------------------------------------------------------------------- judging */

/* Output of a layer of a record, or the image for layer -1. */
static const float *output_of(const pass_judgement *j, const pass_record *r, size_t layers) {
  while (layers > 0 && !r->y[layers - 1]) layers--;
  return layers > 0 ? r->y[layers - 1] : j->x;
}

/* What follows the pass in double: input and output of the layer that is computed. */
typedef struct wide {
  double *x, *y;
} wide;

static lw_status make_wide(const pass_judgement *j, const lw_shape *shapes, wide *w) {
  int64_t largest = 0;
  for (size_t i = 0; i <= j->net->layer_count; i++) {
    const int64_t count = shapes[i].c * shapes[i].h * shapes[i].w;
    if (count > largest) largest = count;
  }
  w->x = malloc((size_t)largest * sizeof *w->x);
  w->y = malloc((size_t)largest * sizeof *w->y);
  if (!w->x || !w->y) return lw_fail(LW_NO_MEMORY, "no memory for a pass in double");
  for (int64_t i = 0; i < shapes[0].c * shapes[0].h * shapes[0].w; i++) w->x[i] = j->x[i];
  return LW_OK;
}

static lw_status judge_layer(const pass_judgement *j, const lw_context *context, const kit_layer *l, size_t layer,
                             const pass_record *records, size_t count, wide *w, pass_layer *layers) {
  lw_status status = LW_OK;
  if (j->since_input) {
    kit_layer_ref64(context, l, w->x, w->y);
    double *x = w->x;
    w->x = w->y;
    w->y = x;
  }
  for (size_t i = 0; i < count && status == LW_OK; i++) {
    const float *x = output_of(j, &records[i], layer), *y = output_of(j, &records[i], layer + 1);
    pass_layer *to = &layers[i * j->net->layer_count + layer];
    status =
        kit_layer_judge(context, l, records[i].algorithm[layer], j->order, l->macs > EXPENSIVE ? j->samples : 0, x, y, &to->own);
    for (int64_t k = 0; k < l->outputs && j->since_input; k++) kit_accuracy_add(&to->since_input, y[k], w->x[k], INFINITY);
  }
  return status;
}

static int parameters_of(const lw_layer *l) {
  return l->kind == LW_LAYER_CONV2D || l->kind == LW_LAYER_LINEAR ? 1 + !l->no_bias : 0;
}

lw_status pass_judge(const pass_judgement *j, const pass_record *records, size_t count, pass_layer *layers) {
  const lw_net *net = j->net;
  lw_context *context;
  wide w = {NULL, NULL};
  int tensor = 0;
  lw_status status = lw_context_resolve(j->context, &context);
  lw_shape *shapes = malloc((net->layer_count + 1) * sizeof *shapes);
  if (status == LW_OK && !shapes) status = lw_fail(LW_NO_MEMORY, "no memory for the shapes of %s", net->name);
  if (status == LW_OK) status = lw_net_shapes(net, shapes);
  if (status == LW_OK && j->since_input) status = make_wide(j, shapes, &w);
  memset(layers, 0, count * net->layer_count * sizeof *layers);
  for (size_t i = 0; i < net->layer_count && status == LW_OK; i++) {
    kit_layer l;
    if (j->progress) j->progress(j->user, i);
    status = kit_layer_make(net, shapes, i, tensor, j->weights, &l);
    if (status == LW_OK) status = judge_layer(j, context, &l, i, records, count, &w, layers);
    tensor += parameters_of(&net->layers[i]);
    kit_layer_free(&l);
  }
  free(w.x);
  free(w.y);
  free(shapes);
  return status;
}
