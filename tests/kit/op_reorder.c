/* SPDX-License-Identifier: Apache-2.0
 * Changes of layout: whatever the two views are, the values stay. */
#include <string.h>
#include "tests/kit/kit.h"

enum { X, Y };

#define SHAPE(n_, c_, h_, w_) .of.image = {.n = n_, .c = c_, .h = h_, .w = w_}
static const kit_case cases[] = {
    {"1x1x1x1", SHAPE(1, 1, 1, 1)},         {"1x3x5x7", SHAPE(1, 3, 5, 7)},
    {"2x15x3x4", SHAPE(2, 15, 3, 4)},       {"1x16x4x17", SHAPE(1, 16, 4, 17)},
    {"2x17x2x9", SHAPE(2, 17, 2, 9)},       {"1x33x6x8", SHAPE(1, 33, 6, 8)},
    {"3x48x3x3", SHAPE(3, 48, 3, 3)},       {"n0", SHAPE(0, 5, 4, 4)},
    {"17x3x2x9", SHAPE(17, 3, 2, 9)},       {"48x5x1x1", SHAPE(48, 5, 1, 1)},
    {"vgg16-input", SHAPE(1, 3, 224, 224)},
};

static void random_case(kit_random *r, kit_case *c) {
  c->of.image.n = kit_between(r, 1, 3);
  c->of.image.c = kit_between(r, 1, 50);
  c->of.image.h = kit_between(r, 1, 12);
  c->of.image.w = kit_between(r, 1, 30);
}

static int64_t count(const kit_case *c) { return c->of.image.n * c->of.image.c * c->of.image.h * c->of.image.w; }

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(c->of.image.n, c->of.image.c, c->of.image.h, c->of.image.w)};
  return 2;
}

static void ref(const kit_case *c, void *const t[]) { memcpy(t[Y], t[X], (size_t)count(c) * sizeof(float)); }
static double flops(const kit_case *c) { return (double)count(c); }

enum { TO_BLOCKS, FROM_BLOCKS, BETWEEN_BLOCKS, TO_PLAIN_HALO, TO_SAMPLES, FROM_SAMPLES, VARIANTS };
static int variants(const lw_kernel *row, const kit_case *c) {
  (void)row, (void)c;
  return VARIANTS;
}

static void prepare(kit_run *run) {
  lw_reorder_args *a = &run->args[0].reorder;
  const int64_t n = run->c->of.image.n, c = run->c->of.image.c, h = run->c->of.image.h, w = run->c->of.image.w;
  static const int64_t none[4] = {0, 0, 0, 0}, in_halo[4] = {2, 0, 1, 1}, out_halo[4] = {1, 2, 0, 3};
  const int x_block = run->variant == FROM_BLOCKS || run->variant == BETWEEN_BLOCKS ? LW_BLOCK : 1;
  const int y_block = run->variant == TO_BLOCKS || run->variant == BETWEEN_BLOCKS ? LW_BLOCK : 1;
  *a = (lw_reorder_args){.n = n, .c = c, .to_samples = run->variant == TO_SAMPLES, .from_samples = run->variant == FROM_SAMPLES};
  if (a->to_samples) {
    a->x = lw_view_plain(run->t[X], c, h, w);
    a->y = kit_samples_allocate(run, KIT_OUT, n, c, h, w, out_halo);
    return;
  }
  if (a->from_samples) {
    a->x = kit_samples_allocate(run, KIT_IN, n, c, h, w, in_halo);
    a->y = lw_view_plain(run->t[Y], c, h, w);
    if (a->x.p) kit_samples_fill(run, &a->x, n, c, run->t[X], none);
    return;
  }
  a->x = kit_view_allocate(run, KIT_IN, n, c, h, w, x_block, x_block > 1 ? in_halo : NULL);
  a->y = kit_view_allocate(run, KIT_OUT, n, c, h, w, y_block, run->variant == FROM_BLOCKS ? NULL : out_halo);
  if (a->x.p) kit_view_fill(&a->x, n, c, run->t[X], none);
}

/* Channel padding of y must be +0. */
static void check_channel_padding(kit_run *run, const lw_reorder_args *a) {
  if (a->y.c_block == 1 || a->c % LW_BLOCK == 0) return;
  for (int64_t n = 0; n < a->n; n++)
    for (int64_t h = 0; h < a->y.h; h++)
      for (int64_t w = 0; w < a->y.w; w++)
        for (int64_t lane = a->c % LW_BLOCK; lane < LW_BLOCK; lane++) {
          uint32_t bits;
          memcpy(&bits, lw_view_at(&a->y, n, a->c / LW_BLOCK, h, w) + lane, sizeof bits);
          if (bits != 0) strcpy(run->error, "channel padding of y is not +0");
        }
}

/* Likewise lanes without a sample. */
static void check_missing_samples(kit_run *run, const lw_reorder_args *a) {
  for (int64_t n = a->n; n < LW_SAMPLES(a->n) * LW_BLOCK; n++)
    for (int64_t c = 0; c < a->c; c++)
      for (int64_t h = 0; h < a->y.h; h++)
        for (int64_t w = 0; w < a->y.w; w++) {
          uint32_t bits;
          memcpy(&bits, lw_view_at(&a->y, n / LW_BLOCK, c, h, w) + n % LW_BLOCK, sizeof bits);
          if (bits != 0) strcpy(run->error, "a missing sample of y is not +0");
        }
}

static void collect(kit_run *run) {
  const lw_reorder_args *a = &run->args[0].reorder;
  if (a->from_samples) return;
  if (a->to_samples) {
    kit_samples_collect(run, &a->y, a->n, a->c, run->t[Y]);
    check_missing_samples(run, a);
    return;
  }
  kit_view_collect(run, &a->y, a->n, a->c, run->t[Y]);
  check_channel_padding(run, a);
}

static const kit_parameter parameters[] = {
    KIT_SIZE(n, of.image.n), KIT_SIZE(c, of.image.c), KIT_SIZE(h, of.image.h), KIT_SIZE(w, of.image.w), {0}};

const kit_op kit_op_reorder = {
    .op = LW_OP_reorder,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .exact_on_integers = 1,
    .flops = flops,
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
};
