/* SPDX-License-Identifier: Apache-2.0
 * Steps of training: <net>/train/<mode>/<isa>/b<batch>/t<threads>.
 *
 * A step learns from seeded noise (tests/kit/learn.h): forward, loss, gradients of all weights, update with momentum and weight
 * decay. Before its time counts, LEARN_NOISE_STEPS of them are taken, and the last one's loss and the sha256 of all weights,
 * gradients and momentum buffers are compared with those of the plain loops of that mode: stored in data/golden/learning.txt for
 * the usual batches, else computed. The steps that are timed have a learning rate of 0: with every multiplication and addition
 * done, weights stay as they are, and dropout drops what it dropped in the last checked step, so that all do the same work; each
 * one's loss, and after the last the gradients, must again have those bits. */
#ifndef LANEWISE_BENCH_NETS_STEP_H
#define LANEWISE_BENCH_NETS_STEP_H

#include "lanewise_train.h"
#include "simd/isa.h"

/* The usual batches of a network, 0 behind the last. */
const int *nets_step_batches(const lw_net *net);
/* Registers one line. Without a stored answer and where the plain loops would take too long for one, only says so. */
void nets_step_register(const lw_net *net, lw_mode mode, lw_isa isa, int64_t batch, int threads);

#endif
