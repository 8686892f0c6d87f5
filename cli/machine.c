/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_ISA = 0x400 }; /* no short form */

static error_t parse_machine(int key, char *arg, struct argp_state *state) {
  cli_machine *m = state->input;
  switch (key) {
  case 't': m->threads = (int)cli_option("--threads", arg, 1, 1024); return 0;
  case KEY_ISA: m->isa = arg; return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option machine_options[] = {
    {"threads", 't', "N", 0, "1 to 1024 threads (default: LANEWISE_THREADS, else one per core)", 10},
    {"isa", KEY_ISA, "NAME", 0,
     "Strongest instruction set to use: ref, naive, avx2, avx512, neon (default: LANEWISE_ISA, else the best here)", 10},
    {0}};
const struct argp cli_machine_argp = {.options = machine_options, .parser = parse_machine};

lw_context *cli_machine_context(const cli_machine *machine) {
  const char *threads = getenv("LANEWISE_THREADS");
  lw_context_options options = {.threads = machine->threads, .isa = machine->isa};
  lw_context *context;
  long long count;
  if (!machine->threads && threads) {
    if (!cli_number("LANEWISE_THREADS", threads, 1, 1024, &count)) return NULL;
    options.threads = (int)count;
  }
  if (lw_context_create(&options, &context) == LW_OK) return context;
  cli_fail_status();
  return NULL;
}

double cli_milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void cli_read_value(const char *path, const char *key, char *value, size_t capacity) {
  char line[4096];
  FILE *f = fopen(path, "re");
  value[0] = 0;
  while (f && fgets(line, sizeof line, f)) {
    if (strncmp(line, key, strlen(key)) != 0) continue;
    const char *from = line + strlen(key);
    from += strspn(from, " \t:");
    snprintf(value, capacity, "%.*s", (int)strcspn(from, "\n"), from);
    break;
  }
  if (f) fclose(f);
}

void cli_machine_model(char *model, size_t capacity) {
  cli_read_value("/proc/cpuinfo", "model name", model, capacity);
  if (!model[0]) snprintf(model, capacity, "unknown CPU"); /* AArch64 kernels do not name it */
}
