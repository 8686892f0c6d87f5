/* SPDX-License-Identifier: Apache-2.0
 * relu_backward: dx[i] = y[i] <= 0 ? 0 : dy[i]. NaN in y lets dy through. */
#include "ref/ref.h"

void REF(relu_backward)(int64_t count, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < count; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
}
