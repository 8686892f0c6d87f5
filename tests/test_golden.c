/* SPDX-License-Identifier: Apache-2.0
 * The oracle against PyTorch in float64: ref64 on every case of data/golden/ops.txt, as golden_check.h explains. */
#include "tests/golden_check.h"

#include <sha256.h>
#include <stdio.h>

/* ------------------------------------------------------------------------------------------------------------ operators */

#define RUN(op) static void run_##op(const int64_t *i, double *const in[], double *y, int32_t *index)
#define UNUSED  (void)index

RUN(conv2d) {
  const lw_conv2d_desc d = {i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9], i[10], i[11], i[12], i[13], i[14], i[15]};
  UNUSED, ref64_conv2d(&d, in[0], in[1], in[2], y);
}
RUN(linear) {
  const lw_linear_desc d = {i[0], i[1], i[2]};
  UNUSED, ref64_linear(&d, in[0], in[1], in[2], y);
}
static lw_pool2d_desc pool2d(const int64_t *i) {
  return (lw_pool2d_desc){i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], i[8], i[9], i[10], i[11], i[12] != 0, i[13] != 0};
}
RUN(max_pool2d) {
  const lw_pool2d_desc d = pool2d(i);
  ref64_max_pool2d(&d, in[0], y, index);
}
RUN(avg_pool2d) {
  const lw_pool2d_desc d = pool2d(i);
  UNUSED, ref64_avg_pool2d(&d, in[0], y);
}
RUN(relu) { UNUSED, ref64_relu(i[0], in[0], y); }
RUN(tanh) { UNUSED, ref64_tanh(i[0], in[0], y); }
RUN(add) { UNUSED, ref64_add(i[0], in[0], in[1], y); }
RUN(dropout) { UNUSED, ref64_dropout(i[0], in[0], y); }
RUN(flatten) { UNUSED, ref64_flatten(i[0] * i[1] * i[2] * i[3], in[0], y); }
RUN(softmax) { UNUSED, ref64_softmax(i[0], i[1], in[0], y); }
RUN(log_softmax) { UNUSED, ref64_log_softmax(i[0], i[1], in[0], y); }
RUN(topk) { ref64_topk(i[0], i[1], i[2], in[0], y, index); }

RUN(u8_to_f32) {
  uint8_t bytes[256];
  const int64_t count = i[0] * i[1] * i[2];
  assert_in_range(count, 1, sizeof bytes);
  for (int64_t k = 0; k < count; k++) bytes[k] = (uint8_t)in[0][k];
  UNUSED, ref64_u8_to_f32(i[0], i[1], i[2], bytes, y);
}
RUN(grayscale) { UNUSED, ref64_grayscale(i[0], i[1], i[2], in[0], y); }
RUN(normalize) { UNUSED, ref64_normalize(i[0], i[1], i[2], i[3], in[1], in[2], in[0], y); }
RUN(filter2d) {
  const lw_filter2d_desc d = {i[0], i[1], i[2], i[3], i[4], i[5], i[6] != 0};
  UNUSED, ref64_filter2d(&d, in[0], in[1], y);
}
RUN(resize_bilinear) {
  const lw_resize_desc d = {i[0], i[1], i[2], i[3], i[4], i[5], i[6] != 0};
  UNUSED, ref64_resize_bilinear(&d, in[0], y);
}
RUN(crop) {
  const lw_crop_desc d = {i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7]};
  UNUSED, ref64_crop(&d, in[0], y);
}
RUN(flip) { UNUSED, ref64_flip(i[0], i[1], i[2], i[3], i[4] != 0, i[5] != 0, in[0], y); }
RUN(pad2d) {
  const lw_pad2d_desc d = {i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], (lw_pad_mode)i[8], (float)in[1][0]};
  UNUSED, ref64_pad2d(&d, in[0], y);
}

/* --------------------------------------------------------------------------------------------------------------- bounds */

static double bound_conv2d(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[1] / c->ints[15] * c->ints[5] * c->ints[6], terms);
}
static double bound_linear(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[1], terms);
}
static double bound_filter2d(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[4] * c->ints[5], terms);
}
static double bound_grayscale(const golden_case *c, double expected, double terms) {
  (void)c, (void)expected;
  return products(3, terms);
}
/* At most kh * kw roundings of the sum, one of the division. */
static double bound_avg_pool2d(const golden_case *c, double expected, double terms) {
  (void)expected;
  return products(c->ints[4] * c->ints[5], terms);
}
/* 1 ulp (2 u) in PyTorch (SLEEF's u10 functions), 2 ulp in the C library (glibc's manual, Errors in Math Functions). */
static double bound_tanh(const golden_case *c, double expected, double terms) {
  (void)c, (void)terms;
  return 6 * U * fabs(expected);
}
/* exp: 1 ulp = 2 u on each side, in numerator and sum; c roundings of the sum; two of a multiplication with its inverse. Below
 * the smallest normal number one side may flush to zero. */
static double bound_softmax(const golden_case *c, double expected, double terms) {
  (void)terms;
  return 2 * gamma_of((double)c->ints[1] + 6) * fabs(expected) + 0x1p-1022;
}
/* A relative error of the sum is an absolute one of its logarithm; then 1 ulp of log and two roundings, all of values below
 * |expected| in magnitude, since both parts of y have the same sign. */
static double bound_log_softmax(const golden_case *c, double expected, double terms) {
  (void)terms;
  return 2 * (gamma_of((double)c->ints[1] + 2) + 4 * U * fabs(expected));
}

/* Let m be the largest |x|, s = max(1, in/out) the support of the triangle. A source position is within 3 u * in of the true one.
 * Without antialias the result moves with it by at most 2m per pixel. With antialias each of the n <= 2s + 2 weights moves by at
 * most 3 u * in / s + 4 u; their sum is at least s/2 (half a triangle at the border), so after division weights change by 2 * 8
 * of that in total. Rounding of the sum itself: gamma(2n + 2) * m. Both axes, both sides. */
static double resize_axis(int64_t in, int64_t out, int antialias) {
  const double s = antialias && in > out ? (double)in / (double)out : 1, position = 3 * U * (double)in;
  return (s > 1 ? 16 * (position / s + 4 * U) : 2 * position) + gamma_of(2 * (2 * s + 2) + 2);
}
static double bound_resize_bilinear(const golden_case *c, double expected, double terms) {
  (void)expected, (void)terms;
  const int64_t *i = c->ints;
  double m = 0;
  for (int64_t k = 0; k < c->input_count[0]; k++) m = fmax(m, fabs(c->input[0][k]));
  return 2 * m * (resize_axis(i[2], i[4], i[6] != 0) + resize_axis(i[3], i[5], i[6] != 0));
}

static const golden_op ops[] = {
    {"conv2d", 16, 3, run_conv2d, bound_conv2d, 0},
    {"linear", 3, 3, run_linear, bound_linear, 0},
    {"relu", 1, 1, run_relu, NULL, 0},
    {"tanh", 1, 1, run_tanh, bound_tanh, 0},
    {"add", 1, 2, run_add, NULL, 0},
    {"dropout", 1, 1, run_dropout, NULL, 0},
    {"flatten", 4, 1, run_flatten, NULL, 0},
    {"max_pool2d", 14, 1, run_max_pool2d, NULL, 0},
    {"avg_pool2d", 14, 1, run_avg_pool2d, bound_avg_pool2d, 0},
    {"softmax", 2, 1, run_softmax, bound_softmax, 0},
    {"log_softmax", 2, 1, run_log_softmax, bound_log_softmax, 0},
    {"topk", 3, 1, run_topk, NULL, 0},
    {"u8_to_f32", 3, 1, run_u8_to_f32, NULL, 0},
    {"grayscale", 3, 1, run_grayscale, bound_grayscale, 0},
    {"normalize", 4, 3, run_normalize, NULL, 0}, /* division, subtraction, division: each rounded once on both sides */
    {"filter2d", 7, 2, run_filter2d, bound_filter2d, 0},
    {"resize_bilinear", 7, 1, run_resize_bilinear, bound_resize_bilinear, 0},
    {"crop", 8, 1, run_crop, NULL, 0},
    {"flip", 6, 1, run_flip, NULL, 0},
    {"pad2d", 9, 2, run_pad2d, NULL, 0},
};
enum { OPS = sizeof ops / sizeof *ops };

/* --------------------------------------------------------------------------------------------------------------- tests */

static void test_operator(void **state) { check_operator(GOLDEN_OPS, *state); }

static void every_case_has_its_operator(void **state) {
  (void)state;
  check_names(GOLDEN_OPS, ops, OPS);
}

/* The reader tells of every cut between two words of the first record, and of a file that is not there. */
static void a_cut_file_is_noticed(void **state) {
  (void)state;
  golden_file whole;
  golden_case c;
  assert_true(golden_open(&whole, GOLDEN_OPS));
  char *const end = strstr(whole.text + 1, "\ncase ");
  assert_non_null(end);
  *end = 0;
  for (char *cut = end; (cut = memrchr(whole.text, ' ', (size_t)(cut - whole.text)));) {
    *cut = 0;
    golden_file file = {.text = whole.text, .next = whole.text};
    assert_false(golden_next(&file, &c));
    assert_true(file.error[0]);
  }
  golden_close(&whole);
  assert_false(golden_open(&whole, LANEWISE_SOURCE_DIR "/data/golden/no-such-file"));
  assert_true(whole.error[0]);
}

/* The vectors are those of the script that stands beside them. */
static void files_have_their_sums(void **state) {
  (void)state;
  char line[256], name[64], sum[SHA256_DIGEST_STRING_LENGTH], path[512], got[SHA256_DIGEST_STRING_LENGTH];
  int files = 0;
  FILE *f = fopen(LANEWISE_SOURCE_DIR "/data/golden/SHA256SUMS", "r");
  assert_non_null(f);
  for (; fgets(line, sizeof line, f); files++) {
    assert_int_equal(sscanf(line, "%64s %63s", sum, name), 2);
    snprintf(path, sizeof path, "%s/data/golden/%s", LANEWISE_SOURCE_DIR, name);
    assert_non_null(SHA256File(path, got));
    if (strcmp(got, sum) != 0) fail_msg("%s is not the file of SHA256SUMS", name);
  }
  fclose(f);
  assert_int_equal(files, 8);
}

int main(void) {
  enum { FIXED = 3 };
  struct CMUnitTest tests[FIXED + OPS] = {cmocka_unit_test(files_have_their_sums), cmocka_unit_test(a_cut_file_is_noticed),
                                          cmocka_unit_test(every_case_has_its_operator)};
  for (int k = 0; k < OPS; k++) tests[FIXED + k] = (struct CMUnitTest){ops[k].name, test_operator, NULL, NULL, (void *)&ops[k]};
  return _cmocka_run_group_tests("golden", tests, FIXED + OPS, NULL, NULL);
}
