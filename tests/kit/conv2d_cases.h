/* SPDX-License-Identifier: Apache-2.0
 * The shapes of op_conv2d.c. Sizes sit at the seams of the kernels: blocks of 16 channels, tiles of 6 and 12 pixels, chunks of 32
 * input channels, 8, 6 or 4 rows at a time, tiles of 2x2 and 4x4 outputs. */
#ifndef LANEWISE_TESTS_KIT_CONV2D_CASES_H
#define LANEWISE_TESTS_KIT_CONV2D_CASES_H

#include "tests/kit/kit.h"

/* A case starts from SHAPE's defaults and overrides some. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define SHAPE(ic_, ih_, iw_, oc_, kh_, kw_)                                                                                      \
  .of.conv2d = {.n = 1,                                                                                                          \
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
#define STRIDE(h, w)     .of.conv2d.stride_h = h, .of.conv2d.stride_w = w
#define DILATION(h, w)   .of.conv2d.dilation_h = h, .of.conv2d.dilation_w = w
#define PAD4(t, l, b, r) .of.conv2d.pad_top = t, .of.conv2d.pad_left = l, .of.conv2d.pad_bottom = b, .of.conv2d.pad_right = r
#define PAD(p)           PAD4(p, p, p, p)
#define GROUPS(g)        .of.conv2d.groups = g
#define BATCH(b)         .of.conv2d.n = b
/* Square images and kernels. */
#define SQUARE(ic, size, oc, k) SHAPE(ic, size, size, oc, k, k)

static const kit_case cases[] = {
    /* output channels around blocks and vectors */
    {"oc1", SHAPE(3, 4, 7, 1, 3, 3), PAD(1)},
    {"oc2", SHAPE(3, 4, 7, 2, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"oc3", SHAPE(3, 4, 7, 3, 3, 3), PAD(1), .bias = 1},
    {"oc4", SHAPE(3, 4, 7, 4, 3, 3), PAD(1), .relu = 1},
    {"oc5", SHAPE(3, 4, 7, 5, 3, 3), PAD(1), .bias = 1},
    {"oc7", SHAPE(3, 4, 7, 7, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"oc8", SHAPE(3, 4, 7, 8, 3, 3), PAD(1)},
    {"oc9", SHAPE(3, 4, 7, 9, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"oc15", SHAPE(3, 4, 7, 15, 3, 3), PAD(1), .bias = 1},
    {"oc16", SHAPE(3, 4, 7, 16, 3, 3), PAD(1), .relu = 1},
    {"oc17", SHAPE(3, 4, 7, 17, 3, 3), PAD(1), .bias = 1},
    {"oc31", SHAPE(3, 4, 7, 31, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"oc32", SHAPE(3, 4, 7, 32, 3, 3), PAD(1)},
    {"oc33", SHAPE(3, 4, 7, 33, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"oc47", SHAPE(3, 4, 7, 47, 3, 3), PAD(1), .bias = 1},
    {"oc48", SHAPE(3, 4, 7, 48, 3, 3), PAD(1), .relu = 1},
    {"oc49", SHAPE(3, 4, 7, 49, 3, 3), PAD(1), .bias = 1},
    {"oc65", SHAPE(3, 4, 7, 65, 3, 3), PAD(1), .bias = 1, .relu = 1},
    /* input channels around blocks and chunks */
    {"ic1", SHAPE(1, 3, 5, 18, 3, 3), PAD(1)},
    {"ic2", SHAPE(2, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    {"ic15", SHAPE(15, 3, 5, 18, 3, 3), PAD(1), .relu = 1},
    {"ic16", SHAPE(16, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    {"ic17", SHAPE(17, 3, 5, 18, 3, 3), PAD(1)},
    {"ic31", SHAPE(31, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    {"ic32", SHAPE(32, 3, 5, 18, 3, 3), PAD(1), .relu = 1},
    {"ic33", SHAPE(33, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    {"ic63", SHAPE(63, 3, 5, 18, 3, 3), PAD(1)},
    {"ic64", SHAPE(64, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    {"ic65", SHAPE(65, 3, 5, 18, 3, 3), PAD(1), .relu = 1},
    {"ic97", SHAPE(97, 3, 5, 18, 3, 3), PAD(1), .bias = 1},
    /* output width around tiles; kernels whose rows fit registers (3 and 5) and others */
    {"w1-k3", SHAPE(5, 6, 1, 33, 3, 3), PAD(1), .bias = 1},
    {"w2-k1", SHAPE(5, 6, 2, 33, 1, 1), PAD(0), .bias = 1},
    {"w3-k5", SHAPE(5, 6, 3, 33, 5, 5), PAD(2), .bias = 1},
    {"w4-k2", SHAPE(5, 6, 4, 33, 2, 2), PAD(1), .bias = 1},
    {"w5-k3", SHAPE(5, 6, 5, 33, 3, 3), PAD(1), .bias = 1},
    {"w6-k1", SHAPE(5, 6, 6, 33, 1, 1), PAD(0), .bias = 1},
    {"w7-k5", SHAPE(5, 6, 7, 33, 5, 5), PAD(2), .bias = 1},
    {"w8-k2", SHAPE(5, 6, 8, 33, 2, 2), PAD(1), .bias = 1},
    {"w9-k3", SHAPE(5, 6, 9, 33, 3, 3), PAD(1), .bias = 1},
    {"w10-k1", SHAPE(5, 6, 10, 33, 1, 1), PAD(0), .bias = 1},
    {"w11-k5", SHAPE(5, 6, 11, 33, 5, 5), PAD(2), .bias = 1},
    {"w12-k2", SHAPE(5, 6, 12, 33, 2, 2), PAD(1), .bias = 1},
    {"w13-k3", SHAPE(5, 6, 13, 33, 3, 3), PAD(1), .bias = 1},
    {"w18-k1", SHAPE(5, 6, 18, 33, 1, 1), PAD(0), .bias = 1},
    {"w23-k5", SHAPE(5, 6, 23, 33, 5, 5), PAD(2), .bias = 1},
    {"w24-k2", SHAPE(5, 6, 24, 33, 2, 2), PAD(1), .bias = 1},
    {"w25-k3", SHAPE(5, 6, 25, 33, 3, 3), PAD(1), .bias = 1},
    {"w37-k1", SHAPE(5, 6, 37, 33, 1, 1), PAD(0), .bias = 1},
    {"k3-ic1oc16w12", SHAPE(1, 5, 12, 16, 3, 3), PAD(1), .bias = 1},
    {"k5-ic1oc16w12", SHAPE(1, 5, 12, 16, 5, 5), PAD(2)},
    {"k3-ic1oc16w25", SHAPE(1, 5, 25, 16, 3, 3), PAD(1), .bias = 1},
    {"k5-ic1oc16w25", SHAPE(1, 5, 25, 16, 5, 5), PAD(2)},
    {"k3-ic20oc16w12", SHAPE(20, 5, 12, 16, 3, 3), PAD(1), .bias = 1},
    {"k5-ic20oc16w12", SHAPE(20, 5, 12, 16, 5, 5), PAD(2)},
    {"k3-ic20oc16w25", SHAPE(20, 5, 25, 16, 3, 3), PAD(1), .bias = 1},
    {"k5-ic20oc16w25", SHAPE(20, 5, 25, 16, 5, 5), PAD(2)},
    {"k3-ic1oc32w12", SHAPE(1, 5, 12, 32, 3, 3), PAD(1), .bias = 1},
    {"k5-ic1oc32w12", SHAPE(1, 5, 12, 32, 5, 5), PAD(2)},
    {"k3-ic1oc32w25", SHAPE(1, 5, 25, 32, 3, 3), PAD(1), .bias = 1},
    {"k5-ic1oc32w25", SHAPE(1, 5, 25, 32, 5, 5), PAD(2)},
    {"k3-ic20oc32w12", SHAPE(20, 5, 12, 32, 3, 3), PAD(1), .bias = 1},
    {"k5-ic20oc32w12", SHAPE(20, 5, 12, 32, 5, 5), PAD(2)},
    {"k3-ic20oc32w25", SHAPE(20, 5, 25, 32, 3, 3), PAD(1), .bias = 1},
    {"k5-ic20oc32w25", SHAPE(20, 5, 25, 32, 5, 5), PAD(2)},
    /* rows at a time, with and without a fused pool */
    {"rows7x4", SHAPE(2, 7, 4, 17, 3, 3), PAD(1), .bias = 1},
    {"rows7x4-pool", SHAPE(2, 7, 4, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows8x4", SHAPE(2, 8, 4, 17, 3, 3), PAD(1), .bias = 1},
    {"rows8x4-pool", SHAPE(2, 8, 4, 17, 3, 3), PAD(1), .bias = 1, .relu = 0, .pool = 1},
    {"rows9x4", SHAPE(2, 9, 4, 17, 3, 3), PAD(1), .bias = 1},
    {"rows9x4-pool", SHAPE(2, 9, 4, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows17x3", SHAPE(2, 17, 3, 17, 3, 3), PAD(1), .bias = 1},
    {"rows17x3-pool", SHAPE(2, 17, 3, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows5x50", SHAPE(2, 5, 50, 17, 3, 3), PAD(1), .bias = 1},
    {"rows5x50-pool", SHAPE(2, 5, 50, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows7x51", SHAPE(2, 7, 51, 17, 3, 3), PAD(1), .bias = 1},
    {"rows7x51-pool", SHAPE(2, 7, 51, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows13x50", SHAPE(2, 13, 50, 17, 3, 3), PAD(1), .bias = 1},
    {"rows13x50-pool", SHAPE(2, 13, 50, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows3x100", SHAPE(2, 3, 100, 17, 3, 3), PAD(1), .bias = 1},
    {"rows3x100-pool", SHAPE(2, 3, 100, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"rows4x101", SHAPE(2, 4, 101, 17, 3, 3), PAD(1), .bias = 1},
    {"rows4x101-pool", SHAPE(2, 4, 101, 17, 3, 3), PAD(1), .bias = 1, .relu = 0, .pool = 1},
    {"rows5x100", SHAPE(2, 5, 100, 17, 3, 3), PAD(1), .bias = 1},
    {"rows5x100-pool", SHAPE(2, 5, 100, 17, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"pool-2x2", SHAPE(3, 2, 2, 16, 1, 1), .pool = 1},
    {"pool-chunks", SHAPE(70, 9, 11, 40, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"pool-batch", SHAPE(33, 6, 13, 33, 3, 3), PAD(1), BATCH(3), .relu = 1, .pool = 1},
    /* outputs of 1..9 rows and columns: tiles of Winograd's algorithms that end at, before and behind the edge */
    {"tiles-9x1", SHAPE(17, 9, 1, 33, 3, 3), PAD(1), .bias = 1},
    {"tiles-8x2", SHAPE(17, 10, 4, 33, 3, 3), .bias = 1},
    {"tiles-7x3", SHAPE(17, 7, 3, 33, 3, 3), PAD(1), .relu = 1},
    {"tiles-6x4", SHAPE(17, 8, 6, 33, 3, 3), .bias = 1},
    {"tiles-5x5", SHAPE(17, 5, 5, 33, 3, 3), PAD(1), .bias = 1},
    {"tiles-4x6", SHAPE(17, 6, 8, 33, 3, 3), .relu = 1},
    {"tiles-3x7", SHAPE(17, 3, 7, 33, 3, 3), PAD(1), .bias = 1},
    {"tiles-2x8", SHAPE(17, 4, 10, 33, 3, 3), .bias = 1},
    {"tiles-1x9", SHAPE(17, 1, 9, 33, 3, 3), PAD(1), .relu = 1},
    {"tiles-9x2-pool", SHAPE(16, 11, 4, 16, 3, 3), .bias = 1, .relu = 0, .pool = 1},
    {"tiles-8x3-pool", SHAPE(16, 8, 3, 16, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-7x4-pool", SHAPE(16, 9, 6, 16, 3, 3), .bias = 1, .relu = 0, .pool = 1},
    {"tiles-6x5-pool", SHAPE(16, 6, 5, 16, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-5x6-pool", SHAPE(16, 7, 8, 16, 3, 3), .bias = 1, .relu = 0, .pool = 1},
    {"tiles-4x7-pool", SHAPE(16, 4, 7, 16, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-3x8-pool", SHAPE(16, 5, 10, 16, 3, 3), .bias = 1, .relu = 0, .pool = 1},
    {"tiles-2x9-pool", SHAPE(16, 2, 9, 16, 3, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-pads", SHAPE(3, 7, 6, 20, 3, 3), PAD4(0, 1, 2, 3), .bias = 1},
    {"tiles-wide-pads", SHAPE(18, 3, 5, 16, 3, 3), PAD(4), .relu = 1},
    {"tiles-batch", SHAPE(20, 10, 6, 49, 3, 3), PAD(1), BATCH(5), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-panels", SHAPE(33, 9, 14, 112, 3, 3), PAD(1), .bias = 1},
    {"tiles-many", SHAPE(16, 57, 55, 17, 3, 3), PAD(1), .bias = 1, .relu = 1},
    {"tiles-k5-5x1", SHAPE(17, 9, 5, 33, 5, 5), .bias = 1},
    {"tiles-k5-4x2", SHAPE(17, 4, 2, 33, 5, 5), PAD(2), .relu = 1},
    {"tiles-k5-3x3", SHAPE(17, 7, 7, 33, 5, 5), .bias = 1},
    {"tiles-k5-2x4", SHAPE(17, 2, 4, 33, 5, 5), PAD(2), .relu = 1},
    {"tiles-k5-5x4-pool", SHAPE(16, 9, 8, 16, 5, 5), .bias = 1, .pool = 1},
    {"tiles-k5-4x5-pool", SHAPE(16, 4, 5, 16, 5, 5), PAD(2), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-k5-pads", SHAPE(3, 7, 6, 20, 5, 5), PAD4(0, 1, 3, 4), .bias = 1},
    {"tiles-k5-batch", SHAPE(20, 10, 6, 49, 5, 5), PAD(2), BATCH(5), .bias = 1, .relu = 1, .pool = 1},
    {"tiles-k5-panels", SHAPE(33, 9, 14, 112, 5, 5), PAD(1), .bias = 1},
    {"tiles-k5-many", SHAPE(16, 31, 29, 17, 5, 5), PAD(2), .bias = 1, .relu = 1},
    {"tiles-none", SHAPE(16, 8, 8, 16, 3, 3), PAD(1), BATCH(0), .bias = 1},
    /* kernel larger than the input, stride larger than the kernel, padding as large as the kernel or larger, one-sided padding */
    {"kernel-over-input", SHAPE(3, 2, 3, 20, 5, 7), PAD(3), .bias = 1},
    {"stride-over-kernel", SHAPE(4, 11, 23, 19, 2, 2), STRIDE(5, 3), .bias = 1},
    {"stride-2", SHAPE(3, 15, 29, 33, 3, 3), STRIDE(2, 2), PAD(1), .bias = 1, .relu = 1},
    {"stride-1x2", SHAPE(17, 6, 29, 32, 3, 5), STRIDE(1, 2), PAD(2)},
    {"stride-16", SHAPE(2, 3, 70, 17, 1, 3), STRIDE(1, 16)},
    {"stride-2-pool", SHAPE(3, 31, 33, 17, 3, 3), STRIDE(2, 2), PAD(1), .relu = 1, .pool = 1},
    {"pad-is-kernel", SHAPE(2, 4, 5, 17, 3, 3), PAD(3), .bias = 1},
    {"pad-over-kernel", SHAPE(2, 3, 3, 17, 2, 2), PAD(5)},
    {"pad-top", SHAPE(2, 5, 9, 16, 3, 3), PAD4(2, 0, 0, 0), .bias = 1},
    {"pad-left", SHAPE(2, 5, 9, 16, 3, 3), PAD4(0, 2, 0, 0), .bias = 1},
    {"pad-bottom", SHAPE(2, 5, 9, 16, 3, 3), PAD4(0, 0, 2, 0), .bias = 1},
    {"pad-right", SHAPE(2, 5, 9, 16, 3, 3), PAD4(0, 0, 0, 2), .bias = 1},
    {"pad-unused", SHAPE(2, 6, 8, 16, 3, 3), STRIDE(2, 2), PAD4(0, 0, 1, 1)},
    {"input-1x1", SHAPE(1, 1, 1, 1, 1, 1), .bias = 1},
    {"input-1x1-nobias", SHAPE(1, 1, 1, 1, 1, 1)},
    {"row-kernel", SHAPE(3, 5, 14, 16, 1, 7), PAD4(0, 3, 0, 3)},
    {"column-kernel", SHAPE(3, 14, 5, 16, 7, 1), PAD4(3, 0, 3, 0)},
    {"k11-s4", SHAPE(3, 31, 35, 24, 11, 11), STRIDE(4, 4), PAD(2), .bias = 1, .relu = 1},
    /* dilation, also as large as the stride: neighbouring outputs share taps again */
    {"dilation-2", SHAPE(3, 9, 11, 17, 3, 3), DILATION(2, 2), PAD(2), .bias = 1},
    {"dilation-3x1", SHAPE(3, 9, 11, 17, 3, 3), DILATION(3, 1), PAD(1)},
    {"dilation-is-stride", SHAPE(17, 9, 31, 33, 3, 3), DILATION(2, 2), STRIDE(2, 2), PAD(2), .bias = 1},
    {"dilation-over-input", SHAPE(1, 3, 3, 16, 2, 2), DILATION(4, 4), PAD(2)},
    /* batch and groups */
    {"n0", SHAPE(3, 5, 5, 16, 3, 3), BATCH(0), .bias = 1},
    {"n3", SHAPE(3, 5, 7, 20, 3, 3), PAD(1), BATCH(3), .bias = 1},
    {"n7-k1", SHAPE(20, 3, 3, 33, 1, 1), BATCH(7), .relu = 1},
    {"groups-2", SHAPE(6, 5, 7, 10, 3, 3), PAD(1), GROUPS(2), .bias = 1},
    {"groups-3-n2", SHAPE(9, 6, 6, 33, 3, 3), GROUPS(3), BATCH(2), .relu = 1},
    {"groups-16", SHAPE(32, 5, 6, 64, 3, 3), PAD(1), GROUPS(16)},
    {"depthwise-1", SHAPE(1, 6, 13, 1, 3, 3), PAD(1), GROUPS(1), .bias = 1, .relu = 1},
    {"depthwise-7", SHAPE(7, 6, 13, 7, 3, 3), PAD(1), GROUPS(7), .bias = 1, .relu = 1},
    {"depthwise-16", SHAPE(16, 6, 13, 16, 3, 3), PAD(1), GROUPS(16), .bias = 1, .relu = 0},
    {"depthwise-17", SHAPE(17, 6, 13, 17, 3, 3), PAD(1), GROUPS(17), .bias = 1, .relu = 1},
    {"depthwise-33", SHAPE(33, 6, 13, 33, 3, 3), PAD(1), GROUPS(33), .bias = 1, .relu = 1},
    {"depthwise-w31", SHAPE(2, 3, 31, 2, 3, 3), PAD(1), GROUPS(2), .bias = 1},
    {"depthwise-w66", SHAPE(2, 4, 66, 2, 3, 3), PAD(1), GROUPS(2), .bias = 1, .relu = 1},
    {"depthwise-w67-valid", SHAPE(2, 4, 67, 2, 3, 3), GROUPS(2)},
    {"depthwise-w131", SHAPE(1, 3, 131, 1, 1, 5), PAD(2), .bias = 1},
    {"depthwise-w151-s2", SHAPE(3, 5, 151, 3, 3, 3), PAD(1), STRIDE(2, 2), GROUPS(3), .bias = 1},
    {"depthwise-w201-s3-d2", SHAPE(3, 7, 201, 3, 3, 3), PAD(2), STRIDE(1, 3), DILATION(2, 2), GROUPS(3)},
    {"depthwise-kernel-over-input", SHAPE(4, 2, 3, 4, 5, 7), PAD(3), GROUPS(4), .bias = 1},
    {"depthwise-pad-over-kernel", SHAPE(4, 3, 3, 4, 2, 2), PAD(5), GROUPS(4), .bias = 1},
    {"depthwise-s2", SHAPE(20, 9, 17, 20, 5, 5), PAD(2), STRIDE(2, 2), GROUPS(20)},
    {"depthwise-x2", SHAPE(8, 6, 6, 16, 3, 3), PAD(1), GROUPS(8), .bias = 1},
    {"groups-2-taps", SHAPE(34, 5, 11, 18, 3, 3), PAD(1), GROUPS(2), BATCH(2), .bias = 1, .relu = 1},
    {"groups-2-many-taps", SHAPE(60, 7, 7, 14, 3, 3), PAD(1), GROUPS(2), STRIDE(2, 1), .bias = 1},
#include "tests/kit/conv2d_small_cases.h"
    /* layers of the shipped networks */
    {"lenet5-c1", SQUARE(1, 28, 6, 5), PAD(2), .bias = 1},
    {"lenet5-c1-fused", SQUARE(1, 28, 6, 5), PAD(2), .bias = 1, .relu = 1, .pool = 1},
    {"lenet5-c3", SQUARE(6, 14, 16, 5), .bias = 1},
    {"lenet5-c3-fused", SQUARE(6, 14, 16, 5), .bias = 1, .relu = 1, .pool = 1},
    {"net-c1", SQUARE(3, 32, 64, 5), .bias = 1},
    {"net-c1-fused", SQUARE(3, 32, 64, 5), .bias = 1, .relu = 1, .pool = 1},
    {"net-c2", SQUARE(64, 14, 128, 5), .bias = 1},
    {"net-c2-fused", SQUARE(64, 14, 128, 5), .bias = 1, .relu = 1, .pool = 1},
    {"vgg16-conv1_1", SQUARE(3, 224, 64, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv1_2", SQUARE(64, 224, 64, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"vgg16-conv2_1", SQUARE(64, 112, 128, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv2_2", SQUARE(128, 112, 128, 3), PAD(1), .bias = 1, .relu = 1, .pool = 1},
    {"vgg16-conv3_1", SQUARE(128, 56, 256, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv3_2", SQUARE(256, 56, 256, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv4_1", SQUARE(256, 28, 512, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv4_2", SQUARE(512, 28, 512, 3), PAD(1), .bias = 1, .relu = 1},
    {"vgg16-conv5_1", SQUARE(512, 14, 512, 3), PAD(1), .bias = 1, .relu = 1},
};

#endif
