/* SPDX-License-Identifier: Apache-2.0
 * Whole passes: what the reference gives, as digests, and whether a pass in any order of sums is within its bounds. For tests,
 * and for benchmarks, which print no number for a wrong pass. */
#ifndef LANEWISE_TESTS_KIT_PASS_H
#define LANEWISE_TESTS_KIT_PASS_H

#include "lanewise.h"

/* The seeded networks: weights by lw_weights_seeded(PASS_SEED), one image by pass_input. */
enum { PASS_SEED = 1, PASS_INPUT_TENSOR = 1000, PASS_HEX = 65 };

/* The input of the digests: c*h*w floats in [-1, 1). */
void pass_input(const lw_net *net, float *x);
/* sha256 of floats as they lie in memory (little endian). */
void pass_sha256(const float *values, int64_t count, char hex[PASS_HEX]);
/* What stands for a network and a mode in data/golden/digests.txt: "vgg16", "vgg16/fast". Points to memory that the next call
 * uses. */
const char *pass_name(const lw_net *net, lw_mode mode);
/* What data/golden/digests.txt holds for the output of a layer; path: that file. 0 if it cannot be read or has no such line. */
int pass_digest(const char *path, const lw_net *net, lw_mode mode, const char *layer, char hex[PASS_HEX]);

/* NULL if `plan` (of that mode, batch 1, seeded weights) gives the digest of the network's output, else why not. */
const char *pass_check_digest(const char *path, const lw_net *net, lw_mode mode, const lw_plan *plan, void *workspace);
/* NULL if every layer of `plan` (one step per layer, seeded weights, sums in any order) is within its bound on the input x,
 * judged on that layer's own input (pass_judge), else which is not; large layers on some outputs. The text is in memory that the
 * next call uses. */
const char *pass_check_bounds(const lw_net *net, const lw_plan *plan, const float *x, float *y, void *workspace);

#endif
