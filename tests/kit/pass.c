/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/pass.h"

#include <float.h>
#include <math.h>
#include <sha256.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/nets.h"
#include "tests/kit/winograd.h"

enum { SAMPLES = 48 };

_Static_assert(PASS_HEX == SHA256_DIGEST_STRING_LENGTH, "a digest in hexadecimal");

void pass_input(const lw_net *net, float *x) {
  lw_kaiming_uniform(PASS_SEED, PASS_INPUT_TENSOR, 6, 0, net->c * net->h * net->w, x);
}

void pass_sha256(const float *values, int64_t count, char hex[PASS_HEX]) {
  SHA256Data((const uint8_t *)values, (size_t)count * sizeof *values, hex);
}

const char *pass_name(const lw_net *net, lw_mode mode) {
  static char name[64];
  snprintf(name, sizeof name, "%s%s", net->name, mode == LW_FAST ? "/fast" : "");
  return name;
}

int pass_digest(const char *path, const lw_net *net, lw_mode mode, const char *layer, char hex[PASS_HEX]) {
  const char *name = pass_name(net, mode);
  char of_net[64], of_layer[64], digest[PASS_HEX];
  int found = 0;
  FILE *f = fopen(path, "r");
  while (f && !found && fscanf(f, "%63s %63s %64s", of_net, of_layer, digest) == 3)
    found = strcmp(of_net, name) == 0 && strcmp(of_layer, layer) == 0;
  if (f) fclose(f);
  if (found) memcpy(hex, digest, PASS_HEX);
  return found;
}

const char *pass_check_digest(const char *path, const lw_net *net, lw_mode mode, const lw_plan *plan, void *workspace) {
  char hex[PASS_HEX], want[PASS_HEX];
  if (!pass_digest(path, net, mode, net->layers[net->layer_count - 1].name, want))
    return "data/golden/digests.txt has no line for this network";
  const int64_t inputs = net->c * net->h * net->w, outputs = lw_plan_outputs(plan);
  float *x = malloc((size_t)(inputs + outputs) * sizeof *x), *y = x + inputs;
  if (!x) return "no memory";
  pass_input(net, x);
  const lw_status status = lw_plan_run(plan, x, y, workspace);
  pass_sha256(y, outputs, hex);
  free(x);
  return status != LW_OK          ? lw_error_message()
         : strcmp(hex, want) == 0 ? NULL
                                  : "the output's digest is not that of the reference";
}

typedef struct walk {
  const lw_net *net;
  const lw_plan *plan;
  lw_shape *shapes;
  float *x, *w; /* input of the layer that comes next; one row of weights */
  int tensor;
  double winograd_worst;
  const char *error;
} walk;

static double gamma_of(int64_t n) { return (double)n * 0x1p-24 / (1 - (double)n * 0x1p-24); }

/* The tile of Winograd's algorithm that computes a layer; 0: another algorithm. */
static int winograd_of(const walk *s, size_t layer) {
  lw_step_info info;
  for (size_t i = 0; i < lw_plan_steps(s->plan); i++)
    if (lw_plan_step(s->plan, i, &info) == LW_OK && info.name[0] && info.first_layer == layer)
      return kit_winograd_tile(info.algorithm);
  return 0;
}

/* The bound of output (oh, ow) of a channel with kernels s->w. */
static double winograd_bound(const walk *s, int m, const lw_conv2d_desc *c, int64_t oh, int64_t ow, double bias) {
  const kit_winograd k = kit_winograd_make(m, (int)c->kh);
  const int64_t taps = c->ic * k.r * k.r;
  const int64_t inputs = c->ic * k.t * k.t;
  double *d = malloc((size_t)(inputs + taps) * sizeof *d), *g = d + inputs, bounds[4][4];
  if (!d) return -1;
  for (int64_t i = 0; i < inputs; i++) {
    const int64_t ic = i / k.t / k.t;
    const int64_t ih = oh / m * m + i / k.t % k.t - c->pad_top, iw = ow / m * m + i % k.t - c->pad_left;
    const int inside = ih >= 0 && ih < c->ih && iw >= 0 && iw < c->iw;
    d[i] = inside ? s->x[(ic * c->ih + ih) * c->iw + iw] : 0;
  }
  for (int64_t i = 0; i < taps; i++) g[i] = s->w[i];
  kit_winograd_bound(&k, c->ic, d, g, bias, bounds);
  free(d);
  return bounds[oh % m][ow % m];
}

/* Output `i` of conv2d (or of linear, being a conv2d over the whole image). */
static void check_sum(walk *s, size_t layer, const lw_conv2d_desc *d, int64_t oh_count, int64_t ow_count, int64_t i, float got) {
  const int64_t oc = i / ow_count / oh_count, oh = i / ow_count % oh_count, ow = i % ow_count;
  const int64_t ic_group = d->ic / d->groups, group = oc / (d->oc / d->groups), k = ic_group * d->kh * d->kw;
  float bias = 0;
  lw_kaiming_uniform(PASS_SEED, s->tensor, k, oc * k, k, s->w);
  if (!s->net->layers[layer].no_bias) lw_kaiming_uniform(PASS_SEED, s->tensor + 1, k, oc, 1, &bias);
  double sum = bias, absolute = fabs((double)bias);
  for (int64_t t = 0; t < k; t++) {
    const int64_t ic = group * ic_group + t / d->kw / d->kh;
    const int64_t ih = oh * d->stride_h - d->pad_top + t / d->kw % d->kh * d->dilation_h;
    const int64_t iw = ow * d->stride_w - d->pad_left + t % d->kw * d->dilation_w;
    if (ih < 0 || ih >= d->ih || iw < 0 || iw >= d->iw) continue;
    const double product = (double)s->x[(ic * d->ih + ih) * d->iw + iw] * (double)s->w[t];
    sum += product;
    absolute += fabs(product);
  }
  const int m = winograd_of(s, layer);
  if (m) {
    const double ratio = fabs(got - sum) / winograd_bound(s, m, d, oh, ow, bias);
    if (ratio > s->winograd_worst) s->winograd_worst = ratio;
    if (!(ratio >= 0 && ratio <= 1)) s->error = "an output is further from its true value than Winograd's algorithm can be";
  } else if (!(fabs(got - sum) <= gamma_of(k + 2) * absolute + (double)FLT_MIN)) {
    s->error = "a sum is further from its true value than any order can be";
  }
}

static void check_sums(walk *s, size_t layer, const lw_conv2d_desc *d, const float *y, int64_t count) {
  int64_t oh, ow;
  if (lw_conv2d_output(d, &oh, &ow) != LW_OK) return;
  for (int64_t k = 0; k < SAMPLES; k++) {
    const int64_t i = k == 0 ? 0 : k == 1 ? count - 1 : (int64_t)((uint64_t)k * 2654435761u % (uint64_t)count);
    check_sum(s, layer, d, oh, ow, i, y[i]);
  }
  s->tensor += 1 + !s->net->layers[layer].no_bias;
}

static void observe(void *user, size_t layer, const float *y, int64_t count) {
  walk *s = user;
  const lw_layer *l = &s->net->layers[layer];
  lw_shape in = s->shapes[layer];
  switch (l->kind) {
  case LW_LAYER_CONV2D: {
    const lw_conv2d_desc d = lw_layer_conv2d(l, 1, in);
    check_sums(s, layer, &d, y, count);
    break;
  }
  case LW_LAYER_LINEAR: {
    const lw_conv2d_desc d = {1, in.c, in.h, in.w, l->out, in.h, in.w, 1, 1, 0, 0, 0, 0, 1, 1, 1};
    check_sums(s, layer, &d, y, count);
    break;
  }
  case LW_LAYER_RELU:
    for (int64_t i = 0; i < count; i++)
      if (y[i] != (0 > s->x[i] ? 0 : s->x[i])) s->error = "relu is wrong";
    break;
  case LW_LAYER_TANH: /* libm's tanhf is within 4 ulp by its documentation */
    for (int64_t i = 0; i < count; i++)
      if (!(fabs(y[i] - tanh((double)s->x[i])) <= 4 * 0x1p-23 * fabs((double)y[i]) + 1e-37)) s->error = "tanh is wrong";
    break;
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: {
    const lw_shape out = s->shapes[layer + 1];
    const lw_pool2d_desc d = lw_layer_pool2d(l, 1, in);
    for (int64_t i = 0; i < count; i++) {
      const int64_t c = i / out.w / out.h, oh = i / out.w % out.h, ow = i % out.w;
      double max = -INFINITY, sum = 0, absolute = 0;
      for (int64_t k = 0; k < d.kh * d.kw; k++) { /* the shipped networks pool without padding */
        const double v = s->x[(c * in.h + oh * d.stride_h + k / d.kw) * in.w + ow * d.stride_w + k % d.kw];
        max = v > max ? v : max;
        sum += v;
        absolute += fabs(v);
      }
      const double n = (double)(d.kh * d.kw);
      if (l->kind == LW_LAYER_MAX_POOL2D ? y[i] != max : !(fabs(y[i] - sum / n) <= gamma_of(d.kh * d.kw + 2) * absolute / n))
        s->error = "a pool is wrong";
    }
    break;
  }
  default: break;
  }
  memcpy(s->x, y, (size_t)count * sizeof *y);
}

const char *pass_check_bounds(const lw_net *net, const lw_plan *plan, const float *x, float *y, void *workspace,
                              double *winograd_worst) {
  int64_t largest = net->c * net->h * net->w;
  walk s = {.net = net, .plan = plan, .shapes = malloc((net->layer_count + 1) * sizeof *s.shapes)};
  if (!s.shapes || lw_net_shapes(net, s.shapes) != LW_OK) {
    free(s.shapes);
    return "no memory";
  }
  for (size_t i = 0; i <= net->layer_count; i++) {
    const lw_shape shape = s.shapes[i];
    if (shape.c * shape.h * shape.w > largest) largest = shape.c * shape.h * shape.w;
  }
  s.x = malloc((size_t)largest * sizeof *s.x);
  int64_t count, fan_in, longest = 0;
  for (int t = 0; lw_net_tensor(net, t, &count, &fan_in) == LW_OK; t++)
    if (fan_in > longest) longest = fan_in;
  s.w = malloc((size_t)longest * sizeof *s.w);
  if (s.x && s.w) {
    memcpy(s.x, x, (size_t)(net->c * net->h * net->w) * sizeof *x);
    if (lw_plan_observe(plan, x, y, workspace, observe, &s) != LW_OK) s.error = lw_error_message();
  } else {
    s.error = "no memory";
  }
  if (winograd_worst) *winograd_worst = s.winograd_worst;
  free(s.x);
  free(s.w);
  free(s.shapes);
  return s.error;
}
