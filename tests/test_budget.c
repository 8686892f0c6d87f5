/* SPDX-License-Identifier: Apache-2.0
 * The recipe under budgets of accuracy and memory: error constants, what gives way and in which order, the same on every ISA; why
 * a plan does not use F(4x4, 3x3); what plans need. */
#include "tests/kit/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/recipe.h"
#include "simd/isa.h"
#include "tests/kit/kit.h"
#include "tests/kit/winograd.h"

static const char *const isas[] = {"ref", "avx2", "avx512", "neon"};
enum { ISAS = sizeof isas / sizeof *isas };

static int is_runnable(const char *isa) { return lw_isa_runnable((lw_isa)lw_isa_from_name(isa)); }

/* Outputs of side x side. */
static lw_conv2d_desc conv(int64_t ic, int64_t oc, int64_t side, int64_t r) {
  const int64_t pad = r / 2;
  return (lw_conv2d_desc){1, ic, side, side, oc, r, r, 1, 1, pad, pad, pad, pad, 1, 1, 1};
}

/* ----------------------------------------------------------------------------------------------------- error constants */

/* The largest row sum of |A^T| [(|G| 1) .* (|B^T| 1)], which is a of one dimension. */
static double growth(const kit_winograd *algorithm) {
  const kit_winograd k = *algorithm;
  double largest = 0;
  for (int i = 0; i < k.m; i++) {
    double sum = 0;
    for (int p = 0; p < k.t; p++) {
      double g = 0, b = 0;
      for (int j = 0; j < k.r; j++) g += fabs(k.g[p][j]);
      for (int j = 0; j < k.t; j++) b += fabs(k.bt[p][j]);
      sum += fabs(k.at[i][p]) * g * b;
    }
    if (sum > largest) largest = sum;
  }
  return largest * largest;
}

static double uniform(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(int64_t)*state * 0x1p-63;
}

/* The a-priori bound gamma_n a M is never below the bound from the data, and on inputs without cancellation not far above it. */
static void constants_bound_the_error(void **state) {
  (void)state;
  static const struct { int side, kernel; } shapes[] = {{28, 3}, {14, 3}, {8, 5}};
  uint64_t random = 3;
  for (int64_t ic = 16; ic <= 300; ic += 71)
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
      const int side = shapes[shape].side, taps = shapes[shape].kernel * shapes[shape].kernel;
      const lw_conv2d_desc desc = conv(ic, 16, side, shapes[shape].kernel);
      const lw_recipe *r = lw_recipe_conv2d(LW_FAST, &desc, side, side);
      assert_non_null(r);
      const kit_winograd k = kit_winograd_make(r->winograd, r->kernel);
      assert_true(r->growth >= growth(&k) && r->growth < growth(&k) * (1 + 1e-5));
      double largest = 0, d[36], *g = malloc((size_t)(ic * taps) * sizeof *g);
      kit_winograd_input *v = malloc((size_t)ic * sizeof *v);
      const double n = (double)ic + r->roundings, gamma = n * KIT_U / (1 - n * KIT_U);
      for (int fill = 0; fill < 20; fill++) {
        double most = 0.5, bound[4][4];
        for (int64_t c = 0; c < ic; c++) {
          double x = 0, w = 0;
          for (int i = 0; i < k.t * k.t; i++) {
            d[i] = fill < 2 ? 1 : uniform(&random);
            x = fmax(x, fabs(d[i]));
          }
          v[c] = kit_winograd_transform(&k, d);
          for (int i = 0; i < taps; i++) {
            g[c * taps + i] = fill == 0 ? 1 : uniform(&random);
            w = fmax(w, fabs(g[c * taps + i]));
          }
          most += x * w;
        }
        kit_winograd_bound(&k, ic, v, g, -0.5, bound);
        for (int i = 0; i < k.m * k.m; i++) {
          const double ratio = bound[i / k.m][i % k.m] / (gamma * r->growth * most);
          assert_true(ratio <= 1);
          if (ratio > largest) largest = ratio;
        }
      }
      assert_true(largest > 0.02);
      assert_true(fabs(lw_recipe_error(r, &desc) - n * r->growth / (taps * taps * (double)ic)) < 1e-12);
      free(v);
      free(g);
    }
}

/* ------------------------------------------------------------------------------------------------------------- plans */

static lw_plan *make(const lw_net *net, const char *isa, const lw_plan_options *options) {
  static lw_context *contexts[ISAS];
  lw_context **context = &contexts[0];
  lw_plan *plan;
  for (int i = 0; i < ISAS; i++)
    if (strcmp(isas[i], isa) == 0) context = &contexts[i];
  if (!*context) assert_int_equal(lw_context_create(&(lw_context_options){.threads = 2, .isa = isa}, context), LW_OK);
  if (lw_plan_create(*context, net, NULL, options, &plan) != LW_OK) fail_msg("%s", lw_error_message());
  return plan;
}

/* Tile sizes of the convolutions of a plan, "4 4 2 0", and the reason of the last. */
static const char *tiles(const lw_plan *plan, char *reason, size_t capacity) {
  static char text[256];
  lw_step_info s;
  size_t length = 0;
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    assert_int_equal(lw_plan_step(plan, i, &s), LW_OK);
    if (!strstr(s.kernel, "conv2d")) continue;
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%d", length ? " " : "", kit_winograd_tile(s.algorithm));
    if (reason) snprintf(reason, capacity, "%s", s.reason);
  }
  return text;
}

static void expect_tiles(const lw_net *net, const lw_plan_options *options, const char *expected, const char *reason) {
  for (int i = 0; i < ISAS; i++) {
    char got[256] = "";
    if (!is_runnable(isas[i])) continue;
    lw_plan *plan = make(net, isas[i], options);
    assert_string_equal(tiles(plan, got, sizeof got), expected);
    if (reason) assert_string_equal(got, reason);
    lw_plan_destroy(plan);
  }
}

static void reasons(void **state) {
  static const struct {
    lw_layer layer;
    int64_t c, side;
    const char *tiles, *reason;
  } rows[] = {
      {{.out = 16, .kernel = 3, .pad = 1}, 16, 28, "4", ""},
      {{.out = 16, .kernel = 3, .pad = 1}, 16, 27, "2", "27x27: too few tiles for F(4,3)"},
      {{.out = 16, .kernel = 3, .pad = 1}, 16, 13, "0", "13x13: too few tiles for F(4,3); 13x13: too few tiles for F(2,3)"},
      {{.out = 16, .kernel = 3, .pad = 1}, 15, 28, "0", "15 input channels, fewer than 16"},
      {{.out = 7, .kernel = 3, .pad = 1}, 16, 28, "0", "7 output channels, fewer than 16"},
      {{.out = 16, .kernel = 5, .pad = 2}, 16, 8, "2", ""},
      {{.out = 16, .kernel = 5, .pad = 2}, 16, 7, "0", "7x7: too few tiles for F(2,5)"},
      {{.out = 16, .kernel = 7, .pad = 3}, 16, 28, "0", "7x7 kernel"},
      {{.out = 16, .kernel = 3, .pad = 1, .stride = 2}, 16, 56, "0", "stride 2"},
      {{.out = 16, .kernel = 3, .pad = 3, .dilation = 3}, 16, 28, "0", "dilation 3"},
      {{.out = 16, .kernel = 3, .pad = 1, .groups = 4}, 16, 28, "0", "4 groups"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lw_layer layer = rows[i].layer;
    layer.kind = LW_LAYER_CONV2D;
    layer.name = "conv";
    const lw_net net = {"one", rows[i].c, rows[i].side, rows[i].side, &layer, 1};
    expect_tiles(&net, &(lw_plan_options){.mode = LW_FAST}, rows[i].tiles, rows[i].reason);
    expect_tiles(&net, &(lw_plan_options){.mode = LW_EXACT}, "0", "");
  }
}

/* The layer on the way of another one is named. */
static void reason_of_two_layers(void **state) {
  (void)state;
  char reason[256];
  const char *isa = lw_context_isa(NULL);
  lw_step_info s;
  if (!lw_isa_is_simd((lw_isa)lw_isa_from_name(isa))) skip();
  lw_plan *plan = make(lw_net_builtin("vgg16"), isa, &(lw_plan_options){.mode = LW_FAST, .accuracy = 1});
  assert_int_equal(lw_plan_step(plan, 1, &s), LW_OK);
  assert_string_equal(s.reason, "features.0: 3 input channels, fewer than 16; accuracy budget: F(4,3) has 8.27");
  assert_string_equal(tiles(plan, reason, sizeof reason), "2 2 2 2 2 2 2 2 2 2 2 2");
  assert_string_equal(reason, "14x14: too few tiles for F(4,3)");
  lw_plan_destroy(plan);
}

static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "a", .out = 32, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_CONV2D, .name = "b", .out = 64, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_MAX_POOL2D, .name = "pool", .kernel = 2},
                                  {.kind = LW_LAYER_CONV2D, .name = "c", .out = 64, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_LINEAR, .name = "fc", .out = 10}};
static const lw_net net = {"budget", 16, 28, 28, layers, 5};

static void accuracy(void **state) {
  static const struct {
    double accuracy;
    const char *tiles;
  } rows[] = {{0, "4 4 2"}, {INFINITY, "4 4 2"}, {12.5, "4 4 2"}, {12, "2 4 2"}, {9, "2 2 2"}, {1.1, "0 2 2"}, {1, "0 2 2"}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    expect_tiles(&net, &(lw_plan_options){.mode = LW_FAST, .accuracy = rows[i].accuracy}, rows[i].tiles, NULL);
  const double wrong[] = {0.5, -1, NAN, 0.999999};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lw_plan *plan = NULL;
    const lw_plan_options o = {.mode = LW_FAST, .accuracy = wrong[i]};
    assert_int_equal(lw_plan_create(NULL, &net, NULL, &o, &plan), LW_BAD_ARGUMENT);
    assert_non_null(strstr(lw_error_message(), "accuracy is "));
    assert_null(plan);
  }
}

/* Bytes that a layer saves: all sizes are multiples of a cache line. */
static size_t bytes_of(int tile, size_t ic, size_t oc) { return ic * oc * 4 * (tile == 4 ? 36 : tile == 2 ? 16 : 9); }

/* From the richest to the poorest budget: each limit is kept, is met exactly at its edge, and the same layers give way on every
 * ISA: c (14x14) counts least products per byte, then b, then a; all by one row before the next row where rows are cheaper. */
static void memory_order(void **state) {
  (void)state;
  const size_t rest = 4 * (32 + 64 + 64 + 16 + 16 * 64 * 14 * 14), a = bytes_of(4, 16, 32);
  const struct {
    size_t bytes;
    const char *tiles;
  } rows[] = {{a + bytes_of(4, 32, 64) + bytes_of(2, 64, 64), "4 4 2"},
              {bytes_of(2, 16, 32) + bytes_of(4, 32, 64) + bytes_of(2, 64, 64), "2 4 2"},
              {bytes_of(2, 16, 32) + bytes_of(2, 32, 64) + bytes_of(2, 64, 64), "2 2 2"},
              {bytes_of(2, 16, 32) + bytes_of(2, 32, 64) + bytes_of(0, 64, 64), "2 2 0"},
              {bytes_of(0, 16, 32) + bytes_of(2, 32, 64) + bytes_of(0, 64, 64), "0 2 0"},
              {bytes_of(0, 16, 32) + bytes_of(0, 32, 64) + bytes_of(0, 64, 64), "0 0 0"}};
  enum { ROWS = sizeof rows / sizeof *rows };
  for (size_t i = 0; i < ROWS; i++) {
    lw_plan_options o = {.mode = LW_FAST, .weight_budget = rest + rows[i].bytes};
    expect_tiles(&net, &o, rows[i].tiles, NULL);
    lw_plan *plan = make(&net, lw_context_isa(NULL), &o);
    if (lw_isa_is_simd((lw_isa)lw_isa_from_name(lw_context_isa(NULL))))
      assert_int_equal(lw_plan_weight_bytes(plan), o.weight_budget);
    lw_plan_destroy(plan);
    o.weight_budget--;
    if (i + 1 < ROWS) {
      expect_tiles(&net, &o, rows[i + 1].tiles, NULL);
      continue;
    }
    for (int mode = LW_EXACT; mode <= LW_FAST; mode++)
      for (int k = 0; k < ISAS; k++) {
        lw_context *context;
        size_t weights = 7;
        if (!is_runnable(isas[k])) continue;
        assert_int_equal(lw_context_create(&(lw_context_options){.threads = 1, .isa = isas[k]}, &context), LW_OK);
        o.mode = (lw_mode)mode;
        assert_int_equal(lw_plan_memory(context, &net, &o, &weights, NULL), LW_NO_MEMORY);
        assert_non_null(strstr(lw_error_message(), "weight_budget is"));
        assert_int_equal(weights, 7);
        lw_context_destroy(context);
      }
  }
}

/* VGG16 keeps any budget down to its plain weights; the less, the fewer bytes. */
static void memory_of_vgg16(void **state) {
  (void)state;
  const lw_net *vgg16 = lw_net_builtin("vgg16");
  size_t least, most, before, weights;
  assert_int_equal(lw_plan_memory(NULL, vgg16, NULL, &least, NULL), LW_OK);
  assert_int_equal(lw_plan_memory(NULL, vgg16, &(lw_plan_options){.mode = LW_FAST}, &most, NULL), LW_OK);
  before = most;
  for (size_t budget = most; budget >= least; budget -= (most - least) / 97) {
    assert_int_equal(lw_plan_memory(NULL, vgg16, &(lw_plan_options){.mode = LW_FAST, .weight_budget = budget}, &weights, NULL),
                     LW_OK);
    assert_true(weights <= budget && weights <= before);
    before = weights;
  }
  assert_true(before < most);
}

/* Transformed weights are up to 4 times the kernels, of which VGG16's fully connected layers have none. */
static void plan_memory(void **state) {
  (void)state;
  size_t weights, workspace;
  int64_t parameters;
  char text[8192], sum[96];
  const lw_net *vgg16 = lw_net_builtin("vgg16");
  assert_int_equal(lw_net_parameters(vgg16, &parameters), LW_OK);
  assert_int_equal(lw_plan_memory(NULL, vgg16, &(lw_plan_options){.mode = LW_FAST}, &weights, &workspace), LW_OK);
  const double ratio = (double)(weights + workspace) / (4 * (double)parameters);
  assert_true(ratio <= 1.35);
  lw_plan *plan = make(vgg16, lw_context_isa(NULL), &(lw_plan_options){.mode = LW_FAST});
  assert_true(lw_plan_describe(plan, text, sizeof text) < sizeof text);
  snprintf(sum, sizeof sum, "in all %zu = %.3f x the parameters", lw_plan_weight_bytes(plan) + lw_plan_workspace_bytes(plan),
           (double)(lw_plan_weight_bytes(plan) + lw_plan_workspace_bytes(plan)) / (4 * (double)parameters));
  assert_non_null(strstr(text, sum));
  assert_non_null(strstr(text, "14x14: too few tiles for F(4,3)"));
  lw_plan_destroy(plan);
}

/* A limit never changes an algorithm; it fails, and says which budget may help. */
static void limit_or_budget(void **state) {
  (void)state;
  size_t weights, workspace, budget = 0;
  const lw_net *vgg16 = lw_net_builtin("vgg16");
  lw_plan_options o = {.mode = LW_FAST};
  assert_int_equal(lw_plan_memory(NULL, vgg16, &o, &weights, &workspace), LW_OK);
  o.memory_limit = weights + workspace;
  assert_int_equal(lw_plan_memory(NULL, vgg16, &o, &weights, &workspace), LW_OK);
  o.memory_limit--;
  assert_int_equal(lw_plan_memory(NULL, vgg16, &o, &weights, &workspace), LW_NO_MEMORY);
  const char *hint = strstr(lw_error_message(), "; a weight_budget of ");
  assert_non_null(hint);
  assert_int_equal(sscanf(hint, "; a weight_budget of %zu may fit", &budget), 1);
  o.weight_budget = budget;
  assert_int_equal(lw_plan_memory(NULL, vgg16, &o, &weights, &workspace), LW_OK);
  assert_true(weights + workspace <= o.memory_limit);
}

/* A plan under budgets has the bits of its own definition. */
static void bits(void **state) {
  static const uint64_t seed = 7;
  const lw_weights weights = lw_weights_seeded(&seed);
  static float x[16 * 28 * 28], y[ISAS][10];
  const lw_plan_options options[] = {{.mode = LW_FAST, .accuracy = 9},
                                     {.mode = LW_FAST, .accuracy = 1},
                                     {.mode = LW_FAST, .weight_budget = 4 * (176 + 16 * 64 * 196) + 16 * 4 * (512 + 2048 + 4096)},
                                     {.mode = LW_FAST}};
  (void)state;
  lw_kaiming_uniform(seed, 1000, 6, 0, 16 * 28 * 28, x);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    for (int k = 0; k < ISAS; k++) {
      lw_context *context;
      lw_plan *plan;
      void *workspace;
      if (!is_runnable(isas[k])) continue;
      assert_int_equal(lw_context_create(&(lw_context_options){.threads = 2, .isa = isas[k]}, &context), LW_OK);
      assert_int_equal(lw_plan_create(context, &net, &weights, &options[i], &plan), LW_OK);
      assert_int_equal(lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace), LW_OK);
      assert_int_equal(lw_plan_run(plan, x, y[k], workspace), LW_OK);
      assert_memory_equal(y[k], y[0], sizeof y[0]);
      lw_release(context, workspace);
      lw_plan_destroy(plan);
      lw_context_destroy(context);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(constants_bound_the_error),
      cmocka_unit_test(reasons),
      cmocka_unit_test(reason_of_two_layers),
      cmocka_unit_test(accuracy),
      cmocka_unit_test(memory_order),
      cmocka_unit_test(memory_of_vgg16),
      cmocka_unit_test(plan_memory),
      cmocka_unit_test(limit_or_budget),
      cmocka_unit_test(bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
