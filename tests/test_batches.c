/* SPDX-License-Identifier: Apache-2.0
 * Mini-batches: shuffling, moves and noise of images, and that they depend on nothing but what they should. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"
#include "tests/expect.h"

enum { SIDE = 28, COUNT = 64, PIXELS = SIDE * SIDE };

static lw_dataset digits(void) {
  lw_dataset d = {.count = COUNT, .c = 1, .h = SIDE, .w = SIDE, .classes = 10};
  d.pixels = malloc(COUNT * PIXELS);
  d.labels = malloc(COUNT);
  assert_true(d.pixels && d.labels);
  assert_int_equal(lw_digits(3, 0, COUNT, d.pixels, d.labels), LW_OK);
  return d;
}

/* One image of 3 channels: a single bright pixel. */
static lw_dataset spot(int64_t h, int64_t w, int64_t row, int64_t column) {
  lw_dataset d = {.count = 1, .c = 3, .h = h, .w = w, .classes = 2};
  d.pixels = calloc((size_t)(3 * h * w), 1);
  d.labels = calloc(1, 1);
  assert_true(d.pixels && d.labels);
  for (int64_t c = 0; c < 3; c++) d.pixels[(c * h + row) * w + column] = 255;
  return d;
}

static int64_t order[COUNT];
static float x[COUNT * PIXELS], again[COUNT * PIXELS];
static int32_t labels[COUNT];

static void rising(void) {
  for (int64_t i = 0; i < COUNT; i++) order[i] = i;
}

static void shuffles(void **state) {
  (void)state;
  int64_t first[COUNT], stays = 0;
  char seen[COUNT] = {0};
  rising();
  assert_int_equal(lw_shuffle(1, 0, COUNT, order), LW_OK);
  for (int i = 0; i < COUNT; i++) {
    assert_false(seen[order[i]]);
    seen[order[i]] = 1;
    stays += order[i] == i;
  }
  assert_true(stays < 8);
  memcpy(first, order, sizeof first);
  rising();
  assert_int_equal(lw_shuffle(1, 0, COUNT, order), LW_OK);
  assert_memory_equal(first, order, sizeof first);
  rising();
  assert_int_equal(lw_shuffle(1, 1, COUNT, order), LW_OK);
  assert_true(memcmp(first, order, sizeof first) != 0);
  rising();
  assert_int_equal(lw_shuffle(2, 0, COUNT, order), LW_OK);
  assert_true(memcmp(first, order, sizeof first) != 0);
  assert_int_equal(lw_shuffle(2, 0, 0, NULL), LW_OK);
}

/* Every one of the six orders of three numbers comes about as often: 6000 shuffles, within five standard deviations. */
static void all_orders_are_as_likely(void **state) {
  (void)state;
  int times[27] = {0};
  for (uint32_t epoch = 0; epoch < 6000; epoch++) {
    int64_t three[3] = {0, 1, 2};
    assert_int_equal(lw_shuffle(9, epoch, 3, three), LW_OK);
    times[three[0] * 9 + three[1] * 3 + three[2]]++;
  }
  int orders = 0;
  for (int i = 0; i < 27; i++)
    if (times[i]) {
      assert_true(times[i] > 1000 - 145 && times[i] < 1000 + 145);
      orders++;
    }
  assert_int_equal(orders, 6);
}

static void without_change_it_is_the_input(void **state) {
  (void)state;
  lw_dataset d = digits();
  const lw_augment none = {0};
  rising();
  assert_int_equal(lw_dataset_input(NULL, &d, 0, COUNT, again), LW_OK);
  for (int with = 0; with < 2; with++) {
    memset(x, 0xff, sizeof x);
    assert_int_equal(lw_dataset_batch(&d, order, COUNT, with ? &none : NULL, 1, 2, x, labels), LW_OK);
    assert_memory_equal(x, again, sizeof x);
    for (int i = 0; i < COUNT; i++) assert_int_equal(labels[i], d.labels[i]);
  }
  const int64_t two[] = {5, 3};
  assert_int_equal(lw_dataset_batch(&d, two, 2, NULL, 1, 2, x, labels), LW_OK);
  assert_memory_equal(x, again + 5 * PIXELS, PIXELS * sizeof *x);
  assert_memory_equal(x + PIXELS, again + 3 * PIXELS, PIXELS * sizeof *x);
  assert_true(labels[0] == d.labels[5] && labels[1] == d.labels[3]);
  lw_dataset_free(&d);
}

/* An image's change depends on seed, epoch and its number, not on its place in a batch. */
static void what_a_change_depends_on(void **state) {
  (void)state;
  lw_dataset d = digits();
  const lw_augment all = {.crop = 2, .shift = 1.5f, .rotate = 20, .flip = 1, .noise = .1f};
  rising();
  assert_int_equal(lw_dataset_batch(&d, order, COUNT, &all, 1, 2, x, labels), LW_OK);
  const int64_t one = 7;
  assert_int_equal(lw_dataset_batch(&d, &one, 1, &all, 1, 2, again, labels), LW_OK);
  assert_memory_equal(x + 7 * PIXELS, again, PIXELS * sizeof *x);
  assert_int_equal(lw_dataset_batch(&d, &one, 1, &all, 1, 3, again, labels), LW_OK);
  assert_true(memcmp(x + 7 * PIXELS, again, PIXELS * sizeof *x) != 0);
  assert_int_equal(lw_dataset_batch(&d, &one, 1, &all, 2, 2, again, labels), LW_OK);
  assert_true(memcmp(x + 7 * PIXELS, again, PIXELS * sizeof *x) != 0);
  lw_dataset_free(&d);
}

/* Where the bright pixel of each channel went: the weighted mean; -1: out of the image. */
static float found(int64_t h, int64_t w, float *row, float *column) {
  float sum = 0;
  *row = *column = 0;
  assert_memory_equal(x, x + h * w, (size_t)(h * w) * sizeof *x);
  assert_memory_equal(x, x + 2 * h * w, (size_t)(h * w) * sizeof *x);
  for (int64_t i = 0; i < h * w; i++) {
    sum += x[i];
    *row += x[i] * (float)(i / w);
    *column += x[i] * (float)(i % w);
  }
  *row /= sum;
  *column /= sum;
  return sum;
}

static void crop_moves_by_whole_pixels(void **state) {
  (void)state;
  enum { H = 11, W = 15 };
  lw_dataset d = spot(H, W, 5, 6);
  const int64_t zero = 0;
  int seen[7][7] = {{0}};
  for (uint32_t epoch = 0; epoch < 2000; epoch++) {
    float row, column;
    assert_int_equal(lw_dataset_batch(&d, &zero, 1, &(lw_augment){.crop = 3}, 4, epoch, x, labels), LW_OK);
    assert_true(found(H, W, &row, &column) == 1);
    const int down = (int)row - 5, right = (int)column - 6;
    assert_true(x[(5 + down) * W + 6 + right] == 1 && abs(down) <= 3 && abs(right) <= 3);
    seen[down + 3][right + 3]++;
  }
  for (int i = 0; i < 49; i++) assert_true(seen[i / 7][i % 7] > 10); /* 41 each on average */
  lw_dataset_free(&d);
}

static void flip_mirrors_half_of_them(void **state) {
  (void)state;
  enum { H = 4, W = 9 };
  lw_dataset d = spot(H, W, 1, 2);
  const int64_t zero = 0;
  int mirrored = 0;
  for (uint32_t epoch = 0; epoch < 1000; epoch++) {
    assert_int_equal(lw_dataset_batch(&d, &zero, 1, &(lw_augment){.flip = 1}, 4, epoch, x, labels), LW_OK);
    assert_true(x[W + 2] + x[W + 6] == 1);
    mirrored += x[W + 6] == 1;
  }
  assert_true(mirrored > 500 - 80 && mirrored < 500 + 80);
  lw_dataset_free(&d);
}

/* A spot keeps its brightness and its distance from the centre, and turns by no more than it may; both ways, and far. */
static void rotation_and_shift(void **state) {
  (void)state;
  enum { S = 33 };
  lw_dataset d = spot(S, S, 16, 26);
  const int64_t zero = 0;
  const float pi = 3.14159265f;
  float least = 0, most = 0, down = 0;
  for (uint32_t epoch = 0; epoch < 500; epoch++) {
    float row, column;
    assert_int_equal(lw_dataset_batch(&d, &zero, 1, &(lw_augment){.rotate = 30}, 4, epoch, x, labels), LW_OK);
    assert_true(fabsf(found(S, S, &row, &column) - 1) < .3f);
    const float angle = atan2f(row - 16, column - 16) * 180 / pi, distance = hypotf(row - 16, column - 16);
    assert_true(fabsf(distance - 10) < .3f && fabsf(angle) < 31.5f);
    least = fminf(least, angle);
    most = fmaxf(most, angle);
    assert_int_equal(lw_dataset_batch(&d, &zero, 1, &(lw_augment){.shift = 2.5f}, 4, epoch, x, labels), LW_OK);
    assert_true(fabsf(found(S, S, &row, &column) - 1) < 1e-4f);
    assert_true(fabsf(row - 16) < 2.501f && fabsf(column - 26) < 2.501f);
    down = fmaxf(down, row - 16);
  }
  assert_true(least < -27 && most > 27 && down > 2.3f);
  lw_dataset_free(&d);
}

static void noise(void **state) {
  (void)state;
  lw_dataset d = digits();
  double sum = 0, squares = 0;
  rising();
  assert_int_equal(lw_dataset_input(NULL, &d, 0, COUNT, again), LW_OK);
  assert_int_equal(lw_dataset_batch(&d, order, COUNT, &(lw_augment){.noise = .2f}, 1, 0, x, labels), LW_OK);
  for (int i = 0; i < COUNT * PIXELS; i++) {
    const double v = (double)x[i] - (double)again[i];
    assert_true(fabs(v) <= .2 * 3.5);
    sum += v;
    squares += v * v;
  }
  const double n = COUNT * PIXELS;
  assert_true(fabs(sum / n) < 5 * .2 / sqrt(n));
  assert_true(fabs(sqrt(squares / n) - .2) < .002);
  lw_dataset_free(&d);
}

static void errors(void **state) {
  (void)state;
  lw_dataset d = spot(5, 7, 2, 3);
  const int64_t zero = 0, one = 1, below = -1;
#define BATCH(...) lw_dataset_batch(&d, &zero, 1, &(lw_augment){__VA_ARGS__}, 1, 0, x, labels)
  refused(BATCH(.crop = 5), LW_BAD_ARGUMENT, "augment->crop is 5, expected 0..4", __LINE__);
  refused(BATCH(.crop = -1), LW_BAD_ARGUMENT, "augment->crop is -1", __LINE__);
  refused(BATCH(.shift = -1), LW_BAD_ARGUMENT, "augment->shift is -1", __LINE__);
  refused(BATCH(.shift = NAN), LW_BAD_ARGUMENT, "augment->shift is", __LINE__);
  refused(BATCH(.rotate = 91), LW_BAD_ARGUMENT, "augment->rotate is 91", __LINE__);
  refused(BATCH(.noise = INFINITY), LW_BAD_ARGUMENT, "augment->noise is inf", __LINE__);
  assert_int_equal(BATCH(.crop = 4, .shift = 1e4f, .rotate = 90, .flip = 1), LW_OK);
  refused(lw_dataset_batch(&d, &one, 1, NULL, 1, 0, x, labels), LW_BAD_ARGUMENT, "order[0] is 1, the data set has 1", __LINE__);
  refused(lw_dataset_batch(&d, &below, 1, NULL, 1, 0, x, labels), LW_BAD_ARGUMENT, "order[0] is -1", __LINE__);
  refused(lw_dataset_batch(&d, NULL, 1, NULL, 1, 0, x, labels), LW_BAD_ARGUMENT, "order is NULL", __LINE__);
  refused(lw_dataset_batch(&d, &zero, 1, NULL, 1, 0, NULL, labels), LW_BAD_ARGUMENT, "x is NULL", __LINE__);
  refused(lw_dataset_batch(&d, &zero, 1, NULL, 1, 0, x, NULL), LW_BAD_ARGUMENT, "labels is NULL", __LINE__);
  refused(lw_dataset_batch(NULL, &zero, 1, NULL, 1, 0, x, labels), LW_BAD_ARGUMENT, "dataset is NULL", __LINE__);
  refused(lw_dataset_batch(&d, &zero, -2, NULL, 1, 0, x, labels), LW_BAD_ARGUMENT, "count is -2", __LINE__);
  refused(lw_shuffle(1, 0, -1, order), LW_BAD_ARGUMENT, "count is -1", __LINE__);
  refused(lw_shuffle(1, 0, 1, NULL), LW_BAD_ARGUMENT, "order is NULL", __LINE__);
  lw_dataset_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shuffles),
      cmocka_unit_test(all_orders_are_as_likely),
      cmocka_unit_test(without_change_it_is_the_input),
      cmocka_unit_test(what_a_change_depends_on),
      cmocka_unit_test(crop_moves_by_whole_pixels),
      cmocka_unit_test(flip_mirrors_half_of_them),
      cmocka_unit_test(rotation_and_shift),
      cmocka_unit_test(noise),
      cmocka_unit_test(errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
