/* SPDX-License-Identifier: Apache-2.0
 * Comparing outputs: bit for bit, or against a bound around the double result. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "tests/kit/kit.h"

static uint32_t bits_of(float a) {
  uint32_t bits;
  memcpy(&bits, &a, sizeof bits);
  return bits;
}

/* Floats in rising order as integers; both zeros are 0. */
static int64_t rank_of(float a) {
  const int64_t magnitude = bits_of(a) & INT32_MAX;
  return signbit(a) ? -magnitude : magnitude;
}

uint64_t kit_ulp(float a, float b) {
  if (isnan(a) || isnan(b)) return 0;
  const int64_t distance = rank_of(a) - rank_of(b);
  return (uint64_t)(distance < 0 ? -distance : distance);
}

static void note(kit_difference *d, const kit_tensor *info, int64_t index, double expected, double got, uint32_t expected_bits,
                 uint32_t got_bits, double bound) {
  if (d->count++ > 0) return;
  d->tensor = info->name;
  d->index = index;
  d->dims = info->dims;
  for (int k = info->dims - 1; k >= 0; k--) {
    d->at[k] = index % info->shape[k];
    index /= info->shape[k];
  }
  d->expected = expected;
  d->got = got;
  d->expected_bits = expected_bits;
  d->got_bits = got_bits;
  d->bound = bound;
  d->ulp = info->type == KIT_F32 ? kit_ulp((float)expected, (float)got) : 0;
}

static void compare_bits(const kit_tensor *info, const void *expected, const void *got, kit_difference *d) {
  for (int64_t i = 0; i < info->count; i++) {
    uint32_t want, have;
    memcpy(&want, (const char *)expected + 4 * i, 4);
    memcpy(&have, (const char *)got + 4 * i, 4);
    if (want == have && have != KIT_POISON) continue;
    if (info->type == KIT_I32) {
      note(d, info, i, (int32_t)want, (int32_t)have, want, have, 0);
      continue;
    }
    float a, b;
    memcpy(&a, &want, 4);
    memcpy(&b, &have, 4);
    if (!isnan(a) || !isnan(b) || have == KIT_POISON) note(d, info, i, a, b, want, have, 0);
  }
}

int64_t kit_compare(const kit_set *expected, const kit_set *got, kit_difference *d) {
  *d = (kit_difference){0};
  for (int k = 0; k < got->count; k++)
    if (got->info[k].name && got->info[k].role == KIT_OUT) compare_bits(&got->info[k], expected->t[k], got->t[k], d);
  return d->count;
}

int64_t kit_unwritten(const kit_set *got, kit_difference *d) {
  *d = (kit_difference){0};
  for (int k = 0; k < got->count; k++) {
    const kit_tensor *info = &got->info[k];
    for (int64_t i = 0; info->name && info->role == KIT_OUT && i < info->count; i++) {
      uint32_t have;
      memcpy(&have, (const char *)got->t[k] + 4 * i, 4);
      if (have == KIT_POISON) note(d, info, i, 0, NAN, 0, have, INFINITY);
    }
  }
  return d->count;
}

int64_t kit_compare_bound(const kit_set *wide, const double *bound, const kit_set *got, kit_difference *d,
                          kit_accuracy *accuracy) {
  kit_accuracy all = {0};
  *d = (kit_difference){0};
  for (int k = 0; k < got->count; k++) {
    const kit_tensor *info = &got->info[k];
    if (!info->name || info->role != KIT_OUT) continue;
    if (info->type == KIT_I32) {
      compare_bits(info, wide->t[k], got->t[k], d);
      continue;
    }
    const double *y64 = wide->t[k];
    const float *y = got->t[k];
    for (int64_t i = 0; i < info->count; i++) {
      const double limit = bound ? bound[i] : 0, expected = bound ? y64[i] : (double)(float)y64[i];
      const double error = fabs((double)y[i] - expected);
      kit_accuracy_add(&all, y[i], expected, limit);
      if (bits_of(y[i]) == KIT_POISON || !(error <= limit || isinf(limit)))
        note(d, info, i, y64[i], y[i], bits_of((float)y64[i]), bits_of(y[i]), limit);
    }
  }
  if (accuracy) *accuracy = all;
  return d->count;
}

void kit_difference_text(const kit_difference *d, char *text, size_t capacity) {
  char at[4 * 22 + 1] = "", ratio[40] = "";
  for (int k = 0, length = 0; k < d->dims; k++)
    length += snprintf(at + length, sizeof at - (size_t)length, "[%" PRId64 "]", d->at[k]);
  if (d->bound > 0 && isfinite(d->bound))
    snprintf(ratio, sizeof ratio, ", error / bound %.3g", fabs(d->got - d->expected) / d->bound);
  snprintf(text, capacity,
           "%" PRId64 " differ, first %s%s: expected %.9g (0x%08" PRIx32 "), got %.9g (0x%08" PRIx32 ")%s, %" PRIu64
           " ulp, bound %.3g%s",
           d->count, d->tensor, at, d->expected, d->expected_bits, d->got, d->got_bits,
           d->got_bits == KIT_POISON ? " = not written" : "", d->ulp, d->bound, ratio);
}
