/* SPDX-License-Identifier: Apache-2.0
 * Every row of the kernel table: <op>/<mode>/<isa>/<algorithm>.<case>/t<threads>. Tensors are in the layout that the kernel
 * wants, packing and reorders are outside of the time. Suffixes of a case: -cold (caches are flushed before every run), -plain
 * (the public function or lw_conv2d_plan on plain tensors, reorders included). Options: --shape=mb1ic64ih56oc64oh56kh3ph1 (only
 * this convolution and its gradients, in benchdnn's words), --threads=1,2, --cache=hot,cold, --all=yes (also the small seam cases
 * of the test kit),
 * --plain=no. A kernel is checked on its case before it is timed.
 * --backend=PATH,...: backends (include/lanewise_backend.h) beside it, see bench/peer_ops.h; --backend-limit=SECONDS: that one of
 * their calls may take (60). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "bench/roof.h"
#include "bench/op_error.h"
#include "bench/op_run.h"
#include "bench/peer_ops.h"
#include "bench/peers.h"
#include "tests/kit/shape.h"

enum { SMALL_BYTES = 65536, COLD_RUNS = 10 }; /* a flush takes far longer than most kernels */
static const double SLOW_FLOPS = 3e8;         /* plain loops take more than 0.1 s */

/* The latest line: Google Benchmark comes back for every repetition, and before that to find out how many iterations to take. */
static struct {
  const op_bench *b;
  kit_set set;
  op_run r;
  double error; /* negative: unknown */
} ready;

static void forget(void) {
  if (!ready.b) return;
  op_run_release(&ready.r);
  kit_set_free(&ready.set);
  ready.b = NULL;
}

/* Makes it ready and checks it. */
static const char *prepare(const op_bench *b) {
  if (ready.b == b) return NULL;
  forget();
  const char *wrong = op_fill(&ready.set, b);
  if (wrong) return wrong;
  wrong = op_run_make(&ready.r, b, &ready.set);
  ready.b = b;
  if (wrong)
    forget();
  else
    ready.error = op_error_of_row(b, &ready.set);
  return wrong;
}

static void measure(gbench_state *state, void *user) {
  const op_bench *b = user;
  double total = 0;
  const char *wrong = prepare(b);
  if (wrong) {
    gbench_fail(state, wrong);
    return;
  }
  machine_pin();
  while (gbench_next(state)) {
    if (b->way == OP_COLD) machine_flush_caches();
    const double begin = clock_seconds();
    op_run_once(&ready.r);
    const double seconds = clock_seconds() - begin;
    gbench_time(state, seconds);
    total += seconds;
  }
  machine_unpin();
  gbench_label(state, op_binds(b));
  op_counters(state, b, total / (double)gbench_iterations(state));
  if (ready.error >= 0) gbench_counter(state, "error_over_bound", ready.error);
}

/* ------------------------------------------------------------------------------------------------------------- program */

typedef struct selection {
  int threads[64], thread_count, hot, cold, plain, all;
} selection;

static void add(const op_bench *b) {
  char name[160];
  static const char *const suffix[] = {"", "-cold", "-plain"};
  op_bench *copy = gbench_keep(b, sizeof *b);
  if (!copy) return;
  const double flops = b->op->flops ? b->op->flops(b->c) : 0;
  const int slow = flops > SLOW_FLOPS && !lw_isa_is_simd(b->row->isa);
  const char *isa = (int)b->row->isa == lw_isa_best_autovec() ? "autovec" : lw_isa_name(b->row->isa);
  snprintf(name, sizeof name, "%s/%s/%s/%s%s%s%s/t%d", lw_op_name(b->op->op), b->row->promise == LW_EXACT ? "exact" : "fast", isa,
           b->row->algorithm, b->row->algorithm[0] ? "." : "", b->c->name, suffix[b->way], b->threads);
  gbench_register(name, measure, copy, GBENCH_US, slow ? 1 : b->way == OP_COLD ? COLD_RUNS : 0, 1);
}

static int wanted(const lw_kernel *row) {
  const int weaker_autovec = row->promise == LW_BOUND && (int)row->isa != lw_isa_best_autovec();
  const char *cap = getenv("LANEWISE_ISA");
  const int capped = cap && lw_isa_from_name(cap) >= 0 && (int)row->isa > lw_isa_from_name(cap);
  const int fast_loops = row->promise == LW_FAST && !lw_isa_is_simd(row->isa); /* speed-ups refer to the chain's loops */
  return lw_isa_runnable(row->isa) && row->isa != LW_ISA_REF && !weaker_autovec && !fast_loops &&
         !capped; /* naive stands for ref */
}

/* Kernels whose lanes are samples are for batches that fill them. */
static int fits(const kit_op *op, const lw_kernel *row, const kit_case *c) {
  enum { LANES = 16 };
  return kit_variants(op, row, c) > 0 && (strcmp(row->algorithm, "samples") != 0 || c->of.conv2d.n % LANES == 0);
}

static void add_case(const selection *s, const kit_op *op, const kit_case *c) {
  for (int pass = 0; pass < 2; pass++) /* naive first: speed-ups refer to it */
    for (size_t k = 0; k < lw_kernel_count; k++) {
      const lw_kernel *row = &lw_kernel_table[k];
      if (row->op != op->op || (row->isa == LW_ISA_NAIVE) == pass || !wanted(row) || !fits(op, row, c)) continue;
      for (int t = 0; t < s->thread_count; t++) {
        op_bench b = {op, row, c, OP_HOT, s->threads[t]};
        const int loops = row->isa == LW_ISA_NAIVE || row->promise == LW_BOUND;
        if (loops && t > 0) continue;
        if (s->hot) add(&b);
        b.way = OP_COLD;
        if (s->cold && !loops) add(&b);
        b.way = OP_PLAIN;
        /* Public functions know no fused pool, and only conv2d's plan a fused relu; one row per ISA stands for its function. */
        if (s->plain && lw_isa_is_simd(row->isa) && !c->pool && (op->op == LW_OP_conv2d || (!c->relu && op->call)) &&
            row == lw_kernel_find(op->op, row->isa, NULL))
          add(&b);
      }
    }
  for (int t = 0; t < s->thread_count; t++) {
    if (s->hot) peer_ops_want(op, c, OP_HOT, s->threads[t]);
    if (s->cold) peer_ops_want(op, c, OP_COLD, s->threads[t]);
    if (s->plain && (op->op == LW_OP_conv2d || (!c->relu && op->call))) peer_ops_want(op, c, OP_PLAIN, s->threads[t]);
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
  if (!read_options(&argc, argv, &s, &shape) || !peers_init(&argc, argv, "bench_ops") || !gbench_init(&argc, argv)) return 1;
  static const lw_op convolutions[] = {LW_OP_conv2d, LW_OP_conv2d_backward_data, LW_OP_conv2d_backward_weights};
  static kit_case own[sizeof convolutions / sizeof *convolutions];
  for (size_t i = 0; shape && i < sizeof own / sizeof *own; i++) {
    own[i].bias = convolutions[i] == LW_OP_conv2d;
    if (shape_parse(shape, &own[i].of.conv2d) != LW_OK) return fprintf(stderr, "bench_ops: %s\n", lw_error_message()), 1;
    snprintf(own[i].name, sizeof own[i].name, "%s", shape);
    add_case(&s, kit_op_find(convolutions[i]), &own[i]);
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
  peer_ops_register();
  machine_context();
  peers_context();
  machine_noise();
  const int count = gbench_run();
  forget();
  if (count == 0) return fprintf(stderr, "bench_ops: no benchmark matches\n"), 1;
  return 0;
}
