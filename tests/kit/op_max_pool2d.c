/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tests/kit/kit.h"
#include "tests/kit/widths.h"

/* A case starts from SHAPE's defaults and overrides some. */
#pragma GCC diagnostic ignored "-Woverride-init"

enum { X, Y, INDEX };

#define SHAPE(n_, c_, ih_, iw_, kernel, stride)                                                                                  \
  .of.pool2d = {.n = n_,                                                                                                         \
                .c = c_,                                                                                                         \
                .ih = ih_,                                                                                                       \
                .iw = iw_,                                                                                                       \
                .kh = kernel,                                                                                                    \
                .kw = kernel,                                                                                                    \
                .stride_h = stride,                                                                                              \
                .stride_w = stride,                                                                                              \
                .dilation_h = 1,                                                                                                 \
                .dilation_w = 1}
#define KERNEL(h, w)   .of.pool2d.kh = h, .of.pool2d.kw = w
#define STRIDE(h, w)   .of.pool2d.stride_h = h, .of.pool2d.stride_w = w
#define PAD(h, w)      .of.pool2d.pad_h = h, .of.pool2d.pad_w = w
#define DILATION(h, w) .of.pool2d.dilation_h = h, .of.pool2d.dilation_w = w
#define CEIL           .of.pool2d.ceil_mode = 1

/* Output widths: with stride 2, the last window ends where the row does. */
#define STRIDE_1(width)                                                                                                          \
  { "s1-w" #width, SHAPE(1, 2, 3, width + 1, 2, 1), .index = 1 }
#define STRIDE_2(width)                                                                                                          \
  { "s2-w" #width, SHAPE(1, 2, 3, 2 * width - 1, 1, 2), .index = 1 }

static const kit_case cases[] = {
    /* channels around blocks and vectors, widths around vectors */
    {"c1", SHAPE(1, 1, 4, 6, 2, 2), .index = 1},
    {"c2", SHAPE(1, 2, 4, 7, 2, 2)},
    {"c3", SHAPE(1, 3, 5, 8, 2, 2), .index = 1},
    {"c4", SHAPE(1, 4, 5, 9, 2, 2)},
    {"c5", SHAPE(1, 5, 4, 10, 2, 2)},
    {"c7", SHAPE(1, 7, 4, 15, 2, 2), .index = 1},
    {"c8", SHAPE(1, 8, 4, 16, 2, 2)},
    {"c9", SHAPE(1, 9, 4, 17, 2, 2)},
    {"c15", SHAPE(1, 15, 4, 18, 2, 2)},
    {"c16", SHAPE(1, 16, 4, 31, 2, 2), .index = 1},
    {"c17", SHAPE(1, 17, 4, 32, 2, 2)},
    {"c31", SHAPE(1, 31, 4, 33, 2, 2)},
    {"c33", SHAPE(1, 33, 4, 34, 2, 2)},
    {"w63", SHAPE(1, 2, 4, 63, 2, 2), .index = 1},
    {"w65", SHAPE(1, 2, 4, 65, 2, 2), .index = 1},
    {"w67-s1", SHAPE(1, 3, 3, 67, 3, 1), .index = 1},
    KIT_WIDTHS(STRIDE_1),
    KIT_WIDTHS(STRIDE_2),
    /* strides, padding, dilation, ceil mode */
    {"k1", SHAPE(1, 3, 3, 5, 1, 1), .index = 1},
    {"k1-s3", SHAPE(1, 3, 7, 20, 1, 3), .index = 1},
    {"k3-s2-p1", SHAPE(1, 17, 9, 11, 3, 2), PAD(1, 1), .index = 1},
    {"k3-s2-p1-blocked", SHAPE(2, 17, 9, 11, 3, 2), PAD(1, 1)},
    {"k3-s2-ceil", SHAPE(1, 5, 8, 12, 3, 2), CEIL, .index = 1},
    {"k3-s2-p1-ceil", SHAPE(1, 5, 8, 12, 3, 2), PAD(1, 1), CEIL},
    {"k2-s2-odd-ceil", SHAPE(1, 20, 7, 13, 2, 2), CEIL},
    {"k2-s2-odd", SHAPE(1, 20, 7, 13, 2, 2), .index = 1},
    {"k2-s3-ceil-drop", SHAPE(1, 3, 4, 4, 2, 3), PAD(1, 1), CEIL, .index = 1},
    {"k2-s5", SHAPE(1, 3, 13, 23, 2, 5), .index = 1},
    {"k2x3", SHAPE(1, 6, 7, 9, 2, 1), KERNEL(2, 3), .index = 1},
    {"k5x1-p2x0", SHAPE(1, 6, 7, 9, 2, 1), KERNEL(5, 1), PAD(2, 0)},
    {"s1x2", SHAPE(1, 6, 7, 19, 3, 1), STRIDE(1, 2), .index = 1},
    {"dilation-2", SHAPE(1, 18, 9, 21, 3, 1), DILATION(2, 2), PAD(1, 1), .index = 1},
    {"dilation-3x1-s2", SHAPE(1, 18, 9, 21, 2, 2), DILATION(3, 1)},
    {"input-is-kernel", SHAPE(1, 4, 3, 3, 3, 3), .index = 1},
    {"kernel-over-input", SHAPE(1, 4, 2, 3, 4, 1), PAD(2, 2), .index = 1},
    {"kernel-over-input-ceil", SHAPE(1, 18, 2, 2, 3, 2), CEIL, .index = 1},
    {"kernel-over-input-ceil-blocked", SHAPE(1, 18, 2, 2, 3, 2), CEIL},
    {"n0", SHAPE(0, 4, 4, 4, 2, 2), .index = 1},
    {"n3", SHAPE(3, 19, 4, 6, 2, 2)},
    /* layers of the shipped networks */
    {"lenet5-s2", SHAPE(1, 6, 28, 28, 2, 2)},
    {"lenet5-s4", SHAPE(1, 16, 10, 10, 2, 2)},
    {"net-p1", SHAPE(1, 64, 28, 28, 2, 2)},
    {"net-p2", SHAPE(1, 128, 10, 10, 2, 2)},
    {"vgg16-p1", SHAPE(1, 64, 224, 224, 2, 2)},
    {"vgg16-p2", SHAPE(1, 128, 112, 112, 2, 2)},
    {"vgg16-p3", SHAPE(1, 256, 56, 56, 2, 2)},
    {"vgg16-p4", SHAPE(1, 512, 28, 28, 2, 2)},
    {"vgg16-p5", SHAPE(1, 512, 14, 14, 2, 2)},
};

static void random_case(kit_random *r, kit_case *c) {
  int64_t oh, ow;
  do {
    lw_pool2d_desc *d = &c->of.pool2d;
    *d = (lw_pool2d_desc){.n = kit_between(r, 1, 2),
                          .c = kit_between(r, 1, 36),
                          .ih = kit_between(r, 1, 16),
                          .iw = kit_between(r, 1, 40),
                          .kh = kit_between(r, 1, 4),
                          .kw = kit_between(r, 1, 4),
                          .stride_h = kit_between(r, 1, 4),
                          .stride_w = kit_between(r, 1, 4),
                          .dilation_h = kit_between(r, 1, 2),
                          .dilation_w = kit_between(r, 1, 2),
                          .ceil_mode = (int)kit_between(r, 0, 1)};
    d->pad_h = kit_between(r, 0, d->kh / 2);
    d->pad_w = kit_between(r, 0, d->kw / 2);
  } while (lw_pool2d_output(&c->of.pool2d, &oh, &ow) != LW_OK);
  c->index = (int)kit_between(r, 0, 1);
}

static int tensors(const kit_case *c, kit_tensor t[KIT_TENSORS]) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh = 0, ow = 0;
  lw_pool2d_output(d, &oh, &ow);
  t[X] = (kit_tensor){"x", KIT_IN, KIT_F32, KIT_4D(d->n, d->c, d->ih, d->iw)};
  t[Y] = (kit_tensor){"y", KIT_OUT, KIT_F32, KIT_4D(d->n, d->c, oh, ow)};
  t[INDEX] = (kit_tensor){c->index ? "index" : NULL, KIT_OUT, KIT_I32, KIT_4D(d->n, d->c, oh, ow)};
  return 3;
}

static void ref(const kit_case *c, void *const t[]) { ref_max_pool2d(&c->of.pool2d, t[X], t[Y], t[INDEX]); }
static void ref64(const kit_case *c, void *const t[]) { ref64_max_pool2d(&c->of.pool2d, t[X], t[Y], t[INDEX]); }

static double flops(const kit_case *c) {
  const lw_pool2d_desc *d = &c->of.pool2d;
  int64_t oh = 0, ow = 0;
  lw_pool2d_output(d, &oh, &ow);
  return (double)(d->n * d->c * oh * ow * d->kh * d->kw);
}

enum { NO_HALOS, HALOS, BLOCKED_VARIANTS };

static int blocked(const lw_kernel *row) { return strcmp(row->algorithm, "blocked") == 0; }
static int variants(const lw_kernel *row, const kit_case *c) {
  (void)c;
  return blocked(row) ? BLOCKED_VARIANTS : 1;
}

static void prepare(kit_run *run) {
  lw_pool2d_args *a = &run->args[0].pool2d;
  const lw_pool2d_desc *d = &run->c->of.pool2d;
  static const int64_t none[4] = {0, 0, 0, 0}, in_halo[4] = {1, 1, 2, 2}, out_halo[4] = {2, 1, 1, 3};
  *a = (lw_pool2d_args){.desc = *d, .index = run->t[INDEX]};
  lw_pool2d_output(d, &a->oh, &a->ow);
  if (!blocked(run->row)) {
    a->x = lw_view_plain(run->t[X], d->c, d->ih, d->iw);
    a->y = lw_view_plain(run->t[Y], d->c, a->oh, a->ow);
    return;
  }
  const int halos = run->variant == HALOS;
  a->x = kit_view_allocate(run, KIT_IN, d->n, d->c, d->ih, d->iw, LW_BLOCK, halos ? in_halo : NULL);
  a->y = kit_view_allocate(run, KIT_OUT, d->n, d->c, a->oh, a->ow, LW_BLOCK, halos ? out_halo : NULL);
  /* The halo of x stays NaN: padding is never a candidate, whatever a convolution before has left there. */
  if (a->x.p) kit_view_fill(&a->x, d->n, d->c, run->t[X], none);
  if (a->index) a->index = (int32_t *)(void *)kit_view_allocate(run, KIT_OUT, d->n, d->c, a->oh, a->ow, LW_BLOCK, NULL).p;
}

static void collect(kit_run *run) {
  const lw_pool2d_args *a = &run->args[0].pool2d;
  if (!blocked(run->row)) return;
  kit_view_collect(run, &a->y, a->desc.n, a->desc.c, run->t[Y]);
  const lw_view index = lw_view_make((float *)(void *)a->index, a->desc.c, a->oh, a->ow, LW_BLOCK, (const int64_t[4]){0});
  if (a->index) kit_view_collect(run, &index, a->desc.n, a->desc.c, run->t[INDEX]);
}

static lw_status call(lw_context *context, const kit_case *c, void *const t[]) {
  return lw_max_pool2d(context, &c->of.pool2d, t[X], t[Y], t[INDEX]);
}

static const kit_parameter parameters[] = {KIT_POOL2D_PARAMETERS, KIT_FLAG(index, index), {0}};

const kit_op kit_op_max_pool2d = {
    .op = LW_OP_max_pool2d,
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .random = random_case,
    .tensors = tensors,
    .parameters = parameters,
    .ref = ref,
    .ref64 = ref64,
    .exact_on_integers = 1,
    .flops = flops,
    .variants = variants,
    .prepare = prepare,
    .collect = collect,
    .call = call,
};
