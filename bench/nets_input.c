/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/nets_input.h"

#include <stdio.h>
#include <string.h>
#include "lanewise_data.h"

#define SAMPLES LANEWISE_SOURCE_DIR "/data/samples/"

static lw_status load(const lw_net *net, int64_t i, float *x) {
  lw_image image;
  char path[512];
  const int gray = net->c == 1 && net->h == 28 && net->w == 28, large = net->c == 3 && net->h == 224 && net->w == 224;
  if (!gray && !large && !(net->c == 3 && net->h == 32 && net->w == 32))
    return lw_fail(LW_UNSUPPORTED, "no sample image for network %s", net->name);
  if (gray)
    snprintf(path, sizeof path, SAMPLES "digit_%d.png", (int)(i % 10));
  else
    snprintf(path, sizeof path, SAMPLES "scene.jpg");
  lw_status status = lw_image_load(path, &image);
  if (status != LW_OK) return status;
  status = gray    ? lw_image_to_gray28(NULL, &image, x)
           : large ? lw_image_to_vgg16(NULL, &image, x)
                   : lw_image_to_rgb32(NULL, &image, x);
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
