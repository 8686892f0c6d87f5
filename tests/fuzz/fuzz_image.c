/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a PNM, PNG or JPEG file. */
#include <string.h>
#include "lanewise_data.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static const lw_image untouched = {-7, -7, -7, NULL};
  lw_image image = untouched;
  if (lw_image_load_memory(bytes, size, &image) != LW_OK) {
    MUST(memcmp(&image, &untouched, sizeof image) == 0);
    MUST(size == 0 || strncmp(lw_error_message(), "lw_image_load_memory: memory: ", 30) == 0);
    return 0;
  }
  MUST(image.w > 0 && image.h > 0 && (image.c == 1 || image.c == 3) && image.w * image.h <= INT64_C(1) << 28);
  touch(image.pixels, image.w * image.h * image.c);
  lw_image_free(&image);
  return 0;
}
