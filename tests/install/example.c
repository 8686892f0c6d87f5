/* SPDX-License-Identifier: Apache-2.0
 * LeNet-5 through the installed library, as in the README. */
#include <lanewise.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  if (lw_version() != LW_VERSION) return 1;
  uint64_t seed = 1;
  lw_weights weights = lw_weights_seeded(&seed);
  lw_plan *plan;
  void *workspace;
  if (lw_plan_create(NULL, lw_net_builtin("lenet5"), &weights, NULL, &plan) != LW_OK ||
      lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace) != LW_OK) {
    fprintf(stderr, "%s\n", lw_error_message());
    return 1;
  }
  float image[28 * 28], logits[10], probability[10], best;
  int32_t digit;
  for (int i = 0; i < 28 * 28; i++) image[i] = (float)(i % 28) / 28;
  if (lw_plan_run(plan, image, logits, workspace) != LW_OK || lw_softmax(NULL, 1, 10, logits, probability) != LW_OK ||
      lw_topk(NULL, 1, 10, 1, probability, &best, &digit) != LW_OK) {
    fprintf(stderr, "%s\n", lw_error_message());
    return 1;
  }
  printf("%s: class %d with probability %a\n", lw_context_isa(NULL), (int)digit, (double)best);
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  return 0;
}
