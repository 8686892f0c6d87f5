/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PLACES = 8, PLACE = 32 };
/* Where short texts lie for a moment: as many as one printf may want. */
static char *place(void) {
  static char places[PLACES][PLACE];
  static int next;
  return places[next++ % PLACES];
}

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

int cli_usage(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain(format, arguments);
  va_end(arguments);
  fprintf(stderr, "Try `%s --help' for more information.\n", program_invocation_name);
  return CLI_USAGE;
}

int cli_fail_status(void) { return cli_fail("%s", lw_error_message()); }

int cli_colour(void) {
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

const char *cli_style(const char *code) {
  if (!cli_colour()) return "";
  char *sequence = place();
  snprintf(sequence, PLACE, "\033[%sm", code);
  return sequence;
}

int cli_columns(int fd) {
  struct winsize size;
  return isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

int cli_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

void cli_bar(FILE *to, double share, int columns) {
  static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int parts = share > 0 ? (int)(share * columns * 8 + .5) : 0, utf8 = cli_utf8();
  const int whole = utf8 ? parts / 8 : (parts + 4) / 8, rest = utf8 ? parts % 8 : 0;
  for (int i = 0; i < whole; i++) fputs(utf8 ? "█" : "#", to);
  fputs(eighths[rest], to);
  for (int i = whole + (rest > 0); i < columns; i++) putc(' ', to);
}

const char *cli_bytes(double bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  char *text = place();
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) bytes /= 1024;
  const int whole = bytes == (double)(int)bytes || bytes >= 100;
  snprintf(text, PLACE, "%.*f %s", whole ? 0 : 1, bytes, units[unit]);
  return text;
}

const char *cli_count(int64_t count) {
  char digits[24], *text = place(), *to = text;
  const int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') *to++ = ',';
    *to++ = digits[i];
  }
  *to = 0;
  return text;
}

const char *cli_version(void) {
  const int v = lw_version();
  char *text = place();
  snprintf(text, PLACE, "%d.%d.%d", v / 10000, v / 100 % 100, v % 100);
  return text;
}

json_t *cli_json_text(const char *text) {
  json_t *string = json_string(text);
  if (string) return string;
  char *copy = strdup(text);
  for (char *c = copy; c && *c; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  string = copy ? json_string(copy) : NULL;
  free(copy);
  return string;
}

int cli_print_json(json_t *root) {
  if (!root) return cli_fail("no memory for the answer");
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

long long cli_option(const char *option, const char *text, long long lo, long long hi) {
  long long value;
  if (!cli_number(option, text, lo, hi, &value)) exit(CLI_USAGE); /* as argp_error does */
  return value;
}

double cli_real(const char *option, const char *text, double lo, double hi) {
  char *end;
  errno = 0;
  const double value = strtod(text, &end);
  if (end == text || *end || errno || !(value >= lo && value < hi))
    exit(cli_usage("%s is \"%s\", expected a number from %g to below %g", option, text, lo, hi));
  return value;
}

static const char *const mode_names[] = {[LW_EXACT] = "exact", [LW_FAST] = "fast"};

lw_mode cli_mode(const char *option, const char *text) {
  for (int mode = LW_EXACT; mode <= LW_FAST; mode++)
    if (strcmp(text, mode_names[mode]) == 0) return (lw_mode)mode;
  cli_usage("%s is \"%s\", expected exact or fast", option, text);
  exit(CLI_USAGE);
}

const char *cli_mode_name(lw_mode mode) { return mode_names[mode]; }

const lw_net *cli_net(const char *what, const char *name) {
  const lw_net *net = lw_net_builtin(name);
  char names[256] = "";
  size_t length = 0;
  if (net) return net;
  for (size_t i = 0; (net = lw_net_builtin_at(i)); i++)
    length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                               i == 0                     ? ""
                               : lw_net_builtin_at(i + 1) ? ", "
                                                          : " or ",
                               net->name);
  cli_usage("%s is \"%s\", expected %s", what, name, names);
  return NULL;
}
