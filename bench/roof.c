/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/roof.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "lanewise.h"
#include "runtime/topology.h"
#include "bench/clock.h"

/* ------------------------------------------------------------------------------------------------------------ threads */

typedef struct team {
  void (*job)(void *, int, int);
  void *arg;
  int threads;
  atomic_int arrived, go; /* go: 1 run, -1 give up */
} team;
typedef struct member {
  team *team;
  int index, cpu;
  double end;
  pthread_t thread;
} member;

static void *run(void *user) {
  member *m = user;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (m->cpu >= 0) {
    CPU_SET(m->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  }
  atomic_fetch_add(&m->team->arrived, 1);
  int go;
  while ((go = atomic_load(&m->team->go)) == 0) sched_yield();
  if (go > 0) m->team->job(m->team->arg, m->index, m->team->threads);
  m->end = clock_seconds();
  return NULL;
}

double roof_parallel(int threads, void (*job)(void *, int, int), void *arg) {
  static int cpus[ROOF_THREADS];
  const int cores = lw_topology_cores(cpus, ROOF_THREADS);
  member *members = calloc((size_t)threads, sizeof *members);
  if (!members) return 0;
  team t = {.job = job, .arg = arg, .threads = threads};
  int started = 0;
  for (; started < threads; started++) {
    members[started] = (member){.team = &t, .index = started, .cpu = cores > 0 ? cpus[started % cores] : -1};
    if (pthread_create(&members[started].thread, NULL, run, &members[started]) != 0) break;
  }
  while (atomic_load(&t.arrived) < started) sched_yield();
  const double begin = clock_seconds();
  double end = begin;
  atomic_store(&t.go, started == threads ? 1 : -1);
  for (int i = 0; i < started; i++) {
    pthread_join(members[i].thread, NULL);
    if (members[i].end > end) end = members[i].end;
  }
  free(members);
  return started == threads ? end - begin : 0;
}

/* ----------------------------------------------------------------------------------------------------------- fma peak */

typedef double fma_fn(int64_t turns, float *sink);
typedef void read_fn(const float *p, size_t count, size_t prefetch, float *sink);
#if defined(__x86_64__)
fma_fn lw_roof_fma_avx2, lw_roof_fma_avx512;
read_fn lw_roof_read_avx2, lw_roof_read_avx512;
static fma_fn *fma_of(lw_isa isa) {
  return isa == LW_ISA_AVX512 ? lw_roof_fma_avx512 : isa == LW_ISA_AVX2 ? lw_roof_fma_avx2 : NULL;
}
static read_fn *best_read(void) {
  return lw_isa_runnable(LW_ISA_AVX512) ? lw_roof_read_avx512 : lw_isa_runnable(LW_ISA_AVX2) ? lw_roof_read_avx2 : NULL;
}
#else
fma_fn lw_roof_fma_neon;
read_fn lw_roof_read_neon;
static fma_fn *fma_of(lw_isa isa) { return isa == LW_ISA_NEON ? lw_roof_fma_neon : NULL; }
static read_fn *best_read(void) { return lw_roof_read_neon; }
#endif

typedef struct fma_job {
  fma_fn *fn;
  int64_t turns;
  double flops[ROOF_THREADS];
} fma_job;

static void do_fma(void *arg, int thread, int threads) {
  fma_job *j = arg;
  float sink[16];
  (void)threads;
  j->flops[thread] = j->fn(j->turns, sink);
}

double roof_fma_gflops(lw_isa isa, int threads) {
  fma_job *job = calloc(1, sizeof *job);
  double best = 0;
  if (job && (job->fn = fma_of(isa)) && lw_isa_runnable(isa)) {
    job->turns = 100000;
    double seconds = roof_parallel(1, do_fma, job); /* how many turns make 20 ms */
    if (seconds > 0) job->turns = (int64_t)((double)job->turns * 0.02 / seconds) + 1;
    for (int i = 0; i < 7; i++) {
      seconds = roof_parallel(threads, do_fma, job);
      double flops = 0;
      for (int t = 0; t < threads; t++) flops += job->flops[t];
      if (seconds > 0 && flops / seconds * 1e-9 > best) best = flops / seconds * 1e-9;
    }
  }
  free(job);
  return best;
}

/* ---------------------------------------------------------------------------------------------------------- bandwidth */

typedef struct read_job {
  read_fn *fn;
  float *p;
  size_t count, prefetch; /* floats per thread, floats ahead */
  int64_t times;
} read_job;

static void do_touch(void *arg, int thread, int threads) {
  read_job *j = arg;
  (void)threads;
  for (size_t i = 0; i < j->count; i++) j->p[(size_t)thread * j->count + i] = 1;
}
static void do_read(void *arg, int thread, int threads) {
  read_job *j = arg;
  float sink[16];
  (void)threads;
  for (int64_t i = 0; i < j->times; i++) j->fn(j->p + (size_t)thread * j->count, j->count, j->prefetch, sink);
}

static size_t bytes_per_thread(int level, int threads) {
  const size_t l1 = lw_topology_cache_bytes(1), l2 = lw_topology_cache_bytes(2), l3 = lw_topology_cache_bytes(3);
  size_t bytes = 0;
  if (level == 1) bytes = l1 / 2;
  if (level == 2) bytes = l2 / 2;
  if (level == 3 && l3 / (size_t)threads > 2 * l2) {
    bytes = l3 / (size_t)threads * 3 / 4;
    if (bytes > 8 * l2) bytes = 8 * l2; /* a large shared L3 is not all ours */
  }
  if (level == ROOF_DRAM) bytes = (4 * l3 > (256u << 20) ? 4 * l3 : 256u << 20) / (size_t)threads;
  if (bytes > ((size_t)4 << 30)) bytes = (size_t)4 << 30;
  return bytes / 4096 * 4096;
}

int roof_level(double bytes, int threads) {
  int level = 1;
  while (level < ROOF_DRAM && bytes > (double)lw_topology_cache_bytes(level) / 2 * (level < 3 ? threads : 1)) level++;
  return level;
}

const char *roof_level_name(int level) {
  static const char *const names[] = {"L1", "L2", "L3", "DRAM"};
  return names[level - 1];
}

double roof_read_gbs(int level, int threads) {
  read_job job = {.fn = best_read(), .count = bytes_per_thread(level, threads) / sizeof(float)};
  void *memory;
  const size_t bytes = job.count * sizeof(float) * (size_t)threads;
  if (!job.fn || job.count == 0 || lw_allocate(NULL, bytes + 65536, &memory) != LW_OK) return 0; /* prefetches end inside */
  job.p = memory;
  roof_parallel(threads, do_touch, &job);
  double best = 0;
  const size_t ahead[] = {0, 512, 1024, 2048};
  for (size_t k = 0; k < (level <= 2 ? 1 : 4); k++) {
    job.prefetch = ahead[k];
    job.times = 1;
    double seconds = roof_parallel(threads, do_read, &job);
    if (seconds > 0 && level != ROOF_DRAM) job.times = (int64_t)(0.02 / seconds * (level == 1 ? 100 : 1)) + 1;
    for (int i = 0; i < 5; i++) {
      seconds = roof_parallel(threads, do_read, &job);
      const double gbs = (double)bytes * (double)job.times / seconds * 1e-9;
      if (seconds > 0 && gbs > best) best = gbs;
    }
  }
  lw_release(NULL, memory);
  return best;
}
