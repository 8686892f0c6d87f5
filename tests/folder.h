/* SPDX-License-Identifier: Apache-2.0
 * A folder of a test program's own, and files in it. */
#ifndef LANEWISE_TESTS_FOLDER_H
#define LANEWISE_TESTS_FOLDER_H

#include "tests/kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/lanewise_XXXXXX";

/* Setup and teardown of a group of tests. */
static inline int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
  char command[64];
  (void)state;
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

/* A path in the folder, which stays valid. */
static inline const char *in_folder(const char *name) {
  static char paths[64][128];
  char path[128];
  int i = 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  while (i < 64 && paths[i][0] && strcmp(paths[i], path) != 0) i++;
  assert_in_range(i, 0, 63);
  memcpy(paths[i], path, sizeof path);
  return paths[i];
}

static inline const char *write_file(const char *name, const void *bytes, size_t size) {
  const char *path = in_folder(name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  return path;
}

#endif
