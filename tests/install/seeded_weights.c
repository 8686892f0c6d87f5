/* SPDX-License-Identifier: Apache-2.0
 * usage: seeded_weights FILE
 * Weights of lenet5 from seed 1 as a safetensors file, for examples/classify. */
#include <lanewise_data.h>
#include <stdio.h>

int main(int argc, char **argv) {
  const uint64_t seed = 1;
  const lw_weights weights = lw_weights_seeded(&seed);
  if (argc == 2 && lw_safetensors_save(argv[1], lw_net_builtin("lenet5"), &weights, LW_F32) == LW_OK) return 0;
  fprintf(stderr, "seeded_weights: %s\n", lw_error_message());
  return 1;
}
