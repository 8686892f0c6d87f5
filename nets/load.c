/* SPDX-License-Identifier: Apache-2.0
 * Weights into a plan, on all threads: panels of 16 outputs are packed where they will stay, straight from a source that has its
 * floats in memory, else through a small buffer, so that a second copy of the weights never exists. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "nets/plan.h"

typedef struct loading {
  lw_plan *plan;
  const lw_weights *weights;
  pthread_mutex_t lock; /* guards the rest */
  lw_status status;
  char message[LW_MESSAGE_SIZE];
} loading;

static void report(loading *l, lw_status status) {
  pthread_mutex_lock(&l->lock);
  if (l->status == LW_OK) {
    l->status = status;
    snprintf(l->message, sizeof l->message, "%s", lw_error_message());
  }
  pthread_mutex_unlock(&l->lock);
}

/* A parameter tensor in its source. */
typedef struct source {
  const lw_weights *weights;
  const lw_net *net;
  int tensor;
  char name[sizeof((lw_parameter_info *)0)->name];
  const float *mapped; /* NULL: it must be read */
} source;

static lw_status find(const loading *l, const lw_step_weights *s, int bias, int64_t count, source *from) {
  *from = (source){.weights = l->weights, .net = l->plan->net, .tensor = s->tensor + bias};
  snprintf(from->name, sizeof from->name, "%s.%s", from->net->layers[s->layer].name, bias ? "bias" : "weight");
  if (l->weights->map) from->mapped = l->weights->map(l->weights->user, from->net, from->tensor, from->name, count);
  return from->mapped ? lw_check_pointer("weights", from->name, from->mapped, sizeof(float)) : LW_OK;
}

static lw_status read(const source *from, int64_t first, int64_t count, float *dst) {
  if (!from->mapped) return from->weights->read(from->weights->user, from->net, from->tensor, from->name, first, count, dst);
  memcpy(dst, from->mapped + first, (size_t)count * sizeof *dst);
  return LW_OK;
}

/* Panels first..last-1, w being the first's. */
static void pack(const lw_step_weights *s, int64_t first, int64_t last, const float *w, float *packed) {
  if (s->winograd)
    lw_pack_winograd(s->winograd, s->kernel, s->rows, s->k / s->kernel / s->kernel, first, last, w, packed);
  else
    lw_pack_weights(s->rows, s->k, first, last, w, packed + first * LW_BLOCK * s->k);
}

static lw_status load_panels(const loading *l, const lw_step_weights *s, int64_t first, int64_t last) {
  const int64_t panel = LW_BLOCK * s->k;
  float *weights = (float *)(l->plan->weights + s->weight_offset);
  source from;
  LW_TRY(find(l, s, 0, s->rows * s->k, &from));
  if (!s->packed) {
    const int64_t end = last * LW_BLOCK < s->rows ? last * LW_BLOCK : s->rows;
    return read(&from, first * panel, end * s->k - first * panel, weights + first * panel);
  }
  if (from.mapped) {
    pack(s, first, last, from.mapped + first * panel, weights);
    return LW_OK;
  }
  float *buffer = lw_memory_get(l->plan->context, (size_t)panel * sizeof(float));
  if (!buffer) return lw_fail(LW_NO_MEMORY, "plan: no memory for %lld bytes of a weight panel", (long long)panel * 4);
  lw_status status = LW_OK;
  for (int64_t p = first; p < last && status == LW_OK; p++) {
    const int64_t rows = s->rows - p * LW_BLOCK < LW_BLOCK ? s->rows - p * LW_BLOCK : LW_BLOCK;
    status = read(&from, p * panel, rows * s->k, buffer);
    if (status == LW_OK) pack(s, p, p + 1, buffer, weights);
  }
  lw_memory_free(l->plan->context, buffer);
  return status;
}

static lw_status load_bias(const loading *l, const lw_step_weights *s) {
  float *bias = (float *)(l->plan->weights + s->bias_offset);
  source from;
  LW_TRY(find(l, s, 1, s->rows, &from));
  if (s->packed) memset(bias, 0, (size_t)lw_packed_count(s->rows, 1) * sizeof *bias);
  return read(&from, 0, s->rows, bias);
}

static lw_status load_weights(const loading *l, const lw_step_weights *s, lw_part part) {
  if (s->tensor < 0) return LW_OK;
  int64_t begin, end;
  lw_share((s->rows + LW_BLOCK - 1) / LW_BLOCK, part, &begin, &end);
  if (begin < end) LW_TRY(load_panels(l, s, begin, end));
  return part.index == 0 && s->has_bias ? load_bias(l, s) : LW_OK;
}

static void load_part(void *user, int part, int parts) {
  loading *l = user;
  lw_status status = LW_OK;
  for (size_t i = 0; i < l->plan->lowered.count && status == LW_OK; i++) {
    const lw_step *s = &l->plan->lowered.steps[i];
    status = load_weights(l, &s->before, (lw_part){part, parts});
    if (status == LW_OK) status = load_weights(l, &s->weights, (lw_part){part, parts});
  }
  if (status != LW_OK) report(l, status);
}

lw_status lw_plan_load(lw_plan *plan, const lw_weights *weights) {
  loading l = {.plan = plan, .weights = weights, .lock = PTHREAD_MUTEX_INITIALIZER, .status = LW_OK};
  lw_parallel(plan->context, plan->context->threads, load_part, &l);
  return l.status == LW_OK ? LW_OK : lw_fail(l.status, "%s", l.message);
}
