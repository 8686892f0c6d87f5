/* SPDX-License-Identifier: Apache-2.0
 * Safetensors files made by hand (https://github.com/huggingface/safetensors#format), and what calls on them say. */
#ifndef LANEWISE_TESTS_SAFETENSORS_BYTES_H
#define LANEWISE_TESTS_SAFETENSORS_BYTES_H

#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include "lanewise.h"

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

static inline void must(lw_status status) {
  if (status != LW_OK) fail_msg("%s: %s", lw_status_name(status), lw_error_message());
}

static inline void refused(lw_status got, lw_status expected, const char *part, int line) {
  if (got != expected) fail_msg("line %d: %s instead of %s: %s", line, lw_status_name(got), lw_status_name(expected), part);
  if (!strstr(lw_error_message(), part)) fail_msg("line %d: \"%s\" lacks \"%s\"", line, lw_error_message(), part);
}

#endif
