/* SPDX-License-Identifier: Apache-2.0
 * What linear_backward_data, _weights and _bias share. Rows and outputs sit around tiles of 4, 6 and 8, inputs and outputs around
 * vectors and strips of 3 and 4 of them. */
#ifndef LANEWISE_TESTS_KIT_LINEAR_BACKWARD_CASES_H
#define LANEWISE_TESTS_KIT_LINEAR_BACKWARD_CASES_H

#include "tests/kit/kit.h"

#define SHAPE(n_, in_, out_) .of.linear = {.n = n_, .in = in_, .out = out_}
static const kit_case cases[] = {
    {"1x1x1", SHAPE(1, 1, 1)},
    {"2x3x2", SHAPE(2, 3, 2)},
    {"3x4x3", SHAPE(3, 4, 3)},
    {"4x5x4", SHAPE(4, 5, 4)},
    {"5x7x5", SHAPE(5, 7, 5)},
    {"6x8x6", SHAPE(6, 8, 6)},
    {"7x9x7", SHAPE(7, 9, 7)},
    {"8x11x8", SHAPE(8, 11, 8)},
    {"9x12x9", SHAPE(9, 12, 9)},
    {"10x13x10", SHAPE(10, 13, 10)},
    {"11x15x12", SHAPE(11, 15, 12)},
    {"12x16x13", SHAPE(12, 16, 13)},
    {"13x17x15", SHAPE(13, 17, 15)},
    {"15x23x16", SHAPE(15, 23, 16)},
    {"16x24x17", SHAPE(16, 24, 17)},
    {"17x25x31", SHAPE(17, 25, 31)},
    {"18x31x32", SHAPE(18, 31, 32)},
    {"19x33x33", SHAPE(19, 33, 33)},
    {"24x47x5", SHAPE(24, 47, 5)},
    {"25x48x47", SHAPE(25, 48, 47)},
    {"1x49x49", SHAPE(1, 49, 49)},
    {"2x97x3", SHAPE(2, 97, 3)},
    {"33x145x7", SHAPE(33, 145, 7)},
    {"1x700x65", SHAPE(1, 700, 65)},
    {"70x19x130", SHAPE(70, 19, 130)},
    {"n0", SHAPE(0, 5, 10)},
    /* layers of the shipped networks */
    {"lenet5-f5", SHAPE(64, 400, 120)},
    {"lenet5-f6", SHAPE(64, 120, 84)},
    {"lenet5-out", SHAPE(64, 84, 10)},
    {"mlp-1", SHAPE(32, 784, 300)},
    {"net-fc", SHAPE(32, 3200, 10)},
    {"vgg16-fc8", SHAPE(4, 4096, 1000)},
    {"vgg16-fc7", SHAPE(4, 4096, 4096)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.linear = (lw_linear_desc){kit_between(r, 1, 30), kit_between(r, 1, 130), kit_between(r, 1, 60)};
}

/* Rows and outputs stay as they are, inputs keep the tail of a strip of 48. */
static void cut(kit_case *c) {
  lw_linear_desc *d = &c->of.linear;
  if (d->in > 400) d->in = 384 + d->in % 48;
  if (d->out > 300) d->out = 296 + d->out % 8;
}

static const kit_parameter parameters[] = {
    KIT_SIZE(n, of.linear.n), KIT_SIZE(in, of.linear.in), KIT_SIZE(out, of.linear.out), {0}};

#endif
