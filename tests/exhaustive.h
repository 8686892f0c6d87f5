/* SPDX-License-Identifier: Apache-2.0
 * Whether tests take the time that they can use: tests/run --exhaustive. */
#ifndef LANEWISE_TESTS_EXHAUSTIVE_H
#define LANEWISE_TESTS_EXHAUSTIVE_H

#include <stdlib.h>

static inline int is_exhaustive(void) {
  const char *wanted = getenv("LANEWISE_EXHAUSTIVE");
  return wanted && atoi(wanted) != 0;
}

#endif
