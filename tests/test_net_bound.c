/* SPDX-License-Identifier: Apache-2.0
 * The cases by which whole networks of backends are judged (kit/op_net.c): that they say something, and that their bound holds
 * and is not too wide. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/conform.h"
#include "tests/kit/net.h"

/* One case with one fill: the definition's outputs, their true values and bounds. */
typedef struct subject {
  kit_set set, wide;
  int64_t count;
  const float *y;
  const double *y64;
  double *bound;
} subject;

static subject make(const kit_case *c, kit_fill fill) {
  subject s;
  assert_true(kit_set_make(&s.set, &kit_op_net, c, KIT_ALIGNED));
  kit_set_fill(&s.set, fill, 1);
  assert_true(kit_set_widen(&s.wide, &s.set));
  const int output = kit_set_output(&s.set);
  s.count = s.set.info[output].count;
  s.bound = calloc((size_t)s.count + 1, sizeof *s.bound);
  assert_non_null(s.bound);
  kit_op_net.ref(c, s.set.t);
  kit_op_net.ref64(c, s.wide.t);
  kit_op_net.bound(c, s.wide.t, KIT_ANY_ORDER, s.bound);
  s.y = s.set.t[output];
  s.y64 = s.wide.t[output];
  return s;
}

static void release(subject *s) {
  free(s->bound);
  kit_set_free(&s->wide);
  kit_set_free(&s->set);
}

static void check(const kit_case *c, kit_fill fill) {
  subject s = make(c, fill);
  const int exact = c->of.net.sparse && fill == KIT_INTEGERS && !strstr(c->of.net.net, "1998"); /* no tanh */
  kit_accuracy a = {0};
  double widest = 0;
  int64_t zeros = 0;
  for (int64_t i = 0; i < s.count; i++) {
    kit_accuracy_add(&a, s.y[i], s.y64[i], s.bound[i]);
    widest = fmax(widest, s.bound[i]);
    zeros += s.y64[i] == 0;
  }
  const double wide = widest / kit_accuracy_rms(&a);
  print_message("%-20s %-8s error/bound %.3g, bound/rms %.3g, %d of %d are 0\n", c->name, kit_fill_name(fill), a.worst, wide,
                (int)zeros, (int)s.count);
  if (!(a.worst <= 1)) fail_msg("%s: the definition is beyond the bound", c->name);
  if (s.count > 0 && 2 * zeros > s.count) fail_msg("%s: most outputs are 0", c->name);
  if (exact && widest > 0) fail_msg("%s: the bound of integers is %g, not 0", c->name, widest);
  if (s.count > 0 && c->of.net.sparse && !(wide < 1e-2)) fail_msg("%s: the bound is %g of rms(y)", c->name, wide);
  release(&s);
}

/* Emulators and sanitizers leave vgg16 to others. */
static int too_slow(const kit_case *c) {
#if defined(LANEWISE_CUT)
  return kit_op_net.flops(c) > 2e7;
#else
  return (void)c, 0;
#endif
}

static void test_cases(void **state) {
  conform_case *list;
  int sparse = 0;
  (void)state;
  const size_t count = conform_cases(&kit_op_net, 1, &list);
  for (size_t i = 0; i < count; i++) {
    if (list[i].expensive) continue;
    sparse += list[i].c.of.net.sparse;
    if (too_slow(&list[i].c)) continue;
    check(&list[i].c, KIT_INTEGERS);
    check(&list[i].c, KIT_REALS);
  }
  free(list);
  assert_int_equal(sparse, 5);
}

/* What is built in is judged, and fits. */
static void test_networks(void **state) {
  (void)state;
  for (size_t i = 0; lw_net_builtin_at(i); i++) {
    int found = 0, parameters = 0;
    for (int k = 0; k < kit_op_net.case_count; k++)
      found += strcmp(kit_op_net.cases[k].of.net.net, lw_net_builtin_at(i)->name) == 0;
    assert_true(found >= 2);
    assert_true(lw_net_builtin_at(i)->layer_count <= KIT_NET_LAYERS);
    assert_int_equal(lw_net_parameter_tensors(lw_net_builtin_at(i), &parameters), LW_OK);
    assert_true(parameters + 2 <= KIT_TENSORS);
  }
}

/* Halves of bf16 in place of floats are seen, though a bound for dense weights would not see them. */
static void test_sees_bf16(void **state) {
  (void)state;
  for (int k = 0; k < kit_op_net.case_count; k++) {
    const kit_case *c = &kit_op_net.cases[k];
    if (!c->of.net.sparse || too_slow(c)) continue;
    subject s = make(c, KIT_REALS);
    const int output = kit_set_output(&s.set);
    for (int i = 0; i < output; i++)
      for (int64_t e = 0; e < s.set.info[i].count; e++) ((uint32_t *)s.set.t[i])[e] &= 0xffff0000;
    kit_op_net.ref(c, s.set.t);
    int64_t beyond = 0;
    for (int64_t i = 0; i < s.count; i++) beyond += !(fabs(s.y[i] - s.y64[i]) <= s.bound[i]);
    if (beyond == 0) fail_msg("%s: inputs and weights in bf16 are within the bound", c->name);
    release(&s);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_networks),
      cmocka_unit_test(test_cases),
      cmocka_unit_test(test_sees_bf16),
  };
  return cmocka_run_group_tests_name("net_bound", tests, NULL, NULL);
}
