/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/nets_pass.h"
#include "nets/nets.h"
#include "tests/kit/learn.h"

typedef struct step_line {
  const lw_net *net;
  lw_isa isa;
  int64_t batch;
  int threads;
} step_line;

/* A trainer and what it learns from. */
typedef struct step {
  lw_context *context;
  lw_trainer *trainer;
  float *x, *gradients; /* gradients: those of the checked step */
  int32_t *labels;
} step;

const int *nets_step_batches(const lw_net *net) {
  static const int small[] = {16, 0}, digits[] = {64, 0}, big[] = {4, 0};
  return strcmp(net->name, "vgg16") == 0 ? big : net->c == 1 ? digits : small;
}

static int is_slow(const lw_net *net) { return strcmp(net->name, "vgg16") == 0; }

/* ---------------------------------------------------------------------------------------------------------------- work */

static double macs_of(const lw_layer *row, lw_shape in, lw_shape out) {
  if (row->kind == LW_LAYER_LINEAR) return (double)lw_shape_size(in) * (double)row->out;
  if (row->kind != LW_LAYER_CONV2D) return 0;
  const lw_conv2d_desc d = lw_layer_conv2d(row, 1, in);
  return (double)lw_shape_size(out) * (double)(d.ic / d.groups * d.kh * d.kw);
}

static int works_in_place(lw_layer_kind kind) {
  return kind == LW_LAYER_RELU || kind == LW_LAYER_TANH || kind == LW_LAYER_DROPOUT;
}

static double parameter_bytes(const lw_net *net) {
  int64_t parameters = 0;
  (void)lw_net_parameters(net, &parameters);
  return 4 * (double)parameters;
}

/* Flops of forward, of the gradients with respect to weights, and of those with respect to data behind the first layer with
 * weights; bytes: what each operator reads and writes, once; the roof: arithmetic or weights, whichever takes longer, operator by
 * operator, and the update, which reads weights, gradients and momentum. */
static nets_work work_of(const lw_net *net, lw_isa isa, int64_t batch, int threads) {
  const double n = (double)batch, all = 3 * parameter_bytes(net);
  lw_shape in = {net->c, net->h, net->w}, out = in;
  nets_work w = {.is_step = 1};
  const char *binds;
  int is_first = 1;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) break;
    const double macs = macs_of(&net->layers[i], in, out), x = 4 * n * (double)lw_shape_size(in),
                 y = 4 * n * (double)lw_shape_size(out);
    const double weights = macs > 0 ? 4 * macs / (double)(out.h * out.w) : 0;
    const lw_step_info product = {.flops = 2 * n * macs, .algorithm_flops = 2 * n * macs, .weight_bytes = weights};
    const lw_step_info of_weights = {.algorithm_flops = 2 * n * macs};
    w.bytes += x + weights + y;                                                  /* forward */
    if (macs == 0) w.bytes += is_first ? 0 : x + 2 * y;                          /* y and dy to dx */
    if (macs > 0) w.bytes += x + weights + y + (is_first ? 0 : x + weights + y); /* x and dy to dw, dy and w to dx */
    if (macs == 0) continue;
    const int products = is_first ? 1 : 2;
    w.flops += (1 + products) * product.flops;
    w.weight_bytes += products * weights;
    w.roof_seconds += products * nets_roof_seconds(&product, isa, threads, all, &binds) +
                      nets_roof_seconds(&of_weights, isa, threads, all, &binds);
    is_first = 0;
  }
  const lw_step_info update = {.weight_bytes = all};
  w.bytes += all / 3 * 5;
  w.weight_bytes += all / 3 * 5;
  w.roof_seconds += nets_roof_seconds(&update, isa, threads, all, &binds);
  return w;
}

/* What a trainer that goes through its layers once must hold: weights, gradients, momentum, and what the way back reads of the
 * way forward: the outputs of all layers but those that can work in place. */
static double least_bytes(const lw_net *net, int64_t batch) {
  lw_shape in = {net->c, net->h, net->w}, out = in;
  double bytes = 3 * parameter_bytes(net);
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) break;
    if (!works_in_place(net->layers[i].kind)) bytes += 4 * (double)batch * (double)lw_shape_size(out);
  }
  return bytes;
}

/* -------------------------------------------------------------------------------------------------------------- making */

static void release(step *s) {
  lw_trainer_destroy(s->trainer);
  lw_context_destroy(s->context);
  free(s->x);
  free(s->gradients);
  free(s->labels);
}

/* NULL, or why not. Release it in both cases. */
static const char *make(const lw_net *net, const char *isa, int64_t batch, int threads, step *s) {
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_trainer_options options = learn_noise_options(batch);
  *s = (step){.x = malloc((size_t)(batch * net->c * net->h * net->w) * sizeof *s->x),
              .labels = malloc((size_t)batch * sizeof *s->labels)};
  if (!s->x || !s->labels) return "no memory";
  learn_noise(net, batch, s->x, s->labels);
  if (lw_context_create(&(lw_context_options){.threads = threads, .isa = isa, .pin = threads > 1}, &s->context) != LW_OK ||
      lw_trainer_create(s->context, net, &weights, &options, &s->trainer) != LW_OK)
    return lw_error_message();
  return NULL;
}

static const char *take_checked_steps(const lw_net *net, step *s, int64_t batch, learn_state *state) {
  return learn_noise_steps(net, s->trainer, batch, s->x, s->labels, state) == LW_OK ? NULL : lw_error_message();
}

static int find_stored(const lw_net *net, int64_t batch, learn_state *state) {
  char name[LEARN_NAME];
  learn_name(net, "noise", batch, LEARN_NOISE_STEPS, name);
  return learn_known(LEARN_GOLDEN, name, state);
}

/* Seconds that the plain loops would take for the answer, at 1 GFLOP/s and core. */
static double plain_seconds(const lw_net *net, int64_t batch) {
  lw_shape in = {net->c, net->h, net->w}, out = in;
  double macs = 0;
  for (size_t i = 0; i < net->layer_count && lw_net_layer_output(net, i, in, &out) == LW_OK; i++, in = out)
    macs += macs_of(&net->layers[i], in, out);
  return LEARN_NOISE_STEPS * 6e-9 * macs * (double)batch / machine_cores();
}

/* The latest is remembered. */
static const char *expect(const lw_net *net, int64_t batch, const learn_state **state) {
  static const lw_net *known_net;
  static int64_t known_batch;
  static learn_state known;
  static const char *wrong;
  *state = &known;
  if (known_net == net && known_batch == batch) return wrong;
  known_net = net;
  known_batch = batch;
  wrong = NULL;
  if (find_stored(net, batch, &known)) return NULL;
  step s;
  wrong = make(net, "naive", batch, machine_cores(), &s);
  if (!wrong) wrong = take_checked_steps(net, &s, batch, &known);
  release(&s);
  return wrong;
}

/* ----------------------------------------------------------------------------------------------------------- gradients */

/* Copies all gradients, or, if there is a copy, compares them with it. */
static const char *gradients(const lw_net *net, step *s) {
  const int is_check = s->gradients != NULL;
  const float *values;
  lw_parameter_info info;
  int64_t first = 0;
  if (!is_check && !(s->gradients = malloc((size_t)parameter_bytes(net)))) return "no memory";
  for (int i = 0; (values = lw_trainer_tensor(s->trainer, LW_TRAINER_GRADIENTS, i)); i++, first += info.count) {
    if (lw_net_parameter(net, i, &info) != LW_OK) return lw_error_message();
    const size_t bytes = (size_t)info.count * sizeof *values;
    if (!is_check)
      memcpy(s->gradients + first, values, bytes);
    else if (memcmp(s->gradients + first, values, bytes) != 0)
      return "gradients of a timed step differ from the reference";
  }
  return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- line */

static void run_step(gbench_state *state, void *user) {
  const step_line *l = user;
  const learn_state *expected;
  learn_state got = {0};
  double total = 0;
  step s = {0};
  if (is_slow(l->net)) fprintf(stderr, "a step of %s on %s: some seconds ...\n", l->net->name, lw_isa_name(l->isa));
  const char *wrong = expect(l->net, l->batch, &expected);
  if (!wrong) wrong = make(l->net, lw_isa_name(l->isa), l->batch, l->threads, &s);
  if (!wrong) wrong = take_checked_steps(l->net, &s, l->batch, &got);
  if (!wrong && (memcmp(&got.loss, &expected->loss, sizeof got.loss) != 0 || strcmp(got.sha256, expected->sha256) != 0))
    wrong = "loss or weights differ from the reference";
  if (!wrong) wrong = gradients(l->net, &s);
  if (!wrong) (void)work_of(l->net, l->isa, l->batch, l->threads); /* roofs are measured before, not between */
  machine_pin();
  while (!wrong && gbench_next(state)) {
    float loss;
    const double begin = clock_seconds();
    const lw_status status = lw_train_step(s.trainer, l->batch, s.x, s.labels, &loss, NULL);
    const double seconds = clock_seconds() - begin;
    if (status != LW_OK)
      wrong = lw_error_message();
    else if (memcmp(&loss, &expected->loss, sizeof loss) != 0)
      wrong = "the loss of a timed step differs from the reference";
    gbench_time(state, seconds);
    total += seconds;
  }
  machine_unpin();
  if (!wrong) wrong = gradients(l->net, &s);
  if (wrong) {
    gbench_fail(state, wrong);
  } else {
    const nets_work work = work_of(l->net, l->isa, l->batch, l->threads);
    const double seconds = total / (double)gbench_iterations(state);
    const lw_trainer_options options = learn_noise_options(l->batch);
    size_t bytes = 0;
    if (l->isa == LW_ISA_NAIVE) nets_set_plain(l->net, NETS_NAIVE_STEP, seconds / (double)l->batch);
    nets_counters(state, l->net, &work, l->batch, seconds);
    if (lw_trainer_memory(s.context, l->net, &options, &bytes) == LW_OK) {
      gbench_counter(state, "memory_bytes", (double)bytes);
      gbench_counter(state, "memory_ratio", (double)bytes / least_bytes(l->net, l->batch));
    }
  }
  release(&s);
}

void nets_step_register(const lw_net *net, lw_isa isa, int64_t batch, int threads) {
  static const double MOST_SECONDS = 30;
  const step_line line = {net, isa, batch, threads};
  learn_state stored;
  char name[128];
  const int is_plain = isa == LW_ISA_NAIVE;
  if (!find_stored(net, batch, &stored) && plain_seconds(net, batch) > MOST_SECONDS) {
    fprintf(stderr,
            "bench_nets: training %s on %s with batches of %d is not measured: there is no stored answer to check it by, and the "
            "plain "
            "loops would take %.0f s\n",
            net->name, lw_isa_name(isa), (int)batch, plain_seconds(net, batch));
    return;
  }
  step_line *copy = gbench_keep(&line, sizeof line);
  if (!copy) return;
  snprintf(name, sizeof name, "%s/train/exact/%s/b%d/t%d", net->name, lw_isa_name(isa), (int)batch, threads);
  gbench_register(name, run_step, copy, is_slow(net) || net->c == 3 ? GBENCH_MS : GBENCH_US, is_slow(net) || is_plain, 1);
}
