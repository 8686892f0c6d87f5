/* SPDX-License-Identifier: Apache-2.0
 * What this CPU and operating system can run. The only file that asks. */
#include <string.h>
#if defined(__x86_64__)
#  include <cpuid.h>
#  include <sys/syscall.h>
#  include <unistd.h>
#endif
#include "simd/isa.h"

static const char *const isa_names[] = {
#define ISA(id, name) #name,
#include "simd/isa.def"
#undef ISA
};

const char *lw_isa_name(lw_isa isa) { return isa_names[isa]; }

int lw_isa_from_name(const char *name) {
  for (int i = 0; i < LW_ISA_COUNT; i++)
    if (strcmp(name, isa_names[i]) == 0) return i;
  return -1;
}

#if defined(__x86_64__)
/* Not a name that every compiler's __builtin_cpu_supports knows. Who may use AVX2 may use it: the registers are the same. */
static int has_f16c(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
/* __builtin_cpu_supports looks at cpuid and, for the AVX families, at XCR0: registers that the OS does not save do not count. */
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
int lw_isa_runnable(lw_isa isa) {
  __builtin_cpu_init();
  switch (isa) {
  case LW_ISA_PORTABLE:
  case LW_ISA_REF: return 1;
  case LW_ISA_NAIVE: return __builtin_cpu_supports("fma") != 0;
  case LW_ISA_AVX2:
  case LW_ISA_AUTOVEC_AVX2: return has_avx2();
  case LW_ISA_AVX512:
  case LW_ISA_AUTOVEC_AVX512: return has_avx512();
  default: return 0;
  }
}
#elif defined(__aarch64__)
/* Advanced SIMD with fused multiply-add is part of the AArch64 baseline. */
int lw_isa_runnable(lw_isa isa) {
  return isa == LW_ISA_PORTABLE || isa == LW_ISA_REF || isa == LW_ISA_NAIVE || isa == LW_ISA_NEON || isa == LW_ISA_AUTOVEC_NEON;
}
#else
#  error "Lanewise supports x86-64 and AArch64"
#endif

lw_isa lw_isa_best(void) {
  lw_isa best = LW_ISA_REF;
  for (int i = LW_ISA_REF; i < LW_ISA_COUNT; i++)
    if (lw_isa_runnable((lw_isa)i)) best = (lw_isa)i;
  return best;
}

int lw_isa_best_autovec(void) {
  int best = -1;
  for (int i = LW_ISA_AUTOVEC_AVX2; i <= LW_ISA_AUTOVEC_NEON; i++)
    if (lw_isa_runnable((lw_isa)i)) best = i;
  return best;
}

int lw_amx_available(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25, ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (AMX_BF16 | AMX_TILE | AMX_INT8)) != (AMX_BF16 | AMX_TILE | AMX_INT8))
    return 0;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
  return 0;
#endif
}
