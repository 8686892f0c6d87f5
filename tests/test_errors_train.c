/* SPDX-License-Identifier: Apache-2.0
 * Bad arguments of the functions of lanewise_train.h. */
#include "tests/kit/errors.h"

#include <math.h>
#include <stdlib.h>
#include "lanewise_train.h"

/* ------------------------------------------------------------------------------------------------------ conv2d, linear */

static const lw_conv2d_desc conv = {.n = 1,
                                    .ic = 2,
                                    .ih = 5,
                                    .iw = 6,
                                    .oc = 4,
                                    .kh = 3,
                                    .kw = 3,
                                    .stride_h = 1,
                                    .stride_w = 1,
                                    .dilation_h = 1,
                                    .dilation_w = 1,
                                    .groups = 2};
static lw_conv2d_desc conv_n(int64_t n) {
  lw_conv2d_desc d = conv;
  d.n = n;
  return d;
}

static void test_conv2d(void **state) {
  lw_conv2d_desc bad = conv;
  bad.stride_w = 0;
  const lw_conv2d_desc negative = conv_n(-2), empty = conv_n(0);
  (void)state;
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, NULL, x, w, y), "conv2d_backward_data", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_conv2d_backward_data(context, &bad, x, w, y), "conv2d", "stride_w", "0");
  FAILS(LW_BAD_SHAPE, lw_conv2d_backward_data(context, &negative, x, w, y), "conv2d", "n", "-2");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, NULL, w, y), "conv2d_backward_data", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, OFF(x), w, y), "conv2d_backward_data", "dy", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, x, NULL, y), "conv2d_backward_data", "w", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, x, OFF(w), y), "conv2d_backward_data", "w", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, x, w, NULL), "conv2d_backward_data", "dx", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_data(context, &conv, x, w, OFF(y)), "conv2d_backward_data", "dx", "alignment");
  IGNORES(lw_conv2d_backward_data(context, &empty, NULL, NULL, NULL));

  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, NULL, x, w, y), "conv2d_backward_weights", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_conv2d_backward_weights(context, &bad, x, w, y), "conv2d", "stride_w", "0");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, NULL, w, y), "conv2d_backward_weights", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, OFF(x), w, y), "conv2d_backward_weights", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, x, NULL, y), "conv2d_backward_weights", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, x, OFF(w), y), "conv2d_backward_weights", "dy", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, x, w, NULL), "conv2d_backward_weights", "dw", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &conv, x, w, OFF(y)), "conv2d_backward_weights", "dw", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_weights(context, &empty, NULL, NULL, NULL), "conv2d_backward_weights", "dw", "NULL");

  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, NULL, x, y), "conv2d_backward_bias", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_conv2d_backward_bias(context, &bad, x, y), "conv2d", "stride_w", "0");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, &conv, NULL, y), "conv2d_backward_bias", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, &conv, OFF(x), y), "conv2d_backward_bias", "dy", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, &conv, x, NULL), "conv2d_backward_bias", "db", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, &conv, x, OFF(y)), "conv2d_backward_bias", "db", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_backward_bias(context, &empty, NULL, NULL), "conv2d_backward_bias", "db", "NULL");
}

static void test_linear(void **state) {
  static const lw_linear_desc good = {2, 3, 4}, empty = {0, 3, 4}, huge = {2, INT64_C(3000000000), INT64_C(3000000000)};
  (void)state;
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_data(context, NULL, x, w, y), "linear_backward_data", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_linear_backward_data(context, &(lw_linear_desc){-1, 3, 4}, x, w, y), "linear_backward_data", "n", "-1");
  FAILS(LW_BAD_SHAPE, lw_linear_backward_data(context, &(lw_linear_desc){1, 0, 4}, x, w, y), "linear_backward_data", "in", "0");
  FAILS(LW_BAD_SHAPE, lw_linear_backward_data(context, &(lw_linear_desc){1, 3, -4}, x, w, y), "linear_backward_data", "out",
        "-4");
  FAILS(LW_BAD_SHAPE, lw_linear_backward_data(context, &huge, x, w, y), "linear_backward_data", "w", "3000000000");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_data(context, &good, NULL, w, y), "linear_backward_data", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_data(context, &good, x, OFF(w), y), "linear_backward_data", "w", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_data(context, &good, x, w, NULL), "linear_backward_data", "dx", "NULL");
  IGNORES(lw_linear_backward_data(context, &empty, NULL, NULL, NULL));
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_weights(context, NULL, x, w, y), "linear_backward_weights", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_weights(context, &good, NULL, w, y), "linear_backward_weights", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_weights(context, &good, x, OFF(w), y), "linear_backward_weights", "dy", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_weights(context, &good, x, w, NULL), "linear_backward_weights", "dw", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_weights(context, &empty, NULL, NULL, NULL), "linear_backward_weights", "dw", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_bias(context, NULL, x, y), "linear_backward_bias", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_bias(context, &good, NULL, y), "linear_backward_bias", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear_backward_bias(context, &good, x, OFF(y)), "linear_backward_bias", "db", "alignment");
}

/* Sums over no images and no rows are +0. */
static void test_empty_sums(void **state) {
  const lw_conv2d_desc empty = conv_n(0);
  const lw_linear_desc rows = {0, 3, 4};
  float got[4 * 1 * 3 * 3];
  (void)state;
#define IS_ZERO(call, count)                                                                                                     \
  memset(got, 0x7f, sizeof got);                                                                                                 \
  assert_int_equal(call, LW_OK);                                                                                                 \
  for (int i = 0; i < (count); i++) assert_true(got[i] == 0 && !signbit(got[i]))
  IS_ZERO(lw_conv2d_backward_weights(context, &empty, NULL, NULL, got), 4 * 1 * 3 * 3);
  IS_ZERO(lw_conv2d_backward_bias(context, &empty, NULL, got), 4);
  IS_ZERO(lw_linear_backward_weights(context, &rows, NULL, NULL, got), 12);
  IS_ZERO(lw_linear_backward_bias(context, &rows, NULL, got), 4);
}

/* Memory runs out at every allocation in turn; nothing is written then, and nothing is lost. */
static int allowed, held;
static void *allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  if (allowed-- <= 0) return NULL;
  held++;
  return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
static void release(void *user, void *pointer) {
  (void)user;
  held--;
  free(pointer);
}

static void test_no_memory(void **state) {
  lw_context *short_of_memory;
  lw_conv2d_desc plain = conv;
  (void)state;
  plain.groups = 1;
  allowed = 100;
  assert_int_equal(
      lw_context_create(&(lw_context_options){.threads = 1, .allocate = allocate, .release = release}, &short_of_memory), LW_OK);
  const int before = held;
  for (int which = 0; which < 3; which++) {
    const int simd = strcmp(lw_context_isa(short_of_memory), "ref") != 0 && strcmp(lw_context_isa(short_of_memory), "naive") != 0;
    int failures = 0;
    for (lw_status status = LW_NO_MEMORY; status != LW_OK; failures++) {
      allowed = failures;
      poison();
      status = which == 0   ? lw_conv2d_backward_data(short_of_memory, &plain, x, w, y)
               : which == 1 ? lw_conv2d_backward_data(short_of_memory, &conv, x, w, y)
                            : lw_conv2d_backward_weights(short_of_memory, &conv, x, w, y);
      assert_int_equal(held, before);
      if (status != LW_OK)
        check(LW_NO_MEMORY, status, __LINE__, "conv2d_backward", (const char *const[]){"conv2d", "memory", NULL});
    }
    assert_true(simd ? failures > 1 : failures == 1);
  }
  lw_context_destroy(short_of_memory);
  assert_int_equal(held, 0);
  poison();
}

/* --------------------------------------------------------------------------------------------------- elementwise, pools */

static void test_elementwise(void **state) {
  static const struct {
    const char *name;
    lw_status (*call)(lw_context *, int64_t, const float *, const float *, float *);
  } all[] = {{"relu_backward", lw_relu_backward}, {"tanh_backward", lw_tanh_backward}};
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    FAILS(LW_BAD_SHAPE, all[i].call(context, -1, x, w, y), all[i].name, "-1");
    FAILS(LW_BAD_SHAPE, all[i].call(context, LARGEST, x, w, y), all[i].name, "9223372036854775807");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 5, NULL, w, y), all[i].name, "y", "NULL");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 5, x, OFF(w), y), all[i].name, "dy", "alignment");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 5, x, w, NULL), all[i].name, "dx", "NULL");
    IGNORES(all[i].call(context, 0, NULL, NULL, NULL));
  }
  FAILS(LW_BAD_ARGUMENT, lw_dropout_train(context, 5, -0.1f, 1, 2, x, y), "dropout_train", "probability", "-0.1");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_train(context, 5, NAN, 1, 2, x, y), "dropout_train", "probability", "nan");
  FAILS(LW_BAD_SHAPE, lw_dropout_train(context, -3, 0.5f, 1, 2, x, y), "dropout_train", "-3");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_train(context, 5, 0.5f, 1, 2, NULL, y), "dropout_train", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_train(context, 5, 0.5f, 1, 2, x, OFF(y)), "dropout_train", "y", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_backward(context, 5, 1.5f, 1, 2, x, y), "dropout_backward", "probability", "1.5");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_backward(context, 5, 0.5f, 1, 2, NULL, y), "dropout_backward", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dropout_backward(context, 5, 0.5f, 1, 2, x, NULL), "dropout_backward", "dx", "NULL");
  IGNORES(lw_dropout_train(context, 0, 0.5f, 1, 2, NULL, NULL));
  IGNORES(lw_dropout_backward(context, 0, 0.5f, 1, 2, NULL, NULL));
}

static const lw_pool2d_desc pool = {
    .n = 1, .c = 2, .ih = 4, .iw = 6, .kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1};

static void test_pools(void **state) {
  lw_pool2d_desc bad = pool, dilated = pool, empty = pool, wide = pool;
  int32_t index[12];
  bad.kh = 0;
  dilated.dilation_h = dilated.dilation_w = 2;
  empty.n = 0;
  wide.n = 0;
  wide.ih = wide.iw = 1 << 20;
  (void)state;
  /* The first position of each window. */
  for (int i = 0; i < 12; i++) index[i] = i / 3 % 2 * 12 + i % 3 * 2;
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, NULL, index, x, y), "max_pool2d_backward", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_max_pool2d_backward(context, &bad, index, x, y), "max_pool2d_backward", "kh", "0");
  FAILS(LW_BAD_SHAPE, lw_max_pool2d_backward(context, &wide, index, x, y), "max_pool2d_backward", "1048576", "int32");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &pool, NULL, x, y), "max_pool2d_backward", "index", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &pool, OFF(index), x, y), "max_pool2d_backward", "index", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &pool, index, NULL, y), "max_pool2d_backward", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &pool, index, x, OFF(y)), "max_pool2d_backward", "dx", "alignment");
  static const struct {
    int at;
    int32_t value;
    const char *text[2];
  } wrong[] = {{0, -2, {"index[0]", "-2"}},  {11, 24, {"index[11]", "24"}},          {4, INT32_MAX, {"index[4]", "2147483647"}},
               {1, 1, {"index[1]", "is 1"}}, {2, INT32_MIN, {"index[2]", "-21474"}}, {9, 8, {"index[9]", "is 8"}}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int32_t kept = index[wrong[i].at];
    index[wrong[i].at] = wrong[i].value;
    FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &pool, index, x, y), "max_pool2d_backward", wrong[i].text[0],
          wrong[i].text[1]);
    index[wrong[i].at] = kept;
  }
  IGNORES(lw_max_pool2d_backward(context, &empty, NULL, NULL, NULL));
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d_backward(context, NULL, x, y), "avg_pool2d_backward", "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_avg_pool2d_backward(context, &bad, x, y), "avg_pool2d_backward", "kh", "0");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d_backward(context, &dilated, x, y), "avg_pool2d_backward", "dilation", "2");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d_backward(context, &pool, NULL, y), "avg_pool2d_backward", "dy", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d_backward(context, &pool, x, NULL), "avg_pool2d_backward", "dx", "NULL");
  IGNORES(lw_avg_pool2d_backward(context, &empty, NULL, NULL));
}

/* A dilated window's positions lie apart; those between are none of it. */
static void test_dilated_indices(void **state) {
  lw_pool2d_desc d = pool;
  int32_t index[2 * 2 * 4];
  int64_t oh, ow;
  d.dilation_h = d.dilation_w = 2;
  d.stride_h = d.stride_w = 1;
  (void)state;
  assert_int_equal(lw_pool2d_output(&d, &oh, &ow), LW_OK);
  assert_true(oh == 2 && ow == 4);
  for (int i = 0; i < 16; i++) index[i] = i / 4 % 2 * 6 + i % 4 + 2 * 6 + 2; /* the last position */
  float got[2 * 4 * 6];
  assert_int_equal(lw_max_pool2d_backward(context, &d, index, x, got), LW_OK);
  index[3] -= 1;
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &d, index, x, y), "max_pool2d_backward", "index[3]");
  index[3] += 1 - 6;
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d_backward(context, &d, index, x, y), "max_pool2d_backward", "index[3]");
}

/* ---------------------------------------------------------------------------------------------------------- loss, sgd */

static void check_cross_entropy(const char *name,
                                lw_status (*call)(lw_context *, const lw_cross_entropy_desc *, const float *, const int32_t *,
                                                  float *),
                                const char *out) {
  static const lw_cross_entropy_desc good = {.n = 3, .c = 10};
  int32_t labels[3] = {0, 9, 4};
  float weights[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  lw_cross_entropy_desc d = good;
  FAILS(LW_BAD_ARGUMENT, call(context, NULL, x, labels, y), name, "desc", "NULL");
  FAILS(LW_BAD_SHAPE, call(context, &(lw_cross_entropy_desc){.n = -1, .c = 10}, x, labels, y), name, "n", "-1");
  FAILS(LW_BAD_SHAPE, call(context, &(lw_cross_entropy_desc){.n = 3, .c = 0}, x, labels, y), name, "c", "0");
  FAILS(LW_BAD_SHAPE, call(context, &(lw_cross_entropy_desc){.n = HUGE_SIZE, .c = HUGE_SIZE}, x, labels, y), name, "3000000000");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, NULL, labels, y), name, "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, OFF(x), labels, y), name, "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, NULL, y), name, "labels", "NULL");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, OFF(labels), y), name, "labels", "alignment");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, labels, NULL), name, out, "NULL");
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, labels, OFF(y)), name, out, "alignment");
  labels[1] = 10;
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, labels, y), name, "labels[1]", "10", "0..9");
  labels[1] = -100;
  FAILS(LW_BAD_ARGUMENT, call(context, &good, x, labels, y), name, "labels[1]", "-100", "0..9");
  d.has_ignore_index = 1;
  d.ignore_index = -1;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "labels[1]", "-100", "ignored -1");
  labels[1] = 9;
  d = good;
  d.reduction = (lw_reduction)7;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "reduction", "7");
  d = good;
  d.label_smoothing = 1.25f;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "label_smoothing", "1.25");
  d.label_smoothing = NAN;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "label_smoothing", "nan");
  d = good;
  d.class_weights = OFF(weights);
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "class_weights", "alignment");
  d.class_weights = weights;
  weights[6] = -0.5f;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "class_weights[6]", "-0.5");
  weights[6] = INFINITY;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "class_weights[6]", "inf");
  weights[6] = NAN;
  FAILS(LW_BAD_ARGUMENT, call(context, &d, x, labels, y), name, "class_weights[6]", "nan");
}

static void test_cross_entropy(void **state) {
  const lw_cross_entropy_desc mean = {.n = 0, .c = 10}, sum = {.n = 0, .c = 10, .reduction = LW_REDUCTION_SUM};
  float loss;
  (void)state;
  check_cross_entropy("softmax_cross_entropy", lw_softmax_cross_entropy, "loss");
  check_cross_entropy("softmax_cross_entropy_backward", lw_softmax_cross_entropy_backward, "dx");
  IGNORES(lw_softmax_cross_entropy_backward(context, &mean, NULL, NULL, NULL));
  assert_int_equal(lw_softmax_cross_entropy(context, &mean, NULL, NULL, &loss), LW_OK);
  assert_true(isnan(loss));
  assert_int_equal(lw_softmax_cross_entropy(context, &sum, NULL, NULL, &loss), LW_OK);
  assert_true(loss == 0);
}

static lw_status sgd(lw_sgd_options o) { return lw_sgd(context, &o, 0, 5, y, x, w); }
#define SGD(...) sgd((lw_sgd_options){__VA_ARGS__})

static void test_sgd(void **state) {
  static const lw_sgd_options good = {.lr = 0.1f, .momentum = 0.9f}, plain = {.lr = 0.1f};
  (void)state;
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, NULL, 0, 5, y, x, w), "sgd", "options", "NULL");
  FAILS(LW_BAD_ARGUMENT, SGD(.lr = -0.1f), "sgd", "lr", "-0.1");
  FAILS(LW_BAD_ARGUMENT, SGD(.lr = NAN), "sgd", "lr", "nan");
  FAILS(LW_BAD_ARGUMENT, SGD(.lr = INFINITY), "sgd", "lr", "inf");
  FAILS(LW_BAD_ARGUMENT, SGD(.momentum = -1), "sgd", "momentum", "-1");
  FAILS(LW_BAD_ARGUMENT, SGD(.momentum = NAN), "sgd", "momentum", "nan");
  FAILS(LW_BAD_ARGUMENT, SGD(.weight_decay = -2), "sgd", "weight_decay", "-2");
  FAILS(LW_BAD_ARGUMENT, SGD(.dampening = INFINITY), "sgd", "dampening", "inf");
  FAILS(LW_BAD_ARGUMENT, SGD(.nesterov = 1), "sgd", "nesterov", "momentum 0");
  FAILS(LW_BAD_ARGUMENT, SGD(.momentum = 0.5f, .dampening = 0.25f, .nesterov = 1), "sgd", "nesterov", "dampening 0.25");
  FAILS(LW_BAD_SHAPE, lw_sgd(context, &good, 0, -5, y, x, w), "sgd", "-5");
  FAILS(LW_BAD_SHAPE, lw_sgd(context, &good, 0, LARGEST, y, x, w), "sgd", "9223372036854775807");
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, &good, 0, 5, NULL, x, w), "sgd", "w", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, &good, 0, 5, OFF(y), x, w), "sgd", "w", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, &good, 0, 5, y, NULL, w), "sgd", "g", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, &good, 0, 5, y, x, NULL), "sgd", "buffer", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_sgd(context, &good, 0, 5, y, x, OFF(w)), "sgd", "buffer", "alignment");
  IGNORES(lw_sgd(context, &good, 0, 0, NULL, NULL, NULL));
  float weights[5] = {1, 2, 3, 4, 5};
  assert_int_equal(lw_sgd(context, &plain, 0, 5, weights, x, NULL), LW_OK); /* no momentum, no buffer */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conv2d),        cmocka_unit_test(test_linear), cmocka_unit_test(test_empty_sums),
      cmocka_unit_test(test_elementwise),   cmocka_unit_test(test_pools),  cmocka_unit_test(test_dilated_indices),
      cmocka_unit_test(test_cross_entropy), cmocka_unit_test(test_sgd),    cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests_name("errors_train", tests, setup, teardown);
}
