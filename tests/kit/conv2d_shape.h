/* SPDX-License-Identifier: Apache-2.0
 * What conv2d and its gradients share: the words of their tables of shapes, the size of an output, cut layers. */
#ifndef LANEWISE_TESTS_KIT_CONV2D_SHAPE_H
#define LANEWISE_TESTS_KIT_CONV2D_SHAPE_H

#include "tests/kit/kit.h"

/* A case starts from the defaults of a table's SHAPE and overrides some. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define STRIDE(h, w)     .of.conv2d.stride_h = h, .of.conv2d.stride_w = w
#define DILATION(h, w)   .of.conv2d.dilation_h = h, .of.conv2d.dilation_w = w
#define PAD4(t, l, b, r) .of.conv2d.pad_top = t, .of.conv2d.pad_left = l, .of.conv2d.pad_bottom = b, .of.conv2d.pad_right = r
#define PAD(p)           PAD4(p, p, p, p)
#define GROUPS(g)        .of.conv2d.groups = g

static void output(const kit_case *c, int64_t *oh, int64_t *ow) {
  *oh = *ow = 0;
  lw_conv2d_output(&c->of.conv2d, oh, ow);
}

/* 16 keeps the tail of a block; image sizes keep theirs modulo 4. */
static int64_t at_most(int64_t size, int64_t most, int64_t unit) {
  return size <= most ? size : most - unit + size % unit + (size % unit == 0 ? unit : 0);
}
static void cut(kit_case *c) {
  lw_conv2d_desc *d = &c->of.conv2d;
  if (d->groups == 1) d->ic = at_most(d->ic, 64, LW_BLOCK), d->oc = at_most(d->oc, 64, LW_BLOCK);
  d->ih = at_most(d->ih, 28, 4);
  d->iw = at_most(d->iw, 28, 4);
}

#define KIT_CONV2D_PARAMETERS                                                                                                    \
  KIT_SIZE(n, of.conv2d.n), KIT_SIZE(ic, of.conv2d.ic), KIT_SIZE(ih, of.conv2d.ih), KIT_SIZE(iw, of.conv2d.iw),                  \
      KIT_SIZE(oc, of.conv2d.oc), KIT_SIZE(kh, of.conv2d.kh), KIT_SIZE(kw, of.conv2d.kw),                                        \
      KIT_SIZE(stride_h, of.conv2d.stride_h), KIT_SIZE(stride_w, of.conv2d.stride_w), KIT_SIZE(pad_top, of.conv2d.pad_top),      \
      KIT_SIZE(pad_left, of.conv2d.pad_left), KIT_SIZE(pad_bottom, of.conv2d.pad_bottom),                                        \
      KIT_SIZE(pad_right, of.conv2d.pad_right), KIT_SIZE(dilation_h, of.conv2d.dilation_h),                                      \
      KIT_SIZE(dilation_w, of.conv2d.dilation_w), KIT_SIZE(groups, of.conv2d.groups)

/* Ways to run a row of algorithm `samples`: halos as tight as can be, and wider ones. Not the layers of big images or many
 * channels: it would compute 16 of them, as no network does. */
static inline int kit_samples_variants(const lw_conv2d_desc *d) {
  int64_t oh = 0, ow = 0;
  lw_conv2d_output(d, &oh, &ow);
  const double macs = (double)(LW_SAMPLES(d->n) * LW_BLOCK * d->oc * oh * ow) * (double)(d->ic / d->groups * d->kh * d->kw);
  return macs > 2e7 ? 0 : 2;
}

#endif
