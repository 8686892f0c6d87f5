/* SPDX-License-Identifier: Apache-2.0 */
#include "nets/tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/topology.h"
#include "simd/conv2d_small.h"

/* --------------------------------------------------------------------------------------------------------- candidates */

typedef struct listing {
  lw_tuning *candidates;
  int count;
} listing;

static void add(listing *l, lw_tuning t) {
  t.seconds = t.model_seconds = 0;
  for (int i = 0; i < l->count; i++) {
    const lw_tuning *c = &l->candidates[i];
    if (c->algorithm == t.algorithm && c->parts == t.parts && c->block.tiles == t.block.tiles &&
        c->block.panels == t.block.panels)
      return;
  }
  if (l->count < LW_CANDIDATES) l->candidates[l->count++] = t;
}

static int is_packed_conv2d(const lw_step *s) {
  return s->kernel->op == LW_OP_conv2d && s->weights.packed && !s->weights.winograd;
}

/* `columns` writes plain tensors, the others blocks; it is for few channels, and far beyond its scratch for more. */
static int may_be_columns(const lw_step *s) {
  const lw_conv2d_args *a = &s->args.conv2d;
  enum { MOST = 256 << 10 };
  return is_packed_conv2d(s) && lw_conv2d_columns_can(&a->desc) && a->oh >= 2 && a->ow >= 2 &&
         lw_conv2d_columns_layout(&a->desc, a->oh, a->ow, a->pool).bytes <= MOST;
}

static void add_algorithms(listing *l, const lw_step *s, lw_tuned kind) {
  static const char *const names[] = {"direct", "pooled", "columns"};
  if (!is_packed_conv2d(s) || may_be_columns(s) != (kind == LW_TUNE_LAYOUT)) return;
  for (int i = 0; i < (kind == LW_TUNE_LAYOUT ? 3 : 2); i++) {
    lw_tuning t = s->tuning;
    if (!lw_conv2d_packed_can(names[i], &s->args.conv2d.desc, s->args.conv2d.pool)) continue;
    t.algorithm = lw_kernel_find(LW_OP_conv2d, s->kernel->isa, names[i])->algorithm;
    add(l, t);
  }
}

static void add_blocks(listing *l, const lw_step *s) {
  static const int tiles[] = {1, 2, 3, 4, 8}, panels[] = {2, 4, 8, 32};
  const lw_conv2d_args *a = &s->args.conv2d;
  if (s->kernel->op != LW_OP_conv2d || !s->weights.winograd) return;
  const int m = s->weights.winograd, register_tile = s->kernel->isa == LW_ISA_AVX512 ? 14 : 6;
  const int64_t all = a->desc.n * ((a->oh + m - 1) / m) * ((a->ow + m - 1) / m);
  const int64_t most = (a->desc.oc + LW_BLOCK - 1) / LW_BLOCK;
  for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
    for (size_t k = 0; k < sizeof panels / sizeof *panels; k++) {
      lw_tuning t = s->tuning;
      t.block.tiles = tiles[i] * register_tile < all ? tiles[i] * register_tile : all;
      t.block.panels = panels[k] < most ? panels[k] : most;
      add(l, t);
    }
}

/* Where work is so much that every thread has its share, nothing is gained with fewer. */
static void add_parts(listing *l, const lw_context *c, const lw_step *s) {
  static const double MUCH = 1e8;
  lw_tuning t = s->tuning;
  if (s->parts == c->threads && s->flops > MUCH * c->threads) return;
  for (t.parts = 1; t.parts < c->threads; t.parts *= 2) add(l, t);
  t.parts = c->threads;
  add(l, t);
}

int lw_tune_candidates(const lw_context *context, const lw_step *s, lw_tuned kind, lw_tuning candidates[LW_CANDIDATES]) {
  listing l = {candidates, 0};
  add(&l, s->tuning);
  const lw_op op = s->kernel->op;
  if (!lw_isa_is_simd(s->kernel->isa)) return l.count;
  if (kind == LW_TUNE_LAYOUT || kind == LW_TUNE_BLOCK) add_algorithms(&l, s, kind);
  if (kind == LW_TUNE_BLOCK) add_blocks(&l, s);
  if (kind == LW_TUNE_PARTS && (op == LW_OP_conv2d || op == LW_OP_linear || op == LW_OP_max_pool2d || op == LW_OP_avg_pool2d))
    add_parts(&l, context, s);
  return l.count;
}

int lw_tune_applies(const lw_context *context, const lw_step *s) {
  lw_tuning unused[LW_CANDIDATES];
  for (int kind = 0; kind < LW_TUNE_KINDS; kind++)
    if (lw_tune_candidates(context, s, (lw_tuned)kind, unused) > 1) return 1;
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- words */

void lw_tune_machine(char text[LW_TUNE_KEY]) {
  char cpu[96];
  lw_cpu_model(cpu, sizeof cpu);
  snprintf(text, LW_TUNE_KEY, "%s, L1 %zu, L2 %zu, L3 %zu, lanewise %d.%d.%d", cpu, lw_topology_cache_bytes(1),
           lw_topology_cache_bytes(2), lw_topology_cache_bytes(3), LW_VERSION_MAJOR, LW_VERSION_MINOR, LW_VERSION_PATCH);
}

void lw_tune_setting(const lw_context *c, char text[LW_TUNE_KEY]) {
  snprintf(text, LW_TUNE_KEY, "%s, %d %s", lw_isa_name(c->isa), c->threads, c->parallel_for ? "parts" : "threads");
}

static int put_conv2d(const lw_conv2d_desc *d, char *text, int length) {
  return length + snprintf(text + length, length < LW_TUNE_KEY ? (size_t)(LW_TUNE_KEY - length) : 0,
                           "mb%" PRId64 "ic%" PRId64 "ih%" PRId64 "iw%" PRId64 "oc%" PRId64 "kh%" PRId64 "kw%" PRId64 "sh%" PRId64
                           "sw%" PRId64 "pt%" PRId64 "pl%" PRId64 "pb%" PRId64 "pr%" PRId64 "dh%" PRId64 "dw%" PRId64 "g%" PRId64,
                           d->n, d->ic, d->ih, d->iw, d->oc, d->kh, d->kw, d->stride_h, d->stride_w, d->pad_top, d->pad_left,
                           d->pad_bottom, d->pad_right, d->dilation_h, d->dilation_w, d->groups);
}

/* Cut where it would not fit: then two problems of the largest sizes may share their wisdom. */
void lw_tune_problem(const lw_step *s, char text[LW_TUNE_KEY]) {
  const char *name = lw_op_name(s->kernel->op);
  if (s->kernel->op == LW_OP_conv2d) {
    const lw_conv2d_args *a = &s->args.conv2d;
    int length = snprintf(text, LW_TUNE_KEY, "%s%s%s%s ", name, s->weights.winograd ? s->kernel->algorithm : "",
                          a->relu ? "+relu" : "", a->pool ? "+pool" : "");
    length = put_conv2d(&a->desc, text, length);
    if (s->before.tensor < 0) return;
    length += snprintf(text + length, (size_t)(LW_TUNE_KEY - length), " after ");
    (void)put_conv2d(&a->before.desc, text, length);
  } else if (s->kernel->op == LW_OP_linear) {
    const lw_linear_args *a = &s->args.linear;
    snprintf(text, LW_TUNE_KEY, "%s%s mb%" PRId64 "ic%" PRId64 "oc%" PRId64, name, a->relu ? "+relu" : "", a->desc.n, a->desc.in,
             a->desc.out);
  } else {
    const lw_pool2d_desc *d = &s->args.pool2d.desc;
    snprintf(text, LW_TUNE_KEY,
             "%s mb%" PRId64 "ic%" PRId64 "ih%" PRId64 "iw%" PRId64 "kh%" PRId64 "kw%" PRId64 "sh%" PRId64 "sw%" PRId64
             "ph%" PRId64 "pw%" PRId64 "dh%" PRId64 "dw%" PRId64,
             name, d->n, d->c, d->ih, d->iw, d->kh, d->kw, d->stride_h, d->stride_w, d->pad_h, d->pad_w, d->dilation_h,
             d->dilation_w);
  }
}

void lw_tune_choice(const lw_step *s, char text[LW_TUNE_KEY]) {
  const lw_tuning *t = &s->tuning;
  if (t->block.tiles)
    snprintf(text, LW_TUNE_KEY, "%s parts %d tiles %" PRId64 " panels %" PRId64, t->algorithm, t->parts, t->block.tiles,
             t->block.panels);
  else
    snprintf(text, LW_TUNE_KEY, "%s parts %d", t->algorithm, t->parts);
}

/* " <word> <number>" at *text, 1..10^6. */
static int64_t parse_count(const char **text, const char *word) {
  const size_t length = strlen(word);
  if (strncmp(*text, word, length) != 0 || (*text)[length] < '1' || (*text)[length] > '9') return 0;
  char *end;
  const long value = strtol(*text + length, &end, 10);
  *text = end;
  return value <= 1000000 ? value : 0;
}

int lw_tune_parse(const char *text, lw_tuning *t) {
  static const char *const names[] = {"direct", "pooled", "columns", "winograd4", "winograd2",
                                      "panels", "plain",  "blocked", "im2col",    "depthwise"};
  *t = (lw_tuning){0};
  for (size_t i = 0; i < sizeof names / sizeof *names && !t->algorithm; i++) {
    const size_t length = strlen(names[i]);
    if (strncmp(text, names[i], length) == 0 && text[length] == ' ') t->algorithm = names[i];
  }
  if (!t->algorithm) return 0;
  text += strlen(t->algorithm);
  t->parts = (int)parse_count(&text, " parts ");
  if (!t->parts || !*text) return t->parts != 0;
  t->block.tiles = parse_count(&text, " tiles ");
  t->block.panels = t->block.tiles ? parse_count(&text, " panels ") : 0;
  return t->block.panels && !*text;
}

/* -------------------------------------------------------------------------------------------------------------- a plan */

lw_status lw_plan_lower_again(const lw_plan *plan, const lw_plan_options *options, const lw_tuning *tunings, size_t limit,
                              lw_lowered *lowered, int *fits) {
  size_t l2_bytes = plan->l2_bytes;
  LW_TRY(lw_lower(plan->context, plan->net, options, tunings, &l2_bytes, lowered));
  *fits = lowered->arena_bytes + lowered->scratch_bytes <= limit;
  if (!*fits) lw_memory_free(plan->context, lowered->steps);
  return LW_OK;
}

typedef struct tuner {
  lw_plan *plan;
  const lw_plan_options *options;
  const char *path;   /* of wisdom; NULL: none */
  size_t limit;       /* bytes of workspace */
  lw_tuning *tunings; /* by layer */
  char *known;        /* by layer: is there wisdom? */
  char machine[LW_TUNE_KEY], setting[LW_TUNE_KEY];
} tuner;

static lw_status lower_again(tuner *t, int *fits) {
  lw_lowered lowered;
  LW_TRY(lw_plan_lower_again(t->plan, t->options, t->tunings, t->limit, &lowered, fits));
  if (!*fits) return LW_OK;
  lw_memory_free(t->plan->context, t->plan->lowered.steps);
  t->plan->lowered = lowered;
  return LW_OK;
}

/* A choice of the file for a step; one that needs more scratch than the plan has is left out. */
static void look_up(tuner *t, const lw_wisdom *w, const lw_step *s) {
  char problem[LW_TUNE_KEY];
  lw_tuning found;
  if (!lw_tune_applies(t->plan->context, s)) return;
  lw_tune_problem(s, problem);
  const lw_wisdom_line *line = lw_wisdom_find(w, t->machine, t->setting, problem);
  if (!line || !lw_tune_parse(line->choice, &found)) return;
  t->known[s->first_layer] = 1;
  if (s->weights.winograd) {
    const lw_conv2d_args *a = &s->args.conv2d;
    const size_t scratch = lw_winograd_scratch(s->weights.winograd, &a->desc, found.block, s->before.tensor >= 0);
    if (scratch > t->limit / (size_t)found.parts) return;
  }
  found.by = LW_BY_WISDOM;
  found.seconds = 1e-9 * (double)line->ns;
  found.model_seconds = 1e-9 * (double)line->model_ns;
  t->tunings[s->first_layer] = found;
}

static lw_status use_wisdom(tuner *t) {
  lw_plan *plan = t->plan;
  lw_wisdom_file file;
  int fits = 1, found = 0;
  lw_status status = lw_wisdom_read(plan->context, t->path, plan->notice, &file);
  for (size_t i = 0; i < file.wisdom.count && !found; i++) found = strcmp(file.wisdom.lines[i].machine, t->machine) == 0;
  if (file.wisdom.count && !found)
    lw_notice_add(plan->notice, "wisdom file %.300s: its %zu lines are of other machines or versions than this one (%s): ignored",
                  t->path, file.wisdom.count, t->machine);
  for (size_t i = 0; status == LW_OK && i < plan->lowered.count; i++) look_up(t, &file.wisdom, &plan->lowered.steps[i]);
  lw_wisdom_release(plan->context, &file);
  if (status == LW_OK) status = lower_again(t, &fits);
  if (!fits) memset(t->tunings, 0, plan->net->layer_count * sizeof *t->tunings);
  return status;
}

/* Adds what was measured to the file. */
static lw_status keep_wisdom(tuner *t) {
  typedef char text[LW_TUNE_KEY];
  const lw_lowered *l = &t->plan->lowered;
  lw_wisdom_line *lines = lw_memory_get(t->plan->context, l->count * sizeof *lines);
  text *texts = lw_memory_get(t->plan->context, 2 * l->count * sizeof *texts);
  size_t count = 0;
  lw_status status = LW_OK;
  if (!lines || !texts) status = lw_fail(LW_NO_MEMORY, "plan: no memory for %zu lines of wisdom", l->count);
  for (size_t i = 0; status == LW_OK && i < l->count; i++) {
    const lw_step *s = &l->steps[i];
    if (s->tuning.by != LW_BY_MEASURING) continue;
    lw_tune_problem(s, texts[2 * count]);
    lw_tune_choice(s, texts[2 * count + 1]);
    lines[count] = (lw_wisdom_line){t->machine, t->setting, texts[2 * count], texts[2 * count + 1], 0, 0};
    lines[count].ns = (int64_t)(1e9 * s->tuning.seconds);
    lines[count].model_ns = (int64_t)(1e9 * s->tuning.model_seconds);
    count++;
  }
  if (status == LW_OK && count) status = lw_wisdom_write(t->plan->context, t->path, lines, count, t->plan->notice);
  lw_memory_free(t->plan->context, lines);
  lw_memory_free(t->plan->context, texts);
  return status;
}

static int is_measured(const tuner *t) {
  const lw_lowered *l = &t->plan->lowered;
  for (size_t i = 0; i < l->count && t->options->planning == LW_PLAN_MEASURE; i++)
    if (lw_tune_applies(t->plan->context, &l->steps[i]) && !t->known[l->steps[i].first_layer]) return 1;
  return 0;
}

static lw_status measure(tuner *t) {
  int fits;
  LW_TRY(lw_plan_measure(t->plan, t->options, t->known, t->tunings));
  LW_TRY(lower_again(t, &fits));
  return t->path ? keep_wisdom(t) : LW_OK;
}

/* The same for a plan without weights, on random ones. */
static lw_status measure_bare(tuner *t) {
  static const uint64_t seed = 1;
  lw_plan *plan = t->plan;
  const lw_weights weights = lw_weights_seeded(&seed);
  if (!(plan->weights = lw_memory_get(plan->context, plan->lowered.weight_bytes)))
    return lw_fail(LW_NO_MEMORY, "plan: no memory for %zu bytes of weights to measure with", plan->lowered.weight_bytes);
  lw_status status = lw_plan_load(plan, &weights);
  if (status == LW_OK) status = measure(t);
  lw_memory_free(plan->context, plan->weights);
  plan->weights = NULL;
  return status;
}

lw_status lw_plan_tune(lw_plan *plan, const lw_plan_options *options) {
  const char *path = options->wisdom ? options->wisdom : getenv("LANEWISE_WISDOM");
  tuner t = {.plan = plan, .options = options, .path = path && path[0] ? path : NULL};
  if ((!t.path && options->planning == LW_PLAN_ESTIMATE) || !lw_isa_is_simd(plan->context->isa)) return LW_OK;
  const size_t layers = plan->net->layer_count;
  t.limit = plan->lowered.arena_bytes + plan->lowered.scratch_bytes;
  t.tunings = lw_memory_get(plan->context, layers * (sizeof *t.tunings + 1));
  if (!t.tunings) return lw_fail(LW_NO_MEMORY, "plan: no memory for the choices of %zu layers", layers);
  memset(t.tunings, 0, layers * (sizeof *t.tunings + 1));
  t.known = (char *)(t.tunings + layers);
  lw_tune_machine(t.machine);
  lw_tune_setting(plan->context, t.setting);
  lw_status status = t.path ? use_wisdom(&t) : LW_OK;
  if (status == LW_OK && is_measured(&t)) status = plan->weights || !plan->lowered.weight_bytes ? measure(&t) : measure_bare(&t);
  lw_memory_free(plan->context, t.tunings);
  return status;
}
