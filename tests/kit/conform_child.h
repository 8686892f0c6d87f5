/* SPDX-License-Identifier: Apache-2.0
 * The child process in which conform.c walks over cases: what it has reached and found lies in memory that its parent shares, so
 * that after a fault another child goes on behind that place. */
#ifndef LANEWISE_TESTS_KIT_CONFORM_CHILD_H
#define LANEWISE_TESTS_KIT_CONFORM_CHILD_H

#include <limits.h>
#include "tests/kit/backend.h"
#include "tests/kit/child.h"
#include "tests/kit/conform.h"

/* In the order of the walk: case (twice its number, plus 1 if it is cut), fill, algorithm (of mode fast, from 1 on), memory, row
 * of the plan. */
typedef struct conform_place {
  int step, fill, algorithm, memory, row;
} conform_place;

typedef struct conform_child {
  const conform_plan *plan;
  conform_report *report;
  conform_place done; /* where an earlier child ended; this one goes on behind it */
  conform_place at;   /* the latest that was entered */
  int inside;         /* not 0: the row there has not returned */
  int referring;      /* not 0: the reference runs */
  int opening;        /* not 0: the backend is loaded and opened */
  kit_deadline deadline;
  int finished; /* not 0: the walk came to its end */
  long matched;
  int counted[CONFORM_ROWS], refused[CONFORM_ROWS]; /* the latest case that cases, unsupported of conform_row has, plus 1 */
  conform_failure current;                          /* what runs now */
  kit_backend *backend;                             /* of plan->backend, open in this process; NULL: rows of the table */
  const char *calling;                              /* the backend's function that runs; NULL: none */

  /* Who owns the memory around a fault: see conform_child_watch. */
  const kit_run *run;
  const kit_set *set;
  const char *fault_buffer; /* "x", NULL if unknown */
  int64_t fault_distance;   /* bytes before its start (negative) or from its end on */
  int fault_inside;         /* not 0: it was closed */
} conform_child;

/* conform.c: every case in turn. */
void conform_walk(conform_child *child);
/* conform.c: what to say if the end of a backend fails, which comes after all cases. */
enum { CONFORM_END_STEP = INT_MAX - 1 };
void conform_describe_end(conform_child *child);

/* Is anything of this case and fill left to run? */
int conform_child_reaches(const conform_child *child, conform_place place);
/* Is this place left to run? Then it is the one that is blamed for faults from now on, until conform_child_leave. */
int conform_child_enter(conform_child *child, conform_place place);
/* ran: whether the row ran the case, and unsupported: whether it does not want to. */
void conform_child_leave(conform_child *child, int ran, int unsupported);
/* Buffers that a kernel is running on; NULL, NULL: none. */
void conform_child_watch(conform_child *child, const kit_run *run, const kit_set *set);
/* `current` failed. */
void conform_child_fail(conform_child *child, conform_kind kind, const char *what);
/* The walk cannot go on; the first message is kept. */
void conform_child_error(conform_child *child, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
