/* SPDX-License-Identifier: Apache-2.0
 * Every row of the kernel table: <op>/<mode>/<isa>/<algorithm>.<case>/t<threads>. Tensors are in the layout that the kernel
 * wants, packing and reorders are outside of the time. Suffixes of a case: -cold (caches are flushed before every run), -plain
 * (the public function or lw_conv2d_plan on plain tensors, reorders included). Options: --shape=mb1ic64ih56oc64oh56kh3ph1 (only
 * this convolution, in benchdnn's words), --threads=1,2, --cache=hot,cold, --all=yes (also the small seam cases of the test kit),
 * --plain=no. A kernel is checked on its case before it is timed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "bench/roof.h"
#include "tests/kit/shape.h"
#include "ops/ops.h"
#include "runtime/topology.h"
#include "tests/kit/kit.h"

enum { SEED = 1, SMALL_BYTES = 65536, COLD_RUNS = 10 }; /* a flush takes far longer than most kernels */
static const double SLOW_FLOPS = 3e8;                   /* plain loops take more than 0.1 s */

typedef enum way { HOT, COLD, PLAIN } way;

typedef struct bench {
  const kit_op *op;
  const lw_kernel *row;
  const kit_case *c;
  way way;
  int threads;
} bench;

/* ----------------------------------------------------------------------------------------------------- what is expected */

/* The reference's answer to the current case; benchmarks come grouped by case. The naive row computes it, on all cores:
 * test_kernels proves it equal to ref. */
static struct {
  const kit_case *c;
  const char *algorithm; /* of mode fast, with a definition of its own; NULL: mode exact */
  kit_fill fill;
  kit_set set;
} expected;

static const lw_kernel *naive_row(lw_op op, const char *algorithm) {
  const lw_kernel *naive = lw_kernel_find(op, LW_ISA_NAIVE, algorithm);
  return naive ? naive : lw_kernel_find(op, LW_ISA_PORTABLE, NULL);
}

static const char *expect(const bench *b, kit_fill fill) {
  const char *algorithm = b->row->promise == LW_FAST ? b->row->algorithm : NULL;
  if (expected.c == b->c && expected.algorithm == algorithm && expected.fill == fill) return NULL;
  if (expected.c) kit_set_free(&expected.set);
  expected.c = NULL;
  if (!kit_set_make(&expected.set, b->op, b->c, KIT_ALIGNED)) return "no memory";
  kit_set_fill(&expected.set, fill, SEED);
  kit_run run = {
      .op = b->op, .row = naive_row(b->op->op, algorithm), .c = b->c, .t = expected.set.t, .parts = 16, .memory = KIT_ALIGNED};
  if (kit_variants(b->op, run.row, b->c) > 0) {
    if (!kit_prepare(&run)) return "no memory";
    kit_execute(&run, 16, KIT_THREADS);
    kit_collect(&run, NULL);
    kit_release(&run);
  } else {
    if (algorithm)
      b->op->fast_ref(algorithm, b->c, expected.set.t);
    else
      b->op->ref(b->c, expected.set.t);
  }
  expected.c = b->c;
  expected.algorithm = algorithm;
  expected.fill = fill;
  return NULL;
}

static const char *check_bound(const bench *b, const kit_set *got) {
  kit_set wide;
  kit_difference d;
  const int64_t outputs = got->info[kit_set_output(got)].count;
  double *bound = b->op->bound ? malloc(((size_t)outputs + 1) * sizeof *bound) : NULL;
  if (!kit_set_widen(&wide, got)) {
    free(bound);
    return "no memory";
  }
  b->op->ref64(b->c, wide.t);
  if (bound) b->op->bound(b->c, wide.t, KIT_ANY_ORDER, bound);
  const int64_t wrong = kit_compare_bound(&wide, bound, got, &d, NULL);
  kit_set_free(&wide);
  free(bound);
  return wrong ? "an output is further from its true value than any order of sums can be" : NULL;
}

/* Runs the kernel once on `set` and compares. */
static const char *check(const bench *b, kit_run *run, kit_set *set, kit_fill fill) {
  kit_poison(run, set);
  kit_execute(run, b->threads, KIT_RISING);
  if (!kit_collect(run, set)) return "the kernel wrote outside of its output or changed an input";
  const int bound = b->row->promise == LW_BOUND;
  if (bound && !(b->op->exact_on_integers && fill == KIT_INTEGERS)) return check_bound(b, set);
  const char *wrong = expect(b, fill);
  kit_difference d;
  return wrong ? wrong : kit_compare(&expected.set, set, &d) ? "bits differ from the reference" : NULL;
}

/* -------------------------------------------------------------------------------------------------------------- timing */

static void flush_caches(void) {
  static char *memory;
  const size_t l3 = lw_topology_cache_bytes(3), bytes = 2 * (l3 > (16u << 20) ? l3 : 16u << 20);
  if (!memory) memory = malloc(bytes);
  if (memory) memset(memory, 1, bytes);
}

typedef struct job {
  const bench *b;
  kit_run *run;
  lw_context *context;
  lw_conv2d_plan *plan;
  void *workspace;
} job;

static void run_part(void *user, int part, int parts) {
  const job *j = user;
  for (int pass = 0; pass < j->run->passes; pass++) j->b->row->fn(&j->run->args[pass], (lw_part){part, parts});
}

/* Passes of a kernel must not overlap. */
static void run_once(const job *j) {
  if (j->plan) {
    lw_conv2d_plan_run(j->plan, j->run->t[0], j->run->t[3], j->workspace);
  } else if (j->b->way == PLAIN) {
    j->b->op->call(j->context, j->b->c, j->run->t);
  } else if (j->run->passes == 1) {
    lw_parallel(j->context, j->b->threads, run_part, (void *)j);
  } else {
    for (int pass = 0; pass < j->run->passes; pass++) {
      kit_run one = *j->run;
      one.passes = 1;
      one.args[0] = j->run->args[pass];
      const job single = {.b = j->b, .run = &one};
      lw_parallel(j->context, j->b->threads, run_part, (void *)&single);
    }
  }
}

static const char *make_plain(job *j, const kit_set *set) {
  if (j->b->op->op != LW_OP_conv2d) return NULL;
  if (lw_conv2d_plan_create(j->context, &j->b->c->of.conv2d, set->t[1], set->t[2], j->b->c->relu, &j->plan) != LW_OK ||
      lw_allocate(j->context, lw_conv2d_plan_workspace_bytes(j->plan), &j->workspace) != LW_OK)
    return lw_error_message();
  return NULL;
}

static void counters(gbench_state *state, const bench *b, double seconds) {
  static const kit_case *naive_case;
  static double naive_seconds;
  const int simd = lw_isa_is_simd(b->row->isa);
  const double flops = b->op->flops ? b->op->flops(b->c) : 0, bytes = kit_bytes(b->op, b->c);
  const int level = b->way == COLD ? ROOF_DRAM : roof_level(bytes, b->threads);
  static double fma[LW_ISA_COUNT][ROOF_THREADS + 1], read[ROOF_DRAM + 1][ROOF_THREADS + 1];
  const lw_isa isa = simd ? b->row->isa : lw_isa_best();
  if (!fma[isa][b->threads]) fma[isa][b->threads] = roof_fma_gflops(isa, b->threads);
  if (!read[level][b->threads]) read[level][b->threads] = roof_read_gbs(level, b->threads);
  const double by_fma = fma[isa][b->threads] > 0 ? flops * 1e-9 / fma[isa][b->threads] : 0;
  const double by_read = read[level][b->threads] > 0 ? bytes * 1e-9 / read[level][b->threads] : 0;
  gbench_label(state, by_fma > by_read ? "FMA" : roof_level_name(level));
  gbench_counter(state, "flops", flops);
  gbench_counter(state, "bytes", bytes);
  if (flops > 0) gbench_counter(state, "GFLOP/s", flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", bytes * 1e-9 / seconds);
  gbench_counter(state, "percent_of_roof", 100 * (by_fma > by_read ? by_fma : by_read) / seconds);
  if (b->row->isa == LW_ISA_NAIVE && b->way == HOT && b->threads == 1) {
    naive_case = b->c;
    naive_seconds = seconds;
  }
  if (naive_case == b->c) gbench_counter(state, "speedup_over_naive", naive_seconds / seconds);
}

static void measure(gbench_state *state, void *user) {
  const bench *b = user;
  kit_set set;
  const kit_fill fill = b->row->promise == LW_BOUND && b->op->exact_on_integers ? KIT_INTEGERS : KIT_REALS;
  if (!kit_set_make(&set, b->op, b->c, KIT_ALIGNED)) {
    gbench_fail(state, "no memory");
    return;
  }
  kit_set_fill(&set, fill, SEED);
  kit_run run = {.op = b->op, .row = b->row, .c = b->c, .t = set.t, .parts = b->threads, .memory = KIT_ALIGNED};
  job j = {.b = b, .run = &run};
  const char *wrong = kit_prepare(&run) ? check(b, &run, &set, fill) : run.error;
  const int prepared = run.error[0] == 0;
  if (!wrong &&
      lw_context_create(&(lw_context_options){.threads = b->threads, .pin = b->threads > 1, .isa = lw_isa_name(b->row->isa)},
                        &j.context) != LW_OK)
    wrong = lw_error_message();
  if (!wrong && b->way == PLAIN) wrong = make_plain(&j, &set);
  double total = 0;
  if (!wrong) machine_pin();
  while (!wrong && gbench_next(state)) {
    if (b->way == COLD) flush_caches();
    const double begin = clock_seconds();
    run_once(&j);
    const double seconds = clock_seconds() - begin;
    gbench_time(state, seconds);
    total += seconds;
  }
  machine_unpin();
  if (wrong)
    gbench_fail(state, wrong);
  else
    counters(state, b, total / (double)gbench_iterations(state));
  lw_release(j.context, j.workspace);
  lw_conv2d_plan_destroy(j.plan);
  lw_context_destroy(j.context);
  if (prepared) kit_release(&run);
  kit_set_free(&set);
}

/* ------------------------------------------------------------------------------------------------------------- program */

typedef struct selection {
  int threads[64], thread_count, hot, cold, plain, all;
} selection;

static void add(const bench *b) {
  char name[160];
  static const char *const suffix[] = {"", "-cold", "-plain"};
  bench *copy = malloc(sizeof *copy); /* lives as long as the program */
  if (!copy) return;
  *copy = *b;
  const double flops = b->op->flops ? b->op->flops(b->c) : 0;
  const int slow = flops > SLOW_FLOPS && !lw_isa_is_simd(b->row->isa);
  const char *isa = (int)b->row->isa == lw_isa_best_autovec() ? "autovec" : lw_isa_name(b->row->isa);
  snprintf(name, sizeof name, "%s/%s/%s/%s%s%s%s/t%d", lw_op_name(b->op->op), b->row->promise == LW_EXACT ? "exact" : "fast", isa,
           b->row->algorithm, b->row->algorithm[0] ? "." : "", b->c->name, suffix[b->way], b->threads);
  gbench_register(name, measure, copy, GBENCH_US, slow ? 1 : b->way == COLD ? COLD_RUNS : 0, 1);
}

static int wanted(const lw_kernel *row) {
  const int weaker_autovec = row->promise == LW_BOUND && (int)row->isa != lw_isa_best_autovec();
  const char *cap = getenv("LANEWISE_ISA");
  const int capped = cap && lw_isa_from_name(cap) >= 0 && (int)row->isa > lw_isa_from_name(cap);
  const int fast_loops = row->promise == LW_FAST && !lw_isa_is_simd(row->isa); /* speed-ups refer to the chain's loops */
  return lw_isa_runnable(row->isa) && row->isa != LW_ISA_REF && !weaker_autovec && !fast_loops &&
         !capped; /* naive stands for ref */
}

static void add_case(const selection *s, const kit_op *op, const kit_case *c) {
  for (int pass = 0; pass < 2; pass++) /* naive first: speed-ups refer to it */
    for (size_t k = 0; k < lw_kernel_count; k++) {
      const lw_kernel *row = &lw_kernel_table[k];
      if (row->op != op->op || (row->isa == LW_ISA_NAIVE) == pass || !wanted(row) || kit_variants(op, row, c) == 0) continue;
      for (int t = 0; t < s->thread_count; t++) {
        bench b = {op, row, c, HOT, s->threads[t]};
        const int loops = row->isa == LW_ISA_NAIVE || row->promise == LW_BOUND;
        if (loops && t > 0) continue;
        if (s->hot) add(&b);
        b.way = COLD;
        if (s->cold && !loops) add(&b);
        b.way = PLAIN;
        /* Public functions know no fused pool, and only conv2d's plan a fused relu; one row per ISA stands for its function. */
        if (s->plain && lw_isa_is_simd(row->isa) && !c->pool && (op->op == LW_OP_conv2d || (!c->relu && op->call)) &&
            row == lw_kernel_find(op->op, row->isa, NULL))
          add(&b);
      }
    }
}

static int fail(const char *option, const char *value, const char *expected_text) {
  fprintf(stderr, "bench_ops: --%s is \"%s\", expected %s\n", option, value, expected_text);
  return 0;
}

static int read_options(int *argc, char **argv, selection *s, const char **shape) {
  *s = (selection){.hot = 1, .plain = 1};
  *shape = option_take(argc, argv, "shape");
  const char *threads = option_take(argc, argv, "threads"), *cache = option_take(argc, argv, "cache");
  const char *all = option_take(argc, argv, "all"), *plain = option_take(argc, argv, "plain");
  if (threads && !(s->thread_count = option_numbers(threads, ROOF_THREADS, s->threads, 64)))
    return fail("threads", threads, "numbers 1..1024");
  if (cache) {
    s->hot = option_lists(cache, "hot");
    s->cold = option_lists(cache, "cold");
    if (!s->hot && !s->cold) return fail("cache", cache, "hot, cold or hot,cold");
  }
  if (all && strcmp(all, "yes") != 0 && strcmp(all, "no") != 0) return fail("all", all, "yes or no");
  if (plain && strcmp(plain, "yes") != 0 && strcmp(plain, "no") != 0) return fail("plain", plain, "yes or no");
  s->all = all && strcmp(all, "yes") == 0;
  s->plain = !plain || strcmp(plain, "yes") == 0;
  if (!s->thread_count) {
    s->threads[s->thread_count++] = 1;
    if (machine_cores() > 1) s->threads[s->thread_count++] = machine_cores();
  }
  return 1;
}

int main(int argc, char **argv) {
  selection s;
  const char *shape;
  if (!read_options(&argc, argv, &s, &shape) || !gbench_init(&argc, argv)) return 1;
  static kit_case own = {.bias = 1};
  if (shape) {
    if (shape_parse(shape, &own.of.conv2d) != LW_OK) return fprintf(stderr, "bench_ops: %s\n", lw_error_message()), 1;
    snprintf(own.name, sizeof own.name, "%s", shape);
    add_case(&s, kit_op_find(LW_OP_conv2d), &own);
  }
  for (int op = 0; op < LW_OP_COUNT && !shape; op++) {
    const kit_op *kit = kit_op_find((lw_op)op);
    for (int i = 0; kit && i < kit->case_count; i++) {
      const kit_case *c = &kit->cases[i];
      const double bytes = kit_bytes(kit, c);
      const int network = strstr(c->name, "lenet") || strstr(c->name, "vgg16") || strncmp(c->name, "net-", 4) == 0;
      if (bytes > 0 && (s.all || network || bytes >= SMALL_BYTES)) add_case(&s, kit, c);
    }
  }
  machine_context();
  machine_noise();
  if (gbench_run() == 0) return fprintf(stderr, "bench_ops: no benchmark matches\n"), 1;
  return 0;
}
