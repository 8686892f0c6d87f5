/* SPDX-License-Identifier: Apache-2.0
 * Along one axis, where output o of a bilinear resize comes from: half-pixel centres, PyTorch's align_corners=False. All in
 * double; whoever uses a weight rounds it once. The reference and the kernels share this file. */
#ifndef LANEWISE_REF_RESIZE_BILINEAR_H
#define LANEWISE_REF_RESIZE_BILINEAR_H

#include <math.h>
#include <stdint.h>

typedef struct resize_axis {
  int64_t in, out;
} resize_axis;

/* Without antialias: between source a = *first and b = *second at t, so the output is a + t (b - a). */
static inline double resize_between(resize_axis axis, int64_t o, int64_t *first, int64_t *second) {
  double source = (double)axis.in / (double)axis.out * ((double)o + 0.5) - 0.5;
  if (source < 0) source = 0;
  *first = (int64_t)source < axis.in - 1 ? (int64_t)source : axis.in - 1;
  *second = *first + 1 < axis.in ? *first + 1 : *first;
  return source - (double)*first;
}

/* With antialias: the triangle filter, as wide as the scale when shrinking, reaches sources *first .. *first + *count - 1. */
static inline void resize_reach(resize_axis axis, int64_t o, int64_t *first, int64_t *count) {
  const double scale = (double)axis.in / (double)axis.out, support = scale > 1 ? scale : 1, centre = scale * ((double)o + 0.5);
  const double low = centre - support + 0.5, high = centre + support + 0.5;
  *first = low > 0 ? (int64_t)low : 0;
  *count = ((int64_t)high < axis.in ? (int64_t)high : axis.in) - *first;
}

static inline double resize_triangle(resize_axis axis, int64_t o, int64_t source) {
  const double scale = (double)axis.in / (double)axis.out, centre = scale * ((double)o + 0.5);
  const double x = fabs(((double)source - centre + 0.5) / (scale > 1 ? scale : 1));
  return x < 1 ? 1 - x : 0;
}

/* Sum of the triangle over its reach; the weight of a source is its resize_triangle over this. */
static inline double resize_total(resize_axis axis, int64_t o) {
  int64_t first, count;
  double total = 0;
  resize_reach(axis, o, &first, &count);
  for (int64_t s = first; s < first + count; s++) total += resize_triangle(axis, o, s);
  return total;
}

#endif
