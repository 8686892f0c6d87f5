/* SPDX-License-Identifier: Apache-2.0
 * What a subcommand runs on: threads and ISA, as an argp child that is the same in all of them; its input is the struct. */
#ifndef LANEWISE_CLI_MACHINE_H
#define LANEWISE_CLI_MACHINE_H

#include <argp.h>
#include "cli/cli.h"

/* --threads and --isa. */
typedef struct cli_machine {
  int threads;
  const char *isa;
} cli_machine;
extern const struct argp cli_machine_argp;
/* A context of them, NULL after a message. */
lw_context *cli_machine_context(const cli_machine *machine);

/* The value behind the first line of `path` that starts with `key`, up to its end; "" if there is none. */
void cli_read_value(const char *path, const char *key, char *value, size_t capacity);
/* What the CPU calls itself. */
void cli_machine_model(char *model, size_t capacity);

/* Milliseconds of a clock that only counts on. */
double cli_milliseconds(void);

#endif
