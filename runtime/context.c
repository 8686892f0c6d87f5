/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/context.h"

#include <stdatomic.h>
#include <stdlib.h>
#include "runtime/topology.h"

static lw_status parse_isa(const char *name, const char *from, lw_isa *isa) {
  const int found = lw_isa_from_name(name);
  if (found < 0 || found == LW_ISA_PORTABLE)
    return lw_fail(LW_BAD_ARGUMENT, "%s is \"%.40s\", expected ref, naive, avx2, avx512, amx, neon or autovec_<isa>", from, name);
  if (!lw_isa_runnable((lw_isa)found))
    return lw_fail(LW_UNSUPPORTED, "%s is \"%s\", which cannot run here: %s; the best here is %s", from, name,
                   lw_isa_missing((lw_isa)found), lw_isa_name(lw_isa_best()));
  *isa = (lw_isa)found;
  return LW_OK;
}

static lw_status choose_isa(const char *name, lw_isa *isa) {
  const char *environment = getenv("LANEWISE_ISA");
  if (name) return parse_isa(name, "lw_context_create: isa", isa);
  if (environment) return parse_isa(environment, "LANEWISE_ISA", isa);
  *isa = lw_isa_best();
  return LW_OK;
}

/* Counts and pins the threads. cpus has LW_MAX_THREADS places. */
static lw_status choose_threads(const lw_context_options *o, int *threads, int *cpus) {
  *threads = o->threads;
  if (o->threads != 0 && !o->pin) return LW_OK;
  int cores = lw_topology_cores(cpus, LW_MAX_THREADS);
  if (cores > LW_MAX_THREADS) cores = LW_MAX_THREADS;
  if (cores == 0 && o->pin)
    return lw_fail(LW_UNSUPPORTED, "lw_context_create: pin is set, but the cores of this machine are unknown");
  if (o->threads == 0) *threads = cores > 0 ? cores : 1;
  for (int i = cores; o->pin && i < *threads; i++) cpus[i] = cpus[i - cores]; /* more threads than cores share them */
  return LW_OK;
}

static lw_status check_options(const lw_context_options *o) {
  if (o->threads < 0 || o->threads > LW_MAX_THREADS)
    return lw_fail(LW_BAD_ARGUMENT, "lw_context_create: threads is %d, expected 1..%d, or 0 for one per core", o->threads,
                   LW_MAX_THREADS);
  if (!o->allocate != !o->release)
    return lw_fail(LW_BAD_ARGUMENT, "lw_context_create: %s is set but %s is NULL; expected both or neither",
                   o->allocate ? "allocate" : "release", o->allocate ? "release" : "allocate");
  if (o->parallel_for && o->pin)
    return lw_fail(LW_BAD_ARGUMENT,
                   "lw_context_create: pin is set, but with parallel_for the threads are the caller's; expected 0");
  return LW_OK;
}

lw_status lw_context_create(const lw_context_options *options, lw_context **result) {
  static const lw_context_options defaults;
  const lw_context_options *o = options ? options : &defaults;
  if (!result) return lw_fail(LW_BAD_ARGUMENT, "lw_context_create: context is NULL");
  lw_context c = {.parallel_for = o->parallel_for,
                  .parallel_user = o->parallel_user,
                  .allocate = o->allocate,
                  .release = o->release,
                  .allocate_user = o->allocate_user};
  int cpus[LW_MAX_THREADS];
  lw_status status = check_options(o);
  if (status == LW_OK) status = choose_isa(o->isa, &c.isa);
  if (status == LW_OK) status = choose_threads(o, &c.threads, cpus);
  if (status == LW_OK && !c.parallel_for) status = lw_pool_create(c.threads, o->pin ? cpus : NULL, &c.pool);
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

/* The default context: with the count of forks (pool.c) the only mutable state of the process. It lives until the process ends.
 */
static _Atomic(lw_context *) standard;

static lw_status default_threads(int *threads) {
  const char *text = getenv("LANEWISE_THREADS");
  if (!text) return LW_OK;
  char *end;
  const long value = strtol(text, &end, 10); /* what a long cannot hold comes back as its limits */
  if (end == text || *end || value < 1 || value > LW_MAX_THREADS)
    return lw_fail(LW_BAD_ARGUMENT, "LANEWISE_THREADS is \"%.40s\", expected a number 1..%d", text, LW_MAX_THREADS);
  *threads = (int)value;
  return LW_OK;
}

/* Without a lock, which a fork could leave held for ever: of threads that come at once, one's context stays. */
static lw_status make_default(lw_context *current, lw_context **context) {
  lw_context_options options = {0};
  lw_context *made;
  lw_status status = default_threads(&options.threads);
  if (status == LW_OK) status = lw_context_create(&options, &made);
  if (status != LW_OK) return status;
  made->inherited = current;
  if (atomic_compare_exchange_strong(&standard, &current, made)) {
    *context = made;
  } else {
    lw_context_destroy(made);
    *context = current;
  }
  return LW_OK;
}

lw_status lw_context_resolve(lw_context *given, lw_context **context) {
  if (!given) {
    given = atomic_load_explicit(&standard, memory_order_acquire);
    if (!given || lw_pool_inherited(given->pool)) return make_default(given, context);
  }
  *context = given;
  return LW_OK;
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
