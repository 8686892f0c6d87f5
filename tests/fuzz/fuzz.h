/* SPDX-License-Identifier: Apache-2.0
 * What a harness is: a file fuzz_<name>.c with LLVMFuzzerTestOneInput and a folder seeds/<name>. libFuzzer feeds it mutations
 * (tests/run --fuzz), replay.c the seeds (every test run). */
#ifndef LANEWISE_TESTS_FUZZ_FUZZ_H
#define LANEWISE_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "lanewise.h"

#define MUST(condition)                                                                                                          \
  do                                                                                                                             \
    if (!(condition)) {                                                                                                          \
      fprintf(stderr, "%s:%d: %s; message: %s\n", __FILE__, __LINE__, #condition, lw_error_message());                           \
      abort();                                                                                                                   \
    }                                                                                                                            \
  while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Reads every byte, so that AddressSanitizer sees where they are. */
static inline void touch(const uint8_t *bytes, int64_t count) {
  uint8_t all = 0;
  for (int64_t i = 0; i < count; i++) all |= bytes[i];
  volatile uint8_t sink = all;
  (void)sink;
}

#endif
