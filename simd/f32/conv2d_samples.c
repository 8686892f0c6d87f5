/* SPDX-License-Identifier: Apache-2.0
 * conv2d and conv2d_backward_data, algorithm `samples`: lanes are samples, so that every channel count and image size fills them,
 * weights are broadcast as they lie, and each lane keeps the chain of its definition. Both are one loop over channels, rows and
 * columns of taps; what differs is which taps a position has.
 *
 * Rows of taps that lie on the padding multiply +0 by a weight. Where all weights are finite they add +0 or -0, which changes a
 * chain only while it is -0, and what follows can keep the difference only in a zero: a chain that then ends as -0 might be +0
 * with them. So they are left out, and a tile of which any chain ends as -0 is computed again with them. */
#include "simd/f32/samples_tile.h"
#include "simd/kernels.h"
#include "simd/vec/vec.h"

enum {
  PV = LW_BLOCK / VL,
  CHAINS = V_REGISTERS == 32 ? 24 : 12, /* most vectors of a tile, and of its positions */
  INPUTS = 8
};

/* Positions first, first + step, ... of y along one axis, which have the same taps. Position i reads x at
 * x_first + i*x_step + t*x_tap for its t-th tap, whose weight is w_first + t*w_tap. */
typedef struct axis {
  int64_t first, count, step;
  int64_t taps, x_first, x_step, x_tap, w_first, w_tap;
} axis;

static axis forward_axis(int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  return (axis){.count = out, .step = 1, .taps = kernel, .x_first = -pad, .x_step = stride, .x_tap = dilation, .w_tap = 1};
}

/* Positions from `first` on, a stride apart: an output `o` touches position i = o*stride - pad + k*dilation. Rising o is falling
 * k. */
static axis backward_axis(int64_t first, int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  axis a = {.first = first, .count = first < in ? (in - 1 - first) / stride + 1 : 0, .step = stride, .x_step = 1};
  int64_t last = -1, before = -1; /* the two largest k that reach an output */
  for (int64_t k = kernel - 1; k >= 0 && before < 0; k--)
    if ((first + pad - k * dilation) % stride == 0) *(last < 0 ? &last : &before) = k;
  if (last < 0) return a;
  const int64_t between = before < 0 ? kernel : last - before;
  a.taps = last / between + 1;
  a.x_first = (first + pad - last * dilation) / stride;
  a.x_tap = between * dilation / stride; /* whole, unless there is one tap */
  a.w_first = last;
  a.w_tap = -between;
  return a;
}

typedef struct tile_args {
  const float *x, *w, *bias; /* of the first tap of the first position and output */
  float *y;
  int64_t channels, rows, columns;           /* of taps */
  int64_t x_channel, x_row, x_column, x_px;  /* floats of x from one to the next */
  int64_t w_channel, w_row, w_column, w_out; /* and of w */
  int64_t y_out, y_px;
  int64_t skip; /* outputs that another tile writes */
  int is_short; /* rows of taps are left out: nothing is written if a chain ends as -0 */
  int relu;
} tile_args;

/* Not 0 if it has written its outputs. */
ALWAYS_INLINE int tile(const int px, const int outs, const int unit, const tile_args *t) {
  const int64_t x_px = unit ? LW_BLOCK : t->x_px, w_out = t->w_out;
  vf acc[CHAINS];
#define AT(p, o, v) (((p)*outs + (o)) * PV + (v))
  V_UNROLL for (int o = 0; o < outs; o++) {
    const vf start = t->bias ? v_broadcast(t->bias + o) : v_zero();
    V_UNROLL for (int p = 0; p < px; p++) V_UNROLL for (int v = 0; v < PV; v++) acc[AT(p, o, v)] = start;
  }
  for (int64_t c = 0; c < t->channels; c++)
    for (int64_t h = 0; h < t->rows; h++) {
      const float *x = t->x + c * t->x_channel + h * t->x_row, *w = t->w + c * t->w_channel + h * t->w_row;
      for (int64_t left = t->columns; left > 0; left--, x += t->x_column, w += t->w_column) {
        vf in[INPUTS];
        V_UNROLL for (int i = 0; i < px * PV; i++) {
          in[i] = v_load(x + i / PV * x_px + i % PV * VL);
          if (outs > 1) V_HOLD(in[i]);
        }
        V_UNROLL for (int o = 0; o < outs; o++) {
          const vf weight = v_broadcast(w + o * w_out);
          V_UNROLL for (int p = 0; p < px; p++) V_UNROLL for (int v = 0; v < PV; v++) acc[AT(p, o, v)] =
              v_fma(in[p * PV + v], weight, acc[AT(p, o, v)]);
        }
      }
    }
  if (t->is_short) {
    const vi minus_zero = vi_set1(INT32_MIN);
    vm any = vi_equal(v_bits(acc[0]), minus_zero);
    V_UNROLL for (int i = 1; i < px * outs * PV; i++) any = vm_or(any, vi_equal(v_bits(acc[i]), minus_zero));
    if (vm_any(any)) return 0;
  }
  V_UNROLL for (int o = 0; o < outs; o++) {
    if (o < t->skip) continue;
    V_UNROLL for (int p = 0; p < px; p++) V_UNROLL for (int v = 0; v < PV; v++) {
      const vf value = acc[AT(p, o, v)];
      v_store(t->y + o * t->y_out + p * t->y_px + v * VL, t->relu ? v_max(v_zero(), value) : value);
    }
  }
  return 1;
#undef AT
}

/* Register tiles: positions x outputs. Accumulators, one position's input and one weight fill the registers. */
#if defined(LW_VEC_AVX512)
#  define TILES(X) X(4, 6) X(5, 4) X(7, 3) X(2, 12) X(1, 24) X(7, 1) X(2, 4) X(1, 8) X(2, 1) X(1, 1)
#else
#  define TILES(X) X(1, 6) X(1, 2) X(1, 1)
#endif

typedef struct shape {
  int px, outs;
  int (*run)(const tile_args *t);
} shape;
#define TILE_FN(px, outs)                                                                                                        \
  static int tile_##px##_##outs(const tile_args *t) { return t->x_px == LW_BLOCK ? tile(px, outs, 1, t) : tile(px, outs, 0, t); }
TILES(TILE_FN)
#define TILE_ROW(px, outs) {px, outs, tile_##px##_##outs},
static const shape shapes[] = {TILES(TILE_ROW)};

/* The tile that covers positions x outputs in the fewest cycles. */
static const shape *choose(int64_t positions, int64_t outs) {
  const shape *best = NULL;
  int64_t least = 0;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    if (s->px > positions || s->outs > outs) continue;
    const int64_t cost = samples_tile_cost(positions, s->px, outs, s->outs, s->px * s->outs * PV, s->px * PV + s->outs);
    if (best && cost >= least) continue;
    best = s;
    least = cost;
  }
  return best;
}

/* A convolution from x to y, both in samples: of every group of channels, `outs` outputs from `ins` inputs. */
typedef struct convolution {
  const lw_view *x, *y;
  const float *w, *bias;
  int64_t n, groups, ins, outs;
  int64_t w_in, w_out, w_group, kw; /* floats from one to the next; columns of a kernel */
  int relu, is_finite;              /* all weights are */
} convolution;

/* x - x is +0 for finite x, else NaN. */
static int all_finite(const float *x, int64_t count) {
  vf sum = v_zero();
  for (int64_t i = 0; i < count; i += VL) {
    const vf value = i + VL <= count ? v_load(x + i) : v_load_partial(x + i, count - i);
    sum = v_add(sum, v_sub(value, value));
  }
  return !vm_any(vm_unordered(sum, sum));
}

/* Rows of taps inside x, from *first to before *last. */
static void rows_inside(const axis *rows, int64_t x_row, int64_t h, int64_t *first, int64_t *last) {
  *first = 0;
  *last = rows->taps;
  while (*first < *last && x_row + *first * rows->x_tap < 0) ++*first;
  while (*first < *last && x_row + (*last - 1) * rows->x_tap >= h) --*last;
}

/* One row of y for outputs first .. first + s->outs - 1 of a group, the first `skip` of which are there already. */
static void row_of_tiles(const convolution *k, const shape *s, int64_t n, int64_t group, int64_t first, int64_t skip, int64_t row,
                         const axis *rows, const axis *columns) {
  const lw_view *x = k->x, *y = k->y;
  const int64_t in = group * k->ins, out = group * k->outs + first;
  tile_args t = {.channels = k->ins, .rows = rows->taps, .columns = columns->taps, .relu = k->relu, .skip = skip};
  t.x_channel = x->block_stride;
  t.x_row = rows->x_tap * x->row_stride;
  t.x_column = columns->x_tap * LW_BLOCK;
  t.x_px = columns->x_step * x->px_stride;
  t.w_channel = k->w_in;
  t.w_row = rows->w_tap * k->kw;
  t.w_column = columns->w_tap;
  t.w_out = k->w_out;
  t.y_out = y->block_stride;
  t.y_px = columns->step * y->px_stride;
  t.w = k->w + group * k->w_group + first * k->w_out + rows->w_first * k->kw + columns->w_first;
  if (k->bias) t.bias = k->bias + out;
  if (t.rows == 1 && t.columns == 1) { /* then channels are the innermost loop */
    t.columns = t.channels;
    t.x_column = t.x_channel;
    t.w_column = t.w_channel;
    t.channels = 1;
  }
  if (t.rows == 0 || t.columns == 0) t.channels = 0;
  const int64_t x_row = rows->x_first + (row - rows->first) / rows->step * rows->x_step;
  int64_t first_row, last_row;
  rows_inside(rows, x_row, x->h, &first_row, &last_row);
  tile_args inside = t;
  inside.is_short = k->is_finite && last_row - first_row < rows->taps;
  inside.rows = last_row - first_row;
  inside.w += first_row * t.w_row;
  for (int64_t i = 0; i < columns->count; i += s->px) {
    const int64_t p = i + s->px <= columns->count ? i : columns->count - s->px; /* the last tile computes some twice */
    t.x = lw_view_at(x, n, in, x_row, columns->x_first + p * columns->x_step);
    t.y = lw_view_at(y, n, out, row, columns->first + p * columns->step);
    inside.x = t.x + first_row * t.x_row;
    inside.y = t.y;
    if (!inside.is_short || !s->run(&inside)) s->run(&t);
  }
}

void VEC_FN(conv2d_samples)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t taps = d->kh * d->kw;
  const convolution k = {.x = &a->x,
                         .y = &a->y,
                         .w = a->w,
                         .bias = a->bias,
                         .n = (d->n + LW_BLOCK - 1) / LW_BLOCK,
                         .groups = d->groups,
                         .ins = d->ic / d->groups,
                         .outs = d->oc / d->groups,
                         .w_in = taps,
                         .w_out = d->ic / d->groups * taps,
                         .w_group = d->oc / d->groups * (d->ic / d->groups) * taps,
                         .kw = d->kw,
                         .relu = a->relu,
                         .is_finite =
                             (d->pad_top > 0 || d->pad_bottom > 0) && all_finite(a->w, d->oc * (d->ic / d->groups) * taps)};
  const axis rows = forward_axis(a->oh, d->kh, d->stride_h, d->dilation_h, d->pad_top);
  const axis columns = forward_axis(a->ow, d->kw, d->stride_w, d->dilation_w, d->pad_left);
  const shape *s = choose(a->ow, k.outs);
  const int64_t tiles = (k.outs + s->outs - 1) / s->outs;
  int64_t begin, end;
  lw_share(k.n * k.groups * tiles * a->oh, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t row = u % a->oh, i = u / a->oh % tiles * s->outs, group = u / a->oh / tiles % k.groups;
    const int64_t n = u / a->oh / tiles / k.groups, first = i + s->outs <= k.outs ? i : k.outs - s->outs;
    row_of_tiles(&k, s, n, group, first, i - first, row, &rows, &columns);
    for (int64_t o = i; o < first + s->outs; o++) lw_view_zero_halo(&a->y, n, group * k.outs + o, row, row + 1);
  }
}

void VEC_FN(conv2d_backward_data_samples)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t taps = d->kh * d->kw;
  const convolution k = {.x = &a->dy_view,
                         .y = &a->x_view,
                         .w = a->w,
                         .n = (d->n + LW_BLOCK - 1) / LW_BLOCK,
                         .groups = d->groups,
                         .ins = d->oc / d->groups,
                         .outs = d->ic / d->groups,
                         .w_in = d->ic / d->groups * taps,
                         .w_out = taps,
                         .w_group = d->oc / d->groups * (d->ic / d->groups) * taps,
                         .kw = d->kw,
                         .is_finite = d->kh > 1 && all_finite(a->w, d->oc * (d->ic / d->groups) * taps)};
  const int64_t classes = d->stride_w < d->iw ? d->stride_w : d->iw;
  const shape *s = choose((d->iw - classes) / d->stride_w + 1, k.outs); /* of the class with the fewest positions */
  const int64_t tiles = (k.outs + s->outs - 1) / s->outs;
  int64_t begin, end;
  lw_share(k.n * k.groups * tiles * d->ih, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t row = u % d->ih, i = u / d->ih % tiles * s->outs, group = u / d->ih / tiles % k.groups;
    const int64_t n = u / d->ih / tiles / k.groups, first = i + s->outs <= k.outs ? i : k.outs - s->outs;
    const axis rows = backward_axis(row, row + 1, d->kh, d->stride_h, d->dilation_h, d->pad_top);
    for (int64_t w = 0; w < classes; w++) {
      const axis columns = backward_axis(w, d->iw, d->kw, d->stride_w, d->dilation_w, d->pad_left);
      row_of_tiles(&k, s, n, group, first, i - first, row, &rows, &columns);
    }
    for (int64_t o = i; o < first + s->outs; o++) lw_view_zero_halo(&a->x_view, n, group * k.outs + o, row, row + 1);
  }
}
