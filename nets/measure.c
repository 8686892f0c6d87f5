/* SPDX-License-Identifier: Apache-2.0
 * Choices by timing. A candidate is timed where it will run: in passes of the whole network, with the plan's weights, after the
 * step before it and with the caches as that leaves them. One pass times one candidate of every step at once, so that a round
 * takes as many passes as the longest list has candidates; rounds interleave them, and what is clearly slower drops out. The
 * least time counts. */
#include <string.h>
#include "nets/tune.h"

enum { ROUNDS = 5, MOST_ROUNDS = 100 };
/* Seconds after which a kind of choices gets no more rounds, from the start of measuring; then how long a kind goes on beyond
 * ROUNDS; least time of a pass, which is repeated for that. */
static const double UNTIL[LW_TUNE_KINDS] = {1.5, 5.5, 6.5}, LAST_UNTIL = 7.5, LEAST = 0.05, PASS = 1e-4;

typedef struct candidate {
  lw_tuning tuning;
  double seconds; /* least so far; 0: not timed */
} candidate;

typedef struct item {
  size_t layer, end; /* its time is that of the steps that start in layers layer..end-1 */
  int count;
  candidate candidates[LW_CANDIDATES];
} item;

typedef struct measuring {
  const lw_plan *plan;
  const lw_plan_options *options;
  const char *known;
  size_t limit;
  lw_tuning *tunings, *trial; /* by layer */
  item *items;                /* those of the steps with a choice */
  size_t count;
  float *x, *y;
  void *workspace;
  double *seconds, *least; /* by step */
  double *times;           /* by item */
  double start;
} measuring;

static lw_status lower(const measuring *m, const lw_tuning *tunings, lw_lowered *l) {
  int fits;
  LW_TRY(lw_plan_lower_again(m->plan, m->options, tunings, m->limit, l, &fits));
  return fits ? LW_OK : lw_fail(LW_NO_MEMORY, "plan: measuring needs more workspace than the plan");
}

/* Runs the network; the time of each item to m->times. */
static lw_status pass(measuring *m, const lw_tuning *tunings, const item *items, size_t count) {
  lw_plan trial = *m->plan;
  lw_lowered *l = &trial.lowered;
  LW_TRY(lower(m, tunings, l));
  lw_status status = LW_OK;
  const double begin = lw_plan_clock();
  for (int i = 0; status == LW_OK && (i == 0 || (i < 16 && lw_plan_clock() - begin < PASS)); i++) {
    status = lw_plan_time(&trial, m->x, m->y, m->workspace, m->seconds);
    for (size_t k = 0; k < l->count; k++)
      if (i == 0 || m->seconds[k] < m->least[k]) m->least[k] = m->seconds[k];
  }
  for (size_t i = 0; i < count; i++) {
    m->times[i] = 0;
    for (size_t k = 0; k < l->count; k++)
      if (l->steps[k].first_layer >= items[i].layer && l->steps[k].first_layer < items[i].end) m->times[i] += m->least[k];
  }
  lw_memory_free(m->plan->context, l->steps);
  return status;
}

/* Does a candidate leave the workspace as small as it is? */
static lw_status fits(measuring *m, size_t layer, const lw_tuning *candidate, int *yes) {
  lw_lowered l;
  memcpy(m->trial, m->tunings, m->plan->net->layer_count * sizeof *m->trial);
  m->trial[layer] = *candidate;
  LW_TRY(lw_plan_lower_again(m->plan, m->options, m->trial, m->limit, &l, yes));
  if (*yes) lw_memory_free(m->plan->context, l.steps);
  return LW_OK;
}

/* The layer behind the next step that has weights: up to there a layout reaches. */
static size_t reach(const lw_lowered *l, size_t step) {
  for (size_t i = step + 1; i < l->count; i++)
    if (l->steps[i].weights.tensor >= 0) return l->steps[i].first_layer + 1;
  return l->steps[l->count - 1].first_layer + 1;
}

/* m->items: the steps of the network, as it is now, with more than one candidate of this kind. */
static lw_status list_items(measuring *m, lw_tuned kind) {
  const lw_context *context = m->plan->context;
  lw_lowered l;
  LW_TRY(lower(m, m->tunings, &l));
  lw_status status = LW_OK;
  m->count = 0;
  for (size_t i = 0; status == LW_OK && i < l.count; i++) {
    lw_tuning tunings[LW_CANDIDATES];
    const size_t layer = l.steps[i].first_layer;
    const int count = lw_tune_candidates(context, &l.steps[i], kind, tunings);
    if (count < 2 || m->known[layer]) continue;
    item *it = &m->items[m->count];
    it->layer = layer;
    it->end = kind == LW_TUNE_LAYOUT ? reach(&l, i) : layer + 1;
    it->count = 0;
    for (int c = 0; c < count && status == LW_OK; c++) {
      int yes = 0;
      status = fits(m, layer, &tunings[c], &yes);
      if (yes) it->candidates[it->count++] = (candidate){tunings[c], 0};
    }
    m->count += it->count > 1;
  }
  lw_memory_free(context, l.steps);
  return status;
}

static const candidate *best(const item *it) {
  const candidate *best = NULL;
  for (const candidate *c = it->candidates; c < it->candidates + it->count; c++)
    if (c->seconds > 0 && (!best || c->seconds < best->seconds)) best = c;
  return best ? best : it->candidates;
}

/* Drops candidates that are slower than the best by more than a factor. */
static void drop(item *it, double factor) {
  const double most = factor * best(it)->seconds;
  int kept = 0;
  for (int i = 0; i < it->count; i++)
    if (it->candidates[i].seconds <= most) it->candidates[kept++] = it->candidates[i];
  it->count = kept;
}

/* Times the candidates of some items side by side and adopts the best. */
static lw_status compare(measuring *m, item *items, size_t count, double until) {
  const size_t layers = m->plan->net->layer_count;
  const double begin = lw_plan_clock();
  for (int round = 0; round < MOST_ROUNDS; round++) {
    int passes = 1;
    for (size_t i = 0; i < count; i++)
      if (items[i].count > passes) passes = items[i].count;
    if (passes == 1 || (round >= ROUNDS && lw_plan_clock() - begin > LEAST) || (round > 0 && lw_plan_clock() - m->start > until))
      break;
    for (int p = 0; p < passes && (p == 0 || lw_plan_clock() - m->start < until); p++) {
      memcpy(m->trial, m->tunings, layers * sizeof *m->trial);
      for (size_t i = 0; i < count; i++) m->trial[items[i].layer] = items[i].candidates[p % items[i].count].tuning;
      LW_TRY(pass(m, m->trial, items, count));
      for (size_t i = 0; i < count; i++) {
        double *seconds = &items[i].candidates[p % items[i].count].seconds;
        if (*seconds == 0 || m->times[i] < *seconds) *seconds = m->times[i];
      }
    }
    for (size_t i = 0; i < count; i++) drop(&items[i], round == 0 ? 1.4 : round == 1 ? 1.1 : 1.05);
  }
  for (size_t i = 0; i < count; i++) m->tunings[items[i].layer] = best(&items[i])->tuning;
  return LW_OK;
}

static int is_columns(const lw_tuning *t) { return strcmp(t->algorithm, "columns") == 0; }
static int same_layout(const lw_tuning *a, const lw_tuning *b) {
  return !a->algorithm || !b->algorithm || is_columns(a) == is_columns(b);
}

/* The choices beside those of the cost model, once more and fairly: a step that has gained nothing keeps the model's (a layout
 * stays, since others came to build on it). */
static lw_status confirm(measuring *m) {
  const lw_context *context = m->plan->context;
  const size_t layers = m->plan->net->layer_count;
  lw_lowered l;
  memcpy(m->trial, m->tunings, layers * sizeof *m->trial);
  for (size_t i = 0; i < layers; i++)
    if (!m->known[i]) m->trial[i] = (lw_tuning){0};
  LW_TRY(lower(m, m->trial, &l));
  m->count = 0;
  for (size_t i = 0; i < l.count; i++)
    if (lw_tune_applies(context, &l.steps[i]) && !m->known[l.steps[i].first_layer]) {
      item *it = &m->items[m->count++];
      it->layer = l.steps[i].first_layer;
      it->end = same_layout(&l.steps[i].tuning, &m->tunings[it->layer]) ? it->layer + 1 : reach(&l, i);
      it->candidates[0] = (candidate){l.steps[i].tuning, 0};
      it->candidates[1] = (candidate){m->tunings[it->layer], 0};
    }
  lw_memory_free(context, l.steps);
  const double begin = lw_plan_clock();
  for (int round = 0; round < MOST_ROUNDS && (round < 2 || lw_plan_clock() - m->start < LAST_UNTIL); round++) {
    if (round >= ROUNDS && lw_plan_clock() - begin > LEAST) break;
    for (int c = 0; c < 2; c++) {
      LW_TRY(pass(m, c ? m->tunings : m->trial, m->items, m->count));
      for (size_t i = 0; i < m->count; i++) {
        double *seconds = &m->items[i].candidates[c].seconds;
        if (*seconds == 0 || m->times[i] < *seconds) *seconds = m->times[i];
      }
    }
  }
  for (size_t i = 0; i < m->count; i++) {
    const candidate *model = &m->items[i].candidates[0], *chosen = &m->items[i].candidates[1];
    lw_tuning *t = &m->tunings[m->items[i].layer];
    const int keep = same_layout(&model->tuning, &chosen->tuning) && chosen->seconds > 0.99 * model->seconds;
    *t = keep ? model->tuning : chosen->tuning;
    t->by = LW_BY_MEASURING;
    t->seconds = keep ? model->seconds : chosen->seconds;
    t->model_seconds = model->seconds;
  }
  return LW_OK;
}

static lw_status measure(measuring *m) {
  LW_TRY(pass(m, m->tunings, m->items, 0)); /* touches all memory */
  m->start = lw_plan_clock();
  for (size_t next = 0;;) { /* one by one: what fits depends on the layouts before it */
    size_t i = 0;
    LW_TRY(list_items(m, LW_TUNE_LAYOUT));
    while (i < m->count && m->items[i].layer < next) i++;
    if (i == m->count) break;
    next = m->items[i].layer + 1;
    LW_TRY(compare(m, &m->items[i], 1, UNTIL[LW_TUNE_LAYOUT]));
  }
  for (int kind = LW_TUNE_LAYOUT + 1; kind < LW_TUNE_KINDS; kind++) {
    LW_TRY(list_items(m, (lw_tuned)kind));
    LW_TRY(compare(m, m->items, m->count, UNTIL[kind]));
  }
  return confirm(m);
}

lw_status lw_plan_measure(const lw_plan *plan, const lw_plan_options *options, const char *known, lw_tuning *tunings) {
  static const uint64_t seed = 1;
  const lw_context *context = plan->context;
  const size_t layers = plan->net->layer_count, steps = 2 * layers + 1;
  const size_t x = (size_t)(plan->batch * plan->inputs), y = (size_t)(plan->batch * plan->outputs);
  measuring m = {.plan = plan, .options = options, .known = known, .tunings = tunings};
  m.limit = plan->lowered.arena_bytes + plan->lowered.scratch_bytes;
  m.trial = lw_memory_get(context, layers * sizeof *m.trial);
  m.items = lw_memory_get(context, layers * sizeof *m.items);
  m.seconds = lw_memory_get(context, 3 * steps * sizeof *m.seconds);
  m.x = lw_memory_get(context, (x + y) * sizeof *m.x);
  m.workspace = lw_memory_get(context, m.limit);
  lw_status status = LW_OK;
  if (m.trial && m.items && m.seconds && m.x && m.workspace) {
    m.least = m.seconds + steps;
    m.times = m.least + steps;
    m.y = m.x + x;
    lw_kaiming_uniform(seed, 0, 6, 0, (int64_t)x, m.x);
    status = measure(&m);
  } else {
    status = lw_fail(LW_NO_MEMORY, "plan: no memory to measure %s with: %zu bytes of inputs and outputs, %zu of workspace",
                     plan->net->name, (x + y) * sizeof *m.x, m.limit);
  }
  lw_memory_free(context, m.trial);
  lw_memory_free(context, m.items);
  lw_memory_free(context, m.seconds);
  lw_memory_free(context, m.x);
  lw_memory_free(context, m.workspace);
  return status;
}
