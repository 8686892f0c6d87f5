/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/op_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/roof.h"
#include "ops/ops.h"

enum { SEED = 1 };

/* ----------------------------------------------------------------------------------------------------- what is expected */

/* The reference's answers to the current case in modes exact and fast; benchmarks come grouped by case. The naive row computes
 * them, on all cores: test_kernels proves it equal to ref. */
static struct known {
  const kit_case *c;
  const char *algorithm; /* of mode fast, with a definition of its own; NULL: mode exact */
  kit_fill fill;
  kit_set set;
} expected[2];

static kit_fill fill_of(const op_bench *b) {
  return b->row->promise == LW_BOUND && b->op->exact_on_integers ? KIT_INTEGERS : KIT_REALS;
}

const char *op_fill(kit_set *set, const op_bench *b) {
  if (!kit_set_make(set, b->op, b->c, KIT_ALIGNED)) return "no memory";
  kit_set_fill(set, fill_of(b), SEED);
  return NULL;
}

static const lw_kernel *naive_row(lw_op op, const char *algorithm) {
  const lw_kernel *naive = lw_kernel_find(op, LW_ISA_NAIVE, algorithm);
  return naive ? naive : lw_kernel_find(op, LW_ISA_PORTABLE, NULL);
}

const char *op_expected(const op_bench *b, const kit_set **answer) {
  const kit_fill fill = fill_of(b);
  const char *algorithm = b->row->promise == LW_FAST ? b->row->algorithm : NULL;
  struct known *k = &expected[algorithm != NULL];
  *answer = &k->set;
  if (k->c == b->c && k->algorithm == algorithm && k->fill == fill) return NULL;
  if (k->c) kit_set_free(&k->set);
  k->c = NULL;
  if (!kit_set_make(&k->set, b->op, b->c, KIT_ALIGNED)) return "no memory";
  kit_set_fill(&k->set, fill, SEED);
  kit_run run = {
      .op = b->op, .row = naive_row(b->op->op, algorithm), .c = b->c, .t = k->set.t, .parts = 16, .memory = KIT_ALIGNED};
  if (kit_variants(b->op, run.row, b->c) > 0) {
    if (!kit_prepare(&run)) return "no memory";
    kit_execute(&run, 16, KIT_THREADS);
    kit_collect(&run, NULL);
    kit_release(&run);
  } else {
    if (algorithm)
      b->op->fast_ref(algorithm, b->c, k->set.t);
    else
      b->op->ref(b->c, k->set.t);
  }
  k->c = b->c;
  k->algorithm = algorithm;
  k->fill = fill;
  return NULL;
}

static const char *check_bound(const op_bench *b, const kit_set *got) {
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
static const char *check(op_run *r, kit_set *set) {
  const op_bench *b = r->b;
  const kit_set *answer;
  kit_difference d;
  kit_poison(&r->run, set);
  kit_execute(&r->run, b->threads, KIT_RISING);
  if (!kit_collect(&r->run, set)) return "the kernel wrote outside of its output or changed an input";
  if (b->row->promise == LW_BOUND && fill_of(b) != KIT_INTEGERS) return check_bound(b, set);
  const char *wrong = op_expected(b, &answer);
  return wrong ? wrong : kit_compare(answer, set, &d) ? "bits differ from the reference" : NULL;
}

/* -------------------------------------------------------------------------------------------------------------- running */

static const char *make_plan(op_run *r, const kit_set *set) {
  const op_bench *b = r->b;
  if (lw_conv2d_plan_create(r->context, &b->c->of.conv2d, set->t[1], set->t[2], b->c->relu, &r->plan) != LW_OK ||
      lw_allocate(r->context, lw_conv2d_plan_workspace_bytes(r->plan), &r->workspace) != LW_OK)
    return lw_error_message();
  return NULL;
}

const char *op_run_make(op_run *r, const op_bench *b, kit_set *set) {
  *r = (op_run){.b = b};
  r->run = (kit_run){.op = b->op, .row = b->row, .c = b->c, .t = set->t, .parts = b->threads, .memory = KIT_ALIGNED};
  r->prepared = kit_prepare(&r->run);
  const char *wrong = r->prepared ? check(r, set) : r->run.error;
  if (wrong) return wrong;
  const lw_context_options options = {.threads = b->threads, .pin = b->threads > 1, .isa = lw_isa_name(b->row->isa)};
  if (lw_context_create(&options, &r->context) != LW_OK) return lw_error_message();
  return b->way == OP_PLAIN && b->op->op == LW_OP_conv2d ? make_plan(r, set) : NULL;
}

void op_run_release(op_run *r) {
  lw_release(r->context, r->workspace);
  lw_conv2d_plan_destroy(r->plan);
  lw_context_destroy(r->context);
  if (r->prepared) kit_release(&r->run);
}

typedef struct one_pass {
  const op_run *r;
  int pass;
} one_pass;

static void run_part(void *user, int part, int parts) {
  const one_pass *p = user;
  p->r->b->row->fn(&p->r->run.args[p->pass], (lw_part){part, parts});
}

/* Passes of a kernel must not overlap. */
void op_run_once(const op_run *r) {
  if (r->plan) {
    lw_conv2d_plan_run(r->plan, r->run.t[0], r->run.t[3], r->workspace);
  } else if (r->b->way == OP_PLAIN) {
    r->b->op->call(r->context, r->b->c, r->run.t);
  } else {
    for (int pass = 0; pass < r->run.passes; pass++) {
      one_pass p = {r, pass};
      lw_parallel(r->context, r->b->threads, run_part, &p);
    }
  }
}

/* ------------------------------------------------------------------------------------------------------------- counters */

typedef struct work {
  double flops, bytes, roof_seconds;
  const char *binds;
} work;

static work work_of(const op_bench *b) {
  static double fma[LW_ISA_COUNT][ROOF_THREADS + 1], read[ROOF_DRAM + 1][ROOF_THREADS + 1];
  work w = {.flops = b->op->flops ? b->op->flops(b->c) : 0, .bytes = kit_bytes(b->op, b->c)};
  const int level = b->way == OP_COLD ? ROOF_DRAM : roof_level(w.bytes, b->threads);
  const lw_isa isa = lw_isa_is_simd(b->row->isa) ? b->row->isa : lw_isa_best();
  double *gflops = &fma[isa][b->threads], *gbs = &read[level][b->threads];
  if (!*gflops) *gflops = roof_fma_gflops(isa, b->threads);
  if (!*gbs) *gbs = roof_read_gbs(level, b->threads);
  const double by_fma = *gflops > 0 ? w.flops * 1e-9 / *gflops : 0, by_read = *gbs > 0 ? w.bytes * 1e-9 / *gbs : 0;
  w.roof_seconds = by_fma > by_read ? by_fma : by_read;
  w.binds = by_fma > by_read ? "FMA" : roof_level_name(level);
  return w;
}

const char *op_binds(const op_bench *b) { return work_of(b).binds; }

void op_counters(gbench_state *state, const op_bench *b, double seconds) {
  static const kit_case *naive_case;
  static double naive_seconds;
  const work w = work_of(b);
  gbench_counter(state, "flops", w.flops);
  gbench_counter(state, "bytes", w.bytes);
  if (w.flops > 0) gbench_counter(state, "GFLOP/s", w.flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", w.bytes * 1e-9 / seconds);
  gbench_counter(state, "percent_of_roof", 100 * w.roof_seconds / seconds);
  if (b->row->isa == LW_ISA_NAIVE && b->way == OP_HOT && b->threads == 1) {
    naive_case = b->c;
    naive_seconds = seconds;
  }
  if (naive_case == b->c) gbench_counter(state, "speedup_over_naive", naive_seconds / seconds);
}
