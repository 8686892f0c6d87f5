/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/conform_child.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One mapping, so that conform_free finds all by the report. */
typedef struct shared {
  conform_report report;
  conform_child child;
} shared;

static int before(conform_place a, conform_place b) {
  if (a.step != b.step) return a.step < b.step;
  if (a.fill != b.fill) return a.fill < b.fill;
  if (a.algorithm != b.algorithm) return a.algorithm < b.algorithm;
  if (a.memory != b.memory) return a.memory < b.memory;
  return a.row < b.row;
}

int conform_child_reaches(const conform_child *child, conform_place place) {
  place.memory = KIT_ALIGNED;
  return before(child->done, place);
}

int conform_child_enter(conform_child *child, conform_place place) {
  if (!before(child->done, place)) return 0;
  child->at = place;
  child->inside = 1;
  kit_deadline_set(&child->deadline, child->plan->seconds);
  return 1;
}

/* Adds the case that runs to a count, unless it is the latest there. */
static void count_case(const conform_child *child, int latest[CONFORM_ROWS], long *count) {
  if (latest[child->at.row] == child->at.step + 1 || child->at.step == CONFORM_END_STEP) return;
  latest[child->at.row] = child->at.step + 1;
  ++*count;
}

void conform_child_leave(conform_child *child, int ran, int unsupported) {
  conform_row *row = &child->report->row[child->at.row];
  kit_deadline_set(&child->deadline, 0);
  child->inside = 0;
  if (ran) count_case(child, child->counted, &row->cases);
  if (unsupported) count_case(child, child->refused, &row->unsupported);
}

void conform_child_watch(conform_child *child, const kit_run *run, const kit_set *set) {
  child->run = run;
  child->set = set;
}

void conform_child_fail(conform_child *child, conform_kind kind, const char *what) {
  conform_row *row = &child->report->row[child->at.row];
  const conform_failure *last = row->kept ? &row->failure[row->kept - 1] : NULL;
  row->failures++;
  child->current.kind = kind;
  /* One case with one fill often fails in every memory and number of parts. */
  if (row->kept == CONFORM_KEPT ||
      (last && last->kind == kind && last->fill == child->current.fill && strcmp(last->c.name, child->current.c.name) == 0))
    return;
  snprintf(child->current.what, sizeof child->current.what, "%s", what);
  row->failure[row->kept++] = child->current;
}

void conform_child_error(conform_child *child, const char *format, ...) {
  va_list arguments;
  if (child->report->error[0]) return;
  va_start(arguments, format);
  vsnprintf(child->report->error, sizeof child->report->error, format, arguments);
  va_end(arguments);
}

/* ------------------------------------------------------------------------------------------------------------- faults */

static conform_child *watched; /* of this process, for the handler */

/* Keeps the buffer whose edge is nearest to the address, if that is within a page. */
static void nearest(const kit_buffer *b, const char *name, uintptr_t address) {
  const uintptr_t start = (uintptr_t)b->p, end = start + b->bytes;
  if (b->closed && address >= start && address < end) {
    watched->fault_buffer = name;
    watched->fault_distance = 0;
    watched->fault_inside = 1;
  }
  if (!b->p || watched->fault_inside || (address >= start && address < end)) return;
  const int64_t distance = address < start ? -(int64_t)(start - address) : (int64_t)(address - end);
  const int64_t near = distance < 0 ? -distance : distance;
  const int64_t known = watched->fault_distance < 0 ? -watched->fault_distance : watched->fault_distance;
  if (near > 4096 || (watched->fault_buffer && known <= near)) return;
  watched->fault_buffer = name;
  watched->fault_distance = distance;
}

/* A fault comes again once this has returned, and then ends the process; a signal that was sent must be sent again. */
static void on_fault(int number, siginfo_t *info, void *context) {
  (void)context;
  if (info->si_code <= 0) {
    raise(number);
    return;
  }
  const kit_set *set = watched->set;
  const kit_run *run = watched->run;
  for (int i = 0; set && i < set->count; i++)
    if (set->info[i].name) nearest(&set->buffer[i], set->info[i].name, (uintptr_t)info->si_addr);
  for (int i = 0; run && i < run->buffers; i++)
    nearest(&run->buffer[i], "a buffer in the kernel's own layout", (uintptr_t)info->si_addr);
}

static void catch_faults(conform_child *child) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  watched = child;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

static void explain(const conform_child *child, kit_child_end end, int status, char *text, size_t capacity) {
  char how[120];
  kit_child_explain(end, status, child->opening ? KIT_BACKEND_SECONDS : child->plan->seconds, how, sizeof how);
  int length = snprintf(text, capacity, "%s", how);
  if (child->fault_inside)
    length += snprintf(text + length, capacity - (size_t)length, ": touched %s after create() had returned", child->fault_buffer);
  else if (child->fault_buffer)
    length += snprintf(text + length, capacity - (size_t)length, ": touched the byte %" PRId64 " %s of %s",
                       child->fault_distance < 0 ? -child->fault_distance : child->fault_distance + 1,
                       child->fault_distance < 0 ? "before the start" : "past the end", child->fault_buffer);
  if (child->calling)
    snprintf(text + length, capacity - (size_t)length, ", in %s", child->calling);
  else if (!child->opening && (child->plan->backend || (!child->inside && !child->referring)))
    snprintf(text + length, capacity - (size_t)length, ", after the %s had returned",
             child->plan->backend ? "backend" : "kernel");
}

/* After a child that ended early. Returns 0 if the next one would end in the same place. */
static int blame(conform_child *child, kit_child_end end, int status) {
  char text[200];
  explain(child, end, status, text, sizeof text);
  if (child->opening) {
    conform_child_error(child, "%s: %s", child->plan->backend, text);
    return 0;
  }
  /* Behind a backend the reference may find a heap in ruins. */
  if ((child->referring && !child->plan->backend) || !before(child->done, child->at)) {
    conform_child_error(child, "the reference ended: %s", text);
    return 0;
  }
  conform_row *row = &child->report->row[child->at.row];
  row->runs++;
  count_case(child, child->counted, &row->cases);
  conform_child_fail(child, CONFORM_FAULT, text);
  child->done = child->at;
  child->inside = 0;
  child->referring = 0;
  child->fault_buffer = NULL;
  child->fault_inside = 0;
  child->calling = NULL;
  child->run = NULL;
  child->set = NULL;
  return 1;
}

/* The walk, and around it what a backend wants. The last place is its end, which comes after all cases. */
static void walk(conform_child *child) {
  const conform_plan *p = child->plan;
  kit_backend backend;
  if (p->backend) {
    child->opening = 1;
    kit_deadline_set(&child->deadline, p->seconds ? KIT_BACKEND_SECONDS : 0);
    if (!kit_backend_load(&backend, p->backend, &child->calling) ||
        !kit_backend_open(&backend, p->threads ? p->threads : 1, p->isa)) {
      conform_child_error(child, "%s", backend.error);
      return;
    }
    child->opening = 0;
    kit_deadline_set(&child->deadline, 0);
    child->backend = &backend;
  }
  conform_walk(child);
  if (p->backend && conform_child_enter(child, (conform_place){.step = CONFORM_END_STEP})) {
    conform_describe_end(child);
    kit_backend_close(&backend);
    conform_child_leave(child, 0, 0);
  }
}

conform_report *conform_run(const conform_plan *plan) {
  shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (s == MAP_FAILED) return NULL;
  conform_child *child = &s->child;
  child->plan = plan;
  child->report = &s->report;
  child->done = child->at = (conform_place){.step = -1};
  s->report.row_count = plan->row_count;
  for (size_t i = 0; i < plan->row_count; i++) s->report.row[i].row = plan->rows[i];
  if (plan->in_process) walk(child);
  while (!plan->in_process && !child->finished) {
    int status = 0;
    const pid_t pid = kit_child_fork();
    if (pid < 0) {
      conform_child_error(child, "no child process: %s", strerror(errno));
      break;
    }
    if (pid == 0) {
      catch_faults(child);
      if (plan->backend) dup2(STDERR_FILENO, STDOUT_FILENO); /* what it prints belongs into no result */
      walk(child);
      child->finished = 1;
      _exit(0);
    }
    const kit_child_end end = kit_child_wait(pid, &child->deadline, &status);
    if (end == KIT_CHILD_LOST) {
      conform_child_error(child, "the child process is lost: %s", strerror(errno));
      break;
    }
    if (!child->finished && !blame(child, end, status)) break;
  }
  return &s->report;
}

void conform_free(conform_report *report) {
  if (report) munmap(report, sizeof(shared));
}
