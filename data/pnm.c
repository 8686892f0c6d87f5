/* SPDX-License-Identifier: Apache-2.0
 * PNM, after the manual pages pbm(5), pgm(5) and ppm(5) of Netpbm and what its readers do. */
#include "data/image.h"

#include <stdlib.h>

enum { END = -1 };

typedef struct cursor {
  const lw_source *source;
  size_t at;
} cursor;

/* `ch` is what stands in place of what was expected. */
static lw_status bad(const cursor *in, int ch, const char *reason) {
  if (ch == END) reason = "ends too early";
  return lw_source_fail(LW_BAD_FILE, in->source->call, in->source->name, "PNM, byte %zu: %s", in->at, reason);
}

static int next_byte(cursor *in) { return in->at < in->source->size ? in->source->bytes[in->at++] : END; }

/* In text a comment stands for the line end that closes it. */
static int next_character(cursor *in) {
  int ch = next_byte(in);
  if (ch == '#') do
      ch = next_byte(in);
    while (ch != '\n' && ch != '\r' && ch != END);
  return ch;
}

static int is_space(int ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }
static int is_digit(int ch) { return ch >= '0' && ch <= '9'; }

/* A number and the one character behind it, which must be white space. */
static lw_status number(cursor *in, int64_t limit, const char *what, int64_t *value) {
  int ch;
  int64_t v = 0;
  do ch = next_character(in);
  while (is_space(ch));
  if (!is_digit(ch)) return bad(in, ch, what);
  for (; is_digit(ch); ch = next_character(in)) {
    v = v * 10 + (ch - '0');
    if (v > limit)
      return lw_source_fail(LW_BAD_FILE, in->source->call, in->source->name, "PNM, byte %zu: %s, at most %lld", in->at, what,
                            (long long)limit);
  }
  if (!is_space(ch)) return bad(in, ch, what);
  *value = v;
  return LW_OK;
}

static uint8_t scale(int64_t v, int64_t maxval) { return (uint8_t)((v * 255 + maxval / 2) / maxval); }

static lw_status read_p1(cursor *in, int64_t count, uint8_t *pixels) {
  for (int64_t i = 0; i < count; i++) {
    int ch;
    do ch = next_character(in); /* white space between the bits is optional */
    while (is_space(ch));
    if (ch != '0' && ch != '1') return bad(in, ch, "expected 0 or 1");
    pixels[i] = ch == '1' ? 0 : 255;
  }
  return LW_OK;
}

static lw_status read_text(cursor *in, int64_t count, int64_t maxval, uint8_t *pixels) {
  for (int64_t i = 0; i < count; i++) {
    int64_t v;
    const lw_status status = number(in, maxval, "expected a value and white space", &v);
    if (status != LW_OK) return status;
    pixels[i] = scale(v, maxval);
  }
  return LW_OK;
}

static void read_p4(const uint8_t *b, int64_t w, int64_t h, uint8_t *pixels) {
  const int64_t row = (w + 7) / 8;
  for (int64_t y = 0; y < h; y++)
    for (int64_t x = 0; x < w; x++) pixels[y * w + x] = b[y * row + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
}

static lw_status read_binary(cursor *in, int64_t count, int64_t maxval, uint8_t *pixels) {
  const uint8_t *b = in->source->bytes + in->at;
  const int wide = maxval > 255;
  for (int64_t i = 0; i < count; i++) {
    const int64_t v = wide ? b[2 * i] << 8 | b[2 * i + 1] : b[i];
    if (v > maxval)
      return lw_source_fail(LW_BAD_FILE, in->source->call, in->source->name, "PNM, sample %lld is %lld, expected at most %lld",
                            (long long)i, (long long)v, (long long)maxval);
    pixels[i] = scale(v, maxval);
  }
  return LW_OK;
}

lw_status lw_pnm_decode(const lw_source *source, lw_image *out) {
  const int kind = source->bytes[1] - '0', bits = kind == 1 || kind == 4;
  cursor in = {source, 2};
  lw_image image = {.c = kind == 3 || kind == 6 ? 3 : 1};
  int64_t maxval = 1;
  lw_status status = number(&in, INT32_MAX, "expected a width", &image.w);
  if (status == LW_OK) status = number(&in, INT32_MAX, "expected a height", &image.h);
  if (status == LW_OK && !bits) status = number(&in, 65535, "expected a maxval of 1 to 65535", &maxval);
  if (status != LW_OK) return status;
  if (maxval < 1) return bad(&in, 0, "the maxval is 0, expected 1 to 65535");
  status = lw_pixels_check(source, image.w, image.h);
  if (status != LW_OK) return status;

  const int64_t count = image.w * image.h * image.c, rest = (int64_t)(source->size - in.at);
  /* The least that the pixels take: in P2 and P3 a digit and white space. */
  const int64_t need = kind == 1   ? count
                       : kind <= 3 ? 2 * count
                       : kind == 4 ? (image.w + 7) / 8 * image.h
                                   : count * (maxval > 255 ? 2 : 1);
  if (rest < need) /* before memory is asked for: a few bytes may claim many pixels */
    return lw_source_fail(LW_BAD_FILE, source->call, source->name,
                          "PNM ends too early: %lld bytes of pixels, expected at least %lld", (long long)rest, (long long)need);
  status = lw_pixels_allocate(source, image.w, image.h, image.c, &image.pixels);
  if (status != LW_OK) return status;
  if (kind == 1)
    status = read_p1(&in, count, image.pixels);
  else if (kind <= 3)
    status = read_text(&in, count, maxval, image.pixels);
  else if (kind == 4)
    read_p4(source->bytes + in.at, image.w, image.h, image.pixels);
  else
    status = read_binary(&in, count, maxval, image.pixels);
  if (status != LW_OK) {
    free(image.pixels);
    return status;
  }
  *out = image;
  return LW_OK;
}
