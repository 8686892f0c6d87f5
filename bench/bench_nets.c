/* SPDX-License-Identifier: Apache-2.0
 * Whole passes on real images: <net>/<mode>/<isa>/b<batch>/t<threads>, and for VGG16 at batch 1 one line per layer below that.
 * Options: --net=, --isa=, --batch=, --threads= (comma-separated lists), --slow=no (without naive and autovec VGG16, which take
 * half a minute together). Mode fast is measured where it differs from exact. At batch 1 also: the median and the 99th percentile
 * of single calls (p50_us, p99_us), the first call (first_call_us) and the making of the plan (plan_ms). Every pass is checked
 * before its time counts: the strongest ISA against the stored digest of that mode's definition, every other pass bit for bit
 * against that one on the same image, autovec layer by layer against a bound for any order of sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/nets_input.h"
#include "bench/options.h"
#include "bench/roof.h"
#include "nets/recipe.h"
#include "runtime/topology.h" /* cache sizes */
#include "simd/isa.h"
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

/* Seconds per image of plain loops on one thread, by network: what speed-ups refer to. */
static double naive_seconds[16], autovec_seconds[16];

static size_t index_of(const lw_net *net) {
  size_t i = 0;
  while (lw_net_builtin_at(i) != net) i++;
  return i;
}

/* -------------------------------------------------------------------------------------------------------------- roofs */

static double fma_roof(lw_isa isa, int threads) {
  static double known[LW_ISA_COUNT][ROOF_THREADS + 1];
  if (isa != LW_ISA_AVX2 && isa != LW_ISA_AVX512 && isa != LW_ISA_NEON) isa = lw_isa_best(); /* plain loops: of the machine */
  if (!known[isa][threads]) known[isa][threads] = roof_fma_gflops(isa, threads);
  return known[isa][threads];
}

/* Bandwidth of where weights of so many bytes stay between passes. */
static double read_roof(double weight_bytes, int threads) {
  static double known[ROOF_DRAM + 1][ROOF_THREADS + 1];
  const int level = roof_level(weight_bytes, threads);
  if (!known[level][threads]) known[level][threads] = roof_read_gbs(level, threads);
  return known[level][threads];
}

/* The least seconds that a step could take: arithmetic (its algorithm's) or weights. Which of the two binds is "FMA"
 * or where the weights lie. */
static double roof_seconds(const pass *p, const lw_step_info *s, double all_weight_bytes, const char **binds) {
  const double fma = s->algorithm_flops * 1e-9 / fma_roof(p->isa, p->threads);
  const double bandwidth = read_roof(all_weight_bytes, p->threads);
  const double read = bandwidth > 0 ? s->weight_bytes * 1e-9 / bandwidth : 0;
  *binds = fma > read ? "FMA" : roof_level_name(roof_level(all_weight_bytes, p->threads));
  return fma > read ? fma : read;
}

/* -------------------------------------------------------------------------------------------------------------- passes */

typedef struct made {
  lw_context *context;
  lw_plan *plan;
  void *workspace;
  float *x, *y, *expected;
  int64_t outputs;
  double plan_seconds, first_seconds; /* making the plan; its first run, with cold caches and untouched workspace */
} made;

static void release(made *m) {
  lw_release(m->context, m->workspace);
  lw_plan_destroy(m->plan);
  lw_context_destroy(m->context);
  free(m->x);
  free(m->y);
  free(m->expected);
}

static const char *make(const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads, made *m) {
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const int64_t inputs = net->c * net->h * net->w * batch;
  *m = (made){0};
  double begin = 0;
  if (lw_context_create(&(lw_context_options){.threads = threads, .isa = lw_isa_name(isa), .pin = threads > 1}, &m->context) !=
          LW_OK ||
      (begin = clock_seconds(),
       lw_plan_create(m->context, net, &weights, &(lw_plan_options){.batch = batch, .mode = mode}, &m->plan)) != LW_OK)
    return lw_error_message();
  m->plan_seconds = clock_seconds() - begin;
  if (lw_allocate(m->context, lw_plan_workspace_bytes(m->plan), &m->workspace) != LW_OK) return lw_error_message();
  m->outputs = lw_plan_outputs(m->plan) * batch;
  m->x = malloc((size_t)inputs * sizeof(float));
  m->y = malloc((size_t)m->outputs * sizeof(float));
  m->expected = malloc((size_t)m->outputs * sizeof(float));
  if (!m->x || !m->y || !m->expected) return "no memory";
  return nets_input(net, batch, m->x) == LW_OK ? NULL : lw_error_message();
}

/* What the network answers to the sample images, from the strongest ISA after its digest has been checked; image by image, so
 * that it serves every batch. */
static const char *expect(const lw_net *net, lw_mode mode, int64_t batch, float *expected) {
  made m;
  const int64_t inputs = net->c * net->h * net->w;
  const char *wrong = make(net, mode, lw_isa_best(), 1, machine_cores(), &m);
  if (!wrong) wrong = pass_check_digest(LANEWISE_SOURCE_DIR "/data/golden/digests.txt", net, mode, m.plan, m.workspace);
  float *x = malloc((size_t)(batch * inputs) * sizeof *x);
  if (!wrong && !x) wrong = "no memory";
  if (!wrong && nets_input(net, batch, x) != LW_OK) wrong = lw_error_message();
  for (int64_t i = 0; !wrong && i < batch; i++)
    if (lw_plan_run(m.plan, x + i * inputs, expected + i * m.outputs, m.workspace) != LW_OK) wrong = lw_error_message();
  free(x);
  release(&m);
  return wrong;
}

/* The answers of the latest network and batch in each mode: passes come grouped by them. */
static const char *expected_output(const pass *p, const made *m) {
  static struct {
    const lw_net *net;
    int64_t batch;
    float *y;
    const char *wrong;
  } known[LW_FAST + 1], *k;
  k = &known[p->mode];
  if (k->net != p->net || k->batch != p->batch) {
    free(k->y);
    k->net = p->net;
    k->batch = p->batch;
    k->y = malloc((size_t)m->outputs * sizeof *k->y);
    k->wrong = k->y ? expect(p->net, p->mode, p->batch, k->y) : "no memory";
  }
  if (!k->wrong) memcpy(m->expected, k->y, (size_t)m->outputs * sizeof *k->y);
  return k->wrong;
}

static const char *compare(const made *m) {
  return memcmp(m->y, m->expected, (size_t)m->outputs * sizeof(float)) == 0
             ? NULL
             : "bits differ from the reference on the sample image";
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Times of single calls, the latest of many. */
enum { SAMPLES = 1 << 16, FEWEST_SAMPLES = 100 };
static double samples[SAMPLES];
static size_t sample_count;

static void latency(gbench_state *state, const made *m) {
  const size_t n = sample_count < SAMPLES ? sample_count : SAMPLES;
  gbench_counter(state, "plan_ms", m->plan_seconds * 1e3);
  if (m->first_seconds > 0) gbench_counter(state, "first_call_us", m->first_seconds * 1e6);
  if (n < FEWEST_SAMPLES) return; /* too few for one in a hundred */
  qsort(samples, n, sizeof *samples, by_value);
  gbench_counter(state, "p50_us", samples[n / 2] * 1e6);
  gbench_counter(state, "p99_us", samples[n * 99 / 100] * 1e6);
}

/* Medians of the steps' times. */
static void profile(pass *p, const made *m) {
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

static void counters(gbench_state *state, const pass *p, const made *m, double seconds) {
  double flops = 0, bytes = 0, roof = 0;
  const char *binds;
  for (size_t i = 0; i < lw_plan_steps(m->plan); i++) {
    lw_step_info s;
    if (lw_plan_step(m->plan, i, &s) != LW_OK) continue;
    flops += s.flops;
    bytes += s.bytes;
    roof += roof_seconds(p, &s, (double)lw_plan_weight_bytes(m->plan), &binds);
  }
  const size_t n = index_of(p->net);
  const double per_image = seconds / (double)p->batch;
  gbench_counter(state, "images/s", 1 / per_image);
  gbench_counter(state, "flops", flops);
  gbench_counter(state, "bytes", bytes);
  gbench_counter(state, "GFLOP/s", flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", (double)lw_plan_weight_bytes(m->plan) * 1e-9 / seconds);
  gbench_counter(state, "percent_of_roof", 100 * roof / seconds);
  if (p->isa == LW_ISA_NAIVE && p->batch == 1) naive_seconds[n] = per_image;
  if (p->is_autovec && p->batch == 1) autovec_seconds[n] = per_image;
  if (naive_seconds[n] > 0) gbench_counter(state, "speedup_over_naive", naive_seconds[n] / per_image);
  if (autovec_seconds[n] > 0) gbench_counter(state, "speedup_over_autovec", autovec_seconds[n] / per_image);
}

static void run_pass(gbench_state *state, void *user) {
  pass *p = user;
  made m;
  if (p->is_slow) fprintf(stderr, "%s on %s: one pass, some seconds ...\n", p->net->name, lw_isa_name(p->isa));
  const char *wrong = make(p->net, p->mode, p->isa, p->batch, p->threads, &m);
  if (!wrong) wrong = expected_output(p, &m);
  if (!wrong && p->is_autovec) wrong = pass_check_bounds(p->net, m.plan, m.x, m.y, m.workspace, NULL);
  if (!wrong && !p->is_autovec && !p->is_slow) {
    const double begin = clock_seconds();
    const lw_status status = lw_plan_run(m.plan, m.x, m.y, m.workspace);
    m.first_seconds = clock_seconds() - begin;
    wrong = status == LW_OK ? compare(&m) : lw_error_message();
    if (!wrong) fma_roof(p->isa, p->threads); /* measured before, not between */
  }
  double total = 0;
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
  if (!wrong && !p->is_autovec) wrong = compare(&m);
  if (wrong)
    gbench_fail(state, wrong);
  else {
    counters(state, p, &m, total / (double)gbench_iterations(state));
    if (p->batch == 1) latency(state, &m);
  }
  release(&m);
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
  gbench_counter(state, "percent_of_roof", 100 * roof_seconds(l->pass, s, 4 * (double)parameters, &binds) / seconds);
  gbench_label(state, binds);
  gbench_counter(state, "flops", s->flops);
  gbench_counter(state, "bytes", s->bytes);
  gbench_counter(state, "GFLOP/s", s->flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", s->weight_bytes * 1e-9 / seconds);
}

/* ------------------------------------------------------------------------------------------------------------ program */

typedef struct selection {
  const char *nets, *isas;
  int batches[64], batch_count, threads[64], thread_count, slow;
} selection;

/* Does the recipe give a layer another algorithm than mode exact? */
static int fast_differs(const lw_net *net) {
  lw_shape in = {net->c, net->h, net->w}, out;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) return 0;
    if (net->layers[i].kind != LW_LAYER_CONV2D) continue;
    const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[i], 1, in);
    if (lw_recipe_conv2d(LW_FAST, &d, out.h, out.w)) return 1;
  }
  return 0;
}

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
  if (!read_options(&argc, argv, &s) || !gbench_init(&argc, argv)) return 1;
  const char *cap = getenv("LANEWISE_ISA");
  const lw_isa best = cap ? (lw_isa)lw_isa_from_name(cap) : lw_isa_best();
  lw_context *probe;
  if (lw_context_create(&(lw_context_options){.threads = 1}, &probe) != LW_OK)
    return fprintf(stderr, "bench_nets: %s\n", lw_error_message()), 1;
  lw_context_destroy(probe);
  machine_context();
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
          if (isa <= (int)best && lw_isa_runnable((lw_isa)isa) &&
              (isa == LW_ISA_AVX2 || isa == LW_ISA_AVX512 || isa == LW_ISA_NEON))
            for (int mode = LW_EXACT; mode <= (fast_differs(net) ? LW_FAST : LW_EXACT); mode++)
              add(&s, net, (lw_mode)mode, (lw_isa)isa, batches[b], s.threads[t]);
      }
  }
  machine_noise();
  if (gbench_run() == 0) return fprintf(stderr, "bench_nets: no benchmark matches\n"), 1;
  return 0;
}
