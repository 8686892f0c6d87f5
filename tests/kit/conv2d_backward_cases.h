/* SPDX-License-Identifier: Apache-2.0
 * What conv2d_backward_data, _weights and _bias share. Sizes sit around vectors, strips of 3 and 4 of them, tiles of 4, 6 and 8
 * channels, and chunks of 128 steps. */
#ifndef LANEWISE_TESTS_KIT_CONV2D_BACKWARD_CASES_H
#define LANEWISE_TESTS_KIT_CONV2D_BACKWARD_CASES_H

#include <string.h>
#include "tests/kit/conv2d_shape.h"

#define SHAPE(n_, ic_, ih_, iw_, oc_, kh_, kw_)                                                                                  \
  .of.conv2d = {.n = n_,                                                                                                         \
                .ic = ic_,                                                                                                       \
                .ih = ih_,                                                                                                       \
                .iw = iw_,                                                                                                       \
                .oc = oc_,                                                                                                       \
                .kh = kh_,                                                                                                       \
                .kw = kw_,                                                                                                       \
                .stride_h = 1,                                                                                                   \
                .stride_w = 1,                                                                                                   \
                .dilation_h = 1,                                                                                                 \
                .dilation_w = 1,                                                                                                 \
                .groups = 1}

static const kit_case cases[] = {
    {"one", SHAPE(1, 1, 1, 1, 1, 1, 1)},
    {"k1", SHAPE(2, 3, 4, 5, 6, 1, 1)},
    /* channels */
    {"oc1", SHAPE(1, 3, 5, 7, 1, 3, 3), PAD(1)},
    {"oc1-large", SHAPE(1, 64, 46, 46, 1, 3, 3), PAD(1)}, /* some of so many short sums comes near its bound */
    {"oc3", SHAPE(1, 3, 5, 7, 3, 3, 3), PAD(1)},
    {"oc4", SHAPE(1, 5, 5, 7, 4, 3, 3), PAD(1)},
    {"oc5", SHAPE(1, 4, 5, 7, 5, 3, 3), PAD(1)},
    {"oc7", SHAPE(2, 6, 5, 7, 7, 3, 3), PAD(1)},
    {"oc8", SHAPE(2, 7, 5, 7, 8, 3, 3), PAD(1)},
    {"oc9", SHAPE(2, 8, 5, 7, 9, 3, 3), PAD(1)},
    {"oc15", SHAPE(1, 9, 5, 7, 15, 3, 3), PAD(1)},
    {"oc16", SHAPE(1, 11, 5, 7, 16, 3, 3), PAD(1)},
    {"oc17", SHAPE(1, 12, 5, 7, 17, 3, 3), PAD(1)},
    {"oc33", SHAPE(1, 17, 5, 7, 33, 3, 3), PAD(1)},
    {"oc50", SHAPE(3, 33, 3, 4, 50, 2, 2)},
    /* widths and areas of dx, dy and weights */
    {"w1", SHAPE(1, 4, 7, 1, 5, 3, 3), PAD(1)},
    {"w2", SHAPE(2, 4, 7, 2, 5, 3, 3), PAD(1)},
    {"w15", SHAPE(1, 3, 2, 15, 4, 1, 3), PAD4(0, 1, 0, 1)},
    {"w16", SHAPE(1, 3, 3, 16, 4, 3, 3), PAD(1)},
    {"w17", SHAPE(2, 3, 3, 17, 4, 3, 3), PAD(1)},
    {"w24", SHAPE(1, 3, 2, 24, 4, 3, 3), PAD(1)},
    {"w25", SHAPE(1, 3, 2, 25, 4, 3, 3), PAD(1)},
    {"w47", SHAPE(1, 3, 2, 47, 4, 3, 3), PAD(1)},
    {"w48", SHAPE(1, 3, 1, 48, 4, 3, 3), PAD(1)},
    {"w49", SHAPE(1, 3, 1, 49, 4, 3, 3), PAD(1)},
    {"area127", SHAPE(1, 2, 1, 127, 3, 1, 1)},
    {"area128", SHAPE(1, 2, 8, 16, 3, 1, 1)},
    {"area129", SHAPE(2, 2, 3, 43, 3, 1, 1)},
    {"area257", SHAPE(2, 5, 1, 257, 9, 1, 1)},
    {"steps", SHAPE(1, 15, 4, 5, 29, 3, 3), PAD(1)},
    /* padding, strides, dilation */
    {"valid-k5", SHAPE(1, 3, 9, 8, 7, 5, 5)},
    {"full", SHAPE(1, 3, 4, 5, 6, 3, 3), PAD(2)},
    {"asymmetric", SHAPE(2, 3, 6, 7, 5, 3, 2), PAD4(1, 0, 2, 1)},
    {"pad-over-kernel", SHAPE(2, 2, 3, 4, 3, 2, 2), PAD4(3, 2, 0, 4)},
    {"kernel-over-input", SHAPE(1, 3, 3, 2, 4, 5, 5), PAD4(1, 2, 1, 2)},
    {"stride2", SHAPE(2, 3, 8, 11, 5, 3, 3), STRIDE(2, 2), PAD(1)},
    {"stride2-k1", SHAPE(1, 4, 7, 9, 6, 1, 1), STRIDE(2, 2)},
    {"stride2x3", SHAPE(1, 4, 9, 13, 3, 3, 3), STRIDE(2, 3), PAD4(1, 0, 2, 1)},
    {"stride-over-kernel", SHAPE(2, 2, 9, 11, 3, 2, 1), STRIDE(4, 3)},
    {"stride-over-input", SHAPE(1, 2, 3, 4, 3, 2, 2), STRIDE(7, 9)},
    {"stride4-k11", SHAPE(1, 3, 31, 31, 4, 11, 11), STRIDE(4, 4), PAD(2)},
    {"dilation2x3", SHAPE(1, 2, 8, 9, 3, 3, 3), DILATION(2, 3), PAD4(2, 3, 2, 3)},
    {"dilation2-stride2", SHAPE(2, 2, 9, 10, 3, 3, 3), DILATION(2, 2), STRIDE(2, 2), PAD(2)},
    {"dilation3-stride2", SHAPE(1, 2, 11, 12, 5, 3, 2), DILATION(3, 3), STRIDE(2, 2), PAD(1)},
    {"rest-unread", SHAPE(1, 3, 8, 8, 4, 3, 3), STRIDE(3, 3)},
    /* groups */
    {"groups2", SHAPE(2, 6, 4, 5, 8, 3, 2), GROUPS(2), PAD4(1, 1, 1, 0)},
    {"groups3-uneven", SHAPE(1, 6, 5, 6, 15, 3, 3), GROUPS(3), PAD(1)},
    {"depthwise", SHAPE(2, 19, 6, 7, 19, 3, 3), GROUPS(19), PAD(1)},
    {"depthwise-twice-stride2", SHAPE(1, 5, 7, 9, 10, 3, 3), GROUPS(5), STRIDE(2, 2), PAD(1)},
    {"everything", SHAPE(2, 6, 9, 8, 9, 2, 3), STRIDE(2, 1), PAD4(0, 2, 3, 1), DILATION(3, 2), GROUPS(3)},
    {"n0", SHAPE(0, 3, 5, 5, 4, 3, 3)},
    {"n5", SHAPE(5, 4, 6, 6, 7, 3, 3), PAD(1)},
    /* groups of 16 samples */
    {"n16", SHAPE(16, 3, 5, 6, 4, 3, 3), PAD(1)},
    {"n17", SHAPE(17, 2, 4, 9, 7, 2, 2), STRIDE(2, 3), PAD(1)},
    {"n35-groups2", SHAPE(35, 4, 5, 3, 6, 3, 3), GROUPS(2), DILATION(1, 2), PAD(2)},
    {"n16-dilation2-stride2", SHAPE(16, 2, 7, 9, 3, 3, 3), DILATION(2, 2), STRIDE(2, 2), PAD(2)},
    {"n32-dense", SHAPE(32, 40, 1, 1, 25, 1, 1)},
    /* layers of the shipped networks */
    {"lenet5-c1", SHAPE(4, 1, 28, 28, 6, 5, 5), PAD(2)},
    {"lenet5-c3", SHAPE(4, 6, 14, 14, 16, 5, 5)},
    {"lenet5-c1-b64", SHAPE(64, 1, 28, 28, 6, 5, 5), PAD(2)},
    {"lenet5-c3-b64", SHAPE(64, 6, 14, 14, 16, 5, 5)},
    {"net-c1", SHAPE(1, 3, 32, 32, 64, 5, 5)},
    {"net-c2", SHAPE(1, 64, 14, 14, 128, 5, 5)},
    {"vgg16-c1", SHAPE(1, 3, 224, 224, 64, 3, 3), PAD(1)},
    {"vgg16-c6", SHAPE(1, 256, 56, 56, 256, 3, 3), PAD(1)},
    {"vgg16-c11", SHAPE(1, 512, 14, 14, 512, 3, 3), PAD(1)},
};

static void random_case(kit_random *r, kit_case *c) {
  lw_conv2d_desc *d = &c->of.conv2d;
  int64_t oh, ow;
  do {
    const int64_t groups = kit_between(r, 0, 2) == 0 ? kit_between(r, 2, 4) : 1;
    *d = (lw_conv2d_desc){.n = kit_between(r, 1, 3),
                          .ic = groups * kit_between(r, 1, groups > 1 ? 5 : 20),
                          .ih = kit_between(r, 1, 16),
                          .iw = kit_between(r, 1, 30),
                          .oc = groups * kit_between(r, 1, groups > 1 ? 5 : 25),
                          .kh = kit_between(r, 1, 5),
                          .kw = kit_between(r, 1, 5),
                          .stride_h = kit_between(r, 1, 3),
                          .stride_w = kit_between(r, 1, 3),
                          .pad_top = kit_between(r, 0, 3),
                          .pad_left = kit_between(r, 0, 3),
                          .pad_bottom = kit_between(r, 0, 3),
                          .pad_right = kit_between(r, 0, 3),
                          .dilation_h = kit_between(r, 1, 3),
                          .dilation_w = kit_between(r, 1, 3),
                          .groups = groups};
  } while (lw_conv2d_output(d, &oh, &ow) != LW_OK || d->n * d->oc * oh * ow * d->ic * d->kh * d->kw > 300000);
}

static double outputs(const kit_case *c) {
  int64_t oh, ow;
  output(c, &oh, &ow);
  return (double)(c->of.conv2d.n * c->of.conv2d.oc * oh * ow);
}

static int is_blocked(const lw_kernel *row) { return strcmp(row->algorithm, "blocked") == 0; }
static int is_samples(const lw_kernel *row) { return strcmp(row->algorithm, "samples") == 0; }

/* `samples` of one group, in the second variant: first its chains, then their sum. */
static inline void sum_in_second_pass(kit_run *run, int64_t chains_of_output, int64_t outputs) {
  lw_conv2d_backward_args *first = &run->args[0].conv2d_backward, *second = &run->args[1].conv2d_backward;
  if (run->variant == 0 || first->desc.n > LW_BLOCK || first->desc.n == 0) return;
  first->chains = kit_run_allocate(run, KIT_SCRATCH, (size_t)(outputs * chains_of_output * LW_BLOCK) * sizeof(float));
  *second = *first;
  second->is_sum = 1;
  run->passes = 2;
}

/* `samples`, in the second variant: images from the 17th on are added in a second pass. */
static inline void add_second_pass(kit_run *run) {
  lw_conv2d_backward_args *first = &run->args[0].conv2d_backward, *second = &run->args[1].conv2d_backward;
  if (run->variant == 0 || first->desc.n <= LW_BLOCK) return;
  *second = *first;
  first->desc.n = LW_BLOCK;
  second->desc.n -= LW_BLOCK;
  second->adds = 1;
  if (second->x_view.p) second->x_view.p += second->x_view.n_stride;
  second->dy_view.p += second->dy_view.n_stride;
  run->passes = 2;
}

/* What prepare of all three does; they set the tensors. */
static void prepare_args(kit_run *run, lw_op op) {
  lw_conv2d_backward_args *a = &run->args[0].conv2d_backward;
  *a = (lw_conv2d_backward_args){.desc = run->c->of.conv2d};
  output(run->c, &a->oh, &a->ow);
  if (!lw_isa_is_simd(run->row->isa) || is_blocked(run->row) || is_samples(run->row)) return;
  a->scratch_stride = lw_conv2d_backward_scratch(op, &a->desc);
  a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
}

static const kit_parameter parameters[] = {KIT_CONV2D_PARAMETERS, {0}};

#endif
