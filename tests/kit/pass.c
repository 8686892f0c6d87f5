/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/pass.h"

#include <sha256.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/pass_accuracy.h"

enum { SAMPLES = 48 };

_Static_assert(PASS_HEX == SHA256_DIGEST_STRING_LENGTH, "a digest in hexadecimal");

void pass_input(const lw_net *net, float *x) {
  lw_kaiming_uniform(PASS_SEED, PASS_INPUT_TENSOR, 6, 0, net->c * net->h * net->w, x);
}

void pass_sha256(const float *values, int64_t count, char hex[PASS_HEX]) {
  SHA256Data((const uint8_t *)values, (size_t)count * sizeof *values, hex);
}

const char *pass_name(const lw_net *net, lw_mode mode) {
  static char name[64];
  snprintf(name, sizeof name, "%s%s", net->name, mode == LW_FAST ? "/fast" : "");
  return name;
}

int pass_digest(const char *path, const lw_net *net, lw_mode mode, const char *layer, char hex[PASS_HEX]) {
  const char *name = pass_name(net, mode);
  char of_net[64], of_layer[64], digest[PASS_HEX];
  int found = 0;
  FILE *f = fopen(path, "r");
  while (f && !found && fscanf(f, "%63s %63s %64s", of_net, of_layer, digest) == 3)
    found = strcmp(of_net, name) == 0 && strcmp(of_layer, layer) == 0;
  if (f) fclose(f);
  if (found) memcpy(hex, digest, PASS_HEX);
  return found;
}

const char *pass_check_digest(const char *path, const lw_net *net, lw_mode mode, const lw_plan *plan, void *workspace) {
  char hex[PASS_HEX], want[PASS_HEX];
  if (!pass_digest(path, net, mode, net->layers[net->layer_count - 1].name, want))
    return "data/golden/digests.txt has no line for this network";
  const int64_t inputs = net->c * net->h * net->w, outputs = lw_plan_outputs(plan);
  float *x = malloc((size_t)(inputs + outputs) * sizeof *x), *y = x + inputs;
  if (!x) return "no memory";
  pass_input(net, x);
  const lw_status status = lw_plan_run(plan, x, y, workspace);
  pass_sha256(y, outputs, hex);
  free(x);
  return status != LW_OK          ? lw_error_message()
         : strcmp(hex, want) == 0 ? NULL
                                  : "the output's digest is not that of the reference";
}

const char *pass_check_bounds(const lw_net *net, const lw_plan *plan, const float *x, float *y, void *workspace) {
  static char text[200];
  const uint64_t seed = PASS_SEED;
  const lw_weights weights = lw_weights_seeded(&seed);
  const pass_judgement judgement = {.net = net, .weights = &weights, .x = x, .samples = SAMPLES, .order = KIT_ANY_ORDER};
  pass_layer *layers = malloc(net->layer_count * sizeof *layers);
  pass_record record;
  const char *wrong = layers ? NULL : "no memory";
  if (pass_record_make(plan, net, x, y, workspace, &record) != LW_OK ||
      (layers && pass_judge(&judgement, &record, 1, layers) != LW_OK))
    wrong = lw_error_message();
  for (size_t i = 0; i < net->layer_count && !wrong; i++) {
    const double worst = layers[i].own.worst;
    if (worst <= 1) continue;
    snprintf(text, sizeof text, "an output of layer %s is %.3g times its bound from its true value", net->layers[i].name, worst);
    wrong = text;
  }
  pass_record_free(&record);
  free(layers);
  return wrong;
}
