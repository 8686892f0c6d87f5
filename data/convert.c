/* SPDX-License-Identifier: Apache-2.0
 * IEEE-754 binary16 and bfloat16 (the upper half of binary32) from and to binary32, with integers wherever a mode that flushes
 * subnormals could change the result. */
#include "data/convert.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values in files are used as they lie in memory");

size_t lw_dtype_bytes(lw_dtype dtype) { return dtype == LW_F32 ? 4 : 2; }

const char *lw_dtype_name(lw_dtype dtype) { return dtype == LW_F32 ? "F32" : dtype == LW_F16 ? "F16" : "BF16"; }

/* Masks instead of branches: a loop of them vectorises. */
static uint32_t widen_f16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
  const float small = (float)(h & 0x3ff) * 0x1p-24f; /* a subnormal's value, normal in f32 */
  uint32_t bits;
  memcpy(&bits, &small, sizeof bits);
  const uint32_t is_small = -(uint32_t)(rest < 0x00800000), is_top = -(uint32_t)(rest >= 0x0f800000);
  /* The exponent's bias goes from 15 to 127; the top exponent, of infinity and NaN, from 31 to 255. */
  const uint32_t normal = rest + ((127 - 15) << 23) + (is_top & (255 - 31 - (127 - 15)) << 23);
  return sign | (is_small & bits) | (~is_small & normal);
}

static uint16_t narrow_f16(uint32_t f) {
  const uint32_t sign = f >> 16 & 0x8000, a = f & 0x7fffffff;
  if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x1ff));
  if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520: half a step beyond the largest */
  if (a >= 0x38800000) return (uint16_t)(sign | (a + 0xfff + (a >> 13 & 1) - ((uint32_t)(127 - 15) << 23)) >> 13);
  if (a < 0x33000000) return (uint16_t)sign;                                    /* less than half of 2^-24 */
  const uint32_t shift = 126 - (a >> 23), mantissa = (a & 0x7fffff) | 0x800000; /* in steps of 2^-24 after the shift */
  const uint32_t down = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
  return (uint16_t)(sign | (down + (rest > half || (rest == half && down & 1))));
}

static uint16_t narrow_bf16(uint32_t f) {
  if ((f & 0x7fffffff) > 0x7f800000) return (uint16_t)(f >> 16 | 0x40);
  return (uint16_t)((f + 0x7fff + (f >> 16 & 1)) >> 16);
}

void lw_widen(lw_dtype dtype, const void *from, int64_t count, float *to) {
  const char *source = from;
  uint16_t h;
  uint32_t bits;
  if (dtype == LW_F32) memcpy(to, from, (size_t)count * sizeof *to);
  for (int64_t i = 0; dtype == LW_F16 && i < count; i++) {
    memcpy(&h, source + i * 2, sizeof h);
    bits = widen_f16(h);
    memcpy(to + i, &bits, sizeof bits);
  }
  for (int64_t i = 0; dtype == LW_BF16 && i < count; i++) {
    memcpy(&h, source + i * 2, sizeof h);
    bits = (uint32_t)h << 16;
    memcpy(to + i, &bits, sizeof bits);
  }
}

void lw_narrow(lw_dtype dtype, const float *from, int64_t count, void *to) {
  char *target = to;
  if (dtype == LW_F32) {
    memcpy(to, from, (size_t)count * sizeof *from);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, from + i, sizeof bits);
    const uint16_t h = dtype == LW_F16 ? narrow_f16(bits) : narrow_bf16(bits);
    memcpy(target + i * 2, &h, sizeof h);
  }
}
