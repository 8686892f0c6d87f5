/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/layer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "runtime/context.h"
#include "tests/kit/winograd.h"

enum { PARTS = 64, ROWS = 4 }; /* shares of the work, whatever the threads; output channels side by side */

/* ------------------------------------------------------------------------------------------------------------- making */

static lw_status read_parameter(const lw_net *net, const lw_weights *weights, int tensor, float **values) {
  lw_parameter_info p;
  lw_status status = lw_net_parameter(net, tensor, &p);
  if (status != LW_OK) return status;
  *values = malloc((size_t)p.count * sizeof **values);
  if (!*values) return lw_fail(LW_NO_MEMORY, "no memory for %" PRId64 " floats of %s", p.count, p.name);
  status = weights->read(weights->user, net, tensor, p.name, 0, p.count, *values);
  for (int64_t i = 0; i < p.count && status == LW_OK; i++)
    if (!isfinite((*values)[i]))
      status = lw_fail(LW_BAD_ARGUMENT, "%s[%" PRId64 "] is %g, expected finite weights", p.name, i, (double)(*values)[i]);
  return status;
}

static lw_op op_of(lw_layer_kind kind) {
  switch (kind) {
  case LW_LAYER_RELU: return LW_OP_relu;
  case LW_LAYER_TANH: return LW_OP_tanh;
  case LW_LAYER_MAX_POOL2D: return LW_OP_max_pool2d;
  case LW_LAYER_AVG_POOL2D: return LW_OP_avg_pool2d;
  case LW_LAYER_DROPOUT: return LW_OP_dropout;
  case LW_LAYER_SOFTMAX: return LW_OP_softmax;
  default: return LW_OP_conv2d;
  }
}

lw_status kit_layer_make(const lw_net *net, const lw_shape *shapes, size_t layer, int tensor, const lw_weights *weights,
                         kit_layer *l) {
  const lw_layer *from = &net->layers[layer];
  const lw_shape in = shapes[layer], out = shapes[layer + 1];
  *l = (kit_layer){
      .name = from->name, .op = kit_op_find(op_of(from->kind)), .inputs = in.c * in.h * in.w, .outputs = out.c * out.h * out.w};
  switch (from->kind) {
  case LW_LAYER_MAX_POOL2D:
  case LW_LAYER_AVG_POOL2D: l->c.of.pool2d = lw_layer_pool2d(from, 1, in); return LW_OK;
  case LW_LAYER_SOFTMAX: l->c.of.rows.n = 1, l->c.of.rows.c = l->inputs; return LW_OK;
  case LW_LAYER_CONV2D: l->c.of.conv2d = lw_layer_conv2d(from, 1, in); break;
  case LW_LAYER_LINEAR: l->c.of.conv2d = (lw_conv2d_desc){1, l->inputs, 1, 1, from->out, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1}; break;
  default: l->c.of.count = l->inputs; return LW_OK;
  }
  const lw_conv2d_desc *d = &l->c.of.conv2d;
  l->c.bias = !from->no_bias;
  l->macs = (double)l->outputs * (double)(d->ic / d->groups * d->kh * d->kw);
  lw_status status = read_parameter(net, weights, tensor, &l->w);
  if (status == LW_OK && l->c.bias) status = read_parameter(net, weights, tensor + 1, &l->bias);
  return status;
}

void kit_layer_free(kit_layer *l) {
  free(l->w);
  free(l->bias);
  l->w = l->bias = NULL;
}

/* --------------------------------------------------------------------------------------------------------- in double */

typedef struct convolution {
  const kit_layer *l;
  const double *x;
  double *y;
} convolution;

/* The columns of the output whose input column, ow * stride - pad + offset, is in the image: *first .. *last - 1. */
static void inside(int64_t size, int64_t stride, int64_t start, int64_t outputs, int64_t *first, int64_t *last) {
  *first = start < 0 ? (-start + stride - 1) / stride : 0;
  *last = start < size ? (size - 1 - start) / stride + 1 : 0;
  if (*last > outputs) *last = outputs;
}

/* Adds one tap of a row of outputs to `rows` channels: w[channel][..] with `w_stride` floats between channels. */
static void add_tap(const lw_conv2d_desc *d, const double *x_row, int64_t start, int64_t first, int64_t last, const float *w,
                    int64_t w_stride, int rows, double *y, int64_t y_stride) {
  for (int q = 0; q < rows; q++) {
    const double weight = w[q * w_stride];
    double *out = y + q * y_stride;
    if (d->stride_w == 1)
      for (int64_t ow = first; ow < last; ow++) out[ow] += weight * x_row[start + ow];
    else
      for (int64_t ow = first; ow < last; ow++) out[ow] += weight * x_row[start + ow * d->stride_w];
  }
}

/* Output row oh of channels oc .. oc + rows - 1, which are of one group. */
static void convolve_row(const convolution *v, int64_t oc, int rows, int64_t oh, int64_t oh_count, int64_t ow_count) {
  const lw_conv2d_desc *d = &v->l->c.of.conv2d;
  const int64_t ic_group = d->ic / d->groups, group = oc / (d->oc / d->groups), k = ic_group * d->kh * d->kw;
  const int64_t plane = oh_count * ow_count;
  double *y = v->y + oc * plane + oh * ow_count;
  for (int q = 0; q < rows; q++)
    for (int64_t ow = 0; ow < ow_count; ow++) y[q * plane + ow] = v->l->bias ? v->l->bias[oc + q] : 0;
  for (int64_t t = 0; t < k; t++) {
    const int64_t ic = group * ic_group + t / d->kw / d->kh, kw = t % d->kw;
    const int64_t ih = oh * d->stride_h - d->pad_top + t / d->kw % d->kh * d->dilation_h;
    const int64_t start = kw * d->dilation_w - d->pad_left;
    int64_t first, last;
    if (ih < 0 || ih >= d->ih) continue;
    inside(d->iw, d->stride_w, start, ow_count, &first, &last);
    add_tap(d, v->x + (ic * d->ih + ih) * d->iw, start, first, last, v->l->w + oc * k + t, k, rows, y, plane);
  }
}

static void convolve(void *arg, int part, int parts) {
  const convolution *v = arg;
  const lw_conv2d_desc *d = &v->l->c.of.conv2d;
  const int64_t oc_group = d->oc / d->groups, blocks = (oc_group + ROWS - 1) / ROWS;
  int64_t oh_count, ow_count;
  if (lw_conv2d_output(d, &oh_count, &ow_count) != LW_OK) return;
  for (int64_t i = part; i < d->groups * blocks * oh_count; i += parts) {
    const int64_t block = i / oh_count % blocks, oc = i / oh_count / blocks * oc_group + block * ROWS;
    const int64_t left = oc_group - block * ROWS;
    convolve_row(v, oc, left < ROWS ? (int)left : ROWS, i % oh_count, oh_count, ow_count);
  }
}

void kit_layer_ref64(const lw_context *context, const kit_layer *l, const double *x, double *y) {
  void *const t[KIT_TENSORS] = {(void *)x, y};
  convolution v = {l, x, y};
  if (l->macs > 0)
    lw_parallel(context, PARTS, convolve, &v);
  else
    l->op->ref64(&l->c, t);
}

/* ------------------------------------------------------------------------------------------------------------ judging */

typedef struct judgement {
  const kit_layer *l;
  const float *x, *y;
  kit_order order;
  kit_winograd winograd; /* m == 0: not its algorithm */
  int64_t oh, ow;
  int64_t samples, *sample; /* 0: all outputs */
  kit_accuracy of_part[PARTS];
  int no_memory[PARTS];
} judgement;

/* Output i against its sum in double. bound < 0: that of a chain. */
static void judge_output(const judgement *j, int64_t i, double bound, kit_accuracy *a) {
  const lw_conv2d_desc *d = &j->l->c.of.conv2d;
  const int64_t oc = i / j->ow / j->oh, oh = i / j->ow % j->oh, ow = i % j->ow;
  const int64_t ic_group = d->ic / d->groups, group = oc / (d->oc / d->groups);
  const float *w = j->l->w + oc * ic_group * d->kh * d->kw;
  kit_chain chain = kit_chain_start(j->l->bias ? j->l->bias[oc] : 0);
  for (int64_t ic = 0; ic < ic_group; ic++)
    for (int64_t kh = 0; kh < d->kh; kh++) {
      const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
      const float *row = j->x + ((group * ic_group + ic) * d->ih + ih) * d->iw;
      for (int64_t kw = 0; kw < d->kw; kw++, w++) {
        const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
        if (ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw) kit_chain_fma(&chain, row[iw], *w);
      }
    }
  kit_accuracy_add(a, j->y[i], chain.sum, bound < 0 ? kit_chain_bound(&chain, j->order) : bound);
}

/* The transformed inputs of the tile that starts with output (h, w). */
static void transform(const judgement *j, int64_t h, int64_t w, kit_winograd_input *v) {
  const lw_conv2d_desc *d = &j->l->c.of.conv2d;
  const int t = j->winograd.t;
  for (int64_t ic = 0; ic < d->ic; ic++) {
    double in[36];
    for (int i = 0; i < t * t; i++) {
      const int64_t ih = h + i / t - d->pad_top, iw = w + i % t - d->pad_left;
      in[i] = ih >= 0 && ih < d->ih && iw >= 0 && iw < d->iw ? j->x[(ic * d->ih + ih) * d->iw + iw] : 0;
    }
    v[ic] = kit_winograd_transform(&j->winograd, in);
  }
}

/* The outputs of a tile and channel, or (only >= 0) that one of them. g is scratch for the channel's kernels. */
static void judge_tile(const judgement *j, int64_t oc, int64_t h, int64_t w, const kit_winograd_input *v, double *g, int64_t only,
                       kit_accuracy *a) {
  const int64_t ic = j->l->c.of.conv2d.ic, taps = ic * j->winograd.r * j->winograd.r;
  const int m = j->winograd.m;
  double bound[4][4];
  for (int64_t i = 0; i < taps; i++) g[i] = j->l->w[oc * taps + i];
  kit_winograd_bound(&j->winograd, ic, v, g, j->l->bias ? j->l->bias[oc] : 0, bound);
  for (int i = 0; i < m * m; i++) {
    const int64_t oh = h + i / m, ow = w + i % m, at = (oc * j->oh + oh) * j->ow + ow;
    if (oh < j->oh && ow < j->ow && (only < 0 || only == at)) judge_output(j, at, bound[i / m][i % m], a);
  }
}

static void judge_tiles(const judgement *j, int part, int parts, kit_accuracy *a, kit_winograd_input *v, double *g) {
  const int m = j->winograd.m;
  const int64_t columns = (j->ow + m - 1) / m, tiles = (j->oh + m - 1) / m * columns;
  for (int64_t i = part; i < j->samples; i += parts) {
    const int64_t at = j->sample[i], h = at / j->ow % j->oh / m * m, w = at % j->ow / m * m;
    transform(j, h, w, v);
    judge_tile(j, at / j->ow / j->oh, h, w, v, g, at, a);
  }
  for (int64_t i = part; i < tiles && !j->samples; i += parts) {
    transform(j, i / columns * m, i % columns * m, v);
    for (int64_t oc = 0; oc < j->l->c.of.conv2d.oc; oc++) judge_tile(j, oc, i / columns * m, i % columns * m, v, g, -1, a);
  }
}

static void judge_sums(void *arg, int part, int parts) {
  judgement *j = arg;
  const int64_t count = j->samples ? j->samples : j->l->outputs, ic = j->l->c.of.conv2d.ic;
  kit_accuracy a = {0};
  if (!j->winograd.m) {
    for (int64_t i = part; i < count; i += parts) judge_output(j, j->samples ? j->sample[i] : i, -1, &a);
  } else {
    kit_winograd_input *v = malloc((size_t)ic * sizeof *v);
    double *g = malloc((size_t)(ic * j->winograd.r * j->winograd.r) * sizeof *g);
    j->no_memory[part] = !v || !g;
    if (v && g) judge_tiles(j, part, parts, &a, v, g);
    free(v);
    free(g);
  }
  j->of_part[part] = a;
}

/* Seeded outputs, and the corners of the first and the last channel. */
static void take_samples(judgement *j) {
  const int64_t plane = j->oh * j->ow, last = j->l->outputs - plane, corners[] = {0, j->ow - 1, plane - j->ow, plane - 1};
  kit_random r = {1};
  for (int64_t i = 0; i < j->samples; i++)
    j->sample[i] = i < 8 ? corners[i % 4] + (i < 4 ? 0 : last) : kit_between(&r, 0, j->l->outputs - 1);
}

static lw_status judge_convolution(const lw_context *context, judgement *j, int64_t samples, kit_accuracy *a) {
  int no_memory = 0;
  if (lw_conv2d_output(&j->l->c.of.conv2d, &j->oh, &j->ow) != LW_OK) return LW_BAD_SHAPE;
  if (samples > 0 && samples + 8 < j->l->outputs) {
    j->samples = samples + 8;
    j->sample = malloc((size_t)j->samples * sizeof *j->sample);
    if (!j->sample) return LW_NO_MEMORY;
    take_samples(j);
  }
  lw_parallel(context, PARTS, judge_sums, j);
  for (int part = 0; part < PARTS; part++) {
    kit_accuracy_join(a, &j->of_part[part]);
    no_memory |= j->no_memory[part];
  }
  free(j->sample);
  return no_memory ? LW_NO_MEMORY : LW_OK;
}

/* By the operator's own oracle and bound. */
static lw_status judge_other(const kit_layer *l, kit_order order, const float *x, const float *y, kit_accuracy *a) {
  double *x64 = malloc((size_t)(l->inputs + 2 * l->outputs) * sizeof *x64), *y64 = x64 + l->inputs, *bound = y64 + l->outputs;
  void *const t[KIT_TENSORS] = {x64, y64};
  if (!x64) return LW_NO_MEMORY;
  for (int64_t i = 0; i < l->inputs; i++) x64[i] = x[i];
  l->op->ref64(&l->c, t);
  if (l->op->bound) l->op->bound(&l->c, t, order, bound);
  for (int64_t i = 0; i < l->outputs; i++) kit_accuracy_add(a, y[i], y64[i], l->op->bound ? bound[i] : 0);
  free(x64);
  return LW_OK;
}

lw_status kit_layer_judge(const lw_context *context, const kit_layer *l, const char *algorithm, kit_order order, int64_t samples,
                          const float *x, const float *y, kit_accuracy *a) {
  judgement j = {.l = l, .x = x, .y = y, .order = order};
  const int m = kit_winograd_tile(algorithm);
  if (m) j.winograd = kit_winograd_make(m, (int)l->c.of.conv2d.kh);
  const lw_status status = l->macs > 0 ? judge_convolution(context, &j, samples, a) : judge_other(l, order, x, y, a);
  return status == LW_OK ? status : lw_fail(status, "no memory to judge layer %s", l->name);
}
