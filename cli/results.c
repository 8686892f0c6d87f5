/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }
static int is_text(const json_t *object, const char *key, const char *expected) {
  const char *text = text_of(object, key);
  return text && strcmp(text, expected) == 0;
}

/* A copy of the name without the parts that Google Benchmark adds for how it was measured. */
static char *clean_name(const char *name) {
  static const char *const added[] = {
      "iterations:", "repeats:", "min_time:", "min_warmup_time:", "manual_time", "real_time", "process_time"};
  char *copy = calloc(strlen(name) + 1, 1), *to = copy;
  for (const char *p = name; copy && *p;) {
    const size_t length = strcspn(p, "/");
    int drop = 0;
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
      const size_t known = strlen(added[i]);
      drop |= added[i][known - 1] == ':' ? strncmp(p, added[i], known) == 0 : length == known && strncmp(p, added[i], known) == 0;
    }
    if (!drop) {
      if (to > copy) *to++ = '/';
      memcpy(to, p, length);
      to += length;
    }
    p += length + (p[length] == '/');
  }
  return copy;
}

static result *find(const results *r, const char *name) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->list[i].name, name) == 0) return &r->list[i];
  return NULL;
}
const result *results_find(const results *r, const char *name) { return find(r, name); }

/* The result of that name, new if need be; takes `name`. NULL: no memory. */
static result *find_or_add(results *r, char *name) {
  result *known = find(r, name);
  if (known) {
    free(name);
    return known;
  }
  result *list = realloc(r->list, (r->count + 1) * sizeof *list);
  if (!list) {
    free(name);
    return NULL;
  }
  r->list = list;
  list[r->count] = (result){.name = name};
  return &list[r->count++];
}

/* Seconds of one unit; 0 if there is no such unit. */
static double unit_seconds(const char *unit) {
  static const char *const names[] = {"s", "ms", "us", "ns"};
  static const double seconds[] = {1, 1e-3, 1e-6, 1e-9};
  for (size_t i = 0; unit && i < sizeof names / sizeof *names; i++)
    if (strcmp(unit, names[i]) == 0) return seconds[i];
  return 0;
}

static void set_wrong(result *b, const char *format, const char *value) {
  if (!b->wrong && asprintf(&b->wrong, format, value) < 0) b->wrong = NULL;
}

static int add_time(result *b, const json_t *entry) {
  const json_t *time = json_object_get(entry, "real_time");
  const char *unit = text_of(entry, "time_unit");
  const double each = unit_seconds(unit), seconds = json_number_value(time) * each;
  if (json_is_true(json_object_get(entry, "error_occurred"))) {
    const char *message = text_of(entry, "error_message");
    set_wrong(b, "failed: %s", message ? message : "no reason given");
  } else if (each == 0) {
    set_wrong(b, unit ? "its time_unit is \"%s\", expected s, ms, us or ns" : "it has no time_unit", unit);
  } else if (!json_is_number(time)) {
    set_wrong(b, "it has no real_time", NULL);
  } else if (!(seconds > 0) || isinf(seconds)) {
    char text[48];
    snprintf(text, sizeof text, "%g %s", json_number_value(time), unit);
    set_wrong(b, "%s is no time", text);
  }
  if (b->wrong) return 1;
  double *list = realloc(b->seconds, (b->count + 1) * sizeof *list);
  if (!list) return 0;
  list[b->count++] = seconds;
  b->seconds = list;
  return 1;
}

/* Single measurements; where there are aggregates only, the median stands for one. Our own line of noise is none. */
static int take(results *r, const json_t *entry, int aggregates) {
  const char *name = text_of(entry, "run_name");
  if (!name) name = text_of(entry, "name");
  if (!name) return cli_fail("%s: an entry of \"benchmarks\" has no name", r->path);
  if (strncmp(name, "machine/", 8) == 0 || is_text(entry, "run_type", "aggregate") != aggregates) return CLI_OK;
  if (aggregates && !is_text(entry, "aggregate_name", "median")) return CLI_OK;
  char *clean = clean_name(name);
  if (!clean) return cli_fail("no memory for the results");
  if (aggregates && find(r, clean)) {
    free(clean);
    return CLI_OK;
  }
  result *b = find_or_add(r, clean);
  return b && add_time(b, entry) ? CLI_OK : cli_fail("no memory for the results");
}

int results_read(const char *path, results *r) {
  json_error_t error;
  *r = (results){.path = path, .root = json_load_file(path, 0, &error)};
  if (!r->root && error.line < 0) return cli_fail("%s: %s", path, error.text);
  if (!r->root) return cli_fail("%s:%d:%d: %s", path, error.line, error.column, error.text);
  const json_t *entries = json_object_get(r->root, "benchmarks");
  if (!json_is_array(entries)) return cli_fail("%s has no array \"benchmarks\", as Google Benchmark's JSON has", path);
  size_t i;
  json_t *entry;
  for (int aggregates = 0; aggregates < 2; aggregates++) json_array_foreach(entries, i, entry) {
      const int code = take(r, entry, aggregates);
      if (code != CLI_OK) return code;
    }
  return r->count ? CLI_OK : cli_fail("%s holds no measurement", path);
}

void results_free(results *r) {
  for (size_t i = 0; i < r->count; i++) {
    free(r->list[i].name);
    free(r->list[i].seconds);
    free(r->list[i].wrong);
  }
  free(r->list);
  json_decref(r->root);
}

/* ----------------------------------------------------------------------------------------------------------- warnings */

static void warn(json_t *warnings, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(json_t *warnings, const char *format, ...) {
  va_list arguments;
  char *text;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) >= 0) {
    json_array_append_new(warnings, cli_json_text(text));
    free(text);
  }
  va_end(arguments);
}

/* A value of the context as text, without the clock frequency of the moment. */
static char *context_text(const json_t *value) {
  char *text = json_is_string(value) ? strdup(json_string_value(value))
               : value               ? json_dumps(value, JSON_ENCODE_ANY)
                                     : strdup("unknown");
  char *mhz = text ? strstr(text, " MHz") : NULL;
  if (!mhz) return text;
  char *from = mhz;
  while (from > text && strchr("0123456789.", from[-1])) from--;
  memmove(from, mhz, strlen(mhz) + 1);
  return text;
}

static void warn_difference(const results *a, const results *b, const char *key, json_t *warnings) {
  /* What every run has of its own, or is told as noise. */
  static const char *const own[] = {"date", "executable", "load_avg", "mhz_per_cpu", "warning", "rounds", "caches"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(key, own[i]) == 0) return;
  char *va = context_text(json_object_get(json_object_get(a->root, "context"), key));
  char *vb = context_text(json_object_get(json_object_get(b->root, "context"), key));
  if (va && vb && strcmp(va, vb) != 0) warn(warnings, "%s differs: %s | %s", key, va, vb);
  free(va);
  free(vb);
}

static double counter(const json_t *entry, const char *key) { return json_number_value(json_object_get(entry, key)); }

static void warn_noise(const results *r, json_t *warnings) {
  const char *noisy = text_of(json_object_get(r->root, "context"), "warning");
  size_t i;
  json_t *entry;
  double stolen = 0, drift = 0, throttled = 0;
  if (noisy) warn(warnings, "%s was measured on a noisy machine: %s", r->path, noisy);
  json_array_foreach(json_object_get(r->root, "benchmarks"), i, entry) {
    const char *name = text_of(entry, "name");
    if (!name || strncmp(name, "machine/noise", 13) != 0 || is_text(entry, "run_type", "aggregate")) continue;
    stolen = fmax(stolen, counter(entry, "stolen_percent"));
    drift = fmax(drift, fabs(counter(entry, "clock_drift_percent")));
    throttled += counter(entry, "throttled");
  }
  if (stolen > 2) warn(warnings, "%s: up to %.1f %% of CPU time was stolen by the hypervisor", r->path, stolen);
  if (drift > 5) warn(warnings, "%s: the clock changed by up to %.1f %% during a run", r->path, drift);
  if (throttled > 0) warn(warnings, "%s: the CPU throttled for heat", r->path);
}

void results_warnings(const results *a, const results *b, json_t *warnings) {
  const char *key;
  json_t *value, *ca = json_object_get(a->root, "context"), *cb = json_object_get(b->root, "context");
  json_object_foreach(ca, key, value) warn_difference(a, b, key, warnings);
  json_object_foreach(cb, key, value) if (!json_object_get(ca, key)) warn_difference(a, b, key, warnings);
  warn_noise(a, warnings);
  warn_noise(b, warnings);
}
