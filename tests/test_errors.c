/* SPDX-License-Identifier: Apache-2.0
 * Bad arguments of the forward operators. */
#include "tests/kit/errors.h"

#include <math.h>

/* ------------------------------------------------------------------------------------------------------------- conv2d */

static const lw_conv2d_desc good_conv2d = {.n = 1,
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

static lw_status conv2d(lw_conv2d_desc d) { return lw_conv2d(context, &d, x, w, NULL, y); }
/* good_conv2d with one field changed. */
#define CONV2D(field, value)                                                                                                     \
  (lw_conv2d_desc) {                                                                                                             \
    .n = 1, .ic = 2, .ih = 5, .iw = 6, .oc = 4, .kh = 3, .kw = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,                 \
    .dilation_w = 1, .groups = 2, .field = value                                                                                 \
  }

static void test_conv2d(void **state) {
  int64_t oh = -5, ow = -5;
  (void)state;
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(n, -1)), "conv2d", "n", "-1");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(ic, 0)), "conv2d", "ic", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(ih, -7)), "conv2d", "ih", "-7");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(iw, 0)), "conv2d", "iw", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(oc, -2)), "conv2d", "oc", "-2");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(kh, 0)), "conv2d", "kh", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(kw, -3)), "conv2d", "kw", "-3");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(stride_h, 0)), "conv2d", "stride_h", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(stride_w, -1)), "conv2d", "stride_w", "-1");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(pad_top, -1)), "conv2d", "pad_top", "-1");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(pad_left, -2)), "conv2d", "pad_left", "-2");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(pad_bottom, -3)), "conv2d", "pad_bottom", "-3");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(pad_right, -4)), "conv2d", "pad_right", "-4");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(dilation_h, 0)), "conv2d", "dilation_h", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(dilation_w, -1)), "conv2d", "dilation_w", "-1");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(groups, 0)), "conv2d", "groups", "0");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(groups, 3)), "conv2d", "groups", "3");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(oc, 5)), "conv2d", "groups", "2", "5");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(kh, 6)), "conv2d", "6", "5");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(dilation_w, 3)), "conv2d", "3", "6");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(n, HUGE_SIZE * HUGE_SIZE)), "conv2d", "9000000000000000000");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(ih, LARGEST)), "conv2d");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(pad_right, LARGEST)), "conv2d", "9223372036854775807");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(dilation_h, LARGEST)), "conv2d", "9223372036854775807");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(oc, LARGEST - 1)), "conv2d");
  FAILS(LW_BAD_SHAPE, conv2d(CONV2D(ic, LARGEST - 1)), "conv2d");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, NULL, x, w, NULL, y), "conv2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, NULL, w, NULL, y), "conv2d", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, x, NULL, NULL, y), "conv2d", "w", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, x, w, NULL, NULL), "conv2d", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, OFF(x), w, NULL, y), "conv2d", "x", "alignment", "4");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, x, OFF(w), NULL, y), "conv2d", "w", "alignment", "4");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, x, w, OFF(w), y), "conv2d", "bias", "alignment", "4");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d(context, &good_conv2d, x, w, NULL, OFF(y)), "conv2d", "y", "alignment", "4");
  IGNORES(lw_conv2d(context, &CONV2D(n, 0), NULL, NULL, NULL, NULL));
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_output(&good_conv2d, NULL, &ow), "oh", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_output(&good_conv2d, &oh, NULL), "ow", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_output(NULL, &oh, &ow), "desc", "NULL");
  FAILS(LW_BAD_SHAPE, lw_conv2d_output(&CONV2D(kw, 9), &oh, &ow), "9");
  assert_true(oh == -5 && ow == -5);
}

static void test_conv2d_plan(void **state) {
  lw_conv2d_plan *plan = NULL;
  static _Alignas(64) char workspace[1 << 16];
  (void)state;
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_create(context, NULL, w, NULL, 0, &plan), "conv2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_create(context, &good_conv2d, NULL, NULL, 0, &plan), "conv2d", "w", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_create(context, &good_conv2d, OFF(w), NULL, 0, &plan), "conv2d", "w", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_create(context, &good_conv2d, w, OFF(w), 0, &plan), "conv2d", "bias", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_create(context, &good_conv2d, w, NULL, 0, NULL), "conv2d", "plan", "NULL");
  FAILS(LW_BAD_SHAPE, lw_conv2d_plan_create(context, &CONV2D(stride_h, 0), w, NULL, 0, &plan), "conv2d", "stride_h", "0");
  assert_null(plan);
  lw_conv2d_plan_destroy(NULL);
  for (int64_t groups = 1; groups <= 2; groups++) {
    assert_int_equal(lw_conv2d_plan_create(context, &CONV2D(groups, groups), w, NULL, 0, &plan), LW_OK);
    assert_true(lw_conv2d_plan_workspace_bytes(plan) <= sizeof workspace);
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, NULL, y, workspace), "conv2d", "x", "NULL");
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, OFF(x), y, workspace), "conv2d", "x", "alignment");
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, x, NULL, workspace), "conv2d", "y", "NULL");
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, x, OFF(y), workspace), "conv2d", "y", "alignment");
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, x, y, NULL), "conv2d", "workspace", "NULL");
    FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(plan, x, y, workspace + 4), "conv2d", "workspace", "64");
    lw_conv2d_plan_destroy(plan);
  }
  FAILS(LW_BAD_ARGUMENT, lw_conv2d_plan_run(NULL, x, y, workspace), "conv2d", "plan", "NULL");
}

/* ------------------------------------------------------------------------------------------------------ linear, pools */

static void test_linear(void **state) {
  static const lw_linear_desc good = {2, 3, 4};
  (void)state;
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){-1, 3, 4}, x, w, NULL, y), "linear", "n", "-1");
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){2, 0, 4}, x, w, NULL, y), "linear", "in", "0");
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){2, 3, -4}, x, w, NULL, y), "linear", "out", "-4");
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){2, HUGE_SIZE, HUGE_SIZE}, x, w, NULL, y), "linear", "w", "3000000000");
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){HUGE_SIZE, HUGE_SIZE, 1}, x, w, NULL, y), "linear", "x", "3000000000");
  FAILS(LW_BAD_SHAPE, lw_linear(context, &(lw_linear_desc){1, 1, LARGEST}, x, w, NULL, y), "linear");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, NULL, x, w, NULL, y), "linear", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, NULL, w, NULL, y), "linear", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, x, NULL, NULL, y), "linear", "w", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, x, w, NULL, NULL), "linear", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, OFF(x), w, NULL, y), "linear", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, x, OFF(w), NULL, y), "linear", "w", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, x, w, OFF(w), y), "linear", "bias", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_linear(context, &good, x, w, NULL, OFF(y)), "linear", "y", "alignment");
  IGNORES(lw_linear(context, &(lw_linear_desc){0, 3, 4}, NULL, NULL, NULL, NULL));
}

#define POOL(field, value)                                                                                                       \
  (lw_pool2d_desc) {                                                                                                             \
    .n = 1, .c = 2, .ih = 6, .iw = 7, .kh = 3, .kw = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1,          \
    .field = value                                                                                                               \
  }

static lw_status max_pool2d(lw_pool2d_desc d) { return lw_max_pool2d(context, &d, x, y, indices); }
static lw_status avg_pool2d(lw_pool2d_desc d) { return lw_avg_pool2d(context, &d, x, y); }

static void test_pools(void **state) {
  lw_status (*const pools[])(lw_pool2d_desc) = {max_pool2d, avg_pool2d};
  const char *const names[] = {"max_pool2d: ", "avg_pool2d: "};
  const lw_pool2d_desc good = POOL(n, 1);
  int64_t oh = -5, ow = -5;
  (void)state;
  for (int i = 0; i < 2; i++) {
    FAILS(LW_BAD_SHAPE, pools[i](POOL(n, -1)), names[i], "n", "-1");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(c, 0)), names[i], "c", "0");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(ih, -6)), names[i], "ih", "-6");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(iw, 0)), names[i], "iw", "0");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(kh, 0)), names[i], "kh", "0");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(kw, -1)), names[i], "kw", "-1");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(stride_h, 0)), names[i], "stride_h", "0");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(stride_w, -2)), names[i], "stride_w", "-2");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(pad_h, -1)), names[i], "pad_h", "-1");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(pad_h, 2)), names[i], "pad_h", "2", "1");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(pad_w, 2)), names[i], "pad_w", "2", "1");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(kh, 8)), names[i], "8", "6");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(kw, 9)), names[i], "9", "7");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(n, HUGE_SIZE * HUGE_SIZE)), names[i], "9000000000000000000");
    FAILS(LW_BAD_SHAPE, pools[i](POOL(c, LARGEST)), names[i]);
    FAILS(LW_BAD_SHAPE, pools[i](POOL(ih, LARGEST)), names[i]);
    FAILS(LW_BAD_SHAPE, pools[i](POOL(stride_h, 0)), names[i], "stride_h", "0");
  }
  FAILS(LW_BAD_SHAPE, max_pool2d(POOL(dilation_h, 0)), "max_pool2d", "dilation_h", "0");
  FAILS(LW_BAD_SHAPE, max_pool2d(POOL(dilation_w, LARGEST)), "max_pool2d", "9223372036854775807");
  FAILS(LW_BAD_ARGUMENT, avg_pool2d(POOL(dilation_h, 2)), "avg_pool2d", "dilation", "2");
  lw_pool2d_desc large = POOL(ih, 65536);
  large.iw = 65536;
  FAILS(LW_BAD_SHAPE, max_pool2d(large), "max_pool2d", "65536");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, NULL, x, y, NULL), "max_pool2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, &good, NULL, y, NULL), "max_pool2d", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, &good, x, NULL, NULL), "max_pool2d", "y", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, &good, OFF(x), y, NULL), "max_pool2d", "x", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, &good, x, OFF(y), NULL), "max_pool2d", "y", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_max_pool2d(context, &good, x, y, OFF(indices)), "max_pool2d", "index", "alignment");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d(context, NULL, x, y), "avg_pool2d", "desc", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d(context, &good, NULL, y), "avg_pool2d", "x", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_avg_pool2d(context, &good, x, OFF(y)), "avg_pool2d", "y", "alignment");
  IGNORES(lw_max_pool2d(context, &POOL(n, 0), NULL, NULL, NULL));
  IGNORES(lw_avg_pool2d(context, &POOL(n, 0), NULL, NULL));
  FAILS(LW_BAD_ARGUMENT, lw_pool2d_output(&good, NULL, &ow), "oh", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_pool2d_output(&good, &oh, NULL), "ow", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_pool2d_output(NULL, &oh, &ow), "desc", "NULL");
  assert_true(oh == -5 && ow == -5);
}

/* ------------------------------------------------------------------------------------------------------ elements, rows */

static lw_status dropout(lw_context *c, int64_t count, const float *in, float *out) {
  return lw_dropout(c, count, 0.5f, in, out);
}
static lw_status flatten(lw_context *c, int64_t n, const float *in, float *out) { return lw_flatten(c, n, 2, 3, 4, in, out); }
static lw_status add_a(lw_context *c, int64_t count, const float *in, float *out) { return lw_add(c, count, in, x, out); }
static lw_status add_b(lw_context *c, int64_t count, const float *in, float *out) { return lw_add(c, count, x, in, out); }
static lw_status softmax(lw_context *c, int64_t n, const float *in, float *out) { return lw_softmax(c, n, 5, in, out); }
static lw_status log_softmax(lw_context *c, int64_t n, const float *in, float *out) { return lw_log_softmax(c, n, 5, in, out); }
static lw_status topk(lw_context *c, int64_t n, const float *in, float *out) { return lw_topk(c, n, 5, 2, in, out, indices); }

static void test_one_input(void **state) {
  static const struct {
    const char *op, *input;
    lw_status (*call)(lw_context *, int64_t, const float *, float *);
  } all[] = {{"relu", "x", lw_relu}, {"tanh", "x", lw_tanh}, {"dropout", "x", dropout}, {"flatten", "x", flatten},
             {"add", "a", add_a},    {"add", "b", add_b},    {"softmax", "x", softmax}, {"log_softmax", "x", log_softmax},
             {"topk", "x", topk}};
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    FAILS(LW_BAD_SHAPE, all[i].call(context, -3, x, y), all[i].op, "-3");
    FAILS(LW_BAD_SHAPE, all[i].call(context, LARGEST / 2, x, y), all[i].op, "4611686018427387903");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 3, NULL, y), all[i].op, all[i].input, "NULL");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 3, OFF(x), y), all[i].op, all[i].input, "alignment");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 3, x, NULL), all[i].op, "y", "NULL");
    FAILS(LW_BAD_ARGUMENT, all[i].call(context, 3, x, OFF(y)), all[i].op, "y", "alignment");
    IGNORES(all[i].call(context, 0, NULL, NULL));
  }
  FAILS(LW_BAD_ARGUMENT, lw_dropout(context, 3, -0.25f, x, y), "dropout", "probability", "-0.25");
  FAILS(LW_BAD_ARGUMENT, lw_dropout(context, 3, 1.5f, x, y), "dropout", "probability", "1.5");
  FAILS(LW_BAD_ARGUMENT, lw_dropout(context, 3, NAN, x, y), "dropout", "probability", "nan");
  FAILS(LW_BAD_SHAPE, lw_flatten(context, 1, -2, 3, 4, x, y), "flatten", "-2");
  FAILS(LW_BAD_SHAPE, lw_flatten(context, 1, 2, 3, 0, x, y), "flatten", "0");
  FAILS(LW_BAD_SHAPE, lw_flatten(context, 1, 2, HUGE_SIZE, HUGE_SIZE, x, y), "flatten", "3000000000");
  FAILS(LW_BAD_SHAPE, lw_softmax(context, 1, 0, x, y), "softmax", "0");
  FAILS(LW_BAD_SHAPE, lw_softmax(context, HUGE_SIZE, HUGE_SIZE, x, y), "softmax", "3000000000");
  FAILS(LW_BAD_SHAPE, lw_log_softmax(context, 1, -4, x, y), "log_softmax", "-4");
  FAILS(LW_BAD_SHAPE, lw_topk(context, 1, 5, 0, x, y, indices), "topk", "k", "0", "5");
  FAILS(LW_BAD_SHAPE, lw_topk(context, 1, 5, 6, x, y, indices), "topk", "k", "6", "5");
  FAILS(LW_BAD_SHAPE, lw_topk(context, 1, HUGE_SIZE, 6, x, y, indices), "topk", "c", "3000000000");
  FAILS(LW_BAD_ARGUMENT, lw_topk(context, 1, 5, 2, x, y, NULL), "topk", "index", "NULL");
  FAILS(LW_BAD_ARGUMENT, lw_topk(context, 1, 5, 2, x, y, OFF(indices)), "topk", "index", "alignment");
}

/* ------------------------------------------------------------------------------------------------- contexts and memory */

static void *allocate(void *user, size_t bytes, size_t alignment) { return (void)user, (void)bytes, (void)alignment, NULL; }
static void release(void *user, void *pointer) { (void)user, (void)pointer; }

static lw_status create(lw_context_options options, lw_context **c) { return lw_context_create(&options, c); }

static void test_context(void **state) {
  lw_context *c = NULL;
  void *p = NULL;
  (void)state;
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.threads = 1}, NULL), "context", "NULL");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.threads = 1025}, &c), "threads", "1025", "1024");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.threads = -1}, &c), "threads", "-1");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.isa = "mmx"}, &c), "isa", "mmx");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.isa = ""}, &c), "isa");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.isa = "portable"}, &c), "isa", "portable");
#if defined(__x86_64__)
  FAILS(LW_UNSUPPORTED, create((lw_context_options){.isa = "neon"}, &c), "isa", "neon");
#else
  FAILS(LW_UNSUPPORTED, create((lw_context_options){.isa = "avx512"}, &c), "isa", "avx512");
#endif
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.allocate = allocate}, &c), "release", "NULL");
  FAILS(LW_BAD_ARGUMENT, create((lw_context_options){.release = release}, &c), "allocate", "NULL");
  assert_null(c);
  lw_context_destroy(NULL);
  FAILS(LW_BAD_ARGUMENT, lw_allocate(context, 64, NULL), "pointer", "NULL");
  FAILS(LW_NO_MEMORY, lw_allocate(context, SIZE_MAX - 100, &p), "18446744073709551515");
  assert_null(p);
  lw_release(context, NULL);
}

/* An allocator that has nothing: scratch is refused with a status, and nothing is written. */
static void test_no_memory(void **state) {
  lw_context *c = NULL;
  lw_conv2d_plan *plan = NULL;
  (void)state;
  const lw_context_options options = {.threads = 1, .allocate = allocate, .release = release};
  if (lw_context_create(&options, &c) == LW_OK) {
    if (strcmp(lw_context_isa(c), "ref") != 0 && strcmp(lw_context_isa(c), "naive") != 0) {
      FAILS(LW_NO_MEMORY, lw_conv2d(c, &CONV2D(groups, 1), x, w, NULL, y), "conv2d");
      FAILS(LW_NO_MEMORY, lw_linear(c, &(lw_linear_desc){2, 3, 4}, x, w, NULL, y), "linear");
    }
    FAILS(LW_NO_MEMORY, lw_conv2d_plan_create(c, &good_conv2d, w, NULL, 0, &plan), "conv2d");
    FAILS(LW_NO_MEMORY, lw_allocate(c, 64, &(void *){NULL}), "64");
    lw_context_destroy(c);
  } else {
    assert_non_null(strstr(lw_error_message(), "memory")); /* the context itself may come from the allocator */
  }
  assert_null(plan);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conv2d),    cmocka_unit_test(test_conv2d_plan), cmocka_unit_test(test_linear),
      cmocka_unit_test(test_pools),     cmocka_unit_test(test_one_input),   cmocka_unit_test(test_context),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests_name("errors", tests, setup, teardown);
}
