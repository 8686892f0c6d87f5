/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d_backward: dx[n][c][ih][iw] = sum of the dy[n][c][oh][ow] whose index is ih*iw_count + iw; index -1: none.
 * Order: additions from +0, (oh, ow) rising. */
#include "ref/ref.h"

void REF(max_pool2d_backward)(const lw_pool2d_desc *d, const int32_t *index, const real *dy, real *dx) {
  int64_t oh_count, ow_count;
  if (lw_pool2d_output(d, &oh_count, &ow_count) != LW_OK) return;
  const int64_t in = d->ih * d->iw, out = oh_count * ow_count;

  for (int64_t plane = 0; plane < d->n * d->c; plane++) {
    for (int64_t i = 0; i < in; i++) dx[plane * in + i] = 0;
    for (int64_t o = 0; o < out; o++)
      if (index[plane * out + o] >= 0) dx[plane * in + index[plane * out + o]] += dy[plane * out + o];
  }
}
