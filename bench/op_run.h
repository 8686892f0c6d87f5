/* SPDX-License-Identifier: Apache-2.0
 * One kernel of the table on one case of the kit, checked and ready to be timed: what bench_ops repeats. */
#ifndef LANEWISE_BENCH_OP_RUN_H
#define LANEWISE_BENCH_OP_RUN_H

#include "bench/gbench.h"
#include "tests/kit/kit.h"

typedef enum op_way {
  OP_HOT,  /* again and again, on the layouts that the kernel wants */
  OP_COLD, /* the same, in cold caches */
  OP_PLAIN /* the public function on plain tensors */
} op_way;

typedef struct op_bench {
  const kit_op *op;
  const lw_kernel *row;
  const kit_case *c;
  op_way way;
  int threads;
} op_bench;

typedef struct op_run {
  const op_bench *b;
  kit_run run;
  int prepared;
  lw_context *context;
  lw_conv2d_plan *plan;
  void *workspace;
} op_run;

/* Prepares the kernel on the tensors of `set`, filled by op_fill, and checks what it computes: NULL, or what is wrong. Release it
 * in both cases. */
const char *op_run_make(op_run *r, const op_bench *b, kit_set *set);
/* What is timed. */
void op_run_once(const op_run *r);
void op_run_release(op_run *r);

/* The tensors of a case: NULL, or why they could not be made. For rows of promise LW_BOUND values of which sums are exact in any
 * order, where there are such. */
const char *op_fill(kit_set *set, const op_bench *b);
/* The reference's answer for the row (its algorithm's own definition in mode fast) on the tensors that op_fill makes: NULL, or
 * why there is none. *answer is good until the next call. */
const char *op_expected(const op_bench *b, const kit_set **answer);

/* The line's counters of work. */
void op_counters(gbench_state *state, const op_bench *b, double seconds);
/* "FMA" or a memory level: which roof binds this case. */
const char *op_binds(const op_bench *b);

#endif
