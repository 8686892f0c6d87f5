/* SPDX-License-Identifier: Apache-2.0
 * Every row of the kernel table on every case of its operator: tests/kit/conform.h.
 *   test_kernels [--op <operator>] [--row <symbol>] [--case <name>] [--fill integers|reals|specials] [--seed <number>] [--quick]
 *                [--in-process]
 * --quick cuts the largest layers and runs every case in fewer ways, as LANEWISE_CUT=1 and builds with sanitizers and for
 * emulators do anyway. --in-process is for debuggers. `lanewise conform` has more to choose from. */
#include "tests/kit/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/conform.h"

static const char *only_op, *only_row;
static conform_plan plan = {.seed = 1, .only_fill = -1, .again = "test_kernels"};

static int chosen(const kit_op *op, const lw_kernel *row) {
  return row->op == op->op && lw_isa_runnable(row->isa) && (!only_row || strcmp(only_row, row->symbol) == 0);
}

static void print_failures(const conform_row *r) {
  for (int i = 0; i < r->kept; i++) {
    char how[128];
    conform_how(&r->failure[i], how, sizeof how);
    print_error("%s\n  %s: %s\n", r->failure[i].reproduce, how, r->failure[i].what);
  }
}

static void test_operator(void **state) {
  const lw_kernel *rows[CONFORM_ROWS];
  long failures = 0;
  plan.op = *state;
  plan.rows = rows;
  plan.row_count = 0;
  for (size_t i = 0; i < lw_kernel_count; i++)
    if (chosen(plan.op, &lw_kernel_table[i])) {
      assert_true(plan.row_count < CONFORM_ROWS);
      rows[plan.row_count++] = &lw_kernel_table[i];
    }
  conform_report *report = conform_run(&plan);
  assert_non_null(report);
  for (size_t i = 0; i < report->row_count; i++) {
    const conform_row *r = &report->row[i];
    print_failures(r);
    print_message("%-32s %7ld runs\n", r->row->symbol, r->runs);
    failures += r->failures + (r->runs == 0 && !plan.only_case);
    if (r->runs == 0 && !plan.only_case) print_error("%s was runnable on no case\n", r->row->symbol);
  }
  const int broken = report->error[0] != 0;
  if (broken) print_error("%s\n", report->error);
  conform_free(report);
  if (failures || broken) fail_msg("%s: %ld failures with seed %" PRIu64, lw_op_name(plan.op->op), failures, plan.seed);
}

/* Who writes cases out needs the names of their parameters and the shapes of their tensors. */
static int lacks_names(const kit_op *op) {
  int missing = !op->parameters;
  if (missing) print_error("%s has no parameters\n", lw_op_name(op->op));
  for (int i = 0; i < op->case_count; i++) {
    kit_tensor t[KIT_TENSORS];
    const int count = op->tensors(&op->cases[i], t);
    for (int k = 0; k < count; k++) {
      int64_t product = 1;
      for (int d = 0; d < t[k].dims; d++) product *= t[k].shape[d];
      if (!t[k].name || (t[k].dims > 0 && product == t[k].count)) continue;
      print_error("%s, case %s: %s has no shape\n", lw_op_name(op->op), op->cases[i].name, t[k].name);
      missing++;
    }
  }
  return missing;
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
    } else {
      missing += lacks_names(kit_op_find(all[i].op));
    }
    for (size_t k = 0; k < sizeof isas / sizeof *isas && all[i].simd; k++) {
      const lw_kernel *row = lw_kernel_find(all[i].op, isas[k], NULL);
      if (row && row->isa == isas[k]) continue;
      print_error("%s has no kernel for %s\n", name, lw_isa_name(isas[k]));
      missing++;
    }
  }
  assert_int_equal(missing, 0);
}

static void usage(void) {
  fprintf(stderr,
          "usage: test_kernels [--op operator] [--row symbol] [--case name] [--fill integers|reals|specials] [--seed number]\n"
          "                    [--quick] [--in-process]\n");
  exit(2);
}

static int fill_from_name(const char *name) {
  for (int f = 0; f < KIT_FILLS; f++)
    if (strcmp(name, kit_fill_name((kit_fill)f)) == 0) return f;
  usage();
  return -1;
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(argv[i], "--quick") == 0)
      plan.quick = 1;
    else if (strcmp(argv[i], "--in-process") == 0)
      plan.in_process = 1;
    else if (!value)
      usage();
    else if (i++, strcmp(argv[i - 1], "--op") == 0)
      only_op = value;
    else if (strcmp(argv[i - 1], "--row") == 0)
      only_row = value;
    else if (strcmp(argv[i - 1], "--case") == 0)
      plan.only_case = value;
    else if (strcmp(argv[i - 1], "--seed") == 0)
      plan.seed = strtoull(value, NULL, 10);
    else if (strcmp(argv[i - 1], "--fill") == 0)
      plan.only_fill = fill_from_name(value);
    else
      usage();
  }
}

int main(int argc, char **argv) {
  static struct CMUnitTest tests[LW_OP_COUNT + 1];
  size_t count = 0;
  int skipped = 0;
  parse(argc, argv);
#if defined(LANEWISE_CUT)
  plan.quick = 1;
#endif
  if (getenv("LANEWISE_CUT")) plan.quick = atoi(getenv("LANEWISE_CUT"));
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
  printf("seed %" PRIu64 "\n", plan.seed);
  const int failed = _cmocka_run_group_tests("kernels", tests, count, NULL, NULL);
  printf("skipped: %d (rows that this CPU cannot run)\n", skipped);
  return failed != 0;
}
