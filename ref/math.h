/* SPDX-License-Identifier: Apache-2.0
 *
 * exp, tanh and log as fixed sequences of f32 operations: additions, multiplications, fmaf and true divisions, nothing from libm,
 * so that every ISA can follow them bit by bit (simd/f32/math.h). Largest errors over all 2^32 inputs against libm's double,
 * measured by `tests/run --exhaustive` and checked there: exp 1.01 ulp, tanh 1.34 ulp, log 0.84 ulp (subnormal results of exp: of
 * their own ulp). Method: Cody and Waite, Software manual for the elementary functions, 1980: reduction to a short interval with
 * a constant in two parts; polynomials fitted for the smallest largest relative error (Lawson's iteration on a dense Chebyshev
 * grid). The double build (the oracle) uses libm. So does the autovec build: -ffast-math would fold away the rounding trick. */
#ifndef LANEWISE_REF_MATH_H
#define LANEWISE_REF_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(REF_DOUBLE)
static inline double real_exp(double x) { return exp(x); }
static inline double real_tanh(double x) { return tanh(x); }
static inline double real_log(double x) { return log(x); }
#elif defined(__FAST_MATH__)
static inline float real_exp(float x) { return expf(x); }
static inline float real_tanh(float x) { return tanhf(x); }
static inline float real_log(float x) { return logf(x); }
#else

#  define EXP_HIGHEST 89.0f   /* exp overflows above 88.73 */
#  define EXP_LOWEST  -104.0f /* and is less than half the smallest subnormal below -103.98 */
#  define EXP_LOG2E   0x1.715476p+0f
#  define EXP_MAGIC   0x1.8p+23f /* adding it rounds to an integer, which then stands in the low bits */
#  define EXP_LN2_HI  0x1.62e43p-1f
#  define EXP_LN2_LO  -0x1.05c61p-29f
#  define EXP_P0      0x1.fffffcp-2f
#  define EXP_P1      0x1.555492p-3f
#  define EXP_P2      0x1.5558f2p-5f
#  define EXP_P3      0x1.123a0cp-7f
#  define EXP_P4      0x1.6a23eep-10f

#  define TANH_SPLIT 0.625f
#  define TANH_P0    -0x1.555554p-2f
#  define TANH_P1    0x1.111066p-3f
#  define TANH_P2    -0x1.b9ee9p-5f
#  define TANH_P3    0x1.638b56p-6f
#  define TANH_P4    -0x1.0bf4f6p-7f
#  define TANH_P5    0x1.18e1c4p-9f

#  define LOG_P0 0x1.555554p-1f
#  define LOG_P1 0x1.999a7ap-2f
#  define LOG_P2 0x1.2438c8p-2f
#  define LOG_P3 0x1.e2f8c2p-3f

static inline int32_t real_bits(float x) {
  int32_t i;
  memcpy(&i, &x, sizeof i);
  return i;
}
static inline float real_from_bits(int32_t i) {
  float x;
  memcpy(&x, &i, sizeof x);
  return x;
}

/* exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln(2)/2. 2^n is applied in two factors, so that results reach from the
 * subnormals to infinity with one rounding. The operand order of the clamps lets NaN through. */
static inline float real_exp(float x) {
  x = EXP_HIGHEST < x ? EXP_HIGHEST : x;
  x = EXP_LOWEST > x ? EXP_LOWEST : x;
  const float shifted = fmaf(x, EXP_LOG2E, EXP_MAGIC);
  const int32_t n = (int32_t)((uint32_t)real_bits(shifted) - (uint32_t)real_bits(EXP_MAGIC));
  const float rounded = shifted - EXP_MAGIC;
  float r = fmaf(rounded, -EXP_LN2_HI, x);
  r = fmaf(rounded, -EXP_LN2_LO, r);
  const float p = fmaf(fmaf(fmaf(fmaf(EXP_P4, r, EXP_P3), r, EXP_P2), r, EXP_P1), r, EXP_P0);
  const float e = 1.0f + fmaf(r * r, p, r);
  const int32_t half = n >> 1, rest = (int32_t)((uint32_t)n - (uint32_t)half);
  return e * real_from_bits((int32_t)((uint32_t)(half + 127) << 23)) * real_from_bits((int32_t)((uint32_t)(rest + 127) << 23));
}

/* On |x|, the sign is put back: an odd polynomial below TANH_SPLIT, 1 - 2/(exp(2|x|) + 1) above. */
static inline float real_tanh(float x) {
  const float a = real_from_bits(real_bits(x) & 0x7fffffff), z = a * a;
  const float p = fmaf(fmaf(fmaf(fmaf(fmaf(TANH_P5, z, TANH_P4), z, TANH_P3), z, TANH_P2), z, TANH_P1), z, TANH_P0);
  const float small = fmaf(a * z, p, a), large = 1.0f - 2.0f / (real_exp(a + a) + 1.0f);
  const float y = a < TANH_SPLIT ? small : large;
  return real_from_bits(real_bits(y) | (real_bits(x) & (int32_t)0x80000000));
}

/* log(x) = k ln 2 + log(m), sqrt(1/2) <= m < sqrt(2); log(m) = 2 atanh(s), s = (m-1)/(m+1), written as f - f*f/2 + ... with f =
 * m-1, which is exact where the logarithm is near 0. */
static inline float real_log(float x) {
  if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
  if (x == INFINITY) return x;
  int32_t shift = 0;
  if (x < 0x1p-126f) {
    x *= 0x1p23f;
    shift = 23;
  }
  const int32_t above = real_bits(x) - real_bits(0x1.6a09e6p-1f), k = (above >> 23) - shift;
  const float f = real_from_bits(real_bits(x) - (above >> 23) * (1 << 23)) - 1.0f;
  const float s = f / (2.0f + f), z = s * s, half = 0.5f * f * f, kf = (float)k;
  const float r = z * fmaf(fmaf(fmaf(LOG_P3, z, LOG_P2), z, LOG_P1), z, LOG_P0);
  return fmaf(kf, EXP_LN2_HI, f - (half - fmaf(s, half + r, kf * EXP_LN2_LO)));
}
#endif
#endif
