/* SPDX-License-Identifier: Apache-2.0
 * Training that every machine repeats to the bit: what data/golden/learning.txt holds of some runs. For tests, and for
 * benchmarks, which print no number for a wrong step. */
#ifndef LANEWISE_TESTS_KIT_LEARN_H
#define LANEWISE_TESTS_KIT_LEARN_H

#include "lanewise_train.h"
#include "tests/kit/pass.h"

/* For programs that define LANEWISE_SOURCE_DIR. */
#define LEARN_GOLDEN LANEWISE_SOURCE_DIR "/data/golden/learning.txt"

/* Where some steps have led. */
typedef struct learn_state {
  float loss; /* of the last step, before its update */
  char sha256[PASS_HEX];
} learn_state;

/* sha256 of all that a trainer holds: weights, gradients, momentum buffers, each in the order of the parameter tensors. */
void learn_sha256(const lw_net *net, const lw_trainer *t, char hex[PASS_HEX]);

/* What stands for a run in the file: "lenet5/digits/b12/s100", "vgg16/fast/noise/b4/s2". */
enum { LEARN_NAME = 64 };
void learn_name(const lw_net *net, lw_mode mode, const char *data, int64_t batch, int steps, char name[LEARN_NAME]);
/* 0 if the file cannot be read or has no such run. */
int learn_known(const char *path, const char *name, learn_state *state);

/* What benchmarks learn from: seeded noise x[n][c][h][w] and labels[n]. */
void learn_noise(const lw_net *net, int64_t n, float *x, int32_t *labels);
/* A trainer's options for that, for batches of up to n. */
lw_trainer_options learn_noise_options(lw_mode mode, int64_t n);
/* LEARN_NOISE_STEPS steps on the noise, the last with a learning rate of 0: so that every further step does the same work and,
 * dropout apart, has the same loss, and only momentum buffers change, which stay below ten times the gradients. */
enum { LEARN_NOISE_STEPS = 2 };
lw_status learn_noise_steps(const lw_net *net, lw_trainer *t, int64_t n, const float *x, const int32_t *labels,
                            learn_state *state);

#endif
