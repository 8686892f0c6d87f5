/* SPDX-License-Identifier: Apache-2.0
 * What max_pool2d and avg_pool2d share: which output columns need no border checks, and how lanes of columns are loaded. */
#ifndef LANEWISE_SIMD_F32_POOL_H
#define LANEWISE_SIMD_F32_POOL_H

#include "simd/kernels.h"
#include "simd/vec/vec.h"

/* Output columns begin..end-1 have their whole window inside the image's width. */
static inline void pool_interior(const lw_pool2d_args *a, int64_t *begin, int64_t *end) {
  const lw_pool2d_desc *d = &a->desc;
  const int64_t last = d->iw - 1 + d->pad_w - d->dilation_w * (d->kw - 1); /* largest ow*stride_w */
  *begin = (d->pad_w + d->stride_w - 1) / d->stride_w;
  *end = last < 0 ? 0 : last / d->stride_w + 1;
  if (*end > a->ow) *end = a->ow;
  if (*begin > *end) *begin = *end;
  if (d->stride_w >= 1 << 26) *begin = *end = 0; /* beyond v_load_strided */
}

/* Lane i is p[i*stride] for i < n <= VL; nothing past p[(n-1)*stride] is read. step: the stride if that is 1 or 2, else 0, and
 * then n is VL. */
ALWAYS_INLINE vf pool_load(const int step, const float *p, int64_t stride, int64_t n) {
  if (step == 0) return v_load_strided(p, stride);
  const int64_t floats = step * (n - 1) + 1;
  const vf first = floats >= VL ? v_load(p) : v_load_partial(p, floats);
  return step == 1 ? first : v_even(first, floats > VL ? v_load_partial(p + VL, floats - VL) : v_zero());
}

#endif
