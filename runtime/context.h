/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_RUNTIME_CONTEXT_H
#define LANEWISE_RUNTIME_CONTEXT_H

#include "lanewise.h"
#include "runtime/pool.h"
#include "simd/isa.h"

enum { LW_MAX_THREADS = 1024 };

struct lw_context {
  int threads;
  lw_isa isa;
  lw_pool *pool; /* NULL with the caller's own parallel_for */
  lw_parallel_for parallel_for;
  void *parallel_user;
  void *(*allocate)(void *user, size_t bytes, size_t alignment);
  void (*release)(void *user, void *pointer);
  void *allocate_user;
  lw_context *inherited; /* of a default context in a forked child: the parent's, which plans may still point to */
};

/* `given`, or the default context if it is NULL: made at first use, and anew in a forked child. Fails, with the reason, if the
 * environment (LANEWISE_ISA, LANEWISE_THREADS) asks for something that cannot be; the next call reads it again. */
lw_status lw_context_resolve(lw_context *given, lw_context **context);
/* Runs task(arg, part, parts) for every part and returns when all are done. */
void lw_parallel(const lw_context *context, int parts, void (*task)(void *arg, int part, int parts), void *arg);

#endif
