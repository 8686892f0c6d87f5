/* SPDX-License-Identifier: Apache-2.0
 * The error bound of ref/conv2d_winograd.c; docs/winograd.md derives it. Its names: u, eta, gamma_n; EU and EV bound the errors
 * of transformed weights and inputs, R that of a sum of products, EY that of an output before the bias. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
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

kit_winograd kit_winograd_make(int m, int r) {
  static const double points4[] = {0, 1, -1}, points6[] = {0, .625, -.625, 1.5, -1.5};
  kit_winograd k = {.m = m, .r = r, .t = m + r - 1};
  const double *point = k.t == 4 ? points4 : points6;
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
    for (int i = 0; i < r; i++) k.g[p][i] = pow(point[p], i) / n;
    for (int i = 0; i < m; i++) k.at[i][p] = pow(point[p], i);
  }
  k.bt[last][0] = 1;
  degree = 0;
  for (int q = 0; q < last; q++) times(k.bt[last], &degree, point[q]);
  k.g[last][r - 1] = k.at[m - 1][last] = 1;
  return k;
}

int kit_winograd_tile(const char *algorithm) {
  return strcmp(algorithm, "winograd4") == 0 ? 4 : strcmp(algorithm, "winograd2") == 0 ? 2 : 0;
}

/* y[rows][rows] = l x l^T for x[inner][inner], and the same of absolute values. Returns the largest of those after either factor.
 */
static double both_sides(const double *l, int rows, int inner, int l_stride, const double *x, int x_stride, double y[6][6],
                         double absolute[6][6]) {
  double half[6][6], half_absolute[6][6], largest = 0;
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
      largest = fmax(largest, sum_absolute);
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
      largest = fmax(largest, sum_absolute);
    }
  return largest;
}

/* Sequences in ref/ have intermediate results of up to 1.6 times the largest sum of absolute values, |d3| + 2.25 |d1| beside 5/8
 * of it. */
static int may_overflow(double largest) { return !(largest < (double)FLT_MAX / 2); }

kit_winograd_input kit_winograd_transform(const kit_winograd *k, const double *d) {
  kit_winograd_input v;
  double absolute[6][6];
  const double gamma = gamma_of(k->t == 4 ? 2 : 4);
  const int overflows = may_overflow(both_sides(&k->bt[0][0], k->t, k->t, 6, d, k->t, v.v, absolute));
  for (int i = 0; i < k->t; i++)
    for (int j = 0; j < k->t; j++) v.error[i][j] = overflows ? INFINITY : gamma * absolute[i][j] + 32 * ETA;
  return v;
}

void kit_winograd_bound(const kit_winograd *k, int64_t ic, const kit_winograd_input *v, const double *g, double bias,
                        double bound[4][4]) {
  const int t = k->t, m = k->m, r = k->r;
  const double gamma = gamma_of(t == 4 ? 4 : 6);
  double sum[6][6] = {{0}}, running[6][6] = {{0}}, largest = 0;
  for (int64_t c = 0; c < ic; c++) {
    double u[6][6], u_absolute[6][6];
    both_sides(&k->g[0][0], t, r, 5, g + c * r * r, r, u, u_absolute);
    for (int i = 0; i < t; i++)
      for (int j = 0; j < t; j++) {
        const double eu = KIT_U * fabs(u[i][j]) + 32 * 0x1p-53 * u_absolute[i][j] + ETA, ev = v[c].error[i][j];
        sum[i][j] += u[i][j] * v[c].v[i][j];
        running[i][j] += eu * fabs(v[c].v[i][j]) + fabs(u[i][j]) * ev + eu * ev;
        running[i][j] += KIT_U * (fabs(sum[i][j]) + running[i][j]) + ETA;
        largest = fmax(largest, fmax(fabs(u[i][j]), fabs(sum[i][j]) + running[i][j]));
      }
  }
  double y[6][6], y_absolute[6][6], from_products[6][6], unused[6][6];
  largest = fmax(largest, both_sides(&k->at[0][0], m, t, 6, &sum[0][0], 6, y, y_absolute) +
                              both_sides(&k->at[0][0], m, t, 6, &running[0][0], 6, unused, from_products) + fabs(bias));
  for (int i = 0; i < m; i++)
    for (int j = 0; j < m; j++) {
      const double ey = from_products[i][j] + gamma * (y_absolute[i][j] + from_products[i][j]) + 128 * ETA;
      const double of_all = (1 + 1e-6) * (ey + KIT_U * (fabs(y[i][j] + bias) + ey));
      bound[i][j] = may_overflow(largest) || isnan(of_all) ? INFINITY : of_all;
    }
}

/* The transformed inputs of a tile whose outputs start at (h, w): v[ic]. */
static void input_tile(const kit_winograd *k, const lw_conv2d_desc *c, const double *x, int64_t n, int64_t h, int64_t w,
                       kit_winograd_input *v) {
  for (int64_t ic = 0; ic < c->ic; ic++) {
    double d[36];
    for (int i = 0; i < k->t * k->t; i++) {
      const int64_t ih = h + i / k->t - c->pad_top, iw = w + i % k->t - c->pad_left;
      const int inside = ih >= 0 && ih < c->ih && iw >= 0 && iw < c->iw;
      d[i] = inside ? x[((n * c->ic + ic) * c->ih + ih) * c->iw + iw] : 0;
    }
    v[ic] = kit_winograd_transform(k, d);
  }
}

void kit_winograd_bounds(int m, const lw_conv2d_desc *d, int64_t oh, int64_t ow, const double *x, const double *w,
                         const double *bias, double *bounds) {
  const kit_winograd k = kit_winograd_make(m, (int)d->kh);
  kit_winograd_input *tile = malloc((size_t)d->ic * sizeof *tile);
  for (int64_t n = 0; tile && n < d->n; n++)
    for (int64_t h = 0; h < oh; h += m)
      for (int64_t v = 0; v < ow; v += m) {
        input_tile(&k, d, x, n, h, v, tile);
        for (int64_t oc = 0; oc < d->oc; oc++) {
          double of_tile[4][4];
          kit_winograd_bound(&k, d->ic, tile, w + oc * d->ic * k.r * k.r, bias ? bias[oc] : 0, of_tile);
          for (int64_t i = 0; i < m * m; i++)
            if (h + i / m < oh && v + i % m < ow)
              bounds[((n * d->oc + oc) * oh + h + i / m) * ow + v + i % m] = of_tile[i / m][i % m];
        }
      }
  free(tile);
}
