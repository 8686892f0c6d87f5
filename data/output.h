/* SPDX-License-Identifier: Apache-2.0
 * A file that appears whole or not at all: written beside its place under another name, brought to the disk, then renamed.
 * Whatever fails in between (a full disk, a kill) leaves what was there before. A path that is not a regular file (/dev/stdout, a
 * pipe) is written directly. */
#ifndef LANEWISE_DATA_OUTPUT_H
#define LANEWISE_DATA_OUTPUT_H

#include <stdio.h>
#include "lanewise.h"

typedef struct lw_output {
  const char *call, *path;  /* for messages; the caller's */
  FILE *file;               /* write here */
  char *temporary, *target; /* NULL: written directly */
  int unsynced; /* set to 1 before closing: not brought to the disk, for one of many files whose writer does that once */
} lw_output;

/* LW_BAD_FILE, with the reason, if nothing can be created there. */
lw_status lw_output_open(const char *call, const char *path, lw_output *out);
/* With LW_OK, brings the file to its place; with a failure, removes it and hands that failure on. Returns the final status; a
 * stream that has seen a write error fails here, so callers need not check every write. */
lw_status lw_output_close(lw_output *out, lw_status status);

#endif
