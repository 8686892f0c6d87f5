/* SPDX-License-Identifier: Apache-2.0 */
#include "nets/wisdom.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "runtime/memory.h"

enum { FIELDS = 6 };

/* Fowler, Noll and Vo's hash, variant 1a. */
static uint64_t checksum(const char *text, size_t length) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static int is_printable(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (text[i] < ' ' || text[i] > '~') return 0;
  return length > 0;
}

/* A whole number without sign, of at most 18 digits. */
static int parse_number(const char *text, int64_t *value) {
  const size_t length = strlen(text);
  *value = 0;
  if (length < 1 || length > 18) return 0;
  for (const char *c = text; *c; c++) {
    if (*c < '0' || *c > '9') return 0;
    *value = 10 * *value + (*c - '0');
  }
  return 1;
}

/* Cuts a line of `length` characters at its tabs. text[length] may be written. */
static int parse_line(char *text, size_t length, lw_wisdom_line *line) {
  char digits[17], *fields[FIELDS];
  if (length < 18 || length >= LW_WISDOM_LINE || text[16] != '\t') return 0;
  snprintf(digits, sizeof digits, "%016" PRIx64, checksum(text + 17, length - 17));
  if (memcmp(digits, text, 16) != 0) return 0;
  char *at = text + 17, *const end = text + length;
  for (int i = 0; i < FIELDS; i++) {
    char *tab = i + 1 < FIELDS ? memchr(at, '\t', (size_t)(end - at)) : end;
    if (!tab || !is_printable(at, (size_t)(tab - at))) return 0;
    fields[i] = at;
    *tab = 0;
    at = tab + 1;
  }
  *line = (lw_wisdom_line){fields[0], fields[1], fields[2], fields[3], 0, 0};
  return parse_number(fields[4], &line->ns) && parse_number(fields[5], &line->model_ns);
}

lw_status lw_wisdom_parse(const lw_context *context, char *bytes, size_t size, size_t room, lw_wisdom *w) {
  static const size_t header = sizeof LW_WISDOM_HEADER - 1;
  *w = (lw_wisdom){.capacity = room};
  w->foreign = size > 0 && (size < header || memcmp(bytes, LW_WISDOM_HEADER, header) != 0);
  char *at = w->foreign || size == 0 ? bytes : bytes + header, *const end = w->foreign ? at : bytes + size;
  for (char *c = at; c < end; c++) w->capacity += *c == '\n';
  w->lines = lw_memory_get(context, (w->capacity + 1) * sizeof *w->lines);
  if (!w->lines) return lw_fail(LW_NO_MEMORY, "wisdom: no memory for %zu lines", w->capacity + 1);
  while (at < end) {
    char *stop = memchr(at, '\n', (size_t)(end - at));
    lw_wisdom_line line;
    if (stop && parse_line(at, (size_t)(stop - at), &line)) /* without its end, a line may not be all there */
      w->lines[w->count++] = line;
    else
      w->damaged++;
    at = stop ? stop + 1 : end;
  }
  return LW_OK;
}

static lw_wisdom_line *find(const lw_wisdom *w, const char *machine, const char *setting, const char *problem) {
  for (size_t i = w->count; i > 0; i--) { /* of two, the later one counts */
    lw_wisdom_line *l = &w->lines[i - 1];
    if (strcmp(l->problem, problem) == 0 && strcmp(l->setting, setting) == 0 && strcmp(l->machine, machine) == 0) return l;
  }
  return NULL;
}

const lw_wisdom_line *lw_wisdom_find(const lw_wisdom *w, const char *machine, const char *setting, const char *problem) {
  return find(w, machine, setting, problem);
}

void lw_wisdom_put(lw_wisdom *w, const lw_wisdom_line *line) {
  lw_wisdom_line *old = find(w, line->machine, line->setting, line->problem);
  if (!old) old = &w->lines[w->count++];
  *old = *line;
}

size_t lw_wisdom_print(const lw_wisdom_line *line, char text[LW_WISDOM_LINE]) {
  const char *const fields[] = {line->machine, line->setting, line->problem, line->choice};
  for (int i = 0; i < 4; i++)
    if (!is_printable(fields[i], strlen(fields[i]))) return 0;
  const int length = snprintf(text + 17, LW_WISDOM_LINE - 17, "%s\t%s\t%s\t%s\t%" PRId64 "\t%" PRId64, fields[0], fields[1],
                              fields[2], fields[3], line->ns, line->model_ns);
  if (length >= LW_WISDOM_LINE - 18) return 0;
  char digits[17];
  snprintf(digits, sizeof digits, "%016" PRIx64, checksum(text + 17, (size_t)length));
  memcpy(text, digits, 16);
  text[16] = '\t';
  strcpy(text + 17 + length, "\n");
  return 17 + (size_t)length + 1;
}
