/* SPDX-License-Identifier: Apache-2.0
 * The error of ref/conv2d_winograd.c, derived.
 *
 * Tools (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2.2, 3.1, 3.3): an operation on floats gives
 * z (1 + delta) + eta with |delta| <= u = 2^-24 and |eta| <= 2^-150, where z is the true result; eta is 0 for additions. A
 * product of n factors (1 + delta) is 1 + theta with |theta| <= gamma_n = n u / (1 - n u). |M| is the matrix of absolute values,
 * <= holds element by element, a hat marks what is computed. The scheme (transform errors through |A|, |B|, |G|) is that of
 * Barabasz, Anderson, Soodhalter and Gregg, Error analysis and improving the accuracy of Winograd convolution, ACM TOMS 46(4),
 * 2020; here the middle is followed on the data, which is sharper than their norms.
 *
 * 1. Weights, U = G g G^T: in double, then rounded once, so
 *      |U^ - U| <= EU = u |U| + (1 + u) e |G| |g| |G^T| + eta,  e = 16 * 2^-53,
 *    since an element of U^ before rounding has at most 2 fused operations per dimension, 2 rounded scales, their product and the
 *    product with it: 7 factors per term, and the products in fma of |P| |g| |P^T| are terms of |G| |g| |G^T| up to the scales.
 * 2. Inputs, V = B^T d B: a term of a one-dimensional transform passes at most r operations, r = 1 for m = 2 (one addition) and
 *    r = 2 for m = 4 (a chain of two fma whose coefficients multiply to those of B^T exactly). Both dimensions: 2r factors,
 *      |V^ - V| <= EV = gamma_2r |B^T| |d| |B| + 32 eta,
 *    where 32 eta covers two fma per element of the first dimension, times the row sums of |B^T| (below 6), and two more.
 * 3. Product, M = sum over ic of U .* V, a chain of fma from +0 over U^ V^. Let S_c be its true partial sums after c channels and
 *    R_c a bound of |S^_c - S_c|, R_0 = 0. Channel c changes the exact sum by U^V^ instead of UV and rounds once:
 *      R_c = R + u (|S_c| + R) + eta,  R = R_(c-1) + EU |V| + |U| EV + EU EV.
 * 4. Outputs, Y = A^T M A: a term of a one-dimensional transform passes at most s operations, s = 2 for m = 2 (two additions) and
 *    s = 3 for m = 4 (an addition, then two more, or a product and an fma, or two fma), so with R of the last channel
 *      |Y^ - Y| <= EY = |A^T| R |A| + gamma_2s |A^T| (|M| + R) |A| + 128 eta,
 *    where 128 eta covers two rounded products per element of the first dimension, times the row sums of |A^T| (below 10), and
 *    those of the second.
 * 5. Bias, one addition: |y^ - y| <= EY + u (|Y + bias| + EY).
 *
 * All of it is evaluated in double from the true U, V and S; the factor 1 + 1e-6 in the end covers that. ReLU and max bring no
 * two numbers further apart, so they keep the bound. */
#include <math.h>
#include <string.h>
#include "tests/kit/kit.h"
#include "tests/kit/winograd.h"

static const double ETA = 0x1p-150;

static double gamma_of(int n) { return n * KIT_U / (1 - n * KIT_U); }

/* p *= (x - root), coefficients rising, of degree *degree. */
static void times(double *p, int *degree, double root) {
  p[++*degree] = 0;
  for (int i = *degree; i > 0; i--) p[i] = p[i - 1] - root * p[i];
  p[0] *= -root;
}

kit_winograd kit_winograd_make(int m) {
  static const double points2[] = {0, 1, -1}, points4[] = {0, .625, -.625, 1.5, -1.5};
  const double *point = m == 2 ? points2 : points4;
  kit_winograd k = {.m = m, .t = m + 2};
  const int last = k.t - 1; /* finite points, and the row of the infinite one */
  int degree;
  for (int p = 0; p < last; p++) {
    double n = 1;
    k.bt[p][0] = 1;
    degree = 0;
    for (int q = 0; q < last; q++) {
      if (q == p) continue;
      times(k.bt[p], &degree, point[q]);
      n *= point[p] - point[q];
    }
    for (int i = 0; i < 3; i++) k.g[p][i] = pow(point[p], i) / n;
    for (int i = 0; i < m; i++) k.at[i][p] = pow(point[p], i);
  }
  k.bt[last][0] = 1;
  degree = 0;
  for (int q = 0; q < last; q++) times(k.bt[last], &degree, point[q]);
  k.g[last][2] = k.at[m - 1][last] = 1;
  return k;
}

int kit_winograd_tile(const char *algorithm) {
  return strcmp(algorithm, "winograd4") == 0 ? 4 : strcmp(algorithm, "winograd2") == 0 ? 2 : 0;
}

/* y[rows][rows] = l x l^T for x[inner][inner], and the same of absolute values. */
static void both_sides(const double *l, int rows, int inner, int l_stride, const double *x, int x_stride, double y[6][6],
                       double absolute[6][6]) {
  double half[6][6], half_absolute[6][6];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < inner; j++) {
      double sum = 0, sum_absolute = 0;
      for (int k = 0; k < inner; k++) {
        const double product = l[i * l_stride + k] * x[k * x_stride + j];
        sum += product;
        sum_absolute += fabs(product);
      }
      half[i][j] = sum;
      half_absolute[i][j] = sum_absolute;
    }
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < rows; j++) {
      double sum = 0, sum_absolute = 0;
      for (int k = 0; k < inner; k++) {
        sum += half[i][k] * l[j * l_stride + k];
        sum_absolute += half_absolute[i][k] * fabs(l[j * l_stride + k]);
      }
      y[i][j] = sum;
      absolute[i][j] = sum_absolute;
    }
}

void kit_winograd_bound(const kit_winograd *k, int64_t ic, const double *d, const double *g, double bias, double bound[4][4]) {
  const int t = k->t, m = k->m;
  const double gamma_in = gamma_of(m == 2 ? 2 : 4), gamma_out = gamma_of(m == 2 ? 4 : 6);
  double sum[6][6] = {{0}}, running[6][6] = {{0}};
  for (int64_t c = 0; c < ic; c++) {
    double u[6][6], u_absolute[6][6], v[6][6], v_absolute[6][6];
    both_sides(&k->g[0][0], t, 3, 3, g + c * 9, 3, u, u_absolute);
    both_sides(&k->bt[0][0], t, t, 6, d + c * t * t, t, v, v_absolute);
    for (int i = 0; i < t; i++)
      for (int j = 0; j < t; j++) {
        const double eu = KIT_U * fabs(u[i][j]) + 16.1 * 0x1p-53 * u_absolute[i][j] + ETA;
        const double ev = gamma_in * v_absolute[i][j] + 32 * ETA;
        sum[i][j] += u[i][j] * v[i][j];
        running[i][j] += eu * fabs(v[i][j]) + fabs(u[i][j]) * ev + eu * ev;
        running[i][j] += KIT_U * (fabs(sum[i][j]) + running[i][j]) + ETA;
      }
  }
  double y[6][6], y_absolute[6][6], from_products[6][6], unused[6][6];
  both_sides(&k->at[0][0], m, t, 6, &sum[0][0], 6, y, y_absolute);
  both_sides(&k->at[0][0], m, t, 6, &running[0][0], 6, unused, from_products);
  for (int i = 0; i < m; i++)
    for (int j = 0; j < m; j++) {
      const double ey = from_products[i][j] + gamma_out * (y_absolute[i][j] + from_products[i][j]) + 128 * ETA;
      bound[i][j] = (1 + 1e-6) * (ey + KIT_U * (fabs(y[i][j] + bias) + ey));
    }
}
