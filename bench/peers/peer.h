/* SPDX-License-Identifier: Apache-2.0
 * What the adapters of other libraries share. Each is a shared object of its own, a backend of include/lanewise_backend.h. Of
 * Lanewise it holds the descriptors' checks, shapes of networks, messages and memory, none of the kernels; nothing of that is
 * visible outside. */
#ifndef LANEWISE_BENCH_PEERS_PEER_H
#define LANEWISE_BENCH_PEERS_PEER_H

#include <string.h>
#include "lanewise_backend.h"
#include "runtime/context.h"
#include "runtime/memory.h"

/* Memory as Lanewise gives it to its own plans: on 64-byte boundaries, from 4 MB on on huge pages where the system grants them.
 * NULL and a message if there is none. */
static inline void *peer_allocate(const char *what, size_t bytes) {
  void *p = lw_memory_get(&(lw_context){.threads = 1}, bytes);
  if (!p) (void)lw_fail(LW_NO_MEMORY, "%s: no memory for %zu bytes", what, bytes);
  return p;
}
static inline void peer_release(void *p) { lw_memory_free(&(lw_context){.threads = 1}, p); }

static inline int peer_isa_is(const lw_backend_options *options, const char *name) {
  return options->isa && strcmp(options->isa, name) == 0;
}

/* The function that the host looks for. */
LW_API lanewise_backend_fn lanewise_backend;

#endif
