/* SPDX-License-Identifier: Apache-2.0
 * tanh: y[i] = tanh(x[i]), by the sequence of operations in ref/math.h. */
#include "ref/ref.h"
#include "ref/math.h"

void REF(tanh)(int64_t count, const real *x, real *y) {
  for (int64_t i = 0; i < count; i++) y[i] = real_tanh(x[i]);
}
