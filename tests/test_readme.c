/* SPDX-License-Identifier: Apache-2.0
 * The README's table of operators and backends says what the kernel list says. `test_readme --print` prints the rows for it. */
#include "tests/kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "simd/kernels.h"

/* All architectures' rows, whatever this build has: algorithm names by operator, "portable" if none. */
typedef struct row {
  const char *op, *algorithm;
} row;
static const row rows[] = {
#define OPERATOR(op)
#define KERNEL(op, isa, algorithm, promise, symbol) {#op, algorithm},
#include "simd/kernels.def"
};
static const char *const computing[] = {
#define OPERATOR(op) #op,
#define OPERATOR_PORTABLE(op)
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"
};
static const char *const portable[] = {
#define OPERATOR(op)
#define OPERATOR_PORTABLE(op) #op,
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"
};

static void computing_line(const char *op, char *line, size_t capacity) {
  char algorithms[128] = "";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].op, op) != 0 || !rows[i].algorithm[0] || strstr(algorithms, rows[i].algorithm)) continue;
    if (algorithms[0]) strcat(algorithms, ", ");
    strcat(algorithms, rows[i].algorithm);
  }
  snprintf(line, capacity, "| `%s` | yes | yes | yes | %s |", op, algorithms);
}

static void portable_line(const char *op, char *line, size_t capacity) {
  snprintf(line, capacity, "| `%s` | portable | portable | portable | |", op);
}

static void each_line(void (*visit)(const char *line, void *user), void *user) {
  char line[256];
  for (size_t i = 0; i < sizeof computing / sizeof *computing; i++) {
    computing_line(computing[i], line, sizeof line);
    visit(line, user);
  }
  for (size_t i = 0; i < sizeof portable / sizeof *portable; i++) {
    portable_line(portable[i], line, sizeof line);
    visit(line, user);
  }
}

static void print(const char *line, void *user) {
  (void)user;
  printf("%s\n", line);
}

static void find(const char *line, void *user) {
  if (!strstr(user, line)) fail_msg("README.md lacks the line \"%s\" (test_readme --print writes all)", line);
}

static void table_is_the_kernel_list(void **state) {
  (void)state;
  static char text[1 << 16];
  FILE *f = fopen(LANEWISE_SOURCE_DIR "/README.md", "r");
  assert_non_null(f);
  const size_t length = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  assert_true(length > 0 && length < sizeof text - 1);
  each_line(find, text);
  /* And no operator that is not in the list: table rows start with "| `". */
  size_t found = 0;
  for (const char *p = text; (p = strstr(p, "\n| `")); p++) found++;
  assert_int_equal(found, sizeof computing / sizeof *computing + sizeof portable / sizeof *portable);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--print") == 0) {
    each_line(print, NULL);
    return 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(table_is_the_kernel_list)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
