/* SPDX-License-Identifier: Apache-2.0
 * Options of the benchmark programs themselves: --name=value, read before Google Benchmark's. */
#ifndef LANEWISE_BENCH_OPTIONS_H
#define LANEWISE_BENCH_OPTIONS_H

#include <stdlib.h>
#include <string.h>

/* Takes --name=value out of argv. Returns value, or NULL if it is not there. */
static inline const char *option_take(int *argc, char **argv, const char *name) {
  const size_t length = strlen(name);
  for (int i = 1; i < *argc; i++) {
    if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, name, length) != 0 || argv[i][2 + length] != '=') continue;
    const char *value = argv[i] + 3 + length;
    memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof *argv);
    (*argc)--;
    return value;
  }
  return NULL;
}

/* Is `word` one of the comma-separated list? Every word is in a NULL list. */
static inline int option_lists(const char *list, const char *word) {
  const size_t length = strlen(word);
  if (!list) return 1;
  for (const char *p = list; *p;) {
    const char *end = strchrnul(p, ',');
    if ((size_t)(end - p) == length && strncmp(p, word, length) == 0) return 1;
    p = *end ? end + 1 : end;
  }
  return 0;
}

/* A comma-separated list of whole numbers 1..limit. Returns how many, 0 if one is not such a number or there are more than
 * capacity. */
static inline int option_numbers(const char *list, long limit, int *numbers, int capacity) {
  int count = 0;
  for (const char *p = list; *p;) {
    char *end;
    const long value = strtol(p, &end, 10);
    if (end == p || (*end && *end != ',') || value < 1 || value > limit || count == capacity) return 0;
    numbers[count++] = (int)value;
    p = *end ? end + 1 : end;
  }
  return count;
}

#endif
