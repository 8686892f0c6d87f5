/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void complain(const char *format, va_list arguments) {
  fflush(stdout);
  fprintf(stderr, "%s: ", program_invocation_name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
}

int cli_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(format, arguments);
  va_end(arguments);
  return CLI_FAILED;
}

int cli_fail_status(void) { return cli_fail("%s", lw_error_message()); }

int cli_colour(void) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

const char *cli_style(const char *code) {
  static char sequences[8][16]; /* a printf may want some at once */
  static int next;
  if (!cli_colour()) return "";
  char *sequence = sequences[next++ % 8];
  snprintf(sequence, sizeof sequences[0], "\033[%sm", code);
  return sequence;
}

int cli_columns(void) {
  struct winsize size;
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

int cli_print_json(json_t *root) {
  const int written = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
  json_decref(root);
  if (!written) return cli_fail("stdout cannot be written: %s", strerror(errno));
  putchar('\n');
  return cli_finish(CLI_OK);
}

int cli_finish(int code) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  return cli_fail("stdout cannot be written: %s", strerror(errno ? errno : EIO));
}

int cli_number(const char *option, const char *text, long long lo, long long hi, long long *value) {
  char *end;
  errno = 0;
  const long long v = strtoll(text, &end, 10);
  if (end != text && *end == 0 && errno == 0 && v >= lo && v <= hi) {
    *value = v;
    return 1;
  }
  cli_fail("%s is \"%s\", expected a whole number from %lld to %lld", option, text, lo, hi);
  return 0;
}
