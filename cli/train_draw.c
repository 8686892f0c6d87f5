/* SPDX-License-Identifier: Apache-2.0
 * A learning curve as a drawing: loss at the left, accuracy at the right, both over the epochs. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include "cli/train.h"

enum { WIDTH = 920, HEIGHT = 400, TOP = 96, BOTTOM = 342, LEFT = 66, PANEL = 366, GAP = 92, TICKS = 24, DOTS = 60 };

/* A scale from data to the unit interval, and where its lines are. */
typedef struct scale {
  double lo, hi;
  int is_log, count;
  double ticks[TICKS];
} scale;

typedef struct panel {
  const train_curve *c;
  const char *name;
  size_t fields[2]; /* of train_row: train, validation */
  int left, is_share;
  scale x, y;
} panel;

static const char *const line_names[] = {"train", "validation"};

static double value_of(const panel *p, int line, int64_t i) {
  return *(const double *)((const char *)&p->c->rows[i] + p->fields[line]);
}

static int has(const panel *p, int line) { return p->c->count > 0 && !isnan(value_of(p, line, 0)); }

/* -------------------------------------------------------------------------------------------------------------- scales */

/* 1, 2 or 5 times a power of ten, at least `least`. */
static double nice_step(double least) {
  const double power = pow(10, floor(log10(least))), rest = least / power;
  return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

static scale linear(double lo, double hi, int lines) {
  const double step = nice_step((hi - lo) / lines);
  scale s = {.lo = floor(lo / step + 1e-9) * step, .hi = ceil(hi / step - 1e-9) * step};
  for (int i = 0; s.count < TICKS && s.lo + i * step <= s.hi + step / 2; i++) s.ticks[s.count++] = s.lo + i * step;
  return s;
}

/* From and to the nearest 1, 2 or 5 times a power of ten; lines at all of them, or at the powers where they are too many. */
static scale logarithmic(double lo, double hi) {
  static const double steps[] = {1, 2, 5};
  const int first = (int)floor(log10(lo)), last = (int)ceil(log10(hi)), all = last - first <= 3;
  scale s = {.lo = all ? lo : pow(10, first), .hi = all ? hi : pow(10, last), .is_log = 1};
  double below = pow(10, first), above = 0;
  for (int e = first; e <= last; e++)
    for (int k = 0; k < (all ? 3 : 1) && s.count < TICKS; k++) {
      const double tick = steps[k] * pow(10, e);
      if (tick <= lo) below = tick;
      if (tick >= hi && above == 0) above = tick;
      s.ticks[s.count++] = tick;
    }
  if (all) {
    s.lo = below;
    s.hi = above > 0 ? above : hi;
  }
  return s;
}

static double place(const scale *s, double v) {
  return s->is_log ? log(v / s->lo) / log(s->hi / s->lo) : (v - s->lo) / (s->hi - s->lo);
}

static double x_of(const panel *p, double v) { return p->left + PANEL * place(&p->x, v); }
static double y_of(const panel *p, double v) { return BOTTOM - (BOTTOM - TOP) * place(&p->y, v); }

static void make_scales(panel *p) {
  double lo = INFINITY, hi = -INFINITY;
  for (int line = 0; line < 2; line++)
    for (int64_t i = 0; has(p, line) && i < p->c->count; i++) {
      lo = fmin(lo, value_of(p, line, i));
      hi = fmax(hi, value_of(p, line, i));
    }
  const int64_t last = p->c->count > 2 ? p->c->count : 2;
  p->x = (scale){.lo = 1, .hi = (double)last};
  const double step = fmax(1, nice_step((double)last / 8));
  for (double tick = step == 1 ? 1 : step; tick <= (double)last && p->x.count < TICKS; tick += step)
    p->x.ticks[p->x.count++] = tick;
  if (!(lo <= hi)) lo = hi = p->is_share ? 1 : 0;
  if (p->is_share)
    p->y = linear(fmin(lo, 0.999), 1, 5);
  else if (lo > 0 && hi > 8 * lo)
    p->y = logarithmic(lo, hi);
  else
    p->y = linear(0, hi > 0 ? hi : 1, 5);
}

/* ------------------------------------------------------------------------------------------------------------- drawing */

static void draw_grid(FILE *to, const panel *p) {
  for (int i = 0; i < p->y.count; i++) {
    const double v = p->y.ticks[i], y = y_of(p, v);
    if (v < p->y.lo * (1 - 1e-9) || v > p->y.hi * (1 + 1e-9)) continue;
    fprintf(to, "<path class=\"grid\" d=\"M%d %.1fh%d\"/><text class=\"soft end\" x=\"%d\" y=\"%.1f\">%.6g%s</text>\n", p->left,
            y, PANEL, p->left - 8, y + 4, p->is_share ? 100 * v : v, p->is_share ? " %" : "");
  }
  for (int i = 0; i < p->x.count; i++) {
    const double x = x_of(p, p->x.ticks[i]);
    fprintf(to, "<path class=\"axis\" d=\"M%.1f %dv5\"/><text class=\"soft middle\" x=\"%.1f\" y=\"%d\">%g</text>\n", x, BOTTOM,
            x, BOTTOM + 20, p->x.ticks[i]);
  }
  fprintf(to, "<path class=\"axis\" d=\"M%d %dh%d\"/><text class=\"soft middle\" x=\"%d\" y=\"%d\">epoch</text>\n", p->left,
          BOTTOM, PANEL, p->left + PANEL / 2, BOTTOM + 42);
  fprintf(to, "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>\n", p->left, TOP - 20, p->name);
}

static void draw_legend(FILE *to, const panel *p) {
  int x = p->left + PANEL;
  for (int line = 1; line >= 0; line--) {
    if (!has(p, line)) continue;
    x -= line ? 94 : 66;
    fprintf(to, "<path class=\"line %s\" d=\"M%d %dh18\"/><text class=\"soft\" x=\"%d\" y=\"%d\">%s</text>\n", line_names[line],
            x, TOP - 24, x + 24, TOP - 20, line_names[line]);
  }
}

static void draw_best(FILE *to, const panel *p) {
  if (!p->c->best_epoch || !has(p, 1)) return;
  const double x = x_of(p, (double)p->c->best_epoch), y = y_of(p, value_of(p, 1, p->c->best_epoch - 1));
  fprintf(to, "<circle class=\"best\" cx=\"%.1f\" cy=\"%.1f\" r=\"7\"><title>best epoch: %lld</title></circle>\n", x, y,
          (long long)p->c->best_epoch);
}

static void draw_line(FILE *to, const panel *p, int line) {
  if (!has(p, line)) return;
  fprintf(to, "<path class=\"line %s\" d=\"", line_names[line]);
  for (int64_t i = 0; i < p->c->count; i++)
    fprintf(to, "%s%.1f %.1f", i ? " L" : "M", x_of(p, (double)i + 1), y_of(p, value_of(p, line, i)));
  fputs("\"/>\n", to);
  for (int64_t i = 0; i < p->c->count && p->c->count <= DOTS; i++)
    fprintf(to, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>epoch %lld, %s: %.6g%s</title></circle>\n",
            line_names[line], x_of(p, (double)i + 1), y_of(p, value_of(p, line, i)), (long long)i + 1, line_names[line],
            value_of(p, line, i) * (p->is_share ? 100 : 1), p->is_share ? " %" : "");
}

static void draw_panel(FILE *to, panel *p) {
  make_scales(p);
  draw_grid(to, p);
  draw_legend(to, p);
  for (int line = 0; line < 2; line++) draw_line(to, p, line);
  draw_best(to, p);
}

void train_curve_draw(FILE *to, const train_curve *c) {
  const int second = LEFT + PANEL + GAP;
  panel loss = {
      .c = c, .name = "loss", .fields = {offsetof(train_row, train_loss), offsetof(train_row, validation_loss)}, .left = LEFT};
  panel accuracy = {.c = c,
                    .name = "accuracy",
                    .fields = {offsetof(train_row, train_accuracy), offsetof(train_row, validation_accuracy)},
                    .left = second,
                    .is_share = 1};
  fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
          WIDTH, HEIGHT, WIDTH, HEIGHT);
  train_print_escaped(to, c->title);
  fputs("</title>\n<style>\n"
        "text{font:13px system-ui,-apple-system,\"Segoe UI\",sans-serif;fill:#1f2328}\n"
        "rect{fill:#fff}\n.title{font-size:16px;font-weight:600}.name{font-weight:600}\n"
        ".soft{fill:#59636e}.end{text-anchor:end}.middle{text-anchor:middle}\n"
        "path{fill:none}.grid{stroke:#d1d9e0}.axis{stroke:#59636e}\n"
        ".line{stroke-width:2;stroke-linejoin:round}\n"
        ".line.train{stroke:#2a78c2}.line.validation{stroke:#c2570c}.dot.train{fill:#2a78c2}.dot.validation{fill:#c2570c}\n"
        ".best{fill:none;stroke:#c2570c;stroke-width:1.5}\n"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}rect{fill:#0d1117}.soft{fill:#9198a1}.grid{stroke:#2f353d}"
        ".axis{stroke:#9198a1}\n"
        ".line.train{stroke:#6cb2f5}.line.validation{stroke:#f0944d}.dot.train{fill:#6cb2f5}.dot.validation{fill:#f0944d}"
        ".best{stroke:#f0944d}}\n"
        "</style>\n",
        to);
  fprintf(to, "<rect width=\"%d\" height=\"%d\"/>\n<text class=\"title\" x=\"%d\" y=\"28\">", WIDTH, HEIGHT, LEFT);
  train_print_escaped(to, c->title);
  fputs("</text>\n", to);
  if (c->best_epoch)
    fprintf(to, "<text class=\"soft\" x=\"%d\" y=\"49\">best epoch: %lld, validation accuracy %.2f %%</text>\n", LEFT,
            (long long)c->best_epoch, 100 * c->rows[c->best_epoch - 1].validation_accuracy);
  draw_panel(to, &loss);
  draw_panel(to, &accuracy);
  fputs("</svg>\n", to);
}
