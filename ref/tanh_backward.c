/* SPDX-License-Identifier: Apache-2.0
 * tanh_backward: dx[i] = dy[i] * fma(-y[i], y[i], 1). */
#include "ref/ref.h"

void REF(tanh_backward)(int64_t count, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * real_fma(-y[i], y[i], 1);
}
