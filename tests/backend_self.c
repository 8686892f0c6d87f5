/* SPDX-License-Identifier: Apache-2.0
 * Lanewise itself as a backend, for the tests: every operator of the interface, whole networks too. PROMISE ("any_order",
 * "measured") is what it promises instead of bits, MODE=fast is another algorithm, PLANTED=... faults in networks. */
#include <lanewise_backend.h>
#include <stdlib.h>
#include <string.h>

typedef struct instance instance;
typedef lw_status call(const instance *i, const float *const *in, float *y);

struct instance {
  lw_context *context;
  call *run;
  int relu;
  union {
    lw_conv2d_desc conv2d;
    lw_linear_desc linear;
    lw_pool2d_desc pool;
    lw_backend_count_desc count;
    lw_backend_rows_desc rows;
  } d;
  float *w, *bias;
  lw_plan *plan;
  void *workspace;
};

static int from_environment(const char *name, const char *value) {
  const char *is = getenv(name);
  return is && strcmp(is, value) == 0;
}

static void destroy(void *p) {
  instance *i = p;
  if (i->workspace) lw_release(i->context, i->workspace);
  lw_plan_destroy(i->plan);
  free(i->w);
  free(i->bias);
  free(i);
}

static int run(void *p, const float *const *in, float *const *out) {
  const instance *i = p;
  return i->run(i, in, out[0]) != LW_OK;
}

static int supported(void *context, const lw_backend_desc *desc) { return (void)context, (void)desc, 1; }

static int make(lw_context *context, const lw_backend_desc *desc, size_t bytes, call *run, void **made) {
  instance *i = calloc(1, sizeof *i);
  if (!i) return lw_fail(LW_NO_MEMORY, "no memory") != LW_OK;
  i->context = context;
  i->run = run;
  i->relu = desc->relu;
  memcpy(&i->d, desc->shape, bytes);
  *made = i;
  return 0;
}

static int keep(void *made, const float *const *weights, int64_t count, int64_t outputs) {
  instance *i = made;
  i->w = malloc((size_t)count * sizeof(float));
  i->bias = weights[1] ? malloc((size_t)outputs * sizeof(float)) : NULL;
  if (!i->w || (weights[1] && !i->bias)) {
    destroy(i);
    return lw_fail(LW_NO_MEMORY, "no memory") != LW_OK;
  }
  memcpy(i->w, weights[0], (size_t)count * sizeof(float));
  if (i->bias) memcpy(i->bias, weights[1], (size_t)outputs * sizeof(float));
  return 0;
}

/* An operator without weights: its descriptor, its call with d, in and y. */
#define PLAIN(op, desc_type, call_it)                                                                                            \
  static lw_status run_##op(const instance *i, const float *const *in, float *y) { return call_it; }                             \
  static int create_##op(void *context, const lw_backend_desc *desc, const float *const *weights, void **made) {                 \
    return (void)weights, make(context, desc, sizeof(desc_type), run_##op, made);                                                \
  }
PLAIN(max_pool2d, lw_pool2d_desc, lw_max_pool2d(i->context, &i->d.pool, in[0], y, NULL))
PLAIN(avg_pool2d, lw_pool2d_desc, lw_avg_pool2d(i->context, &i->d.pool, in[0], y))
PLAIN(relu, lw_backend_count_desc, lw_relu(i->context, i->d.count.count, in[0], y))
PLAIN(tanh, lw_backend_count_desc, lw_tanh(i->context, i->d.count.count, in[0], y))
PLAIN(add, lw_backend_count_desc, lw_add(i->context, i->d.count.count, in[0], in[1], y))
PLAIN(softmax, lw_backend_rows_desc, lw_softmax(i->context, i->d.rows.n, i->d.rows.c, in[0], y))
PLAIN(log_softmax, lw_backend_rows_desc, lw_log_softmax(i->context, i->d.rows.n, i->d.rows.c, in[0], y))

static lw_status finish(const instance *i, lw_status status, int64_t count, float *y) {
  return status == LW_OK && i->relu ? lw_relu(i->context, count, y, y) : status;
}

static lw_status run_conv2d(const instance *i, const float *const *in, float *y) {
  const lw_conv2d_desc *d = &i->d.conv2d;
  int64_t oh = 0, ow = 0;
  lw_conv2d_output(d, &oh, &ow);
  return finish(i, lw_conv2d(i->context, d, in[0], i->w, i->bias, y), d->n * d->oc * oh * ow, y);
}

static int create_conv2d(void *context, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_conv2d_desc *d = desc->shape;
  return make(context, desc, sizeof *d, run_conv2d, made) ||
         keep(*made, weights, d->oc * (d->ic / d->groups) * d->kh * d->kw, d->oc);
}

static lw_status run_linear(const instance *i, const float *const *in, float *y) {
  const lw_linear_desc *d = &i->d.linear;
  return finish(i, lw_linear(i->context, d, in[0], i->w, i->bias, y), d->n * d->out, y);
}

static int create_linear(void *context, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_linear_desc *d = desc->shape;
  return make(context, desc, sizeof *d, run_linear, made) || keep(*made, weights, d->out * d->in, d->out);
}

static lw_status run_net(const instance *i, const float *const *in, float *y) {
  return i->plan ? lw_plan_run(i->plan, in[0], y, i->workspace) : LW_OK;
}

/* The network with a fault: a ReLU that is none, or padding that moves. */
static lw_net planted_net(const lw_net *net, lw_layer layers[64]) {
  lw_net wrong = *net;
  memcpy(layers, net->layers, net->layer_count * sizeof *layers);
  wrong.layers = layers;
  for (size_t i = 0; i < net->layer_count; i++)
    if (from_environment("PLANTED", "last relu forgotten") && layers[i].kind == LW_LAYER_RELU && i + 3 >= net->layer_count)
      layers[i].kind = LW_LAYER_DROPOUT;
  return wrong;
}

static int create_net(void *context, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_backend_net_desc *d = desc->shape;
  const lw_weights source = lw_weights_arrays(weights);
  const lw_plan_options options = {.batch = d->batch, .mode = from_environment("MODE", "fast") ? LW_FAST : LW_EXACT};
  lw_layer layers[64];
  const lw_net net = planted_net(d->net, layers);
  if (make(context, desc, 0, run_net, made)) return 1;
  instance *i = *made;
  if (d->batch == 0) return 0; /* a plan's batch of 0 means 1 */
  lw_status status = lw_plan_create(context, &net, &source, &options, &i->plan);
  if (status == LW_OK) status = lw_allocate(context, lw_plan_workspace_bytes(i->plan), &i->workspace);
  if (status != LW_OK) destroy(i);
  return status != LW_OK;
}

static int open_it(const lw_backend_options *options, void **backend) {
  lw_context *context;
  const lw_status status = lw_context_create(&(lw_context_options){.threads = options->threads, .isa = options->isa}, &context);
  *backend = context;
  return status != LW_OK;
}
static void close_it(void *context) { lw_context_destroy(context); }

__attribute__((visibility("default"))) const lw_backend *lanewise_backend(uint32_t abi) {
#define OPERATOR(name)                                                                                                           \
  { .op = #name, .promise = LW_BACKEND_EXACT, supported, create_##name, run, destroy }
  static lw_backend_operator operators[] = {OPERATOR(conv2d),      OPERATOR(linear), OPERATOR(max_pool2d), OPERATOR(avg_pool2d),
                                            OPERATOR(relu),        OPERATOR(tanh),   OPERATOR(add),        OPERATOR(softmax),
                                            OPERATOR(log_softmax), OPERATOR(net)};
  static const lw_backend backend = {.size = sizeof backend,
                                     .name = "self",
                                     .version = "0.1.0",
                                     .operators = operators,
                                     .operator_count = sizeof operators / sizeof *operators,
                                     .operator_size = sizeof *operators,
                                     .open = open_it,
                                     .close = close_it,
                                     .error = lw_error_message};
  for (size_t i = 0; i < backend.operator_count; i++) {
    if (from_environment("PROMISE", "any_order")) operators[i].promise = LW_BACKEND_ANY_ORDER;
    if (from_environment("PROMISE", "measured")) operators[i].promise = LW_BACKEND_MEASURED;
  }
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
