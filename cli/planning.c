/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/planning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Keys of options without a short form. */
enum { KEY_ACCURACY = 0x600, KEY_WEIGHT_BUDGET, KEY_MEMORY_LIMIT, KEY_MEASURE, KEY_WISDOM };

/* "600000000", "580M" (K, M and G are powers of 1024) and, if `ratio` is not NULL, "1.1x". Exits with CLI_USAGE if it is none. */
static size_t size(const char *option, const char *text, double *ratio) {
  static const char units[] = "KMG";
  char *last;
  double value = text[0] >= '0' && text[0] <= '9' ? strtod(text, &last) : 0;
  if (value > 0) {
    const char *unit = *last ? strchr(units, *last) : NULL;
    if (ratio && strcmp(last, "x") == 0 && value <= 1e6) {
      *ratio = value;
      return 0;
    }
    if (unit) value = ldexp(value, 10 * (int)(unit - units + 1));
    if ((!*last || (unit && !last[1])) && value >= 1 && value <= 0x1p62) {
      if (ratio) *ratio = 0;
      return (size_t)value;
    }
  }
  cli_usage("%s is \"%s\", expected bytes: 600000000, 580M (K, M, G: powers of 1024)%s", option, text,
            ratio ? ", or a multiple of the parameters' bytes: 1.1x" : "");
  exit(CLI_USAGE);
}

static double accuracy(const char *text) {
  char *last;
  const double value = strtod(text, &last);
  if (last != text && !*last && value >= 1 && value <= 1e6) return value;
  cli_usage("--accuracy is \"%s\", expected a number from 1 (no worse than mode exact) to 1000000", text);
  exit(CLI_USAGE);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  cli_planning *p = state->input;
  switch (key) {
  case 'm':
    p->options.mode = cli_mode("--mode", arg);
    p->has_mode = 1;
    return 0;
  case KEY_ACCURACY: p->options.accuracy = accuracy(arg); return 0;
  case KEY_WEIGHT_BUDGET: p->options.weight_budget = size("--weight-budget", arg, &p->weight_ratio); return 0;
  case KEY_MEMORY_LIMIT: p->options.memory_limit = size("--memory-limit", arg, NULL); return 0;
  case KEY_MEASURE: p->options.planning = LW_PLAN_MEASURE; return 0;
  case KEY_WISDOM: p->options.wisdom = arg; return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option options[] = {
    {"mode", 'm', "NAME", 0,
     "exact (default): every output is one chain of operations; fast: Winograd's convolutions where they pay, within a derived "
     "bound. Either gives the same bits on every ISA and thread count",
     5},
    {"accuracy", KEY_ACCURACY, "N", 0,
     "Mode fast: only algorithms whose error bound is at most N (1 or more) times that of mode exact", 5},
    {"weight-budget", KEY_WEIGHT_BUDGET, "SIZE", 0,
     "Mode fast: only so many transformed weights that all weights stay within SIZE: bytes, 580M, or 1.1x the parameters' bytes",
     5},
    {"memory-limit", KEY_MEMORY_LIMIT, "SIZE", 0, "Fail if weights and workspace need more", 5},
    {"measure", KEY_MEASURE, NULL, 0,
     "Choose blocks, equal kernels and parts by timing (up to 10 s), never what could change a bit, and keep that in the wisdom "
     "file",
     5},
    {"wisdom", KEY_WISDOM, "FILE", 0,
     "File of measured choices (default: LANEWISE_WISDOM; with --measure, else lanewise/wisdom in XDG_CACHE_HOME or ~/.cache; "
     "\"\": "
     "none)",
     5},
    {0}};
const struct argp cli_planning_argp = {.options = options, .parser = parse};

/* The file for what is measured when none was named; its folder is made. NULL: there is no place for it. */
static const char *default_wisdom(char *path, size_t capacity) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = 0;
  if (cache && cache[0] == '/')
    length = snprintf(path, capacity, "%s", cache);
  else if (home && home[0] == '/')
    length = snprintf(path, capacity, "%s/.cache", home);
  if (length == 0 || length + 32 > (int)capacity) return NULL;
  (void)mkdir(path, 0700); /* where it fails, the plan notices that the file cannot be written */
  length += snprintf(path + length, capacity - (size_t)length, "/lanewise");
  (void)mkdir(path, 0700);
  snprintf(path + length, capacity - (size_t)length, "/wisdom");
  return path;
}

int cli_planning_make(const cli_planning *p, lw_context *context, const lw_net *net, const lw_weights *weights, int64_t batch,
                      int no_fuse, lw_plan **plan) {
  lw_plan_options o = p->options;
  char wisdom[4096];
  int64_t parameters = 0;
  if (lw_net_parameters(net, &parameters) != LW_OK) return cli_fail_status();
  if (p->weight_ratio > 0) o.weight_budget = (size_t)(p->weight_ratio * (double)parameters * sizeof(float));
  o.batch = batch;
  o.no_fuse = no_fuse;
  if (o.planning == LW_PLAN_MEASURE && !o.wisdom && !getenv("LANEWISE_WISDOM")) o.wisdom = default_wisdom(wisdom, sizeof wisdom);
  if (lw_plan_create(context, net, weights, &o, plan) != LW_OK) return cli_fail_status();
  if (lw_plan_notice(*plan)[0]) (void)cli_fail("%s", lw_plan_notice(*plan)); /* and goes on */
  return CLI_OK;
}
