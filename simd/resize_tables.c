/* SPDX-License-Identifier: Apache-2.0 */
#include "simd/resize_tables.h"

#include "ref/resize_bilinear.h"

static int64_t most_taps(resize_axis axis, int antialias) {
  int64_t most = antialias ? 1 : 2;
  for (int64_t o = 0; antialias && o < axis.out; o++) {
    int64_t first, count;
    resize_reach(axis, o, &first, &count);
    if (count > most) most = count;
  }
  return most;
}

static int64_t blocks_of(const lw_resize_desc *d) { return (d->ow + LW_BLOCK - 1) / LW_BLOCK; }

lw_resize_tables lw_resize_tables_size(const lw_resize_desc *d) {
  lw_resize_tables t = {.columns = blocks_of(d) * LW_BLOCK,
                        .taps = most_taps((resize_axis){d->iw, d->ow}, d->antialias),
                        .row_taps = most_taps((resize_axis){d->ih, d->oh}, d->antialias)};
  t.bytes = (size_t)((2 * t.taps + 1) * t.columns + 2 * blocks_of(d) + (2 + t.row_taps) * d->oh) * sizeof(float);
  return t;
}

static void fill_columns(const lw_resize_desc *d, const lw_resize_tables *t) {
  const resize_axis axis = {d->iw, d->ow};
  for (int64_t column = 0; column < t->columns; column++) {
    const int64_t o = column < d->ow ? column : d->ow - 1, block = column / LW_BLOCK;
    int64_t first, other;
    if (!d->antialias) {
      const float at = (float)resize_between(axis, o, &first, &other);
      for (int64_t k = 0; k < 2; k++) {
        t->weight[k * t->columns + column] = at;
        t->index[k * t->columns + column] = (int32_t)(k ? other : first);
      }
      other = 2;
    } else {
      const double total = resize_total(axis, o);
      resize_reach(axis, o, &first, &other);
      for (int64_t k = 0; k < t->taps; k++) {
        const int64_t source = k < other ? first + k : first;
        t->index[k * t->columns + column] = (int32_t)source;
        t->weight[k * t->columns + column] = (float)(resize_triangle(axis, o, source) / total);
      }
    }
    t->count[column] = (float)other;
    if (column % LW_BLOCK == 0 || other < t->sure[block]) t->sure[block] = (int32_t)other;
    if (column % LW_BLOCK == 0 || other > t->most[block]) t->most[block] = (int32_t)other;
  }
}

static void fill_rows(const lw_resize_desc *d, const lw_resize_tables *t) {
  const resize_axis axis = {d->ih, d->oh};
  for (int64_t o = 0; o < d->oh; o++) {
    float *weight = t->row_weight + o * t->row_taps;
    int64_t first, other;
    if (!d->antialias) {
      weight[0] = weight[1] = (float)resize_between(axis, o, &first, &other);
      t->row_count[o] = other == first ? 1 : 2;
    } else {
      const double total = resize_total(axis, o);
      resize_reach(axis, o, &first, &other);
      t->row_count[o] = (int32_t)other;
      for (int64_t k = 0; k < t->row_taps; k++) weight[k] = k < other ? (float)(resize_triangle(axis, o, first + k) / total) : 0;
    }
    t->row_first[o] = (int32_t)first;
  }
}

void lw_resize_tables_fill(lw_resize_tables *t, const lw_resize_desc *d, char *memory) {
  t->index = (int32_t *)(void *)memory;
  t->sure = t->index + t->taps * t->columns;
  t->most = t->sure + blocks_of(d);
  t->row_first = t->most + blocks_of(d);
  t->row_count = t->row_first + d->oh;
  t->weight = (float *)(void *)(t->row_count + d->oh);
  t->count = t->weight + t->taps * t->columns;
  t->row_weight = t->count + t->columns;
  fill_columns(d, t);
  fill_rows(d, t);
}
