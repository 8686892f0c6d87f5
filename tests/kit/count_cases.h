/* SPDX-License-Identifier: Apache-2.0
 * Cases of operators over single elements: none, around vectors of 4, 8 and 16 lanes, a LeNet-5 layer, of one image and of a
 * batch of 64. */
#ifndef LANEWISE_TESTS_KIT_COUNT_CASES_H
#define LANEWISE_TESTS_KIT_COUNT_CASES_H

#include "tests/kit/kit.h"

#define COUNT(number)                                                                                                            \
  { .name = #number, .of.count = number }
static const kit_case cases[] = {
    COUNT(0),    COUNT(1),    COUNT(2),
    COUNT(3),    COUNT(4),    COUNT(5),
    COUNT(6),    COUNT(7),    COUNT(8),
    COUNT(9),    COUNT(11),   COUNT(15),
    COUNT(16),   COUNT(17),   COUNT(31),
    COUNT(32),   COUNT(33),   COUNT(97),
    COUNT(1000), COUNT(4704), {.name = "lenet5-relu1-b64", .of.count = INT64_C(64) * 4704},
};

static void random_case(kit_random *r, kit_case *c) { c->of.count = kit_between(r, 1, 5000); }
static const kit_parameter parameters[] = {KIT_SIZE(count, of.count), {0}};
static double flops(const kit_case *c) { return (double)c->of.count; }

#endif
