/* SPDX-License-Identifier: Apache-2.0
 * resize_bilinear: every row is resized horizontally, every column of the result vertically; the values in between are rounded to
 * float. Without antialias: fma(t, b - a, a) of the two neighbours. With: one chain from +0 of fma(weight, x, acc), sources
 * rising. Positions and weights: ref/resize_bilinear.h. */
#include "ref/ref.h"
#include "ref/resize_bilinear.h"

/* Value `o` of the resized row x. */
static real along_row(const lw_resize_desc *d, const real *x, int64_t o) {
  const resize_axis axis = {d->iw, d->ow};
  int64_t first, other;
  if (!d->antialias) {
    const real t = (real)resize_between(axis, o, &first, &other);
    return real_fma(t, x[other] - x[first], x[first]);
  }
  const double total = resize_total(axis, o);
  real acc = 0;
  resize_reach(axis, o, &first, &other);
  for (int64_t s = first; s < first + other; s++) acc = real_fma((real)(resize_triangle(axis, o, s) / total), x[s], acc);
  return acc;
}

void REF(resize_bilinear)(const lw_resize_desc *d, const real *x, real *y) {
  const resize_axis axis = {d->ih, d->oh};
  for (int64_t plane = 0; plane < d->n * d->c; plane++, x += d->ih * d->iw)
    for (int64_t oh = 0; oh < d->oh; oh++)
      for (int64_t ow = 0; ow < d->ow; ow++) {
        int64_t first, other;
        if (!d->antialias) {
          const real t = (real)resize_between(axis, oh, &first, &other);
          const real a = along_row(d, x + first * d->iw, ow), b = along_row(d, x + other * d->iw, ow);
          *y++ = real_fma(t, b - a, a);
          continue;
        }
        const double total = resize_total(axis, oh);
        real acc = 0;
        resize_reach(axis, oh, &first, &other);
        for (int64_t s = first; s < first + other; s++)
          acc = real_fma((real)(resize_triangle(axis, oh, s) / total), along_row(d, x + s * d->iw, ow), acc);
        *y++ = acc;
      }
}
