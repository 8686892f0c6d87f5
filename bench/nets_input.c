/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_input.h"

#include <stdio.h>
#include <string.h>
#include "lanewise_data.h"

#define SAMPLES LANEWISE_SOURCE_DIR "/data/samples/"

enum { DIGITS = 10 };

int64_t nets_input_distinct(const lw_net *net) { return net->c == 1 ? DIGITS : 1; }

static lw_status load(const lw_net *net, int64_t i, float *x) {
  lw_image image;
  char path[512];
  if (net->c == 1)
    snprintf(path, sizeof path, SAMPLES "digit_%d.png", (int)(i % DIGITS));
  else
    snprintf(path, sizeof path, SAMPLES "scene.jpg");
  lw_status status = lw_image_load(path, &image);
  if (status != LW_OK) return status;
  status = lw_image_to_input(NULL, net, &image, x);
  lw_image_free(&image);
  return status;
}

lw_status nets_input(const lw_net *net, int64_t batch, float *x) {
  const int64_t count = net->c * net->h * net->w;
  for (int64_t i = 0; i < batch; i++) {
    if (net->c == 3 && i > 0) { /* there is one scene */
      memcpy(x + i * count, x, (size_t)count * sizeof *x);
      continue;
    }
    const lw_status status = load(net, i, x + i * count);
    if (status != LW_OK) return status;
  }
  return LW_OK;
}
