/* SPDX-License-Identifier: Apache-2.0
 * topk: the k largest of each row, falling, and where they stood. NaN counts as largest; among equals the lowest position comes
 * first. */
#include "ref/ref.h"

/* a comes before b, given that a stood first. */
static int before(real a, real b) { return a != a ? 1 : b != b ? 0 : a >= b; }

void REF(topk)(int64_t n, int64_t c, int64_t k, const real *x, real *y, int32_t *index) {
  for (int64_t row = 0; row < n; row++, x += c, y += k, index += k)
    for (int64_t i = 0, kept = 0; i < c; i++) { /* insert x[i] among the best so far */
      if (kept == k && before(y[k - 1], x[i])) continue;
      int64_t at = kept < k ? kept++ : k - 1;
      for (; at > 0 && !before(y[at - 1], x[i]); at--) {
        y[at] = y[at - 1];
        index[at] = index[at - 1];
      }
      y[at] = x[i];
      index[at] = (int32_t)i;
    }
}
