/* SPDX-License-Identifier: Apache-2.0
 * For tests of bad arguments: the status, a message with operator, argument and value, and outputs that stay untouched. */
#ifndef LANEWISE_TESTS_KIT_ERRORS_H
#define LANEWISE_TESTS_KIT_ERRORS_H

#include "tests/kit/cmocka.h"

#include <string.h>
#include "lanewise.h"

/* Cases start from a good descriptor and override one field. */
#pragma GCC diagnostic ignored "-Woverride-init"

enum { FLOATS = 4096 };
static const int64_t HUGE_SIZE = INT64_C(3000000000), LARGEST = INT64_MAX;

static lw_context *context;
static float x[FLOATS], w[FLOATS], y[FLOATS];
static int32_t indices[FLOATS];

/* Inside the arrays, yet not on an element. */
#define OFF(array) ((void *)((char *)(array) + 1))

static void poison(void) {
  memset(y, 0x7f, sizeof y);
  memset(indices, 0x7f, sizeof indices);
}

static void check(lw_status expected, lw_status got, int line, const char *call, const char *const *words) {
  if (got != expected) fail_msg("line %d: %s is %s, expected %s", line, call, lw_status_name(got), lw_status_name(expected));
  for (; *words; words++)
    if (!strstr(lw_error_message(), *words))
      fail_msg("line %d: the message of %s lacks \"%s\": %s", line, call, *words, lw_error_message());
  for (size_t i = 0; i < sizeof y; i++)
    if (((const unsigned char *)y)[i] != 0x7f || ((const unsigned char *)indices)[i] != 0x7f)
      fail_msg("line %d: %s has written", line, call);
}

/* FAILS(status, call, words of the message...) */
#define FAILS(status, call, ...) check(status, call, __LINE__, #call, (const char *const[]){__VA_ARGS__, NULL})
#define IGNORES(call)            check(LW_OK, call, __LINE__, #call, (const char *const[]){NULL})

static int setup(void **state) {
  (void)state;
  poison();
  return lw_context_create(&(lw_context_options){.threads = 2}, &context);
}

static int teardown(void **state) {
  (void)state;
  lw_context_destroy(context);
  return 0;
}

#endif
