/* SPDX-License-Identifier: Apache-2.0
 * A backend to start from: four operators as plain loops. docs/backend.md tells how to build, judge and measure it. */
#include <lanewise_backend.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What create() makes: a copy of the descriptor and of the weights. A linear layer is a convolution of one pixel. */
typedef struct instance {
  lw_conv2d_desc conv;
  lw_pool2d_desc pool;
  int64_t count;
  int relu;
  float *w, *bias;
} instance;

static float relu_of(float v) { return 0 > v ? 0 : v; } /* NaN and -0 stay */

static int64_t outputs(int64_t in, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
  return (in + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

static void destroy(void *p) {
  instance *i = p;
  free(i->w);
  free(i->bias);
  free(i);
}

static int conv_make(const lw_conv2d_desc *d, int relu, const float *const *weights, void **made) {
  const size_t count = (size_t)(d->oc * (d->ic / d->groups) * d->kh * d->kw);
  instance *i = calloc(1, sizeof *i);
  if (!i) return 1;
  *i = (instance){.conv = *d, .relu = relu, .w = malloc(count * sizeof(float)), .bias = calloc((size_t)d->oc, sizeof(float))};
  if (!i->w || !i->bias) {
    destroy(i);
    return 1;
  }
  memcpy(i->w, weights[0], count * sizeof(float));
  if (weights[1]) memcpy(i->bias, weights[1], (size_t)d->oc * sizeof(float));
  *made = i;
  return 0;
}

static int conv2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  (void)backend;
  return conv_make(desc->shape, desc->relu, weights, made);
}

static int linear_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_linear_desc *d = desc->shape;
  (void)backend;
  return conv_make(&(lw_conv2d_desc){d->n, d->in, 1, 1, d->out, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1}, desc->relu, weights, made);
}

static float conv_at(const instance *i, const float *x, int64_t oc, int64_t top, int64_t left) {
  const lw_conv2d_desc *d = &i->conv;
  const int64_t channels = d->ic / d->groups, first = oc / (d->oc / d->groups) * channels;
  const float *w = i->w + oc * channels * d->kh * d->kw;
  float sum = i->bias[oc];
  for (int64_t ic = first; ic < first + channels; ic++)
    for (int64_t k = 0; k < d->kh * d->kw; k++) {
      const int64_t ih = top + k / d->kw * d->dilation_h, iw = left + k % d->kw * d->dilation_w;
      const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
      sum = fmaf(inside ? x[(ic * d->ih + ih) * d->iw + iw] : 0, *w++, sum);
    }
  return i->relu ? relu_of(sum) : sum;
}

static int conv_run(void *p, const float *const *in, float *const *out) {
  const lw_conv2d_desc *d = &((const instance *)p)->conv;
  const int64_t oh = outputs(d->ih, d->pad_top + d->pad_bottom, d->kh, d->stride_h, d->dilation_h);
  const int64_t ow = outputs(d->iw, d->pad_left + d->pad_right, d->kw, d->stride_w, d->dilation_w);
  float *y = out[0];
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t i = 0; i < oh * ow; i++)
        *y++ = conv_at(p, in[0] + n * d->ic * d->ih * d->iw, oc, i / ow * d->stride_h - d->pad_top,
                       i % ow * d->stride_w - d->pad_left);
  return 0;
}

static int relu_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_backend_count_desc *d = desc->shape;
  instance *i = calloc(1, sizeof *i);
  (void)backend, (void)weights;
  if (i) i->count = d->count;
  *made = i;
  return !i;
}

static int relu_run(void *p, const float *const *in, float *const *out) {
  for (int64_t i = 0; i < ((const instance *)p)->count; i++) out[0][i] = relu_of(in[0][i]);
  return 0;
}

static int pool_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  instance *i = calloc(1, sizeof *i);
  (void)backend, (void)weights;
  if (i) memcpy(&i->pool, desc->shape, sizeof i->pool);
  *made = i;
  return !i;
}

static int pool_run(void *p, const float *const *in, float *const *out) {
  const lw_pool2d_desc *d = &((const instance *)p)->pool;
  const int64_t oh = outputs(d->ih, 0, d->kh, d->stride_h, 1), ow = outputs(d->iw, 0, d->kw, d->stride_w, 1);
  for (int64_t i = 0; i < d->n * d->c * oh * ow; i++) {
    const int64_t top = i / ow % oh * d->stride_h, left = i % ow * d->stride_w;
    const float *x = in[0] + (i / ow / oh * d->ih + top) * d->iw + left;
    float most = -INFINITY;
    for (int64_t k = 0; k < d->kh * d->kw; k++) {
      const float v = x[k / d->kw * d->iw + k % d->kw];
      if (v > most || isnan(v)) most = v;
    }
    out[0][i] = most;
  }
  return 0;
}

static int any(void *backend, const lw_backend_desc *desc) { return (void)backend, (void)desc, 1; }

/* What is not taken is skipped and counted: here padded, dilated and rounded-up windows. */
static int pool_supported(void *backend, const lw_backend_desc *desc) {
  const lw_pool2d_desc *d = desc->shape;
  return (void)backend, d->pad_h == 0 && d->pad_w == 0 && d->dilation_h == 1 && d->dilation_w == 1 && !d->ceil_mode;
}

static int open_it(const lw_backend_options *options, void **backend) { return (void)options, *backend = NULL, 0; }
static void close_it(void *backend) { (void)backend; }
static const char *error(void) { return "no memory"; } /* nothing else can fail here */

static const lw_backend_operator operators[] = {
    {.op = "conv2d", .promise = LW_BACKEND_EXACT, any, conv2d_create, conv_run, destroy},
    {.op = "linear", .promise = LW_BACKEND_EXACT, any, linear_create, conv_run, destroy},
    {.op = "relu", .promise = LW_BACKEND_EXACT, any, relu_create, relu_run, destroy},
    {.op = "max_pool2d", .promise = LW_BACKEND_EXACT, pool_supported, pool_create, pool_run, destroy},
};

/* The one function that is exported. */
__attribute__((visibility("default"))) const lw_backend *lanewise_backend(uint32_t abi) {
  static const lw_backend backend = {.size = sizeof backend,
                                     .name = "example",
                                     .version = "1.0",
                                     .operators = operators,
                                     .operator_count = sizeof operators / sizeof *operators,
                                     .operator_size = sizeof *operators,
                                     .open = open_it,
                                     .close = close_it,
                                     .error = error};
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
