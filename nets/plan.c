/* SPDX-License-Identifier: Apache-2.0
 * The plan: made once, then run without allocation, locks or choices. */
#include "nets/tune.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <stdio.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------------------------ making */

lw_net *lw_net_copy(const lw_context *context, const lw_net *net) {
  size_t bytes = sizeof *net + net->layer_count * sizeof *net->layers + strlen(net->name) + 1;
  for (size_t i = 0; i < net->layer_count; i++) bytes += strlen(net->layers[i].name) + 1;
  lw_net *copy = lw_memory_get(context, bytes);
  if (!copy) return NULL;
  lw_layer *layers = (lw_layer *)(copy + 1);
  char *text = (char *)(layers + net->layer_count);
  *copy = *net;
  copy->layers = layers;
  copy->name = text;
  text = stpcpy(text, net->name) + 1;
  for (size_t i = 0; i < net->layer_count; i++) {
    layers[i] = net->layers[i];
    layers[i].name = text;
    text = stpcpy(text, net->layers[i].name) + 1;
  }
  return copy;
}

static size_t workspace_bytes(const lw_lowered *l) {
  const size_t bytes = l->arena_bytes + l->scratch_bytes;
  return bytes ? bytes : 64;
}

static lw_status check_options(const lw_plan_options *o) {
  if (o->batch < 1) return lw_fail(LW_BAD_ARGUMENT, "plan: batch is %" PRId64 ", expected at least 1", o->batch);
  if (o->mode != LW_EXACT && o->mode != LW_FAST)
    return lw_fail(LW_BAD_ARGUMENT, "plan: mode is %d, expected LW_EXACT (0) or LW_FAST (1)", (int)o->mode);
  if (o->planning != LW_PLAN_ESTIMATE && o->planning != LW_PLAN_MEASURE)
    return lw_fail(LW_BAD_ARGUMENT, "plan: planning is %d, expected LW_PLAN_ESTIMATE (0) or LW_PLAN_MEASURE (1)",
                   (int)o->planning);
  if (!(o->accuracy == 0 || o->accuracy >= 1))
    return lw_fail(LW_BAD_ARGUMENT, "plan: accuracy is %g, expected 0 (no budget) or at least 1 (that of mode exact)",
                   o->accuracy);
  return LW_OK;
}

static lw_status check_memory(const lw_net *net, const lw_plan_options *o, const lw_lowered *lowered) {
  const size_t workspace = workspace_bytes(lowered), total = lowered->weight_bytes + workspace;
  char hint[96] = "";
  if (!o->memory_limit || total <= o->memory_limit) return LW_OK;
  if (o->mode == LW_FAST && workspace < o->memory_limit)
    snprintf(hint, sizeof hint, "; a weight_budget of %zu may fit", o->memory_limit - workspace);
  return lw_fail(LW_NO_MEMORY, "plan of %s: needs %zu bytes (weights %zu, workspace %zu), memory_limit is %zu%s", net->name,
                 total, lowered->weight_bytes, workspace, o->memory_limit, hint);
}

/* Checks arguments and lowers; *context is resolved, *options complete. */
static lw_status prepare(lw_context **context, const lw_net *net, const lw_plan_options *given, lw_plan_options *options,
                         size_t *l2_bytes, lw_lowered *lowered) {
  *l2_bytes = 0;
  *options = given ? *given : (lw_plan_options){0};
  if (options->batch == 0) options->batch = 1;
  LW_TRY(check_options(options));
  LW_TRY(lw_context_resolve(*context, context));
  LW_TRY(lw_net_shapes(net, NULL));
  /* Shapes fit for one image; the widest tensor of a layer in blocks of 16 channels must still fit for the batch. */
  lw_shape in = {net->c, net->h, net->w};
  for (size_t i = 0; i <= net->layer_count; i++) {
    LW_TRY(lw_check_count("plan", "activations of the batch", (const int64_t[]){options->batch, in.c + 15, in.h, in.w, 4}, 5,
                          sizeof(float), NULL));
    if (i == net->layer_count) break;
    if (net->layers[i].kind == LW_LAYER_CONV2D) { /* its input with padding */
      const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[i], options->batch, in);
      int64_t oh, ow;
      LW_TRY(lw_conv2d_output(&d, &oh, &ow));
    }
    LW_TRY(lw_net_layer_output(net, i, in, &in));
  }
  LW_TRY(lw_lower(*context, net, options, NULL, l2_bytes, lowered));
  const lw_status status = check_memory(net, options, lowered);
  if (status != LW_OK) lw_memory_free(*context, lowered->steps);
  return status;
}

lw_status lw_plan_memory(lw_context *context, const lw_net *net, const lw_plan_options *options, size_t *weights,
                         size_t *workspace) {
  lw_lowered lowered;
  lw_plan_options complete;
  size_t l2_bytes;
  LW_TRY(prepare(&context, net, options, &complete, &l2_bytes, &lowered));
  if (weights) *weights = lowered.weight_bytes;
  if (workspace) *workspace = workspace_bytes(&lowered);
  lw_memory_free(context, lowered.steps);
  return LW_OK;
}

lw_status lw_plan_create(lw_context *context, const lw_net *net, const lw_weights *weights, const lw_plan_options *options,
                         lw_plan **result) {
  if (!result) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_create: plan is NULL");
  if (weights && !weights->read) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_create: weights->read is NULL");
  lw_lowered lowered;
  lw_plan_options complete;
  size_t l2_bytes;
  LW_TRY(prepare(&context, net, options, &complete, &l2_bytes, &lowered));
  lw_plan *plan = lw_memory_get(context, sizeof *plan);
  if (!plan) {
    lw_memory_free(context, lowered.steps);
    return lw_fail(LW_NO_MEMORY, "lw_plan_create: no memory for a plan");
  }
  *plan = (lw_plan){
      .context = context, .batch = complete.batch, .lowered = lowered, .inputs = net->c * net->h * net->w, .l2_bytes = l2_bytes};
  const lw_shape out = lowered.steps[lowered.count - 1].shape;
  plan->outputs = out.c * out.h * out.w;
  plan->net = lw_net_copy(context, net);
  const size_t bytes = weights ? lowered.weight_bytes : 0;
  plan->weights = bytes ? lw_memory_get(context, bytes) : NULL;
  lw_status status = LW_OK;
  if (!plan->net || (bytes && !plan->weights))
    status = lw_fail(LW_NO_MEMORY, "lw_plan_create: no memory for %zu bytes of weights", bytes);
  if (status == LW_OK && weights) status = lw_plan_load(plan, weights);
  if (status == LW_OK) status = lw_plan_tune(plan, &complete);
  if (status != LW_OK) {
    lw_plan_destroy(plan);
    return status;
  }
  *result = plan;
  return LW_OK;
}

void lw_plan_destroy(lw_plan *plan) {
  if (!plan) return;
  lw_memory_free(plan->context, plan->weights);
  lw_memory_free(plan->context, plan->net);
  lw_memory_free(plan->context, plan->lowered.steps);
  lw_memory_free(plan->context, plan);
}

size_t lw_plan_weight_bytes(const lw_plan *plan) { return plan ? plan->lowered.weight_bytes : 0; }
size_t lw_plan_workspace_bytes(const lw_plan *plan) { return plan ? workspace_bytes(&plan->lowered) : 0; }
int64_t lw_plan_batch(const lw_plan *plan) { return plan ? plan->batch : 0; }
const char *lw_plan_notice(const lw_plan *plan) { return plan ? plan->notice : ""; }
int64_t lw_plan_outputs(const lw_plan *plan) { return plan ? plan->outputs : 0; }

/* ----------------------------------------------------------------------------------------------------------- running */

typedef struct buffers {
  const float *x;
  float *y;
  char *workspace;
} buffers;

static float *locate(const lw_plan *plan, const buffers *b, lw_place place, size_t bytes) {
  switch (place) {
  case LW_PLACE_INPUT: return (float *)b->x;
  case LW_PLACE_OUTPUT: return b->y;
  case LW_PLACE_LOW: return (float *)b->workspace;
  case LW_PLACE_HIGH: break;
  }
  return (float *)(b->workspace + plan->lowered.arena_bytes - bytes);
}

static const float *weights_of(const lw_plan *plan, const lw_step_weights *w) {
  return w->tensor >= 0 ? (const float *)(plan->weights + w->weight_offset) : NULL;
}
static const float *bias_of(const lw_plan *plan, const lw_step_weights *w) {
  return w->tensor >= 0 && w->has_bias ? (const float *)(plan->weights + w->bias_offset) : NULL;
}

/* The arguments of a step with all its pointers. */
static lw_args bind(const lw_plan *plan, const lw_step *s, const buffers *b) {
  lw_args a = s->args;
  float *x = locate(plan, b, s->x, s->x_bytes), *y = locate(plan, b, s->y, s->y_bytes);
  const float *w = weights_of(plan, &s->weights), *bias = bias_of(plan, &s->weights);
  switch (s->kernel->op) {
  case LW_OP_conv2d:
    a.conv2d.before.w = weights_of(plan, &s->before);
    a.conv2d.before.bias = bias_of(plan, &s->before);
    if (a.conv2d.before.w)
      a.conv2d.before.x = lw_view_place(a.conv2d.before.x, x);
    else
      a.conv2d.x = lw_view_place(a.conv2d.x, x);
    a.conv2d.y = lw_view_place(a.conv2d.y, y);
    a.conv2d.w = w;
    a.conv2d.bias = bias;
    a.conv2d.scratch = b->workspace + plan->lowered.arena_bytes;
    break;
  case LW_OP_linear:
    a.linear.x = x;
    a.linear.y = y;
    a.linear.w = w;
    a.linear.bias = bias;
    break;
  case LW_OP_max_pool2d:
  case LW_OP_avg_pool2d:
    a.pool2d.x = lw_view_place(a.pool2d.x, x);
    a.pool2d.y = lw_view_place(a.pool2d.y, y);
    break;
  case LW_OP_reorder:
    a.reorder.x = lw_view_place(a.reorder.x, x);
    a.reorder.y = lw_view_place(a.reorder.y, y);
    break;
  case LW_OP_softmax:
    a.rows.x = x;
    a.rows.y = y;
    break;
  default: /* relu, tanh */ a.map.x = x; a.map.y = y;
  }
  return a;
}

typedef struct call {
  lw_kernel_fn *fn;
  const lw_args *args;
} call;

static void run_part(void *user, int part, int parts) {
  const call *c = user;
  c->fn(c->args, (lw_part){part, parts});
}

static void run_step(const lw_plan *plan, const lw_step *s, const buffers *b) {
  const lw_args args = bind(plan, s, b);
  if (s->parts == 1) {
    s->kernel->fn(&args, (lw_part){0, 1});
    return;
  }
  call c = {s->kernel->fn, &args};
  lw_parallel(plan->context, s->parts, run_part, &c);
}

static lw_status check_run(const lw_plan *plan, const float *x, const float *y, const void *workspace) {
  if (!plan) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_run: plan is NULL");
  if (plan->lowered.weight_bytes && !plan->weights)
    return lw_fail(LW_BAD_ARGUMENT, "lw_plan_run: the plan of %s was made without weights", plan->net->name);
  LW_TRY(LW_CHECK_F32("lw_plan_run", x));
  LW_TRY(LW_CHECK_F32("lw_plan_run", y));
  return lw_check_pointer("lw_plan_run", "workspace", workspace, 64);
}

lw_status lw_plan_run(const lw_plan *plan, const float *x, float *y, void *workspace) {
  LW_TRY(check_run(plan, x, y, workspace));
  const buffers b = {x, y, workspace};
  for (size_t i = 0; i < plan->lowered.count; i++) run_step(plan, &plan->lowered.steps[i], &b);
  return LW_OK;
}

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
double lw_plan_clock(void) { return seconds_of(CLOCK_MONOTONIC); }

lw_status lw_plan_profile(const lw_plan *plan, const float *x, float *y, void *workspace, double *seconds) {
  LW_TRY(check_run(plan, x, y, workspace));
  if (!seconds) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_profile: seconds is NULL");
  const buffers b = {x, y, workspace};
  double before = lw_plan_clock();
  for (size_t i = 0; i < plan->lowered.count; i++) {
    run_step(plan, &plan->lowered.steps[i], &b);
    const double after = lw_plan_clock();
    seconds[i] = after - before;
    before = after;
  }
  return LW_OK;
}

typedef struct timed_call {
  call call;
  _Atomic(int64_t) busiest; /* ns */
} timed_call;

static void time_part(void *user, int part, int parts) {
  timed_call *c = user;
  const double before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  run_part(&c->call, part, parts);
  const int64_t ns = (int64_t)(1e9 * (seconds_of(CLOCK_THREAD_CPUTIME_ID) - before));
  for (int64_t most = c->busiest; ns > most && !atomic_compare_exchange_weak(&c->busiest, &most, ns);) continue;
}

lw_status lw_plan_time(const lw_plan *plan, const float *x, float *y, void *workspace, double *seconds) {
  static const double LONG = 2e6; /* FLOP: beside some 10 us, a system call for the time is nothing */
  const buffers b = {x, y, workspace};
  LW_TRY(check_run(plan, x, y, workspace));
  for (size_t i = 0; i < plan->lowered.count; i++) {
    const lw_step *s = &plan->lowered.steps[i];
    const double before = lw_plan_clock();
    if (s->flops < LONG) {
      run_step(plan, s, &b);
      seconds[i] = lw_plan_clock() - before;
      continue;
    }
    const lw_args args = bind(plan, s, &b);
    timed_call c = {{s->kernel->fn, &args}, 0};
    lw_parallel(plan->context, s->parts, time_part, &c);
    seconds[i] = 1e-9 * (double)c.busiest;
  }
  return LW_OK;
}

lw_status lw_plan_observe(const lw_plan *plan, const float *x, float *y, void *workspace,
                          void (*observe)(void *, size_t, const float *, int64_t), void *user) {
  LW_TRY(check_run(plan, x, y, workspace));
  if (!observe) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_observe: observe is NULL");
  int64_t largest = 0;
  for (size_t i = 0; i < plan->lowered.count; i++) {
    const lw_shape s = plan->lowered.steps[i].shape;
    if (s.c * s.h * s.w > largest) largest = s.c * s.h * s.w;
  }
  float *plain = lw_memory_get(plan->context, (size_t)(largest * plan->batch) * sizeof *plain);
  if (!plain) return lw_fail(LW_NO_MEMORY, "lw_plan_observe: no memory for %" PRId64 " floats", largest * plan->batch);
  const buffers b = {x, y, workspace};
  for (size_t i = 0; i < plan->lowered.count; i++) {
    const lw_step *s = &plan->lowered.steps[i];
    run_step(plan, s, &b);
    if (s->last_layer + 1 == s->first_layer) continue; /* only a reorder */
    const lw_args copy = {.reorder = {.n = plan->batch,
                                      .c = s->shape.c,
                                      .x = lw_view_place(s->out, locate(plan, &b, s->y, s->y_bytes)),
                                      .y = lw_view_plain(plain, s->shape.c, s->shape.h, s->shape.w)}};
    lw_reorder(&copy, (lw_part){0, 1});
    observe(user, s->last_layer, plain, plan->batch * s->shape.c * s->shape.h * s->shape.w);
  }
  lw_memory_free(plan->context, plain);
  return LW_OK;
}

/* --------------------------------------------------------------------------------------------------------- describing */

size_t lw_plan_steps(const lw_plan *plan) { return plan ? plan->lowered.count : 0; }

static const char *const chooser_names[] = {[LW_BY_MODEL] = "model", [LW_BY_WISDOM] = "wisdom", [LW_BY_MEASURING] = "measured"};

lw_status lw_plan_step(const lw_plan *plan, size_t step, lw_step_info *info) {
  if (!plan || !info) return lw_fail(LW_BAD_ARGUMENT, "lw_plan_step: %s is NULL", plan ? "info" : "plan");
  if (step >= plan->lowered.count)
    return lw_fail(LW_BAD_ARGUMENT, "lw_plan_step: step is %zu, expected less than %zu", step, plan->lowered.count);
  const lw_step *s = &plan->lowered.steps[step];
  const int is_reorder = s->last_layer + 1 == s->first_layer;
  *info = (lw_step_info){.kernel = s->kernel->symbol,
                         .algorithm = s->kernel->algorithm,
                         .name = is_reorder ? "" : plan->net->layers[s->first_layer].name,
                         .first_layer = s->first_layer,
                         .last_layer = s->last_layer,
                         .c = s->shape.c,
                         .h = s->shape.h,
                         .w = s->shape.w,
                         .flops = s->flops,
                         .algorithm_flops = s->algorithm_flops,
                         .weight_bytes = s->weight_bytes,
                         .bytes = s->bytes,
                         .parts = s->parts,
                         .tiles = s->tuning.block.tiles,
                         .panels = s->tuning.block.panels,
                         .chosen_by = chooser_names[s->tuning.by],
                         .seconds = s->tuning.seconds,
                         .model_seconds = s->tuning.model_seconds,
                         .reason = s->reason};
  return LW_OK;
}

size_t lw_plan_describe(const lw_plan *plan, char *text, size_t capacity) {
  size_t wanted = 0;
#define ADD(...)                                                                                                                 \
  do {                                                                                                                           \
    const int length_ =                                                                                                          \
        snprintf(wanted < capacity ? text + wanted : NULL, wanted < capacity ? capacity - wanted : 0, __VA_ARGS__);              \
    wanted += (size_t)length_;                                                                                                   \
  } while (0)
  if (!plan) {
    ADD("no plan\n");
    return wanted;
  }
  const size_t weights = lw_plan_weight_bytes(plan), workspace = lw_plan_workspace_bytes(plan);
  int64_t parameters = 0;
  (void)lw_net_parameters(plan->net, &parameters); /* checked when the plan was made */
  ADD("%s, batch %" PRId64 ", ISA %s, %d threads: weights %zu bytes, workspace %zu bytes, in all %zu", plan->net->name,
      plan->batch, lw_isa_name(plan->context->isa), plan->context->threads, weights, workspace, weights + workspace);
  if (parameters) ADD(" = %.3f x the parameters", (double)(weights + workspace) / (sizeof(float) * (double)parameters));
  ADD("\n");
  ADD("%-28s %-28s %16s %6s %12s %12s\n", "layers", "kernel", "output", "parts", "MFLOP", "MB");
  for (size_t i = 0; i < plan->lowered.count; i++) {
    const lw_step *s = &plan->lowered.steps[i];
    char layers[64], shape[64];
    if (s->last_layer + 1 == s->first_layer)
      snprintf(layers, sizeof layers, "(layout)");
    else if (s->first_layer == s->last_layer)
      snprintf(layers, sizeof layers, "%s", plan->net->layers[s->first_layer].name);
    else
      snprintf(layers, sizeof layers, "%s..%s", plan->net->layers[s->first_layer].name, plan->net->layers[s->last_layer].name);
    snprintf(shape, sizeof shape, "%" PRId64 "x%" PRId64 "x%" PRId64, s->shape.c, s->shape.h, s->shape.w);
    ADD("%-28s %-28s %16s %6d %12.3f %12.3f%s%s\n", layers, s->kernel->symbol, shape, s->parts, s->flops * 1e-6, s->bytes * 1e-6,
        s->reason[0] ? "  " : "", s->reason);
  }
#undef ADD
  return wanted;
}
