/* SPDX-License-Identifier: Apache-2.0
 * CIFAR-10, binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label and 3 x 32 x 32 bytes. */
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS };

static lw_status check(const lw_source *source) {
  const size_t count = source->size / RECORD;
  if (source->size == 0) return lw_source_fail(LW_BAD_FILE, source->call, source->name, "CIFAR-10: the file is empty");
  if (source->size % RECORD != 0)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "CIFAR-10: %zu bytes, expected a multiple of %d", source->size,
                          RECORD);
  for (size_t i = 0; i < count; i++)
    if (source->bytes[i * RECORD] > 9)
      return lw_source_fail(LW_BAD_FILE, source->call, source->name, "CIFAR-10: label %zu is %d, expected 0 to 9", i,
                            source->bytes[i * RECORD]);
  return LW_OK;
}

lw_status lw_cifar10_append(const lw_source *source, lw_dataset *out) {
  const lw_status status = check(source);
  if (status != LW_OK) return status;
  const size_t old = (size_t)out->count, count = source->size / RECORD;
  uint8_t *pixels = realloc(out->pixels, (old + count) * PIXELS);
  if (pixels) out->pixels = pixels;
  uint8_t *labels = pixels ? realloc(out->labels, old + count) : NULL;
  if (labels) out->labels = labels;
  if (!labels) return lw_source_fail(LW_NO_MEMORY, source->call, source->name, "no memory for %zu images", old + count);
  for (size_t i = 0; i < count; i++) {
    labels[old + i] = source->bytes[i * RECORD];
    memcpy(pixels + (old + i) * PIXELS, source->bytes + i * RECORD + 1, PIXELS);
  }
  *out = (lw_dataset){(int64_t)(old + count), 3, SIDE, SIDE, 10, pixels, labels};
  return LW_OK;
}

static lw_status load(const char *call, const char *path, lw_dataset *out) {
  lw_source_file file;
  lw_status status = lw_source_load(call, path, &file);
  if (status != LW_OK) return status;
  status = lw_cifar10_append(&file.source, out);
  lw_source_close(&file);
  return status;
}

lw_status lw_dataset_load_cifar10(const char *const *paths, size_t path_count, lw_dataset *out) {
  static const char call[] = "lw_dataset_load_cifar10";
  lw_dataset all = {.count = 0};
  if (!paths) return lw_fail(LW_BAD_ARGUMENT, "%s: paths is NULL", call);
  if (path_count == 0) return lw_fail(LW_BAD_ARGUMENT, "%s: path_count is 0, expected at least 1", call);
  if (!out) return lw_fail(LW_BAD_ARGUMENT, "%s: out is NULL", call);
  for (size_t i = 0; i < path_count; i++) {
    const lw_status status = paths[i] ? load(call, paths[i], &all) : lw_fail(LW_BAD_ARGUMENT, "%s: paths[%zu] is NULL", call, i);
    if (status == LW_OK) continue;
    lw_dataset_free(&all);
    return status;
  }
  *out = all;
  return LW_OK;
}
