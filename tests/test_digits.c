/* SPDX-License-Identifier: Apache-2.0
 * The built-in data set: its very bits, what an image depends on, and that it is neither trivial nor noise. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <sha256.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

#ifdef LANEWISE_CUT
enum { TRAIN = 3000, EPOCHS = 4 };
#else
enum { TRAIN = 20000, EPOCHS = 12 };
#endif
enum { TEST = 5000 };

static void digits(uint64_t seed, int64_t first, int64_t count, uint8_t *pixels, uint8_t *labels) {
  if (lw_digits(seed, first, count, pixels, labels) != LW_OK) fail_msg("%s", lw_error_message());
}

static void *must_have(void *pointer) {
  assert_non_null(pointer);
  return pointer;
}

/* The same on every machine, compiler and instruction set; a change here makes the shipped LeNet-5's weights those of another
 * data set. */
static void test_bits(void **state) {
  static uint8_t pixels[1000 * PIXELS], labels[1000];
  char hex[SHA256_DIGEST_STRING_LENGTH];
  SHA2_CTX sha;
  (void)state;
  digits(1, 0, 1000, pixels, labels);
  SHA256Init(&sha);
  SHA256Update(&sha, pixels, sizeof pixels);
  SHA256Update(&sha, labels, sizeof labels);
  assert_string_equal(SHA256End(&sha, hex), "de8e95f187c6b5f1af99753e141448bf50455893f99903393e4881d075721876");
}

/* An image depends on seed and number alone. */
static void test_independence(void **state) {
  static const int64_t far = INT64_C(1) << 40;
  uint8_t pixels[50 * PIXELS], labels[50], one[PIXELS], label;
  (void)state;
  digits(7, far, 50, pixels, labels);
  for (int i = 49; i >= 0; i -= 7) {
    digits(7, far + i, 1, one, &label);
    assert_memory_equal(one, pixels + i * PIXELS, PIXELS);
    assert_int_equal(label, labels[i]);
  }
  /* The upper halves of seed and number count too. */
  static const uint64_t seeds[] = {7, 8, 7 + (UINT64_C(1) << 32), 7};
  const int64_t numbers[] = {0, 0, 0, far};
  for (int i = 0; i < 4; i++) digits(seeds[i], numbers[i], 1, pixels + i * PIXELS, labels + i);
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < i; k++) assert_memory_not_equal(pixels + i * PIXELS, pixels + k * PIXELS, PIXELS);
}

/* Every class is as likely; every image has ink and ground. */
static void test_classes(void **state) {
  enum { COUNT = 10000 };
  uint8_t *pixels = must_have(malloc((size_t)COUNT * PIXELS)), *labels = must_have(malloc(COUNT));
  int counts[CLASSES] = {0};
  (void)state;
  digits(1, 0, COUNT, pixels, labels);
  for (int i = 0; i < COUNT; i++) {
    int bright = 0, dark = 0;
    for (int k = 0; k < PIXELS; k++) {
      bright += pixels[i * PIXELS + k] >= 128;
      dark += pixels[i * PIXELS + k] < 80;
    }
    if (bright < 5 || bright > 300 || dark < PIXELS / 2) fail_msg("image %d has %d bright and %d dark pixels", i, bright, dark);
    assert_in_range(labels[i], 0, CLASSES - 1);
    counts[labels[i]]++;
  }
  for (int k = 0; k < CLASSES; k++)
    if (counts[k] < COUNT * 8 / 100 || counts[k] > COUNT * 12 / 100) fail_msg("%d of %d are a %d", counts[k], COUNT, k);
  free(pixels);
  free(labels);
}

typedef struct linear {
  float w[PIXELS][16], b[16]; /* 10 used, 16 for the vectoriser */
} linear;

static void scores(const linear *m, const uint8_t *image, float s[16]) {
  memcpy(s, m->b, sizeof m->b);
  for (int k = 0; k < PIXELS; k++) {
    const float v = (float)image[k] / 255.0f;
    if (v > 0)
      for (int c = 0; c < 16; c++) s[c] += v * m->w[k][c];
  }
}

/* Softmax regression by stochastic gradient descent, one image at a time. */
static void learn(linear *m, const uint8_t *image, int label, float rate) {
  float s[16], sum = 0, largest = -INFINITY;
  scores(m, image, s);
  for (int c = 0; c < CLASSES; c++) largest = fmaxf(largest, s[c]);
  for (int c = 0; c < CLASSES; c++) sum += s[c] = expf(s[c] - largest);
  for (int c = 0; c < 16; c++) s[c] = c < CLASSES ? rate * ((float)(c == label) - s[c] / sum) : 0;
  for (int k = 0; k < PIXELS; k++) {
    const float v = (float)image[k] / 255.0f;
    if (v > 0)
      for (int c = 0; c < 16; c++) m->w[k][c] += v * s[c];
  }
  for (int c = 0; c < 16; c++) m->b[c] += s[c];
}

/* A linear classifier learns much, for the labels are right, and not all, for digits are not templates. (Trained
 * to convergence on all 60,000 it finds 86.3 %; a LeNet-5 finds 99.8 %.) */
static void test_difficulty(void **state) {
  uint8_t *pixels = must_have(malloc((size_t)TRAIN * PIXELS)), *labels = must_have(malloc(TRAIN));
  linear *m = must_have(calloc(1, sizeof *m));
  int right = 0;
  (void)state;
  digits(1, 0, TRAIN, pixels, labels);
  for (int epoch = 0; epoch < EPOCHS; epoch++)
    for (int i = 0; i < TRAIN; i++) learn(m, pixels + i * PIXELS, labels[i], .02f / (float)(1 + epoch));
  uint8_t image[PIXELS], label;
  for (int i = 0; i < TEST; i++) {
    float s[16];
    int best = 0;
    digits(1, 60000 + i, 1, image, &label);
    scores(m, image, s);
    for (int c = 1; c < CLASSES; c++) best = s[c] > s[best] ? c : best;
    right += best == label;
  }
  print_message("a linear classifier trained on %d images finds %.1f %% of %d others\n", TRAIN, 100.0 * right / TEST, TEST);
  assert_in_range(right, TEST * 75 / 100, TEST * 92 / 100);
  free(pixels);
  free(labels);
  free(m);
}

static void fails(lw_status expected, int64_t first, int64_t count, uint8_t *pixels, uint8_t *labels, const char *word) {
  assert_int_equal(lw_digits(1, first, count, pixels, labels), expected);
  if (!strstr(lw_error_message(), word)) fail_msg("the message lacks \"%s\": %s", word, lw_error_message());
}

static void test_arguments(void **state) {
  uint8_t pixels[PIXELS], label;
  (void)state;
  fails(LW_BAD_ARGUMENT, -1, 1, pixels, &label, "first is -1");
  fails(LW_BAD_SHAPE, 0, -1, pixels, &label, "count is -1");
  fails(LW_BAD_SHAPE, 0, INT64_MAX / 784 + 1, pixels, &label, "count is 11764505149049459");
  fails(LW_BAD_SHAPE, INT64_MAX, 1, pixels, &label, "first 9223372036854775807");
  fails(LW_BAD_ARGUMENT, 0, 1, NULL, &label, "pixels is NULL");
  fails(LW_BAD_ARGUMENT, 0, 1, pixels, NULL, "labels is NULL");
  assert_int_equal(lw_digits(1, 0, 0, NULL, NULL), LW_OK);
  assert_int_equal(lw_digits(1, INT64_MAX - 1, 1, pixels, &label), LW_OK);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bits),       cmocka_unit_test(test_independence), cmocka_unit_test(test_classes),
      cmocka_unit_test(test_difficulty), cmocka_unit_test(test_arguments),
  };
  return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
