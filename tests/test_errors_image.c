/* SPDX-License-Identifier: Apache-2.0
 * Bad arguments of the image operators. */
#include "tests/kit/errors.h"

static const int64_t c = 3, h = 4, v = 5; /* channels, height, width of a good image */

static lw_status u8_to_f32(int64_t channels, int64_t rows, int64_t columns, const void *in, void *out) {
  return lw_u8_to_f32(context, channels, rows, columns, in, out);
}

static void test_u8_to_f32(void **state) {
  static uint8_t u[64];
  (void)state;
  FAILS(LW_BAD_SHAPE, u8_to_f32(-3, h, v, u, y), "u8_to_f32", "-3");
  FAILS(LW_BAD_SHAPE, u8_to_f32(c, -4, v, u, y), "u8_to_f32", "-4");
  FAILS(LW_BAD_SHAPE, u8_to_f32(c, h, -5, u, y), "u8_to_f32", "-5");
  FAILS(LW_BAD_SHAPE, u8_to_f32(c, h, 0, u, y), "u8_to_f32", "0");
  FAILS(LW_BAD_SHAPE, u8_to_f32(c, HUGE_SIZE, HUGE_SIZE, u, y), "u8_to_f32", "3000000000");
  FAILS(LW_BAD_ARGUMENT, u8_to_f32(c, h, v, NULL, y), "u8_to_f32", "u", "NULL");
  FAILS(LW_BAD_ARGUMENT, u8_to_f32(c, h, v, u, NULL), "u8_to_f32", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, u8_to_f32(c, h, v, u, OFF(y)), "u8_to_f32", "y", "alignment");
}

static void test_grayscale(void **state) {
  (void)state;
  FAILS(LW_BAD_SHAPE, lw_grayscale(context, -1, h, v, x, y), "grayscale", "-1");
  FAILS(LW_BAD_SHAPE, lw_grayscale(context, 1, -4, v, x, y), "grayscale", "-4");
  FAILS(LW_BAD_SHAPE, lw_grayscale(context, 1, h, 0, x, y), "grayscale", "0");
  FAILS(LW_BAD_SHAPE, lw_grayscale(context, 1, HUGE_SIZE, HUGE_SIZE, x, y), "grayscale", "3000000000");
  FAILS(LW_BAD_ARGUMENT, lw_grayscale(context, 1, h, v, NULL, y), "grayscale", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_grayscale(context, 1, h, v, OFF(x), y), "grayscale", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_grayscale(context, 1, h, v, x, NULL), "grayscale", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_grayscale(context, 1, h, v, x, OFF(y)), "grayscale", "y", "alignment");
  IGNORES(lw_grayscale(context, 0, h, v, NULL, NULL));
}

static void test_normalize(void **state) {
  static const float mean[3] = {0.5f, 0.5f, 0.5f}, std[3] = {0.25f, 0.25f, 0.25f}, zero[3] = {0.25f, 0, 0.25f};
  (void)state;
  FAILS(LW_BAD_SHAPE, lw_normalize(context, -1, c, h, v, mean, std, x, y), "normalize", "-1");
  FAILS(LW_BAD_SHAPE, lw_normalize(context, 1, 0, h, v, mean, std, x, y), "normalize", "0");
  FAILS(LW_BAD_SHAPE, lw_normalize(context, 1, c, -4, v, mean, std, x, y), "normalize", "-4");
  FAILS(LW_BAD_SHAPE, lw_normalize(context, 1, c, h, -5, mean, std, x, y), "normalize", "-5");
  FAILS(LW_BAD_SHAPE, lw_normalize(context, 1, c, HUGE_SIZE, HUGE_SIZE, mean, std, x, y), "normalize", "3000000000");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, zero, x, y), "normalize", "std[1]", "0");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, OFF(mean), std, x, y), "normalize", "mean", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, OFF(std), x, y), "normalize", "std", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, std, NULL, y), "normalize", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, std, OFF(x), y), "normalize", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, std, x, NULL), "normalize", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_normalize(context, 1, c, h, v, mean, std, x, OFF(y)), "normalize", "y", "alignment");
  IGNORES(lw_normalize(context, 0, c, h, v, NULL, NULL, NULL, NULL));
}

#define FILTER(field, value)                                                                                                     \
  (lw_filter2d_desc) { .n = 1, .c = 2, .h = 5, .w = 6, .kh = 3, .kw = 3, .field = value }
static lw_status filter2d(lw_filter2d_desc d) { return lw_filter2d(context, &d, w, x, y); }

static void test_filter2d(void **state) {
  const lw_filter2d_desc good = FILTER(same, 1);
  float kernel[9] = {7, 7, 7, 7, 7, 7, 7, 7, 7};
  (void)state;
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(n, -1)), "filter2d", "-1");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(c, 0)), "filter2d", "0");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(h, -5)), "filter2d", "-5");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(w, -6)), "filter2d", "-6");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(kh, 0)), "filter2d", "kh", "0");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(kh, 4)), "filter2d", "kh", "4");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(kw, 2)), "filter2d", "kw", "2");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(kh, 7)), "filter2d", "7", "5");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(kw, 9)), "filter2d", "9", "6");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(n, HUGE_SIZE * HUGE_SIZE)), "filter2d", "9000000000000000000");
  FAILS(LW_BAD_SHAPE, filter2d(FILTER(h, LARGEST)), "filter2d", "9223372036854775807");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, NULL, w, x, y), "filter2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, NULL, x, y), "filter2d", "kernel", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, OFF(w), x, y), "filter2d", "kernel", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, w, NULL, y), "filter2d", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, w, OFF(x), y), "filter2d", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, w, x, NULL), "filter2d", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d(context, &good, w, x, OFF(y)), "filter2d", "y", "alignment");
  IGNORES(lw_filter2d(context, &FILTER(n, 0), NULL, NULL, NULL));
  FAILS(LW_BAD_ARGUMENT, lw_filter2d_preset("sepia", kernel), "filter2d", "sepia");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d_preset(NULL, kernel), "filter2d", "name", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_filter2d_preset("blur", NULL), "filter2d", "kernel", "NULL");
  for (int i = 0; i < 9; i++) assert_true(kernel[i] == 7);
}

#define RESIZE(field, value)                                                                                                     \
  (lw_resize_desc) { .n = 1, .c = 2, .ih = 5, .iw = 6, .oh = 3, .ow = 4, .field = value }
static lw_status resize(lw_resize_desc d) { return lw_resize_bilinear(context, &d, x, y); }

static void test_resize_bilinear(void **state) {
  const lw_resize_desc good = RESIZE(antialias, 1);
  (void)state;
  FAILS(LW_BAD_SHAPE, resize(RESIZE(n, -1)), "resize_bilinear", "-1");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(c, 0)), "resize_bilinear", "0");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(ih, -5)), "resize_bilinear", "-5");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(iw, 0)), "resize_bilinear", "0");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(oh, 0)), "resize_bilinear", "0");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(ow, -4)), "resize_bilinear", "-4");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(n, HUGE_SIZE * HUGE_SIZE)), "resize_bilinear", "9000000000000000000");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(ow, LARGEST)), "resize_bilinear", "9223372036854775807");
  FAILS(LW_BAD_SHAPE, resize(RESIZE(ih, LARGEST)), "resize_bilinear", "9223372036854775807");
  FAILS(LW_BAD_ARGUMENT, lw_resize_bilinear(context, NULL, x, y), "resize_bilinear", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_resize_bilinear(context, &good, NULL, y), "resize_bilinear", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_resize_bilinear(context, &good, OFF(x), y), "resize_bilinear", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_resize_bilinear(context, &good, x, NULL), "resize_bilinear", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_resize_bilinear(context, &good, x, OFF(y)), "resize_bilinear", "y", "alignment");
  IGNORES(lw_resize_bilinear(context, &RESIZE(n, 0), NULL, NULL));
}

#define CROP(field, value)                                                                                                       \
  (lw_crop_desc) { .n = 1, .c = 2, .ih = 5, .iw = 6, .top = 1, .left = 2, .oh = 3, .ow = 4, .field = value }
static lw_status crop(lw_crop_desc d) { return lw_crop(context, &d, x, y); }

static void test_crop(void **state) {
  const lw_crop_desc good = CROP(top, 1);
  (void)state;
  FAILS(LW_BAD_SHAPE, crop(CROP(n, -1)), "crop", "-1");
  FAILS(LW_BAD_SHAPE, crop(CROP(c, 0)), "crop", "0");
  FAILS(LW_BAD_SHAPE, crop(CROP(ih, -5)), "crop", "-5");
  FAILS(LW_BAD_SHAPE, crop(CROP(iw, 0)), "crop", "0");
  FAILS(LW_BAD_SHAPE, crop(CROP(oh, 0)), "crop", "0");
  FAILS(LW_BAD_SHAPE, crop(CROP(ow, -4)), "crop", "-4");
  FAILS(LW_BAD_SHAPE, crop(CROP(top, -1)), "crop", "top", "-1");
  FAILS(LW_BAD_SHAPE, crop(CROP(left, -2)), "crop", "left", "-2");
  FAILS(LW_BAD_SHAPE, crop(CROP(top, 3)), "crop", "top", "3", "5");
  FAILS(LW_BAD_SHAPE, crop(CROP(left, 3)), "crop", "left", "3", "6");
  FAILS(LW_BAD_SHAPE, crop(CROP(top, LARGEST)), "crop", "top", "9223372036854775807");
  FAILS(LW_BAD_SHAPE, crop(CROP(n, HUGE_SIZE * HUGE_SIZE)), "crop", "9000000000000000000");
  FAILS(LW_BAD_ARGUMENT, lw_crop(context, NULL, x, y), "crop", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_crop(context, &good, NULL, y), "crop", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_crop(context, &good, OFF(x), y), "crop", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_crop(context, &good, x, NULL), "crop", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_crop(context, &good, x, OFF(y)), "crop", "y", "alignment");
  IGNORES(lw_crop(context, &CROP(n, 0), NULL, NULL));
}

static void test_flip(void **state) {
  (void)state;
  FAILS(LW_BAD_SHAPE, lw_flip(context, -1, c, h, v, 1, 0, x, y), "flip", "-1");
  FAILS(LW_BAD_SHAPE, lw_flip(context, 1, 0, h, v, 1, 0, x, y), "flip", "0");
  FAILS(LW_BAD_SHAPE, lw_flip(context, 1, c, -4, v, 1, 0, x, y), "flip", "-4");
  FAILS(LW_BAD_SHAPE, lw_flip(context, 1, c, h, HUGE_SIZE * HUGE_SIZE, 1, 0, x, y), "flip", "9000000000000000000");
  FAILS(LW_BAD_ARGUMENT, lw_flip(context, 1, c, h, v, 1, 0, NULL, y), "flip", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_flip(context, 1, c, h, v, 1, 0, OFF(x), y), "flip", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_flip(context, 1, c, h, v, 1, 0, x, NULL), "flip", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_flip(context, 1, c, h, v, 1, 0, x, OFF(y)), "flip", "y", "alignment");
  IGNORES(lw_flip(context, 0, c, h, v, 1, 1, NULL, NULL));
}

#define PAD(field, value)                                                                                                        \
  (lw_pad2d_desc) { .n = 1, .c = 2, .ih = 5, .iw = 6, .top = 1, .left = 1, .bottom = 1, .right = 1, .field = value }
static lw_status pad2d(lw_pad2d_desc d) { return lw_pad2d(context, &d, x, y); }
static lw_pad2d_desc reflect(lw_pad2d_desc d) {
  d.mode = LW_PAD_REFLECT;
  return d;
}

static void test_pad2d(void **state) {
  const lw_pad2d_desc good = PAD(top, 1);
  (void)state;
  FAILS(LW_BAD_SHAPE, pad2d(PAD(n, -1)), "pad2d", "-1");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(c, 0)), "pad2d", "0");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(ih, -5)), "pad2d", "-5");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(iw, 0)), "pad2d", "0");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(top, -1)), "pad2d", "top", "-1");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(left, -2)), "pad2d", "left", "-2");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(bottom, -3)), "pad2d", "bottom", "-3");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(right, -4)), "pad2d", "right", "-4");
  FAILS(LW_BAD_SHAPE, pad2d(reflect(PAD(top, 5))), "pad2d", "top", "5");
  FAILS(LW_BAD_SHAPE, pad2d(reflect(PAD(right, 6))), "pad2d", "right", "6");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(bottom, LARGEST)), "pad2d", "9223372036854775807");
  FAILS(LW_BAD_SHAPE, pad2d(PAD(n, HUGE_SIZE * HUGE_SIZE)), "pad2d", "9000000000000000000");
  FAILS(LW_BAD_ARGUMENT, pad2d(PAD(mode, (lw_pad_mode)3)), "pad2d", "mode", "3");
  FAILS(LW_BAD_ARGUMENT, lw_pad2d(context, NULL, x, y), "pad2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_pad2d(context, &good, NULL, y), "pad2d", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_pad2d(context, &good, OFF(x), y), "pad2d", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_pad2d(context, &good, x, NULL), "pad2d", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_pad2d(context, &good, x, OFF(y)), "pad2d", "y", "alignment");
  IGNORES(lw_pad2d(context, &PAD(n, 0), NULL, NULL));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_u8_to_f32), cmocka_unit_test(test_grayscale),       cmocka_unit_test(test_normalize),
      cmocka_unit_test(test_filter2d),  cmocka_unit_test(test_resize_bilinear), cmocka_unit_test(test_crop),
      cmocka_unit_test(test_flip),      cmocka_unit_test(test_pad2d),
  };
  return cmocka_run_group_tests_name("errors of image operators", tests, setup, teardown);
}
