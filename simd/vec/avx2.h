/* SPDX-License-Identifier: Apache-2.0
 * The vector vocabulary on AVX2 + FMA. What each verb means is stated in simd/vec/vec.h. */
#include <immintrin.h>

#define VEC_NAME(name) lw_##name##_avx2
enum { VL = 8, V_REGISTERS = 16 };
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

static inline __m256i v_tail_mask(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
static inline vf v_load_partial(const float *p, int64_t n) { return _mm256_maskload_ps(p, v_tail_mask(n)); }
static inline void v_store_partial(float *p, int64_t n, vf a) { _mm256_maskstore_ps(p, v_tail_mask(n), a); }
static inline vf v_load_strided(const float *p, int64_t stride) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_i32gather_ps(p, _mm256_mullo_epi32(lane, _mm256_set1_epi32((int)stride)), 4);
}
static inline vf v_gather(const float *p, const int32_t *index) {
  return _mm256_i32gather_ps(p, _mm256_loadu_si256((const __m256i_u *)index), 4);
}
static inline __m256 v_halves_in_order(__m256 a) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a), 0xd8)); }
static inline vf v_even(vf a, vf b) { return v_halves_in_order(_mm256_shuffle_ps(a, b, 0x88)); }
static inline vf v_odd(vf a, vf b) { return v_halves_in_order(_mm256_shuffle_ps(a, b, 0xdd)); }
static inline vf v_zip_low(vf a, vf b) {
  return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}
static inline vf v_zip_high(vf a, vf b) {
  return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}
static inline vf v_set1(float a) { return _mm256_set1_ps(a); }
static inline vf v_broadcast(const float *p) { return _mm256_broadcast_ss(p); }
static inline vf v_zero(void) { return _mm256_setzero_ps(); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vm vm_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vm vm_taken(vf m, vf v) { return _mm256_or_ps(_mm256_cmp_ps(v, m, _CMP_GT_OQ), _mm256_cmp_ps(v, v, _CMP_UNORD_Q)); }
static inline vm vm_unordered(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
static inline vm vm_or(vm a, vm b) { return _mm256_or_ps(a, b); }
static inline int vm_any(vm a) { return _mm256_movemask_ps(a) != 0; }
static inline vf v_select(vm mask, vf a, vf b) { return _mm256_blendv_ps(b, a, mask); }
static inline vi v_bits(vf a) { return _mm256_castps_si256(a); }
static inline vf v_from_bits(vi a) { return _mm256_castsi256_ps(a); }
static inline vi vi_set1(int32_t a) { return _mm256_set1_epi32(a); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
static inline vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
static inline vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i_u *)p); }
static inline vm vi_equal(vi a, vi b) { return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)); }
static inline vf vi_to_float(vi a) { return _mm256_cvtepi32_ps(a); }
static inline void vi_multiply(vi a, vi b, vi *low, vi *high) {
  const __m256i even = _mm256_mul_epu32(a, b), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
  *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}
#define vi_shl(a, bits)          _mm256_slli_epi32(a, bits)
#define vi_shr(a, bits)          _mm256_srai_epi32(a, bits)
#define vi_shr_unsigned(a, bits) _mm256_srli_epi32(a, bits)
