/* SPDX-License-Identifier: Apache-2.0
 * The thread pool: which thread runs what, calls at once and inside one another, start and end, sleep;
 * and the cores that its threads are pinned to. */
#include "tests/kit/cmocka.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "lanewise.h"
#include "runtime/context.h"
#include "runtime/topology.h"

enum { MAX_PARTS = 100 };

typedef struct record {
  lw_pool *pool;
  atomic_int runs[MAX_PARTS], inner, wrong_parts;
  pthread_t thread[MAX_PARTS];
  int parts;
} record;

static void note(void *arg, int part, int parts) {
  record *r = arg;
  if (parts != r->parts) r->wrong_parts++;
  r->thread[part] = pthread_self();
  r->runs[part]++;
}

static void check_record(record *r) {
  assert_int_equal(r->wrong_parts, 0);
  for (int i = 0; i < MAX_PARTS; i++)
    if (r->runs[i] != (i < r->parts)) fail_msg("part %d of %d ran %d times", i, r->parts, r->runs[i]);
}

static void every_part_once_on_its_thread(void **state) {
  (void)state;
  static const int counts[] = {1, 2, 3, 7, 64};
  for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
    const int threads = counts[k];
    lw_pool *pool;
    assert_int_equal(lw_pool_create(threads, NULL, &pool), LW_OK);
    for (int parts = 1; parts <= MAX_PARTS; parts++) {
      record r = {.parts = parts};
      lw_pool_run(pool, parts, note, &r);
      check_record(&r);
      assert_true(pthread_equal(r.thread[0], pthread_self()));
      for (int i = 1; i < parts; i++)
        for (int j = 0; j < i; j++)
          if (!pthread_equal(r.thread[i], r.thread[j]) != (i % threads != j % threads))
            fail_msg("%d threads, %d parts: parts %d and %d", threads, parts, i, j);
    }
    record none = {.parts = 0};
    lw_pool_run(pool, 0, note, &none);
    check_record(&none);
    lw_pool_destroy(pool);
  }
}

static void inner_task(void *arg, int part, int parts) {
  record *r = arg;
  (void)part, (void)parts;
  r->inner++;
}
static void outer_task(void *arg, int part, int parts) {
  record *r = arg;
  note(arg, part, parts);
  lw_pool_run(r->pool, 5, inner_task, r);
}

static void calls_inside_tasks(void **state) {
  (void)state;
  record r = {.parts = 17};
  assert_int_equal(lw_pool_create(3, NULL, &r.pool), LW_OK);
  lw_pool_run(r.pool, r.parts, outer_task, &r);
  check_record(&r);
  assert_int_equal(r.inner, 17 * 5);
  lw_pool_destroy(r.pool);
}

static void *call_often(void *pool) {
  for (int i = 0; i < 300; i++) {
    record r = {.parts = 1 + i % 9};
    lw_pool_run(pool, r.parts, note, &r);
    for (int part = 0; part < MAX_PARTS; part++)
      if (r.runs[part] != (part < r.parts)) return pool;
  }
  return NULL;
}

static void many_callers(void **state) {
  (void)state;
  enum { CALLERS = 8 };
  pthread_t callers[CALLERS];
  lw_pool *pool;
  assert_int_equal(lw_pool_create(4, NULL, &pool), LW_OK);
  for (int i = 0; i < CALLERS; i++) assert_int_equal(pthread_create(&callers[i], NULL, call_often, pool), 0);
  for (int i = 0; i < CALLERS; i++) {
    void *failed;
    pthread_join(callers[i], &failed);
    assert_null(failed);
  }
  lw_pool_destroy(pool);
}

static int thread_count(void) {
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  int count = 0;
  for (struct dirent *e; (e = readdir(tasks));) count += e->d_name[0] != '.';
  closedir(tasks);
  return count;
}
/* The kernel lets go of a joined thread a moment after the join. */
static void expect_threads(int wanted) {
  for (int tries = 0; thread_count() != wanted && tries < 200; tries++) usleep(10000);
  assert_int_equal(thread_count(), wanted);
}

/* How many there are while no pool is. Counted before any test, whose threads might still be going, but after a first thread,
 * with which ThreadSanitizer starts one of its own. */
static int without_pools;
static void *own_task(void *path) {
  snprintf(path, 64, "/proc/self/task/%ld", (long)gettid());
  return NULL;
}
static int count_threads(void **state) {
  (void)state;
  pthread_t first;
  char path[64];
  if (pthread_create(&first, NULL, own_task, path) != 0 || pthread_join(first, NULL) != 0) return -1;
  for (int tries = 0; access(path, F_OK) == 0 && tries < 200; tries++) usleep(10000);
  without_pools = thread_count();
  return 0;
}

static void pools_come_and_go(void **state) {
  (void)state;
  const int before = without_pools;
  expect_threads(before);
  for (int i = 0; i < 200; i++) {
    lw_pool *pool;
    const int threads = 1 + i % 6;
    assert_int_equal(lw_pool_create(threads, NULL, &pool), LW_OK);
    if (i == 5) assert_int_equal(thread_count(), before + threads - 1);
    record r = {.parts = 6};
    if (i % 3) lw_pool_run(pool, r.parts, note, &r), check_record(&r);
    lw_pool_destroy(pool);
    if (i == 5) expect_threads(before);
  }
  expect_threads(before);
  lw_pool_destroy(NULL);
}

static void a_thread_that_cannot_start(void **state) {
  (void)state;
  const int before = without_pools;
  lw_pool *pool = NULL;
  int usable[1];
  assert_true(lw_topology_cores(usable, 1) >= 1);
  const int cpus[] = {usable[0], usable[0], CPU_SETSIZE - 1, usable[0]}; /* no machine has that many */
  assert_int_equal(lw_pool_create(4, cpus, &pool), LW_NO_MEMORY);
  assert_non_null(strstr(lw_error_message(), "thread 3 of 4"));
  assert_null(pool);
  expect_threads(before);
}

static double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void idle_threads_sleep_and_wake(void **state) {
  (void)state;
  lw_pool *pool;
  assert_int_equal(lw_pool_create(2, NULL, &pool), LW_OK);
  usleep(50000);
  const double before = cpu_seconds();
  for (int i = 0; i < 20; i++) {
    record r = {.parts = 2};
    lw_pool_run(pool, r.parts, note, &r);
    check_record(&r);
    usleep(20000);
  }
  const double used = cpu_seconds() - before; /* a spinning thread would take 0.4 */
  if (used > 0.2) fail_msg("0.4 s of waiting took %g s of CPU time", used);
  lw_pool_destroy(pool);
}

static void ask_signals(void *arg, int part, int parts) {
  sigset_t blocked;
  (void)parts;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  ((int *)arg)[part] = sigismember(&blocked, SIGUSR1) + 2 * sigismember(&blocked, SIGALRM);
}

static void workers_take_no_signals(void **state) {
  (void)state;
  int blocked[3];
  lw_pool *pool;
  assert_int_equal(lw_pool_create(3, NULL, &pool), LW_OK);
  lw_pool_run(pool, 3, ask_signals, blocked);
  assert_int_equal(blocked[0], 0);
  assert_int_equal(blocked[1], 3);
  assert_int_equal(blocked[2], 3);
  lw_pool_destroy(pool);
}

static void cores_and_caches(void **state) {
  (void)state;
  int cpus[LW_MAX_THREADS];
  cpu_set_t may, seen;
  CPU_ZERO(&seen);
  assert_int_equal(sched_getaffinity(0, sizeof may, &may), 0);
  const int cores = lw_topology_cores(cpus, LW_MAX_THREADS);
  assert_in_range(cores, 1, CPU_COUNT(&may));
  for (int i = 0; i < cores; i++) {
    assert_true(CPU_ISSET(cpus[i], &may));
    assert_false(CPU_ISSET(cpus[i], &seen));
    CPU_SET(cpus[i], &seen);
  }
  int guarded[2] = {-1, -1};
  assert_int_equal(lw_topology_cores(guarded, 1), cores);
  assert_int_equal(guarded[0], cpus[0]);
  assert_int_equal(guarded[1], -1);
  const size_t l1 = lw_topology_cache_bytes(1), l2 = lw_topology_cache_bytes(2);
  if (l1) assert_in_range(l1, 4 << 10, 4 << 20);
  if (l1 && l2) assert_true(l2 >= l1);
  assert_int_equal(lw_topology_cache_bytes(0), 0);
  assert_int_equal(lw_topology_cache_bytes(4), 0);
}

static void ask_affinity(void *arg, int part, int parts) {
  (void)parts;
  sched_getaffinity(0, sizeof(cpu_set_t), (cpu_set_t *)arg + part);
}

static void pinned_threads(void **state) {
  (void)state;
  int cpus[LW_MAX_THREADS];
  cpu_set_t on[6], may;
  const int cores = lw_topology_cores(cpus, LW_MAX_THREADS);
  lw_context *c;
  assert_int_equal(sched_getaffinity(0, sizeof may, &may), 0);
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 6, .pin = 1}, &c), LW_OK);
  lw_parallel(c, 6, ask_affinity, on);
  assert_true(CPU_EQUAL(&on[0], &may)); /* the caller's own thread is left alone */
  for (int i = 1; i < 6; i++) {
    assert_int_equal(CPU_COUNT(&on[i]), 1);
    assert_true(CPU_ISSET(cpus[i % cores], &on[i]));
  }
  lw_context_destroy(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_part_once_on_its_thread),
      cmocka_unit_test(calls_inside_tasks),
      cmocka_unit_test(many_callers),
      cmocka_unit_test(pools_come_and_go),
      cmocka_unit_test(a_thread_that_cannot_start),
      cmocka_unit_test(idle_threads_sleep_and_wake),
      cmocka_unit_test(workers_take_no_signals),
      cmocka_unit_test(cores_and_caches),
      cmocka_unit_test(pinned_threads),
  };
  return cmocka_run_group_tests(tests, count_threads, NULL);
}
