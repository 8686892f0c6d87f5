/* SPDX-License-Identifier: Apache-2.0
 * A network of one's own: a table of layers, and weights from arrays that the program holds. The network looks for edges: a 3x3
 * convolution with two filters (falling and rising brightness, left to right), ReLU, then the average over the image of each. */
#include <lanewise.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 8, EDGES = 2 };

static const lw_layer layers[] = {
    {.kind = LW_LAYER_CONV2D, .name = "edges", .out = EDGES, .kernel = 3},
    {.kind = LW_LAYER_RELU, .name = "relu"},
    {.kind = LW_LAYER_AVG_POOL2D, .name = "average", .kernel = SIDE - 2},
};
static const lw_net net = {.name = "edge-finder", .c = 1, .h = SIDE, .w = SIDE, .layers = layers, .layer_count = 3};

/* One array per parameter tensor, in layer order, weight before bias: edges.weight [2][1][3][3], edges.bias [2]. */
static const float edges_weight[EDGES][3][3] = {{{1, 0, -1}, {2, 0, -2}, {1, 0, -1}}, {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}}};
static const float edges_bias[EDGES] = {0, 0};
static const float *const tensors[] = {&edges_weight[0][0][0], edges_bias};

static void check(lw_status status) {
  if (status == LW_OK) return;
  fprintf(stderr, "own_network: %s\n", lw_error_message());
  exit(1);
}

int main(void) {
  const lw_weights weights = lw_weights_arrays(tensors);
  lw_plan *plan;
  void *workspace;
  check(lw_plan_create(NULL, &net, &weights, NULL, &plan));
  check(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace));

  float image[SIDE][SIDE], found[EDGES];
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) image[row][column] = column < SIDE / 2 ? 0 : 1; /* dark, then bright */
  check(lw_plan_run(plan, &image[0][0], found, workspace));
  printf("falling %g, rising %g\n", (double)found[0], (double)found[1]);

  char text[4096];
  lw_plan_describe(plan, text, sizeof text);
  fputs(text, stdout);
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  return 0;
}
