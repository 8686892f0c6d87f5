/* SPDX-License-Identifier: Apache-2.0
 * Every row of the kernel table on every case of its operator: fills, guard pages at either end, numbers of parts.
 *   test_kernels [--op <operator>] [--row <symbol>] [--case <name>] [--fill integers|reals|specials] [--seed <number>]
 * LANEWISE_CUT=1 cuts the largest layers and runs every case in fewer ways, as builds with sanitizers and for emulators do
 * anyway. */
#include "tests/kit/cmocka.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/kit/fp.h"
#include "tests/kit/kit.h"

/* flops from which a case is run in fewer ways */
static const double EXPENSIVE = 1e8, HEAVY = 1e7, LARGE = 2e6;
enum { MESSAGES = 5, EARLIER = 64 };

static const char *only_op, *only_row, *only_case;
static int only_fill = -1, cut_all;
static uint64_t seed = 1;

/* What runs now, for the handler of faults. */
static char current[256];

typedef struct tally {
  const kit_op *op;
  int failures;
  long runs[256]; /* per row of the kernel table */
  kit_case cut[EARLIER];
  int cut_count;
} tally;

/* One case with one fill: the expected outputs. */
typedef struct subject {
  tally *tally;
  const kit_op *op;
  kit_case c;
  kit_fill fill;
  double flops;
  int cut, number;        /* number: of the case */
  kit_set expected, wide; /* wide: only for finite fills */
  double *bound;
  int has_wide;
} subject;

static void on_fault(int number) {
  static const char text[] = "fault (read or write outside a buffer, or an instruction this CPU lacks) in: ";
  if (write(2, text, sizeof text - 1) < 0 || write(2, current, strlen(current)) < 0 || write(2, "\n", 1) < 0) _exit(2);
  signal(number, SIG_DFL);
  raise(number);
}

/* cmocka would catch a fault without saying where, so this comes after its own handlers. */
static void catch_faults(void) {
  signal(SIGSEGV, on_fault);
  signal(SIGBUS, on_fault);
  signal(SIGILL, on_fault);
}

static void describe(const subject *s, const lw_kernel *row) {
  snprintf(current, sizeof current, "test_kernels --row %s --case %s --fill %s --seed %" PRIu64 "%s", row->symbol, s->c.name,
           kit_fill_name(s->fill), seed, s->cut ? " (cut)" : "");
}

static void report(subject *s, const char *how, const char *what) {
  if (s->tally->failures++ < MESSAGES) print_error("%s\n  %s: %s\n", current, how, what);
}

/* autovec kernels may add in any order and cannot be asked about NaN. */
static void judge(subject *s, const lw_kernel *row, const kit_set *got, const char *how) {
  kit_difference d;
  char text[256];
  int64_t wrong;
  if (row->promise == LW_EXACT)
    wrong = kit_compare(&s->expected, got, &d);
  else
    wrong = kit_compare_bound(&s->wide, s->op->exact_on_integers && s->fill == KIT_INTEGERS ? NULL : s->bound, got, &d, NULL);
  if (wrong == 0) return;
  kit_difference_text(&d, text, sizeof text);
  report(s, how, text);
}

static const char *const memory_names[] = {"guard at the end", "guard at the start", "offset of one element"};

/* Rows that networks run. The others are plain loops: they get an expensive case cut, and slow builds run them in one way. */
static int is_default(const lw_kernel *row) {
  return (lw_isa_is_simd(row->isa) || row->isa == LW_ISA_PORTABLE) && lw_kernel_find(row->op, row->isa, NULL) == row;
}
static int is_plain_loop(const lw_kernel *row) { return !lw_isa_is_simd(row->isa) && row->isa != LW_ISA_PORTABLE; }

/* Whether slow builds run so many parts; of a case in four they are threads (an emulator keeps memory of each). */
static int is_among_few(const lw_kernel *row, int parts) { return parts == 3 || (parts == 1 && !is_plain_loop(row)); }
static kit_schedule schedule_of_few(const subject *s) { return s->number % 4 == 0 ? KIT_THREADS : KIT_FALLING; }

static void run_variant(subject *s, const lw_kernel *row, kit_set *got, kit_memory memory, int variant) {
  static const int parts[] = {1, 2, 3, 7};
  static const kit_schedule schedules[] = {KIT_RISING, KIT_THREADS, KIT_FALLING, KIT_RISING};
  kit_run run = {.op = s->op, .row = row, .c = &s->c, .t = got->t, .variant = variant, .parts = 7, .memory = memory};
  char how[96];
  if (!kit_prepare(&run)) {
    report(s, "prepare", run.error);
    return;
  }
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (cut_all            ? !is_among_few(row, parts[i])
        : s->flops > HEAVY ? parts[i] != 2
                           : s->flops > LARGE && (kit_memory)i != memory && parts[i] != 7)
      continue;
    snprintf(how, sizeof how, "variant %d, %d parts, %s", variant, parts[i], memory_names[memory]);
    kit_poison(&run, got);
    kit_execute(&run, parts[i], cut_all ? schedule_of_few(s) : schedules[i]);
    if (!kit_collect(&run, got)) report(s, how, run.error);
    judge(s, row, got, how);
    s->tally->runs[row - lw_kernel_table]++;
  }
  kit_release(&run);
}

/* Runs with the output in the memory of input `input`. */
static void run_in_place(subject *s, const lw_kernel *row, kit_set *got, int input) {
  void *t[KIT_TENSORS], *kept = malloc(got->buffer[input].bytes + 1);
  int output = 0;
  char how[96];
  assert_non_null(kept);
  memcpy(t, got->t, sizeof t);
  while (got->info[output].role != KIT_OUT) output++;
  memcpy(got->t[output], got->t[input], got->buffer[input].bytes);
  t[input] = got->t[output];
  kit_run run = {.op = s->op, .row = row, .c = &s->c, .t = t, .parts = 3, .memory = KIT_GUARD_END};
  snprintf(how, sizeof how, "in place of %s, 3 parts", got->info[input].name);
  if (kit_prepare(&run)) {
    kit_execute(&run, 3, KIT_FALLING);
    if (!kit_collect(&run, got)) report(s, how, run.error);
    judge(s, row, got, how);
    kit_release(&run);
  } else {
    report(s, how, run.error);
  }
  free(kept);
}

static void run_row(subject *s, const lw_kernel *row, kit_set *got, kit_memory memory) {
  if (row->promise == LW_BOUND && !s->has_wide) return;
  describe(s, row);
  const int variants = kit_variants(s->op, row, &s->c);
  for (int v = 0; v < variants; v++) {
    if (s->flops > EXPENSIVE && v > 0) break;
    run_variant(s, row, got, memory, v);
  }
  if (memory == KIT_GUARD_END && variants > 0)
    for (int i = 0; i < KIT_TENSORS; i++)
      if (s->op->in_place >> i & 1) run_in_place(s, row, got, i);
}

static int chosen(const kit_op *op, const lw_kernel *row) {
  return row->op == op->op && lw_isa_runnable(row->isa) && (!only_row || strcmp(only_row, row->symbol) == 0);
}

static void run_rows(subject *s) {
  for (int m = KIT_GUARD_END; m <= KIT_GUARD_OFFSET; m++) {
    kit_set got;
    if (s->flops > HEAVY && m != KIT_GUARD_END) break;
    if (cut_all && m != KIT_GUARD_END && m != KIT_GUARD_START + s->number % 2) continue;
    assert_true(kit_set_make(&got, s->op, &s->c, (kit_memory)m));
    kit_set_fill(&got, s->fill, seed);
    for (size_t i = 0; i < lw_kernel_count; i++)
      if (chosen(s->op, &lw_kernel_table[i]) && (s->flops <= EXPENSIVE || is_default(&lw_kernel_table[i])) &&
          (!cut_all || m == KIT_GUARD_END || !is_plain_loop(&lw_kernel_table[i])))
        run_row(s, &lw_kernel_table[i], &got, (kit_memory)m);
    kit_set_free(&got);
  }
}

/* The rows that stand for ref on expensive cases: they are its loops, in slices, and were compared with it on all others. */
static void expect(subject *s) {
  const lw_kernel *ref = lw_kernel_find(s->op->op, LW_ISA_REF, NULL);
  snprintf(current, sizeof current, "the reference of %s, case %s", lw_op_name(s->op->op), s->c.name);
  if (s->flops <= EXPENSIVE || !ref || ref->isa != LW_ISA_REF || kit_variants(s->op, ref, &s->c) == 0) {
    s->op->ref(&s->c, s->expected.t);
    return;
  }
  kit_run run = {.op = s->op, .row = ref, .c = &s->c, .t = s->expected.t, .parts = 2, .memory = KIT_ALIGNED};
  assert_true(kit_prepare(&run));
  kit_execute(&run, 2, KIT_THREADS);
  assert_true(kit_collect(&run, NULL));
  kit_release(&run);
}

static void run_fill(subject *s) {
  assert_true(kit_set_make(&s->expected, s->op, &s->c, KIT_ALIGNED));
  kit_set_fill(&s->expected, s->fill, seed);
  expect(s);
  s->has_wide = s->fill != KIT_SPECIALS && s->op->ref64 && s->flops <= EXPENSIVE;
  s->bound = NULL;
  if (s->has_wide) {
    assert_true(kit_set_widen(&s->wide, &s->expected));
    s->op->ref64(&s->c, s->wide.t);
    int output = 0;
    while (s->wide.info[output].role != KIT_OUT || s->wide.info[output].type != KIT_F32) output++;
    if (s->op->bound) {
      s->bound = malloc((size_t)s->wide.info[output].count * sizeof *s->bound + 1);
      assert_non_null(s->bound);
      s->op->bound(&s->c, s->wide.t, KIT_ANY_ORDER, s->bound);
    }
  }
  run_rows(s);
  if (s->has_wide) kit_set_free(&s->wide);
  free(s->bound);
  kit_set_free(&s->expected);
}

static void run_fills(subject *s) {
  s->flops = s->op->flops(&s->c);
  for (int f = 0; f < KIT_FILLS; f++) {
    if (only_fill >= 0 ? f != only_fill : s->flops > LARGE && f != KIT_REALS) continue;
    s->fill = (kit_fill)f;
    run_fill(s);
  }
}

/* Many layers are the same once they are cut. */
static int seen(tally *t, const kit_case *c) {
  for (int i = 0; i < t->cut_count; i++) {
    kit_case other = t->cut[i];
    memcpy(other.name, c->name, sizeof other.name);
    if (memcmp(&other, c, sizeof other) == 0) return 1;
  }
  if (t->cut_count < EARLIER) t->cut[t->cut_count++] = *c;
  return 0;
}

static void test_operator(void **state) {
  tally t = {.op = *state};
  const kit_op *op = t.op;
  kit_case c;
  catch_faults();
  for (int i = 0; kit_case_at(op, seed, i, &c); i++) {
    if (only_case && strcmp(only_case, c.name) != 0) continue;
    subject s = {.tally = &t, .op = op, .c = c, .number = i};
    const int expensive = op->cut && op->flops(&c) > EXPENSIVE;
    if (!expensive || !cut_all) run_fills(&s);
    if (!expensive) continue;
    s.cut = 1;
    op->cut(&s.c);
    if (!seen(&t, &s.c)) run_fills(&s);
  }
  for (size_t i = 0; i < lw_kernel_count && !only_case; i++) {
    const lw_kernel *row = &lw_kernel_table[i];
    if (!chosen(op, row)) continue;
    if (t.runs[i] == 0) fail_msg("%s was runnable on no case", row->symbol);
    print_message("%-32s %7ld runs\n", row->symbol, t.runs[i]);
  }
  if (kit_fp_control() != KIT_FP_DEFAULT) fail_msg("the floating-point control register is 0x%" PRIx64, kit_fp_control());
  if (t.failures) fail_msg("%s: %d failures with seed %" PRIu64, lw_op_name(op->op), t.failures, seed);
}

/* Every operator has a kit file, and every OPERATOR a row for each SIMD ISA of this architecture. */
static void test_table_is_complete(void **state) {
  static const struct {
    lw_op op;
    int simd;
  } all[] = {
#define OPERATOR(op)          {LW_OP_##op, 1},
#define OPERATOR_PORTABLE(op) {LW_OP_##op, 0},
#define OPERATOR_LAYOUT(op)   {LW_OP_##op, 0},
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"
  };
#if defined(__x86_64__)
  static const lw_isa isas[] = {LW_ISA_AVX2, LW_ISA_AVX512};
#else
  static const lw_isa isas[] = {LW_ISA_NEON};
#endif
  int missing = 0;
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const char *name = lw_op_name(all[i].op);
    if (!kit_op_find(all[i].op)) {
      print_error("%s has no tests/kit/op_%s.c\n", name, name);
      missing++;
    }
    for (size_t k = 0; k < sizeof isas / sizeof *isas && all[i].simd; k++) {
      const lw_kernel *row = lw_kernel_find(all[i].op, isas[k], NULL);
      if (row && row->isa == isas[k]) continue;
      print_error("%s has no kernel for %s\n", name, lw_isa_name(isas[k]));
      missing++;
    }
  }
  assert_int_equal(missing, 0);
  assert_true(lw_kernel_count <= sizeof((tally *)0)->runs / sizeof(long));
}

static void usage(void) {
  fprintf(stderr,
          "usage: test_kernels [--op operator] [--row symbol] [--case name] [--fill integers|reals|specials] [--seed number]\n");
  exit(2);
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 >= argc) usage();
    if (strcmp(argv[i], "--op") == 0)
      only_op = argv[i + 1];
    else if (strcmp(argv[i], "--row") == 0)
      only_row = argv[i + 1];
    else if (strcmp(argv[i], "--case") == 0)
      only_case = argv[i + 1];
    else if (strcmp(argv[i], "--seed") == 0)
      seed = strtoull(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--fill") == 0) {
      for (int f = 0; f < KIT_FILLS; f++)
        if (strcmp(argv[i + 1], kit_fill_name((kit_fill)f)) == 0) only_fill = f;
      if (only_fill < 0) usage();
    } else
      usage();
  }
}

int main(int argc, char **argv) {
  static struct CMUnitTest tests[LW_OP_COUNT + 1];
  size_t count = 0;
  int skipped = 0;
  parse(argc, argv);
#if defined(LANEWISE_CUT)
  cut_all = 1;
#endif
  if (getenv("LANEWISE_CUT")) cut_all = atoi(getenv("LANEWISE_CUT"));
  if (!only_op && !only_row) tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_table_is_complete);
  for (int op = 0; op < LW_OP_COUNT; op++) {
    const kit_op *kit = kit_op_find((lw_op)op);
    if (!kit || (only_op && strcmp(only_op, lw_op_name(kit->op)) != 0)) continue;
    int rows = 0;
    for (size_t i = 0; i < lw_kernel_count; i++) rows += chosen(kit, &lw_kernel_table[i]);
    if (rows) tests[count++] = (struct CMUnitTest){lw_op_name(kit->op), test_operator, NULL, NULL, (void *)kit};
  }
  for (size_t i = 0; i < lw_kernel_count; i++) skipped += !lw_isa_runnable(lw_kernel_table[i].isa);
  if (count == 0) {
    fprintf(stderr, "test_kernels: no runnable row matches\n");
    return 2;
  }
  printf("seed %" PRIu64 "\n", seed);
  const int failed = _cmocka_run_group_tests("kernels", tests, count, NULL, NULL);
  printf("skipped: %d (rows that this CPU cannot run)\n", skipped);
  return failed != 0;
}
