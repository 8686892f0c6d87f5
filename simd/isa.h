/* SPDX-License-Identifier: Apache-2.0
 * Names of instruction sets, and which of them this CPU and operating system can run. */
#ifndef LANEWISE_SIMD_ISA_H
#define LANEWISE_SIMD_ISA_H

#include <stddef.h>

typedef enum lw_isa {
#define ISA(id, name) LW_ISA_##id,
#include "simd/isa.def"
#undef ISA
  LW_ISA_COUNT
} lw_isa;

const char *lw_isa_name(lw_isa isa);
/* The lw_isa of that name, or -1. */
int lw_isa_from_name(const char *name);
/* Not 0 if this build has kernels for it and this CPU and operating system can run them. */
int lw_isa_runnable(lw_isa isa);
/* Why it cannot run here ("the CPU has no avx512vl"); NULL if it can. */
const char *lw_isa_missing(lw_isa isa);
/* The strongest runnable ISA. */
lw_isa lw_isa_best(void);
/* The strongest runnable autovec ISA, or -1 if there is none. */
int lw_isa_best_autovec(void);

/* What tells this kind of CPU from others, in one line of ASCII. */
void lw_cpu_model(char *text, size_t capacity);

/* Not 0 if this CPU has AMX with bf16 and int8 and the operating system grants this process its tiles, which this call asks for.
 */
int lw_amx_available(void);

#endif
