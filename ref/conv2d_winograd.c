/* SPDX-License-Identifier: Apache-2.0
 * conv2d in mode `fast`: Winograd's minimal filtering F(m x m, r x r), namely F(4x4, 3x3), F(2x2, 3x3) and F(2x2, 5x5), for
 * kernels of r x r with stride 1, dilation 1 and one group (Winograd, Arithmetic complexity of computations, 1980; Lavin and
 * Gray, Fast algorithms for convolutional neural networks, CVPR 2016). Outputs come in tiles of m x m from (0,0) on; with t = m +
 * r - 1, a tile reads t x t inputs from (m*i - pad_top, m*j - pad_left) on, +0 outside the image, and
 *
 *   Y = A^T [ sum over ic of (G g G^T) .* (B^T d B) ] A,   y = Y + bias (+0 without one);
 *
 * outputs outside the image are dropped. The points are {0, 1, -1, inf} for t = 4 and {0, 5/8, -5/8, 3/2, -3/2, inf} for t = 6:
 * sums of few bits, so that A and B are exact in f32, and less error than {0, +-1, +-2, inf} (how to choose points: Barabasz,
 * Anderson, Soodhalter and Gregg, Error analysis and improving the accuracy of Winograd convolution, ACM TOMS 46(4), 2020). Row p
 * of B^T holds the coefficients of prod (x - q) over the finite points q != p, row p of G is (1, p, .., p^(r-1)) / prod (p - q),
 * column p of A^T is (1, p, .., p^(m-1)); those of inf are prod (x - q), (0, .., 0, 1) and (0, .., 0, 1).
 *
 * Order: one-dimensional transforms are the sequences below, along h first, then along w. Weights are transformed in double and
 * rounded once. The sum over ic is one chain of fused multiply-adds from +0 per element of the t x t product. No bare product
 * feeds an addition, so contraction could not change a bit. */
#include "ref/ref.h"

enum { MOST = 6, TAPS = 5 }; /* the largest t and r */

/* (1, p, .., p^(r-1)) . g at the points in their order. */
static void evaluate(int t, int r, const double *g, double *h, int step) {
  h[0] = g[0];
  for (int pair = 0; pair < t / 2 - 1; pair++) {
    const double p = t == 4 ? 1 : pair == 0 ? 0.625 : 1.5, square = p * p;
    const double even = r == 3 ? fma(square, g[2], g[0]) : fma(square * square, g[4], fma(square, g[2], g[0]));
    const double odd = r == 3 ? g[1] : fma(square, g[3], g[1]);
    h[(2 * pair + 1) * step] = fma(p, odd, even);
    h[(2 * pair + 2) * step] = fma(-p, odd, even);
  }
  h[(t - 1) * step] = g[r - 1];
}

void REF(winograd_weights)(int m, int r, const real *g, real *u) {
  static const double scale4[MOST] = {-1, .5, .5, 1};
  static const double scale6[MOST] = {256. / 225, -2048. / 2975, -2048. / 2975, 128. / 1071, 128. / 1071, 1};
  const int t = m + r - 1;
  const double *scale = t == 4 ? scale4 : scale6;
  double columns[MOST][TAPS], column[TAPS], h[MOST];
  for (int k = 0; k < r; k++) {
    for (int i = 0; i < r; i++) column[i] = g[i * r + k];
    evaluate(t, r, column, &columns[0][k], TAPS);
  }
  for (int i = 0; i < t; i++) {
    evaluate(t, r, columns[i], h, 1);
    for (int j = 0; j < t; j++) u[i * t + j] = (real)(h[j] * (scale[i] * scale[j]));
  }
}

static void input_line(int t, const real *d, real *v, int step) {
  const real d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if (t == 4) {
    v[0] = d2 - d0;
    v[step] = d1 + d2;
    v[2 * step] = d2 - d1;
    v[3 * step] = d3 - d1;
    return;
  }
  const real d4 = d[4 * step], d5 = d[5 * step];
  const real even_a = real_fma(REAL(-2.25), d2, d4), odd_a = real_fma(REAL(-2.25), d1, d3);
  const real even_b = real_fma(REAL(-0.390625), d2, d4), odd_b = real_fma(REAL(-0.390625), d1, d3);
  v[0] = real_fma(REAL(0.87890625), d0, real_fma(REAL(-2.640625), d2, d4));
  v[step] = real_fma(REAL(0.625), odd_a, even_a);
  v[2 * step] = real_fma(REAL(-0.625), odd_a, even_a);
  v[3 * step] = real_fma(REAL(1.5), odd_b, even_b);
  v[4 * step] = real_fma(REAL(-1.5), odd_b, even_b);
  v[5 * step] = real_fma(REAL(0.87890625), d1, real_fma(REAL(-2.640625), d3, d5));
}

void REF(winograd_input)(int t, real *d) {
  for (int j = 0; j < t; j++) input_line(t, d + j, d + j, t);
  for (int i = 0; i < t; i++) input_line(t, d + i * t, d + i * t, 1);
}

static void output_line(int m, int t, const real *v, real *y, int step) {
  const real v0 = v[0], sum_a = v[step] + v[2 * step], difference_a = v[step] - v[2 * step], last = v[(t - 1) * step];
  if (t == 4) {
    y[0] = v0 + sum_a;
    y[step] = difference_a + last;
    return;
  }
  const real sum_b = v[3 * step] + v[4 * step], difference_b = v[3 * step] - v[4 * step];
  y[0] = (v0 + sum_a) + sum_b;
  if (m == 2) {
    y[step] = real_fma(REAL(1.5), difference_b, real_fma(REAL(0.625), difference_a, last));
    return;
  }
  y[step] = real_fma(REAL(1.5), difference_b, REAL(0.625) * difference_a);
  y[2 * step] = real_fma(REAL(2.25), sum_b, REAL(0.390625) * sum_a);
  y[3 * step] = real_fma(REAL(3.375), difference_b, real_fma(REAL(0.244140625), difference_a, last));
}

void REF(winograd_output)(int m, int t, real *v) {
  for (int j = 0; j < t; j++) output_line(m, t, v + j, v + j, t);
  for (int i = 0; i < m; i++) output_line(m, t, v + i * t, v + i * t, 1);
}

void REF(conv2d_winograd)(int m, const lw_conv2d_desc *d, const real *x, const real *w, const real *bias, real *y) {
  const int r = (int)d->kh, t = m + r - 1;
  const int64_t oh = d->ih + d->pad_top + d->pad_bottom - r + 1, ow = d->iw + d->pad_left + d->pad_right - r + 1;

  for (int64_t n = 0; n < d->n; n++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t h = 0; h < oh; h += m)
        for (int64_t k = 0; k < ow; k += m) {
          real sum[MOST * MOST] = {0};
          for (int64_t ic = 0; ic < d->ic; ic++) {
            real v[MOST * MOST], u[MOST * MOST];
            for (int i = 0; i < t * t; i++) {
              const int64_t ih = h + i / t - d->pad_top, iw = k + i % t - d->pad_left;
              const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
              v[i] = inside ? x[((n * d->ic + ic) * d->ih + ih) * d->iw + iw] : 0;
            }
            REF(winograd_input)(t, v);
            REF(winograd_weights)(m, r, w + (oc * d->ic + ic) * r * r, u);
            for (int i = 0; i < t * t; i++) sum[i] = real_fma(v[i], u[i], sum[i]);
          }
          REF(winograd_output)(m, t, sum);
          for (int i = 0; i < m && h + i < oh; i++)
            for (int j = 0; j < m && k + j < ow; j++)
              y[((n * d->oc + oc) * oh + h + i) * ow + k + j] = sum[i * t + j] + (bias ? bias[oc] : 0);
        }
}
