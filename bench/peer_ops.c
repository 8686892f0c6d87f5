/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/machine.h"
#include "bench/op_error.h"
#include "bench/peers.h"
#include "nets/recipe.h"
#include "simd/conv2d_small.h"

typedef struct line {
  const peer *p; /* NULL: of a note */
  const kit_op *op;
  const kit_case *c;
  op_way way;
  int threads;
  op_bench ours[PAIRED_SIDES]; /* PEER_EXACT, PEER_FAST; row == NULL: there is none */
} line;

/* --------------------------------------------------------------------------------------------------------- Lanewise's side */

/* The kernel that the library would choose, with packed weights where it has such. */
static const lw_kernel *exact_row(const kit_op *op, const kit_case *c) {
  const lw_isa isa = peers_isa();
  const char *algorithm = NULL;
  int64_t oh, ow;
  if (op->op == LW_OP_conv2d && lw_isa_is_simd(isa) && lw_conv2d_output(&c->of.conv2d, &oh, &ow) == LW_OK)
    algorithm = c->of.conv2d.groups == 1 ? lw_conv2d_packed_algorithm(isa, &c->of.conv2d, oh, ow, 0)
                                         : lw_conv2d_plain_algorithm(&c->of.conv2d);
  return lw_kernel_find(op->op, isa, algorithm);
}

/* Of the recipe; NULL where it keeps the algorithm of mode exact. */
static const lw_kernel *fast_row(const kit_op *op, const kit_case *c) {
  int64_t oh, ow;
  if (op->op != LW_OP_conv2d || lw_conv2d_output(&c->of.conv2d, &oh, &ow) != LW_OK) return NULL;
  const lw_recipe *recipe = lw_recipe_conv2d(LW_FAST, &c->of.conv2d, oh, ow);
  return recipe ? lw_kernel_find(LW_OP_conv2d, peers_isa(), recipe->algorithm) : NULL;
}

/* ------------------------------------------------------------------------------------------------------------------ child */

/* A backend's instance of the case. */
typedef struct instance {
  kit_backend backend;
  const lw_backend_operator *o;
  kit_run run; /* variant 1: compute() alone is timed */
  kit_backend_case words;
} instance;

static const char *compute(void *user) {
  instance *s = user;
  const int parts = s->run.variant;
  kit_backend_calls(&s->backend, parts ? "compute()" : "run()");
  if ((parts ? s->o->compute(s->run.instance) : s->o->run(s->run.instance, s->words.inputs, s->words.outputs)) == 0) return NULL;
  snprintf(s->run.error, sizeof s->run.error, "%s failed: %s", parts ? "compute()" : "run()", kit_backend_why(&s->backend));
  return s->run.error;
}

static int all_finite(const kit_set *set) {
  const int y = kit_set_output(set);
  for (int64_t i = 0; i < set->info[y].count; i++)
    if (!isfinite(((const float *)set->t[y])[i])) return 0;
  return 1;
}

/* After a run. */
static void judge(peer_outcome *o, const line *l, const kit_set *set, lw_backend_promise promise) {
  const op_bench *b = &l->ours[PEER_EXACT];
  const kit_set *answer;
  kit_difference d;
  const char *wrong = NULL;
  if (promise == LW_BACKEND_ANY_ORDER) wrong = op_check_any_order(b, set);
  if (promise == LW_BACKEND_EXACT && !(wrong = op_expected(b, &answer)) && kit_compare(answer, set, &d))
    wrong = "bits differ from the reference";
  if (promise == LW_BACKEND_MEASURED && !all_finite(set)) wrong = "an output is not a finite number";
  if (wrong) peer_fail(o, "%s", wrong);
  o->error_over_bound = op_error_any_order(b, set);
}

typedef struct own_side {
  op_run r;
  peer_outcome *o;
} own_side;

static const char *run_ours(void *user) {
  const own_side *s = user;
  s->o->calling = "Lanewise's own kernel";
  op_run_once(&s->r);
  return NULL;
}

/* s->run has been prepared. */
static void measure_both(peer_outcome *o, const line *l, kit_set *set, own_side ours[PAIRED_SIDES], instance *s) {
  paired_side sides[PAIRED_SIDES] = {[PEER_ITSELF] = {compute, s}};
  kit_poison(&s->run, set);
  kit_execute(&s->run, 1, KIT_RISING);
  if (s->run.error[0] || !kit_collect(&s->run, set)) peer_fail(o, "%s", s->run.error);
  peer_limit(o, 0);
  if (!o->error[0]) judge(o, l, set, s->o->promise);
  for (int k = PEER_EXACT; k <= PEER_FAST; k++)
    if (l->ours[k].row) sides[k] = (paired_side){run_ours, &ours[k]};
  if (!o->error[0]) peer_measure(o, sides, l->threads, l->way == OP_COLD);
}

static void try_peer(peer_outcome *o, const line *l, kit_set *set, own_side ours[PAIRED_SIDES], instance *s) {
  s->o = kit_backend_find(&s->backend, lw_op_name(l->op->op));
  kit_backend_case_make(&s->words, l->op, l->c, set->t);
  s->run = (kit_run){.op = l->op, .c = l->c, .t = set->t, .backend = &s->backend, .memory = KIT_ALIGNED};
  peer_limit(o, 1);
  const int variants = kit_backend_variants(&s->backend, l->op, l->c);
  s->run.variant = variants > 1 && l->way != OP_PLAIN;
  if (!s->run.variant && l->way != OP_PLAIN) snprintf(o->note, sizeof o->note, "run() on plain tensors");
  if (variants == 0) {
    peer_fail(o, "with %d threads it does not support this", l->threads);
  } else if (!kit_prepare(&s->run)) {
    peer_fail(o, "%s", s->run.error);
  } else {
    measure_both(o, l, set, ours, s);
    peer_limit(o, 1);
    kit_release(&s->run);
  }
}

static void body(peer_outcome *o, void *user) {
  const line *l = user;
  kit_set set;
  own_side ours[PAIRED_SIDES] = {0};
  instance s = {0};
  machine_confine(l->threads);
  const char *wrong = op_fill(&set, &l->ours[PEER_EXACT]);
  for (int k = PEER_EXACT; k <= PEER_FAST && !wrong; k++) {
    ours[k].o = o;
    if (l->ours[k].row) wrong = op_run_make(&ours[k].r, &l->ours[k], &set);
  }
  if (wrong) peer_fail(o, "Lanewise's own kernel: %s", wrong);
  if (!wrong && peer_open(o, l->p, l->threads, &s.backend)) {
    try_peer(o, l, &set, ours, &s);
    peer_limit(o, 1);
    kit_backend_close(&s.backend);
  }
  /* The process ends here: nothing else is given back. */
}

/* ------------------------------------------------------------------------------------------------------------------- line */

static void run_line(gbench_state *state, void *user) {
  const line *l = user;
  const op_bench *b = &l->ours[PEER_EXACT];
  const kit_set *answer;
  /* The child finds these in its memory. */
  const char *wrong = op_error_prepare(b);
  if (!wrong && l->ours[PEER_FAST].row) wrong = op_expected(&l->ours[PEER_FAST], &answer);
  if (!wrong) wrong = op_expected(b, &answer);
  if (wrong) {
    gbench_fail(state, wrong);
    return;
  }
  const double seconds = peer_line(state, body, user, op_binds(b));
  if (seconds > 0) op_counters(state, b, seconds);
}

static line *notes;
static int note_count;

void peer_ops_want(const kit_op *op, const kit_case *c, op_way way, int threads) {
  kit_case can = *c;
  if (peers_count() == 0 || !kit_backend_can(op, &can)) return;
  line *more = realloc(notes, (size_t)(note_count + 1) * sizeof *notes);
  if (!more) return;
  notes = more;
  line *l = &notes[note_count];
  *l = (line){.op = op, .c = c, .way = way, .threads = threads};
  if (can.index != c->index) l->c = gbench_keep(&can, sizeof can); /* without what the interface lacks */
  if (!l->c) return;
  const op_bench exact = {op, exact_row(op, l->c), l->c, way, threads};
  const op_bench fast = {op, way == OP_PLAIN ? NULL : fast_row(op, l->c), l->c, way, threads};
  l->ours[PEER_EXACT] = exact;
  l->ours[PEER_FAST] = fast;
  if (exact.row) note_count++;
}

static int supports(kit_backend *b, int i, void *user) {
  (void)user;
  return kit_backend_find(b, lw_op_name(notes[i].op->op)) && kit_backend_variants(b, notes[i].op, notes[i].c) > 0;
}

static void add(const peer *p, const line *note) {
  static const char *const suffix[] = {"", "-cold", "-plain"};
  char name[200];
  line *l = gbench_keep(note, sizeof *note);
  if (!l) return;
  l->p = p;
  const char *op = lw_op_name(l->op->op);
  const lw_backend_promise *promise = peer_promise(p, op);
  snprintf(name, sizeof name, "%s/%s/%s/%s%s/t%d", op, promise && *promise == LW_BACKEND_EXACT ? "exact" : "fast", p->info.name,
           l->c->name, suffix[l->way], l->threads);
  gbench_register(name, run_line, l, GBENCH_US, 1, 1);
}

void peer_ops_register(void) {
  char *answers = malloc((size_t)peers_count() * (size_t)note_count + 1);
  if (!answers) return;
  for (int i = 0; i < peers_count(); i++) peer_ask(peers_at(i), note_count, supports, NULL, answers + i * note_count);
  for (int k = 0; k < note_count; k++) /* grouped by case */
    for (int i = 0; i < peers_count(); i++)
      if (answers[i * note_count + k]) add(peers_at(i), &notes[k]);
  free(answers);
}
