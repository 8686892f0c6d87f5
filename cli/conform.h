/* SPDX-License-Identifier: Apache-2.0
 * `lanewise conform` in three files: conform.c chooses and runs, conform_print.c tells, conform_export.c writes cases out. */
#ifndef LANEWISE_CLI_CONFORM_H
#define LANEWISE_CLI_CONFORM_H

#include "cli/cli.h"
#include "tests/kit/conform.h"

/* What the command line asks for. */
typedef struct conform_options {
  const char *ops, *isas; /* comma-separated; NULL: all */
  const char *row, *only_case, *shape, *folder;
  int fill; /* -1: all */
  int quick, tap, json, in_process;
  int threads;
  unsigned seconds;
  uint64_t seed;
  kit_case own; /* of shape */
} conform_options;

/* One row of the kernel table that matches, whether or not it can run here. */
typedef struct conform_choice {
  const lw_kernel *row;
  const char *skip; /* why it is not run; NULL if it is */
} conform_choice;

typedef enum conform_verdict { CONFORM_PASSED, CONFORM_FAILED, CONFORM_SKIPPED } conform_verdict;

/* What is told of a whole run. Everything but JSON is printed as it comes. */
typedef struct conform_printer {
  const conform_options *o;
  char machine[128];
  long passed, failed, skipped; /* rows */
  int missing;                  /* not 0: some were skipped for want of an instruction set */
  long cases, runs;
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
