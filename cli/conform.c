/* SPDX-License-Identifier: Apache-2.0
 * `lanewise conform`: the conformance suite over the kernels of this machine. */
#include "cli/conform.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/options.h" /* option_lists */
#include "cli/machine.h"
#include "tests/kit/shape.h"

enum {
  KEY_OP = 0x400,
  KEY_ROW,
  KEY_ISA,
  KEY_CASE,
  KEY_SHAPE,
  KEY_FILL,
  KEY_SEED,
  KEY_TAP,
  KEY_TIMEOUT,
  KEY_EXPORT,
  KEY_IN_PROCESS,
  KEY_BACKEND
};

/* Names for a message that lists what would have been right. */
typedef struct names {
  char *text;
  size_t size;
  FILE *stream;
} names;

static void names_start(names *n) { n->stream = open_memstream(&n->text, &n->size); }
static void names_add(names *n, const char *name) {
  if (n->stream) fprintf(n->stream, " %s", name);
}
static int names_complain(names *n, const char *option, const char *value) {
  if (!n->stream || fclose(n->stream) != 0) return cli_fail("no memory for a message");
  cli_usage("%s is \"%s\", expected some of:%s", option, value, n->text);
  free(n->text);
  return CLI_USAGE;
}

static int is_op(const char *word) {
  for (int op = 0; op < LW_OP_COUNT; op++)
    if (strcmp(word, lw_op_name((lw_op)op)) == 0) return 1;
  return 0;
}

/* CLI_OK if every word of a list is known. */
static int check_list(const char *option, const char *list, int is_isa) {
  char word[64];
  for (const char *p = list; p;) {
    const size_t length = strcspn(p, ",");
    snprintf(word, sizeof word, "%.*s", (int)length, p);
    if (is_isa ? lw_isa_from_name(word) < 0 : !is_op(word)) {
      names all;
      names_start(&all);
      for (int i = 0; i < (is_isa ? (int)LW_ISA_COUNT : (int)LW_OP_COUNT); i++)
        names_add(&all, is_isa ? lw_isa_name((lw_isa)i) : lw_op_name((lw_op)i));
      return names_complain(&all, option, word);
    }
    p = p[length] ? p + length + 1 : NULL;
  }
  return CLI_OK;
}

static int check_row(const conform_options *o) {
  names all;
  if (!o->row) return CLI_OK;
  for (size_t i = 0; i < lw_kernel_count; i++)
    if (strcmp(o->row, lw_kernel_table[i].symbol) == 0) return CLI_OK;
  names_start(&all);
  for (size_t i = 0; i < lw_kernel_count; i++)
    if (option_lists(o->ops, lw_op_name(lw_kernel_table[i].op))) names_add(&all, lw_kernel_table[i].symbol);
  return names_complain(&all, "--row", o->row);
}

/* Operators that have the case of that name. */
static int keep_ops_with_case(const conform_options *o, conform_selection *s) {
  names all;
  size_t kept = 0;
  names_start(&all);
  for (size_t i = 0; i < s->op_count; i++) {
    conform_case *list;
    int found = 0;
    const size_t count = conform_cases(s->op[i], o->seed, &list);
    for (size_t k = 0; k < count; k++) {
      found |= strcmp(list[k].c.name, o->only_case) == 0;
      if (s->op_count == 1) names_add(&all, list[k].c.name);
    }
    free(list);
    if (found) s->op[kept++] = s->op[i];
  }
  const int one = s->op_count == 1;
  s->op_count = kept;
  if (kept == 0 && one) return names_complain(&all, "--case", o->only_case);
  if (all.stream && fclose(all.stream) == 0) free(all.text);
  return kept ? CLI_OK
              : cli_usage("--case is \"%s\", which no chosen operator has; with one --op its cases are listed", o->only_case);
}

static int select_ops(const conform_options *o, conform_selection *s) {
  for (int i = 0; i < LW_OP_COUNT; i++) {
    const kit_op *op = kit_op_find((lw_op)i);
    int matches = 0;
    for (size_t k = 0; op && k < lw_kernel_count; k++) {
      const lw_kernel *row = &lw_kernel_table[k];
      matches |=
          (int)row->op == i && option_lists(o->isas, lw_isa_name(row->isa)) && (!o->row || strcmp(o->row, row->symbol) == 0);
    }
    if (matches && option_lists(o->ops, lw_op_name((lw_op)i)) && (!o->shape || op->op == LW_OP_conv2d)) s->op[s->op_count++] = op;
  }
  if (s->op_count == 0)
    return cli_usage("no row of the kernel table is all of that: --op %s, --row %s, --isa %s%s", o->ops ? o->ops : "(any)",
                     o->row ? o->row : "(any)", o->isas ? o->isas : "(any)", o->shape ? ", --shape (of conv2d)" : "");
  return CLI_OK;
}

static int select_rows(const conform_options *o, conform_selection *s) {
  const char *cap_name = getenv("LANEWISE_ISA");
  const int cap = cap_name ? lw_isa_from_name(cap_name) : LW_ISA_COUNT;
  if (cap < 0) return check_list("LANEWISE_ISA", cap_name, 1);
  s->choice = calloc(lw_kernel_count, sizeof *s->choice);
  if (!s->choice) return cli_fail("no memory for the rows");
  for (size_t i = 0; i < s->op_count; i++)
    for (size_t k = 0; k < lw_kernel_count; k++) {
      const lw_kernel *row = &lw_kernel_table[k];
      if (row->op != s->op[i]->op || !option_lists(o->isas, lw_isa_name(row->isa)) ||
          (o->row && strcmp(o->row, row->symbol) != 0))
        continue;
      const char *missing = lw_isa_missing(row->isa);
      s->choice[s->count++] = (conform_choice){row, missing               ? missing
                                                    : (int)row->isa > cap ? "LANEWISE_ISA asks for less"
                                                                          : NULL};
    }
  return CLI_OK;
}

/* Runs the chosen rows of one operator and tells what came out. */
static int run_op(const conform_options *o, conform_printer *p, const kit_op *op, const conform_choice *choices, size_t count,
                  const char *again) {
  const lw_kernel *rows[CONFORM_ROWS];
  conform_plan plan = {.op = op,
                       .rows = rows,
                       .backend = o->backend,
                       .isa = o->backend ? o->isas : NULL,
                       .seed = o->seed,
                       .only_case = o->only_case,
                       .own = o->shape ? &o->own : NULL,
                       .own_text = o->shape,
                       .only_fill = o->fill,
                       .quick = o->quick,
                       .threads = o->threads,
                       .in_process = o->in_process,
                       .seconds = o->seconds,
                       .again = again};
  if (count > CONFORM_ROWS) return cli_fail("%s has %zu rows, more than %d", kit_op_name(op), count, CONFORM_ROWS);
  for (size_t i = 0; i < count; i++)
    if (!choices[i].skip) rows[plan.row_count++] = choices[i].row;
  conform_report *report = conform_run(&plan);
  if (!report) return cli_fail("no memory for the results of %s", kit_op_name(op));
  const int code = report->error[0] ? cli_fail("%s: %s", kit_op_name(op), report->error) : CLI_OK;
  if (code == CLI_OK) conform_print_op(p, op, choices, count, report);
  conform_free(report);
  return code;
}

static int run_ops(const conform_options *o, const conform_selection *s) {
  conform_printer p = {.o = o, .backend = o->backend ? &s->backend : NULL, .begin = cli_milliseconds()};
  cli_machine_model(p.machine, sizeof p.machine);
  conform_print_start(&p, s->count);
  for (size_t i = 0, first = 0; i < s->op_count; i++) {
    size_t count = 0;
    while (first + count < s->count && s->choice[first + count].row->op == s->op[i]->op) count++;
    const int code = run_op(o, &p, s->op[i], &s->choice[first], count, s->again);
    if (code != CLI_OK) {
      if (o->tap) printf("Bail out! the conformance suite itself failed\n");
      json_decref(p.rows);
      return code;
    }
    first += count;
  }
  return conform_print_end(&p);
}

static int select_kernels(const conform_options *o, conform_selection *s) {
  snprintf(s->again, sizeof s->again, "lanewise conform");
  int code = check_list("--op", o->ops, 0);
  if (code == CLI_OK) code = check_list("--isa", o->isas, 1);
  if (code == CLI_OK) code = check_row(o);
  if (code == CLI_OK) code = select_ops(o, s);
  if (code == CLI_OK && o->only_case) code = keep_ops_with_case(o, s);
  if (code == CLI_OK && !o->folder) code = select_rows(o, s);
  return code;
}

static int select_backend(const conform_options *o, conform_selection *s) {
  int code = conform_backend_ops(o, s);
  if (code == CLI_OK && o->only_case) code = keep_ops_with_case(o, s);
  return code == CLI_OK ? conform_backend_rows(s) : code;
}

static int run(const conform_options *o) {
  conform_selection s = {.count = 0};
  int code = o->backend ? select_backend(o, &s) : select_kernels(o, &s);
  if (code == CLI_OK) code = o->folder ? conform_export(o, s.op, s.op_count) : run_ops(o, &s);
  free(s.choice);
  return code;
}

static int fill_from_name(const char *name) {
  for (int f = 0; f < KIT_FILLS; f++)
    if (strcmp(name, kit_fill_name((kit_fill)f)) == 0) return f;
  exit(cli_usage("--fill is \"%s\", expected integers, reals or specials", name));
}

static void read_shape(conform_options *o, const char *text) {
  o->shape = text;
  o->own = (kit_case){.bias = 1};
  if (strlen(text) > 160) exit(cli_usage("--shape is longer than 160 characters"));
  if (shape_parse(text, &o->own.of.conv2d) != LW_OK) exit(cli_usage("--%s", lw_error_message()));
  snprintf(o->own.name, sizeof o->own.name, "%s", text);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  conform_options *o = state->input;
  switch (key) {
  case KEY_OP: o->ops = arg; return 0;
  case KEY_ROW: o->row = arg; return 0;
  case KEY_ISA: o->isas = arg; return 0;
  case KEY_CASE: o->only_case = arg; return 0;
  case KEY_SHAPE: read_shape(o, arg); return 0;
  case KEY_FILL: o->fill = fill_from_name(arg); return 0;
  case KEY_SEED: o->seed = (uint64_t)cli_option("--seed", arg, 0, INT64_MAX); return 0;
  case KEY_TAP: o->tap = 1; return 0;
  case KEY_TIMEOUT: o->seconds = (unsigned)cli_option("--timeout", arg, 0, 86400); return 0;
  case KEY_EXPORT: o->folder = arg; return 0;
  case KEY_IN_PROCESS: o->in_process = 1; return 0;
  case KEY_BACKEND: o->backend = arg; return 0;
  case 't': o->threads = (int)cli_option("--threads", arg, 1, 1024); return 0;
  case 'q': o->quick = 1; return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG: argp_error(state, "\"%s\" is one argument too many", arg); return 0;
  case ARGP_KEY_END:
    if (o->tap && o->json) argp_error(state, "--tap and --json exclude each other");
    if (o->shape && o->only_case) argp_error(state, "--shape and --case exclude each other");
    if (o->folder && o->tap) argp_error(state, "--export and --tap exclude each other");
    if (o->backend && o->row) argp_error(state, "--backend and --row exclude each other");
    if (o->backend && o->folder) argp_error(state, "--backend and --export exclude each other");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_conform(int argc, char **argv) {
  static const struct argp_option list[] = {
      {NULL, 0, NULL, 0, "What runs (lists are comma-separated):", 1},
      {"backend", KEY_BACKEND, "FILE.so", 0, "Another library's operators (lanewise_backend.h), not the rows of the kernel table",
       1},
      {"op", KEY_OP, "LIST", 0, "Only these operators", 1},
      {"isa", KEY_ISA, "LIST", 0, "Only rows of these instruction sets; with --backend the one that it is asked to use", 1},
      {"row", KEY_ROW, "SYMBOL", 0, "Only this row of the kernel table", 1},
      {"case", KEY_CASE, "NAME", 0, "Only this case", 1},
      {"shape", KEY_SHAPE, "SHAPE", 0, "conv2d of this shape, in benchdnn's words: mb1ic64ih56oc64oh56kh3ph1", 1},
      {"fill", KEY_FILL, "NAME", 0, "Only these inputs: integers, reals or specials (NaN, infinite, -0, subnormal)", 1},
      {"quick", 'q', NULL, 0, "Largest layers cut and every case in few ways: some 20 s on 2 cores", 1},
      {"seed", KEY_SEED, "N", 0, "Of inputs and random shapes (default: 1)", 1},
      {"threads", 't', "N", 0,
       "1 to 1024 parts, each on its thread (default: 1, 2, 3 and 7 parts, in turns and on threads); of a backend: how many "
       "threads it may use (default: 1)",
       1},
      {NULL, 0, NULL, 0, "What comes out:", 2},
      {"tap", KEY_TAP, NULL, 0, "Test Anything Protocol, version 14", 2},
      {"json", 'j', NULL, 0, "Print JSON", 2},
      {"export", KEY_EXPORT, "FOLDER", 0,
       "Run nothing; write cases with the expected bits as .npy files, for kernels that are not in C", 2},
      {NULL, 0, NULL, 0, "Faults:", 3},
      {"timeout", KEY_TIMEOUT, "SECONDS", 0, "When a row on one case is taken to hang (default: 120; 0: never)", 3},
      {"in-process", KEY_IN_PROCESS, NULL, 0, "No child process, so that a debugger stops at a fault, which ends the run", 3},
      {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .doc =
          "Runs kernels on the cases of the conformance suite: in guarded memory, on small integers, reals and special values, "
          "split in several ways. Exact rows must give the bits of the reference, the others stay within a bound that is "
          "derived for every output. Exit code 1 if one does not. A backend is judged by what it promises of itself."
          "\v"
          "Examples:\n"
          "  lanewise conform --quick\n"
          "  lanewise conform --op conv2d,linear --isa avx2\n"
          "  lanewise conform --shape mb1ic64ih56oc64oh56kh3ph1\n"
          "  lanewise conform --op conv2d --export cases\n"
          "  lanewise conform --backend ./my_library.so --op conv2d"};
  conform_options o = {.fill = -1, .seed = 1, .seconds = CONFORM_SECONDS};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  return run(&o);
}
