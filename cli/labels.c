/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"

enum { MAX_BYTES = 16 << 20 };

/* The bytes of a file with a 0 behind them. */
static char *read_file(const char *path, size_t *size) {
  FILE *f = fopen(path, "rbe");
  if (!f) return cli_fail("%s: cannot be opened: %s", path, strerror(errno)), NULL;
  char *text = malloc(MAX_BYTES + 1);
  errno = 0;
  *size = text ? fread(text, 1, MAX_BYTES + 1, f) : 0;
  const int error = errno, broken = ferror(f);
  fclose(f);
  if (!text)
    cli_fail("%s: no memory", path);
  else if (broken)
    cli_fail("%s: cannot be read: %s", path, strerror(error));
  else if (*size > MAX_BYTES)
    cli_fail("%s: more than %d bytes, expected labels", path, MAX_BYTES);
  else
    return text[*size] = 0, text;
  free(text);
  return NULL;
}

static int has_control(const char *label) {
  for (; *label; label++)
    if ((unsigned char)*label < ' ' || *label == 127) return 1;
  return 0;
}

static json_t *from_lines(const char *path, char *text, size_t size) {
  json_t *labels = json_array();
  for (char *line = text, *end; line < text + size; line = end + 1) {
    if (!(end = memchr(line, '\n', (size_t)(text + size - line)))) end = text + size;
    size_t length = (size_t)(end - line);
    if (length && line[length - 1] == '\r') length--;
    json_t *label = json_stringn(line, length);
    if (!label || json_array_append_new(labels, label) != 0) {
      cli_fail("%s: line %zu is no UTF-8 text", path, json_array_size(labels) + 1);
      json_decref(labels);
      return NULL;
    }
  }
  return labels;
}

static json_t *from_json(const char *path, const char *text, size_t size) {
  json_error_t error;
  json_t *labels = json_loadb(text, size, JSON_ALLOW_NUL, &error);
  if (!labels) cli_fail("%s: line %d: %s", path, error.line, error.text);
  return labels;
}

static int check(const char *path, const json_t *labels) {
  for (size_t i = 0; i < json_array_size(labels); i++) {
    const json_t *label = json_array_get(labels, i);
    if (!json_is_string(label)) return cli_fail("%s: label %zu is no string", path, i + 1);
    const char *text = json_string_value(label);
    if (json_string_length(label) == 0) return cli_fail("%s: label %zu is empty", path, i + 1);
    if (strlen(text) != json_string_length(label) || has_control(text))
      return cli_fail("%s: label %zu has control characters", path, i + 1);
  }
  return CLI_OK;
}

json_t *cli_labels_load(const char *path) {
  size_t size;
  char *text = read_file(path, &size);
  if (!text) return NULL;
  const char *first = text + strspn(text, " \t\r\n");
  json_t *labels = *first == '[' ? from_json(path, text, size) : from_lines(path, text, size);
  free(text);
  if (labels && check(path, labels) != CLI_OK) {
    json_decref(labels);
    return NULL;
  }
  return labels;
}
