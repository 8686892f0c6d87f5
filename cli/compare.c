/* SPDX-License-Identifier: Apache-2.0
 * `lanewise compare`: whether a benchmark got faster, with a confidence interval. */
#include <argp.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/results.h"
#include "cli/stats.h"

enum { KEY_CONFIDENCE = 0x400, KEY_FILTER, KEY_FAIL, KEY_SAME };

typedef struct options {
  const char *path[2];
  int paths, json, has_filter;
  double confidence, same, fail; /* same and fail: percent; fail < 0: never */
  regex_t filter;
} options;

typedef enum verdict { FASTER, SLOWER, SAME, UNKNOWN, VERDICTS } verdict;
static const char *const verdict_names[VERDICTS] = {"faster", "slower", "same", "cannot tell"};

/* One benchmark of both files. */
typedef struct comparison {
  const result *a, *b;
  stats_ratio r;
  verdict verdict;
  int has_ratio;
  char why[160]; /* of UNKNOWN */
} comparison;

static double percent(double ratio) { return 100 * fabs(ratio - 1); }
/* How far the interval reaches from 1. */
static double reach(const stats_ratio *r) { return fmax(percent(r->low), percent(r->high)); }

static comparison compare(const options *o, const result *a, const result *b) {
  comparison c = {.a = a, .b = b, .verdict = UNKNOWN};
  if (a->wrong || b->wrong) {
    snprintf(c.why, sizeof c.why, "in %s %s", o->path[a->wrong ? 0 : 1], a->wrong ? a->wrong : b->wrong);
  } else if (a->count < 2 || b->count < 2) {
    snprintf(c.why, sizeof c.why, "one measurement%s%s", a->count < 2 && b->count < 2 ? "" : " in ",
             a->count < 2 && b->count < 2 ? "" : o->path[a->count < 2 ? 0 : 1]);
    c.r.ratio = stats_mean_time(b->seconds, b->count) / stats_mean_time(a->seconds, a->count);
  } else {
    c.has_ratio = 1;
    c.r = stats_compare(a->seconds, a->count, b->seconds, b->count, o->confidence);
    c.verdict = c.r.high < 1 ? FASTER : c.r.low > 1 ? SLOWER : reach(&c.r) <= o->same ? SAME : UNKNOWN;
    if (c.verdict == UNKNOWN) snprintf(c.why, sizeof c.why, "the interval includes 1");
  }
  return c;
}

static const char *time_text(double seconds, char text[24]) {
  static const char *const units[] = {"s", "ms", "us", "ns"};
  int unit = 0;
  while (unit < 3 && seconds < 1) seconds *= 1000, unit++;
  snprintf(text, 24, "%.4g %s", seconds, units[unit]);
  return text;
}

static void print_comparison(const comparison *c, int width) {
  static const char *const colours[] = {"32", "31", "0", "33"};
  char ta[24] = "", tb[24] = "", interval[32] = "", counts[32];
  if (c->a->count) time_text(stats_mean_time(c->a->seconds, c->a->count), ta);
  if (c->b->count) time_text(stats_mean_time(c->b->seconds, c->b->count), tb);
  if (c->has_ratio) snprintf(interval, sizeof interval, "%.4f..%.4f", c->r.low, c->r.high);
  snprintf(counts, sizeof counts, "%zu+%zu", c->a->count, c->b->count);
  printf("%-*s %10s %10s ", width, c->a->name, ta, tb);
  if (c->r.ratio > 0)
    printf("%7.4f", c->r.ratio);
  else
    printf("%7s", "");
  printf("  %-16s %5s  %s", interval, counts, cli_style(colours[c->verdict]));
  if (c->verdict == SAME)
    printf("the same within %.2g %%", reach(&c->r));
  else if (c->verdict == UNKNOWN)
    printf("cannot tell: %s", c->why);
  else
    printf("%s by %.1f %%", verdict_names[c->verdict], percent(c->r.ratio));
  printf("%s\n", cli_style("0"));
}

/* -------------------------------------------------------------------------------------------------------------- whole */

typedef struct outcome {
  comparison *list;
  size_t count, of[VERDICTS], intervals, too_slow;
  json_t *only[2], *warnings;
} outcome;

static int matches(const options *o, const char *name) { return !o->has_filter || regexec(&o->filter, name, 0, NULL, 0) == 0; }

static void add_only(const options *o, const results *from, const results *other, json_t *names) {
  for (size_t i = 0; i < from->count; i++)
    if (matches(o, from->list[i].name) && !results_find(other, from->list[i].name))
      json_array_append_new(names, cli_json_text(from->list[i].name));
}

static int judge(const options *o, const results r[2], outcome *out) {
  *out = (outcome){
      .list = calloc(r[0].count + 1, sizeof *out->list), .only = {json_array(), json_array()}, .warnings = json_array()};
  if (!out->list || !out->only[0] || !out->only[1] || !out->warnings) return cli_fail("no memory for the comparison");
  for (size_t i = 0; i < r[0].count; i++) {
    const result *b = results_find(&r[1], r[0].list[i].name);
    if (!b || !matches(o, b->name)) continue;
    const comparison c = compare(o, &r[0].list[i], b);
    out->list[out->count++] = c;
    out->of[c.verdict]++;
    out->intervals += c.has_ratio != 0;
    out->too_slow += o->fail >= 0 && c.has_ratio && c.r.low > 1 + o->fail / 100;
  }
  for (int k = 0; k < 2; k++) add_only(o, &r[k], &r[1 - k], out->only[k]);
  results_warnings(&r[0], &r[1], out->warnings);
  if (out->count == 0 && o->has_filter) return cli_fail("no benchmark of both files matches --filter");
  return CLI_OK;
}

static void print_names(const char *what, const json_t *names) {
  size_t i;
  json_t *name;
  if (json_array_size(names)) printf("\n%s:\n", what);
  json_array_foreach(names, i, name) printf("  %s\n", json_string_value(name));
}

static int print_text(const options *o, const outcome *out) {
  int width = 9;
  size_t i;
  json_t *warning;
  char what[4200];
  printf("a: %s\nb: %s\n", o->path[0], o->path[1]);
  json_array_foreach(out->warnings, i, warning)
      printf("%swarning:%s %s\n", cli_style("33"), cli_style("0"), json_string_value(warning));
  for (i = 0; i < out->count; i++) width = (int)strlen(out->list[i].a->name) > width ? (int)strlen(out->list[i].a->name) : width;
  snprintf(what, sizeof what, "%g %% interval", 100 * o->confidence);
  if (out->count) printf("\n%-*s %10s %10s %7s  %-16s %5s  verdict\n", width, "benchmark", "a", "b", "b/a", what, "runs");
  for (i = 0; i < out->count; i++) print_comparison(&out->list[i], width);
  for (int k = 0; k < 2; k++) {
    snprintf(what, sizeof what, "only in %s", o->path[k]);
    print_names(what, out->only[k]);
  }
  printf("\n%zu faster, %zu slower, %zu the same, %zu cannot tell", out->of[FASTER], out->of[SLOWER], out->of[SAME],
         out->of[UNKNOWN]);
  if (out->intervals > 1)
    printf("; of %zu intervals, %.2g may miss their ratio by chance", out->intervals,
           (double)out->intervals * (1 - o->confidence));
  printf("\n");
  if (out->too_slow) printf("%zu slower beyond doubt by more than %g %%\n", out->too_slow, o->fail);
  return cli_finish(out->too_slow ? CLI_FAILED : CLI_OK);
}

static json_t *side(const result *r) {
  json_t *seconds = json_array();
  for (size_t i = 0; i < r->count; i++) json_array_append_new(seconds, json_real(r->seconds[i]));
  return json_pack("{s:o, s:o?}", "seconds", seconds, "mean", r->count ? json_real(stats_mean_time(r->seconds, r->count)) : NULL);
}

static json_t *comparison_json(const comparison *c) {
  json_t *one = json_pack("{s:o, s:s, s:o, s:o}", "name", cli_json_text(c->a->name), "verdict", verdict_names[c->verdict], "a",
                          side(c->a), "b", side(c->b));
  if (c->r.ratio > 0) json_object_set_new(one, "ratio", json_real(c->r.ratio));
  if (c->has_ratio) {
    json_object_set_new(one, "low", json_real(c->r.low));
    json_object_set_new(one, "high", json_real(c->r.high));
    json_object_set_new(one, "degrees_of_freedom", json_real(c->r.nu));
    json_object_set_new(one, "t", json_real(c->r.t));
  }
  if (c->verdict == UNKNOWN) json_object_set_new(one, "why", cli_json_text(c->why));
  return one;
}

static int print_json(const options *o, const outcome *out) {
  json_t *list = json_array();
  for (size_t i = 0; i < out->count; i++) json_array_append_new(list, comparison_json(&out->list[i]));
  const int printed = cli_print_json(
      json_pack("{s:o, s:o, s:f, s:O, s:o, s:O, s:O, s:{s:I, s:I, s:I, s:I}, s:I}", "a", cli_json_text(o->path[0]), "b",
                cli_json_text(o->path[1]), "confidence", o->confidence, "warnings", out->warnings, "benchmarks", list,
                "only_in_a", out->only[0], "only_in_b", out->only[1], "count", "faster", (json_int_t)out->of[FASTER], "slower",
                (json_int_t)out->of[SLOWER], "same", (json_int_t)out->of[SAME], "cannot_tell", (json_int_t)out->of[UNKNOWN],
                "too_slow", (json_int_t)out->too_slow));
  return printed != CLI_OK ? printed : out->too_slow ? CLI_FAILED : CLI_OK;
}

static int run(const options *o) {
  results r[2] = {{0}, {0}};
  outcome out = {0};
  int code = results_read(o->path[0], &r[0]);
  if (code == CLI_OK) code = results_read(o->path[1], &r[1]);
  if (code == CLI_OK) code = judge(o, r, &out);
  if (code == CLI_OK) code = o->json ? print_json(o, &out) : print_text(o, &out);
  free(out.list);
  json_decref(out.only[0]);
  json_decref(out.only[1]);
  json_decref(out.warnings);
  results_free(&r[0]);
  results_free(&r[1]);
  return code;
}

static void read_filter(options *o, const char *text) {
  char message[128];
  const int error = regcomp(&o->filter, text, REG_EXTENDED | REG_NOSUB);
  if (error) {
    regerror(error, &o->filter, message, sizeof message);
    exit(cli_usage("--filter is \"%s\": %s", text, message));
  }
  o->has_filter = 1;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case KEY_CONFIDENCE: o->confidence = cli_real("--confidence", arg, 0.5, 1); return 0;
  case KEY_FAIL: o->fail = cli_real("--fail-if-slower", arg, 0, 1e6); return 0;
  case KEY_SAME: o->same = cli_real("--same", arg, 0, 100); return 0;
  case KEY_FILTER:
    if (o->has_filter) regfree(&o->filter);
    read_filter(o, arg);
    return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG:
    if (o->paths == 2) argp_error(state, "\"%s\" is one argument too many", arg);
    o->path[o->paths++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (o->paths < 2) argp_error(state, "two files are needed: before and after");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_compare(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"confidence", KEY_CONFIDENCE, "C", 0, "Of the intervals, 0.5 to below 1 (default: 0.95)", 0},
      {"filter", KEY_FILTER, "REGEX", 0, "Only benchmarks whose name matches (POSIX extended)", 0},
      {"same", KEY_SAME, "PERCENT", 0, "An interval around 1 no wider than this on either side is called the same (default: 3)",
       0},
      {"fail-if-slower", KEY_FAIL, "PERCENT", 0, "Exit code 1 if the whole interval of a benchmark is slower by more than this",
       0},
      {"json", 'j', NULL, 0, "Print JSON", 0},
      {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .args_doc = "A.json B.json",
      .doc =
          "Compares two results of the benchmarks (or of any Google Benchmark program), before and after: for every benchmark "
          "the ratio b/a of times with a confidence interval, from the repetitions of each. Where there is one measurement, it "
          "says so. Exit code 0 whatever the verdicts, unless --fail-if-slower is given."
          "\v"
          "Examples:\n"
          "  lanewise compare before/nets.json after/nets.json\n"
          "  lanewise compare a.json b.json --filter '^vgg16/.*/t2$' --fail-if-slower 2\n\n"
          "bench/run measures every pass in five rounds. By hand: bench_ops --benchmark_repetitions=10 "
          "--benchmark_out=a.json."};
  options o = {.confidence = 0.95, .same = 3, .fail = -1};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  const int code = run(&o);
  if (o.has_filter) regfree(&o.filter);
  return code;
}
