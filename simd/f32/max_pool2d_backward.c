/* SPDX-License-Identifier: Apache-2.0
 * max_pool2d_backward. Windows of 2x2 side by side: lanes are windows, whose four positions are written where they lie. Windows
 * that may overlap or end outside: one after the other. blocked: lanes are channels, every position of a window gets its dy or
 * +0. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum { PV = LW_BLOCK / VL };

static int side_by_side(const lw_pool2d_backward_args *a) {
  const lw_pool2d_desc *d = &a->desc;
  return d->kh == 2 && d->kw == 2 && d->stride_h == 2 && d->stride_w == 2 && d->dilation_h == 1 && d->dilation_w == 1 &&
         d->pad_h == 0 && d->pad_w == 0 && 2 * a->oh <= d->ih && 2 * a->ow <= d->iw;
}

static void any_windows(const int32_t *index, const float *dy, int64_t outputs, float *dx) {
  for (int64_t o = 0; o < outputs; o++)
    if (index[o] >= 0) dx[index[o]] += dy[o];
}

/* Row oh of windows. The sum of one term starts at +0 too, which turns -0 into +0. */
static void row_of_2x2(const lw_pool2d_backward_args *a, int64_t oh, const int32_t *index, const float *dy, float *dx) {
  static const int32_t columns[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
  const int64_t iw = a->desc.iw, row = 2 * oh * iw;
  int64_t ow = 0;
  for (; ow + VL <= a->ow; ow += VL) {
    const vi taken = vi_load(index + ow), left = vi_add(vi_load(columns), vi_set1((int32_t)(row + 2 * ow)));
    const vf value = v_add(v_zero(), v_load(dy + ow));
    V_UNROLL for (int kh = 0; kh < 2; kh++) {
      const vi position = vi_add(left, vi_set1((int32_t)(kh * iw)));
      const vf first = v_select(vi_equal(taken, position), value, v_zero());
      const vf second = v_select(vi_equal(taken, vi_add(position, vi_set1(1))), value, v_zero());
      float *to = dx + row + kh * iw + 2 * ow;
      v_store(to, v_zip_low(first, second));
      v_store(to + VL, v_zip_high(first, second));
    }
  }
  for (int64_t kh = 0; kh < 2; kh++) memset(dx + row + kh * iw + 2 * ow, 0, (size_t)(iw - 2 * ow) * sizeof *dx);
  any_windows(index + ow, dy + ow, a->ow - ow, dx);
}

void VEC_FN(max_pool2d_backward)(const lw_args *args, lw_part part) {
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  const lw_pool2d_desc *d = &a->desc;
  const int64_t in = d->ih * d->iw, out = a->oh * a->ow;
  const int is_side_by_side = side_by_side(a);
  int64_t begin, end;
  lw_share(d->n * d->c, part, &begin, &end);
  for (int64_t plane = begin; plane < end; plane++) {
    const int32_t *index = a->index + plane * out;
    const float *dy = a->dy + plane * out;
    float *dx = a->dx + plane * in;
    const int64_t rows = is_side_by_side ? a->oh : 0;
    for (int64_t oh = 0; oh < rows; oh++) row_of_2x2(a, oh, index + oh * a->ow, dy + oh * a->ow, dx);
    memset(dx + 2 * rows * d->iw, 0, (size_t)(in - 2 * rows * d->iw) * sizeof *dx);
    if (!is_side_by_side) any_windows(index, dy, out, dx);
  }
}

/* Row oh of windows side by side. The sum of one term starts at +0 too. */
static void blocked_row_of_2x2(const lw_pool2d_backward_args *a, int64_t oh, const int32_t *index, const float *dy, float *dx) {
  const int64_t row = a->dx_view.row_stride, iw = a->desc.iw;
  int32_t position = (int32_t)(2 * oh * iw);
  for (int64_t ow = a->ow; ow > 0; ow--, index += LW_BLOCK, dy += LW_BLOCK, dx += 2 * LW_BLOCK, position += 2)
    V_UNROLL for (int v = 0; v < PV; v++) {
      const vi taken = vi_load(index + v * VL);
      const vf value = v_add(v_zero(), v_load(dy + v * VL));
      V_UNROLL for (int k = 0; k < 4; k++)
          v_store(dx + k / 2 * row + k % 2 * LW_BLOCK + v * VL,
                  v_select(vi_equal(taken, vi_set1(position + (int32_t)(k / 2 * iw) + k % 2)), value, v_zero()));
    }
  const size_t rest = (size_t)(iw - 2 * a->ow) * LW_BLOCK * sizeof *dx;
  for (int k = 0; rest && k < 2; k++) memset(dx + k * row, 0, rest);
}

static void blocked_window(const lw_pool2d_backward_args *a, int64_t top, int64_t left, const int32_t *index, const float *dy,
                           float *plane) {
  const lw_pool2d_desc *d = &a->desc;
  for (int64_t kh = 0; kh < d->kh; kh++)
    for (int64_t kw = 0; kw < d->kw; kw++) {
      const int64_t h = top + kh * d->dilation_h, w = left + kw * d->dilation_w;
      if (h < 0 || h >= d->ih || w < 0 || w >= d->iw) continue;
      float *dx = plane + h * a->dx_view.row_stride + w * LW_BLOCK;
      V_UNROLL for (int v = 0; v < PV; v++) {
        const vm is_here = vi_equal(vi_load(index + v * VL), vi_set1((int32_t)(h * d->iw + w)));
        v_store(dx + v * VL, v_add(v_load(dx + v * VL), v_select(is_here, v_load(dy + v * VL), v_zero())));
      }
    }
}

static void blocked_plane(const lw_pool2d_backward_args *a, int64_t n, int64_t block, const int32_t *index) {
  const lw_pool2d_desc *d = &a->desc;
  const int is_side_by_side = side_by_side(a);
  float *dx = lw_view_at(&a->dx_view, n, block, 0, 0);
  for (int64_t h = is_side_by_side ? 2 * a->oh : 0; h < d->ih; h++)
    memset(dx + h * a->dx_view.row_stride, 0, (size_t)(d->iw * LW_BLOCK) * sizeof *dx);
  for (int64_t oh = 0; oh < a->oh; oh++, index += a->ow * LW_BLOCK) {
    const float *dy = lw_view_at(&a->dy_view, n, block, oh, 0);
    if (is_side_by_side)
      blocked_row_of_2x2(a, oh, index, dy, dx + 2 * oh * a->dx_view.row_stride);
    else
      for (int64_t ow = 0; ow < a->ow; ow++)
        blocked_window(a, oh * d->stride_h - d->pad_h, ow * d->stride_w - d->pad_w, index + ow * LW_BLOCK, dy + ow * LW_BLOCK,
                       dx);
  }
  lw_view_zero_halo(&a->dx_view, n, block, 0, d->ih);
}

void VEC_FN(max_pool2d_backward_blocked)(const lw_args *args, lw_part part) {
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  const int64_t blocks = (a->desc.c + LW_BLOCK - 1) / LW_BLOCK;
  int64_t begin, end;
  lw_share(a->desc.n * blocks, part, &begin, &end);
  for (int64_t i = begin; i < end; i++) blocked_plane(a, i / blocks, i % blocks, a->index + i * a->oh * a->ow * LW_BLOCK);
}
