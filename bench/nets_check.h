/* SPDX-License-Identifier: Apache-2.0
 * No number for a wrong pass: how whole passes are checked before they are timed. */
#ifndef LANEWISE_BENCH_NETS_CHECK_H
#define LANEWISE_BENCH_NETS_CHECK_H

#include "lanewise.h"

enum { NETS_SEED = 1, NETS_INPUT_TENSOR = 1000 };

/* NULL if `plan` (exact, batch 1, seeded weights) gives the sha256 that data/golden/digests.txt holds for the network's output, else why
 * not. */
const char *check_digest(const lw_net *net, const lw_plan *plan, void *workspace);
/* NULL if every layer of `plan` (one step per layer, sums in any order) is within its bound on the input x. conv2d and linear are judged
 * on some seeded outputs, against sums in double: gamma_n * sum |x*w| for n terms (Higham, Accuracy and Stability, 3.1). */
const char *check_any_order(const lw_net *net, const lw_plan *plan, const float *x, float *y, void *workspace);

#endif
