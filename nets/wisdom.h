/* SPDX-License-Identifier: Apache-2.0
 * Wisdom: choices that were found by timing, as text. A file is the line "lanewise wisdom 1" and then lines of
 *
 *   <checksum> TAB <machine> TAB <setting> TAB <problem> TAB <choice> TAB <ns> TAB <ns of the cost model's choice>
 *
 * in printable ASCII; the checksum is FNV-1a (64 bits, 16 hexadecimal digits) of the line behind its first tab. docs/plan.md has
 * an example. Wisdom changes no bit, so a line that is lost or wrong costs time and nothing else. */
#ifndef LANEWISE_NETS_WISDOM_H
#define LANEWISE_NETS_WISDOM_H

#include <stddef.h>
#include <stdint.h>
#include "lanewise.h"

#define LW_WISDOM_HEADER "lanewise wisdom 1\n"

typedef struct lw_wisdom_line {
  const char *machine; /* CPU, caches, version */
  const char *setting; /* ISA, threads */
  const char *problem; /* operator and shape */
  const char *choice;
  int64_t ns, model_ns;
} lw_wisdom_line;

typedef struct lw_wisdom {
  lw_wisdom_line *lines;
  size_t count, capacity;
  size_t damaged; /* lines that were left out */
  int foreign;    /* not 0: not a wisdom file of this version. An empty one is */
} lw_wisdom;

enum { LW_WISDOM_LINE = 1024 }; /* characters of a line, its end included */

/* Takes `bytes` apart in place; the lines point into it. Leaves room for `room` lines more. Release the lines. */
lw_status lw_wisdom_parse(const lw_context *context, char *bytes, size_t size, size_t room, lw_wisdom *wisdom);
/* NULL if there is none. */
const lw_wisdom_line *lw_wisdom_find(const lw_wisdom *wisdom, const char *machine, const char *setting, const char *problem);
/* Replaces the line of the same machine, setting and problem, or appends one, for which there must be room. */
void lw_wisdom_put(lw_wisdom *wisdom, const lw_wisdom_line *line);
/* A line with its end; returns its length, or 0 if it does not fit into LW_WISDOM_LINE - 1 characters or has others than
 * printable ASCII. */
size_t lw_wisdom_print(const lw_wisdom_line *line, char text[LW_WISDOM_LINE]);

/* A wisdom file in memory. */
typedef struct lw_wisdom_file {
  char *bytes;
  lw_wisdom wisdom;
} lw_wisdom_file;

enum { LW_NOTICE = 1024 };

/* Adds a sentence to a notice of LW_NOTICE characters. */
void lw_notice_add(char *notice, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads the file; there need not be one. What cannot be used is ignored and noticed. Release it. LW_NO_MEMORY only. */
lw_status lw_wisdom_read(const lw_context *context, const char *path, char *notice, lw_wisdom_file *file);
void lw_wisdom_release(const lw_context *context, lw_wisdom_file *file);
/* Puts `count` lines into the file, which appears whole or stays as it was; other processes may do the same at once. A failure is
 * noticed. LW_NO_MEMORY only. */
lw_status lw_wisdom_write(const lw_context *context, const char *path, const lw_wisdom_line *lines, size_t count, char *notice);

#endif
