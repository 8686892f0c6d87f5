/* SPDX-License-Identifier: Apache-2.0
 * Whole passes on real images: <net>/<mode>/<isa>/b<batch>/t<threads>, and for VGG16 at batch 1 one line per layer below that;
 * steps of training, <net>/train/<mode>/<isa>/b<batch>/t<threads>: bench/nets_step.h.
 * Options: --net=, --isa=, --batch=, --threads= (comma-separated lists), --slow=no (without naive and autovec VGG16, which take
 * half a minute together, its training, and Net's on plain loops). Mode fast is measured where it differs from exact. At batch 1
 * also: the median and the 99th percentile of single calls (p50_us, p99_us), the first call (first_call_us) and the making of the
 * plan (plan_ms). Every pass is checked before its time counts: the strongest ISA against the stored digest of that mode's
 * definition, every other pass bit for bit against that one on the same image, autovec layer by layer against a bound for any
 * order of sums.
 * --backend=PATH,...: backends (include/lanewise_backend.h) beside it, see bench/peer_nets.h; --backend-limit=SECONDS: that one
 * of their calls may take (60). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/nets_error.h"
#include "bench/nets_pass.h"
#include "bench/nets_step.h"
#include "bench/options.h"
#include "bench/peer_nets.h"
#include "bench/peers.h"
#include "bench/roof.h"
#include "nets/recipe.h"
#include "tests/kit/pass.h"

enum { MAX_RUNS = 512, MAX_LAYERS = 64, MAX_BATCH = 4096, PROFILES = 5 };

typedef struct pass {
  const lw_net *net;
  lw_mode mode;
  lw_isa isa;
  int is_autovec, is_slow; /* slow: one pass, without warming up */
  int64_t batch;
  int threads;
  double layer_seconds[MAX_LAYERS]; /* by first layer of a step; 0: not measured */
  lw_step_info layer[MAX_LAYERS];
} pass;

typedef struct layer_line {
  const pass *pass;
  size_t layer;
} layer_line;

static pass passes[MAX_RUNS];
static layer_line lines[MAX_RUNS * 8];

/* -------------------------------------------------------------------------------------------------------------- passes */

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Times of single calls, the latest of many. */
enum { SAMPLES = 1 << 16, FEWEST_SAMPLES = 100 };
static double samples[SAMPLES];
static size_t sample_count;

static void latency(gbench_state *state, const nets_pass *m, double first_seconds) {
  const size_t n = sample_count < SAMPLES ? sample_count : SAMPLES;
  gbench_counter(state, "plan_ms", m->plan_seconds * 1e3);
  if (first_seconds > 0) gbench_counter(state, "first_call_us", first_seconds * 1e6);
  if (n < FEWEST_SAMPLES) return; /* too few for one in a hundred */
  qsort(samples, n, sizeof *samples, by_value);
  gbench_counter(state, "p50_us", samples[n / 2] * 1e6);
  gbench_counter(state, "p99_us", samples[n * 99 / 100] * 1e6);
}

/* Medians of the steps' times. */
static void profile(pass *p, const nets_pass *m) {
  double seconds[PROFILES][2 * MAX_LAYERS];
  const size_t steps = lw_plan_steps(m->plan);
  if (steps > 2 * MAX_LAYERS) return;
  for (int k = 0; k < PROFILES; k++)
    if (lw_plan_profile(m->plan, m->x, m->y, m->workspace, seconds[k]) != LW_OK) return;
  for (size_t i = 0; i < steps; i++) {
    lw_step_info s;
    double sorted[PROFILES];
    if (lw_plan_step(m->plan, i, &s) != LW_OK || !s.name[0] || s.first_layer >= MAX_LAYERS) continue;
    for (int k = 0; k < PROFILES; k++) sorted[k] = seconds[k][i];
    qsort(sorted, PROFILES, sizeof *sorted, by_value);
    p->layer_seconds[s.first_layer] = sorted[PROFILES / 2];
    p->layer[s.first_layer] = s;
  }
}

static void run_pass(gbench_state *state, void *user) {
  pass *p = user;
  nets_pass m;
  const float *expected;
  double total = 0, first = 0;
  const double error = p->is_autovec || p->batch > 1 ? -1 : nets_error_of_pass(p->net, p->mode);
  if (p->is_slow) fprintf(stderr, "%s on %s: one pass, some seconds ...\n", p->net->name, lw_isa_name(p->isa));
  const char *wrong = nets_pass_make(p->net, p->mode, p->isa, p->batch, p->threads, NULL, &m);
  if (!wrong) wrong = nets_expected(p->net, p->mode, p->batch, &expected);
  if (!wrong && p->is_autovec) wrong = pass_check_bounds(p->net, m.plan, m.x, m.y, m.workspace);
  if (!wrong && !p->is_autovec && !p->is_slow) {
    const double begin = clock_seconds();
    const lw_status status = lw_plan_run(m.plan, m.x, m.y, m.workspace);
    first = clock_seconds() - begin;
    wrong = status == LW_OK ? nets_compare(m.y, expected, m.outputs) : lw_error_message();
    if (!wrong) (void)nets_work_of(m.plan, p->isa, p->threads); /* roofs are measured before, not between */
  }
  sample_count = 0;
  machine_pin();
  while (!wrong && gbench_next(state)) {
    const double begin = clock_seconds();
    lw_plan_run(m.plan, m.x, m.y, m.workspace);
    const double seconds = clock_seconds() - begin;
    gbench_time(state, seconds);
    samples[sample_count++ % SAMPLES] = seconds;
    total += seconds;
  }
  if (!wrong && p->batch == 1 && !p->is_slow) profile(p, &m);
  machine_unpin();
  if (!wrong && !p->is_autovec) wrong = nets_compare(m.y, expected, m.outputs);
  if (wrong)
    gbench_fail(state, wrong);
  else {
    const nets_work work = nets_work_of(m.plan, p->isa, p->threads);
    const double seconds = total / (double)gbench_iterations(state);
    if (p->batch == 1 && (p->is_autovec || p->isa == LW_ISA_NAIVE))
      nets_set_plain(p->net, p->is_autovec ? NETS_AUTOVEC : NETS_NAIVE, seconds);
    nets_counters(state, p->net, &work, p->batch, seconds);
    if (p->batch == 1) latency(state, &m, first);
    if (error >= 0) gbench_counter(state, "error_over_bound", error);
  }
  nets_pass_release(&m);
}

/* A layer's line repeats what its pass has measured. */
static void print_layer(gbench_state *state, void *user) {
  const layer_line *l = user;
  const double seconds = l->pass->layer_seconds[l->layer];
  while (gbench_next(state)) gbench_time(state, seconds);
  if (seconds <= 0) {
    gbench_fail(state, "its whole pass was not measured");
    return;
  }
  const lw_step_info *s = &l->pass->layer[l->layer];
  int64_t parameters = 0;
  const char *binds;
  (void)lw_net_parameters(l->pass->net, &parameters);
  gbench_counter(state, "percent_of_roof",
                 100 * nets_roof_seconds(s, l->pass->isa, l->pass->threads, 4 * (double)parameters, &binds) / seconds);
  gbench_label(state, binds);
  gbench_counter(state, "flops", s->flops);
  gbench_counter(state, "bytes", s->bytes);
  gbench_counter(state, "GFLOP/s", s->flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", s->weight_bytes * 1e-9 / seconds);
  const double error = nets_error_of_layers(l->pass->net, l->pass->mode, s->first_layer, s->last_layer);
  if (error >= 0) gbench_counter(state, "error_over_bound", error);
}

/* ------------------------------------------------------------------------------------------------------------ program */

typedef struct selection {
  const char *nets, *isas;
  int batches[64], batch_count, threads[64], thread_count, slow;
} selection;

static void add(const selection *s, const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads) {
  static int used, line_count;
  const int is_autovec = (int)isa == lw_isa_best_autovec(), plain = is_autovec || isa == LW_ISA_NAIVE;
  const char *name = is_autovec ? "autovec" : lw_isa_name(isa);
  const int is_slow = plain && strcmp(net->name, "vgg16") == 0;
  char text[128];
  if (!option_lists(s->isas, name) || (is_slow && !s->slow) || used == MAX_RUNS) return;
  if (plain && (batch != 1 || threads != s->threads[0])) return; /* what speed-ups refer to: one image, one thread */
  pass *p = &passes[used++];
  *p = (pass){
      .net = net, .mode = mode, .isa = isa, .is_autovec = is_autovec, .is_slow = is_slow, .batch = batch, .threads = threads};
  const int length = snprintf(text, sizeof text, "%s/%s/%s/b%d/t%d", net->name, is_autovec || mode == LW_FAST ? "fast" : "exact",
                              name, (int)batch, threads);
  gbench_register(text, run_pass, p, strcmp(net->name, "vgg16") == 0 ? GBENCH_MS : GBENCH_US, is_slow, 1);
  if (plain || batch != 1 || strcmp(net->name, "vgg16") != 0) return;
  /* A line per step with weights, under the name of its first layer. */
  lw_context *context = NULL;
  lw_plan *plan = NULL;
  if (lw_context_create(&(lw_context_options){.threads = 1, .isa = lw_isa_name(isa)}, &context) == LW_OK)
    (void)lw_plan_create(context, net, NULL, &(lw_plan_options){.mode = mode}, &plan); /* the pass itself will tell why not */
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    lw_step_info step;
    if (lw_plan_step(plan, i, &step) != LW_OK || step.weight_bytes == 0) continue;
    snprintf(text + length, sizeof text - (size_t)length, "/%s", step.name);
    lines[line_count] = (layer_line){p, step.first_layer};
    gbench_register(text, print_layer, &lines[line_count++], GBENCH_MS, 1, 1);
  }
  lw_plan_destroy(plan);
  lw_context_destroy(context);
}

static int is_simd_here(lw_isa isa, lw_isa best) { return isa <= best && lw_isa_is_simd(isa) && lw_isa_runnable(isa); }

/* Plain loops on one thread and for one batch: what speed-ups refer to. */
static void add_steps(const selection *s, const lw_net *net, lw_isa best) {
  const int *usual = nets_step_batches(net), is_vgg16 = strcmp(net->name, "vgg16") == 0;
  if (is_vgg16 && !s->slow) return;
  for (int b = 0; s->batch_count ? b < s->batch_count : usual[b] > 0; b++)
    for (int t = 0; t < s->thread_count; t++) {
      const int batch = s->batch_count ? s->batches[b] : usual[b];
      if (b == 0 && t == 0 && !is_vgg16 && (s->slow || net->c == 1) && option_lists(s->isas, "naive"))
        nets_step_register(net, LW_EXACT, LW_ISA_NAIVE, batch, s->threads[t]);
      for (int isa = 0; isa < LW_ISA_COUNT; isa++)
        if (is_simd_here((lw_isa)isa, best) && option_lists(s->isas, lw_isa_name((lw_isa)isa)))
          for (int mode = LW_EXACT; mode <= (lw_recipe_is_fast(net) ? LW_FAST : LW_EXACT); mode++)
            nets_step_register(net, (lw_mode)mode, (lw_isa)isa, batch, s->threads[t]);
    }
}

static int read_options(int *argc, char **argv, selection *s) {
  const int cores = machine_cores();
  *s = (selection){.nets = option_take(argc, argv, "net"), .isas = option_take(argc, argv, "isa"), .slow = 1};
  const char *batches = option_take(argc, argv, "batch"), *threads = option_take(argc, argv, "threads");
  const char *slow = option_take(argc, argv, "slow");
  if (batches && !(s->batch_count = option_numbers(batches, MAX_BATCH, s->batches, 64)))
    return fprintf(stderr, "bench_nets: --batch is \"%s\", expected numbers 1..%d\n", batches, MAX_BATCH), 0;
  if (threads && !(s->thread_count = option_numbers(threads, ROOF_THREADS, s->threads, 64)))
    return fprintf(stderr, "bench_nets: --threads is \"%s\", expected numbers 1..%d\n", threads, ROOF_THREADS), 0;
  if (slow && strcmp(slow, "yes") != 0 && strcmp(slow, "no") != 0)
    return fprintf(stderr, "bench_nets: --slow is \"%s\", expected yes or no\n", slow), 0;
  s->slow = !slow || strcmp(slow, "yes") == 0;
  for (const char *p = s->nets; p && *p;) { /* an unknown name would silently measure nothing */
    char name[64];
    const size_t length = strcspn(p, ",");
    snprintf(name, sizeof name, "%.*s", (int)length, p);
    if (!lw_net_builtin(name)) return fprintf(stderr, "bench_nets: --net names \"%s\", which is no network\n", name), 0;
    p += length + (p[length] == ',');
  }
  if (!s->thread_count)
    for (int t = 1; t <= cores && s->thread_count<64; t = t * 2> cores && t < cores ? cores : t * 2)
      s->threads[s->thread_count++] = t;
  return 1;
}

int main(int argc, char **argv) {
  selection s;
  if (!read_options(&argc, argv, &s) || !peers_init(&argc, argv, "bench_nets") || !gbench_init(&argc, argv)) return 1;
  const char *cap = getenv("LANEWISE_ISA");
  const lw_isa best = cap ? (lw_isa)lw_isa_from_name(cap) : lw_isa_best();
  lw_context *probe;
  if (lw_context_create(&(lw_context_options){.threads = 1}, &probe) != LW_OK)
    return fprintf(stderr, "bench_nets: %s\n", lw_error_message()), 1;
  lw_context_destroy(probe);
  machine_context();
  peers_context();
  const lw_net *net;
  for (size_t i = 0; (net = lw_net_builtin_at(i)); i++) {
    if (!option_lists(s.nets, net->name)) continue;
    /* Digits are also measured as a batch: LeNet's one pass is shorter than waking a thread. */
    const int usual[] = {1, 64};
    const int *batches = s.batch_count ? s.batches : usual;
    const int count = s.batch_count ? s.batch_count : strcmp(net->name, "lenet5") == 0 ? 2 : 1;
    for (int b = 0; b < count; b++)
      for (int t = 0; t < s.thread_count; t++) {
        add(&s, net, LW_EXACT, LW_ISA_NAIVE, batches[b], s.threads[t]);
        if (lw_isa_best_autovec() >= 0) add(&s, net, LW_EXACT, (lw_isa)lw_isa_best_autovec(), batches[b], s.threads[t]);
        for (int isa = 0; isa < LW_ISA_COUNT; isa++)
          if (is_simd_here((lw_isa)isa, best))
            for (int mode = LW_EXACT; mode <= (lw_recipe_is_fast(net) ? LW_FAST : LW_EXACT); mode++)
              add(&s, net, (lw_mode)mode, (lw_isa)isa, batches[b], s.threads[t]);
        peer_nets_want(net, batches[b], s.threads[t], lw_recipe_is_fast(net));
      }
    add_steps(&s, net, best);
  }
  peer_nets_register();
  machine_noise();
  if (gbench_run() == 0) return fprintf(stderr, "bench_nets: no benchmark matches\n"), 1;
  return 0;
}
