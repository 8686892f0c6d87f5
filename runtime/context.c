/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/context.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "runtime/topology.h"

static lw_status parse_isa(const char *name, const char *from, lw_isa *isa) {
  const int found = lw_isa_from_name(name);
  if (found < 0 || found == LW_ISA_PORTABLE)
    return lw_fail(LW_BAD_ARGUMENT, "%s is \"%s\", expected ref, naive, avx2, avx512, amx, neon or autovec_<isa>", from, name);
  if (!lw_isa_runnable((lw_isa)found))
    return lw_fail(LW_UNSUPPORTED, "%s is \"%s\", which this CPU, operating system or build cannot run; the best here is %s", from, name,
                   lw_isa_name(lw_isa_best()));
  *isa = (lw_isa)found;
  return LW_OK;
}

static lw_status check_threads(const char *from, int64_t threads) {
  if (threads >= 1 && threads <= LW_MAX_THREADS) return LW_OK;
  return lw_fail(LW_BAD_ARGUMENT, "%s is %lld, expected 1..%d", from, (long long)threads, LW_MAX_THREADS);
}

static lw_status start_pool(lw_context *c, int pin) {
  int cpus[LW_MAX_THREADS];
  int cores = 0;
  if (pin) {
    cores = lw_topology_cores(cpus, LW_MAX_THREADS);
    for (int i = cores; i < c->threads; i++) cpus[i] = cpus[i % cores]; /* more threads than cores share them */
  }
  return lw_pool_create(c->threads, pin ? cpus : NULL, &c->pool);
}

lw_status lw_context_create(const lw_context_options *options, lw_context **result) {
  static const lw_context_options defaults;
  const lw_context_options *o = options ? options : &defaults;
  if (!result) return lw_fail(LW_BAD_ARGUMENT, "lw_context_create: context is NULL");
  if (!o->allocate != !o->release)
    return lw_fail(LW_BAD_ARGUMENT, "lw_context_create: %s is set but %s is NULL; expected both or neither",
                   o->allocate ? "allocate" : "release", o->allocate ? "release" : "allocate");
  lw_context c = {.threads = o->threads, .isa = lw_isa_best(), .parallel_for = o->parallel_for, .parallel_user = o->parallel_user,
                  .allocate = o->allocate, .release = o->release, .allocate_user = o->allocate_user};
  lw_status status = LW_OK;
  if (c.threads == 0)
    c.threads = lw_topology_cores(NULL, 0) < LW_MAX_THREADS ? lw_topology_cores(NULL, 0) : LW_MAX_THREADS;
  else
    status = check_threads("lw_context_create: threads", c.threads);
  if (status == LW_OK && o->isa)
    status = parse_isa(o->isa, "lw_context_create: isa", &c.isa);
  else if (status == LW_OK && getenv("LANEWISE_ISA"))
    status = parse_isa(getenv("LANEWISE_ISA"), "LANEWISE_ISA", &c.isa);
  if (status == LW_OK && !c.parallel_for) status = start_pool(&c, o->pin);
  if (status != LW_OK) return status;
  lw_context *made = malloc(sizeof *made);
  if (!made) {
    lw_pool_destroy(c.pool);
    return lw_fail(LW_NO_MEMORY, "lw_context_create: no memory for a context");
  }
  *made = c;
  *result = made;
  return LW_OK;
}

void lw_context_destroy(lw_context *context) {
  if (!context) return;
  lw_pool_destroy(context->pool);
  free(context);
}

/* The default context: the only mutable state of the library besides messages. It lives until the process ends. */
static struct {
  pthread_mutex_t lock;
  _Atomic(lw_context *) context;
} standard = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* In a forked child the parent's threads are gone: its default context is forgotten (and its few bytes with it). */
static void forget(void) {
  pthread_mutex_init(&standard.lock, NULL);
  atomic_store(&standard.context, NULL);
}
static void watch_fork(void) { (void)pthread_atfork(NULL, NULL, forget); }

static lw_status make_standard(void) {
  lw_context_options options = {0};
  const char *threads = getenv("LANEWISE_THREADS");
  if (threads) {
    char *end;
    errno = 0;
    const long value = strtol(threads, &end, 10);
    if (errno || end == threads || *end)
      return lw_fail(LW_BAD_ARGUMENT, "LANEWISE_THREADS is \"%s\", expected a number 1..%d", threads, LW_MAX_THREADS);
    const lw_status status = check_threads("LANEWISE_THREADS", value);
    if (status != LW_OK) return status;
    options.threads = (int)value;
  }
  lw_context *made;
  const lw_status status = lw_context_create(&options, &made);
  if (status == LW_OK) atomic_store(&standard.context, made);
  return status;
}

lw_status lw_context_resolve(lw_context *given, lw_context **context) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  lw_status status = LW_OK;
  if (!given) given = atomic_load(&standard.context);
  if (!given) {
    pthread_once(&once, watch_fork);
    pthread_mutex_lock(&standard.lock);
    if (!atomic_load(&standard.context)) status = make_standard();
    given = atomic_load(&standard.context);
    pthread_mutex_unlock(&standard.lock);
  }
  if (status == LW_OK) *context = given;
  return status;
}

int lw_context_threads(const lw_context *context) {
  lw_context *c;
  return lw_context_resolve((lw_context *)context, &c) == LW_OK ? c->threads : 0;
}

const char *lw_context_isa(const lw_context *context) {
  lw_context *c;
  return lw_context_resolve((lw_context *)context, &c) == LW_OK ? lw_isa_name(c->isa) : "";
}

void lw_parallel(const lw_context *context, int parts, void (*task)(void *arg, int part, int parts), void *arg) {
  if (parts == 1)
    task(arg, 0, 1);
  else if (context->parallel_for)
    context->parallel_for(context->parallel_user, parts, task, arg);
  else
    lw_pool_run(context->pool, parts, task, arg);
}
