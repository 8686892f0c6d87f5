/* SPDX-License-Identifier: Apache-2.0
 * dropout_train: lane j computes Philox block b + j (ref/philox.h), whose four words decide four elements. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { GROUP = 4 * VL }; /* elements of VL blocks */

/* The words of blocks b..b+VL-1; the low half of b does not overflow within. */
ALWAYS_INLINE void philox(const lw_dropout_args *a, uint64_t b, vi words[4]) {
  static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  uint32_t k0 = (uint32_t)a->seed, k1 = (uint32_t)(a->seed >> 32);
  vi c0 = vi_add(vi_set1((int32_t)(uint32_t)b), vi_load(lanes)), c1 = vi_set1((int32_t)(uint32_t)(b >> 32));
  vi c2 = vi_set1((int32_t)(uint32_t)a->stream), c3 = vi_set1((int32_t)(uint32_t)(a->stream >> 32));
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
    vi low0, high0, low1, high1;
    vi_multiply(c0, vi_set1((int32_t)0xD2511F53), &low0, &high0);
    vi_multiply(c2, vi_set1((int32_t)0xCD9E8D57), &low1, &high1);
    c0 = vi_xor(vi_xor(high1, c1), vi_set1((int32_t)k0));
    c2 = vi_xor(vi_xor(high0, c3), vi_set1((int32_t)k1));
    c1 = low1;
    c3 = low0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

ALWAYS_INLINE vf uniform(vi word) { return v_mul(vi_to_float(vi_shr_unsigned(word, 8)), v_set1(0x1p-24f)); }

void VEC_FN(dropout_train)(const lw_args *args, lw_part part) {
  const lw_dropout_args *a = &args->dropout;
  const vf scale = v_set1(1 / (1 - a->probability)), probability = v_set1(a->probability);
  int64_t begin, end;
  lw_share((a->count + GROUP - 1) / GROUP, part, &begin, &end);
  for (int64_t group = begin; group < end; group++) {
    vi words[4];
    philox(a, (uint64_t)(a->first / 4 + group * VL), words);
    /* Word w of block b belongs to element 4*b + w. */
    const vf u0 = uniform(words[0]), u1 = uniform(words[1]), u2 = uniform(words[2]), u3 = uniform(words[3]);
    const vf even_low = v_zip_low(u0, u2), even_high = v_zip_high(u0, u2), odd_low = v_zip_low(u1, u3),
             odd_high = v_zip_high(u1, u3);
    const vf u[4] = {v_zip_low(even_low, odd_low), v_zip_high(even_low, odd_low), v_zip_low(even_high, odd_high),
                     v_zip_high(even_high, odd_high)};
    V_UNROLL for (int v = 0; v < 4; v++) {
      const int64_t i = group * GROUP + v * VL, left = a->count - i;
      const vm dropped = vm_lt(u[v], probability);
      if (left >= VL)
        v_store(a->y + i, v_select(dropped, v_zero(), v_mul(v_load(a->x + i), scale)));
      else if (left > 0)
        v_store_partial(a->y + i, left, v_select(dropped, v_zero(), v_mul(v_load_partial(a->x + i, left), scale)));
    }
  }
}
