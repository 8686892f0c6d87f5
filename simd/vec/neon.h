/* SPDX-License-Identifier: Apache-2.0
 * The vector vocabulary on AArch64 Advanced SIMD. What each verb means is stated in simd/vec/vec.h. Maxima are compare and
 * select: fmax and fmaxnm treat NaN and -0 in their own way. */
#include <arm_neon.h>

#define VEC_NAME(name) lw_##name##_neon
enum { VL = 4, V_REGISTERS = 32 };
typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;

static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf a) { vst1q_f32(p, a); }
static inline vf v_load_partial(const float *p, int64_t n) {
  float lanes[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < VL - 1 && i < n; i++) lanes[i] = p[i];
  return vld1q_f32(lanes);
}
static inline void v_store_partial(float *p, int64_t n, vf a) {
  float lanes[4];
  vst1q_f32(lanes, a);
  for (int64_t i = 0; i < VL - 1 && i < n; i++) p[i] = lanes[i];
}
static inline vf v_load_strided(const float *p, int64_t stride) {
  const float lanes[4] = {p[0], p[stride], p[2 * stride], p[3 * stride]};
  return vld1q_f32(lanes);
}
static inline vf v_gather(const float *p, const int32_t *index) {
  const float lanes[4] = {p[index[0]], p[index[1]], p[index[2]], p[index[3]]};
  return vld1q_f32(lanes);
}
static inline vf v_even(vf a, vf b) { return vuzp1q_f32(a, b); }
static inline vf v_odd(vf a, vf b) { return vuzp2q_f32(a, b); }
static inline vf v_zip_low(vf a, vf b) { return vzip1q_f32(a, b); }
static inline vf v_zip_high(vf a, vf b) { return vzip2q_f32(a, b); }
static inline vf v_set1(float a) { return vdupq_n_f32(a); }
static inline vf v_broadcast(const float *p) { return vld1q_dup_f32(p); }
static inline vf v_zero(void) { return vdupq_n_f32(0); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline vf v_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline vm vm_lt(vf a, vf b) { return vcltq_f32(a, b); }
static inline vm vm_taken(vf m, vf v) { return vorrq_u32(vcgtq_f32(v, m), vmvnq_u32(vceqq_f32(v, v))); }
static inline vm vm_unordered(vf a, vf b) { return vmvnq_u32(vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b))); }
static inline vm vm_or(vm a, vm b) { return vorrq_u32(a, b); }
static inline int vm_any(vm a) { return vmaxvq_u32(a) != 0; }
static inline vf v_select(vm mask, vf a, vf b) { return vbslq_f32(mask, a, b); }
static inline vi v_bits(vf a) { return vreinterpretq_s32_f32(a); }
static inline vf v_from_bits(vi a) { return vreinterpretq_f32_s32(a); }
static inline vi vi_set1(int32_t a) { return vdupq_n_s32(a); }
static inline vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
static inline vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
static inline vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
static inline vi vi_or(vi a, vi b) { return vorrq_s32(a, b); }
static inline vi vi_xor(vi a, vi b) { return veorq_s32(a, b); }
static inline vi vi_load(const int32_t *p) { return vld1q_s32(p); }
static inline vm vi_equal(vi a, vi b) { return vceqq_s32(a, b); }
static inline vf vi_to_float(vi a) { return vcvtq_f32_s32(a); }
static inline void vi_multiply(vi a, vi b, vi *low, vi *high) {
  const uint32x4_t ua = vreinterpretq_u32_s32(a), ub = vreinterpretq_u32_s32(b);
  const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(ua), vget_low_u32(ub)));
  const uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(ua, ub));
  *low = vreinterpretq_s32_u32(vuzp1q_u32(first, second));
  *high = vreinterpretq_s32_u32(vuzp2q_u32(first, second));
}
#define vi_shl(a, bits)          vshlq_n_s32(a, bits)
#define vi_shr(a, bits)          vshrq_n_s32(a, bits)
#define vi_shr_unsigned(a, bits) vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), bits))
