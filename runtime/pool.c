/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPIN_NS = 30000, LINE = 64 };

/* What a worker waits on. The caller swaps CALLED in and so learns from the one word whether the worker sleeps. */
enum { IDLE, ASLEEP, CALLED };

typedef struct job {
  void (*task)(void *, int, int); /* NULL: quit */
  void *arg;
  int parts;
} job;

/* One cache line each, so that a call costs one transfer per worker and a worker without a part is left alone. */
typedef struct worker {
  _Alignas(LINE) atomic_int state;
  int index;
  job job; /* written by the caller before it sets `state`, read by the worker after */
  lw_pool *pool;
  pthread_t thread;
} worker;
_Static_assert(sizeof(worker) == LINE, "a worker's call fits one cache line");

struct lw_pool {
  int threads, spin_ns, forks;
  _Alignas(LINE) atomic_flag busy;
  _Alignas(LINE) atomic_int pending; /* called workers that have not finished, plus CALLER_SLEEPS */
  worker workers[];
};
enum { CALLER_SLEEPS = 1 << 30 };

/* Forks between this process and the first one that used the library. A pool made at a lower count has lost its threads. */
static atomic_int forks;
static void count_fork(void) { atomic_fetch_add(&forks, 1); }
static void watch_forks(void) { (void)pthread_atfork(NULL, NULL, count_fork); }

int lw_pool_inherited(const lw_pool *p) { return p->forks != atomic_load_explicit(&forks, memory_order_relaxed); }

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

static void futex_wait(atomic_int *word, int seen) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); }
static void futex_wake(atomic_int *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Returns 1 as soon as *word is `wanted`, 0 after `ns` nanoseconds. The one waited for may have been put on this very CPU: so
 * that it runs before the spinning is over, the CPU is offered every microsecond or so. */
static int spin(atomic_int *word, int wanted, int ns) {
  if (atomic_load_explicit(word, memory_order_acquire) == wanted) return 1;
  if (ns == 0) return 0;
  const int64_t until = now_ns() + ns;
  do {
    for (int i = 0; i < 64; i++) {
      if (atomic_load_explicit(word, memory_order_acquire) == wanted) return 1;
      relax();
    }
    sched_yield();
  } while (now_ns() < until);
  return 0;
}

static void run_share(const job *j, int index, int threads) {
  for (int part = index; part < j->parts; part += threads) j->task(j->arg, part, j->parts);
}

static void wait_for_call(worker *w, int spin_ns) {
  int idle = IDLE;
  if (!spin(&w->state, CALLED, spin_ns) && atomic_compare_exchange_strong(&w->state, &idle, ASLEEP))
    while (atomic_load_explicit(&w->state, memory_order_acquire) == ASLEEP) futex_wait(&w->state, ASLEEP);
}

static void *work(void *user) {
  worker *w = user;
  lw_pool *p = w->pool;
  for (;;) {
    wait_for_call(w, p->spin_ns);
    if (!w->job.task) return NULL;
    run_share(&w->job, w->index, p->threads);
    atomic_store_explicit(&w->state, IDLE, memory_order_relaxed); /* ordered by the next line: no call comes before it */
    if (atomic_fetch_sub(&p->pending, 1) == (CALLER_SLEEPS | 1)) futex_wake(&p->pending);
  }
}

/* Hands the job to workers 1..count. */
static void call(lw_pool *p, int count, const job *j) {
  atomic_store_explicit(&p->pending, count, memory_order_relaxed);
  for (int i = 1; i <= count; i++) {
    worker *w = &p->workers[i];
    w->job = *j;
    if (atomic_exchange(&w->state, CALLED) == ASLEEP) futex_wake(&w->state);
  }
}

/* Only the last worker wakes the caller, so a wait on an outdated count ends all the same. */
static void wait_for_workers(lw_pool *p) {
  if (spin(&p->pending, 0, p->spin_ns) || atomic_fetch_or(&p->pending, CALLER_SLEEPS) == 0) return;
  int left;
  while ((left = atomic_load_explicit(&p->pending, memory_order_acquire)) != CALLER_SLEEPS) futex_wait(&p->pending, left);
}

void lw_pool_run(lw_pool *p, int parts, void (*task)(void *, int, int), void *arg) {
  if (parts <= 1 || p->threads == 1 || lw_pool_inherited(p) ||
      atomic_flag_test_and_set_explicit(&p->busy, memory_order_acquire)) {
    for (int part = 0; part < parts; part++) task(arg, part, parts);
    return;
  }
  const job j = {task, arg, parts};
  call(p, (parts < p->threads ? parts : p->threads) - 1, &j);
  run_share(&j, 0, p->threads);
  wait_for_workers(p);
  atomic_flag_clear_explicit(&p->busy, memory_order_release);
}

/* Spinning pays while every thread has a CPU; else it only takes time from the others. */
static int spin_time(int threads, const int *cpus) {
  cpu_set_t may;
  if (sched_getaffinity(0, sizeof may, &may) != 0 || threads > CPU_COUNT(&may)) return 0;
  for (int i = 1; cpus && i < threads; i++)
    if (cpus[i] == cpus[0]) return 0;
  return SPIN_NS;
}

/* Workers run no signal handler of the program: they would run it in the middle of a kernel, and on a thread nobody knows of. */
static int start_worker(worker *w, const int *cpu) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error) return error;
  if (cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(*cpu, &set);
    error = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (!error) error = pthread_create(&w->thread, &attributes, work, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

static void stop(lw_pool *p, int started) {
  call(p, started, &(job){.task = NULL});
  for (int i = 1; i <= started; i++) pthread_join(p->workers[i].thread, NULL);
}

lw_status lw_pool_create(int threads, const int *cpus, lw_pool **result) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_forks);
  lw_pool *p = aligned_alloc(LINE, sizeof *p + (size_t)threads * sizeof *p->workers);
  if (!p) return lw_fail(LW_NO_MEMORY, "context: no memory for a pool of %d threads", threads);
  *p = (lw_pool){.threads = threads, .spin_ns = spin_time(threads, cpus), .forks = atomic_load(&forks), .busy = ATOMIC_FLAG_INIT};
  for (int i = 1; i < threads; i++) {
    worker *w = &p->workers[i];
    *w = (worker){.index = i, .pool = p};
    const int error = start_worker(w, cpus ? &cpus[i] : NULL);
    if (error) {
      stop(p, i - 1);
      free(p);
      return lw_fail(LW_NO_MEMORY, "context: thread %d of %d could not be started%s: %s", i + 1, threads,
                     cpus ? " on its core" : "", strerror(error));
    }
  }
  *result = p;
  return LW_OK;
}

void lw_pool_destroy(lw_pool *p) {
  if (!p) return;
  if (!lw_pool_inherited(p)) stop(p, p->threads - 1);
  free(p);
}
