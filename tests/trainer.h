/* SPDX-License-Identifier: Apache-2.0
 * What the tests of trainers share. */
#ifndef LANEWISE_TESTS_TRAINER_H
#define LANEWISE_TESTS_TRAINER_H

#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include "lanewise_train.h"
#include "tests/expect.h"

static const uint64_t seed = 21;

static inline float *values(int tensor, int64_t count) {
  float *x = must_get(count, sizeof *x);
  lw_kaiming_uniform(seed, tensor, 6, 0, count, x);
  return x;
}

static inline lw_trainer *make(lw_context *context, const lw_net *net, const lw_trainer_options *options) {
  const lw_weights weights = lw_weights_seeded(&seed);
  lw_trainer *t;
  must(lw_trainer_create(context, net, &weights, options, &t));
  return t;
}

#endif
