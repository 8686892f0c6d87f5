/* SPDX-License-Identifier: Apache-2.0
 * What every output says of the machine, and whether it was quiet. */
#ifndef LANEWISE_BENCH_MACHINE_H
#define LANEWISE_BENCH_MACHINE_H

/* Adds the context lines `machine` (CPU, cores, caches, frequency, governor, ISA, huge pages, kernel), `compiler` (with flags)
 * and, where there is cause, `warning` (busy cores, governor), and prints the warning. After gbench_init, before
 * gbench_run. */
void machine_context(void);
/* Registers the last benchmark, machine/noise: what happened since machine_context, as counters (stolen_percent,
 * clock_drift_percent, throttled), and a warning on stderr where it was noise. */
void machine_noise(void);
/* Physical cores that this process may use, at least 1. */
int machine_cores(void);
/* Leaves the calling thread, and those that it will start, the first `threads` of them. */
void machine_confine(int threads);
/* Pins the calling thread to the first of them, and gives it back its freedom: while pinned it would look like a machine of one
 * core. */
void machine_pin(void);
void machine_unpin(void);
/* Empties all caches of these cores. The calling thread is pinned. */
void machine_flush_caches(void);

#endif
