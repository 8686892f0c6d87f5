/* SPDX-License-Identifier: Apache-2.0
 * The kernel table made from kernels.def, and the only place that chooses from it. */
#include <string.h>
#include "simd/kernels.h"

/* Prototypes: every SIMD kernel, and the plain loops under each prefix. */
#define KERNEL(op, isa, algorithm, promise, symbol) lw_kernel_fn symbol;
#if defined(__x86_64__)
#  define OPERATOR(op) lw_kernel_fn ref_row_##op, naive_row_##op, autovec_avx2_row_##op, autovec_avx512_row_##op;
#else
#  define OPERATOR(op) lw_kernel_fn ref_row_##op, naive_row_##op, autovec_neon_row_##op;
#endif
#define OPERATOR_PORTABLE(op)    lw_kernel_fn ref_row_##op;
#define ALGORITHM(op, algorithm) lw_kernel_fn ref_row_##op##_##algorithm, naive_row_##op##_##algorithm;
#include "simd/kernels.def"

const lw_kernel lw_kernel_table[] = {
#define KERNEL(op, isa, algorithm, promise, symbol) {LW_OP_##op, LW_ISA_##isa, algorithm, #symbol, promise, symbol},
#define LOOPS(op, isa, prefix, promise)             {LW_OP_##op, LW_ISA_##isa, "", #prefix "_" #op, promise, prefix##_row_##op},
#if defined(__x86_64__)
#  define OPERATOR(op)                                                                                                           \
    LOOPS(op, REF, ref, LW_EXACT)                                                                                                \
    LOOPS(op, NAIVE, naive, LW_EXACT)                                                                                            \
    LOOPS(op, AUTOVEC_AVX2, autovec_avx2, LW_BOUND)                                                                              \
    LOOPS(op, AUTOVEC_AVX512, autovec_avx512, LW_BOUND)
#else
#  define OPERATOR(op)                                                                                                           \
    LOOPS(op, REF, ref, LW_EXACT)                                                                                                \
    LOOPS(op, NAIVE, naive, LW_EXACT)                                                                                            \
    LOOPS(op, AUTOVEC_NEON, autovec_neon, LW_BOUND)
#endif
#define OPERATOR_PORTABLE(op) LOOPS(op, PORTABLE, ref, LW_EXACT)
#define OWN_LOOPS(op, algorithm, isa, prefix)                                                                                    \
  {LW_OP_##op, LW_ISA_##isa, #algorithm, #prefix "_" #op "_" #algorithm, LW_FAST, prefix##_row_##op##_##algorithm},
#define ALGORITHM(op, algorithm) OWN_LOOPS(op, algorithm, REF, ref) OWN_LOOPS(op, algorithm, NAIVE, naive)
#include "simd/kernels.def"
};
const size_t lw_kernel_count = sizeof lw_kernel_table / sizeof *lw_kernel_table;

static const char *const op_names[] = {
#define KERNEL(op, isa, algorithm, promise, symbol)
#define OPERATOR(op)        #op,
#define OPERATOR_LAYOUT(op) #op,
#include "simd/kernels.def"
};

const char *lw_op_name(lw_op op) { return op_names[op]; }

const lw_kernel *lw_kernel_find(lw_op op, lw_isa isa, const char *algorithm) {
  const lw_kernel *portable = NULL;
  for (size_t i = 0; i < lw_kernel_count; i++) {
    const lw_kernel *k = &lw_kernel_table[i];
    if (k->op != op || (algorithm && strcmp(algorithm, k->algorithm) != 0)) continue;
    if (k->isa == isa) return k;
    if (k->isa == LW_ISA_PORTABLE) portable = k;
  }
  return portable;
}

int lw_isa_is_simd(lw_isa isa) { return isa == LW_ISA_AVX2 || isa == LW_ISA_AVX512 || isa == LW_ISA_NEON; }

const char *lw_promise_name(lw_promise promise) { return promise == LW_EXACT ? "exact" : promise == LW_FAST ? "fast" : "bound"; }

size_t lw_kernels(lw_kernel_info *rows, size_t capacity) {
  for (size_t i = 0; i < lw_kernel_count && i < capacity; i++) {
    const lw_kernel *k = &lw_kernel_table[i];
    rows[i] = (lw_kernel_info){lw_op_name(k->op),           lw_isa_name(k->isa), k->algorithm,
                               lw_promise_name(k->promise), k->symbol,           lw_isa_runnable(k->isa)};
  }
  return lw_kernel_count;
}
