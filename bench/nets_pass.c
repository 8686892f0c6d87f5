/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_pass.h"

#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/machine.h"
#include "bench/nets_input.h"
#include "bench/roof.h"
#include "tests/kit/pass.h"

/* -------------------------------------------------------------------------------------------------------------- passes */

void nets_pass_release(nets_pass *m) {
  lw_release(m->context, m->workspace);
  lw_plan_destroy(m->plan);
  lw_context_destroy(m->context);
  free(m->x);
  free(m->y);
}

const char *nets_pass_make(const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads, const lw_weights *weights,
                           nets_pass *m) {
  const uint64_t seed = PASS_SEED;
  const lw_weights seeded = lw_weights_seeded(&seed);
  const int64_t inputs = net->c * net->h * net->w * batch;
  *m = (nets_pass){0};
  double begin = 0;
  if (lw_context_create(&(lw_context_options){.threads = threads, .isa = lw_isa_name(isa), .pin = threads > 1}, &m->context) !=
          LW_OK ||
      (begin = clock_seconds(), lw_plan_create(m->context, net, weights ? weights : &seeded,
                                               &(lw_plan_options){.batch = batch, .mode = mode}, &m->plan)) != LW_OK)
    return lw_error_message();
  m->plan_seconds = clock_seconds() - begin;
  if (lw_allocate(m->context, lw_plan_workspace_bytes(m->plan), &m->workspace) != LW_OK) return lw_error_message();
  m->outputs = lw_plan_outputs(m->plan) * batch;
  m->x = malloc((size_t)inputs * sizeof(float));
  m->y = malloc((size_t)m->outputs * sizeof(float));
  if (!m->x || !m->y) return "no memory";
  return nets_input(net, batch, m->x) == LW_OK ? NULL : lw_error_message();
}

/* ------------------------------------------------------------------------------------------------------------- answers */

static const char *expect(const lw_net *net, lw_mode mode, int64_t batch, float **expected) {
  nets_pass m;
  const int64_t inputs = net->c * net->h * net->w;
  const char *wrong = nets_pass_make(net, mode, lw_isa_best(), 1, machine_cores(), NULL, &m);
  if (!wrong) wrong = pass_check_digest(LANEWISE_SOURCE_DIR "/data/golden/digests.txt", net, mode, m.plan, m.workspace);
  float *x = malloc((size_t)(batch * inputs) * sizeof *x);
  *expected = malloc((size_t)(batch * m.outputs) * sizeof **expected);
  if (!wrong && (!x || !*expected)) wrong = "no memory";
  if (!wrong && nets_input(net, batch, x) != LW_OK) wrong = lw_error_message();
  for (int64_t i = 0; !wrong && i < batch; i++)
    if (lw_plan_run(m.plan, x + i * inputs, *expected + i * m.outputs, m.workspace) != LW_OK) wrong = lw_error_message();
  free(x);
  nets_pass_release(&m);
  return wrong;
}

const char *nets_expected(const lw_net *net, lw_mode mode, int64_t batch, const float **y) {
  static struct {
    const lw_net *net;
    int64_t batch;
    float *y;
    const char *wrong;
  } known[LW_FAST + 1], *k;
  k = &known[mode];
  if (k->net != net || k->batch != batch) {
    free(k->y);
    k->net = net;
    k->batch = batch;
    k->wrong = expect(net, mode, batch, &k->y);
  }
  *y = k->y;
  return k->wrong;
}

const char *nets_compare(const float *y, const float *expected, int64_t outputs) {
  return memcmp(y, expected, (size_t)outputs * sizeof *y) == 0 ? NULL : "bits differ from the reference on the sample image";
}

/* --------------------------------------------------------------------------------------------------------------- roofs */

static double fma_roof(lw_isa isa, int threads) {
  static double known[LW_ISA_COUNT][ROOF_THREADS + 1];
  if (isa != LW_ISA_AVX2 && isa != LW_ISA_AVX512 && isa != LW_ISA_NEON) isa = lw_isa_best(); /* plain loops: of the machine */
  if (!known[isa][threads]) known[isa][threads] = roof_fma_gflops(isa, threads);
  return known[isa][threads];
}

/* Bandwidth of where weights of so many bytes stay between passes. */
static double read_roof(double weight_bytes, int threads) {
  static double known[ROOF_DRAM + 1][ROOF_THREADS + 1];
  const int level = roof_level(weight_bytes, threads);
  if (!known[level][threads]) known[level][threads] = roof_read_gbs(level, threads);
  return known[level][threads];
}

double nets_roof_seconds(const lw_step_info *s, lw_isa isa, int threads, double all_weight_bytes, const char **binds) {
  const double fma = s->algorithm_flops * 1e-9 / fma_roof(isa, threads);
  const double bandwidth = read_roof(all_weight_bytes, threads);
  const double read = bandwidth > 0 ? s->weight_bytes * 1e-9 / bandwidth : 0;
  *binds = fma > read ? "FMA" : roof_level_name(roof_level(all_weight_bytes, threads));
  return fma > read ? fma : read;
}

nets_work nets_work_of(const lw_plan *plan, lw_isa isa, int threads) {
  nets_work w = {.weight_bytes = (double)lw_plan_weight_bytes(plan)};
  const char *binds;
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    lw_step_info s;
    if (lw_plan_step(plan, i, &s) != LW_OK) continue;
    w.flops += s.flops;
    w.bytes += s.bytes;
    w.roof_seconds += nets_roof_seconds(&s, isa, threads, w.weight_bytes, &binds);
  }
  return w;
}

/* ------------------------------------------------------------------------------------------------------------- counters */

static struct {
  const lw_net *net;
  double seconds[NETS_PLAIN_COUNT]; /* 0: not measured */
} plain[16];

static double *plain_of(const lw_net *net) {
  size_t i = 0;
  while (plain[i].net && plain[i].net != net && i + 1 < sizeof plain / sizeof *plain) i++;
  plain[i].net = net;
  return plain[i].seconds;
}

void nets_set_plain(const lw_net *net, nets_plain which, double seconds) { plain_of(net)[which] = seconds; }

void nets_counters(gbench_state *state, const lw_net *net, const nets_work *w, int64_t batch, double seconds) {
  const double per_image = seconds / (double)batch, *plain_seconds = plain_of(net);
  const double naive = plain_seconds[w->is_step ? NETS_NAIVE_STEP : NETS_NAIVE];
  const double autovec = w->is_step ? 0 : plain_seconds[NETS_AUTOVEC];
  gbench_counter(state, "images/s", 1 / per_image);
  gbench_counter(state, "flops", w->flops);
  gbench_counter(state, "bytes", w->bytes);
  gbench_counter(state, "GFLOP/s", w->flops * 1e-9 / seconds);
  gbench_counter(state, "GB/s", w->weight_bytes * 1e-9 / seconds);
  gbench_counter(state, "percent_of_roof", 100 * w->roof_seconds / seconds);
  if (naive > 0) gbench_counter(state, "speedup_over_naive", naive / per_image);
  if (autovec > 0) gbench_counter(state, "speedup_over_autovec", autovec / per_image);
}
