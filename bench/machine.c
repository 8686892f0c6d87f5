/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "runtime/topology.h"
#include "simd/isa.h"

static const char *read_line(const char *path, char *line, int capacity) {
  line[0] = 0;
  FILE *f = fopen(path, "r");
  if (!f) return line;
  if (!fgets(line, capacity, f)) line[0] = 0;
  fclose(f);
  line[strcspn(line, "\n")] = 0;
  return line;
}

/* The value of the first line of /proc/cpuinfo that starts with `key`. */
static void cpuinfo(const char *key, char *value, size_t capacity) {
  char line[4096];
  FILE *f = fopen("/proc/cpuinfo", "r");
  snprintf(value, capacity, "unknown");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, key, strlen(key)) == 0 && strchr(line, ':')) {
      line[strcspn(line, "\n")] = 0;
      snprintf(value, capacity, "%s", strchr(line, ':') + 2);
      break;
    }
  if (f) fclose(f);
}

typedef struct jiffies {
  double idle, steal, all; /* steal: by the hypervisor */
} jiffies;

static jiffies cpu_times(void) {
  char line[512];
  double v[8] = {0};
  read_line("/proc/stat", line, sizeof line);
  sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
  jiffies j = {.idle = v[3] + v[4], .steal = v[7]};
  for (int i = 0; i < 8; i++) j.all += v[i];
  return j;
}

/* Cores that others keep busy while this process sleeps. The load average would still count the programs that ran before. */
static double busy_cores(void) {
  const struct timespec pause = {.tv_nsec = 300000000};
  const jiffies before = cpu_times();
  nanosleep(&pause, NULL);
  const jiffies after = cpu_times();
  const double all = after.all - before.all;
  return all > 0 ? (double)sysconf(_SC_NPROCESSORS_ONLN) * (1 - (after.idle - before.idle) / all) : 0;
}

static long throttled(void) {
  char line[64];
  return atol(read_line("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", line, sizeof line));
}

/* Seconds of a fixed chain of dependent multiplications: the inverse of the clock. The best of some, so that interruptions fall
 * out. */
static double chain_seconds(void) {
  double best = 1e9;
  for (int k = 0; k < 10; k++) {
    volatile float start = 1.0f;
    float x = start;
    const double begin = clock_seconds();
    for (int i = 0; i < 500000; i++) x = x * 0.9999999f + 1e-7f;
    volatile float keep = x;
    (void)keep;
    const double seconds = clock_seconds() - begin;
    if (seconds < best) best = seconds;
  }
  return best;
}

static struct {
  jiffies cpu;
  double chain;
  long throttled;
} at_start;

static cpu_set_t free_to_run;
enum { MOST_CORES = 1024 };
static int core_cpus[MOST_CORES], core_count; /* as they were before the calling thread was pinned */

int machine_cores(void) {
  const int count = lw_topology_cores(NULL, 0);
  return count > 1 ? count : 1;
}

static void learn_cores(void) {
  if (core_count > 0) return;
  const int count = lw_topology_cores(core_cpus, MOST_CORES);
  core_count = count < MOST_CORES ? count : MOST_CORES;
}

static void run_on(const int *cpus, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; i++) CPU_SET(cpus[i], &set);
  if (count > 0) sched_setaffinity(0, sizeof set, &set);
}

void machine_confine(int threads) {
  learn_cores();
  if (threads < core_count) core_count = threads;
  run_on(core_cpus, core_count);
}

void machine_pin(void) {
  learn_cores();
  if (sched_getaffinity(0, sizeof free_to_run, &free_to_run) == 0) run_on(core_cpus, core_count > 0);
}

void machine_unpin(void) {
  if (CPU_COUNT(&free_to_run) > 0) sched_setaffinity(0, sizeof free_to_run, &free_to_run);
}

/* Writing more than a cache holds leaves nothing else in it: the caches of each core from that core, the one that all share last.
 */
void machine_flush_caches(void) {
  static char *memory;
  static size_t bytes, own;
  const size_t least = 16u << 20; /* where the size is unknown */
  if (!memory) {
    const size_t l3 = lw_topology_cache_bytes(3);
    bytes = 2 * (l3 > least ? l3 : least);
    own = 2 * lw_topology_cache_bytes(2);
    if (own > bytes) own = bytes;
    memory = malloc(bytes);
  }
  if (!memory) return;
  for (int i = core_count - 1; i > 0; i--) {
    run_on(&core_cpus[i], 1);
    memset(memory, 1, own);
  }
  run_on(core_cpus, core_count > 0);
  memset(memory, 1, bytes);
}

void machine_context(void) {
  char model[128], mhz[64], governor[64], pages[64], line[768], warning[256] = "";
  struct utsname system;
  cpuinfo("model name", model, sizeof model);
  cpuinfo("cpu MHz", mhz, sizeof mhz);
  read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof governor);
  read_line("/sys/kernel/mm/transparent_hugepage/enabled", pages, sizeof pages);
  uname(&system);
  const int cores = machine_cores();
  snprintf(line, sizeof line,
           "%s, %d cores, L1 %zu KB, L2 %zu KB, L3 %zu KB, %s MHz, governor %s, ISA %s, huge pages %s, Linux %s", model, cores,
           lw_topology_cache_bytes(1) / 1024, lw_topology_cache_bytes(2) / 1024, lw_topology_cache_bytes(3) / 1024, mhz,
           governor[0] ? governor : "unknown", lw_isa_name(lw_isa_best()), pages[0] ? pages : "unknown", system.release);
  gbench_context("machine", line);
  gbench_context("compiler", LANEWISE_COMPILER);

  const double busy = busy_cores();
  int length = 0;
  if (busy > 0.3 * cores)
    length += snprintf(warning, sizeof warning, "others kept %.1f of %d cores busy before the start", busy, cores);
  if (governor[0] && strcmp(governor, "performance") != 0)
    length += snprintf(warning + length, sizeof warning - (size_t)length, "%sgovernor is %s, not performance", length ? "; " : "",
                       governor);
  if (length) {
    gbench_context("warning", warning);
    fprintf(stderr, "warning: noisy machine: %s\n", warning);
  }
  at_start.cpu = cpu_times();
  at_start.throttled = throttled();
  at_start.chain = chain_seconds();
}

static void noise(gbench_state *state, void *user) {
  (void)user;
  while (gbench_next(state)) gbench_time(state, 0);
  const jiffies now = cpu_times();
  const double all = now.all - at_start.cpu.all, stolen = all > 0 ? 100 * (now.steal - at_start.cpu.steal) / all : 0;
  const double drift = 100 * (at_start.chain / chain_seconds() - 1);
  const double hot = (double)(throttled() - at_start.throttled);
  gbench_counter(state, "stolen_percent", stolen);
  gbench_counter(state, "clock_drift_percent", drift);
  gbench_counter(state, "throttled", hot);
  if (stolen > 2) fprintf(stderr, "warning: noisy machine: %.1f %% of CPU time was stolen by the hypervisor\n", stolen);
  if (hot > 0) fprintf(stderr, "warning: noisy machine: the CPU throttled for heat\n");
  if (drift > 5 || drift < -5) fprintf(stderr, "warning: noisy machine: the clock changed by %+.1f %% during the run\n", drift);
}

void machine_noise(void) { gbench_register("machine/noise", noise, NULL, GBENCH_US, 1, 1); }
