/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peer_nets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/machine.h"
#include "bench/nets_error.h"
#include "bench/nets_input.h"
#include "bench/nets_pass.h"
#include "bench/peer_chain.h"
#include "nets/nets.h"
#include "tests/kit/pass.h"

typedef struct line {
  const peer *p; /* NULL: of a note */
  const lw_net *net;
  int64_t batch, outputs; /* outputs: of one image */
  int threads, has_fast;
} line;

/* ------------------------------------------------------------------------------------- what all lines of a network share */

/* The parameters of the latest network, and the variance of a pass over its distinct images. Children find them in their memory.
 */
static struct {
  const lw_net *net;
  float **tensors;
  int count;
  float *variance;
  int64_t images; /* so many from the first on, then they repeat */
} shared;

static void forget(void) {
  for (int i = 0; i < shared.count; i++) free(shared.tensors[i]);
  free(shared.tensors);
  free(shared.variance);
  memset(&shared, 0, sizeof shared);
}

static const char *learn_tensors(const lw_net *net) {
  lw_parameter_info info;
  if (lw_net_parameter_tensors(net, &shared.count) != LW_OK) return lw_error_message();
  shared.tensors = calloc((size_t)shared.count, sizeof *shared.tensors);
  for (int i = 0; shared.tensors && i < shared.count; i++) {
    if (lw_net_parameter(net, i, &info) != LW_OK) return lw_error_message();
    shared.tensors[i] = malloc((size_t)info.count * sizeof(float));
    if (!shared.tensors[i]) return "no memory";
    lw_kaiming_uniform(PASS_SEED, i, info.fan_in, 0, info.count, shared.tensors[i]);
  }
  return shared.tensors ? NULL : "no memory";
}

static const char *learn_variance(const lw_net *net, int64_t outputs) {
  shared.images = nets_input_distinct(net);
  float *x = malloc((size_t)(shared.images * net->c * net->h * net->w) * sizeof *x);
  shared.variance = malloc((size_t)(shared.images * outputs) * sizeof *shared.variance);
  const char *wrong = !x || !shared.variance ? "no memory"
                      : nets_input(net, shared.images, x) != LW_OK
                          ? lw_error_message()
                          : nets_error_variance(net, (const float *const *)shared.tensors, shared.images, x, shared.variance);
  free(x);
  return wrong;
}

static const char *learn(const lw_net *net, int64_t outputs) {
  if (shared.net == net) return NULL;
  forget();
  const char *wrong = learn_tensors(net);
  if (!wrong) wrong = learn_variance(net, outputs);
  if (wrong) forget();
  shared.net = wrong ? NULL : net;
  return wrong;
}

/* ------------------------------------------------------------------------------------------------------------------ child */

typedef struct own_side {
  nets_pass m;
  const float *x; /* the peer's */
  peer_outcome *o;
} own_side;

static const char *run_ours(void *user) {
  const own_side *s = user;
  s->o->calling = "Lanewise's own pass";
  return lw_plan_run(s->m.plan, s->x, s->m.y, s->m.workspace) == LW_OK ? NULL : lw_error_message();
}

static const char *make_ours(peer_outcome *o, const line *l, const float *x, own_side ours[PAIRED_SIDES]) {
  const lw_weights weights = lw_weights_arrays((const float *const *)shared.tensors);
  const char *wrong = NULL;
  if (peers_isa() == LW_ISA_NAIVE) return NULL; /* plain loops are nothing to compare with */
  for (int mode = LW_EXACT; mode <= (l->has_fast ? LW_FAST : LW_EXACT) && !wrong; mode++) {
    own_side *s = &ours[PEER_EXACT + mode];
    const float *expected;
    wrong = nets_pass_make(l->net, (lw_mode)mode, peers_isa(), l->batch, l->threads, &weights, &s->m);
    s->x = x;
    s->o = o;
    if (!wrong) wrong = run_ours(s);
    if (!wrong) wrong = nets_expected(l->net, (lw_mode)mode, l->batch, &expected);
    if (!wrong) wrong = nets_compare(s->m.y, expected, s->m.outputs);
  }
  return wrong;
}

/* After a pass. */
static void judge(peer_outcome *o, const line *l, lw_backend_promise promise, const float *y, int64_t outputs) {
  const float *expected;
  const char *wrong = nets_expected(l->net, LW_EXACT, l->batch, &expected);
  if (wrong) {
    peer_fail(o, "%s", wrong);
    return;
  }
  const double worst = nets_error_worst(y, expected, outputs, shared.variance, outputs / l->batch * shared.images);
  if (isnan(worst))
    peer_fail(o, "an output is not a finite number");
  else if (promise == LW_BACKEND_EXACT && nets_compare(y, expected, outputs))
    peer_fail(o, "bits differ from the reference on the sample image");
  else if (promise == LW_BACKEND_ANY_ORDER && !(worst <= 1))
    peer_fail(o, "outputs are %.3g times as far from the reference as roundings can bring them", worst);
  o->error_over_bound = worst;
}

static void measure_both(peer_outcome *o, const line *l, own_side ours[PAIRED_SIDES], peer_chain *c, int64_t outputs) {
  paired_side sides[PAIRED_SIDES] = {[PEER_ITSELF] = {peer_chain_run, c}};
  for (int k = PEER_EXACT; k <= PEER_FAST; k++)
    if (ours[k].m.plan) sides[k] = (paired_side){run_ours, &ours[k]};
  memset(c->y, 0xff, (size_t)outputs * sizeof *c->y); /* NaN */
  const char *wrong = peer_chain_run(c);
  peer_limit(o, 0);
  if (wrong) peer_fail(o, "%s", wrong);
  if (!o->error[0]) judge(o, l, c->promise, c->y, outputs);
  if (!o->error[0]) peer_measure(o, sides, l->threads, 0);
  if (!o->error[0]) judge(o, l, c->promise, c->y, outputs); /* of the last run, too */
}

static void body(peer_outcome *o, void *user) {
  const line *l = user;
  own_side ours[PAIRED_SIDES] = {0};
  peer_chain c = {0};
  const int64_t outputs = l->batch * l->outputs;
  float *x = malloc((size_t)(l->batch * l->net->c * l->net->h * l->net->w) * sizeof *x), *y = malloc((size_t)outputs * sizeof *y);
  machine_confine(l->threads);
  const char *wrong = !x || !y ? "no memory" : nets_input(l->net, l->batch, x) != LW_OK ? lw_error_message() : NULL;
  if (!wrong) wrong = make_ours(o, l, x, ours);
  if (wrong) {
    peer_fail(o, "Lanewise's own pass: %s", wrong);
    return;
  }
  if (!peer_open(o, l->p, l->threads, &c.backend)) return;
  peer_limit(o, 1);
  if (peer_chain_make(o, &c, l->net, l->batch, l->threads, (const float *const *)shared.tensors, x, y)) {
    peer_limit(o, 1);
    measure_both(o, l, ours, &c, outputs);
  }
  peer_limit(o, 1);
  peer_chain_destroy(&c);
  kit_backend_close(&c.backend);
  /* The process ends here: nothing else is given back. */
}

/* ------------------------------------------------------------------------------------------------------------------- line */

/* Makes ready what children are to find in their memory. */
static const char *prepare(const line *l) {
  const float *expected;
  const char *wrong = learn(l->net, l->outputs);
  for (int mode = LW_EXACT; mode <= (l->has_fast ? LW_FAST : LW_EXACT) && !wrong; mode++)
    wrong = nets_expected(l->net, (lw_mode)mode, l->batch, &expected);
  return wrong;
}

static void run_line(gbench_state *state, void *user) {
  const line *l = user;
  const lw_isa isa = peers_isa();
  lw_context *context = NULL;
  lw_plan *plan = NULL; /* what the work is */
  const char *wrong = prepare(l);
  if (!wrong && (lw_context_create(&(lw_context_options){.threads = 1, .isa = lw_isa_name(isa)}, &context) != LW_OK ||
                 lw_plan_create(context, l->net, NULL, &(lw_plan_options){.batch = l->batch}, &plan) != LW_OK))
    wrong = lw_error_message();
  const nets_work work = wrong ? (nets_work){0} : nets_work_of(plan, isa, l->threads);
  lw_plan_destroy(plan);
  lw_context_destroy(context);
  if (wrong) {
    gbench_fail(state, wrong);
    return;
  }
  const double seconds = peer_line(state, body, user, "");
  if (seconds > 0) nets_counters(state, l->net, &work, l->batch, seconds);
}

static line *notes;
static int note_count;

void peer_nets_want(const lw_net *net, int64_t batch, int threads, int has_fast) {
  if (peers_count() == 0) return;
  line *more = realloc(notes, (size_t)(note_count + 1) * sizeof *notes);
  lw_shape in = {net->c, net->h, net->w}, out = in;
  if (!more) return;
  notes = more;
  for (size_t i = 0; i < net->layer_count; i++, in = out)
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) return;
  notes[note_count++] =
      (line){.net = net, .batch = batch, .threads = threads, .has_fast = has_fast, .outputs = out.c * out.h * out.w};
}

static int supports(kit_backend *b, int i, void *user) {
  (void)user;
  return peer_chain_supports(b, notes[i].net, notes[i].batch);
}

static void add(const peer *p, const line *note, int answer) {
  char name[160];
  line *l = gbench_keep(note, sizeof *note);
  if (!l) return;
  l->p = p;
  snprintf(name, sizeof name, "%s/%s/%s/b%d/t%d", l->net->name, answer == 1 + LW_BACKEND_EXACT ? "exact" : "fast", p->info.name,
           (int)l->batch, l->threads);
  gbench_register(name, run_line, l, strcmp(l->net->name, "vgg16") == 0 ? GBENCH_MS : GBENCH_US, 1, 1);
}

void peer_nets_register(void) {
  char *answers = malloc((size_t)peers_count() * (size_t)note_count + 1);
  if (!answers) return;
  for (int i = 0; i < peers_count(); i++) peer_ask(peers_at(i), note_count, supports, NULL, answers + i * note_count);
  for (int k = 0; k < note_count; k++) /* grouped by network and batch */
    for (int i = 0; i < peers_count(); i++)
      if (answers[i * note_count + k]) add(peers_at(i), &notes[k], answers[i * note_count + k]);
  free(answers);
}
