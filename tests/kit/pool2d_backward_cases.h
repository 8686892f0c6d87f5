/* SPDX-License-Identifier: Apache-2.0
 * What max_pool2d_backward and avg_pool2d_backward share: shapes without dilation. Widths sit around vectors, with windows of 2x2
 * side by side and with others. */
#ifndef LANEWISE_TESTS_KIT_POOL2D_BACKWARD_CASES_H
#define LANEWISE_TESTS_KIT_POOL2D_BACKWARD_CASES_H

#include <string.h>
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

/* A case starts from SHAPE's defaults and overrides some. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define SHAPE(n_, c_, ih_, iw_, kernel, stride)                                                                                  \
  .of.pool2d = {.n = n_,                                                                                                         \
                .c = c_,                                                                                                         \
                .ih = ih_,                                                                                                       \
                .iw = iw_,                                                                                                       \
                .kh = kernel,                                                                                                    \
                .kw = kernel,                                                                                                    \
                .stride_h = stride,                                                                                              \
                .stride_w = stride,                                                                                              \
                .dilation_h = 1,                                                                                                 \
                .dilation_w = 1}
#define KERNEL(h, w)   .of.pool2d.kh = h, .of.pool2d.kw = w
#define STRIDE(h, w)   .of.pool2d.stride_h = h, .of.pool2d.stride_w = w
#define PAD(h, w)      .of.pool2d.pad_h = h, .of.pool2d.pad_w = w
#define DILATION(h, w) .of.pool2d.dilation_h = h, .of.pool2d.dilation_w = w
#define CEIL           .of.pool2d.ceil_mode = 1
#define INCLUDE_PAD    .of.pool2d.count_include_pad = 1

/* Output widths; with an odd number of rows and columns of x. */
#define SIDE_BY_SIDE(width)                                                                                                      \
  { "2x2-w" #width, SHAPE(1, 2, 5, 2 * width + width % 2, 2, 2) }
#define OVERLAPPING(width)                                                                                                       \
  { "3x3s1-w" #width, SHAPE(1, 2, 4, width, 3, 1), PAD(1, 1) }

#define PLAIN_CASES                                                                                                              \
  KIT_WIDTHS(SIDE_BY_SIDE), KIT_WIDTHS(OVERLAPPING), {"w63", SHAPE(1, 2, 4, 126, 2, 2)}, {"w64", SHAPE(1, 2, 4, 128, 2, 2)},     \
      {"w65", SHAPE(1, 2, 4, 130, 2, 2)}, {"3x3s1-w65", SHAPE(2, 1, 5, 67, 3, 1)}, {"3x3s1-w130", SHAPE(1, 1, 4, 132, 3, 1)},    \
      {"k1", SHAPE(1, 3, 3, 5, 1, 1)}, {"k1-s3", SHAPE(1, 3, 7, 20, 1, 3)}, {"k3-s2-p1", SHAPE(1, 17, 9, 11, 3, 2), PAD(1, 1)},  \
      {"k3-s2-p1-include", SHAPE(1, 3, 9, 11, 3, 2), PAD(1, 1), INCLUDE_PAD}, {"k3-s2-ceil", SHAPE(1, 5, 8, 12, 3, 2), CEIL},    \
      {"k3-s2-p1-ceil", SHAPE(1, 5, 8, 12, 3, 2), PAD(1, 1), CEIL},                                                              \
      {"k3-s2-p1-ceil-include", SHAPE(2, 5, 8, 12, 3, 2), PAD(1, 1), CEIL, INCLUDE_PAD},                                         \
      {"k2-s2-odd-ceil", SHAPE(1, 20, 7, 13, 2, 2), CEIL}, {"k2-s2-even-ceil", SHAPE(1, 2, 8, 14, 2, 2), CEIL},                  \
      {"k2-s2-p1", SHAPE(1, 3, 7, 9, 2, 2), PAD(1, 1)}, {"k2-s3-ceil-drop", SHAPE(1, 3, 4, 4, 2, 3), PAD(1, 1), CEIL},           \
      {"k2-s5", SHAPE(1, 3, 13, 23, 2, 5)}, {"k2x3", SHAPE(1, 6, 7, 9, 2, 1), KERNEL(2, 3)},                                     \
      {"k5x1-p2x0", SHAPE(1, 6, 7, 9, 2, 1), KERNEL(5, 1), PAD(2, 0)}, {"s1x2", SHAPE(1, 6, 7, 19, 3, 1), STRIDE(1, 2)},         \
      {"s2x1", SHAPE(1, 6, 7, 19, 3, 1), STRIDE(2, 1)}, {"k2-s2x1", SHAPE(1, 2, 6, 19, 2, 2), STRIDE(2, 1)},                     \
      {"input-is-kernel", SHAPE(1, 4, 3, 3, 3, 3)}, {"kernel-over-input", SHAPE(1, 4, 2, 3, 4, 1), PAD(2, 2)},                   \
      {"global", SHAPE(2, 5, 7, 7, 7, 1)}, {"n0", SHAPE(0, 4, 4, 4, 2, 2)}, {"n3", SHAPE(3, 19, 4, 6, 2, 2)},                    \
      {"lenet5-s2", SHAPE(4, 6, 28, 28, 2, 2)}, {"lenet5-s4", SHAPE(4, 16, 10, 10, 2, 2)},                                       \
      {"net-p1", SHAPE(1, 64, 28, 28, 2, 2)}, {"net-p2", SHAPE(1, 128, 10, 10, 2, 2)},                                           \
      {"vgg16-p1", SHAPE(1, 64, 224, 224, 2, 2)}, {                                                                              \
    "vgg16-p5", SHAPE(1, 512, 14, 14, 2, 2)                                                                                      \
  }

static void output(const kit_case *c, int64_t *oh, int64_t *ow) {
  *oh = *ow = 0;
  lw_pool2d_output(&c->of.pool2d, oh, ow);
}

static void random_shape(kit_random *r, kit_case *c, int64_t most_dilation) {
  lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh, ow;
  do {
    *d = (lw_pool2d_desc){.n = kit_between(r, 1, 2),
                          .c = kit_between(r, 1, 20),
                          .ih = kit_between(r, 1, 16),
                          .iw = kit_between(r, 1, 80),
                          .kh = kit_between(r, 1, 4),
                          .kw = kit_between(r, 1, 4),
                          .stride_h = kit_between(r, 1, 4),
                          .stride_w = kit_between(r, 1, 4),
                          .dilation_h = kit_between(r, 1, most_dilation),
                          .dilation_w = kit_between(r, 1, most_dilation),
                          .ceil_mode = (int)kit_between(r, 0, 1),
                          .count_include_pad = (int)kit_between(r, 0, 1)};
    d->pad_h = kit_between(r, 0, d->kh / 2);
    d->pad_w = kit_between(r, 0, d->kw / 2);
  } while (lw_pool2d_output(d, &oh, &ow) != LW_OK);
}

static double flops(const kit_case *c) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh, ow;
  output(c, &oh, &ow);
  return (double)(d->n * d->c * oh * ow * d->kh * d->kw);
}

static int is_blocked(const lw_kernel *row) { return strcmp(row->algorithm, "blocked") == 0; }
enum { NO_HALOS, HALOS, BLOCKED_VARIANTS };
static int variants(const lw_kernel *row, const kit_case *c) {
  (void)c;
  return is_blocked(row) ? BLOCKED_VARIANTS : 1;
}

/* The views of `blocked`. */
static void prepare_views(kit_run *run, const float *dy) {
  lw_pool2d_backward_args *a = &run->args[0].pool2d_backward;
  const lw_pool2d_desc *d = &a->desc;
  static const int64_t none[4] = {0, 0, 0, 0}, dy_halo[4] = {1, 1, 2, 2}, dx_halo[4] = {2, 1, 1, 3};
  const int halos = run->variant == HALOS;
  a->dy_view = kit_view_allocate(run, KIT_IN, d->n, d->c, a->oh, a->ow, LW_BLOCK, halos ? dy_halo : NULL);
  a->dx_view = kit_view_allocate(run, KIT_OUT, d->n, d->c, d->ih, d->iw, LW_BLOCK, halos ? dx_halo : NULL);
  if (a->dy_view.p) kit_view_fill(&a->dy_view, d->n, d->c, dy, none);
}

static void collect_view(kit_run *run, float *dx) {
  const lw_pool2d_backward_args *a = &run->args[0].pool2d_backward;
  if (is_blocked(run->row)) kit_view_collect(run, &a->dx_view, a->desc.n, a->desc.c, dx);
}

static const kit_parameter parameters[] = {KIT_POOL2D_PARAMETERS, {0}};

#endif
