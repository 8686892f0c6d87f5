/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_NETS_PLAN_H
#define LANEWISE_NETS_PLAN_H

#include "nets/nets.h"
#include "nets/wisdom.h"

/* Immutable once made. Workspace of a run: the arena of tensors, then scratch per part. */
struct lw_plan {
  lw_context *context;
  lw_net *net; /* a deep copy */
  int64_t batch, inputs, outputs;
  lw_lowered lowered;
  char *weights;
  size_t l2_bytes;        /* of a core; 0: not asked yet */
  char notice[LW_NOTICE]; /* of lw_plan_notice() */
};

/* Seconds of a clock that only counts on. */
double lw_plan_clock(void);

/* Like lw_plan_profile(), for comparisons: a long step counts as long as its busiest part has computed, which other programs on
 * the machine disturb less than the time on the wall. */
lw_status lw_plan_time(const lw_plan *plan, const float *x, float *y, void *workspace, double *seconds);

/* Reads and packs every weight of the plan, on all threads. */
lw_status lw_plan_load(lw_plan *plan, const lw_weights *weights);

#endif
