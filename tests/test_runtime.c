/* SPDX-License-Identifier: Apache-2.0
 * Status and messages, memory, contexts, the default context, forked children. */
#include "tests/kit/cmocka.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lanewise.h"
#include "runtime/context.h"
#include "runtime/topology.h"

/* The children of these tests start threads, as children of threaded programs may; ThreadSanitizer would end them. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "die_after_fork=0"; }

static void expect(lw_status got, lw_status wanted, const char *part_of_message) {
  if (got != wanted) fail_msg("%s (%s), expected %s", lw_status_name(got), lw_error_message(), lw_status_name(wanted));
  if (!strstr(lw_error_message(), part_of_message)) fail_msg("\"%s\" does not say \"%s\"", lw_error_message(), part_of_message);
}

/* In a forked child, where cmocka's asserts would go on with the parent's tests. */
#define CHECK(condition)                                                                                                         \
  do {                                                                                                                           \
    if (!(condition)) {                                                                                                          \
      fprintf(stderr, "%s:%d: in the child: %s; message: %s\n", __FILE__, __LINE__, #condition, lw_error_message());             \
      _exit(1);                                                                                                                  \
    }                                                                                                                            \
  } while (0)

static void in_child(void (*body)(void)) {
  fflush(NULL);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(120);
    body();
    exit(0); /* not _exit: the leak checker of sanitized builds runs here */
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  if (status != 0) fail_msg("the child ended with status 0x%x", (unsigned)status);
}

/* ------------------------------------------------------------------------------------------------------------- status */

static void status_names(void **state) {
  (void)state;
  assert_string_equal(lw_status_name(LW_OK), "LW_OK");
  assert_string_equal(lw_status_name(LW_BAD_FILE), "LW_BAD_FILE");
  assert_string_equal(lw_status_name((lw_status)77), "not an lw_status");
  assert_int_equal(lw_version(), LW_VERSION);
}

static void *fail_elsewhere(void *first_message) {
  strcpy(first_message, lw_error_message());
  lw_fail(LW_NO_MEMORY, "another thread's");
  return NULL;
}

static void messages_belong_to_threads(void **state) {
  (void)state;
  char first[LW_MESSAGE_SIZE], longer[LW_MESSAGE_SIZE + 100];
  assert_int_equal(lw_fail(LW_BAD_FILE, "size %d, expected %s", 3, "4"), LW_BAD_FILE);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, first), 0);
  pthread_join(thread, NULL);
  assert_string_equal(first, "");
  assert_string_equal(lw_error_message(), "size 3, expected 4");
  memset(longer, 'x', sizeof longer);
  longer[sizeof longer - 1] = 0;
  lw_fail(LW_BAD_SHAPE, "%s", longer);
  assert_int_equal(strlen(lw_error_message()), LW_MESSAGE_SIZE - 1);
  /* A message may become part of the next one. */
  lw_fail(LW_BAD_SHAPE, "size %d", 7);
  lw_fail(LW_BAD_SHAPE, "layer %d: %s", 2, lw_error_message());
  assert_string_equal(lw_error_message(), "layer 2: size 7");
}

/* ------------------------------------------------------------------------------------------------------------- memory */

static void allocate_all_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 63, 64, 65, 4095, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    void *p = NULL;
    if (lw_allocate(NULL, sizes[i], &p) != LW_OK) fail_msg("%s", lw_error_message());
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % (sizes[i] < 4 << 20 ? 64 : 2 << 20), 0);
    memset(p, 0x5a, sizes[i]);
    lw_release(NULL, p);
  }
  lw_release(NULL, NULL);
}

static void refuse_to_allocate(void **state) {
  (void)state;
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1};
  void *p = &p;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%zu bytes", sizes[i]);
    expect(lw_allocate(NULL, sizes[i], &p), LW_NO_MEMORY, bytes);
    assert_ptr_equal(p, &p);
  }
  expect(lw_allocate(NULL, 64, NULL), LW_BAD_ARGUMENT, "pointer is NULL");
}

typedef struct ledger {
  int allocations, releases;
  size_t bytes, alignment, shift; /* of the latest call; shift spoils the alignment */
  int refuse;
} ledger;

static void *count_allocate(void *user, size_t bytes, size_t alignment) {
  ledger *l = user;
  if (l->refuse) return NULL;
  l->allocations++;
  l->bytes = bytes;
  l->alignment = alignment;
  return (char *)aligned_alloc(alignment, bytes + alignment) + l->shift;
}
static void count_release(void *user, void *pointer) {
  ledger *l = user;
  l->releases++;
  free((char *)pointer - l->shift);
}

static void own_allocator(void **state) {
  (void)state;
  ledger l = {0};
  lw_context *c;
  void *small, *empty, *large, *none = NULL;
  const lw_context_options options = {.threads = 2, .allocate = count_allocate, .release = count_release, .allocate_user = &l};
  assert_int_equal(lw_context_create(&options, &c), LW_OK);
  assert_int_equal(lw_allocate(c, 100, &small), LW_OK);
  assert_int_equal(l.alignment, 64);
  assert_int_equal(l.bytes, 128);
  assert_int_equal(lw_allocate(c, 0, &empty), LW_OK);
  assert_int_equal(l.bytes, 64); /* not 0: what an allocator makes of that is anybody's guess */
  lw_release(c, empty);
  assert_int_equal(lw_allocate(c, 5 << 20, &large), LW_OK);
  assert_int_equal(l.alignment, 2 << 20);
  assert_int_equal(l.bytes, 6 << 20);
  lw_release(c, small);
  lw_release(c, large);
  lw_release(c, NULL);
  assert_int_equal(l.allocations, 3);
  assert_int_equal(l.releases, 3);
  l.shift = 4;
  expect(lw_allocate(c, 100, &none), LW_NO_MEMORY, "no aligned memory for 100 bytes");
  assert_int_equal(l.releases, 4);
  l.refuse = 1;
  expect(lw_allocate(c, 100, &none), LW_NO_MEMORY, "100 bytes");
  assert_int_equal(l.releases, 4);
  assert_null(none);
  lw_context_destroy(c);
}

/* ------------------------------------------------------------------------------------------------------------ context */

static void wrong_options(void **state) {
  (void)state;
  static const struct {
    lw_context_options options;
    const char *message;
  } wrong[] = {
      {{.threads = -1}, "threads is -1, expected 1..1024, or 0"},
      {{.threads = 1025}, "threads is 1025"},
      {{.threads = 5000}, "threads is 5000"},
      {{.threads = 1, .isa = "sse9"}, "isa is \"sse9\", expected ref, naive, avx2, avx512, amx, neon"},
      {{.threads = 1, .isa = ""}, "isa is \"\""},
      {{.threads = 1, .isa = "AVX2"}, "isa is \"AVX2\""},
      {{.threads = 1, .isa = "portable"}, "isa is \"portable\""},
      {{.threads = 1, .allocate = count_allocate}, "allocate is set but release is NULL"},
      {{.threads = 1, .release = count_release}, "release is set but allocate is NULL"},
  };
  lw_context *c = NULL;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    expect(lw_context_create(&wrong[i].options, &c), LW_BAD_ARGUMENT, wrong[i].message);
    assert_null(c);
  }
  expect(lw_context_create(NULL, NULL), LW_BAD_ARGUMENT, "context is NULL");
  lw_context_destroy(NULL);
}

static void every_isa(void **state) {
  (void)state;
  static const char *const names[] = {"ref", "naive", "avx2", "avx512", "neon", "amx"};
  lw_context *c = NULL;
  int lacking = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const lw_status status = lw_context_create(&(lw_context_options){.threads = 1, .isa = names[i]}, &c);
    if (lw_isa_runnable((lw_isa)lw_isa_from_name(names[i]))) {
      assert_int_equal(status, LW_OK);
      assert_string_equal(lw_context_isa(c), names[i]);
      lw_context_destroy(c);
      c = NULL;
    } else {
      lacking++;
      expect(status, LW_UNSUPPORTED, names[i]);
      expect(status, LW_UNSUPPORTED, lw_isa_missing((lw_isa)lw_isa_from_name(names[i])));
      expect(status, LW_UNSUPPORTED, lw_isa_name(lw_isa_best()));
      assert_null(c);
    }
  }
  assert_true(lacking >= 1); /* no CPU has both AVX2 and NEON */
  assert_int_equal(lw_context_create(NULL, &c), LW_OK);
  assert_string_equal(lw_context_isa(c), lw_isa_name(lw_isa_best()));
  int cores = lw_topology_cores(NULL, 0);
  assert_int_equal(lw_context_threads(c), cores < LW_MAX_THREADS ? cores : LW_MAX_THREADS);
  lw_context_destroy(c);
}

static void tree_of_objects(void **state) {
  (void)state;
  const size_t count = lw_topology_tree(NULL, 0);
  if (count == 0) { /* built without hwloc */
    skip();
    return;
  }
  lw_topology_object *o = calloc(count, sizeof *o);
  assert_non_null(o);
  assert_int_equal(lw_topology_tree(o, count), count);
  int cores = 0;
  for (size_t i = 0; i < count; i++) {
    assert_true(i == 0 ? o[i].depth == 0 : o[i].depth >= 1 && o[i].depth <= o[i - 1].depth + 1);
    assert_true((o[i].bytes > 0) == (strchr("mnl", o[i].kind[0]) != NULL)); /* machine, numa, l1 to l3 */
    assert_true((o[i].index >= 0) == (strchr("ml", o[i].kind[0]) == NULL));
    cores += o[i].usable && strcmp(o[i].kind, "core") == 0;
  }
  assert_string_equal(o[0].kind, "machine");
  assert_int_equal(cores, lw_topology_cores(NULL, 0));
  free(o);
}

static void one_cpu(void) {
  int cpus[LW_MAX_THREADS], only;
  const int cores = lw_topology_cores(cpus, LW_MAX_THREADS);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[cores - 1], &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
  CHECK(lw_topology_cores(&only, 1) == 1);
  CHECK(only == cpus[cores - 1]);
  CHECK(lw_context_threads(NULL) == 1);
}
static void affinity_counts(void **state) {
  (void)state;
  in_child(one_cpu);
}

typedef struct loop {
  int calls, parts;
} loop;

static void backwards(void *user, int parts, void (*task)(void *arg, int part, int parts), void *arg) {
  loop *l = user;
  l->calls++;
  l->parts = parts;
  for (int part = parts - 1; part >= 0; part--) task(arg, part, parts);
}

static void own_parallel_for(void **state) {
  (void)state;
  enum { COUNT = 1 << 20 };
  loop l = {0};
  lw_context *c;
  const lw_context_options options = {.threads = 3, .parallel_for = backwards, .parallel_user = &l};
  const int before = lw_context_threads(NULL); /* the default context's threads exist from here on */
  assert_true(before >= 1);
  assert_int_equal(lw_context_create(&options, &c), LW_OK);
  assert_int_equal(lw_context_threads(c), 3);
  assert_null(c->pool);
  float *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y), *z = malloc(COUNT * sizeof *z);
  for (int i = 0; i < COUNT; i++) x[i] = (float)(i % 7 - 3);
  assert_int_equal(lw_relu(c, COUNT, x, y), LW_OK);
  assert_int_equal(l.calls, 1);
  assert_int_equal(l.parts, 3);
  assert_int_equal(lw_relu(NULL, COUNT, x, z), LW_OK);
  assert_int_equal(l.calls, 1);
  assert_memory_equal(y, z, COUNT * sizeof *y);
  for (int i = 0; i < COUNT; i++)
    if (y[i] != (x[i] > 0 ? x[i] : 0)) fail_msg("y[%d] is %g", i, (double)y[i]);
  assert_int_equal(lw_relu(c, 8, x, y), LW_OK); /* one part: called directly */
  assert_int_equal(l.calls, 1);
  lw_context_destroy(c);
  c = NULL;
  lw_context_options pinned = options;
  pinned.pin = 1;
  expect(lw_context_create(&pinned, &c), LW_BAD_ARGUMENT, "pin is set, but with parallel_for");
  assert_null(c);
  free(x);
  free(y);
  free(z);
}

/* ---------------------------------------------------------------------------------------------------- default context */

static void *resolve(void *unused) {
  lw_context *c = NULL;
  (void)unused;
  return lw_context_resolve(NULL, &c) == LW_OK ? c : NULL;
}

/* The first test: nothing has made the default context yet. */
static void default_context_is_one(void **state) {
  (void)state;
  enum { CALLERS = 8 };
  pthread_t callers[CALLERS];
  lw_context *made[CALLERS];
  for (int i = 0; i < CALLERS; i++) assert_int_equal(pthread_create(&callers[i], NULL, resolve, NULL), 0);
  for (int i = 0; i < CALLERS; i++) {
    void *c;
    pthread_join(callers[i], &c);
    made[i] = c;
    assert_non_null(made[i]);
    assert_ptr_equal(made[i], made[0]);
  }
  assert_ptr_equal(resolve(NULL), made[0]);
}

static void bad_environment(const char *name, const char *value, lw_status wanted, const char *message) {
  float x = 1, y = 0;
  void *p = NULL;
  lw_context *c;
  setenv(name, value, 1);
  CHECK(lw_context_resolve(NULL, &c) == wanted && strstr(lw_error_message(), message) && strstr(lw_error_message(), value));
  lw_fail(LW_OK, "none");
  CHECK(lw_relu(NULL, 1, &x, &y) == wanted && y == 0 && strstr(lw_error_message(), message));
  CHECK(lw_allocate(NULL, 64, &p) == wanted && !p);
  CHECK(lw_context_threads(NULL) == 0);
  CHECK(strcmp(lw_context_isa(NULL), "") == 0);
  unsetenv(name);
}

static void environment(void) {
  static const char *const bad_counts[] = {"0", "1025", "-1", "3x", "", "two", "99999999999999999999"};
  for (size_t i = 0; i < sizeof bad_counts / sizeof *bad_counts; i++)
    bad_environment("LANEWISE_THREADS", bad_counts[i], LW_BAD_ARGUMENT, "LANEWISE_THREADS is \"");
  bad_environment("LANEWISE_ISA", "mmx", LW_BAD_ARGUMENT, "LANEWISE_ISA is \"mmx\", expected ref, naive, avx2");
  bad_environment("LANEWISE_ISA", "", LW_BAD_ARGUMENT, "LANEWISE_ISA is \"\"");
  static const char *const names[] = {"naive", "avx2", "avx512", "neon", "amx"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!lw_isa_runnable((lw_isa)lw_isa_from_name(names[i])))
      bad_environment("LANEWISE_ISA", names[i], LW_UNSUPPORTED, lw_isa_missing((lw_isa)lw_isa_from_name(names[i])));

  lw_context *c;
  setenv("LANEWISE_ISA", "mmx", 1);
  CHECK(lw_context_create(&(lw_context_options){.threads = 1}, &c) == LW_BAD_ARGUMENT);
  CHECK(lw_context_create(&(lw_context_options){.threads = 1, .isa = "ref"}, &c) == LW_OK); /* an option comes before it */
  lw_context_destroy(c);
  setenv("LANEWISE_ISA", "ref", 1);
  setenv("LANEWISE_THREADS", "3", 1);
  CHECK(lw_context_threads(NULL) == 3);
  CHECK(strcmp(lw_context_isa(NULL), "ref") == 0);
  CHECK(lw_context_create(&(lw_context_options){.threads = 2}, &c) == LW_OK);
  CHECK(lw_context_threads(c) == 2);
  CHECK(strcmp(lw_context_isa(c), "ref") == 0);
  lw_context_destroy(c);
}
static void environment_variables(void **state) {
  (void)state;
  in_child(environment);
}

/* --------------------------------------------------------------------------------------------------------------- fork */

static lw_context *parents, *parents_default;

static void add_part(void *arg, int part, int parts) {
  (void)parts;
  atomic_fetch_add((atomic_int *)arg, 1 << part);
}
static int runs_all(const lw_context *c) {
  atomic_int sum = 0;
  lw_parallel(c, 8, add_part, &sum);
  return sum == 255;
}
static void note_thread(void *arg, int part, int parts) {
  (void)parts;
  ((pthread_t *)arg)[part] = pthread_self();
}
static int other_threads_help(const lw_context *c) {
  pthread_t by[3];
  lw_parallel(c, 3, note_thread, by);
  return !pthread_equal(by[1], by[0]) && !pthread_equal(by[2], by[0]);
}

static void grandchild(void) {
  CHECK(runs_all(parents_default));
  CHECK(runs_all(resolve(NULL)));
  CHECK(resolve(NULL) != parents_default);
  CHECK(other_threads_help(resolve(NULL)));
}

static void child(void) {
  /* The parent's contexts have no threads here: they still answer, on the calling thread, and can be destroyed. */
  CHECK(runs_all(parents) && !other_threads_help(parents));
  CHECK(runs_all(parents_default));
  lw_context_destroy(parents);
  setenv("LANEWISE_THREADS", "3", 1);
  lw_context *own = resolve(NULL);
  CHECK(own && own != parents_default);
  CHECK(resolve(NULL) == own);
  CHECK(lw_context_threads(NULL) == 3);
  CHECK(runs_all(own) && other_threads_help(own));
  parents_default = own;
  in_child(grandchild);
}

static void forked_children(void **state) {
  (void)state;
  assert_int_equal(lw_context_create(&(lw_context_options){.threads = 4}, &parents), LW_OK);
  parents_default = resolve(NULL);
  assert_true(runs_all(parents) && runs_all(parents_default) && other_threads_help(parents));
  in_child(child);
  assert_true(other_threads_help(parents)); /* the parent goes on */
  assert_ptr_equal(resolve(NULL), parents_default);
  lw_context_destroy(parents);
}

int main(void) {
  unsetenv("LANEWISE_ISA");
  unsetenv("LANEWISE_THREADS");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(default_context_is_one),
      cmocka_unit_test(status_names),
      cmocka_unit_test(messages_belong_to_threads),
      cmocka_unit_test(allocate_all_sizes),
      cmocka_unit_test(refuse_to_allocate),
      cmocka_unit_test(own_allocator),
      cmocka_unit_test(wrong_options),
      cmocka_unit_test(every_isa),
      cmocka_unit_test(affinity_counts),
      cmocka_unit_test(tree_of_objects),
      cmocka_unit_test(own_parallel_for),
      cmocka_unit_test(environment_variables),
      cmocka_unit_test(forked_children),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
