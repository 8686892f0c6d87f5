/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as CIFAR-10 records: the same file twice over. Whole records are made of short inputs, each byte of which is repeated
 * 1024 times behind its label. */
#include <string.h>
#include "data/dataset.h"
#include "tests/fuzz/fuzz.h"

enum { RECORD = 3073 };

static void append(lw_dataset *d, const uint8_t *bytes, size_t size) {
  const lw_source source = {"fuzz", "memory", bytes, size};
  const lw_dataset before = *d;
  const int64_t count = (int64_t)(size / RECORD);
  if (lw_cifar10_append(&source, d) != LW_OK) {
    MUST(d->count == before.count && strncmp(lw_error_message(), "fuzz: memory: ", 14) == 0 && lw_error_message()[14]);
    return;
  }
  MUST(d->count == before.count + count && count > 0 && size % RECORD == 0 && d->c == 3 && d->h == 32 && d->w == 32);
  for (int64_t i = 0; i < count; i++) {
    MUST(d->labels[before.count + i] == bytes[i * RECORD] && bytes[i * RECORD] < 10);
    MUST(memcmp(d->pixels + (before.count + i) * 3072, bytes + i * RECORD + 1, 3072) == 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  lw_dataset d = {.count = 0};
  const size_t records = size / 4 < 16 ? size / 4 : 16;
  uint8_t *grown = malloc(records * RECORD + 1);
  MUST(grown);
  append(&d, bytes, size);
  for (size_t i = 0; i < records; i++) {
    grown[i * RECORD] = bytes[4 * i];
    for (size_t k = 0; k < 3; k++) memset(grown + i * RECORD + 1 + 1024 * k, bytes[4 * i + 1 + k], 1024);
  }
  append(&d, grown, records * RECORD);
  append(&d, grown, records * RECORD + 1 - (size & 1));
  free(grown);
  lw_dataset_free(&d);
  return 0;
}
