/* SPDX-License-Identifier: Apache-2.0
 * What a call must return, and what its message must say; what a test cannot do without. */
#ifndef LANEWISE_TESTS_EXPECT_H
#define LANEWISE_TESTS_EXPECT_H

#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include "lanewise.h"

static inline void must(lw_status status) {
  if (status != LW_OK) fail_msg("%s: %s", lw_status_name(status), lw_error_message());
}

/* Memory for so many elements, or the test ends. */
static inline void *must_get(int64_t count, size_t element) {
  void *p = malloc(count > 0 ? (size_t)count * element : 1);
  assert_non_null(p);
  return p;
}

static inline void refused(lw_status got, lw_status expected, const char *part, int line) {
  if (got != expected) fail_msg("line %d: %s instead of %s: %s", line, lw_status_name(got), lw_status_name(expected), part);
  if (!strstr(lw_error_message(), part)) fail_msg("line %d: \"%s\" lacks \"%s\"", line, lw_error_message(), part);
}

#endif
