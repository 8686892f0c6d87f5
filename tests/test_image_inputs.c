/* SPDX-License-Identifier: Apache-2.0
 * Images as the inputs of networks: exact values, geometry, bad arguments, memory that runs out. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"
#include "tests/expect.h"

static lw_status (*const inputs[])(lw_context *, const lw_image *, float *) = {lw_image_to_vgg16, lw_image_to_gray28,
                                                                               lw_image_to_rgb32};
static const float mean[3] = {.485f, .456f, .406f}, deviation[3] = {.229f, .224f, .225f};
enum { VGG = 3 * 224 * 224 };

static lw_image noise(int64_t w, int64_t h, int64_t c) {
  lw_image image = {w, h, c, malloc((size_t)(w * h * c))};
  uint32_t seed = 12345;
  assert_non_null(image.pixels);
  for (int64_t i = 0; i < w * h * c; i++) image.pixels[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
  return image;
}

/* The same picture with gray written out as three channels. */
static lw_image as_colour(lw_image gray) {
  lw_image image = {gray.w, gray.h, 3, malloc((size_t)(gray.w * gray.h * 3))};
  assert_non_null(image.pixels);
  for (int64_t i = 0; i < gray.w * gray.h * 3; i++) image.pixels[i] = gray.pixels[i / 3];
  return image;
}

/* At the network's own size a resize changes nothing, so every value is known. */
static void test_inputs_exact(void **state) {
  static float x[VGG];
  (void)state;
  lw_image image = noise(256, 256, 3);
  assert_int_equal(lw_image_to_vgg16(NULL, &image, x), LW_OK);
  for (int i = 0; i < VGG; i++) {
    const int c = i / (224 * 224), row = i / 224 % 224 + 16, column = i % 224 + 16;
    const float expected = ((float)image.pixels[(row * 256 + column) * 3 + c] / 255.0f - mean[c]) / deviation[c];
    if (x[i] != expected) fail_msg("vgg16, %d: %a, expected %a", i, (double)x[i], (double)expected);
  }
  lw_image_free(&image);
  image = noise(32, 32, 3);
  assert_int_equal(lw_image_to_rgb32(NULL, &image, x), LW_OK);
  for (int i = 0; i < 3 * 32 * 32; i++) assert_true(x[i] == (float)image.pixels[i % 1024 * 3 + i / 1024] / 255.0f);
  lw_image_free(&image);
  image = noise(28, 28, 3);
  assert_int_equal(lw_image_to_gray28(NULL, &image, x), LW_OK);
  for (int i = 0; i < 28 * 28; i++) {
    const uint8_t *p = image.pixels + 3 * i;
    assert_true(x[i] == fmaf(.114f, p[2], fmaf(.587f, p[1], .299f * p[0])) / 255.0f);
  }
  lw_image_free(&image);
  image = noise(28, 28, 1);
  assert_int_equal(lw_image_to_gray28(NULL, &image, x), LW_OK);
  for (int i = 0; i < 28 * 28; i++) assert_true(x[i] == (float)image.pixels[i] / 255.0f);
  lw_image_free(&image);
}

/* Sizes and margins worked out by hand from torchvision's rules; odd margins go to the even half. */
static void test_inputs_geometry(void **state) {
  static const struct {
    int64_t w, h, ow, oh, left, top;
  } cases[] = {{640, 480, 341, 256, 58, 16},  {480, 640, 256, 341, 16, 58}, {300, 402, 256, 343, 16, 60},
               {300, 401, 256, 342, 16, 59},  {100, 77, 332, 256, 54, 16},  {1, 1, 256, 256, 16, 16},
               {2, 128, 256, 16384, 16, 8080}};
  static float x[VGG], expected[VGG];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t w = cases[i].w, h = cases[i].h, ow = cases[i].ow, oh = cases[i].oh;
    lw_image image = noise(w, h, 3);
    float *planes = malloc((size_t)(3 * w * h) * sizeof *planes), *scaled = malloc((size_t)(3 * ow * oh) * sizeof *scaled);
    assert_true(planes && scaled);
    const lw_resize_desc resize = {1, 3, h, w, oh, ow, 1};
    const lw_crop_desc crop = {1, 3, oh, ow, cases[i].top, cases[i].left, 224, 224};
    assert_int_equal(lw_u8_to_f32(NULL, 3, h, w, image.pixels, planes), LW_OK);
    assert_int_equal(lw_resize_bilinear(NULL, &resize, planes, scaled), LW_OK);
    assert_int_equal(lw_crop(NULL, &crop, scaled, expected), LW_OK);
    assert_int_equal(lw_normalize(NULL, 1, 3, 224, 224, mean, deviation, expected, expected), LW_OK);
    if (lw_image_to_vgg16(NULL, &image, x) != LW_OK) fail_msg("%s", lw_error_message());
    if (memcmp(x, expected, sizeof x) != 0) fail_msg("%d x %d: other bits", (int)w, (int)h);
    free(planes);
    free(scaled);
    lw_image_free(&image);
  }
}

/* lw_image_to_input takes the function that the shape of a network stands for, whatever its name. */
static void test_inputs_by_shape(void **state) {
  static const lw_net nets[] = {{"a", 3, 224, 224, NULL, 0}, {"b", 1, 28, 28, NULL, 0}, {"c", 3, 32, 32, NULL, 0}};
  static const lw_net strange[] = {
      {"strange", 3, 28, 28, NULL, 0}, {"strange", 1, 224, 224, NULL, 0}, {NULL, 3, 32, 31, NULL, 0}};
  static float x[VGG], y[VGG];
  (void)state;
  lw_image image = noise(50, 40, 3);
  for (size_t i = 0; i < 3; i++) {
    memset(x, 0, sizeof x);
    memset(y, 0, sizeof y);
    assert_int_equal(lw_image_to_input(NULL, &nets[i], &image, x), LW_OK);
    assert_int_equal(inputs[i](NULL, &image, y), LW_OK);
    assert_memory_equal(x, y, sizeof x);
    assert_int_equal(lw_image_to_input(NULL, &strange[i], &image, x), LW_UNSUPPORTED);
    assert_non_null(strstr(lw_error_message(), "expected 3x224x224, 1x28x28 or 3x32x32"));
    assert_memory_equal(x, y, sizeof x);
  }
  assert_int_equal(lw_image_to_input(NULL, NULL, &image, x), LW_BAD_ARGUMENT);
  lw_image_free(&image);
}

static void test_inputs_gray(void **state) {
  static float x[VGG], y[VGG];
  lw_image gray = noise(90, 61, 1), colour = as_colour(gray);
  (void)state;
  assert_int_equal(lw_image_to_vgg16(NULL, &gray, x), LW_OK);
  assert_int_equal(lw_image_to_vgg16(NULL, &colour, y), LW_OK);
  assert_memory_equal(x, y, sizeof x);
  assert_int_equal(lw_image_to_rgb32(NULL, &gray, x), LW_OK);
  assert_int_equal(lw_image_to_rgb32(NULL, &colour, y), LW_OK);
  assert_memory_equal(x, y, 3 * 32 * 32 * sizeof *x);
  lw_image_free(&gray);
  lw_image_free(&colour);
}

typedef struct budget {
  int left, live;
} budget;

static void *get(void *user, size_t size, size_t alignment) {
  budget *b = user;
  if (b->left-- <= 0) return NULL;
  b->live++;
  return aligned_alloc(alignment, size);
}

static void release(void *user, void *pointer) {
  budget *b = user;
  b->live -= pointer != NULL;
  free(pointer);
}

/* Memory runs out at every place in turn: a status, no leak, nothing written. */
static void test_inputs_memory(void **state) {
  static float x[VGG], before[VGG];
  lw_image image = noise(40, 30, 3);
  lw_context *context;
  budget b = {.left = 1000};
  (void)state;
  const lw_context_options options = {.threads = 1, .allocate = get, .release = release, .allocate_user = &b};
  assert_int_equal(lw_context_create(&options, &context), LW_OK);
  const int live = b.live;
  memset(before, 0x7f, sizeof before);
  for (size_t i = 0; i < 3; i++) {
    lw_status status = LW_NO_MEMORY;
    int failures = 0;
    for (; status != LW_OK && failures < 100; failures += status != LW_OK) {
      memcpy(x, before, sizeof x);
      b.left = failures;
      status = inputs[i](context, &image, x);
      assert_int_equal(b.live, live);
      if (status == LW_OK) continue;
      assert_int_equal(status, LW_NO_MEMORY);
      assert_memory_equal(x, before, sizeof x);
    }
    assert_int_equal(status, LW_OK);
    assert_true(failures >= 2);
  }
  lw_context_destroy(context);
  lw_image_free(&image);
}

static void test_arguments(void **state) {
  uint8_t pixel[3] = {0};
  float x[4];
  const lw_image image = {1, 1, 3, pixel};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    refused(inputs[i](NULL, NULL, x), LW_BAD_ARGUMENT, "image is NULL", __LINE__);
    refused(inputs[i](NULL, &image, NULL), LW_BAD_ARGUMENT, "x is NULL", __LINE__);
    refused(inputs[i](NULL, &image, (void *)((char *)x + 1)), LW_BAD_ARGUMENT, "aligned", __LINE__);
    refused(inputs[i](NULL, &(lw_image){1, 1, 1, NULL}, x), LW_BAD_ARGUMENT, "pixels is NULL", __LINE__);
    refused(inputs[i](NULL, &(lw_image){1, 1, 2, pixel}, x), LW_BAD_SHAPE, "c is 2", __LINE__);
    refused(inputs[i](NULL, &(lw_image){0, 1, 1, pixel}, x), LW_BAD_SHAPE, "w = 0", __LINE__);
    refused(inputs[i](NULL, &(lw_image){1, -7, 1, pixel}, x), LW_BAD_SHAPE, "h = -7", __LINE__);
    refused(inputs[i](NULL, &(lw_image){INT64_MAX, 3, 1, pixel}, x), LW_BAD_SHAPE, "9223372036854775807", __LINE__);
    refused(inputs[i](NULL, &(lw_image){16385, 16384, 1, pixel}, x), LW_BAD_SHAPE, "16385", __LINE__);
  }
  refused(lw_image_to_vgg16(NULL, &(lw_image){65, 1, 1, pixel}, x), LW_BAD_SHAPE, "64 times", __LINE__);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_inputs_exact),    cmocka_unit_test(test_inputs_geometry), cmocka_unit_test(test_inputs_gray),
      cmocka_unit_test(test_inputs_by_shape), cmocka_unit_test(test_inputs_memory),   cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("image_inputs", tests, NULL, NULL);
}
