/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference: one naive C file per operator, the definition of every bit. Each file is written over `real` and compiled
 * several times under different prefixes:
 *   ref_*      float, baseline CPU: the definition of mode `exact`
 *   ref64_*    double: the oracle for error bounds and golden vectors
 *   naive_*    float, scalar FMA instructions: the same bits, timed as `naive`
 *   autovec_*  float, -O3 -ffast-math and an ISA's flags: what the compiler makes of the same loops, timed as `autovec`
 * Arguments are what include/lanewise.h and lanewise_train.h say; nothing is validated here, the public functions do that. */
#ifndef LANEWISE_REF_REF_H
#define LANEWISE_REF_REF_H

#include <math.h>
#include <stdint.h>
#include "lanewise.h"
#include "lanewise_train.h"

#ifndef REF_PREFIX
#  define REF_PREFIX ref_
#endif
#define REF_PASTE_(prefix, name) prefix##name
#define REF_PASTE(prefix, name)  REF_PASTE_(prefix, name)
/* REF(conv2d) is ref_conv2d, ref64_conv2d, ... */
#define REF(name) REF_PASTE(REF_PREFIX, name)

#ifdef REF_DOUBLE
typedef double real;
#  define real_fma fma
#  define REAL(x)  x
#else
typedef float real;
#  define real_fma fmaf
#  define REAL(x)  x##f
#endif

/* forward */
void REF(conv2d)(const lw_conv2d_desc *d, const real *x, const real *w, const real *bias, real *y);
/* Winograd's F(m x m, r x r), r = d->kh, and its parts: weights g[r][r] to u[t][t], an input tile d[t][t] and a sum of products
 * v[t][t] in place (outputs are rows and columns 0..m-1 of v); t = m + r - 1, with (m, r) = (4, 3), (2, 3) or (2, 5). */
void REF(conv2d_winograd)(int m, const lw_conv2d_desc *d, const real *x, const real *w, const real *bias, real *y);
void REF(winograd_weights)(int m, int r, const real *g, real *u);
void REF(winograd_input)(int t, real *d);
void REF(winograd_output)(int m, int t, real *v);
void REF(linear)(const lw_linear_desc *d, const real *x, const real *w, const real *bias, real *y);
void REF(relu)(int64_t count, const real *x, real *y);
void REF(tanh)(int64_t count, const real *x, real *y);
void REF(add)(int64_t count, const real *a, const real *b, real *y);
void REF(dropout)(int64_t count, const real *x, real *y);
void REF(flatten)(int64_t count, const real *x, real *y);
void REF(max_pool2d)(const lw_pool2d_desc *d, const real *x, real *y, int32_t *index);
void REF(avg_pool2d)(const lw_pool2d_desc *d, const real *x, real *y);
void REF(softmax)(int64_t n, int64_t c, const real *x, real *y);
void REF(log_softmax)(int64_t n, int64_t c, const real *x, real *y);
void REF(topk)(int64_t n, int64_t c, int64_t k, const real *x, real *y, int32_t *index);

/* backward, loss, weight update. Ranges of outputs (oc0..oc1-1) and a first element are what shares of the work need. */
void REF(conv2d_backward_data)(const lw_conv2d_desc *d, const real *dy, const real *w, real *dx);
void REF(conv2d_backward_data_winograd)(int m, const lw_conv2d_desc *d, int64_t ic0, int64_t ic1, const real *dy, const real *w,
                                        real *dx);
void REF(conv2d_backward_weights)(const lw_conv2d_desc *d, int64_t oc0, int64_t oc1, const real *x, const real *dy, real *dw);
void REF(conv2d_backward_bias)(const lw_conv2d_desc *d, int64_t oc0, int64_t oc1, const real *dy, real *db);
void REF(linear_backward_data)(const lw_linear_desc *d, const real *dy, const real *w, real *dx);
void REF(linear_backward_weights)(const lw_linear_desc *d, int64_t o0, int64_t o1, const real *x, const real *dy, real *dw);
void REF(linear_backward_bias)(const lw_linear_desc *d, int64_t o0, int64_t o1, const real *dy, real *db);
void REF(relu_backward)(int64_t count, const real *y, const real *dy, real *dx);
void REF(tanh_backward)(int64_t count, const real *y, const real *dy, real *dx);
void REF(max_pool2d_backward)(const lw_pool2d_desc *d, const int32_t *index, const real *dy, real *dx);
void REF(avg_pool2d_backward)(const lw_pool2d_desc *d, const real *dy, real *dx);
void REF(dropout_train)(int64_t first, int64_t count, float probability, uint64_t seed, uint64_t stream, const real *x, real *y);
void REF(softmax_cross_entropy)(const lw_cross_entropy_desc *d, const real *x, const int32_t *labels, real *loss);
void REF(softmax_cross_entropy_backward)(const lw_cross_entropy_desc *d, const real *x, const int32_t *labels, real *dx);
void REF(sgd)(const lw_sgd_options *o, int first_step, int64_t count, const real *w, const real *g, const real *buffer,
              real *new_w, real *new_buffer);

/* image */
void REF(u8_to_f32)(int64_t c, int64_t h, int64_t w, const uint8_t *u, real *y);
void REF(grayscale)(int64_t n, int64_t h, int64_t w, const real *x, real *y);
void REF(normalize)(int64_t n, int64_t c, int64_t h, int64_t w, const real *mean, const real *std, const real *x, real *y);
void REF(filter2d)(const lw_filter2d_desc *d, const real *kernel, const real *x, real *y);
void REF(resize_bilinear)(const lw_resize_desc *d, const real *x, real *y);
void REF(crop)(const lw_crop_desc *d, const real *x, real *y);
void REF(flip)(int64_t n, int64_t c, int64_t h, int64_t w, int horizontal, int vertical, const real *x, real *y);
void REF(pad2d)(const lw_pad2d_desc *d, const real *x, real *y);

#endif
