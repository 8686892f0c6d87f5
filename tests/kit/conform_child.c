/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/conform_child.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
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
  if (!child->plan->in_process) alarm(child->plan->seconds);
  return 1;
}

static void count_case(conform_child *child) {
  if (child->counted[child->at.row] == child->at.step + 1) return;
  child->counted[child->at.row] = child->at.step + 1;
  child->report->row[child->at.row].cases++;
}

void conform_child_leave(conform_child *child, int ran) {
  if (!child->plan->in_process) alarm(0);
  child->inside = 0;
  if (ran) count_case(child);
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
  if (!b->p || (address >= start && address < end)) return;
  const int64_t distance = address < start ? -(int64_t)(start - address) : (int64_t)(address - end);
  const int64_t near = distance < 0 ? -distance : distance;
  const int64_t known = watched->fault_distance < 0 ? -watched->fault_distance : watched->fault_distance;
  if (near > 4096 || (watched->fault_buffer && known <= near)) return;
  watched->fault_buffer = name;
  watched->fault_distance = distance;
}

/* The signal comes again once this has returned, and then ends the process. */
static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  const kit_set *set = watched->set;
  const kit_run *run = watched->run;
  for (int i = 0; set && i < set->count; i++)
    if (set->info[i].name) nearest(&set->buffer[i], set->info[i].name, (uintptr_t)info->si_addr);
  for (int i = 0; run && i < run->buffers; i++)
    nearest(&run->buffer[i], "a buffer in the kernel's own layout", (uintptr_t)info->si_addr);
}

static void catch_faults(conform_child *child) {
  const int signals[] = {SIGSEGV, SIGBUS};
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  const struct rlimit none = {0, 0};
  watched = child;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
  /* Others may have installed handlers that would hide how the child ended. */
  const int plain[] = {SIGILL, SIGFPE, SIGABRT, SIGALRM};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) signal(plain[i], SIG_DFL);
  setrlimit(RLIMIT_CORE, &none);
}

static void explain(const conform_child *child, int status, char *text, size_t capacity) {
  const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const char *late = child->inside || child->referring ? "" : ", after the kernel had returned";
  if (number == SIGALRM)
    snprintf(text, capacity, "not done after %u s%s", child->plan->seconds, late);
  else if (number == SIGILL)
    snprintf(text, capacity, "SIGILL: an instruction that this CPU lacks%s", late);
  else if ((number == SIGSEGV || number == SIGBUS) && child->fault_buffer && child->fault_distance < 0)
    snprintf(text, capacity, "SIG%s: touched the byte %" PRId64 " before the start of %s%s", sigabbrev_np(number),
             -child->fault_distance, child->fault_buffer, late);
  else if ((number == SIGSEGV || number == SIGBUS) && child->fault_buffer)
    snprintf(text, capacity, "SIG%s: touched the byte %" PRId64 " past the end of %s%s", sigabbrev_np(number),
             child->fault_distance + 1, child->fault_buffer, late);
  else if (number)
    snprintf(text, capacity, "SIG%s%s", sigabbrev_np(number) ? sigabbrev_np(number) : "?", late);
  else
    snprintf(text, capacity, "ended the process with exit code %d%s", WEXITSTATUS(status), late);
}

/* After a child that ended early. Returns 0 if the next one would end in the same place. */
static int blame(conform_child *child, int status) {
  char text[200];
  explain(child, status, text, sizeof text);
  if (child->referring || !before(child->done, child->at)) {
    conform_child_error(child, "the reference ended: %s", text);
    return 0;
  }
  child->report->row[child->at.row].runs++;
  count_case(child);
  conform_child_fail(child, CONFORM_FAULT, text);
  child->done = child->at;
  child->inside = 0;
  child->fault_buffer = NULL;
  child->run = NULL;
  child->set = NULL;
  return 1;
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
  while (!plan->in_process) {
    int status;
    fflush(NULL); /* or the child would write it again */
    const pid_t pid = fork();
    if (pid < 0) {
      conform_child_error(child, "no child process: %s", strerror(errno));
      return &s->report;
    }
    if (pid == 0) {
      catch_faults(child);
      conform_walk(child);
      child->finished = 1;
      _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0)
      if (errno != EINTR) {
        conform_child_error(child, "the child process is lost: %s", strerror(errno));
        return &s->report;
      }
    if (child->finished || !blame(child, status)) return &s->report;
  }
  conform_walk(child);
  return &s->report;
}

void conform_free(conform_report *report) {
  if (report) munmap(report, sizeof(shared));
}
