/* SPDX-License-Identifier: Apache-2.0
 * Benchmark results: the JSON that Google Benchmark programs write (https://github.com/google/benchmark, docs/user_guide.md). */
#ifndef LANEWISE_CLI_RESULTS_H
#define LANEWISE_CLI_RESULTS_H

#include "cli/cli.h"

/* The measurements of one benchmark. */
typedef struct result {
  char *name; /* without what Google Benchmark appends: "vgg16/exact/avx2/b1/t1" */
  double *seconds;
  size_t count;
  char *wrong; /* why its times cannot be used (it failed its check, a time of 0); NULL: they can */
} result;

typedef struct results {
  const char *path; /* the caller's */
  json_t *root;
  result *list;
  size_t count;
} results;

/* CLI_FAILED after a message if the file cannot be read or is no such result. Free after both. */
int results_read(const char *path, results *r);
void results_free(results *r);
/* NULL if there is none. */
const result *results_find(const results *r, const char *name);
/* Appends strings to `warnings` for what makes the two hard to compare: other machine, compiler, commit; noise. */
void results_warnings(const results *a, const results *b, json_t *warnings);

#endif
