/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tests/kit/kit.h"

enum { X, W, BIAS, Y };

#define SHAPE(n_, in_, out_) .of.linear = {.n = n_, .in = in_, .out = out_}
/* Outputs around blocks of 16 and groups of 1 to 8 blocks, inputs around chunks of 2048/blocks, rows around tiles of 6 and 8 and
 * shares of 32. */
static const kit_case cases[] = {
    {"1x1x1", SHAPE(1, 1, 1), .bias = 1},
    {"1x1x2", SHAPE(1, 1, 2)},
    {"1x2x3", SHAPE(1, 2, 3), .bias = 1, .relu = 1},
    {"1x3x4", SHAPE(1, 3, 4), .bias = 1},
    {"1x7x5", SHAPE(1, 7, 5), .bias = 1},
    {"1x13x7", SHAPE(1, 13, 7), .relu = 1},
    {"1x13x8", SHAPE(1, 13, 8), .bias = 1},
    {"1x13x9", SHAPE(1, 13, 9), .bias = 1},
    {"1x17x15", SHAPE(1, 17, 15)},
    {"1x17x16", SHAPE(1, 17, 16), .bias = 1, .relu = 1},
    {"1x17x17", SHAPE(1, 17, 17), .bias = 1},
    {"1x31x31", SHAPE(1, 31, 31), .relu = 1},
    {"1x32x32", SHAPE(1, 32, 32), .bias = 1},
    {"1x33x33", SHAPE(1, 33, 33), .bias = 1},
    {"1x5x63", SHAPE(1, 5, 63), .bias = 1},
    {"1x5x65", SHAPE(1, 5, 65), .bias = 1},
    {"1x5x127", SHAPE(1, 5, 127), .bias = 1},
    {"1x5x129", SHAPE(1, 5, 129)},
    {"1x511x20", SHAPE(1, 511, 20), .bias = 1},
    {"1x513x20", SHAPE(1, 513, 20), .bias = 1},
    {"2x512x17", SHAPE(2, 512, 17), .bias = 1, .relu = 1},
    {"3x513x33", SHAPE(3, 513, 33), .bias = 1, .relu = 1},
    {"4x1025x5", SHAPE(4, 1025, 5)},
    {"5x9x16", SHAPE(5, 9, 16), .bias = 1},
    {"6x9x17", SHAPE(6, 9, 17)},
    {"7x9x31", SHAPE(7, 9, 31), .bias = 1},
    {"8x9x33", SHAPE(8, 9, 33), .bias = 1, .relu = 1},
    {"9x10x65", SHAPE(9, 10, 65), .bias = 1},
    {"11x600x20", SHAPE(11, 600, 20), .bias = 1},
    {"31x5x10", SHAPE(31, 5, 10), .bias = 1},
    {"32x5x10", SHAPE(32, 5, 10), .bias = 1},
    {"33x5x10", SHAPE(33, 5, 10), .bias = 1},
    {"2x255x130", SHAPE(2, 255, 130), .bias = 1, .relu = 1},
    {"2x257x129", SHAPE(2, 257, 129), .bias = 1, .relu = 1},
    {"3x300x120", SHAPE(3, 300, 120), .bias = 1},
    {"4x343x100", SHAPE(4, 343, 100), .bias = 1, .relu = 1},
    {"5x513x70", SHAPE(5, 513, 70)},
    {"6x700x65", SHAPE(6, 700, 65), .bias = 1},
    {"7x683x49", SHAPE(7, 683, 49), .bias = 1, .relu = 1},
    {"8x682x48", SHAPE(8, 682, 48), .bias = 1},
    {"17x684x50", SHAPE(17, 684, 50), .bias = 1, .relu = 1},
    {"9x2049x5", SHAPE(9, 2049, 5), .bias = 1},
    {"65x7x48", SHAPE(65, 7, 48), .bias = 1, .relu = 1},
    {"97x530x3", SHAPE(97, 530, 3), .bias = 1},
    {"n0", SHAPE(0, 5, 10), .bias = 1},
    {"from-memory", SHAPE(1, 16411, 34), .bias = 1},
    /* layers of the shipped networks */
    {"lenet5-f5", SHAPE(1, 400, 120), .bias = 1, .relu = 1},
    {"lenet5-f6", SHAPE(1, 120, 84), .bias = 1, .relu = 1},
    {"lenet5-out", SHAPE(1, 84, 10), .bias = 1},
    {"lenet5-f5-n64", SHAPE(64, 400, 120), .bias = 1, .relu = 1},
    {"mlp-1", SHAPE(1, 784, 300), .bias = 1, .relu = 1},
    {"mlp-2", SHAPE(1, 300, 100), .bias = 1, .relu = 1},
    {"mlp-3", SHAPE(1, 100, 10), .bias = 1},
    {"net-fc", SHAPE(1, 3200, 10), .bias = 1},
    {"net-fc-n8", SHAPE(8, 3200, 10), .bias = 1},
    {"vgg16-fc6", SHAPE(1, 25088, 4096), .bias = 1, .relu = 1},
    {"vgg16-fc7", SHAPE(1, 4096, 4096), .bias = 1, .relu = 1},
    {"vgg16-fc8", SHAPE(1, 4096, 1000), .bias = 1},
};

static void random_case(kit_random *r, kit_case *c) {
  const int64_t n = kit_between(r, 0, 1) ? 1 : kit_between(r, 1, 70);
  c->of.linear = (lw_linear_desc){n, kit_between(r, 1, 1100), kit_between(r, 1, n > 1 ? 40 : 300)};
  c->bias = kit_between(r, 0, 3) > 0;
  c->relu = kit_between(r, 0, 1) > 0;
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_linear_desc *d = &c->of.linear;
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_2D(d->n, d->in)};
  t[W] = (kit_tensor){"w", KIT_WEIGHTS, KIT_F32, KIT_2D(d->out, d->in)};
  t[BIAS] = (kit_tensor){c->bias ? "bias" : NULL, KIT_WEIGHTS, KIT_F32, KIT_1D(d->out)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_2D(d->n, d->out)};
  return 4;
}

static void ref(const kit_case *c, void *const t[]) {
  ref_linear(&c->of.linear, t[X], t[W], t[BIAS], t[Y]);
  if (c->relu) ref_relu(c->of.linear.n * c->of.linear.out, t[Y], t[Y]);
}

static void ref64(const kit_case *c, void *const t[]) {
  ref64_linear(&c->of.linear, t[X], t[W], t[BIAS], t[Y]);
  if (c->relu) ref64_relu(c->of.linear.n * c->of.linear.out, t[Y], t[Y]);
}

/* relu brings no two numbers further apart. */
static void bound(const kit_case *c, void *const t[], kit_order order, double *bounds) {
  const lw_linear_desc *d = &c->of.linear;
  const double *x = t[X], *w = t[W], *bias = t[BIAS];
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t o = 0; o < d->out; o++) {
      kit_chain k = kit_chain_start(bias ? bias[o] : 0);
      for (int64_t i = 0; i < d->in; i++) kit_chain_fma(&k, x[n * d->in + i], w[o * d->in + i]);
      *bounds++ = kit_chain_bound(&k, order);
    }
}

static double flops(const kit_case *c) {
  return 2.0 * (double)c->of.linear.n * (double)c->of.linear.in * (double)c->of.linear.out;
}

/* Outputs are alike; 16 keeps the tail of a block. */
static void cut(kit_case *c) {
  int64_t *out = &c->of.linear.out;
  if (*out > 64) *out = 48 + (*out % LW_BLOCK ? *out % LW_BLOCK : LW_BLOCK);
}

static int is_panels(const lw_kernel *row) { return strcmp(row->algorithm, "panels") == 0; }

/* How x lies: rows of inputs, blocks of channels that have several pixels, or one. */
enum { PLAIN, PLANES, PIXELS, PANEL_VARIANTS };

static int variants(const lw_kernel *row, const kit_case *c) {
  (void)c;
  return is_panels(row) ? PANEL_VARIANTS : 1;
}

static int64_t largest_divisor(int64_t in, int64_t most) {
  while (in % most) most--;
  return most;
}

static void prepare(kit_run *run) {
  lw_linear_args *a = &run->args[0].linear;
  const lw_linear_desc d = run->c->of.linear;
  *a = (lw_linear_args){.desc = d, .x = run->t[X], .y = run->t[Y], .relu = run->c->relu};
  const int panels = is_panels(run->row);
  a->w = panels ? kit_pack_weights(run, d.out, d.in, run->t[W]) : run->t[W];
  a->bias = run->t[BIAS];
  if (strcmp(run->row->algorithm, "plain") == 0) {
    a->scratch_stride = LW_LINEAR_PLAIN_SCRATCH;
    a->scratch = kit_run_allocate(run, KIT_SCRATCH, a->scratch_stride * (size_t)run->parts);
  }
  if (run->variant == PLAIN) return;
  a->x_plane = run->variant == PLANES ? largest_divisor(d.in, 25) : 1;
  const lw_view x = kit_view_allocate(run, KIT_IN, d.n, d.in / a->x_plane, 1, a->x_plane, LW_BLOCK, NULL);
  a->x = x.p;
  if (x.p) kit_view_fill(&x, d.n, d.in / a->x_plane, run->t[X], NULL);
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_linear(context, &c->of.linear, t[X], t[W], t[BIAS], t[Y]);
}

static const kit_parameter parameters[] = {KIT_SIZE(n, of.linear.n), KIT_SIZE(in, of.linear.in), KIT_SIZE(out, of.linear.out),
                                           KIT_FLAG(bias, bias),     KIT_FLAG(relu, relu),       {0}};

const kit_op kit_op_linear = {
    .op = LW_OP_linear,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .bound = bound,
    .exact_on_integers = 1,
    .flops = flops,
    .cut = cut,
    .variants = variants,
    .prepare = prepare,
    .call = call,
};
