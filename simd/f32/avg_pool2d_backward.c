/* SPDX-License-Identifier: Apache-2.0
 * avg_pool2d_backward: lanes are windows of a row. Each is divided once; then the terms go to the positions kw = last, ..., 0 of
 * all windows in turn, so that every position adds its windows in rising order. blocked: lanes are channels, windows follow one
 * another. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { WINDOWS = 64 }; /* of a row at a time */

static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

/* Positions of a window along one axis: inside the padded image, and inside the image from `begin` to `end`. */
typedef struct extent {
  int64_t padded, begin, end;
} extent;
static extent extent_at(int64_t out, int64_t stride, int64_t pad, int64_t kernel, int64_t in) {
  const int64_t first = out * stride - pad, last = at_most(first + kernel, in + pad);
  return (extent){last - first, at_least(first, 0), at_most(last, in)};
}

/* dy / count of `count` windows of row oh from ow on. */
static void terms_of(const lw_pool2d_backward_args *a, const extent *rows, int64_t ow, int64_t count, const float *dy,
                     float *terms) {
  const lw_pool2d_desc *d = &a->desc;
  for (int64_t i = 0; i < count; i++) {
    const extent columns = extent_at(ow + i, d->stride_w, d->pad_w, d->kw, d->iw);
    terms[i] =
        (float)(d->count_include_pad ? rows->padded * columns.padded : (rows->end - rows->begin) * (columns.end - columns.begin));
  }
  int64_t i = 0;
  for (; i + VL <= count; i += VL) v_store(terms + i, v_div(v_load(dy + i), v_load(terms + i)));
  for (; i < count; i++) terms[i] = dy[i] / terms[i];
}

/* dx[i*stride] += terms[i] */
static void add(int64_t count, const float *terms, int64_t stride, float *dx) {
  int64_t i = 0;
  for (; stride == 1 && i + VL <= count; i += VL) v_store(dx + i, v_add(v_load(dx + i), v_load(terms + i)));
  for (; i < count; i++) dx[i * stride] += terms[i];
}

/* Windows of 2x2 side by side: every position gets one term. */
static void spread_2x2(int64_t count, const float *terms, int64_t iw, float *dx) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) {
    const vf term = v_add(v_zero(), v_load(terms + i)), low = v_zip_low(term, term), high = v_zip_high(term, term);
    V_UNROLL for (int kh = 0; kh < 2; kh++) {
      v_store(dx + kh * iw + 2 * i, low);
      v_store(dx + kh * iw + 2 * i + VL, high);
    }
  }
  for (; i < count; i++) dx[2 * i] = dx[2 * i + 1] = dx[iw + 2 * i] = dx[iw + 2 * i + 1] = 0 + terms[i];
}

/* `count` windows of row oh from ow on, of which position kw lies inside the image for some: those are added. */
static void add_windows(const lw_pool2d_backward_args *a, const extent *rows, int64_t ow, int64_t count, const float *terms,
                        float *dx) {
  const lw_pool2d_desc *d = &a->desc;
  const int64_t first = ow * d->stride_w - d->pad_w;
  for (int64_t ih = rows->begin; ih < rows->end; ih++)
    for (int64_t kw = d->kw - 1; kw >= 0; kw--) {
      const int64_t iw = first + kw; /* of window 0; windows begin..end-1 are inside */
      const int64_t begin = iw < 0 ? (-iw + d->stride_w - 1) / d->stride_w : 0;
      const int64_t end = iw < d->iw ? at_most(count, (d->iw - 1 - iw) / d->stride_w + 1) : 0;
      if (begin < end) add(end - begin, terms + begin, d->stride_w, dx + ih * d->iw + iw + begin * d->stride_w);
    }
}

void VEC_FN(avg_pool2d_backward)(const lw_args *args, lw_part part) {
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  const lw_pool2d_desc *d = &a->desc;
  const int64_t in = d->ih * d->iw;
  const int side_by_side = d->kh == 2 && d->kw == 2 && d->stride_h == 2 && d->stride_w == 2 && d->pad_h == 0 && d->pad_w == 0 &&
                           2 * a->oh <= d->ih && 2 * a->ow <= d->iw;
  float terms[WINDOWS];
  int64_t begin, end;
  lw_share(d->n * d->c, part, &begin, &end);
  for (int64_t plane = begin; plane < end; plane++) {
    const float *dy = a->dy + plane * a->oh * a->ow;
    float *dx = a->dx + plane * in;
    memset(dx, 0, (size_t)in * sizeof *dx);
    for (int64_t oh = 0; oh < a->oh; oh++) {
      const extent rows = extent_at(oh, d->stride_h, d->pad_h, d->kh, d->ih);
      for (int64_t ow = 0; ow < a->ow; ow += WINDOWS) {
        const int64_t count = at_most(a->ow - ow, WINDOWS);
        terms_of(a, &rows, ow, count, dy + oh * a->ow + ow, terms);
        if (side_by_side)
          spread_2x2(count, terms, d->iw, dx + 2 * oh * d->iw + 2 * ow);
        else
          add_windows(a, &rows, ow, count, terms, dx);
      }
    }
  }
}

void VEC_FN(avg_pool2d_backward_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  const lw_pool2d_desc *d = &a->desc;
  const int64_t blocks = (d->c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(d->n * blocks, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t n = i / blocks, block = i % blocks;
    for (int64_t h = 0; h < d->ih; h++)
      memset(lw_view_at(&a->dx_view, n, block, h, 0), 0, (size_t)(d->iw * LW_BLOCK) * sizeof(float));
    for (int64_t oh = 0; oh < a->oh; oh++) {
      const extent rows = extent_at(oh, d->stride_h, d->pad_h, d->kh, d->ih);
      const float *dy = lw_view_at(&a->dy_view, n, block, oh, 0);
      for (int64_t ow = 0; ow < a->ow; ow++, dy += LW_BLOCK) {
        const extent columns = extent_at(ow, d->stride_w, d->pad_w, d->kw, d->iw);
        const float count = (float)(d->count_include_pad ? rows.padded * columns.padded
                                                         : (rows.end - rows.begin) * (columns.end - columns.begin));
        V_UNROLL for (int v = 0; v < LW_BLOCK / VL; v++) {
          const vf term = v_div(v_load(dy + v * VL), v_set1(count));
          for (int64_t h = rows.begin; h < rows.end; h++)
            for (int64_t w = columns.begin; w < columns.end; w++) {
              float *dx = lw_view_at(&a->dx_view, n, block, h, w) + v * VL;
              v_store(dx, v_add(v_load(dx), term));
            }
        }
      }
    }
    lw_view_zero_halo(&a->dx_view, n, block, 0, d->ih);
  }
}
