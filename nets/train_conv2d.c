/* SPDX-License-Identifier: Apache-2.0
 * Convolutions of a trainer. Where channels fill whole vectors they go through the kernels on 16-channel blocks, with weights
 * packed anew in every step: some rows of one image at a time, whose blocks stay in cache. What is kept is plain. In mode fast
 * the convolution and its gradient to data take the algorithm that the recipe has for them, on every ISA. */
#include "nets/trainer.h"
#include "runtime/topology.h"

static double macs_of(const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  return (double)d->n * (double)(d->oc * oh * ow) * (double)(d->ic / d->groups * d->kh * d->kw);
}

/* -------------------------------------------------------------------------------------------------------------- pieces */

static int64_t panels_of(int64_t channels) { return (channels + LW_BLOCK - 1) / LW_BLOCK; }
static size_t bytes_of(const lw_view *v) { return lw_lines((size_t)v->n_stride * sizeof(float)); }

/* The inputs of `rows` rows of outputs, with padding beside them but not above and below; rows there are rows of zeros. */
static lw_view piece_of_x(const lw_conv2d_desc *d, int64_t rows) {
  const int64_t height = (rows - 1) * d->stride_h + d->dilation_h * (d->kh - 1) + 1;
  return lw_view_make(NULL, d->ic, height, d->iw, d->ic < LW_BLOCK ? 1 : LW_BLOCK,
                      (const int64_t[4]){0, d->pad_left, 0, d->pad_right});
}
static lw_view piece_of_y(const lw_conv2d_desc *d, int64_t rows, int64_t ow) {
  return lw_view_make(NULL, d->oc, rows, ow, LW_BLOCK, (const int64_t[4]){0});
}

/* Rows of outputs per piece: inputs and outputs fit into half of L2, unless Winograd's weights come from memory for each piece.
 * Then and else no more than `most`, whole multiples of `each` if so many fit, and of Winograd's tiles. */
static int64_t rows_of(const lw_trainer *t, const lw_conv2d_desc *d, int64_t oh, int64_t ow, int m, int64_t each, int64_t most) {
  const size_t row = bytes_of(&(lw_view){.n_stride = piece_of_x(d, 2).n_stride - piece_of_x(d, 1).n_stride}) +
                     (size_t)piece_of_y(d, 1, ow).n_stride * sizeof(float);
  const int is_large = m && (size_t)lw_winograd_count(m, (int)d->kh, d->oc, d->ic) * sizeof(float) >= 8 * t->l2_bytes;
  int64_t rows = is_large ? oh : (int64_t)(t->l2_bytes / 2 / row);
  if (rows > most) rows = most;
  if (rows >= oh) return oh;
  if (rows < 1) rows = 1;
  const int64_t pieces = (oh + rows - 1) / rows, even = (oh + pieces - 1) / pieces;
  if (m) return even > m ? even / m * m : m;
  return even > each ? even / each * each : even;
}

/* A share of filling `piece` from row `top` of a plain image on. */
static void fill(const lw_view *piece, int64_t c, lw_view image, int64_t top, lw_part part) {
  const int64_t first = top < 0 ? -top : 0, end = image.h - top < piece->h ? image.h - top : piece->h;
  lw_args args = {.reorder = {.n = 1, .c = c, .x = image, .y = *piece}};
  args.reorder.x.p += (top + first) * image.row_stride;
  args.reorder.y.p += first * piece->row_stride;
  args.reorder.y.h = end > first ? end - first : 0;
  lw_reorder(&args, part);
  if (part.index > 0) return;
  for (int64_t h = 0; h < piece->h; h++)
    for (int64_t block = 0; (h < first || h >= end) && block * piece->c_block < c; block++)
      memset(lw_view_at(piece, 0, block, h, -piece->left), 0, (size_t)piece->row_stride * sizeof(float));
}

/* ------------------------------------------------------------------------------------------------------------- weights */

typedef struct packing {
  const lw_conv2d_desc *d;
  enum { PACK, TURN, UNPACK } what;
  int m; /* not 0: transformed for Winograd's tiles of m x m */
  const float *from;
  float *to;
} packing;

static void pack_part(void *user, int part, int parts) {
  const packing *p = user;
  const lw_conv2d_desc *d = p->d;
  const int64_t k = d->ic * d->kh * d->kw;
  int64_t begin, end;
  lw_share(panels_of(p->what == TURN ? d->ic : d->oc), (lw_part){part, parts}, &begin, &end);
  if (p->what == PACK && p->m)
    lw_pack_winograd(p->m, (int)d->kh, d->oc, d->ic, begin, end, p->from + begin * LW_BLOCK * k, p->to);
  else if (p->what == PACK)
    lw_pack_weights(d->oc, k, begin, end, p->from + begin * LW_BLOCK * k, p->to + begin * LW_BLOCK * k);
  else if (p->what == TURN && p->m)
    lw_pack_winograd_turned(p->m, d, begin, end, p->from, p->to);
  else if (p->what == TURN)
    lw_pack_turned(d, begin, end, p->from, p->to);
  else
    lw_unpack_weights(d->oc, k, begin, end, p->from, p->to);
}

static void pack(const lw_trainer *t, const packing *p) {
  const lw_conv2d_desc *d = p->d;
  lw_parallel(t->context, lw_kernel_parts(t->context, d->oc * d->ic * d->kh * d->kw), pack_part, (void *)p);
}

/* ----------------------------------------------------------------------------------- forward, and the gradient to data */

/* A convolution from plain x to plain y. */
typedef struct convolution {
  lw_conv2d_desc desc;
  int64_t oh, ow;
  const lw_recipe *recipe;
  int64_t rows; /* of a piece */
  const lw_kernel *kernel;
  lw_winograd_block block;
  const float *x, *w, *bias;
  float *y;
  int relu;
  char *scratch; /* per part: the blocks of a piece */
  size_t scratch_stride;
} convolution;

static size_t piece_bytes(const lw_conv2d_desc *d, int64_t rows, int64_t ow) {
  const lw_view x = piece_of_x(d, rows), y = piece_of_y(d, rows, ow);
  return bytes_of(&x) + bytes_of(&y);
}

static int tile_of(const lw_recipe *recipe) { return recipe ? recipe->winograd : 0; }

static lw_winograd_block block_of(const lw_trainer *t, const lw_conv2d_desc *d, const lw_recipe *recipe, int64_t rows,
                                  int64_t ow) {
  lw_conv2d_desc piece = *d;
  piece.n = 1;
  return lw_winograd_choose_block(recipe->winograd, &piece, rows, ow, t->context->isa, t->l2_bytes);
}

/* Scratch of a part: the piece, then the kernel's. */
static size_t convolution_bytes(const lw_trainer *t, const lw_conv2d_desc *d, const lw_recipe *recipe, int64_t rows, int64_t ow) {
  const size_t bytes = piece_bytes(d, rows, ow);
  return recipe ? bytes + lw_winograd_scratch(recipe->winograd, d, block_of(t, d, recipe, rows, ow), 0) : bytes;
}

static void convolve_piece(const convolution *c, int64_t image, int64_t h, int64_t rows, char *scratch) {
  const lw_conv2d_desc *d = &c->desc;
  lw_args args = {.conv2d = {.desc = *d, .oh = rows, .ow = c->ow, .w = c->w, .bias = c->bias, .relu = c->relu}};
  lw_conv2d_args *a = &args.conv2d;
  a->x = lw_view_place(piece_of_x(d, rows), (float *)(void *)scratch);
  a->y = lw_view_place(piece_of_y(d, rows, c->ow), (float *)(void *)(scratch + bytes_of(&a->x)));
  a->desc.n = 1;
  a->desc.ih = a->x.h;
  a->desc.pad_top = a->desc.pad_bottom = 0;
  a->block = c->block;
  a->scratch = scratch + piece_bytes(d, rows, c->ow);
  const lw_part all = {0, 1};
  fill(&a->x, d->ic, lw_view_plain(c->x + image * d->ic * d->ih * d->iw, d->ic, d->ih, d->iw), h * d->stride_h - d->pad_top, all);
  c->kernel->fn(&args, all);
  lw_view y = lw_view_plain(c->y + image * d->oc * c->oh * c->ow, d->oc, c->oh, c->ow);
  y.p += h * y.row_stride;
  y.h = rows;
  const lw_args back = {.reorder = {.n = 1, .c = d->oc, .x = a->y, .y = y}};
  lw_reorder(&back, all);
}

static void convolve_part(void *user, int part, int parts) {
  const convolution *c = user;
  const int64_t pieces = (c->oh + c->rows - 1) / c->rows;
  int64_t begin, end;
  lw_share(c->desc.n * pieces, (lw_part){part, parts}, &begin, &end);
  for (int64_t i = begin; i < end; i++) {
    const int64_t h = i % pieces * c->rows, rows = c->oh - h < c->rows ? c->oh - h : c->rows;
    convolve_piece(c, i / pieces, h, rows, c->scratch + (size_t)part * c->scratch_stride);
  }
}

static void convolve(const lw_trainer *t, convolution *c) {
  c->kernel = lw_train_kernel(t, LW_OP_conv2d, c->recipe ? c->recipe->algorithm : "direct");
  if (c->recipe) c->block = block_of(t, &c->desc, c->recipe, c->rows, c->ow);
  c->scratch = t->scratch;
  c->scratch_stride = convolution_bytes(t, &c->desc, c->recipe, c->rows, c->ow);
  const int64_t work = lw_mac_work(t->context, macs_of(&c->desc, c->oh, c->ow), 0);
  lw_parallel(t->context, lw_kernel_parts(t->context, work), convolve_part, c);
}

/* Floats of packed weights from `ic` to `oc` channels. */
static int64_t weight_count(int64_t oc, int64_t ic, const lw_conv2d_desc *d, int m) {
  return m ? lw_winograd_count(m, (int)d->kh, oc, ic) : lw_packed_count(oc, ic * d->kh * d->kw);
}

static void forward_blocked(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *d, const float *x) {
  const int m = tile_of(l->forward);
  float *const bias = t->packed + weight_count(d->oc, d->ic, d, m);
  pack(t, &(packing){d, PACK, m, lw_train_weights(t, l->tensor), t->packed});
  memset(bias, 0, (size_t)lw_packed_count(d->oc, 1) * sizeof *bias);
  if (l->has_bias) memcpy(bias, lw_train_weights(t, l->tensor + 1), (size_t)d->oc * sizeof *bias);
  convolve(t, &(convolution){.desc = *d,
                             .oh = l->out.h,
                             .ow = l->out.w,
                             .recipe = l->forward,
                             .rows = l->rows.forward,
                             .x = x,
                             .y = l->y,
                             .w = t->packed,
                             .bias = bias,
                             .relu = l->has_relu});
}

static void data_blocked(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *d, const float *dy, float *dx) {
  pack(t, &(packing){d, TURN, tile_of(l->data), lw_train_weights(t, l->tensor), t->packed});
  convolve(t, &(convolution){.desc = lw_conv2d_turned(d, l->out.h, l->out.w),
                             .oh = d->ih,
                             .ow = d->iw,
                             .recipe = l->data,
                             .rows = l->rows.data,
                             .x = dy,
                             .y = dx,
                             .w = t->packed});
}

/* ---------------------------------------------------------------------------------------------- the gradient to weights */

typedef struct filling {
  const lw_conv2d_desc *d;
  lw_view x, dy, x_image, dy_image;
  int64_t h;
} filling;

static void fill_part(void *user, int part, int parts) {
  const filling *f = user;
  const lw_conv2d_desc *d = f->d;
  fill(&f->x, d->ic, f->x_image, f->h * d->stride_h - d->pad_top, (lw_part){part, parts});
  fill(&f->dy, d->oc, f->dy_image, f->h, (lw_part){part, parts});
}

/* All threads fill the blocks of a piece, then compute weights from them; the sums of an image rest until its last piece. */
static void weights_blocked(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *d, const float *x,
                            const float *dy) {
  const lw_kernel *const kernel = lw_train_kernel(t, LW_OP_conv2d_backward_weights, "blocked");
  const int64_t oh = l->out.h, ow = l->out.w, most = l->rows.weights;
  const lw_view most_x = piece_of_x(d, most), most_dy = piece_of_y(d, most, ow);
  char *const dy_scratch = t->scratch + bytes_of(&most_x);
  for (int64_t n = 0; n < d->n; n++)
    for (int64_t h = 0, rows; h < oh; h += rows) {
      rows = oh - h < most ? oh - h : most;
      filling f = {.d = d, .h = h};
      f.x = lw_view_place(piece_of_x(d, rows), (float *)(void *)t->scratch);
      f.dy = lw_view_place(piece_of_y(d, rows, ow), (float *)(void *)dy_scratch);
      f.x_image = lw_view_plain(x + n * d->ic * d->ih * d->iw, d->ic, d->ih, d->iw);
      f.dy_image = lw_view_plain(dy + n * d->oc * oh * ow, d->oc, oh, ow);
      lw_parallel(t->context, lw_kernel_parts(t->context, d->ic * f.x.h * d->iw + d->oc * rows * ow), fill_part, &f);

      lw_args args = {.conv2d_backward = {.desc = *d, .oh = rows, .ow = ow, .x_view = f.x, .dy_view = f.dy, .out = t->packed}};
      lw_conv2d_backward_args *a = &args.conv2d_backward;
      a->desc.n = 1;
      a->desc.ih = f.x.h;
      a->desc.pad_top = a->desc.pad_bottom = 0;
      a->follows = h > 0;
      a->unfinished = h + rows < oh;
      a->adds = n > 0;
      a->scratch = dy_scratch + bytes_of(&most_dy);
      lw_kernel_run(t->context, kernel, &args, lw_mac_work(t->context, macs_of(&a->desc, rows, ow), 0));
    }
  pack(t, &(packing){.d = d, .what = UNPACK, .from = t->packed, .to = lw_train_gradient(t, l->tensor)});
}

/* -------------------------------------------------------------------------------------------------------------- layers */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static const lw_recipe *recipe_of(const lw_trainer *t, lw_op op, const lw_conv2d_desc *d) {
  int64_t oh, ow;
  if (lw_conv2d_output(d, &oh, &ow) != LW_OK) return NULL;
  const lw_recipe *r =
      op == LW_OP_conv2d ? lw_recipe_conv2d(t->mode, d, oh, ow) : lw_recipe_conv2d_backward_data(t->mode, d, oh, ow);
  return r && lw_kernel_find(op, t->context->isa, r->algorithm) ? r : NULL; /* autovec has none */
}

int lw_train_conv2d_is_fast(const lw_trainer *t, const lw_conv2d_desc *d) {
  return recipe_of(t, LW_OP_conv2d, d) || recipe_of(t, LW_OP_conv2d_backward_data, d);
}

void lw_train_conv2d_plan(const lw_trainer *t, const lw_conv2d_desc *d, lw_training_layer *l, size_t *scratch, int64_t *packed) {
  const size_t threads = (size_t)t->context->threads;
  const int64_t oh = l->out.h, ow = l->out.w, share = t->context->threads > 1 ? 2 * t->context->threads : 1;
  l->rows = (lw_training_rows){0};
  l->forward = recipe_of(t, LW_OP_conv2d, d);
  l->data = recipe_of(t, LW_OP_conv2d_backward_data, d);
  *scratch = 0;
  *packed = 0;
  if (!lw_isa_is_simd(t->context->isa)) return;
  const int fits = d->groups == 1 && d->oc >= LW_BLOCK, turns = fits && d->ic >= LW_BLOCK && lw_conv2d_can_turn(d);
  if (fits) {
    const int m = tile_of(l->forward);
    const int64_t weights = lw_packed_count(d->oc, d->ic * d->kh * d->kw);
    l->rows.forward = rows_of(t, d, oh, ow, m, lw_conv2d_direct_rows(ow), d->n * oh / share);
    l->rows.weights = rows_of(t, d, oh, ow, 0, 1, oh);
    *packed = weight_count(d->oc, d->ic, d, m) + lw_packed_count(d->oc, 1);
    *scratch = larger(threads * convolution_bytes(t, d, l->forward, l->rows.forward, ow),
                      piece_bytes(d, l->rows.weights, ow) + lw_lines((size_t)weights * sizeof(float)));
  } else {
    *scratch = threads * larger(lw_conv2d_plain_scratch(d), lw_conv2d_backward_scratch(LW_OP_conv2d_backward_weights, d));
  }
  if (turns) {
    const lw_conv2d_desc turned = lw_conv2d_turned(d, oh, ow);
    const int m = tile_of(l->data);
    l->rows.data = rows_of(t, &turned, d->ih, d->iw, m, lw_conv2d_direct_rows(d->iw), d->n * d->ih / share);
    const int64_t count = weight_count(d->ic, d->oc, d, m);
    if (count > *packed) *packed = count;
    *scratch = larger(*scratch, threads * convolution_bytes(t, &turned, l->data, l->rows.data, d->iw));
  } else {
    *scratch = larger(*scratch, threads * lw_conv2d_backward_scratch(LW_OP_conv2d_backward_data, d));
  }
}

void lw_train_conv2d(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *d, const float *x) {
  if (l->rows.forward) {
    forward_blocked(t, l, d, x);
    return;
  }
  const lw_args args = {.conv2d = {.desc = *d,
                                   .oh = l->out.h,
                                   .ow = l->out.w,
                                   .x = lw_view_plain(x, d->ic, d->ih, d->iw),
                                   .y = lw_view_plain(l->y, d->oc, l->out.h, l->out.w),
                                   .w = lw_train_weights(t, l->tensor),
                                   .bias = l->has_bias ? lw_train_weights(t, l->tensor + 1) : NULL,
                                   .scratch = t->scratch,
                                   .scratch_stride = lw_conv2d_plain_scratch(d)}};
  const lw_kernel *kernel = l->forward ? lw_kernel_find(LW_OP_conv2d, t->context->isa, l->forward->algorithm)
                                       : lw_train_kernel(t, LW_OP_conv2d, lw_conv2d_plain_algorithm(d));
  lw_kernel_run(t->context, kernel, &args, lw_mac_work(t->context, macs_of(d, l->out.h, l->out.w), 0));
}

/* On plain tensors. */
static void gradient(const lw_trainer *t, const lw_training_layer *l, lw_op op, const lw_conv2d_desc *d,
                     lw_conv2d_backward_args a) {
  const double outputs = (double)d->n * (double)lw_shape_size(l->out);
  a.desc = *d;
  a.oh = l->out.h;
  a.ow = l->out.w;
  a.scratch = t->scratch;
  a.scratch_stride = lw_conv2d_backward_scratch(op, d);
  const lw_args args = {.conv2d_backward = a};
  const double work = op == LW_OP_conv2d_backward_bias ? outputs : macs_of(d, a.oh, a.ow);
  const char *algorithm = op == LW_OP_conv2d_backward_data && l->data ? l->data->algorithm : NULL;
  lw_kernel_run(t->context, lw_kernel_find(op, t->context->isa, algorithm), &args, lw_mac_work(t->context, work, 0));
}

void lw_train_conv2d_backward(const lw_trainer *t, const lw_training_layer *l, const lw_conv2d_desc *d, const float *x,
                              const float *dy, float *dx) {
  if (l->rows.weights)
    weights_blocked(t, l, d, x, dy);
  else
    gradient(t, l, LW_OP_conv2d_backward_weights, d,
             (lw_conv2d_backward_args){.x = x, .dy = dy, .out = lw_train_gradient(t, l->tensor)});
  if (l->has_bias)
    gradient(t, l, LW_OP_conv2d_backward_bias, d,
             (lw_conv2d_backward_args){.dy = dy, .out = lw_train_gradient(t, l->tensor + 1)});
  if (!dx) return;
  if (l->rows.data)
    data_blocked(t, l, d, dy, dx);
  else
    gradient(t, l, LW_OP_conv2d_backward_data, d,
             (lw_conv2d_backward_args){.dy = dy, .w = lw_train_weights(t, l->tensor), .out = dx});
}
