/* SPDX-License-Identifier: Apache-2.0
 * Image files: exact pixels, damage of every kind, what is written. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "lanewise_data.h"
#include "tests/expect.h"
#include "tests/folder.h"
#include "tests/image_bytes.h"

#define SAMPLES LANEWISE_SOURCE_DIR "/data/samples/"

/* ------------------------------------------------------------------------------------------------------------- pixels */

static void test_png(void **state) {
  (void)state;
  PNG_PIXELS(PNG(3, 1, 1, 0, "\0\xa0", 0), 3, 1, 1, 255, 0, 255);
  PNG_PIXELS(PNG(2, 1, 2, 0, "\0\x60", 0), 2, 1, 1, 85, 170);
  PNG_PIXELS(PNG(2, 1, 4, 0, "\0\xf3", 0), 2, 1, 1, 255, 51);
  PNG_PIXELS(PNG(2, 2, 8, 0, "\0\1\2\0\3\4", 0), 2, 2, 1, 1, 2, 3, 4);
  PNG_PIXELS(PNG(2, 2, 8, 0, "\1\1\2\2\3\4", 0), 2, 2, 1, 1, 3, 4, 7); /* filters: left, then above */
  PNG_PIXELS(PNG(2, 2, 8, 0, "\0\1\0\2\0\3\4", .interlace = 1), 2, 2, 1, 1, 2, 3, 4);
  PNG_PIXELS(PNG(3, 1, 16, 0, "\0\xff\xff\x81\x00\x81\x01", 0), 3, 1, 1, 255, 128, 129);
  PNG_PIXELS(PNG(2, 1, 8, 2, "\0\1\2\3\xfd\xfe\xff", 0), 2, 1, 3, 1, 2, 3, 253, 254, 255);
  PNG_PIXELS(PNG(1, 1, 16, 2, "\0\x01\x01\x02\x02\xff\xff", 0), 1, 1, 3, 1, 2, 255);
  PNG_PIXELS(PNG(2, 1, 2, 3, "\0\x10", .palette = "\x0a\x14\x1e\xc8\x64\x32", .palette_size = 6), 2, 1, 3, 10, 20, 30, 200, 100,
             50);
  /* Transparent: over black. */
  PNG_PIXELS(PNG(2, 1, 2, 3, "\0\x10", .palette = "\x0a\x14\x1e\xc8\x64\x32", .palette_size = 6, .transparency = "\xff\x80",
                 .transparency_size = 2),
             2, 1, 3, 10, 20, 30, 100, 50, 25);
  PNG_PIXELS(PNG(3, 1, 8, 4, "\0\xc8\x7f\xff\0\x07\xff", 0), 3, 1, 1, 100, 0, 7);
  PNG_PIXELS(PNG(2, 1, 8, 6, "\0\xc8\x64\x32\x80\1\2\3\xff", 0), 2, 1, 3, 100, 50, 25, 1, 2, 3);
  PNG_PIXELS(PNG(2, 1, 8, 2, "\0\1\2\3\1\2\4", .transparency = "\0\1\0\2\0\3", .transparency_size = 6), 2, 1, 3, 0, 0, 0, 1, 2,
             4);
}

static void test_jpeg(void **state) {
  uint8_t expected[16 * 9 * 3];
  lw_image image;
  (void)state;
  const bytes gray = jpeg_make(9, 8, 1, (const int[]){50, -50});
  assert_int_equal(load_exact(BYTES(gray), &image), LW_OK);
  assert_true(image.w == 9 && image.h == 8 && image.c == 1);
  for (int i = 0; i < 72; i++) assert_int_equal(image.pixels[i], i % 9 < 8 ? 178 : 78);
  lw_image_free(&image);
  /* JFIF's matrix: R = Y + 1.402 Cr, G = Y - .344136 Cb - .714136 Cr, B = Y + 1.772 Cb. */
  const bytes colour = jpeg_make(16, 9, 3, (const int[]){50, 0, 0, 50, 0, 50, 0, 0, 0, -28, 50, 0});
  static const uint8_t block[4][3] = {{178, 178, 178}, {248, 142, 178}, {128, 128, 128}, {100, 83, 189}};
  for (int y = 0; y < 9; y++)
    for (int x = 0; x < 16; x++) memcpy(expected + (y * 16 + x) * 3, block[y / 8 * 2 + x / 8], 3);
  check_pixels(BYTES(colour), 16, 9, 3, expected, __LINE__);
  const bytes cmyk = jpeg_make(8, 8, 4, (const int[]){1, 2, 3, 4});
  check_refused(LW_UNSUPPORTED, BYTES(cmyk), "CMYK", __LINE__);
}

static void test_pnm(void **state) {
  (void)state;
  PIXELS(TEXT("P1 3 2\n101\n0 1#two bits left?\n0"), 3, 2, 1, 0, 255, 0, 255, 0, 255);
  PIXELS(TEXT("P2\n# made by hand\n2 # width\n2 15 0 15\n5\t10\n"), 2, 2, 1, 0, 255, 85, 170);
  PIXELS(TEXT("P3 1 1 1000 0 500 1000\n"), 1, 1, 3, 0, 128, 255);
  PIXELS(TEXT("P4 9 2\n\xaa\x80\x55\0"), 9, 2, 1, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255);
  PIXELS(TEXT("P5 2 1 255\n#\n"), 2, 1, 1, '#', '\n'); /* no comment among pixels */
  PIXELS(TEXT("P5 2 1 255#note\n\1\2"), 2, 1, 1, 1, 2);
  PIXELS(TEXT("P5 3 1 65535\n\0\0\x80\x80\xff\xff"), 3, 1, 1, 0, 128, 255);
  PIXELS(TEXT("P5#\r2 1 1 \1\0"), 2, 1, 1, 255, 0);
  PIXELS(TEXT("P6 1 2 255\n\1\2\3\4\5\6P6 1 1 255"), 1, 2, 3, 1, 2, 3, 4, 5, 6); /* the first image counts */
}

static void test_samples(void **state) {
  char line[256], sum[65], name[128], path[512], hex[SHA256_DIGEST_STRING_LENGTH];
  lw_image png, ppm;
  int files = 0;
  (void)state;
  FILE *list = fopen(SAMPLES "SHA256SUMS", "r");
  assert_non_null(list);
  for (; fgets(line, sizeof line, list); files++) {
    assert_int_equal(sscanf(line, "%64s %127s", sum, name), 2);
    snprintf(path, sizeof path, SAMPLES "%s", name);
    assert_non_null(SHA256File(path, hex));
    assert_string_equal(hex, sum);
    if (lw_image_load(path, &png) != LW_OK) fail_msg("%s", lw_error_message());
    const int digit = strncmp(name, "digit", 5) == 0, large = strstr(name, "large") != NULL;
    assert_int_equal(png.w, digit ? (large ? 140 : 28) : strstr(name, "small") ? 96 : 640);
    assert_int_equal(png.h, digit ? png.w : png.w / 4 * 3);
    assert_int_equal(png.c, digit || strstr(name, ".pgm") ? 1 : 3);
    lw_image_free(&png);
  }
  fclose(list);
  assert_true(files >= 14);
  assert_int_equal(lw_image_load(SAMPLES "scene_small.png", &png), LW_OK);
  assert_int_equal(lw_image_load(SAMPLES "scene_small.ppm", &ppm), LW_OK);
  assert_memory_equal(png.pixels, ppm.pixels, 96 * 72 * 3);
  lw_image_free(&png);
  lw_image_free(&ppm);
}

/* ------------------------------------------------------------------------------------------------------------- damage */

static const char p2[] = "P2 2 2 255 1 2 3 4\n", p3[] = "P3 1 1 9 1 2 3\n";

static void truncate_everywhere(const uint8_t *b, size_t n) {
  lw_image image;
  for (size_t size = 0; size < n; size++)
    if (load_exact(b, size, &image) != LW_BAD_FILE) fail_msg("a file cut to %zu of %zu bytes was accepted", size, n);
  assert_int_equal(load_exact(b, n, &image), LW_OK);
  lw_image_free(&image);
}

static bytes small_png(void) { return PNG(2, 2, 8, 0, "\0\1\0\2\0\3\4", .interlace = 1); }

static void test_truncated(void **state) {
  (void)state;
  const bytes png = small_png(), jpeg = jpeg_make(9, 8, 3, (const int[]){50, 3, 0, 7, 0, -50});
  truncate_everywhere(BYTES(png));
  truncate_everywhere(BYTES(jpeg));
  truncate_everywhere(TEXT("P1 3 1 101"));
  truncate_everywhere(TEXT(p2));
  truncate_everywhere(TEXT(p3));
  truncate_everywhere(TEXT("P4 9 2\n\xaa\x80\x55\0"));
  truncate_everywhere(TEXT("P5 3 1 65535\n\0\0\x80\x80\xff\xff"));
  truncate_everywhere(TEXT("P6 1 1 255\n\1\2\3"));
}

/* Every bit once. A PNG has checksums, so none may pass; what another format still accepts must be an image of its size. */
static void flip_everywhere(const uint8_t *b, size_t n, int checksums) {
  uint8_t copy[sizeof((bytes *)0)->b];
  lw_image image;
  for (size_t bit = 0; bit < 8 * n; bit++) {
    memcpy(copy, b, n);
    copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    const lw_status status = load_exact(copy, n, &image);
    if (status == LW_OK) {
      if (checksums) fail_msg("bit %zu of byte %zu may be wrong", bit % 8, bit / 8);
      volatile uint8_t last = image.pixels[image.w * image.h * image.c - 1];
      (void)last;
      lw_image_free(&image);
    } else if (status != LW_BAD_FILE && (checksums || status != LW_UNSUPPORTED)) {
      fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, lw_error_message());
    }
  }
}

static void test_bit_flips(void **state) {
  (void)state;
  const bytes png = small_png(), jpeg = jpeg_make(9, 8, 3, (const int[]){50, 3, 0, 7, 0, -50});
  flip_everywhere(BYTES(png), 1);
  flip_everywhere(BYTES(jpeg), 0);
  flip_everywhere(TEXT(p2), 0);
  flip_everywhere(TEXT("P4 9 2\n\xaa\x80\x55\0"), 0);
  flip_everywhere(TEXT("P6 1 1 255\n\1\2\3"), 0);
}

static void refused_png(png_desc d, const char *word, int line) {
  const bytes b = png_make(d);
  check_refused(LW_BAD_FILE, BYTES(b), word, line);
}

static void test_wrong(void **state) {
  const png_desc good = {.w = 1, .h = 1, .depth = 8, .raw = "\0\7", .raw_size = 2};
  png_desc d = good;
  (void)state;
  REFUSED("empty", TEXT(""));
  REFUSED("42 4d 00", TEXT("BM\0"));
  REFUSED("50 37 0a", TEXT("P7\n"));
  REFUSED("50 35", TEXT("P5"));
  REFUSED("0 x 4", TEXT("P5 0 4 255\n1234"));
  REFUSED("4 x 0", TEXT("P5 4 0 255\n1234"));
  REFUSED("268435456", TEXT("P5 16385 16384 255\n"));
  REFUSED("2147483647 x 2147483647", TEXT("P5 2147483647 2147483647 255\n"));
  REFUSED("at most 2147483647", TEXT("P5 99999999999999999999 1 255\n"));
  REFUSED("ends too early", TEXT("P6 16384 16384 65535\n\1\2"));
  REFUSED("expected at least 177164346", TEXT("P1 83647 2118 4\n#\r#\r#\r#\r"));
  REFUSED("width", TEXT("P5 -1 1 255\n1"));
  REFUSED("height", TEXT("P5 1 1x 255\n1"));
  REFUSED("maxval", TEXT("P5 1 1 0\n1"));
  REFUSED("65535", TEXT("P5 1 1 65536\n12"));
  REFUSED("sample 1 is 10, expected at most 9", TEXT("P5 2 1 9\n\1\n"));
  REFUSED("at most 9", TEXT("P2 1 1 9 10\n"));
  REFUSED("0 or 1", TEXT("P1 2 1 12"));
  refused_png((d = good, d.w = 0, d), "PNG", __LINE__);
  refused_png((d = good, d.h = 0x80000000u, d), "PNG", __LINE__);
  refused_png((d = good, d.w = d.h = 0x7fffffff, d), "2147483647 x 2147483647", __LINE__);
  refused_png((d = good, d.w = d.h = 16384, d), "too small", __LINE__);
  refused_png((d = good, d.depth = 3, d), "PNG", __LINE__);
  refused_png((d = good, d.type = 3, d), "PNG", __LINE__); /* no palette */
  refused_png((d = good, d.wrong_adler = 1, d), "PNG", __LINE__);
  refused_png((d = good, d.h = 2, d), "PNG", __LINE__);
  refused_png((d = good, d.raw = "\0\7\0\7", d.raw_size = 4, d), "PNG", __LINE__);
  const bytes none = jpeg_make(0, 8, 1, NULL);
  bytes giant = jpeg_make(8, 8, 1, (const int[]){50});
  memcpy(giant.b + 76, "\xff\xdc\xff\xdc", 4); /* height and width */
  REFUSED("65500 x 65500", BYTES(giant));
  memcpy(giant.b + 76, "\x3f\xff\x3f\xff", 4);
  REFUSED("too small for 268402689 pixels", BYTES(giant));
  bytes unended = jpeg_make(8, 8, 1, (const int[]){50}); /* all pixels, then a comment that is cut short */
  memcpy(unended.b + unended.n - 2, "\xff\xfe\0\x10", 4);
  unended.n += 2;
  REFUSED("JPEG", BYTES(unended));
  REFUSED("JPEG", BYTES(none));
}

/* -------------------------------------------------------------------------------------------------------------- files */

static void bad_path(lw_status expected, lw_status got, const char *path, const char *word, int line) {
  if (got != expected || !strstr(lw_error_message(), path) || !strstr(lw_error_message(), word))
    fail_msg("line %d: %s (expected \"%s\" and \"%s\"): %s", line, lw_status_name(got), path, word, lw_error_message());
}
#define BAD_PATH(status, call, path, word) bad_path(status, call, path, word, __LINE__)

static void test_load_files(void **state) {
  char path[512];
  lw_image image;
  (void)state;
  memset(&image, 0x5a, sizeof image);
  snprintf(path, sizeof path, "%s", in_folder("missing.png"));
  BAD_PATH(LW_BAD_FILE, lw_image_load(path, &image), path, "No such file");
  BAD_PATH(LW_BAD_FILE, lw_image_load(folder, &image), folder, "directory");
  BAD_PATH(LW_BAD_FILE, lw_image_load("/dev/zero", &image), "/dev/zero", "00 00");
  BAD_PATH(LW_BAD_FILE, lw_image_load(write_file("empty.jpg", "", 0), &image), in_folder("empty.jpg"), "empty");
  const bytes png = small_png(), jpeg = jpeg_make(8, 8, 1, (const int[]){50}),
              cmyk = jpeg_make(8, 8, 4, (const int[]){1, 2, 3, 4});
  BAD_PATH(LW_BAD_FILE, lw_image_load(write_file("cut.png", png.b, png.n - 1), &image), in_folder("cut.png"), "too early");
  BAD_PATH(LW_BAD_FILE, lw_image_load(write_file("cut.jpg", jpeg.b, jpeg.n - 1), &image), in_folder("cut.jpg"), "JPEG");
  BAD_PATH(LW_BAD_FILE, lw_image_load(write_file("cut.pgm", p2, 12), &image), in_folder("cut.pgm"), "too early");
  BAD_PATH(LW_UNSUPPORTED, lw_image_load(write_file("cmyk.jpg", BYTES(cmyk)), &image), in_folder("cmyk.jpg"), "CMYK");
  memset(path, 'x', 400);
  memcpy(path + 380, "/the_end.ppm", 13);
  BAD_PATH(LW_BAD_FILE, lw_image_load(path, &image), "...xxx", "x/the_end.ppm: cannot be opened: File name too long");
  for (size_t i = 0; i < sizeof image; i++) assert_int_equal(((uint8_t *)&image)[i], 0x5a);
  /* The first bytes count, not the name. */
  assert_int_equal(lw_image_load(write_file("really_a.png", BYTES(jpeg)), &image), LW_OK);
  assert_int_equal(image.pixels[63], 178);
  lw_image_free(&image);
}

static void test_save(void **state) {
  static const struct {
    const char *name;
    int c;
  } good[] = {{"a.png", 1}, {"b.PNG", 3}, {"c.pgm", 1}, {"d.ppm", 3}, {"e.pnm", 1}, {"f.Pnm", 3}};
  uint8_t pixels[5 * 3 * 3];
  lw_image back;
  char path[512];
  (void)state;
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 97 + 13);
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    const lw_image image = {5, 3, good[i].c, pixels};
    assert_int_equal(lw_image_save(in_folder(good[i].name), &image), LW_OK);
    assert_int_equal(lw_image_load(in_folder(good[i].name), &back), LW_OK);
    assert_true(back.w == 5 && back.h == 3 && back.c == good[i].c);
    assert_memory_equal(back.pixels, pixels, (size_t)(15 * good[i].c));
    lw_image_free(&back);
  }
  const lw_image gray = {5, 3, 1, pixels}, colour = {5, 3, 3, pixels};
  static const char *const elsewhere[] = {"g.jpg", "h.bmp", "png", "i.png/"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s", in_folder(elsewhere[i]));
    BAD_PATH(LW_UNSUPPORTED, lw_image_save(path, &gray), path, ".pnm");
    assert_int_not_equal(access(path, F_OK), 0);
  }
  BAD_PATH(LW_BAD_SHAPE, lw_image_save(in_folder("j.pgm"), &colour), "j.pgm", "expected 1");
  BAD_PATH(LW_BAD_SHAPE, lw_image_save(in_folder("j.ppm"), &gray), "j.ppm", "expected 3");
  BAD_PATH(LW_BAD_FILE, lw_image_save(in_folder("none/k.png"), &gray), "none/k.png", "No such file");
  static const char *const full[] = {"full.png", "full.ppm"};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(symlink("/dev/full", in_folder(full[i])), 0);
    BAD_PATH(LW_BAD_FILE, lw_image_save(in_folder(full[i]), &colour), full[i], "No space left");
  }
}

static void test_arguments(void **state) {
  uint8_t pixel[3] = {0};
  lw_image image = {1, 1, 3, pixel};
  (void)state;
  refused(lw_image_load(NULL, &image), LW_BAD_ARGUMENT, "path is NULL", __LINE__);
  refused(lw_image_load(SAMPLES "scene.jpg", NULL), LW_BAD_ARGUMENT, "out is NULL", __LINE__);
  refused(lw_image_load_memory(NULL, 3, &image), LW_BAD_ARGUMENT, "bytes is NULL", __LINE__);
  refused(lw_image_load_memory(pixel, 3, NULL), LW_BAD_ARGUMENT, "out is NULL", __LINE__);
  refused(lw_image_save(NULL, &image), LW_BAD_ARGUMENT, "path is NULL", __LINE__);
  refused(lw_image_save("a.png", NULL), LW_BAD_ARGUMENT, "image is NULL", __LINE__);
  lw_image_free(NULL);
}

/* Only these files are there: nothing that was half written lies about. */
static int remove_files(void **state) {
  static const char *const names[] = {"empty.jpg", "cut.png", "cut.jpg", "cut.pgm", "cmyk.jpg", "really_a.png", "a.png",
                                      "b.PNG",     "c.pgm",   "d.ppm",   "e.pnm",   "f.Pnm",    "full.png",     "full.ppm"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
  return rmdir(folder);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_png),       cmocka_unit_test(test_jpeg),       cmocka_unit_test(test_pnm),
      cmocka_unit_test(test_samples),   cmocka_unit_test(test_truncated),  cmocka_unit_test(test_bit_flips),
      cmocka_unit_test(test_wrong),     cmocka_unit_test(test_load_files), cmocka_unit_test(test_save),
      cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("image", tests, make_folder, remove_files);
}
