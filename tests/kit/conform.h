/* SPDX-License-Identifier: Apache-2.0
 * Conformance: rows of one operator (kernels of the table, or the operator of a backend) on every case of that operator, with
 * every fill, in guarded memory, split into parts in several ways. Exact rows are judged by memcmp with the reference (any NaN
 * equals any NaN), rows of mode fast by memcmp with their algorithm's own definition and by its bound around the double oracle,
 * others by a bound for sums in any order. Backends that promise nothing are measured by that bound, and must write their
 * outputs.
 *
 * Every row runs in a child process: one that reads or writes outside its buffers, uses an instruction that the CPU lacks or does
 * not come back is a failure of that row on that case, and the next case goes on. */
#ifndef LANEWISE_TESTS_KIT_CONFORM_H
#define LANEWISE_TESTS_KIT_CONFORM_H

#include "tests/kit/kit.h"

enum { CONFORM_ROWS = 64, CONFORM_KEPT = 8 };

/* What the row of a backend promises that says LW_BACKEND_MEASURED; LW_EXACT and LW_BOUND stand for the other two. */
enum { CONFORM_MEASURED = LW_BOUND - 1 };

enum { CONFORM_AGAIN = 1200 }; /* bytes of a reproducer */

typedef struct conform_plan {
  const kit_op *op;
  const lw_kernel *const *rows; /* of this operator, all runnable */
  size_t row_count;             /* at most CONFORM_ROWS */
  /* The shared object whose operator runs instead of kernels (include/lanewise_backend.h), opened for `threads` (0: 1) and
   * `isa`. rows holds one that says its name and promise. NULL: rows of the table. */
  const char *backend, *isa;
  uint64_t seed;
  const char *only_case; /* NULL: all */
  const kit_case *own;   /* instead of the operator's cases; NULL: none */
  const char *own_text;  /* what --shape said, for reproducers: at most 160 characters */
  int only_fill;         /* a kit_fill; -1: all */
  /* Largest layers cut, every case in few ways: for slow builds, or to be quick. */
  int quick;
  int threads;       /* 0: in 1, 2, 3 and 7 parts, in turns on one thread and on threads; else so many parts, each on a thread */
  int in_process;    /* no child process: for debuggers */
  unsigned seconds;  /* after which a row on one case is taken to hang; 0: never */
  const char *again; /* how a reproducer starts: "lanewise conform"; at most CONFORM_AGAIN - 400 characters; options follow */
} conform_plan;

/* The cases of an operator: its table, seeded shapes, and the largest layers cut to at most 64 channels and 28 rows ("-cut"). */
typedef struct conform_case {
  kit_case c;
  int number; /* of the case in the operator's list; a cut layer has that of the whole one */
  int is_cut;
  int expensive; /* quick runs leave it out, unless it is named */
} conform_case;
/* The list is the caller's, for free(). Returns how many; 0 if there is no memory. */
size_t conform_cases(const kit_op *op, uint64_t seed, conform_case **list);
/* flops from which a case is run in fewer ways */
#define CONFORM_EXPENSIVE 1e8
#define CONFORM_LARGE     2e6
/* Whether a case of so many flops is run with this fill. */
int conform_runs_fill(const kit_op *op, double flops, kit_fill fill);

typedef enum conform_kind {
  CONFORM_VALUES, /* outputs differ: `difference` tells */
  CONFORM_MEMORY, /* wrote outside an output, or changed an input or the floating-point control register */
  CONFORM_FAULT,  /* did not return: a signal, an end of the process, or no answer in time */
  CONFORM_SETUP,  /* could not be run: no memory */
  CONFORM_ERROR   /* a backend says that it failed */
} conform_kind;

typedef struct conform_failure {
  conform_kind kind;
  const lw_kernel *row;
  kit_case c; /* what ran; the name of a cut layer ends in "-cut" */
  kit_fill fill;
  kit_memory memory;
  int of_backend; /* not 0: variant is how it was called, parts are its threads */
  int variant, parts;
  int in_place;                  /* the input whose memory was the output's too; -1: none */
  kit_difference difference;     /* of CONFORM_VALUES */
  char what[240];                /* in words */
  char reproduce[CONFORM_AGAIN]; /* a command line */
} conform_failure;

typedef struct conform_row {
  const lw_kernel *row;
  long cases, runs, failures; /* failures: of runs */
  long unsupported;           /* cases that a backend does not want */
  double seconds;
  /* Not of LW_EXACT rows. Each is the largest over cases and finite fills; errors are in ulp of rms(y), see kit_accuracy_ulp. */
  double worst; /* largest error / bound */
  double error_ulp, error_rms_ulp;
  int kept;
  conform_failure failure[CONFORM_KEPT]; /* the first of each case, fill and kind */
} conform_row;

typedef struct conform_report {
  size_t row_count;
  long cases;      /* that matched */
  char error[240]; /* "" or why there is no result */
  conform_row row[CONFORM_ROWS];
} conform_report;

/* The report is the caller's, for conform_free; NULL if there is no memory. */
conform_report *conform_run(const conform_plan *plan);
void conform_free(conform_report *report);

const char *conform_kind_name(conform_kind kind);   /* "values", "memory", "fault", "setup", "error" */
const char *conform_memory_name(kit_memory memory); /* "guard at the end", ... */
/* "exact", "fast", "bound", "measured". */
const char *conform_promise_name(lw_promise promise);
/* In one line: variant, parts and memory of a failed run. */
void conform_how(const conform_failure *f, char *text, size_t capacity);

#endif
