/* SPDX-License-Identifier: Apache-2.0
 * A whole pass of a seeded network on the sample images, ready to be timed, and what it has to answer. */
#ifndef LANEWISE_BENCH_NETS_PASS_H
#define LANEWISE_BENCH_NETS_PASS_H

#include "bench/gbench.h"
#include "lanewise.h"
#include "simd/isa.h"

typedef struct nets_pass {
  lw_context *context;
  lw_plan *plan;
  void *workspace;
  float *x, *y;
  int64_t outputs;     /* of the batch */
  double plan_seconds; /* making the plan */
} nets_pass;

/* weights: the seeded ones; NULL: they are made. NULL, or why not. Release it in both cases. */
const char *nets_pass_make(const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads, const lw_weights *weights,
                           nets_pass *m);
void nets_pass_release(nets_pass *m);

/* What the network answers to the sample images: from the strongest ISA, after its digest has been checked; image by image, so
 * that it serves every batch. The latest network and batch are remembered. NULL, or what is wrong. */
const char *nets_expected(const lw_net *net, lw_mode mode, int64_t batch, const float **y);
/* NULL if `y` has these very bits. */
const char *nets_compare(const float *y, const float *expected, int64_t outputs);

/* What a pass, or a step of training, takes and may take at best. */
typedef struct nets_work {
  double flops, bytes, weight_bytes, roof_seconds;
  int is_step;
} nets_work;
nets_work nets_work_of(const lw_plan *plan, lw_isa isa, int threads);
/* The least seconds that a step could take: arithmetic (its algorithm's) or weights. Which of the two binds is "FMA" or where the
 * weights lie. */
double nets_roof_seconds(const lw_step_info *s, lw_isa isa, int threads, double all_weight_bytes, const char **binds);
/* The counters of a whole pass, or of a step of training. */
void nets_counters(gbench_state *state, const lw_net *net, const nets_work *work, int64_t batch, double seconds);
/* Seconds per image of plain loops on one thread, to which speed-ups refer: of passes, of passes vectorised by the compiler, of
 * steps. */
typedef enum nets_plain { NETS_NAIVE, NETS_AUTOVEC, NETS_NAIVE_STEP, NETS_PLAIN_COUNT } nets_plain;
void nets_set_plain(const lw_net *net, nets_plain which, double seconds);

#endif
