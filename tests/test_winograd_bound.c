/* SPDX-License-Identifier: Apache-2.0
 * Tries to break the error bound of Winograd's algorithms (docs/winograd.md): hostile values, and a search that changes one value
 * at a time to bring error / bound up. No output of any tile may be further from its true value than its bound says. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/exhaustive.h"
#include "tests/kit/kit.h"
#include "tests/kit/winograd.h"

enum { CHANNELS = 3 };

/* F(m x m, r x r). */
typedef struct size {
  int m, r;
} size;
static const size sizes[] = {{4, 3}, {2, 3}, {2, 5}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* One tile of one output channel. */
typedef struct tile {
  int channels;
  float d[CHANNELS * 36], g[CHANNELS * 25], bias;
} tile;

static void widen(const float *from, int count, double *to) {
  for (int i = 0; i < count; i++) to[i] = from[i];
}

/* Of outputs seen so far. */
typedef struct seen {
  int promised, overflowed; /* with a finite bound; not finite themselves */
} seen;

/* The largest error / bound of the tile's outputs; 0 where nothing is promised. */
static double ratio_of(size s, const tile *x, seen *o) {
  const kit_winograd k = kit_winograd_make(s.m, s.r);
  const lw_conv2d_desc desc = {1, x->channels, k.t, k.t, 1, s.r, s.r, 1, 1, 0, 0, 0, 0, 1, 1, 1};
  const int inputs = k.t * k.t, taps = s.r * s.r;
  float y[16];
  double d[CHANNELS * 36], g[CHANNELS * 25], bias = x->bias, truth[16], bound[4][4];
  kit_winograd_input v[CHANNELS];
  kit_accuracy a = {0};
  widen(x->d, x->channels * inputs, d);
  widen(x->g, x->channels * taps, g);
  ref_conv2d_winograd(s.m, &desc, x->d, x->g, &x->bias, y);
  ref64_conv2d(&desc, d, g, &bias, truth);
  for (int c = 0; c < x->channels; c++) v[c] = kit_winograd_transform(&k, d + c * inputs);
  kit_winograd_bound(&k, x->channels, v, g, bias, bound);
  for (int i = 0; i < s.m * s.m; i++) {
    kit_accuracy_add(&a, y[i], truth[i], bound[i / s.m][i % s.m]);
    o->promised += isfinite(bound[i / s.m][i % s.m]) != 0;
    o->overflowed += !isfinite(y[i]);
  }
  return a.worst;
}

/* ------------------------------------------------------------------------------------------------------- hostile values */

static float sign(kit_random *r) { return kit_between(r, 0, 1) ? 1 : -1; }
static float mantissa(kit_random *r) { return (float)(1 + kit_uniform(r)) * sign(r); }
/* Exponents lo..hi. */
static float wide(kit_random *r, int lo, int hi) { return ldexpf(mantissa(r), (int)kit_between(r, lo, hi)); }

static void every(tile *x, kit_random *r, int d_lo, int d_hi, int g_lo, int g_hi) {
  for (int i = 0; i < CHANNELS * 36; i++) x->d[i] = wide(r, d_lo, d_hi);
  for (int i = 0; i < CHANNELS * 25; i++) x->g[i] = wide(r, g_lo, g_hi);
  x->bias = 0;
}

static void moderate(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -1, 0, -1, 0);
  x->bias = mantissa(r);
}
static void huge_ranges(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -60, 50, -60, 50);
}
static void subnormal_products(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -76, -70, -76, -70);
}
static void subnormal_inputs(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -149, -125, -2, 2);
}
static void subnormal_weights(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -2, 2, -149, -125);
}
static void smallest(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -149, -149, -1, 1);
}
/* Up to where intermediate results are infinite and bounds must be, too. */
static void largest(size s, tile *x, kit_random *r) {
  (void)s;
  const int d = (int)kit_between(r, 115, 127), g = (int)kit_between(r, -4, 12);
  every(x, r, d - 2, d, g - 2, g);
}
static void large_weights(size s, tile *x, kit_random *r) {
  (void)s;
  const int g = (int)kit_between(r, 118, 127);
  every(x, r, -3, 1, g - 1, g);
}
/* Alternating signs along h and w. */
static void alternating(size s, tile *x, kit_random *r) {
  const int t = s.m + s.r - 1;
  every(x, r, -1, 0, -1, 0);
  for (int i = 0; i < CHANNELS * t * t; i++) x->d[i] = fabsf(x->d[i]) * (float)(1 - 2 * ((i / t + i % t) % 2));
  for (int i = 0; i < CHANNELS * s.r * s.r; i++) x->g[i] = fabsf(x->g[i]);
}
/* Kernels whose sum is about 0 on inputs that are about constant. */
static void cancelling(size s, tile *x, kit_random *r) {
  const int taps = s.r * s.r;
  every(x, r, 0, 0, -1, 0);
  for (int i = 0; i < CHANNELS * 36; i++) x->d[i] = 1 + ldexpf(mantissa(r), (int)kit_between(r, -24, -16));
  for (int c = 0; c < CHANNELS; c++) {
    float sum = 0;
    for (int i = 0; i + 1 < taps; i++) sum += x->g[c * taps + i];
    x->g[c * taps + taps - 1] = -sum;
  }
  x->bias = ldexpf(mantissa(r), -20);
}
/* The second channel takes back what the first gives, but for a last bit. */
static void opposed_channels(size s, tile *x, kit_random *r) {
  const int inputs = (s.m + s.r - 1) * (s.m + s.r - 1), taps = s.r * s.r;
  every(x, r, -1, 0, -1, 0);
  for (int i = 0; i < inputs; i++) x->d[inputs + i] = kit_between(r, 0, 3) ? x->d[i] : nextafterf(x->d[i], 2);
  for (int i = 0; i < taps; i++) x->g[taps + i] = -x->g[i];
}
/* Kernels that vanish at a point, on inputs that are seen at that point alone: products of zeros. */
static void at_one_point(size s, tile *x, kit_random *r) {
  const float p = s.m + s.r == 5 ? 1.f : kit_between(r, 0, 1) ? .625f : 1.5f;
  const int t = s.m + s.r - 1;
  every(x, r, -1, 0, -1, 0);
  for (int i = 0; i < CHANNELS * t * t; i++) x->d[i] = powf(p, (float)(i % t)) * powf(p, (float)(i / t % t)) * mantissa(r);
  for (int c = 0; c < CHANNELS; c++)
    for (int i = 0; i < s.r * s.r; i++) {
      const int h = i / s.r, w = i % s.r;
      x->g[c * s.r * s.r + i] = (h == 0 ? -p : h == 1) * (w == 0 ? -p : w == 1) * 1.f;
    }
}
static void large_integers(size s, tile *x, kit_random *r) {
  (void)s;
  for (int i = 0; i < CHANNELS * 36; i++) x->d[i] = (float)kit_between(r, -(1 << 24), 1 << 24);
  for (int i = 0; i < CHANNELS * 25; i++) x->g[i] = (float)kit_between(r, -(1 << 24), 1 << 24);
  x->bias = (float)kit_between(r, -(1 << 24), 1 << 24);
}
static void mostly_zero(size s, tile *x, kit_random *r) {
  (void)s;
  every(x, r, -1, 0, -1, 0);
  for (int i = 0; i < CHANNELS * 36; i++)
    if (kit_between(r, 0, 5)) x->d[i] = 0;
  for (int i = 0; i < CHANNELS * 25; i++)
    if (kit_between(r, 0, 3)) x->g[i] = 0;
}

static const struct {
  const char *name;
  void (*fill)(size s, tile *x, kit_random *r);
} fills[] = {{"moderate", moderate},
             {"huge ranges", huge_ranges},
             {"subnormal products", subnormal_products},
             {"subnormal inputs", subnormal_inputs},
             {"subnormal weights", subnormal_weights},
             {"smallest", smallest},
             {"largest", largest},
             {"large weights", large_weights},
             {"alternating", alternating},
             {"cancelling", cancelling},
             {"opposed channels", opposed_channels},
             {"at one point", at_one_point},
             {"large integers", large_integers},
             {"mostly zero", mostly_zero}};
enum { FILLS = sizeof fills / sizeof *fills };

static void hostile_values(void **state) {
  (void)state;
  for (int i = 0; i < SIZES; i++)
    for (int f = 0; f < FILLS; f++) {
      kit_random r = {17};
      double worst = 0;
      seen o = {0};
      for (int tries = 0; tries < 600; tries++) {
        tile x;
        fills[f].fill(sizes[i], &x, &r);
        x.channels = 1 + tries % CHANNELS;
        worst = fmax(worst, ratio_of(sizes[i], &x, &o));
      }
      print_message("F(%d, %d) %-20s error / bound up to %.3g\n", sizes[i].m, sizes[i].r, fills[f].name, worst);
      if (!(worst <= 1)) fail_msg("F(%d, %d), %s: error / bound %g", sizes[i].m, sizes[i].r, fills[f].name, worst);
      const int overflows = fills[f].fill == largest || fills[f].fill == large_weights;
      assert_true(o.promised > 100 && (o.overflowed > 100) == overflows);
    }
}

/* -------------------------------------------------------------------------------------------------------------- search */

/* Another value for one input, weight or the bias: a neighbour, another sign or exponent, or a new one. */
static void change(size s, tile *x, kit_random *r) {
  const int inputs = x->channels * (s.m + s.r - 1) * (s.m + s.r - 1), taps = x->channels * s.r * s.r;
  const int i = (int)kit_between(r, 0, inputs + taps);
  float *v = i < inputs ? &x->d[i] : i < inputs + taps ? &x->g[i - inputs] : &x->bias;
  switch (kit_between(r, 0, 4)) {
  case 0: *v = nextafterf(*v, sign(r) * INFINITY); break;
  case 1: *v = -*v; break;
  case 2: *v = ldexpf(*v, (int)kit_between(r, -3, 3)); break;
  case 3: *v = 0; break;
  default: *v = mantissa(r); break;
  }
  if (fabsf(*v) > 0x1p40f || fabsf(*v) < 0x1p-40f) *v = 0;
}

/* What the search comes to from a start: half of them with few values, half with products that vanish. */
static double climb(size s, int start, int changes) {
  kit_random r = {(uint64_t)start + 1};
  seen o = {0};
  tile x;
  (start % 2 ? mostly_zero : at_one_point)(s, &x, &r);
  x.channels = 1 + start / 2 % CHANNELS;
  double ratio = ratio_of(s, &x, &o);
  for (int tries = 0; tries < changes; tries++) {
    tile y = x;
    for (int k = tries % 3; k >= 0; k--) change(s, &y, &r);
    const double changed = ratio_of(s, &y, &o);
    if (!(changed <= 1)) fail_msg("F(%d, %d), start %d, change %d: error / bound %g", s.m, s.r, start, tries, changed);
    if (changed >= ratio) x = y, ratio = changed;
  }
  return ratio;
}

/* LANEWISE_EXHAUSTIVE=1: a long one. */
static void search(void **state) {
  (void)state;
  const int exhaustive = is_exhaustive();
  for (int i = 0; i < SIZES; i++) {
    double best = 0;
    for (int start = 0; start < (exhaustive ? 12 : 4); start++)
      best = fmax(best, climb(sizes[i], start, exhaustive ? 100000 : 4000));
    print_message("F(%d, %d): the search comes to error / bound %.3g\n", sizes[i].m, sizes[i].r, best);
    assert_true(best > .2);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_values), cmocka_unit_test(search)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
