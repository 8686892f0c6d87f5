/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_BENCH_NETS_INPUT_H
#define LANEWISE_BENCH_NETS_INPUT_H

#include "lanewise.h"

/* Fills x[batch][c][h][w] from the sample images: digits for networks on 1x28x28, the scene for 3x224x224 and 3x32x32.
 * LW_UNSUPPORTED for other inputs. */
lw_status nets_input(const lw_net *net, int64_t batch, float *x);
/* How many of these images differ: then they repeat. */
int64_t nets_input_distinct(const lw_net *net);

#endif
