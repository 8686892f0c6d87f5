/* SPDX-License-Identifier: Apache-2.0
 * What this CPU and operating system can run. The only file that asks. */
#include <string.h>
#include <stdio.h>
#if defined(__aarch64__)
#  include <sys/auxv.h>
#  include <asm/hwcap.h>
#endif
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
enum { LEAF1_ECX, LEAF7_EBX };
static int cpu_has(int word, unsigned bit) {
  unsigned a, b = 0, c = 0, d;
  const int known = word == LEAF1_ECX ? __get_cpuid(1, &a, &b, &c, &d) : __get_cpuid_count(7, 0, &a, &b, &c, &d);
  return known && ((word == LEAF1_ECX ? c : b) & bit);
}
/* __builtin_cpu_supports looks at cpuid and, for the AVX families, at XCR0: registers that the OS does not save do not count. */
#  define NEED(feature, word, bit)                                                                                               \
    if (!__builtin_cpu_supports(feature))                                                                                        \
    return cpu_has(word, bit) ? "the operating system does not save its registers" : "the CPU has no " feature
static const char *fma_missing(void) {
  NEED("fma", LEAF1_ECX, bit_FMA);
  return NULL;
}
static const char *avx2_missing(void) {
  NEED("avx2", LEAF7_EBX, bit_AVX2);
  /* Not a name that every compiler's __builtin_cpu_supports knows. Who may use AVX2 may use it: the registers are the same. */
  return cpu_has(LEAF1_ECX, bit_F16C) ? fma_missing() : "the CPU has no f16c";
}
static const char *avx512_missing(void) {
  NEED("avx512f", LEAF7_EBX, bit_AVX512F);
  NEED("avx512bw", LEAF7_EBX, bit_AVX512BW);
  NEED("avx512dq", LEAF7_EBX, bit_AVX512DQ);
  NEED("avx512vl", LEAF7_EBX, bit_AVX512VL);
  return avx2_missing();
}
const char *lw_isa_missing(lw_isa isa) {
  __builtin_cpu_init();
  switch (isa) {
  case LW_ISA_PORTABLE:
  case LW_ISA_REF: return NULL;
  case LW_ISA_NAIVE: return fma_missing();
  case LW_ISA_AVX2:
  case LW_ISA_AUTOVEC_AVX2: return avx2_missing();
  case LW_ISA_AVX512:
  case LW_ISA_AUTOVEC_AVX512: return avx512_missing();
  case LW_ISA_AMX: return "no kernel uses it so far";
  default: return "it belongs to AArch64";
  }
}
#elif defined(__aarch64__)
/* Advanced SIMD with fused multiply-add is part of the AArch64 baseline. */
const char *lw_isa_missing(lw_isa isa) {
  const int runs =
      isa == LW_ISA_PORTABLE || isa == LW_ISA_REF || isa == LW_ISA_NAIVE || isa == LW_ISA_NEON || isa == LW_ISA_AUTOVEC_NEON;
  return runs ? NULL : "it belongs to x86-64";
}
#else
#  error "Lanewise supports x86-64 and AArch64"
#endif

int lw_isa_runnable(lw_isa isa) { return !lw_isa_missing(isa); }

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

/* printf's %s of a name with spaces at both ends and whatever else it holds. */
static void tidy(char *text) {
  size_t length = 0;
  for (const char *from = text; *from; from++) {
    const char c = *from > ' ' && *from < 127 ? *from : ' ';
    if (c != ' ' || (length && text[length - 1] != ' ')) text[length++] = c;
  }
  if (length && text[length - 1] == ' ') length--;
  text[length] = 0;
}

void lw_cpu_model(char *text, size_t capacity) {
#if defined(__x86_64__)
  unsigned a, b, c, d, brand[13] = {0};
  if (__get_cpuid(0x80000004, &a, &b, &c, &d))
    for (unsigned i = 0; i < 3; i++)
      __get_cpuid(0x80000002 + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2], &brand[4 * i + 3]);
  if (!__get_cpuid(1, &a, &b, &c, &d)) a = 0;
  snprintf(text, capacity, "%.48s %x", (const char *)brand, a);
#else
  unsigned long midr = 0;
  if (getauxval(AT_HWCAP) & HWCAP_CPUID) __asm__("mrs %0, MIDR_EL1" : "=r"(midr));
  snprintf(text, capacity, "AArch64 %lx", midr);
#endif
  tidy(text);
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
