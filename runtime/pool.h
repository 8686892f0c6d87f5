/* SPDX-License-Identifier: Apache-2.0
 * A small thread pool with static partition. The calling thread takes part; the others spin for some microseconds after a job and
 * then sleep on a futex. */
#ifndef LANEWISE_RUNTIME_POOL_H
#define LANEWISE_RUNTIME_POOL_H

#include "lanewise.h"

typedef struct lw_pool lw_pool;

/* threads >= 1, the calling one included. cpus: one logical CPU per thread to pin the threads 1.. to, or NULL. Memory comes from
 * malloc: the pool lives as long as its context. */
lw_status lw_pool_create(int threads, const int *cpus, lw_pool **pool);
void lw_pool_destroy(lw_pool *pool);
/* Part i runs on thread i mod threads. A call that finds the pool busy, or that comes from inside a task, runs all parts itself. */
void lw_pool_run(lw_pool *pool, int parts, void (*task)(void *arg, int part, int parts), void *arg);

#endif
