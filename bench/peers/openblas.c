/* SPDX-License-Identifier: Apache-2.0
 * OpenBLAS (https://github.com/OpenMathLib/OpenBLAS) as a backend: convolutions as im2col and sgemm, linear layers as sgemv or
 * sgemm. im2col runs on the calling thread, sgemm on OpenBLAS's. */
#include <cblas.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench/peers/peer.h"

typedef struct openblas {
  int threads;
} openblas;

/* ----------------------------------------------------------------------------------------------------------- operators */

static void relu(float *y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = 0 > y[i] ? 0 : y[i];
}

/* A copy of `count` floats; NULL and a message if there is no memory. */
static float *copy(const float *from, int64_t count) {
  float *to = peer_allocate("openblas: weights", (size_t)count * sizeof *to);
  if (to) memcpy(to, from, (size_t)count * sizeof *to);
  return to;
}

/* BLAS counts in int. */
static int fits(int64_t a, int64_t b, int64_t c) { return a <= INT_MAX && b <= INT_MAX && c <= INT_MAX; }

typedef struct conv2d {
  lw_conv2d_desc d;
  int relu, threads;
  int64_t oh, ow, k; /* k: inputs of an output */
  int64_t rows;      /* of y whose columns are in memory at a time */
  float *w, *bias;
  float *columns; /* [k][rows * ow]; NULL: x itself serves */
} conv2d;

/* Columns that are in memory at a time: few enough for a usual L3 cache, many enough that sgemm, which packs the weights anew for
 * every block, does not do little else. Of 0.5 MB to all columns at once this was best on VGG16. */
enum { COLUMN_BYTES = 4 << 20 };

static int conv2d_supported(void *backend, const lw_backend_desc *desc) {
  const lw_conv2d_desc *d = desc->shape;
  int64_t oh, ow;
  (void)backend;
  return lw_conv2d_output(d, &oh, &ow) == LW_OK && fits(d->oc, oh * ow, d->ic * d->kh * d->kw) && d->ih * d->iw <= INT_MAX;
}

static void conv2d_destroy(void *instance) {
  conv2d *c = instance;
  if (!c) return;
  peer_release(c->w);
  peer_release(c->bias);
  peer_release(c->columns);
  free(c);
}

static int conv2d_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  conv2d *c = calloc(1, sizeof *c);
  if (!c) return lw_fail(LW_NO_MEMORY, "openblas: no memory for a convolution");
  const lw_conv2d_desc *d = desc->shape;
  c->d = *d;
  c->relu = desc->relu;
  c->threads = ((const openblas *)backend)->threads;
  lw_status status = lw_conv2d_output(d, &c->oh, &c->ow);
  c->k = d->ic / d->groups * d->kh * d->kw;
  const int plain = d->kh == 1 && d->kw == 1 && d->stride_h == 1 && d->stride_w == 1 && d->pad_top == 0 && d->pad_left == 0 &&
                    d->pad_bottom == 0 && d->pad_right == 0;
  c->rows = c->oh;
  if (status == LW_OK && !plain) {
    const int64_t fit = COLUMN_BYTES / (int64_t)sizeof(float) / (c->k * c->ow);
    c->rows = fit < 1 ? 1 : fit < c->oh ? fit : c->oh;
    c->columns = peer_allocate("openblas: columns", (size_t)(c->k * c->rows * c->ow) * sizeof(float));
    if (!c->columns) status = LW_NO_MEMORY;
  }
  if (status == LW_OK && !(c->w = copy(weights[0], d->oc * c->k))) status = LW_NO_MEMORY;
  if (status == LW_OK && weights[1] && !(c->bias = copy(weights[1], d->oc))) status = LW_NO_MEMORY;
  if (status == LW_OK)
    *instance = c;
  else
    conv2d_destroy(c);
  return status;
}

/* Row (channel, kh, kw) of the columns of rows first..first+rows-1 of y. */
static void column_row(const conv2d *c, const float *x, int64_t kh, int64_t kw, int64_t first, int64_t rows, float *to) {
  const lw_conv2d_desc *d = &c->d;
  for (int64_t r = 0; r < rows; r++, to += c->ow) {
    const int64_t ih = (first + r) * d->stride_h + kh * d->dilation_h - d->pad_top;
    if (ih < 0 || ih >= d->ih) {
      memset(to, 0, (size_t)c->ow * sizeof *to);
      continue;
    }
    const float *from = x + ih * d->iw;
    const int64_t shift = kw * d->dilation_w - d->pad_left;
    if (d->stride_w == 1) { /* a run of x between zeros */
      int64_t begin = shift < 0 ? -shift : 0, end = d->iw - shift;
      if (begin > c->ow) begin = c->ow;
      if (end > c->ow) end = c->ow;
      if (end < begin) end = begin;
      memset(to, 0, (size_t)begin * sizeof *to);
      memcpy(to + begin, from + begin + shift, (size_t)(end - begin) * sizeof *to);
      memset(to + end, 0, (size_t)(c->ow - end) * sizeof *to);
      continue;
    }
    for (int64_t o = 0; o < c->ow; o++) {
      const int64_t iw = o * d->stride_w + shift;
      to[o] = iw >= 0 && iw < d->iw ? from[iw] : 0;
    }
  }
}

/* One group of one image. */
static void conv2d_group(const conv2d *c, const float *x, const float *w, const float *bias, float *y) {
  const lw_conv2d_desc *d = &c->d;
  const int64_t oc = d->oc / d->groups, pixels = c->oh * c->ow;
  for (int64_t first = 0; first < c->oh; first += c->rows) {
    const int64_t rows = c->oh - first < c->rows ? c->oh - first : c->rows, n = rows * c->ow;
    if (c->columns)
      for (int64_t k = 0; k < c->k; k++)
        column_row(c, x + k / (d->kh * d->kw) * d->ih * d->iw, k / d->kw % d->kh, k % d->kw, first, rows, c->columns + k * n);
    float *to = y + first * c->ow;
    if (bias)
      for (int64_t o = 0; o < oc; o++)
        for (int64_t i = 0; i < n; i++) to[o * pixels + i] = bias[o];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)oc, (int)n, (int)c->k, 1, w, (int)c->k,
                c->columns ? c->columns : x, (int)n, bias ? 1 : 0, to, (int)pixels);
    if (c->relu)
      for (int64_t o = 0; o < oc; o++) relu(to + o * pixels, n);
  }
}

static int conv2d_run(void *instance, const float *const *inputs, float *const *outputs) {
  const conv2d *c = instance;
  const lw_conv2d_desc *d = &c->d;
  const int64_t ic = d->ic / d->groups, oc = d->oc / d->groups;
  openblas_set_num_threads(c->threads);
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t g = 0; g < d->groups; g++)
      conv2d_group(c, inputs[0] + (n * d->ic + g * ic) * d->ih * d->iw, c->w + g * oc * c->k, c->bias ? c->bias + g * oc : NULL,
                   outputs[0] + (n * d->oc + g * oc) * c->oh * c->ow);
  return LW_OK;
}

typedef struct linear {
  lw_linear_desc d;
  int relu, threads;
  float *w, *bias;
} linear;

static int linear_supported(void *backend, const lw_backend_desc *desc) {
  const lw_linear_desc *d = desc->shape;
  (void)backend;
  return d->n >= 0 && d->in > 0 && d->out > 0 && fits(d->n, d->in, d->out);
}

static void linear_destroy(void *instance) {
  linear *l = instance;
  if (!l) return;
  peer_release(l->w);
  peer_release(l->bias);
  free(l);
}

static int linear_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **instance) {
  linear *l = calloc(1, sizeof *l);
  if (!l) return lw_fail(LW_NO_MEMORY, "openblas: no memory for a linear layer");
  l->d = *(const lw_linear_desc *)desc->shape;
  l->relu = desc->relu;
  l->threads = ((const openblas *)backend)->threads;
  if (!(l->w = copy(weights[0], l->d.in * l->d.out)) || (weights[1] && !(l->bias = copy(weights[1], l->d.out))))
    return linear_destroy(l), (int)LW_NO_MEMORY;
  *instance = l;
  return LW_OK;
}

static int linear_run(void *instance, const float *const *inputs, float *const *outputs) {
  const linear *l = instance;
  const int n = (int)l->d.n, in = (int)l->d.in, out = (int)l->d.out;
  const float beta = l->bias ? 1 : 0;
  openblas_set_num_threads(l->threads);
  for (int64_t i = 0; i < n && l->bias; i++) memcpy(outputs[0] + i * out, l->bias, (size_t)out * sizeof(float));
  if (n == 1)
    cblas_sgemv(CblasRowMajor, CblasNoTrans, out, in, 1, l->w, in, inputs[0], 1, beta, outputs[0], 1);
  else if (n > 1)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, out, in, 1, inputs[0], in, l->w, in, beta, outputs[0], out);
  if (l->relu) relu(outputs[0], (int64_t)n * out);
  return LW_OK;
}

/* ------------------------------------------------------------------------------------------------------------- backend */

/* OpenBLAS chooses its kernels when it is loaded. Those of these cores use AVX-512. */
static int runs_avx512(const char *core) {
  static const char *const names[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(core, names[i]) == 0) return 1;
  return 0;
}

static int open_backend(const lw_backend_options *options, void **backend) {
  const char *core = openblas_get_corename();
  if (options->threads < 1) return lw_fail(LW_BAD_ARGUMENT, "openblas: threads is %d, expected at least 1", options->threads);
  if (options->threads > 1 && openblas_get_parallel() == OPENBLAS_SEQUENTIAL)
    return lw_fail(LW_UNSUPPORTED, "openblas: threads is %d, but this build of OpenBLAS has no threads", options->threads);
  if (options->isa && !peer_isa_is(options, "avx512") && !peer_isa_is(options, "avx2"))
    return lw_fail(LW_UNSUPPORTED, "openblas: isa is \"%s\", expected avx2 or avx512", options->isa);
  if (peer_isa_is(options, "avx2") && runs_avx512(core))
    return lw_fail(LW_UNSUPPORTED,
                   "openblas: isa is \"avx2\", but OpenBLAS has chosen its kernels for %s: the environment "
                   "variable OPENBLAS_CORETYPE=Haswell holds it to AVX2",
                   core);
  openblas *b = malloc(sizeof *b);
  if (!b) return lw_fail(LW_NO_MEMORY, "openblas: no memory for the backend");
  b->threads = options->threads;
  openblas_set_num_threads(b->threads);
  *backend = b;
  return LW_OK;
}

static void close_backend(void *backend) { free(backend); }

static const lw_backend_operator operators[] = {
    {.op = "conv2d",
     .promise = LW_BACKEND_ANY_ORDER,
     .supported = conv2d_supported,
     .create = conv2d_create,
     .run = conv2d_run,
     .destroy = conv2d_destroy},
    {.op = "linear",
     .promise = LW_BACKEND_ANY_ORDER,
     .supported = linear_supported,
     .create = linear_create,
     .run = linear_run,
     .destroy = linear_destroy},
};

const lw_backend *lanewise_backend(uint32_t abi) {
  static char version[96];
  static lw_backend backend = {.size = sizeof backend,
                               .name = "openblas",
                               .version = version,
                               .operators = operators,
                               .operator_count = sizeof operators / sizeof *operators,
                               .operator_size = sizeof *operators,
                               .open = open_backend,
                               .close = close_backend,
                               .error = lw_error_message};
  /* With the core whose kernels run: OPENBLAS_CORETYPE in the environment may have chosen a slow one. */
  const int parallel = openblas_get_parallel();
  char number[32] = "unknown";
  (void)sscanf(openblas_get_config(), "OpenBLAS %31s", number);
  snprintf(version, sizeof version, "%s (core %s, %s)", number, openblas_get_corename(),
           parallel == OPENBLAS_OPENMP   ? "OpenMP"
           : parallel == OPENBLAS_THREAD ? "pthreads"
                                         : "no threads");
  return abi == LW_BACKEND_ABI ? &backend : NULL;
}
