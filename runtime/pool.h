/* SPDX-License-Identifier: Apache-2.0
 * A small thread pool with static partition. The calling thread takes part; the others spin for some microseconds after a job and
 * then sleep on a futex. */
#ifndef LANEWISE_RUNTIME_POOL_H
#define LANEWISE_RUNTIME_POOL_H

#include "lanewise.h"

typedef struct lw_pool lw_pool;

/* threads >= 1, the calling one included; one thread starts none. cpus: one logical CPU per thread, to which the threads 1.. are
 * pinned (thread 0 is the caller's own), or NULL. Memory comes from malloc. */
lw_status lw_pool_create(int threads, const int *cpus, lw_pool **pool);
/* No call may be running. */
void lw_pool_destroy(lw_pool *pool);
/* Runs task(arg, part, parts) for every part and returns when all are done. Part i runs on thread i mod threads; threads without
 * a part are not woken. A call that finds the pool busy, that comes from inside a task, or whose pool was made before a fork,
 * runs all parts itself. */
void lw_pool_run(lw_pool *pool, int parts, void (*task)(void *arg, int part, int parts), void *arg);
/* Not 0 in a forked child for a pool of its parent, whose threads do not exist there. */
int lw_pool_inherited(const lw_pool *pool);

#endif
