/* SPDX-License-Identifier: Apache-2.0
 * Files as they come in: a whole file in memory, and messages that name it. */
#ifndef LANEWISE_DATA_SOURCE_H
#define LANEWISE_DATA_SOURCE_H

#include <stdio.h>
#include "lanewise.h"

enum { LW_SOURCE_FIRST = 8 };

/* A whole file in memory, and what messages call it. */
typedef struct lw_source {
  const char *call, *name;
  const uint8_t *bytes;
  size_t size;
} lw_source;

/* A file that is being read; source.bytes is `bytes`. */
typedef struct lw_source_file {
  lw_source source;
  uint8_t *bytes;
  FILE *file;
} lw_source_file;

/* lw_fail with "<call>: <name>: " in front; of a long name the end is shown, so that the reason fits too. */
lw_status lw_source_fail(lw_status status, const char *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Opens a file and reads its first LW_SOURCE_FIRST bytes (fewer if it has no more), so that they can decide before an endless
 * file that is of no use (a device) is read. */
lw_status lw_source_open(const char *call, const char *path, lw_source_file *file);
/* Reads the rest, from pipes too. 2 GiB or more are LW_BAD_FILE. */
lw_status lw_source_rest(lw_source_file *file);
/* Both: the whole file. Where it fails, nothing is left to close, as with lw_source_open. */
lw_status lw_source_load(const char *call, const char *path, lw_source_file *file);
void lw_source_close(lw_source_file *file);

#endif
