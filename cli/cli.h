/* SPDX-License-Identifier: Apache-2.0
 * The `lanewise` command: one file per subcommand, each a function cli_<name>(argc, argv) with a row in main.c. argv[0] is
 * "lanewise <name>", so that argp's messages and --help name the subcommand. What a person reads goes to stdout, complaints go to
 * stderr as "lanewise <name>: ...". */
#ifndef LANEWISE_CLI_CLI_H
#define LANEWISE_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>
#include "lanewise.h"
#include "lanewise_data.h"

/* Exit codes of every subcommand. */
enum {
  CLI_OK = 0,
  CLI_FAILED = 1, /* what was asked for could not be done, or (conform) the answer is no */
  CLI_USAGE = 2   /* the command line is wrong */
};

/* Prints "lanewise <name>: <message>" and returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with lw_error_message(). */
int cli_fail_status(void);
/* The same for a wrong command line: also names --help, and returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Is stdout a terminal that wants colour? (NO_COLOR unset, TERM not dumb) */
int cli_colour(void);
/* An escape sequence, "" without colour: cli_style("1") is bold, cli_style("32") green, cli_style("0") ends. */
const char *cli_style(const char *code);
/* Columns of the terminal behind a file descriptor; 80 where it is none. */
int cli_columns(int fd);
/* Does the locale say UTF-8? Else what is drawn keeps to ASCII. */
int cli_utf8(void);

/* A bar of `columns`, `share` (0..1) of it filled: in eighths of a column where the locale has blocks. */
void cli_bar(FILE *to, double share, int columns);

/* "1.5 MiB", "138,357,544" and the library's version, "0.1.0", in one of eight places that take turns. */
const char *cli_bytes(double bytes);
const char *cli_count(int64_t count);
const char *cli_version(void);

/* A JSON string of any bytes (a file name): those that are no UTF-8 become '?'. */
json_t *cli_json_text(const char *text);

/* Prints `root` as indented JSON with a newline and releases it. Returns CLI_OK, or CLI_FAILED if stdout cannot be written. */
int cli_print_json(json_t *root);
/* Flushes stdout; CLI_FAILED with a message if that fails (a full disk, a closed pipe), else `code`. */
int cli_finish(int code);

/* A whole number lo..hi from text; 0 (with a message to stderr that names `option`) if it is none. */
int cli_number(const char *option, const char *text, long long lo, long long hi, long long *value);

/* The same for the argument of an option, which exits with CLI_USAGE, as argp does. */
long long cli_option(const char *option, const char *text, long long lo, long long hi);

/* Likewise a number lo <= value < hi. */
double cli_real(const char *option, const char *text, double lo, double hi);

/* "exact" and "fast": the mode of the option's argument, which exits with CLI_USAGE if it is neither; a mode's name. */
lw_mode cli_mode(const char *option, const char *text);
const char *cli_mode_name(lw_mode mode);

/* The built-in network of that name; prints a message that lists all and returns NULL if there is none. */
const lw_net *cli_net(const char *what, const char *name);

#endif
