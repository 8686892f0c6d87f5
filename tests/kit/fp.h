/* SPDX-License-Identifier: Apache-2.0
 * The floating-point control register of the calling thread: rounding, flush to zero, exception masks; without sticky flags. */
#ifndef LANEWISE_TESTS_KIT_FP_H
#define LANEWISE_TESTS_KIT_FP_H

#include <stdint.h>
#if defined(__x86_64__)
#  include <xmmintrin.h>
#endif

#if defined(__x86_64__)
#  define KIT_FP_DEFAULT UINT64_C(0x1f80)
static inline uint64_t kit_fp_control(void) { return _mm_getcsr() & ~0x3fu; }
static inline void kit_fp_reset(void) { _mm_setcsr((unsigned)KIT_FP_DEFAULT); }
#elif defined(__aarch64__)
#  define KIT_FP_DEFAULT UINT64_C(0)
static inline uint64_t kit_fp_control(void) {
  uint64_t fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr;
}
static inline void kit_fp_reset(void) { __asm__ volatile("msr fpcr, %0" : : "r"(KIT_FP_DEFAULT)); }
#endif

#endif
