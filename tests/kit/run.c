/* SPDX-License-Identifier: Apache-2.0
 * Finding operators and cases; preparing, executing and collecting one kernel row. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/backend.h"

/* Weak: an operator without its file is found at run time, by a test that says so. */
#define OPERATOR(op)        extern const kit_op kit_op_##op __attribute__((weak));
#define OPERATOR_LAYOUT(op) OPERATOR(op)
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"

const kit_op *kit_op_find(lw_op op) {
  static const kit_op *const all[] = {
#define OPERATOR(op)        &kit_op_##op,
#define OPERATOR_LAYOUT(op) &kit_op_##op,
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"
  };
  return all[op];
}

const char *kit_op_name(const kit_op *op) { return op->op == LW_OP_COUNT ? "net" : lw_op_name(op->op); }

int kit_case_at(const kit_op *op, uint64_t seed, int i, kit_case *c) {
  if (i < op->case_count) {
    *c = op->cases[i];
    return 1;
  }
  const int k = i - op->case_count;
  if (!op->random || k >= KIT_RANDOM_CASES) return 0;
  kit_random r = {seed * KIT_RANDOM_CASES + (uint64_t)k};
  for (const char *p = kit_op_name(op); *p; p++) r.state = kit_next(&r) ^ (uint64_t)*p;
  memset(c, 0, sizeof *c);
  op->random(&r, c);
  snprintf(c->name, sizeof c->name, "random-%d", k);
  return 1;
}

const char *kit_fast_algorithm(const kit_op *op, int i) {
  for (size_t k = 0; k < lw_kernel_count; k++) {
    const lw_kernel *row = &lw_kernel_table[k];
    if (row->op == op->op && row->promise == LW_FAST && row->isa == LW_ISA_REF && i-- == 0) return row->algorithm;
  }
  return NULL;
}

int kit_variants(const kit_op *op, const lw_kernel *row, const kit_case *c) { return op->variants ? op->variants(row, c) : 1; }

int kit_prepare(kit_run *run) {
  memset(run->args, 0, sizeof run->args);
  run->passes = 1;
  run->buffers = 0;
  run->error[0] = 0;
  if (run->backend) return kit_backend_prepare(run);
  run->op->prepare(run);
  if (run->error[0]) {
    kit_release(run);
    return 0;
  }
  for (int i = 0; i < run->buffers; i++)
    if (run->buffer[i].role == KIT_IN || run->buffer[i].role == KIT_WEIGHTS) kit_buffer_seal(&run->buffer[i]);
  return 1;
}

static void poison_outputs(kit_buffer *b, int count) {
  for (int i = 0; i < count; i++)
    if (b[i].p && (b[i].role == KIT_OUT || b[i].role == KIT_SCRATCH)) kit_buffer_poison(&b[i]);
}

void kit_poison(kit_run *run, kit_set *set) {
  run->error[0] = 0;
  poison_outputs(run->buffer, run->buffers);
  if (set) poison_outputs(set->buffer, set->count);
}

typedef struct share {
  const kit_run *run;
  const lw_args *args;
  lw_part part;
  pthread_t thread;
} share;

static void *run_share(void *user) {
  const share *s = user;
  s->run->row->fn(s->args, s->part);
  return NULL;
}

enum { MOST_THREADS = 16 };

static void execute_on_threads(const kit_run *run, const lw_args *args, int parts) {
  share shares[MOST_THREADS];
  int started[MOST_THREADS] = {0};
  for (int first = 0; first < parts; first += MOST_THREADS) {
    const int count = parts - first < MOST_THREADS ? parts - first : MOST_THREADS;
    for (int i = 0; i < count; i++) {
      shares[i] = (share){.run = run, .args = args, .part = {first + i, parts}};
      started[i] = pthread_create(&shares[i].thread, NULL, run_share, &shares[i]) == 0;
      if (!started[i]) run_share(&shares[i]);
    }
    for (int i = 0; i < count; i++)
      if (started[i]) pthread_join(shares[i].thread, NULL);
  }
}

void kit_execute(kit_run *run, int parts, kit_schedule schedule) {
  if (run->backend) {
    kit_backend_execute(run);
    return;
  }
  for (int pass = 0; pass < run->passes; pass++) {
    const lw_args *args = &run->args[pass];
    if (schedule == KIT_THREADS)
      execute_on_threads(run, args, parts);
    else
      for (int i = 0; i < parts; i++) run->row->fn(args, (lw_part){schedule == KIT_RISING ? i : parts - 1 - i, parts});
  }
}

int kit_collect(kit_run *run, const kit_set *set) {
  for (int i = 0; i < run->buffers && !run->error[0]; i++) {
    const char *what = kit_buffer_check(&run->buffer[i]);
    if (what) snprintf(run->error, sizeof run->error, "prepared buffer %d: %s", i, what);
  }
  for (int i = 0; set && i < set->count && !run->error[0]; i++) {
    const char *what = set->t[i] ? kit_buffer_check(&set->buffer[i]) : NULL;
    if (what) snprintf(run->error, sizeof run->error, "%s: %s", set->info[i].name, what);
  }
  if (!run->error[0] && run->op->collect && !run->backend) run->op->collect(run);
  return !run->error[0];
}

void kit_release(kit_run *run) {
  if (run->backend) kit_backend_release(run);
  for (int i = 0; i < run->buffers; i++) kit_buffer_free(&run->buffer[i]);
  run->buffers = 0;
}

void *kit_run_allocate(kit_run *run, kit_role role, size_t bytes) {
  kit_buffer *b = &run->buffer[run->buffers];
  if (run->buffers == KIT_BUFFERS || !kit_buffer_make(b, run->memory, role, bytes, sizeof(float))) {
    snprintf(run->error, sizeof run->error, "no memory for %zu bytes", bytes);
    return NULL;
  }
  run->buffers++;
  kit_buffer_poison(b);
  return b->p;
}
