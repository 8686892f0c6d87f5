/* SPDX-License-Identifier: Apache-2.0
 * What max_pool2d and avg_pool2d share: which output columns need no border checks. */
#ifndef LANEWISE_SIMD_F32_POOL_H
#define LANEWISE_SIMD_F32_POOL_H

#include "simd/kernels.h"

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

#endif
