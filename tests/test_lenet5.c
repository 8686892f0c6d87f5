/* SPDX-License-Identifier: Apache-2.0
 * The weights that ship: LeNet-5 knows digits that it has not learnt, from file to answer. */
#include "tests/kit/cmocka.h"

#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise_data.h"
#include "tests/expect.h"

#define DATA LANEWISE_SOURCE_DIR "/data/"

/* Of the test half, which has 10,000; slow builds look at fewer. */
#ifdef LANEWISE_CUT
enum { COUNT = 200 };
#else
enum { COUNT = 2000 };
#endif
enum { BATCH = 50, PIXELS = 28 * 28, FIRST_TEST = 60000 };

static lw_safetensors *file;
static lw_plan *plan;
static void *workspace;

/* The classes of up to BATCH images x[count][1][28][28], the rest of which is ignored. */
static void classify(const float *x, int count, int32_t *answers) {
  float logits[BATCH * 10], best[BATCH];
  must(lw_plan_run(plan, x, logits, workspace));
  must(lw_topk(NULL, count, 10, 1, logits, best, answers));
}

static int open_weights(void **state) {
  lw_weights weights;
  (void)state;
  must(lw_safetensors_open(DATA "weights/lenet5.safetensors", &file));
  must(lw_weights_safetensors(file, lw_net_builtin("lenet5"), &weights));
  must(lw_plan_create(NULL, lw_net_builtin("lenet5"), &weights, &(lw_plan_options){.batch = BATCH}, &plan));
  must(lw_allocate(NULL, lw_plan_workspace_bytes(plan), &workspace));
  return 0;
}

static int close_weights(void **state) {
  (void)state;
  lw_release(NULL, workspace);
  lw_plan_destroy(plan);
  lw_safetensors_close(file);
  return 0;
}

static void test_sum(void **state) {
  char line[256], sum[SHA256_DIGEST_STRING_LENGTH], name[64], hex[SHA256_DIGEST_STRING_LENGTH];
  (void)state;
  FILE *list = fopen(DATA "weights/SHA256SUMS", "r");
  assert_non_null(list);
  assert_non_null(fgets(line, sizeof line, list));
  fclose(list);
  assert_int_equal(sscanf(line, "%64s %63s", sum, name), 2);
  assert_string_equal(name, "lenet5.safetensors");
  assert_non_null(SHA256File(DATA "weights/lenet5.safetensors", hex));
  assert_string_equal(hex, sum);
}

static void test_held_out(void **state) {
  static uint8_t pixels[COUNT * PIXELS], labels[COUNT];
  static float x[BATCH * PIXELS];
  lw_dataset d = {COUNT, 1, 28, 28, 10, pixels, labels};
  int32_t answers[BATCH];
  int right = 0;
  (void)state;
  must(lw_digits(1, FIRST_TEST, COUNT, pixels, labels));
  for (int first = 0; first < COUNT; first += BATCH) {
    must(lw_dataset_input(NULL, &d, first, BATCH, x));
    classify(x, BATCH, answers);
    for (int i = 0; i < BATCH; i++) right += answers[i] == labels[first + i];
  }
  print_message("%d of %d right\n", right, COUNT);
  assert_in_range(right, (COUNT * 985 + 999) / 1000, COUNT);
}

/* Digits that another program has drawn. */
static void test_samples(void **state) {
  static float x[BATCH * PIXELS];
  (void)state;
  for (int i = 0; i <= 10; i++) {
    char path[512];
    lw_image image;
    int32_t answer;
    if (i < 10)
      snprintf(path, sizeof path, DATA "samples/digit_%d.png", i);
    else
      snprintf(path, sizeof path, DATA "samples/digit_large.png");
    must(lw_image_load(path, &image));
    must(lw_image_to_gray28(NULL, &image, x));
    lw_image_free(&image);
    classify(x, 1, &answer);
    if (answer != (i < 10 ? i : 3)) fail_msg("%s is taken for a %d", path, (int)answer);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sum),
      cmocka_unit_test(test_held_out),
      cmocka_unit_test(test_samples),
  };
  return cmocka_run_group_tests_name("lenet5", tests, open_weights, close_weights);
}
