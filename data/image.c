/* SPDX-License-Identifier: Apache-2.0
 * Image files: which kind it is, reading and writing as a whole, messages. */
#include "data/image.h"
#include "data/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

lw_status lw_pixels_check(const lw_source *source, int64_t w, int64_t h) {
  int64_t count;
  if (w < 1 || h < 1)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "%lld x %lld pixels, expected at least 1 x 1", (long long)w,
                          (long long)h);
  if (__builtin_mul_overflow(w, h, &count) || count > LW_IMAGE_MAX_PIXELS)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "%lld x %lld pixels, expected at most %lld", (long long)w,
                          (long long)h, (long long)LW_IMAGE_MAX_PIXELS);
  return LW_OK;
}

lw_status lw_pixels_allocate(const lw_source *source, int64_t w, int64_t h, int64_t bytes_per_pixel, uint8_t **pixels) {
  const lw_status status = lw_pixels_check(source, w, h);
  if (status != LW_OK) return status;
  uint8_t *p = malloc((size_t)(w * h * bytes_per_pixel));
  if (!p)
    return lw_source_fail(LW_NO_MEMORY, source->call, source->name, "no memory for %lld x %lld pixels", (long long)w,
                          (long long)h);
  *pixels = p;
  return LW_OK;
}

lw_status lw_image_check(const char *call, const lw_image *image) {
  int64_t count;
  if (!image) return lw_fail(LW_BAD_ARGUMENT, "%s: image is NULL", call);
  if (!image->pixels) return lw_fail(LW_BAD_ARGUMENT, "%s: image->pixels is NULL", call);
  if (image->c != 1 && image->c != 3)
    return lw_fail(LW_BAD_SHAPE, "%s: image->c is %lld, expected 1 or 3", call, (long long)image->c);
  if (image->w < 1 || image->h < 1 || __builtin_mul_overflow(image->w, image->h, &count) || count > LW_IMAGE_MAX_PIXELS)
    return lw_fail(LW_BAD_SHAPE, "%s: image has w = %lld, h = %lld, expected 1 to %lld pixels", call, (long long)image->w,
                   (long long)image->h, (long long)LW_IMAGE_MAX_PIXELS);
  return LW_OK;
}

typedef lw_status decoder(const lw_source *source, lw_image *out);

/* NULL if the bytes begin like none of the three. */
static decoder *find_decoder(const uint8_t *b, size_t size) {
  static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
  if (size >= sizeof png && memcmp(b, png, sizeof png) == 0) return lw_png_decode;
  if (size >= sizeof jpeg && memcmp(b, jpeg, sizeof jpeg) == 0) return lw_jpeg_decode;
  if (size >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' && b[2] != 0 && strchr(" \t\n\v\f\r#", b[2])) return lw_pnm_decode;
  return NULL;
}

static lw_status unknown_kind(const lw_source *source) {
  char hex[3 * LW_SOURCE_FIRST + 1] = "";
  if (source->size == 0) return lw_source_fail(LW_BAD_FILE, source->call, source->name, "is empty, expected PNG, JPEG or PNM");
  for (size_t i = 0; i < LW_SOURCE_FIRST && i < source->size; i++) snprintf(hex + 3 * i, 4, " %02x", source->bytes[i]);
  return lw_source_fail(LW_BAD_FILE, source->call, source->name, "begins with%s, expected PNG, JPEG or PNM (P1 to P6)", hex);
}

lw_status lw_image_load_memory(const uint8_t *bytes, size_t size, lw_image *out) {
  const lw_source source = {"lw_image_load_memory", "memory", bytes, size};
  if (!bytes) return lw_fail(LW_BAD_ARGUMENT, "%s: bytes is NULL", source.call);
  if (!out) return lw_fail(LW_BAD_ARGUMENT, "%s: out is NULL", source.call);
  decoder *decode = find_decoder(bytes, size);
  return decode ? decode(&source, out) : unknown_kind(&source);
}

lw_status lw_image_load(const char *path, lw_image *out) {
  static const char call[] = "lw_image_load";
  lw_source_file file;
  if (!path) return lw_fail(LW_BAD_ARGUMENT, "%s: path is NULL", call);
  if (!out) return lw_fail(LW_BAD_ARGUMENT, "%s: out is NULL", call);
  lw_status status = lw_source_open(call, path, &file);
  if (status != LW_OK) return status;
  decoder *decode = find_decoder(file.bytes, file.source.size);
  status = decode ? lw_source_rest(&file) : unknown_kind(&file.source);
  if (status == LW_OK) status = decode(&file.source, out);
  lw_source_close(&file);
  return status;
}

static lw_status pnm_write(const char *path, FILE *file, const lw_image *image) {
  const size_t count = (size_t)(image->w * image->h * image->c);
  if (fprintf(file, "P%d\n%lld %lld\n255\n", image->c == 1 ? 5 : 6, (long long)image->w, (long long)image->h) < 0 ||
      fwrite(image->pixels, 1, count, file) != count)
    return lw_source_fail(LW_BAD_FILE, "lw_image_save", path, "cannot be written: %s", strerror(errno));
  return LW_OK;
}

lw_status lw_image_save(const char *path, const lw_image *image) {
  static const char call[] = "lw_image_save";
  if (!path) return lw_fail(LW_BAD_ARGUMENT, "%s: path is NULL", call);
  lw_status status = lw_image_check(call, image);
  if (status != LW_OK) return status;
  const char *dot = strrchr(path, '.');
  const int png = dot && strcasecmp(dot, ".png") == 0, pgm = dot && strcasecmp(dot, ".pgm") == 0,
            ppm = dot && strcasecmp(dot, ".ppm") == 0, pnm = dot && strcasecmp(dot, ".pnm") == 0;
  if (!png && !pgm && !ppm && !pnm)
    return lw_source_fail(LW_UNSUPPORTED, call, path, "ends in \"%.12s\", expected .png, .pgm, .ppm or .pnm", dot ? dot : "");
  if ((pgm && image->c != 1) || (ppm && image->c != 3))
    return lw_source_fail(LW_BAD_SHAPE, call, path, "image->c is %lld, expected %d for this ending", (long long)image->c,
                          pgm ? 1 : 3);
  lw_output out;
  status = lw_output_open(call, path, &out);
  if (status != LW_OK) return status;
  return lw_output_close(&out, png ? lw_png_write(path, out.file, image) : pnm_write(path, out.file, image));
}

void lw_image_free(lw_image *image) {
  if (!image) return;
  free(image->pixels);
  *image = (lw_image){0};
}
