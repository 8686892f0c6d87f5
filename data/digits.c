/* SPDX-License-Identifier: Apache-2.0
 * The built-in data set: digits drawn with a pen that wanders. Only +, -, *, / and sqrt in float, so that the pixels are the same
 * on every machine. */
#include <math.h>
#include "data/digit_styles.h"
#include "data/random.h"
#include "lanewise_data.h"

enum { SIDE = 28, PER_SPAN = 4, MAX_POINTS = DIGIT_KNOTS * PER_SPAN, STREAM = 0x64696769 };

/* How much hands differ, tuned so that a convolutional network finds every digit and a linear classifier misses one in eight. */
static const float JITTER = .026f, WARP = .065f;                     /* of knots and of whole regions, in digit heights */
static const float ROTATION = .06f, SLANT_MEAN = .07f, SLANT = .14f; /* tangents of half the rotation and of the slant */
static const float SIZE_LO = 17, SIZE_HI = 23, SHIFT = 1.5f;         /* pixels; digits fill .84 of the size */
static const float WIDE_LO = .78f, WIDE_HI = 1.2f;                   /* width against height */
static const float PEN_LO = .55f, PEN_HI = 1.8f, TAPER = .15f;       /* half width in pixels, its change along a stroke */

typedef struct point {
  float x, y;
} point;

/* A straight piece of the pen's way, and its half width at both ends. */
typedef struct segment {
  point a, b;
  float ra, rb;
} segment;

typedef struct drawing {
  int count;
  segment segments[MAX_POINTS];
  float x0, y0, x1, y1; /* around all points */
} drawing;

/* A smooth field of displacements: random at 3 x 3 places, blended in between. */
typedef struct warp {
  point grid[3][3];
} warp;

static float smooth(float t) { return t * t * (3 - 2 * t); }

static point displaced(const warp *w, point p) {
  const float gx = p.x < 0 ? 0 : p.x > .999f ? 1.998f : 2 * p.x, gy = p.y < 0 ? 0 : p.y > .999f ? 1.998f : 2 * p.y;
  const int i = (int)gy, j = (int)gx;
  const float u = smooth(gx - (float)j), v = smooth(gy - (float)i);
  const point *top = &w->grid[i][j], *bottom = &w->grid[i + 1][j];
  p.x += (1 - v) * ((1 - u) * top[0].x + u * top[1].x) + v * ((1 - u) * bottom[0].x + u * bottom[1].x);
  p.y += (1 - v) * ((1 - u) * top[0].y + u * top[1].y) + v * ((1 - u) * bottom[0].y + u * bottom[1].y);
  return p;
}

/* Cubic Hermite from a to b with the tangents ta and tb. */
static point hermite(point a, point b, point ta, point tb, float t) {
  const float t2 = t * t, t3 = t2 * t, h1 = 3 * t2 - 2 * t3, h2 = t3 - 2 * t2 + t, h3 = t3 - t2;
  return (point){a.x + h1 * (b.x - a.x) + h2 * ta.x + h3 * tb.x, a.y + h1 * (b.y - a.y) + h2 * ta.y + h3 * tb.y};
}

/* The tangent at knot i on the side of its neighbour `to`: along the chord between both neighbours where the pen goes on
 * smoothly. */
static point tangent(const digit_style *style, const point *p, int i, int to) {
  const int last = i + 1 == style->count || style->knots[i + 1].kind == KNOT_BEGIN;
  if (style->knots[i].kind == KNOT_SMOOTH && !last)
    return (point){(p[i + 1].x - p[i - 1].x) * .5f, (p[i + 1].y - p[i - 1].y) * .5f};
  return to > i ? (point){p[to].x - p[i].x, p[to].y - p[i].y} : (point){p[i].x - p[to].x, p[i].y - p[to].y};
}

typedef struct map {
  float xx, xy, yx, yy;
} map;

/* Rotation, slant and size. cos and sin from the tangent of half the angle, which needs no libm. */
static map random_map(lw_random *r) {
  const float t = ROTATION * lw_random_bell(r), c = (1 - t * t) / (1 + t * t), s = 2 * t / (1 + t * t);
  const float slant = SLANT_MEAN + SLANT * lw_random_bell(r), size = lw_random_between(r, SIZE_LO, SIZE_HI),
              wide = size * lw_random_between(r, WIDE_LO, WIDE_HI);
  return (map){c * wide, -c * slant * size - s * size, s * wide, c * size - s * slant * size};
}

static void draw(lw_random *r, const digit_style *style, drawing *d) {
  point p[DIGIT_KNOTS];
  warp w;
  for (int i = 0; i < 9; i++) {
    w.grid[i / 3][i % 3].x = WARP * lw_random_bell(r);
    w.grid[i / 3][i % 3].y = WARP * lw_random_bell(r);
  }
  const map m = random_map(r);
  for (int i = 0; i < style->count; i++) {
    p[i].x = (float)style->knots[i].x * .01f + JITTER * lw_random_bell(r);
    p[i].y = (float)style->knots[i].y * .01f + JITTER * lw_random_bell(r);
  }
  const float radius = lw_random_between(r, PEN_LO, PEN_HI);
  float from = radius * (1 + TAPER * lw_random_bell(r));
  point at = {0, 0};
  *d = (drawing){.count = 0, .x0 = 1e9f, .y0 = 1e9f, .x1 = -1e9f, .y1 = -1e9f};
  for (int i = 0; i < style->count; i++) {
    const int begins = style->knots[i].kind == KNOT_BEGIN, steps = begins ? 1 : PER_SPAN;
    const float to = radius * (1 + TAPER * lw_random_bell(r));
    for (int k = 1; k <= steps; k++) {
      const float t = (float)k / (float)steps;
      const point q =
          displaced(&w, begins ? p[i] : hermite(p[i - 1], p[i], tangent(style, p, i - 1, i), tangent(style, p, i, i - 1), t));
      const point next = {m.xx * (q.x - .5f) + m.xy * (q.y - .5f), m.yx * (q.x - .5f) + m.yy * (q.y - .5f)};
      if (!begins)
        d->segments[d->count++] = (segment){at, next, from + (to - from) * (t - 1 / (float)steps), from + (to - from) * t};
      at = next;
      if (at.x < d->x0) d->x0 = at.x;
      if (at.x > d->x1) d->x1 = at.x;
      if (at.y < d->y0) d->y0 = at.y;
      if (at.y > d->y1) d->y1 = at.y;
    }
    from = to;
  }
}

/* depth[y][x] becomes the most that any segment reaches beyond that pixel's centre: its half width minus the distance. */
static void stroke(const segment *s, float dx, float dy, float depth[SIDE][SIDE]) {
  const float ax = s->a.x + dx, ay = s->a.y + dy, abx = s->b.x - s->a.x, aby = s->b.y - s->a.y;
  const float length2 = abx * abx + aby * aby, inverse = length2 > 0 ? 1 / length2 : 0;
  const float ra = s->ra, widening = s->rb - s->ra, reach = (widening > 0 ? s->rb : ra) + 1.5f;
  const float left = ax + (abx < 0 ? abx : 0) - reach, right = ax + (abx > 0 ? abx : 0) + reach;
  const float top = ay + (aby < 0 ? aby : 0) - reach, bottom = ay + (aby > 0 ? aby : 0) + reach;
  const int i0 = top > 0 ? (int)top + 1 : 0, i1 = bottom < SIDE - 1 ? (int)bottom : SIDE - 1;
  const int j0 = left > 0 ? (int)left + 1 : 0, j1 = right < SIDE - 1 ? (int)right : SIDE - 1;
  for (int i = i0; i <= i1; i++) {
    const float py = (float)i - ay;
    float *row = depth[i];
    for (int j = j0; j <= j1; j++) {
      const float px = (float)j - ax, along = (px * abx + py * aby) * inverse;
      const float t = along < 0 ? 0 : along > 1 ? 1 : along;
      const float ex = px - t * abx, ey = py - t * aby;
      const float reached = ra + widening * t - sqrtf(ex * ex + ey * ey);
      row[j] = reached > row[j] ? reached : row[j];
    }
  }
}

/* Where the digit's middle goes: anywhere that keeps it inside and is not too far from the image's. */
static float place(lw_random *r, float lo, float hi) {
  const float room = (SIDE - 4 - (hi - lo)) / 2, far = room < 0 ? 0 : room < SHIFT ? room : SHIFT;
  return (SIDE - 1) * .5f - (lo + hi) * .5f + lw_random_between(r, -far, far);
}

static void clear(float depth[SIDE][SIDE]) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) depth[i][j] = -9;
}

/* Coverage of a pixel from how deep it lies: the edge is one pixel wide, wider with a soft pen. */
static float coverage(float depth, float sharpness) {
  const float v = depth * sharpness + .5f;
  return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* A short stray mark near the border, or a scratch through the middle that takes ink away. */
static void blemish(lw_random *r, float ink[SIDE][SIDE]) {
  static const float middle = (SIDE - 1) * .5f;
  const int kind = lw_random_below(r, 8);
  if (kind > 1) return;
  const float tx = lw_random_between(r, -1, 1), ty = lw_random_between(r, -1, 1),
              length = kind == 0 ? lw_random_between(r, 2, 6) : 40;
  const float norm = sqrtf(tx * tx + ty * ty) + 1e-3f, ux = tx / norm, uy = ty / norm;
  const float away = kind == 0 ? lw_random_between(r, 10, 14) : lw_random_between(r, -6, 6), pen = lw_random_between(r, .2f, .7f),
              strength = lw_random_between(r, .3f, .9f);
  /* Seen from the middle a mark lies towards u, and points anywhere; a scratch passes to the left or right of it, along u. */
  const float ox = kind == 0 ? ux : -uy, oy = kind == 0 ? uy : ux;
  const float dx = kind == 0 ? lw_random_between(r, -1, 1) : ux, dy = kind == 0 ? lw_random_between(r, -1, 1) : uy;
  const point c = {middle + ox * away, middle + oy * away};
  const segment s = {
      {c.x - dx * length * .5f, c.y - dy * length * .5f}, {c.x + dx * length * .5f, c.y + dy * length * .5f}, pen, pen};
  float depth[SIDE][SIDE];
  clear(depth);
  stroke(&s, 0, 0, depth);
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      const float v = strength * coverage(depth[i][j], 1);
      if (kind == 1)
        ink[i][j] *= 1 - v;
      else if (v > ink[i][j])
        ink[i][j] = v;
    }
}

static uint8_t image(uint64_t seed, uint64_t number, uint8_t pixels[SIDE * SIDE]) {
  lw_random r = lw_random_start(seed, (uint32_t)number, (uint32_t)(number >> 32), STREAM);
  float ink[SIDE][SIDE];
  drawing d;
  const int label = lw_random_below(&r, 10);
  draw(&r, &digit_styles[label][lw_random_below(&r, DIGIT_STYLES)], &d);
  const float dx = place(&r, d.x0, d.x1), dy = place(&r, d.y0, d.y1);
  clear(ink);
  for (int i = 0; i < d.count; i++) stroke(&d.segments[i], dx, dy, ink);
  const float sharpness = lw_random_between(&r, .55f, 1.1f), strength = lw_random_between(&r, .65f, 1),
              grain = lw_random_below(&r, 2) ? lw_random_between(&r, .02f, .3f) : 0;
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) ink[i][j] = strength * coverage(ink[i][j], sharpness);
  blemish(&r, ink);
  for (int i = 0; i < SIDE * SIDE; i++) {
    float v = ink[i / SIDE][i % SIDE];
    if (grain > 0) {
      const uint32_t w = lw_random_word(&r);
      v += grain * (((float)((w & 0xffff) + (w >> 16)) * 0x1p-16f) - 1);
    }
    pixels[i] = (uint8_t)((v < 0 ? 0 : v > 1 ? 1 : v) * 255 + .5f);
  }
  return (uint8_t)label;
}

lw_status lw_digits(uint64_t seed, int64_t first, int64_t count, uint8_t *pixels, uint8_t *labels) {
  static const char call[] = "lw_digits";
  if (first < 0) return lw_fail(LW_BAD_ARGUMENT, "%s: first is %lld, expected at least 0", call, (long long)first);
  if (count < 0 || count > INT64_MAX / (SIDE * SIDE) || first > INT64_MAX - count)
    return lw_fail(LW_BAD_SHAPE, "%s: count is %lld with first %lld, expected 0 or more images below number 2^63", call,
                   (long long)count, (long long)first);
  if (count == 0) return LW_OK;
  if (!pixels) return lw_fail(LW_BAD_ARGUMENT, "%s: pixels is NULL", call);
  if (!labels) return lw_fail(LW_BAD_ARGUMENT, "%s: labels is NULL", call);
  for (int64_t i = 0; i < count; i++) labels[i] = image(seed, (uint64_t)(first + i), pixels + i * SIDE * SIDE);
  return LW_OK;
}
