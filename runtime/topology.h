/* SPDX-License-Identifier: Apache-2.0
 * The machine's shape, from hwloc where the build has it and it knows, else from Linux's sysfs. */
#ifndef LANEWISE_RUNTIME_TOPOLOGY_H
#define LANEWISE_RUNTIME_TOPOLOGY_H

#include <stddef.h>

/* One logical CPU of each physical core that this process may run on: fills at most `capacity` and returns how many cores there
 * are; 0 if that is unknown. */
int lw_topology_cores(int *cpus, int capacity);
/* Size of the data or unified cache of level 1..3 that the first core sees; 0 if unknown. */
size_t lw_topology_cache_bytes(int level);

#endif
