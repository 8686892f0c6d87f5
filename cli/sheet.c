/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels: the width aimed at, the height of bars, between bands, and the sides of a tile where several bands share a sheet: at
 * least TILE_LEAST, twice that if there are FEW. Maps that are larger are never made smaller. */
enum { WIDTH = 1024, BARS = 128, GAP = 12, TILE_LEAST = 32, FEW = 32, TILE_MOST = 224, BAR_MOST = 32, MAX_PIXELS = 1 << 28 };

typedef struct colour {
  uint8_t r, g, b;
} colour;
static const colour background = {24, 34, 52}, line = {64, 84, 120}, no_number = {255, 0, 0}, above = {232, 232, 232},
                    below = {236, 132, 60};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int is_bars(const band *b) { return b->h == 1 && b->w == 1; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* ------------------------------------------------------------------------------------------------------------- layout */

/* Near to a square, and without empty places where that is possible. */
static int64_t square_columns(int64_t maps) {
  int64_t root = 1, best;
  while (root * root < maps) root++;
  best = root;
  for (int64_t columns = root; columns <= 2 * root; columns++)
    if (divide_up(maps, columns) * columns < divide_up(maps, best) * best) best = columns;
  return best;
}

static void lay_out_tiles(band *b, int alone) {
  int64_t zoom;
  if (alone) {
    b->columns = square_columns(b->c);
    b->rows = divide_up(b->c, b->columns);
    zoom = least((WIDTH - b->columns - 1) / (b->columns * b->w), (WIDTH - b->rows - 1) / (b->rows * b->h));
  } else {
    const int64_t fit = most(1, (WIDTH - 1) / (most(b->w, b->c <= FEW ? 2 * TILE_LEAST : TILE_LEAST) + 1));
    b->rows = divide_up(b->c, fit);
    b->columns = divide_up(b->c, b->rows);
    zoom = least((WIDTH - b->columns - 1) / (b->columns * b->w), TILE_MOST / most(b->w, b->h));
  }
  b->zoom = most(1, zoom);
  b->width = b->columns * (b->w * b->zoom + 1) + 1;
  b->height = b->rows * (b->h * b->zoom + 1) + 1;
}

static void lay_out_bars(band *b) {
  b->rows = divide_up(b->c, WIDTH);
  b->columns = divide_up(b->c, b->rows);
  b->zoom = least(BAR_MOST, WIDTH / b->columns);
  b->width = b->columns * b->zoom + 2;
  b->height = b->rows * (BARS + 1) + 1;
}

lw_status sheet_make(band *bands, size_t count, lw_image *sheet) {
  lw_image image = {.c = 3};
  for (size_t i = 0; i < count; i++) {
    if (is_bars(&bands[i]))
      lay_out_bars(&bands[i]);
    else
      lay_out_tiles(&bands[i], count == 1);
    bands[i].top = image.h + (i > 0 ? GAP : 0);
    image.h = bands[i].top + bands[i].height;
    image.w = most(image.w, bands[i].width);
  }
  if (image.w * image.h > MAX_PIXELS)
    return lw_fail(LW_BAD_SHAPE, "the sheet would have %lld x %lld pixels, expected at most %d: ask for fewer layers",
                   (long long)image.w, (long long)image.h, MAX_PIXELS);
  image.pixels = malloc((size_t)(3 * image.w * image.h));
  if (!image.pixels)
    return lw_fail(LW_NO_MEMORY, "no memory for a sheet of %lld x %lld pixels", (long long)image.w, (long long)image.h);
  for (int64_t i = 0; i < image.w * image.h; i++) memcpy(image.pixels + 3 * i, &background, 3);
  *sheet = image;
  return LW_OK;
}

/* ------------------------------------------------------------------------------------------------------------ drawing */

static void fill(lw_image *sheet, int64_t left, int64_t top, int64_t w, int64_t h, colour with) {
  for (int64_t y = top; y < top + h; y++)
    for (int64_t x = left; x < left + w; x++) memcpy(sheet->pixels + 3 * (y * sheet->w + x), &with, 3);
}

typedef struct range {
  float lo, hi; /* of the finite values; lo > hi if there are none */
} range;

static range range_of(const float *values, int64_t count) {
  range r = {INFINITY, -INFINITY};
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(values[i])) continue;
    if (values[i] < r.lo) r.lo = values[i];
    if (values[i] > r.hi) r.hi = values[i];
  }
  return r;
}

/* In double, where the difference of two floats cannot overflow. A map of one value is black. */
static double share_of(range r, float value) {
  return r.hi > r.lo ? ((double)value - (double)r.lo) / ((double)r.hi - (double)r.lo) : 0;
}

static colour gray(range r, float value) {
  if (!isfinite(value)) return no_number;
  const uint8_t v = (uint8_t)(share_of(r, value) * 255 + .5);
  return (colour){v, v, v};
}

static void draw_tiles(lw_image *sheet, const band *b, const float *values, int shared) {
  const int64_t area = b->h * b->w;
  const range all = range_of(values, b->c * area);
  for (int64_t map = 0; map < b->c; map++) {
    const float *v = values + map * area;
    const range r = shared ? all : range_of(v, area);
    const int64_t left = map % b->columns * (b->w * b->zoom + 1), top = b->top + map / b->columns * (b->h * b->zoom + 1);
    fill(sheet, left, top, b->w * b->zoom + 2, b->h * b->zoom + 2, line);
    for (int64_t i = 0; i < area; i++)
      fill(sheet, left + 1 + i % b->w * b->zoom, top + 1 + i / b->w * b->zoom, b->zoom, b->zoom, gray(r, v[i]));
  }
}

/* From the line of zero up or down. */
static void draw_bars(lw_image *sheet, const band *b, const float *values) {
  range r = range_of(values, b->c);
  r.lo = r.lo < 0 ? r.lo : 0;
  r.hi = r.hi > 0 ? r.hi : 0;
  const int64_t zero = (int64_t)((1 - share_of(r, 0)) * (BARS - 1) + .5), gap = b->zoom >= 4;
  fill(sheet, 0, b->top, b->width, b->height, line);
  for (int64_t row = 0; row < b->rows; row++) {
    const int64_t top = b->top + 1 + row * (BARS + 1);
    fill(sheet, 1, top, b->width - 2, BARS, background);
    fill(sheet, 1, top + zero, b->width - 2, 1, line);
  }
  for (int64_t i = 0; i < b->c; i++) {
    const int64_t left = 1 + i % b->columns * b->zoom, top = b->top + 1 + i / b->columns * (BARS + 1), w = b->zoom - gap;
    if (!isfinite(values[i])) {
      fill(sheet, left, top, w, BARS, no_number);
      continue;
    }
    const int64_t end = (int64_t)((1 - share_of(r, values[i])) * (BARS - 1) + .5);
    if (end < zero)
      fill(sheet, left, top + end, w, zero - end, above);
    else
      fill(sheet, left, top + zero + 1, w, end - zero, below);
  }
}

void sheet_draw(lw_image *sheet, const band *b, const float *values, int shared) {
  if (is_bars(b))
    draw_bars(sheet, b, values);
  else
    draw_tiles(sheet, b, values, shared);
}
