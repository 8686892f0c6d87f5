/* SPDX-License-Identifier: Apache-2.0
 * The max pool fused into conv2d on every window of four values out of a set in which NaN, infinities and both zeros meet: a 1x1
 * convolution whose chain, -0 + 1*x, keeps x and its sign. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <string.h>
#include "tests/kit/kit.h"

enum { VALUES = 8, WINDOWS = VALUES * VALUES * VALUES * VALUES, ACROSS = 64, WIDTH = 2 * ACROSS, HEIGHT = 2 * WINDOWS / ACROSS };

static const float values[VALUES] = {-1, -0.0f, 0.0f, 1, 2, NAN, INFINITY, -INFINITY};

static void every_window(const kit_case *c) {
  const kit_op *op = kit_op_find(LW_OP_conv2d);
  kit_set expected, got;
  int rows = 0;
  assert_true(kit_set_make(&expected, op, c, KIT_ALIGNED));
  assert_true(kit_set_make(&got, op, c, KIT_GUARD_END));
  kit_set *const sets[] = {&expected, &got};
  for (int s = 0; s < 2; s++) {
    float *x = sets[s]->t[0];
    for (int i = 0; i < WINDOWS; i++)
      for (int k = 0, left = i; k < 4; k++, left /= VALUES)
        x[(2 * (i / ACROSS) + k / 2) * WIDTH + 2 * (i % ACROSS) + k % 2] = values[left % VALUES];
    *(float *)sets[s]->t[1] = 1;
    *(float *)sets[s]->t[2] = -0.0f;
  }
  op->ref(c, expected.t);
  for (size_t i = 0; i < lw_kernel_count; i++) {
    const lw_kernel *row = &lw_kernel_table[i];
    if (row->op != op->op || !lw_isa_runnable(row->isa) || kit_variants(op, row, c) == 0) continue;
    kit_run run = {.op = op, .row = row, .c = c, .t = got.t, .parts = 1, .memory = KIT_GUARD_END};
    kit_difference d;
    char text[256];
    if (!kit_prepare(&run)) fail_msg("%s", run.error);
    kit_poison(&run, &got);
    kit_execute(&run, 1, KIT_RISING);
    if (!kit_collect(&run, NULL)) fail_msg("%s: %s", row->symbol, run.error);
    if (kit_compare(&expected, &got, &d)) {
      kit_difference_text(&d, text, sizeof text);
      fail_msg("%s, %s: %s", row->symbol, c->name, text);
    }
    kit_release(&run);
    rows++;
  }
  kit_set_free(&expected);
  kit_set_free(&got);
  assert_true(rows >= 2 || !lw_isa_is_simd(lw_isa_best()));
}

static void test_windows(void **state) {
  kit_case c = {.name = "windows", .pool = 1, .bias = 1};
  c.of.conv2d = (lw_conv2d_desc){.n = 1,
                                 .ic = 1,
                                 .ih = HEIGHT,
                                 .iw = WIDTH,
                                 .oc = 1,
                                 .kh = 1,
                                 .kw = 1,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .dilation_h = 1,
                                 .dilation_w = 1,
                                 .groups = 1};
  (void)state;
  every_window(&c);
  c.relu = 1;
  strcpy(c.name, "windows-relu");
  every_window(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
