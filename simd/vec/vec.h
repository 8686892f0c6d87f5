/* SPDX-License-Identifier: Apache-2.0
 *
 * The vector vocabulary: some 45 verbs over VL lanes of f32 (vf), int32 (vi) and masks (vm). Kernels in simd/f32/ are written in
 * it once and compiled once per ISA; the build names the ISA by LW_VEC_AVX512, LW_VEC_AVX2 or LW_VEC_NEON.
 *
 * - VEC_FN(name): the kernel's symbol, lw_<name>_<isa>
 * - VL, V_REGISTERS: lanes, architectural vector registers
 * - v_load, v_store: VL floats, any alignment
 * - v_load_partial(p, n), v_store_partial(p, n, a): the first n < VL lanes, 0 <= n; nothing else is touched; missing lanes load
 *   as +0
 * - v_load_strided(p, stride): lane i = p[i*stride]; stride < 2^26
 * - v_gather(p, index): lane i = p[index[i]]; index: VL int32
 * - v_set1, v_broadcast(p), v_zero
 * - v_fma(a, b, c): a*b + c, rounded once; v_add, v_sub, v_mul, v_div: IEEE-754
 * - v_max(a, b): a > b ? a : b; v_min(a, b): a < b ? a : b (NaN or equal: b)
 * - vm_lt(a, b): a < b, false for NaN; vm_taken(m, v): v > m or v is NaN (max pooling takes v); vm_unordered(a, b): a or b is
 *   NaN; vm_or; vm_any: not 0 if any lane is
 * - v_select(mask, a, b): mask ? a : b
 * - v_even(a, b), v_odd(a, b): of the 2*VL lanes of a and then b, those of even, of odd number
 * - v_zip_low(a, b), v_zip_high(a, b): a[0], b[0], a[1], b[1], ...: the first, the last VL of these 2*VL lanes
 * - v_bits, v_from_bits: reinterpret; vi_load(p), vi_set1, vi_add, vi_sub, vi_and, vi_or, vi_xor, vi_shl(a, n), vi_shr(a, n)
 *   (arithmetic), vi_shr_unsigned(a, n); vi_equal(a, b): a mask; vi_to_float(a): rounded; vi_multiply(a, b, &low, &high): the 64
 *   bits of unsigned products */
#ifndef LANEWISE_SIMD_VEC_H
#define LANEWISE_SIMD_VEC_H

#include <stdint.h>

#if defined(LW_VEC_AVX512)
#  include "simd/vec/avx512.h"
#elif defined(LW_VEC_AVX2)
#  include "simd/vec/avx2.h"
#elif defined(LW_VEC_NEON)
#  include "simd/vec/neon.h"
#else
#  error "no vector ISA named by the build"
#endif

#define VEC_FN(name)  VEC_NAME(name)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Before a loop whose trip count is a constant after inlining: unrolls it completely. */
#if defined(LW_SANITIZED) /* unrolled, the instrumented tiles take minutes to compile */
#  define V_UNROLL
#elif defined(__clang__)
#  define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#  define V_UNROLL _Pragma("GCC unroll 32")
#endif
/* Keeps the compiler from merging loads across this point (gcc otherwise hoists broadcasts and spills accumulators). */
#define V_KEEP(pointer) __asm__("" : "+r"(pointer))
/* Keeps a vector that several operations use in its register (gcc otherwise loads it once for each of them). */
#if defined(__aarch64__)
#  define V_HOLD(vector) __asm__("" : "+w"(vector))
#else
#  define V_HOLD(vector) __asm__("" : "+v"(vector))
#endif
/* Asks for the line at an address, which may be any, to be brought into L2. */
#define V_PREFETCH(address) __builtin_prefetch(address, 0, 2)

#endif
