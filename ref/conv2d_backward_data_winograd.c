/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_data in mode `fast`, for stride 1, dilation 1 and one group: the gradient is the convolution of dy with kernels
 * turned by 180 degrees, input and output channels exchanged, and with a padding of r - 1 less that of the forward convolution;
 * this is that convolution by Winograd's F(m x m, r x r), in the transforms and the order of conv2d_winograd.c:
 *
 *   dX = A^T [ sum over oc of (G g G^T) .* (B^T d B) ] A,   g[i][j] = w[oc][ic][r-1-i][r-1-j],
 *
 * for tiles of m x m elements of dx from (0,0) on, d being t x t elements of dy, +0 outside of it. The sum over oc is one chain
 * of fused multiply-adds from +0 per element. Input channels ic0..ic1-1. */
#include "ref/ref.h"

enum { MOST = 6, TAPS = 5 }; /* the largest t and r */

void REF(conv2d_backward_data_winograd)(int m, const lw_conv2d_desc *d, int64_t ic0, int64_t ic1, const real *dy, const real *w,
                                        real *dx) {
  const int r = (int)d->kh, t = m + r - 1;
  const int64_t oh_count = d->ih + d->pad_top + d->pad_bottom - r + 1, ow_count = d->iw + d->pad_left + d->pad_right - r + 1;
  const int64_t pad_top = r - 1 - d->pad_top, pad_left = r - 1 - d->pad_left;

  for (int64_t n = 0; n < d->n; n++)
    for (int64_t ic = ic0; ic < ic1; ic++)
      for (int64_t h = 0; h < d->ih; h += m)
        for (int64_t k = 0; k < d->iw; k += m) {
          real sum[MOST * MOST] = {0};
          for (int64_t oc = 0; oc < d->oc; oc++) {
            real v[MOST * MOST], g[TAPS * TAPS], u[MOST * MOST];
            for (int i = 0; i < t * t; i++) {
              const int64_t oh = h + i / t - pad_top, ow = k + i % t - pad_left;
              const int inside = oh >= 0 && oh < oh_count && ow >= 0 && ow < ow_count;
              v[i] = inside ? dy[((n * d->oc + oc) * oh_count + oh) * ow_count + ow] : 0;
            }
            for (int i = 0; i < r * r; i++) g[i] = w[((oc * d->ic + ic) * r + r - 1 - i / r) * r + r - 1 - i % r];
            REF(winograd_input)(t, v);
            REF(winograd_weights)(m, r, g, u);
            for (int i = 0; i < t * t; i++) sum[i] = real_fma(v[i], u[i], sum[i]);
          }
          REF(winograd_output)(m, t, sum);
          for (int i = 0; i < m && h + i < d->ih; i++)
            for (int j = 0; j < m && k + j < d->iw; j++)
              dx[((n * d->ic + ic) * d->ih + h + i) * d->iw + k + j] = sum[i * t + j] + 0;
        }
}
