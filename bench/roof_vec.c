/* SPDX-License-Identifier: Apache-2.0
 * Loops that only fetch or only multiply and add, once per ISA. */
#include <stddef.h>
#include "simd/vec/vec.h"

enum { CHAINS = V_REGISTERS == 32 ? 24 : 12, STREAMS = 8 };

/* CHAINS independent chains; 2*CHAINS*VL FLOP per turn. Values stay near 1. Returns FLOP. */
double VEC_FN(roof_fma)(int64_t turns, float *sink) {
  vf acc[CHAINS];
  vf a = v_set1(0.999f), b = v_set1(0.001f);
  V_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = v_set1(1 + 0.001f * (float)i);
  for (int64_t t = 0; t < turns; t++) {
    V_UNROLL for (int i = 0; i < CHAINS; i++) acc[i] = v_fma(acc[i], a, b);
  }
  V_UNROLL for (int i = 1; i < CHAINS; i++) acc[0] = v_add(acc[0], acc[i]);
  v_store(sink, acc[0]);
  return 2.0 * CHAINS * VL * (double)turns;
}

/* Reads `count` floats (a multiple of STREAMS*VL) once. prefetch: floats ahead, 0 for none. */
void VEC_FN(roof_read)(const float *p, size_t count, size_t prefetch, float *sink) {
  vf acc[STREAMS];
  V_UNROLL for (int i = 0; i < STREAMS; i++) acc[i] = v_zero();
  for (size_t i = 0; i < count; i += STREAMS * VL) {
    if (prefetch)
      for (size_t line = 0; line < STREAMS * VL; line += 16) __builtin_prefetch(p + i + prefetch + line, 0, 3);
    V_UNROLL for (int k = 0; k < STREAMS; k++) acc[k] = v_add(acc[k], v_load(p + i + k * VL));
  }
  V_UNROLL for (int i = 1; i < STREAMS; i++) acc[0] = v_add(acc[0], acc[i]);
  v_store(sink, acc[0]);
}
