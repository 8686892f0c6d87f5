/* SPDX-License-Identifier: Apache-2.0
 * Learning curves as files: CSV, SVG, HTML. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "cli/train.h"
#include "data/output.h"

static const char *const endings[] = {".csv", ".svg", ".html"};
enum { CSV, SVG, HTML, ENDINGS };

static int ending_of(const char *path) {
  const size_t length = strlen(path);
  int i = 0;
  while (i < ENDINGS && (length <= strlen(endings[i]) || strcasecmp(path + length - strlen(endings[i]), endings[i]) != 0)) i++;
  return i;
}

const char *train_curve_problem(const char *path) {
  return ending_of(path) < ENDINGS ? NULL : "expected a name that ends in .csv, .svg or .html";
}

void train_print_escaped(FILE *to, const char *text) {
  for (; *text; text++) switch (*text) {
    case '&': fputs("&amp;", to); break;
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '"': fputs("&quot;", to); break;
    default: putc((unsigned char)*text < ' ' ? '?' : *text, to);
    }
}

static const char *const columns[] = {"epoch",          "steps",           "learning_rate",      "train_loss",
                                      "train_accuracy", "validation_loss", "validation_accuracy"};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* With so many digits; where there is no validation, nothing stands. */
static void print_row(FILE *to, const train_curve *c, int64_t i, int digits, const char *before, const char *between,
                      const char *behind) {
  const train_row *r = &c->rows[i];
  const double values[] = {r->lr, r->train_loss, r->train_accuracy, r->validation_loss, r->validation_accuracy};
  fprintf(to, "%s%lld%s%llu", before, (long long)i + 1, between, (unsigned long long)r->steps);
  for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
    fputs(between, to);
    if (!isnan(values[k])) fprintf(to, "%.*g", digits, values[k]);
  }
  fputs(behind, to);
}

static void print_csv(FILE *to, const train_curve *c) {
  for (int i = 0; i < COLUMNS; i++) fprintf(to, "%s%s", columns[i], i + 1 < COLUMNS ? "," : "\n");
  for (int64_t i = 0; i < c->count; i++) print_row(to, c, i, 17, "", ",", "\n");
}

static void print_html(FILE *to, const train_curve *c) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        to);
  train_print_escaped(to, c->title);
  fputs("</title>\n<style>\n"
        ":root{color-scheme:light dark}\n"
        "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}\n"
        "svg{width:100%;height:auto}\n"
        "div{overflow-x:auto}\n"
        "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}\n"
        "th,td{padding:.2rem .8rem;text-align:right}\n"
        "thead th{border-bottom:1px solid #8888}\n"
        ".best{font-weight:bold}\n"
        "</style>\n</head>\n<body>\n",
        to);
  train_curve_draw(to, c);
  fputs("<div><table>\n<thead><tr>", to);
  for (int i = 0; i < COLUMNS; i++) fprintf(to, "<th>%s</th>", columns[i]);
  fputs("</tr></thead>\n<tbody>\n", to);
  for (int64_t i = 0; i < c->count; i++)
    print_row(to, c, i, 6, i + 1 == c->best_epoch ? "<tr class=\"best\"><td>" : "<tr><td>", "</td><td>", "</td></tr>\n");
  fputs("</tbody>\n</table></div>\n</body>\n</html>\n", to);
}

lw_status train_curve_save(const char *path, const train_curve *curve) {
  lw_output out;
  const lw_status status = lw_output_open("learning curve", path, &out);
  if (status != LW_OK) return status;
  switch (ending_of(path)) {
  case CSV: print_csv(out.file, curve); break;
  case SVG: train_curve_draw(out.file, curve); break;
  default: print_html(out.file, curve);
  }
  return lw_output_close(&out, LW_OK);
}
