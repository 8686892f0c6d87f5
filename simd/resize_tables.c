/* SPDX-License-Identifier: Apache-2.0 */
#include "simd/resize_tables.h"

#include "ref/resize_bilinear.h"

static int64_t most_taps(const lw_resize_desc *d) {
  if (!d->antialias) return 2;
  int64_t most = 1;
  for (int64_t o = 0; o < d->ow; o++) {
    int64_t first, count;
    resize_reach((resize_axis){d->iw, d->ow}, o, &first, &count);
    if (count > most) most = count;
  }
  return most;
}

resize_tables lw_resize_tables(const lw_resize_desc *d, char *scratch) {
  resize_tables t = {.columns = (d->ow + LW_BLOCK - 1) / LW_BLOCK * LW_BLOCK, .taps = most_taps(d)};
  if (!scratch) return t; /* sizes only */
  t.index = (int32_t *)(void *)scratch;
  t.weight = (float *)(void *)scratch + t.taps * t.columns;
  t.count = t.weight + t.taps * t.columns;
  t.rows = t.count + t.columns;
  return t;
}

size_t lw_resize_bilinear_scratch(const lw_resize_desc *d) {
  const resize_tables t = lw_resize_tables(d, NULL);
  return (size_t)(2 * t.taps * t.columns + t.columns + d->n * d->c * d->ih * t.columns) * sizeof(float);
}

void lw_resize_tables_fill(const lw_resize_desc *d, char *scratch) {
  const resize_tables t = lw_resize_tables(d, scratch);
  const resize_axis axis = {d->iw, d->ow};
  for (int64_t column = 0; column < t.columns; column++) {
    const int64_t o = column < d->ow ? column : d->ow - 1;
    int64_t first, other;
    if (!d->antialias) {
      t.weight[column] = (float)resize_between(axis, o, &first, &other);
      t.index[column] = (int32_t)first;
      t.index[t.columns + column] = (int32_t)other;
      continue;
    }
    const double total = resize_total(axis, o);
    resize_reach(axis, o, &first, &other);
    t.count[column] = (float)other;
    for (int64_t k = 0; k < t.taps; k++) {
      const int64_t source = k < other ? first + k : first;
      t.index[k * t.columns + column] = (int32_t)source;
      t.weight[k * t.columns + column] = (float)(resize_triangle(axis, o, source) / total);
    }
  }
}
