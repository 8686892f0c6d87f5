/* SPDX-License-Identifier: Apache-2.0
 * conv2d in mode `fast`: Winograd's minimal filtering F(m x m, 3 x 3), m = 2 or 4, for 3x3 kernels with stride 1, dilation 1 and
 * one group (Winograd, Arithmetic complexity of computations, 1980; Lavin and Gray, Fast algorithms for convolutional neural
 * networks, CVPR 2016). Outputs come in tiles of m x m from (0,0) on; with t = m + 2, a tile reads t x t inputs from
 * (m*i - pad_top, m*j - pad_left) on, +0 outside the image, and
 *
 *   Y = A^T [ sum over ic of (G g G^T) .* (B^T d B) ] A,   y = Y + bias (+0 without one);
 *
 * outputs outside the image are dropped. The points are {0, 1, -1, inf} for m = 2 and {0, 5/8, -5/8, 3/2, -3/2, inf} for m = 4:
 * sums of few bits, so that A and B are exact in f32, and less error than {0, +-1, +-2, inf} (how to choose points: Barabasz,
 * Anderson, Soodhalter and Gregg, Error analysis and improving the accuracy of Winograd convolution, ACM TOMS 46(4), 2020). Row p
 * of B^T holds the coefficients of prod (x - q) over the finite points q != p, row p of G is (1, p, p^2) / prod (p - q), column p
 * of A^T is (1, p, .., p^(m-1)); rows inf are prod (x - q), (0, 0, 1) and (0, .., 0, 1).
 *
 * Order: one-dimensional transforms are the sequences below, along h first, then along w. Weights are transformed in double and
 * rounded once. The sum over ic is one chain of fused multiply-adds from +0 per element of the t x t product. No bare product
 * feeds an addition, so contraction could not change a bit. */
#include "ref/ref.h"

enum { MOST = 6 }; /* the largest t */

/* (1, p, p^2) . g at the points in their order. */
static void evaluate(int m, double g0, double g1, double g2, double *h, int step) {
  h[0] = g0;
  for (int pair = 0; pair < m / 2; pair++) {
    const double p = m == 2 ? 1 : pair == 0 ? 0.625 : 1.5, even = fma(p * p, g2, g0);
    h[(2 * pair + 1) * step] = fma(p, g1, even);
    h[(2 * pair + 2) * step] = fma(-p, g1, even);
  }
  h[(m + 1) * step] = g2;
}

void REF(winograd_weights)(int m, const real *g, real *u) {
  static const double scale2[MOST] = {-1, .5, .5, 1};
  static const double scale4[MOST] = {256. / 225, -2048. / 2975, -2048. / 2975, 128. / 1071, 128. / 1071, 1};
  const double *scale = m == 2 ? scale2 : scale4;
  double columns[MOST][3], h[MOST];
  for (int k = 0; k < 3; k++) evaluate(m, g[k], g[3 + k], g[6 + k], &columns[0][k], 3);
  for (int i = 0; i < m + 2; i++) {
    evaluate(m, columns[i][0], columns[i][1], columns[i][2], h, 1);
    for (int j = 0; j < m + 2; j++) u[i * (m + 2) + j] = (real)(h[j] * (scale[i] * scale[j]));
  }
}

static void input_line(int m, const real *d, real *v, int step) {
  const real d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if (m == 2) {
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

void REF(winograd_input)(int m, real *d) {
  const int t = m + 2;
  for (int j = 0; j < t; j++) input_line(m, d + j, d + j, t);
  for (int i = 0; i < t; i++) input_line(m, d + i * t, d + i * t, 1);
}

static void output_line(int m, const real *v, real *y, int step) {
  const real sum_a = v[step] + v[2 * step], difference_a = v[step] - v[2 * step];
  if (m == 2) {
    y[0] = v[0] + sum_a;
    y[step] = difference_a + v[3 * step];
    return;
  }
  const real sum_b = v[3 * step] + v[4 * step], difference_b = v[3 * step] - v[4 * step], last = v[5 * step];
  y[0] = (v[0] + sum_a) + sum_b;
  y[step] = real_fma(REAL(1.5), difference_b, REAL(0.625) * difference_a);
  y[2 * step] = real_fma(REAL(2.25), sum_b, REAL(0.390625) * sum_a);
  y[3 * step] = real_fma(REAL(3.375), difference_b, real_fma(REAL(0.244140625), difference_a, last));
}

void REF(winograd_output)(int m, real *v) {
  const int t = m + 2;
  for (int j = 0; j < t; j++) output_line(m, v + j, v + j, t);
  for (int i = 0; i < m; i++) output_line(m, v + i * t, v + i * t, 1);
}

void REF(conv2d_winograd)(int m, const lw_conv2d_desc *d, const real *x, const real *w, const real *bias, real *y) {
  const int t = m + 2;
  const int64_t oh = d->ih + d->pad_top + d->pad_bottom - 2, ow = d->iw + d->pad_left + d->pad_right - 2;

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
            REF(winograd_input)(m, v);
            REF(winograd_weights)(m, w + (oc * d->ic + ic) * 9, u);
            for (int i = 0; i < t * t; i++) sum[i] = real_fma(v[i], u[i], sum[i]);
          }
          REF(winograd_output)(m, sum);
          for (int i = 0; i < m && h + i < oh; i++)
            for (int j = 0; j < m && k + j < ow; j++)
              y[((n * d->oc + oc) * oh + h + i) * ow + k + j] = sum[i * t + j] + (bias ? bias[oc] : 0);
        }
}
