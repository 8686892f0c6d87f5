/* SPDX-License-Identifier: Apache-2.0
 * PNG and JPEG files written by hand, byte for byte, so that their pixels are known without a library; and what is asked of a
 * load. */
#ifndef LANEWISE_TESTS_IMAGE_BYTES_H
#define LANEWISE_TESTS_IMAGE_BYTES_H

#include "tests/kit/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"

typedef struct bytes {
  uint8_t b[2048];
  size_t n;
} bytes;

static void put(bytes *o, const void *p, size_t n) {
  if (n > 0) memcpy(o->b + o->n, p, n);
  o->n += n;
}

static void put_be(bytes *o, uint32_t v, int count) {
  while (count-- > 0) o->b[o->n++] = (uint8_t)(v >> 8 * count);
}

/* ---------------------------------------------------------------------------------------------------------------- PNG */

typedef struct png_desc {
  uint32_t w, h;
  int depth, type, interlace;
  const char *raw; /* filter bytes and packed samples, as deflate would see them */
  size_t raw_size;
  const char *palette, *transparency; /* NULL: no such chunk */
  size_t palette_size, transparency_size;
  uint32_t wrong_adler; /* not 0: damage that the chunk's own checksum does not show */
} png_desc;

static void png_chunk(bytes *o, const char *type, const void *data, size_t n) {
  uint32_t crc = 0xffffffffu;
  put_be(o, (uint32_t)n, 4);
  const size_t from = o->n;
  put(o, type, 4);
  put(o, data, n);
  for (size_t i = from; i < o->n; i++) {
    crc ^= o->b[i];
    for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  put_be(o, ~crc, 4);
}

static bytes png_make(png_desc d) {
  bytes o = {.n = 0}, ihdr = {.n = 0}, idat = {.n = 0};
  uint32_t a = 1, b = 0;
  put(&o, "\x89PNG\r\n\x1a\n", 8);
  put_be(&ihdr, d.w, 4);
  put_be(&ihdr, d.h, 4);
  const uint8_t rest[5] = {(uint8_t)d.depth, (uint8_t)d.type, 0, 0, (uint8_t)d.interlace};
  put(&ihdr, rest, sizeof rest);
  png_chunk(&o, "IHDR", ihdr.b, ihdr.n);
  if (d.palette) png_chunk(&o, "PLTE", d.palette, d.palette_size);
  if (d.transparency) png_chunk(&o, "tRNS", d.transparency, d.transparency_size);
  png_chunk(&o, "tEXt", "Title\0drawn by hand", 19);
  /* One stored block. */
  const uint8_t n0 = (uint8_t)d.raw_size, n1 = (uint8_t)(d.raw_size >> 8);
  const uint8_t head[7] = {0x78, 0x01, 1, n0, n1, (uint8_t)~n0, (uint8_t)~n1};
  put(&idat, head, sizeof head);
  put(&idat, d.raw, d.raw_size);
  for (size_t i = 0; i < d.raw_size; i++) {
    a = (a + (uint8_t)d.raw[i]) % 65521;
    b = (b + a) % 65521;
  }
  put_be(&idat, (b << 16 | a) ^ d.wrong_adler, 4);
  png_chunk(&o, "IDAT", idat.b, idat.n);
  png_chunk(&o, "IEND", NULL, 0);
  return o;
}

/* PNG(w, h, depth, colour type, "raw", more fields of png_desc...) */
#define PNG(width, height, bits, colour, data, ...)                                                                              \
  png_make((png_desc){                                                                                                           \
      .w = width, .h = height, .depth = bits, .type = colour, .raw = data, .raw_size = sizeof(data) - 1, __VA_ARGS__})

/* --------------------------------------------------------------------------------------------------------------- JPEG */

typedef struct bit_writer {
  bytes *o;
  uint32_t held;
  int count;
} bit_writer;

static void put_bits(bit_writer *w, uint32_t v, int count) {
  while (count-- > 0) {
    w->held = w->held << 1 | (v >> count & 1);
    if (++w->count < 8) continue;
    put_be(w->o, w->held & 0xff, 1);
    if ((w->held & 0xff) == 0xff) put_be(w->o, 0, 1);
    w->count = 0;
  }
}

/* A baseline JPEG of 8x8 blocks, not subsampled. Each block is flat: dc[block * components + component] + 128, for the DC step
 * is 8. The 4-bit code of DC category k is k; the only AC code, 0, ends the block. */
static bytes jpeg_make(uint32_t w, uint32_t h, int components, const int *dc) {
  bytes o = {.n = 0};
  int before[4] = {0};
  put_be(&o, 0xffd8ffdb, 4);
  put_be(&o, 67, 2);
  put_be(&o, 0, 1);
  for (int i = 0; i < 64; i++) put_be(&o, 8, 1);
  put_be(&o, 0xffc0, 2);
  put_be(&o, 8 + 3 * (uint32_t)components, 2);
  put_be(&o, 8, 1);
  put_be(&o, h, 2);
  put_be(&o, w, 2);
  put_be(&o, (uint32_t)components, 1);
  for (int c = 0; c < components; c++) put_be(&o, (uint32_t)(c + 1) << 16 | 0x1100, 3);
  put_be(&o, 0xffc4001c, 4);
  put(&o, "\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4\5\6\7\x08", 26);
  put_be(&o, 0xffc40014, 4);
  put(&o, "\x10\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
  put_be(&o, 0xffda, 2);
  put_be(&o, 6 + 2 * (uint32_t)components, 2);
  put_be(&o, (uint32_t)components, 1);
  for (int c = 0; c < components; c++) put_be(&o, (uint32_t)(c + 1) << 8, 2);
  put_be(&o, 0x003f00, 3);
  bit_writer bits = {&o, 0, 0};
  const int blocks = (int)((w + 7) / 8 * ((h + 7) / 8)) * components;
  for (int i = 0; i < blocks; i++) {
    const int step = dc[i] - before[i % components], size = step < 0 ? -step : step;
    int category = 0;
    while (size >> category) category++;
    put_bits(&bits, (uint32_t)category, 4);
    put_bits(&bits, (uint32_t)(step < 0 ? step + (1 << category) - 1 : step), category);
    put_bits(&bits, 0, 1);
    before[i % components] = dc[i];
  }
  put_bits(&bits, 0x7f, (8 - bits.count) % 8);
  put_be(&o, 0xffd9, 2);
  return o;
}

/* -------------------------------------------------------------------------------------------------------------- checks */

/* Loads from a buffer of just that size, so that reading beyond it shows under AddressSanitizer; out must stay as it was on
 * failure. */
static lw_status load_exact(const uint8_t *bytes, size_t size, lw_image *out) {
  lw_image before;
  uint8_t *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  memset(out, 0x5a, sizeof *out);
  memcpy(&before, out, sizeof before);
  const lw_status status = lw_image_load_memory(copy, size, out);
  free(copy);
  if (status != LW_OK && memcmp(out, &before, sizeof before) != 0) fail_msg("out was written: %s", lw_error_message());
  return status;
}

static void check_refused(lw_status expected, const uint8_t *bytes, size_t size, const char *word, int line) {
  lw_image image;
  const lw_status status = load_exact(bytes, size, &image);
  if (status != expected) fail_msg("line %d: %s, expected %s", line, lw_status_name(status), lw_status_name(expected));
  if (!strstr(lw_error_message(), "memory: ") || !strstr(lw_error_message(), word))
    fail_msg("line %d: the message lacks \"memory: \" or \"%s\": %s", line, word, lw_error_message());
}
#define REFUSED(word, ...) check_refused(LW_BAD_FILE, __VA_ARGS__, word, __LINE__)

static void check_pixels(const uint8_t *bytes, size_t size, int64_t w, int64_t h, int64_t c, const uint8_t *expected, int line) {
  lw_image image;
  if (load_exact(bytes, size, &image) != LW_OK) fail_msg("line %d: %s", line, lw_error_message());
  if (image.w != w || image.h != h || image.c != c)
    fail_msg("line %d: %d x %d x %d", line, (int)image.w, (int)image.h, (int)image.c);
  for (int64_t i = 0; i < w * h * c; i++)
    if (image.pixels[i] != expected[i])
      fail_msg("line %d: byte %d is %d, expected %d", line, (int)i, image.pixels[i], expected[i]);
  lw_image_free(&image);
  assert_null(image.pixels);
}
/* PIXELS(TEXT or BYTES, w, h, c, pixel bytes...) */
#define TEXT(s)                    (const uint8_t *)(s), sizeof(s) - 1
#define BYTES(made)                (made).b, (made).n
#define PIXELS(file, w, h, c, ...) check_pixels(file, w, h, c, (const uint8_t[]){__VA_ARGS__}, __LINE__)
#define PNG_PIXELS(file, w, h, c, ...)                                                                                           \
  do {                                                                                                                           \
    const bytes drawn = file;                                                                                                    \
    PIXELS(BYTES(drawn), w, h, c, __VA_ARGS__);                                                                                  \
  } while (0)

#endif
