/* SPDX-License-Identifier: Apache-2.0
 * The machine's own ceilings, measured now: every time of the benchmarks is printed beside the one that binds it. */
#ifndef LANEWISE_BENCH_ROOF_H
#define LANEWISE_BENCH_ROOF_H

#include "simd/isa.h"

enum { ROOF_DRAM = 4, ROOF_THREADS = 1024 };

/* Runs job(arg, thread, threads) on `threads` threads at once, each pinned to a physical core of its own, and returns the seconds
 * from when all were ready until the last was done. 0 if threads could not be started. */
double roof_parallel(int threads, void (*job)(void *arg, int thread, int threads), void *arg);

/* f32 FMA peak in GFLOP/s, all operands in registers: the best of several slices of some 20 ms. isa: a SIMD ISA of this machine.
 */
double roof_fma_gflops(lw_isa isa, int threads);
/* Read bandwidth in GB/s of cache level 1..3 or ROOF_DRAM, the best of plain reading and reading with a prefetch ahead, with the
 * widest vectors, on 2 MB pages where granted. 0 if the level is unknown. Each thread reads a part of its own: half of L1 and L2,
 * 3/4 of its share of L3 (that being more than L2), 4 x L3 and at least 256 MB in all for DRAM. */
double roof_read_gbs(int level, int threads);
/* Where `bytes` that `threads` threads share stay between runs: the first level of which they fill at most half. */
int roof_level(double bytes, int threads);
/* "L1", "L2", "L3", "DRAM". */
const char *roof_level_name(int level);
/* AMX peak on random data in L1: TFLOP/s of bf16, TOP/s of int8 (int8 != 0); 0 where there is no AMX. */
double roof_amx_tops(int int8, int threads);

#endif
