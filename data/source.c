/* SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SHOWN = 100 };
/* The largest binary file that can be valid is P6 with 2^28 pixels of six bytes. */
static const size_t MAX_FILE = (size_t)2 << 30;

lw_status lw_source_fail(lw_status status, const char *call, const char *name, const char *format, ...) {
  char reason[LW_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  const size_t length = strlen(name);
  const int cut = length > NAME_SHOWN;
  return lw_fail(status, "%s: %s%s: %s", call, cut ? "..." : "", cut ? name + length - NAME_SHOWN : name, reason);
}

static lw_status cannot_read(const lw_source_file *file) {
  return lw_source_fail(LW_BAD_FILE, file->source.call, file->source.name, "cannot be read: %s", strerror(errno));
}

lw_status lw_source_open(const char *call, const char *path, lw_source_file *file) {
  *file = (lw_source_file){.source = {.call = call, .name = path}, .file = fopen(path, "rbe")};
  if (!file->file) return lw_source_fail(LW_BAD_FILE, call, path, "cannot be opened: %s", strerror(errno));
  lw_status status = LW_OK;
  file->source.bytes = file->bytes = malloc(LW_SOURCE_FIRST);
  if (!file->bytes)
    status = lw_source_fail(LW_NO_MEMORY, call, path, "no memory");
  else
    file->source.size = fread(file->bytes, 1, LW_SOURCE_FIRST, file->file);
  if (status == LW_OK && ferror(file->file)) status = cannot_read(file);
  if (status != LW_OK) lw_source_close(file);
  return status;
}

lw_status lw_source_rest(lw_source_file *file) {
  lw_source *source = &file->source;
  size_t capacity = (size_t)1 << 16;
  uint8_t *grown = realloc(file->bytes, capacity);
  while (grown) {
    source->bytes = file->bytes = grown;
    source->size += fread(file->bytes + source->size, 1, capacity - source->size, file->file);
    if (ferror(file->file)) return cannot_read(file);
    if (source->size < capacity) return LW_OK;
    if (capacity >= MAX_FILE)
      return lw_source_fail(LW_BAD_FILE, source->call, source->name, "has %zu bytes or more, expected fewer", MAX_FILE);
    capacity *= 2;
    grown = realloc(file->bytes, capacity);
  }
  return lw_source_fail(LW_NO_MEMORY, source->call, source->name, "no memory for a file of more than %zu bytes", source->size);
}

lw_status lw_source_load(const char *call, const char *path, lw_source_file *file) {
  lw_status status = lw_source_open(call, path, file);
  if (status != LW_OK) return status;
  status = lw_source_rest(file);
  if (status != LW_OK) lw_source_close(file);
  return status;
}

void lw_source_close(lw_source_file *file) {
  fclose(file->file);
  free(file->bytes);
}
