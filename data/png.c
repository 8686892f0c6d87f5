/* SPDX-License-Identifier: Apache-2.0
 * PNG through libpng. Its errors leave by longjmp, so everything that must survive one lies in a struct of the caller. */
#include "data/image.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  const lw_source *source;
  size_t at;
  png_structp png;
  png_infop info;
  uint8_t *pixels;
  int64_t w, h;
  int channels; /* of the pixels: 1 to 4 */
  lw_status status;
  char reason[96];
} reader;

typedef struct writer {
  FILE *file;
  png_structp png;
  png_infop info;
  char reason[96];
} writer;

static void on_read_error(png_structp png, png_const_charp text) {
  reader *r = png_get_error_ptr(png);
  snprintf(r->reason, sizeof r->reason, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void on_write_error(png_structp png, png_const_charp text) {
  writer *w = png_get_error_ptr(png);
  snprintf(w->reason, sizeof w->reason, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

/* What would spoil pixels is made an error below; the rest is none of the caller's business. */
static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  reader *r = png_get_io_ptr(png);
  if (count > r->source->size - r->at) png_error(png, "the file ends too early");
  memcpy(to, r->source->bytes + r->at, count);
  r->at += count;
}

static void write_bytes(png_structp png, png_bytep from, size_t count) {
  writer *w = png_get_io_ptr(png);
  if (fwrite(from, 1, count, w->file) != count) png_error(png, strerror(errno));
}

static void flush(png_structp png) { (void)png; }

/* Asks for 8 bits of gray, gray and alpha, RGB, or RGBA, and makes room. */
static void prepare(reader *r) {
  r->w = png_get_image_width(r->png, r->info);
  r->h = png_get_image_height(r->png, r->info);
  const int64_t packed_row = (int64_t)png_get_rowbytes(r->png, r->info);
  png_set_expand(r->png);
  png_set_scale_16(r->png);
  const int passes = png_set_interlace_handling(r->png);
  png_read_update_info(r->png, r->info);
  r->channels = png_get_channels(r->png, r->info);
  r->status = lw_pixels_allocate(r->source, r->w, r->h, r->channels, &r->pixels);
  if (r->status != LW_OK) return;
  /* Deflate packs at most 1032 to 1: a small file that claims more pixels is refused before their memory is touched. */
  if (packed_row * r->h / 1032 > (int64_t)r->source->size) png_error(r->png, "the file is too small for its number of pixels");
  const size_t row = (size_t)(r->w * r->channels);
  for (int pass = 0; pass < passes; pass++)
    for (int64_t y = 0; y < r->h; y++) png_read_row(r->png, r->pixels + (size_t)y * row, NULL);
  png_read_end(r->png, NULL);
}

static lw_status read_image(reader *r) {
  if (setjmp(png_jmpbuf(r->png))) return lw_source_fail(LW_BAD_FILE, r->source->call, r->source->name, "PNG: %s", r->reason);
  png_set_read_fn(r->png, r, read_bytes);
  /* Gamma, profiles and texts are skipped, after their checksum, so that their contents cannot be wrong. */
  png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_benign_errors(r->png, 0);
  png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(r->png, r->info);
  prepare(r);
  return r->status;
}

/* Lays the pixels over black and drops their alpha, in place. */
static void drop_alpha(reader *r) {
  const int c = r->channels - 1;
  const size_t count = (size_t)(r->w * r->h);
  const uint8_t *from = r->pixels;
  uint8_t *to = r->pixels;
  for (size_t i = 0; i < count; i++, from += c + 1)
    for (int k = 0; k < c; k++) *to++ = (uint8_t)((from[k] * from[c] + 127) / 255);
  uint8_t *smaller = realloc(r->pixels, count * (size_t)c);
  if (smaller) r->pixels = smaller;
  r->channels = c;
}

lw_status lw_png_decode(const lw_source *source, lw_image *out) {
  reader r = {.source = source};
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_read_error, on_warning);
  if (r.png) r.info = png_create_info_struct(r.png);
  const lw_status status =
      r.info ? read_image(&r) : lw_source_fail(LW_NO_MEMORY, source->call, source->name, "libpng cannot start");
  png_destroy_read_struct(&r.png, &r.info, NULL);
  if (status != LW_OK) {
    free(r.pixels);
    return status;
  }
  if (r.channels % 2 == 0) drop_alpha(&r);
  *out = (lw_image){r.w, r.h, r.channels, r.pixels};
  return LW_OK;
}

static lw_status write_image(writer *w, const char *path, const lw_image *image) {
  if (setjmp(png_jmpbuf(w->png))) return lw_source_fail(LW_BAD_FILE, "lw_image_save", path, "cannot be written: %s", w->reason);
  png_set_write_fn(w->png, w, write_bytes, flush);
  png_set_user_limits(w->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(w->png, w->info, (png_uint_32)image->w, (png_uint_32)image->h, 8,
               image->c == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(w->png, w->info);
  for (int64_t y = 0; y < image->h; y++) png_write_row(w->png, image->pixels + y * image->w * image->c);
  png_write_end(w->png, NULL);
  return LW_OK;
}

lw_status lw_png_write(const char *path, FILE *file, const lw_image *image) {
  writer w = {.file = file};
  w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_write_error, on_warning);
  if (w.png) w.info = png_create_info_struct(w.png);
  const lw_status status =
      w.info ? write_image(&w, path, image) : lw_source_fail(LW_NO_MEMORY, "lw_image_save", path, "libpng cannot start");
  png_destroy_write_struct(&w.png, &w.info);
  return status;
}
