/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_NETS_PLAN_H
#define LANEWISE_NETS_PLAN_H

#include "nets/nets.h"

/* Immutable once made. Workspace of a run: the arena of tensors, then scratch per part. */
struct lw_plan {
  lw_context *context;
  lw_net *net; /* a deep copy */
  int64_t batch, inputs, outputs;
  lw_lowered lowered;
  char *weights;
};

/* Reads and packs every weight of the plan, on all threads. */
lw_status lw_plan_load(lw_plan *plan, const lw_weights *weights);

#endif
