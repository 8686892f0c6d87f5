/* SPDX-License-Identifier: Apache-2.0
 * The machine's ceilings: roof/fma/<isa>/t<threads>, roof/read/<L1|L2|L3|DRAM>/t<threads>, roof/amx/<bf16|int8>/t<threads>. */
#include <stdio.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/roof.h"
#include "runtime/topology.h"

typedef struct ceiling {
  enum { FMA, READ, AMX } what;
  int which, threads; /* lw_isa, level, or int8 */
} ceiling;

/* The time of a ceiling is what measuring it took; the figure is the counter. */
static void measure(gbench_state *state, void *user) {
  const ceiling *c = user;
  double best = 0;
  while (gbench_next(state)) {
    const double begin = clock_seconds();
    const double value = c->what == FMA   ? roof_fma_gflops((lw_isa)c->which, c->threads)
                         : c->what == AMX ? roof_amx_tops(c->which, c->threads) * 1e3
                                          : roof_read_gbs(c->which, c->threads);
    if (value > best) best = value;
    gbench_time(state, clock_seconds() - begin);
  }
  if (best <= 0) {
    gbench_fail(state, "could not be measured: no memory, no threads, or the cache's size is unknown");
    return;
  }
  gbench_counter(state, c->what == READ ? "GB/s" : "GFLOP/s", best);
}

static void add(int what, int which, const char *kind, const char *name, int threads) {
  static ceiling ceilings[4096];
  static int used;
  if (used == (int)(sizeof ceilings / sizeof *ceilings)) return;
  char full[96];
  snprintf(full, sizeof full, "roof/%s/%s/t%d", kind, name, threads);
  ceilings[used] = (ceiling){what, which, threads};
  gbench_register(full, measure, &ceilings[used++], GBENCH_MS, 1, 1);
}

int main(int argc, char **argv) {
  if (!gbench_init(&argc, argv)) return 1;
  machine_context();
  const int cores = machine_cores();
  /* 1, 2, 4, ... and all: on many cores every count would take minutes. */
  for (int threads = 1; threads <= cores; threads = threads * 2 > cores && threads < cores ? cores : threads * 2) {
    for (int isa = 0; isa < LW_ISA_COUNT; isa++)
      if (lw_isa_runnable((lw_isa)isa) && (isa == LW_ISA_AVX2 || isa == LW_ISA_AVX512 || isa == LW_ISA_NEON))
        add(FMA, isa, "fma", lw_isa_name((lw_isa)isa), threads);
    if (lw_amx_available())
      for (int int8 = 0; int8 < 2; int8++) add(AMX, int8, "amx", int8 ? "int8" : "bf16", threads);
    for (int level = 1; level <= ROOF_DRAM; level++)
      if (level == ROOF_DRAM || lw_topology_cache_bytes(level) > 0) add(READ, level, "read", roof_level_name(level), threads);
  }
  machine_noise();
  gbench_run();
  return 0;
}
