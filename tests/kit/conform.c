/* SPDX-License-Identifier: Apache-2.0
 * What runs, in which order, and how it is judged. Who catches faults is conform_child.c. */
#include "tests/kit/conform.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tests/kit/conform_child.h"
#include "tests/kit/fp.h"

/* flops from which a case is run in fewer ways */
static const double HEAVY = 1e7, WIDE = 5e9;

/* One case with one fill: the expected outputs. */
typedef struct subject {
  conform_child *child;
  const conform_plan *plan;
  conform_place place;
  const kit_op *op;
  kit_case c;
  kit_fill fill;
  const char *algorithm; /* of mode fast, whose rows run; NULL: all other rows */
  double flops;
  int number;             /* of the case */
  kit_set expected, wide; /* wide: only for finite fills */
  double *bound;
  int has_wide;
} subject;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Rows of the table that networks run, and rows of others. The rest are plain loops and second choices: no expensive case. */
static int in_table(const lw_kernel *row) { return row >= lw_kernel_table && row < lw_kernel_table + lw_kernel_count; }
static int is_plain_loop(const lw_kernel *row) {
  return in_table(row) && !lw_isa_is_simd(row->isa) && row->isa != LW_ISA_PORTABLE;
}
static int runs_expensive(const subject *s, const lw_kernel *row) {
  if (s->plan->own || s->plan->only_case) return 1;
  return !in_table(row) || (!is_plain_loop(row) && (row->promise == LW_FAST || lw_kernel_find(row->op, row->isa, NULL) == row));
}

/* Flops above which true values are not computed, and plain loops in slices stand for the definition. */
static double most_of_definition(const conform_plan *p) { return p->quick && !p->backend ? CONFORM_LARGE : CONFORM_EXPENSIVE; }

/* Whether a quick run has so many parts; of a case in four they are threads (an emulator keeps memory of each). */
static int is_among_few(const lw_kernel *row, int parts) { return parts == 3 || (parts == 1 && !is_plain_loop(row)); }
static kit_schedule schedule_of_few(const subject *s) { return s->number % 4 == 0 ? KIT_THREADS : KIT_FALLING; }

/* A row that is judged by its distance from the true value, not by bits. It may add in any order and cannot be asked about NaN.
 */
static int is_judged_wide(const lw_kernel *row) { return row->promise == LW_BOUND || row->promise == CONFORM_MEASURED; }

/* Rows of mode fast have the bits of their algorithm's definition and keep its bound. */
static void judge(subject *s, conform_row *result, const kit_set *got) {
  const lw_promise promise = result->row->promise;
  kit_difference d;
  kit_accuracy a = {0};
  int64_t wrong = is_judged_wide(result->row) ? 0 : kit_compare(&s->expected, got, &d);
  if (promise == LW_FAST && wrong == 0 && s->has_wide) wrong = kit_compare_bound(&s->wide, s->bound, got, &d, &a);
  if (is_judged_wide(result->row))
    wrong = kit_compare_bound(&s->wide, s->op->exact_on_integers && s->fill == KIT_INTEGERS ? NULL : s->bound, got, &d, &a);
  result->worst = fmax(result->worst, a.worst);
  result->error_ulp = fmax(result->error_ulp, a.largest / kit_accuracy_ulp(&a));
  result->error_rms_ulp = fmax(result->error_rms_ulp, kit_accuracy_error_rms(&a) / kit_accuracy_ulp(&a));
  if (promise == CONFORM_MEASURED) wrong = kit_unwritten(got, &d);
  if (wrong == 0) return;
  char text[240];
  kit_difference_text(&d, text, sizeof text);
  s->child->current.difference = d;
  conform_child_fail(s->child, CONFORM_VALUES, text);
}

/* Runs what `run` and `current` describe and judges it. */
static void execute(subject *s, conform_row *result, kit_run *run, kit_set *got, int parts, kit_schedule schedule) {
  s->child->current.parts = parts;
  kit_poison(run, got);
  conform_child_watch(s->child, run, got);
  kit_execute(run, parts, schedule);
  conform_child_watch(s->child, NULL, NULL);
  result->runs++;
  if (run->error[0]) {
    conform_child_fail(s->child, CONFORM_ERROR, run->error);
    return;
  }
  if (kit_fp_control() != KIT_FP_DEFAULT) {
    conform_child_fail(s->child, CONFORM_MEMORY, "the floating-point control register is changed");
    kit_fp_reset();
  }
  if (!kit_collect(run, got)) conform_child_fail(s->child, CONFORM_MEMORY, run->error);
  judge(s, result, got);
}

static void execute_in_parts(subject *s, conform_row *result, kit_run *run, kit_set *got) {
  static const int parts[] = {1, 2, 3, 7};
  static const kit_schedule schedules[] = {KIT_RISING, KIT_THREADS, KIT_FALLING, KIT_RISING};
  if (s->plan->threads) execute(s, result, run, got, s->plan->threads, KIT_THREADS);
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !s->plan->threads; i++) {
    if (s->plan->quick     ? !is_among_few(result->row, parts[i])
        : s->flops > HEAVY ? parts[i] != 2
                           : s->flops > CONFORM_LARGE && (kit_memory)i != run->memory && parts[i] != 7)
      continue;
    execute(s, result, run, got, parts[i], s->plan->quick ? schedule_of_few(s) : schedules[i]);
  }
}

/* Twice: nothing of the first run may be left in the second. The instance was made by create(), after which weights are gone. */
static void execute_backend(subject *s, conform_row *result, kit_run *run, kit_set *got) {
  if (!kit_collect(run, got)) conform_child_fail(s->child, CONFORM_MEMORY, run->error);
  kit_set_close_weights(got, 1);
  for (int i = 0; i < 2; i++) execute(s, result, run, got, s->child->current.parts, KIT_RISING);
}

static void run_variant(subject *s, conform_row *result, kit_set *got, int variant) {
  const int threads = s->plan->threads;
  kit_run run = {.op = s->op,
                 .row = result->row,
                 .c = &s->c,
                 .t = got->t,
                 .variant = variant,
                 .parts = threads > 7 ? threads : 7,
                 .memory = (kit_memory)s->place.memory,
                 .backend = s->child->backend};
  s->child->current.variant = variant;
  conform_child_watch(s->child, NULL, got);
  const int ready = kit_prepare(&run);
  conform_child_watch(s->child, NULL, NULL);
  if (!ready) {
    result->runs += run.backend != NULL;
    conform_child_fail(s->child, run.backend ? CONFORM_ERROR : CONFORM_SETUP, run.error);
    return;
  }
  if (run.backend)
    execute_backend(s, result, &run, got);
  else
    execute_in_parts(s, result, &run, got);
  kit_release(&run);
  kit_set_close_weights(got, 0);
}

/* Runs with the output in the memory of input `input`. */
static void run_in_place(subject *s, conform_row *result, kit_set *got, int input) {
  void *t[KIT_TENSORS];
  const int output = kit_set_output(got);
  memcpy(t, got->t, sizeof t);
  t[input] = got->t[output];
  kit_run run = {.op = s->op, .row = result->row, .c = &s->c, .t = t, .parts = 3, .memory = KIT_GUARD_END};
  s->child->current.variant = 0;
  s->child->current.in_place = input;
  s->child->current.parts = 3;
  memcpy(got->t[output], got->t[input], got->buffer[input].bytes);
  if (kit_prepare(&run)) {
    conform_child_watch(s->child, &run, got);
    kit_execute(&run, 3, KIT_FALLING);
    conform_child_watch(s->child, NULL, NULL);
    result->runs++;
    if (!kit_collect(&run, got)) conform_child_fail(s->child, CONFORM_MEMORY, run.error);
    judge(s, result, got);
    kit_release(&run);
  } else {
    conform_child_fail(s->child, CONFORM_SETUP, run.error);
  }
  s->child->current.in_place = -1;
}

static void describe(const subject *s, const lw_kernel *row) {
  const conform_plan *p = s->plan;
  conform_failure *f = &s->child->current;
  *f = (conform_failure){.row = row,
                         .c = s->c,
                         .fill = s->fill,
                         .memory = (kit_memory)s->place.memory,
                         .in_place = -1,
                         .of_backend = p->backend != NULL,
                         .parts = p->threads ? p->threads : 1};
  const int at_end = s->place.step == CONFORM_END_STEP; /* then what was chosen comes again, not one case */
  const char *name = p->own ? p->own_text : at_end ? p->only_case : s->c.name;
  const int fill = at_end ? p->only_fill : (int)s->fill;
  char threads[32] = "", which[224] = "", with[32] = "";
  if (p->threads) snprintf(threads, sizeof threads, " --threads %d", p->threads);
  if (name) snprintf(which, sizeof which, " %s %s", p->own ? "--shape" : "--case", name);
  if (fill >= 0) snprintf(with, sizeof with, " --fill %s", kit_fill_name((kit_fill)fill));
  snprintf(f->reproduce, sizeof f->reproduce, "%s %s %s%s%s --seed %" PRIu64 "%s%s", p->again, p->backend ? "--op" : "--row",
           p->backend ? kit_op_name(s->op) : row->symbol, which, with, p->seed, threads, p->quick ? " --quick" : "");
}

void conform_describe_end(conform_child *child) {
  const subject s = {
      .child = child, .plan = child->plan, .op = child->plan->op, .c = {.name = "the end"}, .place = {.step = CONFORM_END_STEP}};
  describe(&s, child->plan->rows[0]);
}

/* Whether a quick run leaves a variant out. Of several variants of a kernel (blocks, fused neighbours) a case takes the first and
 * every other one, the next case those between. */
static int is_left_out(const subject *s, int variant, int variants) {
  return s->plan->quick && !s->child->backend && variants > 2 && variant > 0 && (variant + s->number) % 2 != 0;
}

static int variants_of(const subject *s, const lw_kernel *row) {
  return s->child->backend ? kit_backend_variants(s->child->backend, s->op, &s->c) : kit_variants(s->op, row, &s->c);
}

static void run_row(subject *s, conform_row *result, kit_set *got) {
  if ((is_judged_wide(result->row) && !s->has_wide) || !conform_child_enter(s->child, s->place)) return;
  describe(s, result->row);
  const double begin = now();
  const long before = result->runs;
  const int variants = variants_of(s, result->row);
  for (int v = 0; v < variants; v++) {
    if (s->flops > CONFORM_EXPENSIVE && v > 0) break;
    if (is_left_out(s, v, variants)) continue;
    run_variant(s, result, got, v);
  }
  if (variants > 0 && s->place.memory == KIT_GUARD_END && !s->child->backend)
    for (int i = 0; i < KIT_TENSORS; i++)
      if (s->op->in_place >> i & 1) run_in_place(s, result, got, i);
  result->seconds += now() - begin;
  conform_child_leave(s->child, result->runs > before, variants == 0 && s->child->backend);
}

static int of_algorithm(const lw_kernel *row, const char *algorithm) {
  return row->promise == LW_FAST ? algorithm && strcmp(row->algorithm, algorithm) == 0 : !algorithm;
}

static void run_rows(subject *s) {
  const conform_plan *p = s->plan;
  for (int m = KIT_GUARD_END; m <= KIT_GUARD_OFFSET; m++) {
    kit_set got;
    if (s->flops > (p->quick ? CONFORM_LARGE : HEAVY) && m != KIT_GUARD_END) break;
    if (p->quick && m != KIT_GUARD_END && (m != KIT_GUARD_START + s->number % 2 || s->fill != KIT_REALS)) continue;
    if (!kit_set_make(&got, s->op, &s->c, (kit_memory)m)) {
      conform_child_error(s->child, "no memory for case %s", s->c.name);
      return;
    }
    kit_set_fill(&got, s->fill, p->seed);
    for (size_t i = 0; i < p->row_count; i++) {
      const lw_kernel *row = p->rows[i];
      if (!of_algorithm(row, s->algorithm)) continue;
      if ((s->flops > CONFORM_EXPENSIVE && !runs_expensive(s, row)) ||
          (p->quick && is_plain_loop(row) && (m != KIT_GUARD_END || s->flops > CONFORM_LARGE)))
        continue;
      s->place.memory = m;
      s->place.row = (int)i;
      run_row(s, &s->child->report->row[i], &got);
    }
    kit_set_free(&got);
  }
}

/* The rows that stand for ref on expensive cases: they are its loops, in slices, and were compared with it on all others. */
static const lw_kernel *loops_of(const subject *s) {
  const lw_isa isa = lw_isa_runnable(LW_ISA_NAIVE) ? LW_ISA_NAIVE : LW_ISA_REF;
  const lw_kernel *loops = lw_kernel_find(s->op->op, isa, s->algorithm);
  return loops && loops->isa == isa && kit_variants(s->op, loops, &s->c) > 0 ? loops : NULL;
}

/* Whether any row is judged by the definition's bits. Those of backends that are not take only the definition's time in double.
 */
static int wants_bits(const subject *s) {
  for (size_t i = 0; i < s->plan->row_count; i++)
    if (!is_judged_wide(s->plan->rows[i])) return 1;
  return 0;
}

static int expect(subject *s) {
  if (!wants_bits(s)) return 1;
  const lw_kernel *ref = s->flops > most_of_definition(s->plan) ? loops_of(s) : NULL;
  if (!ref) {
    if (s->algorithm)
      s->op->fast_ref(s->algorithm, &s->c, s->expected.t);
    else
      s->op->ref(&s->c, s->expected.t);
    return 1;
  }
  kit_run run = {.op = s->op, .row = ref, .c = &s->c, .t = s->expected.t, .parts = 2, .memory = KIT_ALIGNED};
  if (!kit_prepare(&run)) return 0;
  kit_execute(&run, 2, KIT_THREADS);
  const int ok = kit_collect(&run, NULL);
  kit_release(&run);
  return ok;
}

/* Up to how many flops true values are computed. Rows of the table have their bits for larger cases. */
static double most_wide(const subject *s) {
  if (!s->child->backend || wants_bits(s)) return most_of_definition(s->plan);
  return s->plan->own || s->plan->only_case ? INFINITY : WIDE;
}

/* ref64 and the bound around it: of the algorithm, or of any order. */
static int widen(subject *s) {
  if (!kit_set_widen(&s->wide, &s->expected)) return 0;
  s->has_wide = 1;
  s->op->ref64(&s->c, s->wide.t);
  if (!s->op->bound) return 1;
  s->bound = malloc((size_t)s->wide.info[kit_set_output(&s->wide)].count * sizeof *s->bound + 1);
  if (s->bound && s->algorithm) s->op->fast_bound(s->algorithm, &s->c, s->wide.t, s->bound);
  if (s->bound && !s->algorithm) s->op->bound(&s->c, s->wide.t, KIT_ANY_ORDER, s->bound);
  return s->bound != NULL;
}

static void run_fill(subject *s) {
  if (!conform_child_reaches(s->child, s->place)) return; /* a child before this one has been there */
  s->has_wide = 0;
  s->bound = NULL;
  if (!kit_set_make(&s->expected, s->op, &s->c, KIT_ALIGNED)) {
    conform_child_error(s->child, "no memory for case %s", s->c.name);
    return;
  }
  kit_set_fill(&s->expected, s->fill, s->plan->seed);
  s->child->referring = 1;
  int ok = expect(s);
  if (ok && s->fill != KIT_SPECIALS && s->op->ref64 && s->flops <= most_wide(s)) ok = widen(s);
  s->child->referring = 0;
  if (ok)
    run_rows(s);
  else
    conform_child_error(s->child, "no memory for the reference of case %s", s->c.name);
  if (s->has_wide) kit_set_free(&s->wide);
  free(s->bound);
  kit_set_free(&s->expected);
}

/* Definitions take time: only for who asks. */
static int has_rows(const subject *s) {
  for (size_t i = 0; i < s->plan->row_count; i++)
    if (of_algorithm(s->plan->rows[i], s->algorithm)) return 1;
  return 0;
}

static void run_fills(subject *s) {
  s->flops = s->op->flops(&s->c);
  for (int f = 0; f < KIT_FILLS; f++) {
    if (s->plan->only_fill >= 0 ? f != s->plan->only_fill : !conform_runs_fill(s->op, s->flops, (kit_fill)f)) continue;
    s->fill = (kit_fill)f;
    s->place.fill = f;
    s->place.algorithm = 0;
    s->algorithm = NULL;
    if (has_rows(s)) run_fill(s);
    while ((s->algorithm = kit_fast_algorithm(s->op, s->place.algorithm++)))
      if (has_rows(s) && s->op->fast_applies(s->algorithm, &s->c)) run_fill(s);
  }
}

static void run_case(conform_child *child, const conform_case *c) {
  subject s = {.child = child, .plan = child->plan, .op = child->plan->op, .c = c->c, .number = c->number};
  if (child->backend && !kit_backend_can(s.op, &s.c)) return;
  s.place.step = 2 * c->number + c->is_cut;
  child->matched++;
  run_fills(&s);
}

void conform_walk(conform_child *child) {
  const conform_plan *p = child->plan;
  conform_case *list;
  child->matched = 0;
  if (p->own) {
    run_case(child, &(conform_case){.c = *p->own});
  } else {
    const size_t count = conform_cases(p->op, p->seed, &list);
    if (count == 0) conform_child_error(child, "no memory for the cases");
    for (size_t i = 0; i < count; i++)
      if (p->only_case ? strcmp(p->only_case, list[i].c.name) == 0 : !p->quick || !list[i].expensive) run_case(child, &list[i]);
    free(list);
  }
  child->report->cases = child->matched;
}
