/* SPDX-License-Identifier: Apache-2.0
 * `lanewise conform` in four files: conform.c chooses and runs, conform_backend.c asks a backend what can be chosen,
 * conform_print.c tells, conform_export.c writes cases out. */
#ifndef LANEWISE_CLI_CONFORM_H
#define LANEWISE_CLI_CONFORM_H

#include "cli/cli.h"
#include "tests/kit/backend.h"
#include "tests/kit/conform.h"

/* What the command line asks for. */
typedef struct conform_options {
  const char *ops, *isas; /* comma-separated; NULL: all */
  const char *row, *only_case, *shape, *folder, *backend;
  int fill; /* -1: all */
  int quick, tap, json, in_process;
  int threads;
  unsigned seconds;
  uint64_t seed;
  kit_case own; /* of shape */
} conform_options;

enum { CONFORM_SECONDS = 120 }; /* unless --timeout says otherwise */

/* One row of the kernel table that matches, whether or not it can run here; or the operator of a backend. */
typedef struct conform_choice {
  const lw_kernel *row;
  const char *skip; /* why it is not run; NULL if it is */
} conform_choice;

/* What was chosen: rows of one operator stand together. */
typedef struct conform_selection {
  const kit_op *op[LW_OP_COUNT + 1]; /* with whole networks */
  size_t op_count;
  conform_choice *choice; /* for free() */
  size_t count;
  char again[CONFORM_AGAIN - 400]; /* how reproducers start */
  /* With --backend: what it says of itself, and rows that say it. */
  kit_backend_info backend;
  lw_kernel row[KIT_BACKEND_OPS];
} conform_selection;

/* Asks o->backend what it has and chooses the operators that o->ops and o->shape want. */
int conform_backend_ops(const conform_options *o, conform_selection *s);
/* Their rows. */
int conform_backend_rows(conform_selection *s);

typedef enum conform_verdict { CONFORM_PASSED, CONFORM_FAILED, CONFORM_SKIPPED } conform_verdict;

/* What is told of a whole run. Everything but JSON is printed as it comes. */
typedef struct conform_printer {
  const conform_options *o;
  const kit_backend_info *backend; /* NULL: rows of the table */
  char machine[128];
  long passed, failed, skipped; /* rows */
  int missing;                  /* not 0: some were skipped for want of an instruction set */
  long cases, runs, unsupported;
  double begin; /* milliseconds */
  int number;   /* of the latest TAP line */
  json_t *rows;
} conform_printer;

void conform_print_start(conform_printer *p, size_t rows);
/* The rows of one operator, in the order of `choices`; report holds those that were run, in the same order. */
void conform_print_op(conform_printer *p, const kit_op *op, const conform_choice *choices, size_t count,
                      const conform_report *report);
int conform_print_end(conform_printer *p);

/* Writes the chosen cases of these operators below o->folder. */
int conform_export(const conform_options *o, const kit_op *const *ops, size_t count);

#endif
