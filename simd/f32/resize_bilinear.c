/* SPDX-License-Identifier: Apache-2.0
 * resize_bilinear in two passes, lanes are output columns: pass 0 resizes every source row into scratch by gathers, pass 1 combines rows. */
#include "ref/resize_bilinear.h"
#include "simd/resize_tables.h"
#include "simd/vec/vec.h"

static void horizontal(const lw_resize_desc *d, const resize_tables *t, const float *x, float *y) {
  for (int64_t o = 0; o < t->columns; o += VL) {
    if (!d->antialias) {
      const vf a = v_gather(x, t->index + o), b = v_gather(x, t->index + t->columns + o);
      v_store(y + o, v_fma(v_load(t->weight + o), v_sub(b, a), a));
      continue;
    }
    const vf count = v_load(t->count + o);
    vf acc = v_zero();
    for (int64_t k = 0; k < t->taps; k++) {
      const vf next = v_fma(v_load(t->weight + k * t->columns + o), v_gather(x, t->index + k * t->columns + o), acc);
      acc = v_select(vm_lt(v_set1((float)k), count), next, acc); /* a tap more is not the identity for -0, Inf and NaN */
    }
    v_store(y + o, acc);
  }
}

static void store(float *y, int64_t left, vf a) {
  if (left >= VL)
    v_store(y, a);
  else
    v_store_partial(y, left, a);
}

/* rows: the plane's rows after the horizontal pass. */
static void vertical(const lw_resize_desc *d, const resize_tables *t, const float *rows, int64_t oh, float *y) {
  const resize_axis axis = {d->ih, d->oh};
  int64_t first, other;
  if (!d->antialias) {
    const vf at = v_set1((float)resize_between(axis, oh, &first, &other));
    for (int64_t o = 0; o < d->ow; o += VL) {
      const vf a = v_load(rows + first * t->columns + o), b = v_load(rows + other * t->columns + o);
      store(y + o, d->ow - o, v_fma(at, v_sub(b, a), a));
    }
    return;
  }
  const double total = resize_total(axis, oh);
  resize_reach(axis, oh, &first, &other);
  for (int64_t o = 0; o < d->ow; o += VL) {
    vf acc = v_zero();
    for (int64_t s = first; s < first + other; s++)
      acc = v_fma(v_set1((float)(resize_triangle(axis, oh, s) / total)), v_load(rows + s * t->columns + o), acc);
    store(y + o, d->ow - o, acc);
  }
}

void VEC_FN(resize_bilinear)(const lw_args *args, lw_part part) {
  const lw_resize_bilinear_args *a = &args->resize_bilinear;
  const lw_resize_desc *d = &a->desc;
  const resize_tables t = lw_resize_tables(d, a->scratch);
  int64_t begin, end;
  lw_share(d->n * d->c * (a->pass == 0 ? d->ih : d->oh), part, &begin, &end);
  for (int64_t i = begin; i < end; i++)
    if (a->pass == 0)
      horizontal(d, &t, a->x + i * d->iw, t.rows + i * t.columns);
    else
      vertical(d, &t, t.rows + i / d->oh * d->ih * t.columns, i % d->oh, a->y + i * d->ow);
}
