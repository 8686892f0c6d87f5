/* SPDX-License-Identifier: Apache-2.0
 * The machine's shape, from hwloc where the build has it, else from Linux's sysfs. */
#ifndef LANEWISE_RUNTIME_TOPOLOGY_H
#define LANEWISE_RUNTIME_TOPOLOGY_H

#include <stddef.h>

/* One logical CPU of each physical core that this process may run on, at most `capacity` of them. Returns how many cores there are,
 * at least 1. */
int lw_topology_cores(int *cpus, int capacity);
/* Size of the data or unified cache of level 1..3 that core 0 sees; 0 if unknown. */
size_t lw_topology_cache_bytes(int level);

#endif
