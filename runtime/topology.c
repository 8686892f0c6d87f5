/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/topology.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(LW_HAVE_HWLOC)
#  include <hwloc.h>

/* Where sysfs has no CPUs (some containers, chroots) hwloc finds nothing either, and complains on stderr: it is not asked. */
static int load(hwloc_topology_t *topology) {
  if (access("/sys/devices/system/cpu/cpu0/topology", F_OK) != 0 && access("/sys/bus/cpu/devices/cpu0/topology", F_OK) != 0)
    return 0;
  if (hwloc_topology_init(topology) != 0) return 0;
  if (hwloc_topology_load(*topology) == 0) return 1;
  hwloc_topology_destroy(*topology);
  return 0;
}

static int hwloc_cores(int *cpus, int capacity) {
  hwloc_topology_t topology;
  if (!load(&topology)) return 0;
  int count = 0;
  hwloc_cpuset_t may = hwloc_bitmap_alloc(), core = hwloc_bitmap_alloc();
  if (may && core && hwloc_get_cpubind(topology, may, HWLOC_CPUBIND_PROCESS) == 0)
    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, o));) {
      hwloc_bitmap_and(core, o->cpuset, may);
      const int cpu = hwloc_bitmap_first(core);
      if (cpu < 0) continue;
      if (count < capacity) cpus[count] = cpu;
      count++;
    }
  hwloc_bitmap_free(may);
  hwloc_bitmap_free(core);
  hwloc_topology_destroy(topology);
  return count;
}

static size_t hwloc_cache_bytes(int level) {
  static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE};
  hwloc_topology_t topology;
  if (!load(&topology)) return 0;
  const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, types[level - 1], 0);
  const size_t bytes = cache ? cache->attr->cache.size : 0;
  hwloc_topology_destroy(topology);
  return bytes;
}

typedef struct listing {
  lw_topology_object *objects;
  size_t capacity, count;
  hwloc_const_cpuset_t may; /* NULL: unknown */
} listing;

static const char *kind_of(hwloc_obj_type_t type) {
  switch (type) {
  case HWLOC_OBJ_MACHINE: return "machine";
  case HWLOC_OBJ_PACKAGE: return "package";
  case HWLOC_OBJ_NUMANODE: return "numa";
  case HWLOC_OBJ_L3CACHE: return "l3";
  case HWLOC_OBJ_L2CACHE: return "l2";
  case HWLOC_OBJ_L1CACHE: return "l1";
  case HWLOC_OBJ_CORE: return "core";
  case HWLOC_OBJ_PU: return "cpu";
  default: return NULL; /* groups, dies: their children stand in their place */
  }
}

static void list(listing *l, hwloc_obj_t o, int depth) {
  const char *kind = kind_of(o->type);
  if (kind) {
    const int is_numa = o->type == HWLOC_OBJ_NUMANODE, has_number = !hwloc_obj_type_is_cache(o->type) && depth > 0;
    if (l->count < l->capacity)
      l->objects[l->count] =
          (lw_topology_object){.kind = kind,
                               .depth = depth,
                               .index = has_number && o->os_index != HWLOC_UNKNOWN_INDEX ? (int)o->os_index : -1,
                               .bytes = is_numa                            ? o->attr->numanode.local_memory
                                        : hwloc_obj_type_is_cache(o->type) ? o->attr->cache.size
                                        : o->type == HWLOC_OBJ_MACHINE     ? o->total_memory
                                                                           : 0,
                               .usable = !l->may || hwloc_bitmap_intersects(o->cpuset, l->may)};
    l->count++;
    depth++;
  }
  for (hwloc_obj_t child = o->memory_first_child; child; child = child->next_sibling) list(l, child, depth);
  for (hwloc_obj_t child = o->first_child; child; child = child->next_sibling) list(l, child, depth);
}

size_t lw_topology_tree(lw_topology_object *objects, size_t capacity) {
  hwloc_topology_t topology;
  listing l = {.objects = objects, .capacity = capacity};
  if (!load(&topology)) return 0;
  hwloc_cpuset_t may = hwloc_bitmap_alloc();
  if (may && hwloc_get_cpubind(topology, may, HWLOC_CPUBIND_PROCESS) == 0) l.may = may;
  list(&l, hwloc_get_root_obj(topology), 0);
  hwloc_bitmap_free(may);
  hwloc_topology_destroy(topology);
  return l.count;
}
#else
size_t lw_topology_tree(lw_topology_object *objects, size_t capacity) { return (void)objects, (void)capacity, 0; }
static int hwloc_cores(int *cpus, int capacity) { return (void)cpus, (void)capacity, 0; }
static size_t hwloc_cache_bytes(int level) { return (void)level, 0; }
#endif

static int read_line(const char *path, char *line, int capacity) {
  FILE *f = fopen(path, "re");
  if (!f) return 0;
  const int ok = fgets(line, capacity, f) != NULL;
  fclose(f);
  return ok;
}

/* A core counts by its first sibling that this process may use; lists look like "0,64" or "0-1". Where there is no list (some
 * containers hide it), every CPU counts as a core. */
static int is_first_sibling(int cpu, const cpu_set_t *may) {
  char path[96], line[256];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  if (!read_line(path, line, sizeof line)) return 1;
  for (const char *p = line; *p;) {
    int first, last, used = 0;
    if (sscanf(p, "%d-%d%n", &first, &last, &used) != 2) {
      used = 0;
      if (sscanf(p, "%d%n", &first, &used) != 1) break;
      last = first;
    }
    for (int i = first; i <= last && i < cpu; i++)
      if (i >= 0 && i < CPU_SETSIZE && CPU_ISSET(i, may)) return 0;
    p += used;
    if (*p == ',') p++;
  }
  return 1;
}

static int sysfs_cores(int *cpus, int capacity) {
  cpu_set_t may;
  if (sched_getaffinity(getpid(), sizeof may, &may) != 0) return 0;
  int count = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &may) && is_first_sibling(cpu, &may)) {
      if (count < capacity) cpus[count] = cpu;
      count++;
    }
  return count;
}

static size_t sysfs_cache_bytes(int level) {
  for (int index = 0; index < 8; index++) {
    char path[96], type[32], text[32];
    int found;
    size_t size;
    char unit = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", index);
    if (!read_line(path, text, sizeof text) || sscanf(text, "%d", &found) != 1 || found != level) continue;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", index);
    if (!read_line(path, type, sizeof type) || strncmp(type, "Instruction", 11) == 0) continue;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    if (read_line(path, text, sizeof text) && sscanf(text, "%zu%c", &size, &unit) >= 1)
      return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
  }
  return 0;
}

int lw_topology_cores(int *cpus, int capacity) {
  const int count = hwloc_cores(cpus, capacity);
  return count > 0 ? count : sysfs_cores(cpus, capacity);
}

size_t lw_topology_cache_bytes(int level) {
  if (level < 1 || level > 3) return 0;
  const size_t bytes = sysfs_cache_bytes(level); /* hwloc takes 20 ms, as long as a hundred plans of a small network */
  return bytes > 0 ? bytes : hwloc_cache_bytes(level);
}
