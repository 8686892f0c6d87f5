/* SPDX-License-Identifier: Apache-2.0
 * Safetensors files made by hand (https://github.com/huggingface/safetensors#format). */
#ifndef LANEWISE_TESTS_SAFETENSORS_BYTES_H
#define LANEWISE_TESTS_SAFETENSORS_BYTES_H

#include <stdlib.h>
#include <string.h>
#include "lanewise.h"
#include "tests/expect.h"

typedef struct file_bytes {
  uint8_t *bytes; /* malloc, of just this size: a read beyond it is found by AddressSanitizer */
  size_t size;
} file_bytes;

/* Eight bytes of header length, little-endian; the header, with `padding` spaces after it; the data. */
static inline file_bytes make_file(const char *header, size_t padding, const void *data, size_t data_size) {
  const size_t length = strlen(header) + padding;
  const file_bytes f = {malloc(8 + length + data_size), 8 + length + data_size};
  for (int i = 0; i < 8; i++) f.bytes[i] = (uint8_t)(length >> 8 * i);
  memset(f.bytes + 8, ' ', length);
  memcpy(f.bytes + 8, header, length - padding);
  if (data_size) memcpy(f.bytes + 8 + length, data, data_size);
  return f;
}

#endif
