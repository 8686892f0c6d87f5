/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct worker {
  lw_pool *pool;
  int index;
  pthread_t thread;
} worker;

struct lw_pool {
  int threads, spin_ns;
  atomic_flag busy;
  /* The job; written by the caller before `generation` rises, read by workers after. */
  int parts;
  void (*task)(void *, int, int);
  void *arg;
  int quit;
  /* Each on a cache line of its own: workers read the first and write the second. */
  _Alignas(64) atomic_int generation;
  atomic_int sleepers; /* workers in futex_wait on generation */
  _Alignas(64) atomic_int pending; /* workers that have not finished */
  atomic_int caller_sleeps;
  worker workers[];
};

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

static void futex_wait(atomic_int *word, int seen) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0); }
static void futex_wake(atomic_int *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0); }

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waits until *word is no longer `seen`: spins, then sleeps. `asleep` tells the other side that a wake is needed; it is raised
 * before *word is read once more, and the other side changes *word before it looks at `asleep`, so no wake is lost. */
static void wait_change(atomic_int *word, int seen, atomic_int *asleep, int spin_ns) {
  const int64_t until = spin_ns ? now_ns() + spin_ns : 0;
  while (spin_ns) {
    for (int i = 0; i < 64; i++) {
      if (atomic_load_explicit(word, memory_order_acquire) != seen) return;
      relax();
    }
    if (now_ns() >= until) break;
  }
  atomic_fetch_add(asleep, 1);
  while (atomic_load(word) == seen) futex_wait(word, seen);
  atomic_fetch_sub(asleep, 1);
}

static void run_share(const lw_pool *p, int index) {
  for (int part = index; part < p->parts; part += p->threads) p->task(p->arg, part, p->parts);
}

static void *work(void *user) {
  const worker *w = user;
  lw_pool *p = w->pool;
  int seen = 0;
  for (;;) {
    wait_change(&p->generation, seen, &p->sleepers, p->spin_ns);
    seen = atomic_load(&p->generation);
    const int quit = p->quit;
    if (!quit) run_share(p, w->index);
    if (atomic_fetch_sub(&p->pending, 1) == 1 && atomic_load(&p->caller_sleeps)) futex_wake(&p->pending);
    if (quit) return NULL;
  }
}

/* Starts the workers on the job and waits for them; the caller does its own share between. */
static void post(lw_pool *p) {
  atomic_store(&p->pending, p->threads - 1);
  atomic_fetch_add(&p->generation, 1);
  if (atomic_load(&p->sleepers)) futex_wake(&p->generation);
}
static void join(lw_pool *p) {
  int left;
  while ((left = atomic_load(&p->pending)) > 0) wait_change(&p->pending, left, &p->caller_sleeps, p->spin_ns);
}

void lw_pool_run(lw_pool *p, int parts, void (*task)(void *, int, int), void *arg) {
  if (parts <= 1 || p->threads == 1 || atomic_flag_test_and_set_explicit(&p->busy, memory_order_acquire)) {
    for (int part = 0; part < parts; part++) task(arg, part, parts);
    return;
  }
  p->parts = parts;
  p->task = task;
  p->arg = arg;
  post(p);
  run_share(p, 0);
  join(p);
  atomic_flag_clear_explicit(&p->busy, memory_order_release);
}

static void stop(lw_pool *p, int started) {
  p->quit = 1;
  p->threads = started + 1;
  post(p);
  for (int i = 1; i <= started; i++) pthread_join(p->workers[i].thread, NULL);
}

lw_status lw_pool_create(int threads, const int *cpus, lw_pool **result) {
  lw_pool *p = aligned_alloc(64, (sizeof *p + (size_t)threads * sizeof *p->workers + 63) / 64 * 64);
  if (!p) return lw_fail(LW_NO_MEMORY, "context: no memory for a pool of %d threads", threads);
  *p = (lw_pool){.threads = threads, .busy = ATOMIC_FLAG_INIT};
  /* Spinning pays while every thread has a CPU; else it only takes time from the others. */
  p->spin_ns = threads <= sysconf(_SC_NPROCESSORS_ONLN) ? 30000 : 0;
  for (int i = 1; i < threads; i++) {
    worker *w = &p->workers[i];
    *w = (worker){.pool = p, .index = i};
    const int error = pthread_create(&w->thread, NULL, work, w);
    if (error) {
      stop(p, i - 1);
      free(p);
      return lw_fail(LW_NO_MEMORY, "context: thread %d of %d could not be started: %s", i, threads, strerror(error));
    }
    if (cpus) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpus[i], &set);
      pthread_setaffinity_np(w->thread, sizeof set, &set); /* a CPU that went away in between: runs unpinned */
    }
  }
  *result = p;
  return LW_OK;
}

void lw_pool_destroy(lw_pool *p) {
  if (!p) return;
  stop(p, p->threads - 1);
  free(p);
}
