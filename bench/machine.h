/* SPDX-License-Identifier: Apache-2.0
 * What every output says of the machine, and whether it was quiet. */
#ifndef LANEWISE_BENCH_MACHINE_H
#define LANEWISE_BENCH_MACHINE_H

/* Adds the context lines `machine` (CPU, cores, caches, frequency, governor, ISA, huge pages, kernel), `compiler` (with flags) and, where
 * there is cause, `warning` (load, governor, throttling), and prints the warning. After gbench_init, before gbench_run. */
void machine_context(void);
/* At the end: looks at steal time, throttling and clock drift since machine_context, and warns on stderr. */
void machine_finish(void);
/* Pins the calling thread to the first physical core. */
void machine_pin(void);

#endif
