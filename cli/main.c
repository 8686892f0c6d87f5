/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef struct command {
  const char *name, *summary;
  int (*run)(int argc, char **argv);
} command;

static const command commands[] = {
#define COMMAND(name, summary) {#name, summary, cli_##name},
    CLI_COMMANDS
#undef COMMAND
    {NULL, NULL, NULL}};

static void print_help(FILE *to) {
  fprintf(to, "usage: lanewise <command> [options]\n\nCommands:\n");
  for (const command *c = commands; c->name; c++) fprintf(to, "  %-10s %s\n", c->name, c->summary);
  fprintf(to, "\n`lanewise <command> --help` shows its options and examples. Exit codes: 0 done, 1 failed, 2 wrong usage.\n"
              "LANEWISE_ISA caps the instruction set, LANEWISE_THREADS sets the number of threads,\n"
              "LANEWISE_WISDOM names a file of measured choices.\n");
}

int main(int argc, char **argv) {
  char name[64], help[] = "--help";
  setlocale(LC_CTYPE, "");
  argp_err_exit_status = CLI_USAGE;
  program_invocation_name = "lanewise";
  if (argc < 2) {
    print_help(stderr);
    return CLI_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
    print_help(stdout);
    return cli_finish(CLI_OK);
  }
  if (strcmp(argv[1], "help") == 0) { /* `lanewise help info` is `lanewise info --help` */
    argv[1] = argv[2];
    argv[2] = help;
    argc = 3;
  }
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
    printf("lanewise %s\n", cli_version());
    return cli_finish(CLI_OK);
  }
  for (const command *c = commands; c->name; c++)
    if (strcmp(argv[1], c->name) == 0) {
      snprintf(name, sizeof name, "lanewise %s", c->name);
      argv[1] = name;
      program_invocation_name = name;
      return c->run(argc - 1, argv + 1);
    }
  cli_fail("\"%s\" is no command; `lanewise --help` lists them", argv[1]);
  return CLI_USAGE;
}
