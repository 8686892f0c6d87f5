/* SPDX-License-Identifier: Apache-2.0
 * Plans and threads: several plans of one context share its threads, and a caller's own threads run whole passes. */
#include "tests/kit/cmocka.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"

static const uint64_t seed = 11;

typedef struct fixture {
  lw_context *context;
  lw_plan *plan;
  float *x, *y, *again;
  void *workspace;
  size_t bytes; /* of y */
} fixture;

static float *values(int64_t count) {
  float *x = malloc((size_t)count * sizeof *x);
  assert_non_null(x);
  lw_kaiming_uniform(seed, 1000, 6, 0, count, x);
  return x;
}

static fixture make(lw_context *context, const char *name, int64_t batch) {
  const lw_net *net = lw_net_builtin(name);
  const lw_weights weights = lw_weights_seeded(&seed);
  fixture f = {.context = context};
  if (lw_plan_create(context, net, &weights, &(lw_plan_options){.batch = batch, .mode = LW_FAST}, &f.plan) != LW_OK ||
      lw_allocate(context, lw_plan_workspace_bytes(f.plan), &f.workspace) != LW_OK)
    fail_msg("%s", lw_error_message());
  f.bytes = (size_t)(lw_plan_outputs(f.plan) * batch) * sizeof(float);
  f.x = values(net->c * net->h * net->w * batch);
  f.y = malloc(f.bytes);
  f.again = malloc(f.bytes);
  assert_true(f.y && f.again);
  assert_int_equal(lw_plan_run(f.plan, f.x, f.y, f.workspace), LW_OK);
  return f;
}

static void release(fixture *f) {
  lw_release(f->context, f->workspace);
  lw_plan_destroy(f->plan);
  free(f->x);
  free(f->y);
  free(f->again);
}

static int thread_count(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  if (!tasks) return 1 << 20;
  for (struct dirent *e; (e = readdir(tasks));) count += e->d_name[0] != '.';
  closedir(tasks);
  return count;
}

static atomic_int most_threads;

static void *run_often(void *user) {
  fixture *f = user;
  for (int i = 0; i < 20; i++) {
    memset(f->again, 0xff, f->bytes);
    if (lw_plan_run(f->plan, f->x, f->again, f->workspace) != LW_OK || memcmp(f->y, f->again, f->bytes) != 0) return f;
    int count = thread_count(), most = atomic_load(&most_threads);
    while (count > most && !atomic_compare_exchange_weak(&most_threads, &most, count)) continue;
  }
  return NULL;
}

/* Three plans run at once on three threads of the caller's: the context's threads are all there are besides. */
static void plans_share_the_threads_of_a_context(void **state) {
  static const char *const names[] = {"net", "lenet5", "mlp"};
  enum { PLANS = 3, THREADS = 4 };
  (void)state;
  lw_context *context;
  fixture fixtures[PLANS];
  pthread_t callers[PLANS];
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = THREADS}, &context), LW_OK);
  const int before = thread_count();
  for (int i = 0; i < PLANS; i++) fixtures[i] = make(context, names[i], 16);
  assert_int_equal(thread_count(), before);
  for (int i = 0; i < PLANS; i++) assert_int_equal(pthread_create(&callers[i], NULL, run_often, &fixtures[i]), 0);
  for (int i = 0; i < PLANS; i++) {
    void *failed;
    pthread_join(callers[i], &failed);
    assert_null(failed);
  }
  assert_true(atomic_load(&most_threads) <= before + PLANS);
  for (int i = 0; i < PLANS; i++) release(&fixtures[i]);
  lw_context_destroy(context);
}

typedef struct loop {
  int calls, most_parts;
} loop;

static void backwards(void *user, int parts, void (*task)(void *arg, int part, int parts), void *arg) {
  loop *l = user;
  l->calls++;
  if (parts > l->most_parts) l->most_parts = parts;
  for (int part = parts - 1; part >= 0; part--) task(arg, part, parts);
}

/* A pass of large layers goes to the caller's parallel_for, in the bits of one thread; a pass of LeNet-5 on one image is below
 * the size at which sharing pays and stays where it is. */
static void passes_on_the_threads_of_the_caller(void **state) {
  (void)state;
  loop l = {0};
  lw_context *own, *one;
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 3, .parallel_for = backwards, .parallel_user = &l}, &own),
                   LW_OK);
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 1}, &one), LW_OK);
  fixture shared = make(own, "net", 4), alone = make(one, "net", 4);
  assert_true(l.calls > 0 && l.most_parts == 3);
  assert_memory_equal(shared.y, alone.y, alone.bytes);
  release(&shared);
  release(&alone);
  l = (loop){0};
  fixture small = make(own, "lenet5", 1);
  const int while_made = l.calls; /* weights are packed on all threads */
  assert_int_equal(lw_plan_run(small.plan, small.x, small.y, small.workspace), LW_OK);
  if (strncmp(lw_context_isa(own), "avx", 3) == 0) assert_int_equal(l.calls, while_made);
  release(&small);
  lw_context_destroy(own);
  lw_context_destroy(one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plans_share_the_threads_of_a_context),
      cmocka_unit_test(passes_on_the_threads_of_the_caller),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
