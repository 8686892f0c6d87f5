/* SPDX-License-Identifier: Apache-2.0
 * For tests of networks' parameters in files: one file in a folder of its own, and how its values must be rounded. */
#ifndef LANEWISE_TESTS_WEIGHTS_FILE_H
#define LANEWISE_TESTS_WEIGHTS_FILE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "lanewise_data.h"
#include "tests/folder.h"
#include "tests/safetensors_bytes.h"

static const uint64_t seed = 11;
static char path[64];

/* Setup of a group of tests. */
static int make_weights_folder(void **state) {
  if (make_folder(state) != 0) return -1;
  snprintf(path, sizeof path, "%s", in_folder("weights.safetensors"));
  return 0;
}

static inline lw_safetensors *open_file(void) {
  lw_safetensors *f = NULL;
  must(lw_safetensors_open(path, &f));
  return f;
}

/* Rounds to a format of `mantissa` bits in double: the nearest multiple of the step at v's exponent, the even one of two. */
static inline float rounded(float v, int mantissa, int least, double largest) {
  int exponent;
  (void)frexp((double)v, &exponent);
  exponent = exponent - 1 < least ? least : exponent - 1;
  const double step = ldexp(1, exponent - mantissa), r = nearbyint((double)v / step) * step; /* the default mode: to even */
  return (float)(fabs(r) > largest ? copysign((double)INFINITY, r) : r);
}

static inline float rounded_to(lw_dtype dtype, float v) {
  return dtype == LW_F32 ? v : dtype == LW_F16 ? rounded(v, 10, -14, 65504) : rounded(v, 7, -126, ldexp(255, 120));
}

#endif
