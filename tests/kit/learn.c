/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/learn.h"

#include <inttypes.h>
#include <sha256.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void learn_sha256(const lw_net *net, const lw_trainer *t, char hex[PASS_HEX]) {
  SHA2_CTX sha;
  SHA256Init(&sha);
  for (int part = LW_TRAINER_WEIGHTS; part <= LW_TRAINER_MOMENTUM; part++) {
    const float *values;
    lw_parameter_info info;
    for (int i = 0; (values = lw_trainer_tensor(t, (lw_trainer_part)part, i)) && lw_net_parameter(net, i, &info) == LW_OK; i++)
      SHA256Update(&sha, (const uint8_t *)values, (size_t)info.count * sizeof *values);
  }
  (void)SHA256End(&sha, hex);
}

void learn_name(const lw_net *net, lw_mode mode, const char *data, int64_t batch, int steps, char name[LEARN_NAME]) {
  snprintf(name, LEARN_NAME, "%s/%s/b%" PRId64 "/s%d", pass_name(net, mode), data, batch, steps);
}

int learn_known(const char *path, const char *name, learn_state *state) {
  char run[LEARN_NAME], loss[32], digest[PASS_HEX];
  int found = 0;
  FILE *f = fopen(path, "r");
  while (f && !found && fscanf(f, "%63s %31s %64s", run, loss, digest) == 3) found = strcmp(run, name) == 0;
  if (f) fclose(f);
  if (!found) return 0;
  state->loss = strtof(loss, NULL);
  memcpy(state->sha256, digest, PASS_HEX);
  return 1;
}

/* ---------------------------------------------------------------------------------------------------------------- noise */

static const lw_sgd_options noise_sgd = {.lr = 1e-3f, .momentum = .9f, .weight_decay = 5e-4f};

static int64_t classes_of(const lw_net *net) {
  lw_parameter_info info = {0};
  int tensors = 0;
  (void)lw_net_parameter_tensors(net, &tensors);
  (void)lw_net_parameter(net, tensors - 1, &info); /* the last layer's bias */
  return info.count;
}

void learn_noise(const lw_net *net, int64_t n, float *x, int32_t *labels) {
  const int64_t classes = classes_of(net);
  lw_kaiming_uniform(PASS_SEED, PASS_INPUT_TENSOR, 6, 0, n * net->c * net->h * net->w, x);
  for (int64_t i = 0; i < n; i++) labels[i] = (int32_t)((7 * i + 3) % classes);
}

lw_trainer_options learn_noise_options(lw_mode mode, int64_t n) {
  return (lw_trainer_options){.batch = n, .mode = mode, .sgd = noise_sgd, .seed = PASS_SEED};
}

lw_status learn_noise_steps(const lw_net *net, lw_trainer *t, int64_t n, const float *x, const int32_t *labels,
                            learn_state *state) {
  lw_sgd_options still = noise_sgd;
  still.lr = 0;
  lw_status status = lw_train_step(t, n, x, labels, &state->loss, NULL);
  if (status == LW_OK) status = lw_trainer_set_sgd(t, &still);
  if (status == LW_OK) status = lw_train_step(t, n, x, labels, &state->loss, NULL);
  if (status == LW_OK) learn_sha256(net, t, state->sha256);
  return status;
}
