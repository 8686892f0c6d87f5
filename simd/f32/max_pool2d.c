/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d. blocked: lanes are channels of a block. The window is walked in the order of ref/max_pool2d.c, so ties and NaN agree. */
#include <math.h>
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { PV = LW_BLOCK / VL };

static void blocked_row(const lw_pool2d_args *a, int64_t n, int64_t block, int64_t oh) {
  const lw_pool2d_desc *d = &a->desc;
  for (int64_t ow = 0; ow < a->ow; ow++) {
    vf m[PV];
    V_UNROLL for (int v = 0; v < PV; v++) m[v] = v_set1(-INFINITY);
    for (int64_t kh = 0; kh < d->kh; kh++) {
      const int64_t ih = oh * d->stride_h - d->pad_h + kh * d->dilation_h;
      if (ih < 0 || ih >= d->ih) continue;
      for (int64_t kw = 0; kw < d->kw; kw++) {
        const int64_t iw = ow * d->stride_w - d->pad_w + kw * d->dilation_w;
        if (iw < 0 || iw >= d->iw) continue;
        const float *x = lw_view_at(&a->x, n, block, ih, iw);
        V_UNROLL for (int v = 0; v < PV; v++) {
          const vf value = v_load(x + v * VL);
          m[v] = v_select(vm_taken(m[v], value), value, m[v]);
        }
      }
    }
    float *y = lw_view_at(&a->y, n, block, oh, ow);
    V_UNROLL for (int v = 0; v < PV; v++) v_store(y + v * VL, m[v]);
  }
  lw_view_zero_halo(&a->y, n, block, oh, oh + 1);
}

void VEC_FN(max_pool2d_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  const int64_t blocks = (a->desc.c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->desc.n * blocks * a->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) blocked_row(a, i / a->oh / blocks, i / a->oh % blocks, i % a->oh);
}
