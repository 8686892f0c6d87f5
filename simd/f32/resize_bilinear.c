/* SPDX-License-Identifier: Apache-2.0
 * resize_bilinear: lanes are output columns. Each part walks down its output rows and keeps the last resized source rows in
 * scratch, as many as one output row reads: horizontal resizes a source row by gathers, vertical combines rows. Source rows that
 * no output reads are never touched. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { COLUMNS = 4 };

/* VL columns from o on, with a chain over the taps. A tap more is not the identity for -0, Inf and NaN: where lanes differ in
 * their number of taps, those that are through keep their sum. */
ALWAYS_INLINE vf chain(const lw_resize_tables *t, const float *x, int64_t o) {
  const int64_t sure = t->sure[o / LW_BLOCK], most = t->most[o / LW_BLOCK];
  vf acc = v_zero();
  int64_t k = 0, at = o;
  for (; k < sure; k++, at += t->columns) acc = v_fma(v_load(t->weight + at), v_gather(x, t->index + at), acc);
  const vf count = v_load(t->count + o);
  for (; k < most; k++, at += t->columns) {
    const vf next = v_fma(v_load(t->weight + at), v_gather(x, t->index + at), acc);
    acc = v_select(vm_lt(v_set1((float)k), count), next, acc);
  }
  return acc;
}

static void horizontal(int antialias, const lw_resize_tables *t, const float *x, float *y) {
  for (int64_t o = 0; o < t->columns; o += VL) {
    if (antialias) {
      v_store(y + o, chain(t, x, o));
      continue;
    }
    const vf a = v_gather(x, t->index + o), b = v_gather(x, t->index + t->columns + o);
    v_store(y + o, v_fma(v_load(t->weight + o), v_sub(b, a), a));
  }
}

static void store(float *y, int64_t left, vf a) {
  if (left >= VL)
    v_store(y, a);
  else if (left > 0)
    v_store_partial(y, left, a);
}

/* The resized source rows that are at hand: row s at slot s % row_taps. */
typedef struct window {
  const lw_resize_tables *t;
  float *rows;
  int64_t next; /* the first source row of this plane that was not resized yet */
} window;

static float *row_at(const window *w, int64_t s) { return w->rows + s % w->t->row_taps * w->t->columns; }

static void between(const window *w, int64_t oh, int64_t ow, float *y) {
  const int64_t first = w->t->row_first[oh];
  const float *above = row_at(w, first), *below = row_at(w, first + w->t->row_count[oh] - 1);
  const vf at = v_set1(w->t->row_weight[oh * w->t->row_taps]);
  for (int64_t o = 0; o < ow; o += VL) {
    const vf a = v_load(above + o), b = v_load(below + o);
    store(y + o, ow - o, v_fma(at, v_sub(b, a), a));
  }
}

ALWAYS_INLINE void weighted(const int vectors, const window *w, int64_t oh, int64_t o, int64_t ow, float *y) {
  const float *weight = w->t->row_weight + oh * w->t->row_taps, *end = w->rows + w->t->row_taps * w->t->columns;
  const float *row = row_at(w, w->t->row_first[oh]);
  vf acc[COLUMNS];
  V_UNROLL for (int v = 0; v < vectors; v++) acc[v] = v_zero();
  for (int64_t k = 0; k < w->t->row_count[oh]; k++) {
    const vf a = v_broadcast(weight + k);
    V_UNROLL for (int v = 0; v < vectors; v++) acc[v] = v_fma(a, v_load(row + o + v * VL), acc[v]);
    row += w->t->columns;
    if (row == end) row = w->rows;
  }
  V_UNROLL for (int v = 0; v < vectors; v++) store(y + o + v * VL, ow - o - v * VL, acc[v]);
}

void VEC_FN(resize_bilinear)(const lw_args *args, lw_part part) {
  const lw_resize_bilinear_args *a = &args->resize_bilinear;
  const lw_resize_desc *d = &a->desc;
  const lw_resize_tables *t = &a->tables;
  window w = {.t = t, .rows = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride)};
  int64_t begin, end;
  lw_share(d->n * d->c * d->oh, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t oh = i % d->oh, first = t->row_first[oh];
    const float *x = a->x + i / d->oh * d->ih * d->iw;
    float *y = a->y + i * d->ow;
    if (i == begin || oh == 0) w.next = 0;
    if (w.next < first) w.next = first;
    for (; w.next < first + t->row_count[oh]; w.next++) horizontal(d->antialias, t, x + w.next * d->iw, row_at(&w, w.next));
    if (!d->antialias) {
      between(&w, oh, d->ow, y);
      continue;
    }
    int64_t o = 0;
    for (; o + COLUMNS * VL <= t->columns; o += COLUMNS * VL) weighted(COLUMNS, &w, oh, o, d->ow, y);
    for (; o < d->ow; o += VL) weighted(1, &w, oh, o, d->ow, y);
  }
}
