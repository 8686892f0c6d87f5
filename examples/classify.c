/* SPDX-License-Identifier: Apache-2.0
 * usage: classify IMAGE WEIGHTS [NETWORK]
 * What is in a picture: IMAGE is a PNG, JPEG or PNM file, WEIGHTS a safetensors file with PyTorch's names, NETWORK lenet5 (a
 * digit, white on black; the default) or vgg16. */
#include <lanewise_data.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(lw_status status) {
  if (status == LW_OK) return;
  fprintf(stderr, "classify: %s\n", lw_error_message());
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: classify IMAGE WEIGHTS [lenet5 | vgg16]\n");
    return 2;
  }
  const int vgg = argc > 3 && strcmp(argv[3], "vgg16") == 0;
  const lw_net *net = lw_net_builtin(vgg ? "vgg16" : "lenet5");
  static float x[3 * 224 * 224], logits[1000], probabilities[1000];
  lw_image image;
  lw_safetensors *file;
  lw_weights weights;
  lw_plan *plan;
  void *workspace;
  check(lw_image_load(argv[1], &image));
  check(vgg ? lw_image_to_vgg16(NULL, &image, x) : lw_image_to_gray28(NULL, &image, x));
  check(lw_safetensors_open(argv[2], &file));
  check(lw_weights_safetensors(file, net, &weights));
  check(lw_plan_create(NULL, net, &weights, NULL, &plan)); /* packs the weights: the file is not needed any more */
  lw_safetensors_close(file);
  check(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace));
  check(lw_plan_run(plan, x, logits, workspace));

  const int64_t classes = lw_plan_outputs(plan);
  float best[3];
  int32_t index[3];
  check(lw_softmax(NULL, 1, classes, logits, probabilities));
  check(lw_topk(NULL, 1, classes, 3, probabilities, best, index));
  for (int i = 0; i < 3; i++) printf("class %d: %.4f\n", (int)index[i], (double)best[i]);
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  lw_image_free(&image);
  return 0;
}
