/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "bench/machine.h"
#include "bench/options.h"
#include "simd/kernels.h"

static peer peers[PEERS_MOST];
static int count;
static unsigned limit = 60;  /* seconds that a call of a backend may take */
static double seconds = 0.5; /* that a line is measured: Google Benchmark's default */

lw_isa peers_isa(void) {
  const char *cap = getenv("LANEWISE_ISA");
  for (int isa = cap ? lw_isa_from_name(cap) : (int)lw_isa_best(); isa > 0; isa--)
    if (lw_isa_is_simd((lw_isa)isa) && lw_isa_runnable((lw_isa)isa)) return (lw_isa)isa;
  return LW_ISA_NAIVE;
}

int peers_count(void) { return count; }
const peer *peers_at(int i) { return &peers[i]; }

const lw_backend_promise *peer_promise(const peer *p, const char *op) {
  for (int i = 0; i < p->info.count; i++)
    if (strcmp(p->info.operators[i].op, op) == 0) return &p->info.operators[i].promise;
  return NULL;
}

static int add(const char *path, const char *program) {
  char error[KIT_BACKEND_ERROR];
  if (count == PEERS_MOST) return fprintf(stderr, "%s: --backend names more than %d files\n", program, PEERS_MOST), 0;
  peer *p = &peers[count];
  p->path = path;
  if (!kit_backend_probe(path, 1, getenv("LANEWISE_ISA"), limit, &p->info, error))
    return fprintf(stderr, "%s: --backend: %s\n", program, error), 0;
  if (strcmp(p->info.name, "autovec") == 0) /* a name in the place of an ISA, as ISAs' own are refused */
    return fprintf(stderr, "%s: --backend: %s is named \"autovec\", as Lanewise's own loops are\n", program, path), 0;
  for (int i = 0; i < count; i++)
    if (strcmp(peers[i].info.name, p->info.name) == 0)
      return fprintf(stderr, "%s: --backend: %s and %s are both named \"%s\"\n", program, peers[i].path, path, p->info.name), 0;
  count++;
  return 1;
}

int peers_init(int *argc, char **argv, const char *program) {
  const char *time = NULL;
  for (int i = 1; i < *argc; i++) /* Google Benchmark's own, which it does not tell */
    if (strncmp(argv[i], "--benchmark_min_time=", 21) == 0) time = argv[i] + 21;
  if (time && atof(time) > 0) seconds = atof(time);
  const char *paths = option_take(argc, argv, "backend"), *text = option_take(argc, argv, "backend-limit");
  int number;
  if (text && option_numbers(text, 86400, &number, 1) != 1)
    return fprintf(stderr, "%s: --backend-limit is \"%s\", expected seconds 1..86400\n", program, text), 0;
  if (text) limit = (unsigned)number;
  while (paths) {
    const size_t length = strcspn(paths, ",");
    char *path = strndup(paths, length); /* lives as long as the program */
    if (!path) return fprintf(stderr, "%s: no memory\n", program), 0;
    if (length == 0) return fprintf(stderr, "%s: --backend names no file\n", program), 0;
    if (!add(path, program)) return 0;
    paths = paths[length] ? paths + length + 1 : NULL;
  }
  return 1;
}

void peers_context(void) {
  for (int i = 0; i < count; i++) {
    char key[16 + KIT_BACKEND_NAME];
    snprintf(key, sizeof key, "peer_%s", peers[i].info.name);
    gbench_context(key, peers[i].info.version);
  }
}

/* ----------------------------------------------------------------------------------------------------------------- child */

/* Memory that a child shares with its parent; NULL if there is none. */
static void *share(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/* Runs body in a child. *finished: set by it in shared memory. Returns 0 and how it ended, if it ended early. */
static int in_child(void (*body)(void *shared, void *user), void *shared, void *user, const kit_deadline *deadline,
                    const int *finished, char *how, size_t capacity) {
  int status = 0;
  const pid_t pid = kit_child_fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* what a backend prints belongs into no result */
    body(shared, user);
    _exit(0);
  }
  const kit_child_end end = pid < 0 ? KIT_CHILD_LOST : kit_child_wait(pid, deadline, &status);
  if (*finished) return 1;
  kit_child_explain(end, status, limit, how, capacity);
  return 0;
}

typedef struct questions {
  kit_deadline deadline;
  int finished, at; /* the question that is being asked */
  const peer *p;
  int count;
  int (*ask)(kit_backend *b, int i, void *user);
  char answers[];
} questions;

static void answer(void *shared, void *user) {
  questions *q = shared;
  kit_backend b;
  kit_deadline_set(&q->deadline, limit);
  if (!kit_backend_load(&b, q->p->path, NULL) || !kit_backend_open(&b, 1, getenv("LANEWISE_ISA"))) return;
  for (; q->at < q->count; q->at++) {
    kit_deadline_set(&q->deadline, limit);
    q->answers[q->at] = (char)q->ask(&b, q->at, user);
  }
  q->finished = 1;
}

void peer_ask(const peer *p, int number, int (*ask)(kit_backend *, int, void *), void *user, char *answers) {
  char how[100];
  const size_t bytes = sizeof(questions) + (size_t)number;
  questions *q = share(bytes);
  memset(answers, 1, (size_t)number);
  if (!q) return;
  *q = (questions){.p = p, .count = number, .ask = ask};
  memset(q->answers, 1, (size_t)number);
  in_child(answer, q, user, &q->deadline, &q->finished, how, sizeof how);
  memcpy(answers, q->answers, (size_t)number);
  munmap(q, bytes);
}

void peer_fail(peer_outcome *o, const char *format, ...) {
  va_list arguments;
  if (o->error[0]) return;
  va_start(arguments, format);
  vsnprintf(o->error, sizeof o->error, format, arguments);
  va_end(arguments);
}

void peer_limit(peer_outcome *o, int on) { kit_deadline_set(&o->deadline, on ? limit : 0); }

int peer_open(peer_outcome *o, const peer *p, int threads, kit_backend *b) {
  char text[16];
  /* Threads of OpenMP are to be pinned as Lanewise's are. */
  if (threads > 1) {
    setenv("OMP_PLACES", "cores", 0);
    setenv("OMP_PROC_BIND", "close", 0);
  }
  snprintf(text, sizeof text, "%d", threads); /* also for those that choose while they are loaded */
  setenv("OMP_NUM_THREADS", text, 1);
  peer_limit(o, 1);
  if (!kit_backend_load(b, p->path, &o->calling) || !kit_backend_open(b, threads, getenv("LANEWISE_ISA")))
    peer_fail(o, "%s", b->error);
  peer_limit(o, 0);
  return !o->error[0];
}

void peer_measure(peer_outcome *o, const paired_side sides[PAIRED_SIDES], int threads, int cold) {
  paired_side measured[PAIRED_SIDES];
  int used = 0;
  for (int s = 0; s < PAIRED_SIDES; s++)
    if (sides[s].run) measured[used++] = sides[s];
  const paired_how how = {.threads = threads, .cold = cold, .seconds = seconds, .limit = limit, .deadline = &o->deadline};
  machine_pin();
  const char *wrong = paired_measure(measured, used, &how, &o->times);
  if (wrong) peer_fail(o, "%s", wrong);
  /* To its place in sides, from the last on: it moves up. */
  for (int s = PAIRED_SIDES - 1; s >= 0; s--) {
    o->has[s] = sides[s].run != NULL;
    if (o->has[s] && --used != s) memcpy(o->times.seconds[s], o->times.seconds[used], sizeof *o->times.seconds);
  }
}

/* ------------------------------------------------------------------------------------------------------------------ line */

typedef struct job {
  void (*body)(peer_outcome *o, void *user);
  void *user;
} job;

static void measure(void *shared, void *user) {
  const job *j = user;
  peer_outcome *o = shared;
  j->body(o, j->user);
  o->finished = 1;
}

static void compare(gbench_state *state, const peer_outcome *o, int side, const char *mode, char *label, size_t capacity) {
  char key[32];
  if (!o->has[side]) return;
  const paired_ratio r = paired_compare(o->times.seconds[PEER_ITSELF], o->times.seconds[side], o->times.rounds);
  snprintf(key, sizeof key, "ratio_%s", mode);
  gbench_counter(state, key, r.ratio);
  snprintf(key, sizeof key, "%s_us", mode);
  gbench_counter(state, key, 1e6 * paired_mean(o->times.seconds[side], o->times.rounds));
  const size_t length = strlen(label);
  const char *separator = length ? "; " : "";
  if (r.low <= 0) {
    snprintf(label + length, capacity - length, "%s%s: too few rounds", separator, mode);
    return;
  }
  snprintf(key, sizeof key, "ratio_%s_low", mode);
  gbench_counter(state, key, r.low);
  snprintf(key, sizeof key, "ratio_%s_high", mode);
  gbench_counter(state, key, r.high);
  if (r.low <= 1 && r.high >= 1) snprintf(label + length, capacity - length, "%s%s: hidden by noise", separator, mode);
}

double peer_line(gbench_state *state, void (*body)(peer_outcome *, void *), void *user, const char *binds) {
  char how[100], label[320];
  double time = 0;
  job j = {body, user};
  peer_outcome *o = share(sizeof *o);
  if (o) {
    o->error_over_bound = -1;
    if (!in_child(measure, o, &j, &o->deadline, &o->finished, how, sizeof how) && !o->error[0])
      snprintf(o->error, sizeof o->error, "%s %s%s", how, o->calling ? "in " : "between calls", o->calling ? o->calling : "");
    if (!o->error[0]) time = paired_mean(o->times.seconds[PEER_ITSELF], o->times.rounds);
  }
  while (gbench_next(state)) gbench_time(state, time);
  if (!o || o->error[0]) {
    gbench_fail(state, o ? o->error : "no memory");
  } else {
    if (isinf(o->error_over_bound)) {
      const size_t length = strlen(o->note);
      snprintf(o->note + length, sizeof o->note - length, "%swrong where the bound is 0", length ? "; " : "");
    }
    snprintf(label, sizeof label, "%s%s%s", binds, binds[0] && o->note[0] ? "; " : "", o->note);
    compare(state, o, PEER_EXACT, "exact", label, sizeof label);
    compare(state, o, PEER_FAST, "fast", label, sizeof label);
    gbench_label(state, label);
    gbench_counter(state, "pairs", o->times.rounds);
    if (o->error_over_bound >= 0 && isfinite(o->error_over_bound)) gbench_counter(state, "error_over_bound", o->error_over_bound);
  }
  if (o) munmap(o, sizeof *o);
  return time;
}
