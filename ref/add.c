/* SPDX-License-Identifier: Apache-2.0
 * add: y[i] = a[i] + b[i]. */
#include "ref/ref.h"

void REF(add)(int64_t count, const real *a, const real *b, real *y) {
  for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}
