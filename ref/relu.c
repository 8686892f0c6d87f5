/* SPDX-License-Identifier: Apache-2.0
 * relu: y[i] = max(0, x[i]), where max(a, b) is a > b ? a : b. So NaN stays NaN and -0 stays -0. */
#include "ref/ref.h"

void REF(relu)(int64_t count, const real *x, real *y) {
  for (int64_t i = 0; i < count; i++) y[i] = 0 > x[i] ? 0 : x[i];
}
