/* SPDX-License-Identifier: Apache-2.0
 * sgd: lane by lane. What the options leave out is decided once, not per element. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

typedef struct update {
  vf w, buffer;
} update;

ALWAYS_INLINE update next(const lw_sgd_args *a, const int momentum, vf w, vf g, vf buffer) {
  const lw_sgd_options *o = &a->options;
  if (o->weight_decay != 0) g = v_fma(v_set1(o->weight_decay), w, g);
  if (momentum) {
    buffer = a->first_step ? g : v_fma(v_set1(o->momentum), buffer, v_mul(v_set1(1 - o->dampening), g));
    g = o->nesterov ? v_fma(v_set1(o->momentum), buffer, g) : buffer;
  }
  return (update){v_fma(v_set1(-o->lr), g, w), buffer};
}

ALWAYS_INLINE void run(const lw_sgd_args *a, const int momentum, int64_t begin, int64_t end) {
  const int reads_buffer = momentum && !a->first_step;
  int64_t i = begin;
  for (; i + VL <= end; i += VL) {
    const update u = next(a, momentum, v_load(a->w + i), v_load(a->g + i), reads_buffer ? v_load(a->buffer + i) : v_zero());
    v_store(a->new_w + i, u.w);
    if (momentum) v_store(a->new_buffer + i, u.buffer);
  }
  if (i >= end) return;
  const int64_t left = end - i;
  const update u = next(a, momentum, v_load_partial(a->w + i, left), v_load_partial(a->g + i, left),
                        reads_buffer ? v_load_partial(a->buffer + i, left) : v_zero());
  v_store_partial(a->new_w + i, left, u.w);
  if (momentum) v_store_partial(a->new_buffer + i, left, u.buffer);
}

void VEC_FN(sgd)(const lw_args *args, lw_part part) {
  const lw_sgd_args *a = &args->sgd;
  int64_t begin, end;
  lw_share((a->count + VL - 1) / VL, part, &begin, &end);
  end = end * VL < a->count ? end * VL : a->count;
  if (a->options.momentum != 0)
    run(a, 1, begin * VL, end);
  else
    run(a, 0, begin * VL, end);
}
