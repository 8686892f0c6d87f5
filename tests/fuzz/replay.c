/* SPDX-License-Identifier: Apache-2.0
 * A harness on the files of some folders, without libFuzzer. A file <name>.hex is text: bytes as two hexadecimal digits, 00*784
 * for many of them, "characters", and comments from # to the end of the line; any other file is taken as it is. usage: replay
 * [--write <folder>] <folder>...     (--write: puts the bytes there, as seeds for libFuzzer, and runs nothing) */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include "tests/fuzz/fuzz.h"

enum { MOST = 1 << 20 };

static _Noreturn void stop(const char *name, const char *what) {
  fprintf(stderr, "replay: %s: %s\n", name, what);
  exit(2);
}

static size_t parse_hex(const char *name, const char *text, uint8_t *to) {
  size_t n = 0;
  while (*text) {
    if (isspace((unsigned char)*text)) {
      text++;
    } else if (*text == '#') {
      text += strcspn(text, "\n");
    } else if (*text == '"') {
      const size_t length = strcspn(text + 1, "\"");
      if (text[1 + length] != '"' || n + length > MOST) stop(name, "a \" is missing");
      memcpy(to + n, text + 1, length);
      n += length;
      text += length + 2;
    } else {
      char digits[3] = {text[0], isxdigit((unsigned char)text[0]) ? text[1] : 0, 0}, *end;
      const uint8_t byte = (uint8_t)strtoul(digits, &end, 16);
      if (end != digits + 2) stop(name, "expected two hexadecimal digits");
      text += 2;
      const unsigned long count = *text == '*' ? strtoul(text + 1, (char **)&text, 10) : 1;
      if (count < 1 || count > MOST - n) stop(name, "too many bytes");
      memset(to + n, byte, count);
      n += count;
    }
  }
  return n;
}

static size_t read_seed(const char *path, uint8_t *to) {
  static char text[MOST + 1];
  FILE *file = fopen(path, "rbe");
  if (!file) stop(path, strerror(errno));
  const size_t n = fread(text, 1, MOST, file), length = strlen(path);
  if (ferror(file)) stop(path, strerror(errno));
  fclose(file);
  text[n] = 0;
  if (length > 4 && strcmp(path + length - 4, ".hex") == 0) return parse_hex(path, text, to);
  memcpy(to, text, n);
  return n;
}

static void write_seed(const char *folder, const char *name, const uint8_t *bytes, size_t size) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wbe");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) stop(path, strerror(errno));
}

int main(int argc, char **argv) {
  static uint8_t bytes[MOST];
  const int writing = argc > 2 && strcmp(argv[1], "--write") == 0;
  int count = 0;
  for (int i = writing ? 3 : 1; i < argc; i++) {
    struct dirent **entries;
    const int n = scandir(argv[i], &entries, NULL, alphasort);
    if (n < 0) stop(argv[i], strerror(errno));
    for (int k = 0; k < n; k++) {
      char path[1024];
      snprintf(path, sizeof path, "%s/%s", argv[i], entries[k]->d_name);
      if (entries[k]->d_name[0] != '.') {
        const size_t size = read_seed(path, bytes);
        if (writing) {
          write_seed(argv[2], entries[k]->d_name, bytes, size);
        } else {
          uint8_t *exact = malloc(size); /* a read beyond it is found by AddressSanitizer */
          if (size) memcpy(exact, bytes, size);
          printf("%s\n", path);
          fflush(stdout);
          LLVMFuzzerTestOneInput(exact, size);
          free(exact);
        }
        count++;
      }
      free(entries[k]);
    }
    free(entries);
  }
  if (count == 0) stop(argc > 1 ? argv[argc - 1] : "arguments", "no seeds");
  return 0;
}
