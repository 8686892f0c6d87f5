/* SPDX-License-Identifier: Apache-2.0
 * The machine's shape: cores from hwloc where the build has it and it knows, else from Linux's sysfs; caches the other way round.
 */
#ifndef LANEWISE_RUNTIME_TOPOLOGY_H
#define LANEWISE_RUNTIME_TOPOLOGY_H

#include <stddef.h>

/* One logical CPU of each physical core that this process may run on: fills at most `capacity` and returns how many cores there
 * are; 0 if that is unknown. */
int lw_topology_cores(int *cpus, int capacity);
/* Size of the data or unified cache of level 1..3 that the first core sees; 0 if unknown. */
size_t lw_topology_cache_bytes(int level);

typedef struct lw_topology_object {
  const char *kind; /* "machine", "package", "numa", "l3", "l2", "l1" (data or unified), "core", "cpu" */
  int depth;        /* the machine is 0; an object's parent is the last one before it that is less deep */
  int index;        /* the operating system's number, -1 where there is none (machine, caches) */
  size_t bytes;     /* machine and numa: memory; caches: size; else 0 */
  int usable;       /* not 0 if this process may run on some CPU of it */
} lw_topology_object;
/* The machine as a tree, in depth-first order: fills at most `capacity` objects and returns how many there are. 0 without
 * hwloc. */
size_t lw_topology_tree(lw_topology_object *objects, size_t capacity);

#endif
