/* SPDX-License-Identifier: Apache-2.0
 * A backend to start from: four operators as plain loops. docs/backend.md builds, judges and measures it.
 *   cc -O2 -ffp-contract=off -shared -fPIC -I include tests/backend_example.c -o example.so -lm */
#include <lanewise_backend.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An instance: the descriptor and the weights, both copied. */
typedef struct instance {
  union {
    lw_conv2d_desc conv;
    lw_linear_desc linear;
    lw_pool2d_desc pool;
    lw_backend_count_desc map;
  } d;
  int relu;
  float *w, *bias;
} instance;

static const char *why = "";
static const char *error(void) { return why; }
static float relu_of(float v) { return 0 > v ? 0 : v; } /* NaN and -0 stay */

static void destroy(void *p) {
  instance *i = p;
  free(i->w);
  free(i->bias);
  free(i);
}

static float *copied(const float *from, int64_t count) {
  float *to = malloc((size_t)count * sizeof *to);
  if (to) memcpy(to, from, (size_t)count * sizeof *to);
  return to;
}

/* weights: NULL, or w (weight_count floats) and a bias (outputs floats) that may be NULL. */
static int create(const lw_backend_desc *desc, size_t bytes, const float *const *weights, int64_t weight_count, int64_t outputs,
                  void **made) {
  instance *i = calloc(1, sizeof *i);
  why = "no memory";
  if (!i) return 1;
  memcpy(&i->d, desc->shape, bytes);
  i->relu = desc->relu;
  if (weights) i->w = copied(weights[0], weight_count);
  if (weights && weights[1]) i->bias = copied(weights[1], outputs);
  *made = i;
  if (!weights || (i->w && (!weights[1] || i->bias))) return 0;
  destroy(i);
  return 1;
}

static int any(void *backend, const lw_backend_desc *desc) {
  (void)backend, (void)desc;
  return 1;
}

/* ------------------------------------------------------------------------------------------------------------- conv2d */

static int conv2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_conv2d_desc *d = desc->shape;
  (void)backend;
  return create(desc, sizeof *d, weights, d->oc * (d->ic / d->groups) * d->kh * d->kw, d->oc, made);
}

static float conv2d_at(const instance *i, const float *x, int64_t oc, int64_t oh, int64_t ow) {
  const lw_conv2d_desc *d = &i->d.conv;
  const int64_t ics = d->ic / d->groups, first = oc / (d->oc / d->groups) * ics;
  const float *w = i->w + oc * ics * d->kh * d->kw;
  float sum = i->bias ? i->bias[oc] : 0;
  for (int64_t ic = first; ic < first + ics; ic++)
    for (int64_t kh = 0; kh < d->kh; kh++)
      for (int64_t kw = 0; kw < d->kw; kw++) {
        const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
        const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
        const int inside = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw;
        sum = fmaf(inside ? x[(ic * d->ih + ih) * d->iw + iw] : 0, *w++, sum);
      }
  return i->relu ? relu_of(sum) : sum;
}

static int conv2d_run(void *p, const float *const *in, float *const *out) {
  const instance *i = p;
  const lw_conv2d_desc *d = &i->d.conv;
  const int64_t oh_count = (d->ih + d->pad_top + d->pad_bottom - d->dilation_h * (d->kh - 1) - 1) / d->stride_h + 1;
  const int64_t ow_count = (d->iw + d->pad_left + d->pad_right - d->dilation_w * (d->kw - 1) - 1) / d->stride_w + 1;
  float *y = out[0];
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t oc = 0; oc < d->oc; oc++)
      for (int64_t oh = 0; oh < oh_count; oh++)
        for (int64_t ow = 0; ow < ow_count; ow++) *y++ = conv2d_at(i, in[0] + n * d->ic * d->ih * d->iw, oc, oh, ow);
  return 0;
}

/* ------------------------------------------------------------------------------------------------------------- linear */

static int linear_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  const lw_linear_desc *d = desc->shape;
  (void)backend;
  return create(desc, sizeof *d, weights, d->out * d->in, d->out, made);
}

static int linear_run(void *p, const float *const *in, float *const *out) {
  const instance *i = p;
  const lw_linear_desc *d = &i->d.linear;
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t o = 0; o < d->out; o++) {
      float sum = i->bias ? i->bias[o] : 0;
      for (int64_t k = 0; k < d->in; k++) sum = fmaf(in[0][n * d->in + k], i->w[o * d->in + k], sum);
      out[0][n * d->out + o] = i->relu ? relu_of(sum) : sum;
    }
  return 0;
}

/* --------------------------------------------------------------------------------------------------- relu, max_pool2d */

static int relu_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  (void)backend;
  return create(desc, sizeof(lw_backend_count_desc), weights, 0, 0, made);
}

static int relu_run(void *p, const float *const *in, float *const *out) {
  const instance *i = p;
  for (int64_t k = 0; k < i->d.map.count; k++) out[0][k] = relu_of(in[0][k]);
  return 0;
}

/* A backend need not take every shape: this one leaves padded, dilated and rounded-up windows to others. */
static int pool_supported(void *backend, const lw_backend_desc *desc) {
  const lw_pool2d_desc *d = desc->shape;
  (void)backend;
  return d->pad_h == 0 && d->pad_w == 0 && d->dilation_h == 1 && d->dilation_w == 1 && !d->ceil_mode;
}

static int pool_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  (void)backend;
  return create(desc, sizeof(lw_pool2d_desc), weights, 0, 0, made);
}

static int pool_run(void *p, const float *const *in, float *const *out) {
  const lw_pool2d_desc *d = &((const instance *)p)->d.pool;
  const int64_t oh_count = (d->ih - d->kh) / d->stride_h + 1, ow_count = (d->iw - d->kw) / d->stride_w + 1;
  float *y = out[0];
  for (int64_t plane = 0; plane < d->n * d->c; plane++)
    for (int64_t oh = 0; oh < oh_count; oh++)
      for (int64_t ow = 0; ow < ow_count; ow++) {
        float m = -INFINITY;
        for (int64_t k = 0; k < d->kh * d->kw; k++) {
          const float v = in[0][(plane * d->ih + oh * d->stride_h + k / d->kw) * d->iw + ow * d->stride_w + k % d->kw];
          if (v > m || isnan(v)) m = v;
        }
        *y++ = m;
      }
  return 0;
}

/* ------------------------------------------------------------------------------------------------------------ backend */

static int open_backend(const lw_backend_options *options, void **backend) {
  (void)options; /* one thread, whatever is asked: results are the same */
  *backend = NULL;
  return 0;
}
static void close_backend(void *backend) { (void)backend; }

static const lw_backend_operator operators[] = {
    {"conv2d", LW_BACKEND_EXACT, any, conv2d_create, conv2d_run, destroy, NULL, NULL, NULL},
    {"linear", LW_BACKEND_EXACT, any, linear_create, linear_run, destroy, NULL, NULL, NULL},
    {"relu", LW_BACKEND_EXACT, any, relu_create, relu_run, destroy, NULL, NULL, NULL},
    {"max_pool2d", LW_BACKEND_EXACT, pool_supported, pool_create, pool_run, destroy, NULL, NULL, NULL},
};

__attribute__((visibility("default"))) const lw_backend *lanewise_backend(uint32_t abi) {
  static const lw_backend backend = {.size = sizeof(lw_backend),
                                     .name = "example",
                                     .version = "1.0",
                                     .operators = operators,
                                     .operator_count = sizeof operators / sizeof *operators,
                                     .operator_size = sizeof *operators,
                                     .open = open_backend,
                                     .close = close_backend,
                                     .error = error};
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
