/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/clock.h"
#include "bench/gbench.h"
#include "bench/machine.h"
#include "bench/nets_pass.h"
#include "nets/recipe.h"
#include "tests/kit/learn.h"

typedef struct step_line {
  const lw_net *net;
  lw_mode mode;
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

/* Products of the algorithms that compute a layer and its gradient to data, of those that a chain per output takes. */
static void products_of(const lw_layer *row, lw_mode mode, lw_shape in, lw_shape out, double *forward, double *data) {
  *forward = *data = 1;
  if (row->kind != LW_LAYER_CONV2D) return;
  const lw_conv2d_desc d = lw_layer_conv2d(row, 1, in);
  *forward = lw_recipe_products(lw_recipe_conv2d(mode, &d, out.h, out.w));
  *data = lw_recipe_products(lw_recipe_conv2d_backward_data(mode, &d, out.h, out.w));
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
static nets_work work_of(const step_line *l) {
  const lw_net *net = l->net;
  const lw_isa isa = l->isa;
  const int threads = l->threads;
  const double n = (double)l->batch, all = 3 * parameter_bytes(net);
  lw_shape in = {net->c, net->h, net->w}, out = in;
  nets_work w = {.is_step = 1};
  const char *binds;
  int is_first = 1;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) break;
    const double macs = macs_of(&net->layers[i], in, out), x = 4 * n * (double)lw_shape_size(in),
                 y = 4 * n * (double)lw_shape_size(out);
    const double weights = macs > 0 ? 4 * macs / (double)(out.h * out.w) : 0;
    const double flops = 2 * n * macs;
    double forward, data;
    products_of(&net->layers[i], l->mode, in, out, &forward, &data);
    const lw_step_info products[] = {{.algorithm_flops = flops}, /* gradients of weights */
                                     {.algorithm_flops = flops * forward, .weight_bytes = weights},
                                     {.algorithm_flops = flops * data, .weight_bytes = weights}};
    w.bytes += x + weights + y;                                                  /* forward */
    if (macs == 0) w.bytes += is_first ? 0 : x + 2 * y;                          /* y and dy to dx */
    if (macs > 0) w.bytes += x + weights + y + (is_first ? 0 : x + weights + y); /* x and dy to dw, dy and w to dx */
    if (macs == 0) continue;
    for (int k = 0; k < (is_first ? 2 : 3); k++) {
      w.flops += flops;
      w.weight_bytes += products[k].weight_bytes;
      w.roof_seconds += nets_roof_seconds(&products[k], isa, threads, all, &binds);
    }
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
static const char *make(const step_line *l, step *s) {
  const lw_net *net = l->net;
  const int64_t batch = l->batch;
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const lw_trainer_options options = learn_noise_options(l->mode, batch);
  *s = (step){.x = malloc((size_t)(batch * net->c * net->h * net->w) * sizeof *s->x),
              .labels = malloc((size_t)batch * sizeof *s->labels)};
  if (!s->x || !s->labels) return "no memory";
  learn_noise(net, batch, s->x, s->labels);
  if (lw_context_create(&(lw_context_options){.threads = l->threads, .isa = lw_isa_name(l->isa), .pin = l->threads > 1},
                        &s->context) != LW_OK ||
      lw_trainer_create(s->context, net, &weights, &options, &s->trainer) != LW_OK)
    return lw_error_message();
  return NULL;
}

static const char *take_checked_steps(const step_line *l, step *s, learn_state *state) {
  return learn_noise_steps(l->net, s->trainer, l->batch, s->x, s->labels, state) == LW_OK ? NULL : lw_error_message();
}

static int find_stored(const step_line *l, learn_state *state) {
  char name[LEARN_NAME];
  learn_name(l->net, l->mode, "noise", l->batch, LEARN_NOISE_STEPS, name);
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
static const char *expect(const step_line *l, const learn_state **state) {
  static step_line plain;
  static learn_state known;
  static const char *wrong;
  *state = &known;
  if (plain.net == l->net && plain.mode == l->mode && plain.batch == l->batch) return wrong;
  plain = (step_line){l->net, l->mode, LW_ISA_NAIVE, l->batch, machine_cores()};
  wrong = NULL;
  if (find_stored(l, &known)) return NULL;
  step s;
  wrong = make(&plain, &s);
  if (!wrong) wrong = take_checked_steps(&plain, &s, &known);
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

static int has_dropout(const lw_net *net) {
  for (size_t i = 0; i < net->layer_count; i++)
    if (net->layers[i].kind == LW_LAYER_DROPOUT) return 1;
  return 0;
}

/* Back to the last checked step, so that dropout drops what it dropped then. */
static const char *rewind_step(const step_line *l, step *s) {
  const lw_weights weights = lw_trainer_source(s->trainer, LW_TRAINER_WEIGHTS),
                   momentum = lw_trainer_source(s->trainer, LW_TRAINER_MOMENTUM);
  if (!has_dropout(l->net)) return NULL;
  return lw_trainer_restore(s->trainer, LEARN_NOISE_STEPS - 1, &weights, &momentum) == LW_OK ? NULL : lw_error_message();
}

/* ---------------------------------------------------------------------------------------------------------------- line */

static void run_step(gbench_state *state, void *user) {
  const step_line *l = user;
  const learn_state *expected;
  learn_state got = {0};
  double total = 0;
  step s = {0};
  if (is_slow(l->net)) fprintf(stderr, "a step of %s on %s: some seconds ...\n", l->net->name, lw_isa_name(l->isa));
  const char *wrong = expect(l, &expected);
  if (!wrong) wrong = make(l, &s);
  if (!wrong) wrong = take_checked_steps(l, &s, &got);
  if (!wrong && (memcmp(&got.loss, &expected->loss, sizeof got.loss) != 0 || strcmp(got.sha256, expected->sha256) != 0))
    wrong = "loss or weights differ from the reference";
  if (!wrong) wrong = gradients(l->net, &s);
  if (!wrong) (void)work_of(l); /* roofs are measured before, not between */
  machine_pin();
  while (!wrong && gbench_next(state)) {
    float loss;
    if ((wrong = rewind_step(l, &s))) break;
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
    const nets_work work = work_of(l);
    const double seconds = total / (double)gbench_iterations(state);
    const lw_trainer_options options = learn_noise_options(l->mode, l->batch);
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

void nets_step_register(const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads) {
  static const double MOST_SECONDS = 30;
  const step_line line = {net, mode, isa, batch, threads};
  learn_state stored;
  char name[128];
  const char *mode_name = mode == LW_FAST ? "fast" : "exact";
  const int is_plain = isa == LW_ISA_NAIVE;
  if (!find_stored(&line, &stored) && plain_seconds(net, batch) > MOST_SECONDS) {
    fprintf(stderr, "bench_nets: training %s in mode %s on %s with batches of %d is not measured: ", net->name, mode_name,
            lw_isa_name(isa), (int)batch);
    fprintf(stderr, "there is no stored answer to check it by, and the plain loops would take %.0f s\n",
            plain_seconds(net, batch));
    return;
  }
  step_line *copy = gbench_keep(&line, sizeof line);
  if (!copy) return;
  snprintf(name, sizeof name, "%s/train/%s/%s/b%d/t%d", net->name, mode_name, lw_isa_name(isa), (int)batch, threads);
  gbench_register(name, run_step, copy, is_slow(net) || net->c == 3 ? GBENCH_MS : GBENCH_US, is_slow(net) || is_plain, 1);
}
