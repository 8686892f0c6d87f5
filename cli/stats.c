/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stats.h"

#include <math.h>

/* The regularised incomplete beta function I_x(a, b) by its continued fraction (NIST Digital Library of Mathematical Functions,
 * 8.17.22), which converges fast for x < (a+1)/(a+b+2), evaluated by the modified Lentz method (Thompson, Barnett, Coulomb and
 * Bessel functions of complex arguments and order, J. Comput. Phys. 64 (1986)). */
static double beta_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double value = d;
  for (int m = 1; m < 100000; m++) {
    double step = 0;
    for (int odd = 0; odd < 2; odd++) {
      const double term =
          odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 + term * d;
      d = 1 / (fabs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      c = fabs(c) < tiny ? tiny : c;
      step = c * d;
      value *= step;
    }
    if (fabs(step - 1) < 1e-15) break;
  }
  return value;
}

static double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(T > x), x >= 0: I_{nu/(nu+x^2)}(nu/2, 1/2) / 2 (Abramowitz and Stegun, 26.7.1). */
static double upper_tail(double x, double nu) { return incomplete_beta(nu / 2, 0.5, nu / (nu + x * x)) / 2; }

double stats_t_quantile(double p, double nu) {
  double low = 0, high = 1;
  while (upper_tail(high, nu) > 1 - p && high < 1e300) high *= 2;
  for (int i = 0; i < 200 && low < high; i++) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    if (upper_tail(middle, nu) > 1 - p)
      low = middle;
    else
      high = middle;
  }
  return high;
}

typedef struct moments {
  double mean, variance; /* of logarithms */
} moments;

static moments moments_of(const double *times, size_t count) {
  moments m = {0, 0};
  for (size_t i = 0; i < count; i++) m.mean += log(times[i]) / (double)count;
  for (size_t i = 0; i < count; i++) {
    const double distance = log(times[i]) - m.mean;
    m.variance += distance * distance / (double)(count - 1);
  }
  return m;
}

stats_ratio stats_compare(const double *a, size_t a_count, const double *b, size_t b_count, double confidence) {
  const moments ma = moments_of(a, a_count), mb = moments_of(b, b_count);
  const double va = ma.variance / (double)a_count, vb = mb.variance / (double)b_count, se = sqrt(va + vb);
  const double d = mb.mean - ma.mean;
  stats_ratio r = {.ratio = exp(d)};
  /* Where no time varies, the rounding of the logarithms is no spread either. */
  if (se > 1e-15) {
    r.nu = (va + vb) * (va + vb) / (va * va / (double)(a_count - 1) + vb * vb / (double)(b_count - 1));
    r.t = stats_t_quantile((1 + confidence) / 2, r.nu);
  }
  r.low = exp(d - r.t * se);
  r.high = exp(d + r.t * se);
  return r;
}

double stats_mean_time(const double *times, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += log(times[i]);
  return exp(sum / (double)count);
}
