/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference: one naive C file per operator, the definition of every bit. Each file is written over `real` and compiled
 * several times under different prefixes:
 *   ref_*      float, baseline CPU: the definition of mode `exact`
 *   ref64_*    double: the oracle for error bounds and golden vectors
 *   naive_*    float, scalar FMA instructions: the same bits, timed as `naive`
 *   autovec_*  float, -O3 -ffast-math and an ISA's flags: what the compiler makes of the same loops, timed as `autovec`
 * Arguments are what include/lanewise.h says; nothing is validated here, the public functions do that. */
#ifndef LANEWISE_REF_REF_H
#define LANEWISE_REF_REF_H

#include <math.h>
#include <stdint.h>
#include "lanewise.h"

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
