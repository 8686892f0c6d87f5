/* SPDX-License-Identifier: Apache-2.0
 * Weights into a plan: panels of 16 outputs are read from their source into a small buffer and packed where they will stay, on
 * all threads, so that a second copy of the weights never exists. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "nets/plan.h"

typedef struct loading {
  lw_plan *plan;
  const lw_weights *weights;
  pthread_mutex_t lock; /* guards the rest */
  lw_status status;
  char message[256];
} loading;

static void report(loading *l, lw_status status) {
  pthread_mutex_lock(&l->lock);
  if (l->status == LW_OK) {
    l->status = status;
    snprintf(l->message, sizeof l->message, "%s", lw_error_message());
  }
  pthread_mutex_unlock(&l->lock);
}

static lw_status read(const loading *l, const lw_step *s, int bias, int64_t first, int64_t count, float *dst) {
  const lw_net *net = l->plan->net;
  char name[128];
  snprintf(name, sizeof name, "%s.%s", net->layers[s->first_layer].name, bias ? "bias" : "weight");
  const lw_status status = l->weights->read(l->weights->user, net, s->tensor + bias, name, first, count, dst);
  return status;
}

static lw_status load_panels(const loading *l, const lw_step *s, int64_t first, int64_t last) {
  float *to = (float *)(l->plan->weights + s->weight_offset) + first * LW_BLOCK * s->k;
  const int64_t end = last * LW_BLOCK < s->rows ? last * LW_BLOCK : s->rows, count = (end - first * LW_BLOCK) * s->k;
  if (!s->packed) return read(l, s, 0, first * LW_BLOCK * s->k, count, to);
  const int64_t panel = LW_BLOCK * s->k;
  float *buffer = lw_memory_get(l->plan->context, (size_t)panel * sizeof(float));
  if (!buffer) return lw_fail(LW_NO_MEMORY, "plan: no memory for %lld bytes of a weight panel", (long long)panel * 4);
  lw_status status = LW_OK;
  for (int64_t p = first; p < last && status == LW_OK; p++, to += panel) {
    const int64_t rows = s->rows - p * LW_BLOCK < LW_BLOCK ? s->rows - p * LW_BLOCK : LW_BLOCK;
    status = read(l, s, 0, p * panel, rows * s->k, buffer);
    if (status == LW_OK) lw_pack_weights(s->rows, s->k, p, p + 1, buffer, to);
  }
  lw_memory_free(l->plan->context, buffer);
  return status;
}

static void load_part(void *user, int part, int parts) {
  loading *l = user;
  for (size_t i = 0; i < l->plan->lowered.count; i++) {
    const lw_step *s = &l->plan->lowered.steps[i];
    if (s->tensor < 0) continue;
    int64_t begin, end;
    lw_share((s->rows + LW_BLOCK - 1) / LW_BLOCK, (lw_part){part, parts}, &begin, &end);
    lw_status status = begin < end ? load_panels(l, s, begin, end) : LW_OK;
    if (status == LW_OK && part == 0 && s->has_bias) {
      float *bias = (float *)(l->plan->weights + s->bias_offset);
      if (s->packed) memset(bias, 0, (size_t)lw_packed_count(s->rows, 1) * sizeof *bias);
      status = read(l, s, 1, 0, s->rows, bias);
    }
    if (status != LW_OK) {
      report(l, status);
      return;
    }
  }
}

lw_status lw_plan_load(lw_plan *plan, const lw_weights *weights) {
  loading l = {.plan = plan, .weights = weights, .lock = PTHREAD_MUTEX_INITIALIZER, .status = LW_OK};
  lw_parallel(plan->context, plan->context->threads, load_part, &l);
  return l.status == LW_OK ? LW_OK : lw_fail(l.status, "%s", l.message);
}
