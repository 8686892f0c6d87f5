/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/accuracy.h"

#include <math.h>

void kit_accuracy_add(kit_accuracy *a, double y, double y64, double bound) {
  const double distance = fabs(y - y64), error = isnan(distance) ? INFINITY : distance;
  const double ratio = error == 0 ? 0 : isinf(bound) ? 0 : error / bound;
  a->count++;
  a->squares += y64 * y64;
  a->error_squares += error * error;
  a->largest = fmax(a->largest, error);
  a->worst = fmax(a->worst, ratio);
}

void kit_accuracy_join(kit_accuracy *a, const kit_accuracy *other) {
  a->count += other->count;
  a->squares += other->squares;
  a->error_squares += other->error_squares;
  a->largest = fmax(a->largest, other->largest);
  a->worst = fmax(a->worst, other->worst);
}

static double root_mean(double squares, int64_t count) { return count ? sqrt(squares / (double)count) : 0; }

double kit_accuracy_rms(const kit_accuracy *a) { return root_mean(a->squares, a->count); }
double kit_accuracy_error_rms(const kit_accuracy *a) { return root_mean(a->error_squares, a->count); }

double kit_accuracy_ulp(const kit_accuracy *a) {
  const double rms = kit_accuracy_rms(a);
  return ldexp(1, (rms > 0x1p-126 ? ilogb(rms) : -126) - 23);
}
