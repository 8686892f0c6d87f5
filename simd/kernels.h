/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel table: one uniform signature, one argument struct per operator, one row per kernel.
 *
 * A kernel computes one share of an operator: `part.index` of `part.count`. How the work is split into shares is the kernel's
 * business and changes no bit; shares write disjoint outputs and may run at once. Kernels validate nothing (ops/ and nets/ do),
 * allocate nothing and never touch the floating-point control register. */
#ifndef LANEWISE_SIMD_KERNELS_H
#define LANEWISE_SIMD_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include "lanewise.h"
#include "lanewise_train.h"
#include "simd/isa.h"
#include "simd/resize_tables.h"
#include "simd/view.h"

typedef struct lw_part {
  int index, count;
} lw_part;

/* The share of 0..units-1 of a part: begin <= i < end; balanced to one unit. */
static inline void lw_share(int64_t units, lw_part part, int64_t *begin, int64_t *end) {
  const int64_t each = units / part.count, rest = units % part.count;
  *begin = part.index * each + (part.index < rest ? part.index : rest);
  *end = *begin + each + (part.index < rest);
}

/* Algorithms of conv2d:
 *   direct  groups == 1; x any view whose halo covers the padding (or plain without padding), w packed by lw_pack_weights, y in
 *           blocks; relu and a 2x2 stride 2 max pool can be fused. scratch: lw_conv2d_direct_scratch() bytes per part.
 *   columns stride and dilation 1, groups == 1; x any view, whose halo is not read; w packed, y plain with any halo; relu and the
 *           pool can be fused. scratch: lw_conv2d_columns_layout().bytes per part (simd/conv2d_small.h).
 *   pooled  direct with the pool, stride and dilation 1, kw 3 or 5; no scratch.
 *   im2col  any shape; plain x without halo, w as in lanewise.h, plain y. scratch: lw_conv2d_plain_scratch() bytes per part.
 *   depthwise  ic == groups; plain, w as in lanewise.h; no scratch.
 *   samples  any shape; x and y in samples (see below), the halo of x covers the padding, w as in lanewise.h; relu; no scratch.
 *   winograd4, winograd2  3x3 (winograd2: or 5x5), stride 1, dilation 1, groups == 1. SIMD ISAs: x and y in blocks, the halo of x
 * covers the padding, w packed by lw_pack_winograd; relu and pool as for direct; scratch: lw_winograd_scratch() bytes per part.
 * ref, naive: plain, w as in lanewise.h; no scratch.
 *   ""      (ref, naive, autovec) any shape, plain, w as in lanewise.h; no scratch.
 *
 * A tensor [n][c][h][w] in samples is the blocked layout of LW_SAMPLES(n) images of c*16 channels: blocks are the channels, lanes
 * the samples of a group of 16. */
#define LW_SAMPLES(n) (((n) + LW_BLOCK - 1) / LW_BLOCK)
typedef struct lw_winograd_block {
  int64_t tiles;  /* image tiles that go through the three stages together */
  int64_t panels; /* of 16 output channels, multiplied before they are transformed back */
} lw_winograd_block;

/* A direct convolution (algorithm `direct` on the same ISA) whose output is the x of a Winograd kernel: some rows at a time, as
 * they are needed, in the scratch of each part. */
typedef struct lw_conv2d_before {
  lw_conv2d_desc desc;
  lw_view x;
  const float *w, *bias; /* w == NULL: there is none, x lies in memory */
  int relu;
} lw_conv2d_before;

typedef struct lw_conv2d_args {
  lw_conv2d_desc desc;
  int64_t oh, ow; /* of the convolution itself, before a fused pool */
  lw_view x, y;
  const float *w, *bias;   /* bias may be NULL; with packed weights it is padded to whole blocks */
  int relu;                /* not 0: y = relu(conv2d) */
  int pool;                /* not 0 (packed weights only): then 2x2 stride 2 max pool, odd last row and column dropped */
  lw_winograd_block block; /* winograd */
  lw_conv2d_before before; /* winograd on SIMD ISAs; then x is not read */
  char *scratch;
  size_t scratch_stride; /* bytes per part */
} lw_conv2d_args;

/* Algorithms of linear: "panels": w packed by lw_pack_weights; "plain": w[out][in], scratch: LW_LINEAR_PLAIN_SCRATCH bytes per
 * part; "" (ref, naive, autovec): w[out][in]. */
enum { LW_LINEAR_CHUNK = 2048, LW_LINEAR_PLAIN_SCRATCH = LW_LINEAR_CHUNK * LW_BLOCK * 4 };
typedef struct lw_linear_args {
  lw_linear_desc desc;
  const float *x, *w, *bias;
  float *y;
  int relu;
  int64_t x_plane; /* 0: x is [n][in]. Else ("panels" only) it is in 16-channel blocks without a halo, x_plane pixels each, and
                      the inputs are in/x_plane channels of them */
  char *scratch;
  size_t scratch_stride; /* bytes per part */
} lw_linear_args;

/* relu, tanh, dropout, flatten: count floats; y == x allowed. */
typedef struct lw_map_args {
  int64_t count;
  const float *x;
  float *y;
} lw_map_args;

typedef struct lw_add_args {
  int64_t count;
  const float *a, *b;
  float *y;
} lw_add_args;

/* Algorithms of max_pool2d and avg_pool2d: "plain": plain views; "blocked": 16-channel blocks, with index[n][blocks][oh][ow][16].
 * index may be NULL. */
typedef struct lw_pool2d_args {
  lw_pool2d_desc desc;
  int64_t oh, ow;
  lw_view x, y;
  int32_t *index;
} lw_pool2d_args;

/* softmax, log_softmax: n rows of c. */
typedef struct lw_rows_args {
  int64_t n, c;
  const float *x;
  float *y;
} lw_rows_args;

typedef struct lw_topk_args {
  int64_t n, c, k;
  const float *x;
  float *y;
  int32_t *index;
} lw_topk_args;

/* Copies [n][c][h][w] between views of any layout; zeroes the halo and the channel padding of y. */
typedef struct lw_reorder_args {
  int64_t n, c;
  lw_view x, y;
  int to_samples, from_samples; /* not 0: y or x is in samples and the other plain without a halo; missing samples of y are +0 */
} lw_reorder_args;

typedef struct lw_u8_to_f32_args {
  int64_t c, h, w;
  const uint8_t *u;
  float *y;
} lw_u8_to_f32_args;

typedef struct lw_grayscale_args {
  int64_t n, h, w;
  const float *x;
  float *y;
} lw_grayscale_args;

typedef struct lw_normalize_args {
  int64_t n, c, h, w;
  const float *mean, *std; /* either may be NULL */
  const float *x;
  float *y;
} lw_normalize_args;

typedef struct lw_filter2d_args {
  lw_filter2d_desc desc;
  const float *kernel, *x;
  float *y;
} lw_filter2d_args;

/* tables: filled, shared by all parts. scratch: lw_resize_scratch() bytes per part, for resized source rows. The
 * plain loops use neither. */
typedef struct lw_resize_bilinear_args {
  lw_resize_desc desc;
  const float *x;
  float *y;
  lw_resize_tables tables;
  char *scratch;
  size_t scratch_stride; /* bytes per part */
} lw_resize_bilinear_args;

typedef struct lw_crop_args {
  lw_crop_desc desc;
  const float *x;
  float *y;
} lw_crop_args;

typedef struct lw_flip_args {
  int64_t n, c, h, w;
  int horizontal, vertical;
  const float *x;
  float *y;
} lw_flip_args;

typedef struct lw_pad2d_args {
  lw_pad2d_desc desc;
  const float *x;
  float *y;
} lw_pad2d_args;

/* conv2d_backward_data (dy, w), _weights (x, dy), _bias (dy); out: the gradient. Plain tensors, but for these algorithms:
 *   strips   scratch: lw_conv2d_backward_scratch() bytes per part.
 *   blocked  groups == 1. data: lw_conv2d_can_turn(desc); dy_view in blocks, whose halo covers the padding of lw_conv2d_turned();
 *            w packed by lw_pack_turned(); the gradient goes to x_view, in blocks with any halo. weights: dy_view in blocks;
 *            x_view any view whose halo covers the padding; out as lw_pack_weights() packs weights; scratch: as large as out, for
 *            all parts, if n > 1 or `adds`.
 *   winograd4, winograd2  data: lw_winograd_turns(). SIMD ISAs: views as for `blocked`, w packed by lw_pack_winograd_turned();
 *            scratch: lw_winograd_scratch() bytes per part of lw_conv2d_turned(). ref, naive: plain; no scratch.
 *   samples  any shape; views in samples, w and out as in lanewise.h. data: from dy_view, whose halo is at least
 *            lw_conv2d_backward_halo(), to x_view. weights: the halo of x_view covers the padding; scratch: LW_SAMPLES_SCRATCH
 * bytes per part. */
typedef struct lw_conv2d_backward_args {
  lw_conv2d_desc desc;
  int adds; /* weights and bias, not strips: not 0: out has the sum over earlier images, to which these are added */
  int follows, unfinished; /* weights, blocked, of one image: not 0: its rows above, below the oh rows here have a call of their
                              own, before, after this one */
  float *chains; /* weights and bias, samples: NULL: all at once. Else the chains of 16 images, [oc][lw_samples_taps()][16]:
                    without is_sum they are computed, of n <= 16 images; with it those of n images, 16 in each of LW_SAMPLES(n)
                    pieces, are added to out */
  int is_sum;
  int64_t chains_stride; /* floats from one piece to the next */
  int64_t oh, ow;
  const float *x, *w, *dy;
  float *out;
  lw_view x_view, dy_view;
  lw_winograd_block block; /* winograd */
  char *scratch;
  size_t scratch_stride; /* bytes per part */
} lw_conv2d_backward_args;

/* linear_backward_data (dy, w), _weights (x, dy), _bias (dy); out: the gradient. */
typedef struct lw_linear_backward_args {
  lw_linear_desc desc;
  const float *x, *w, *dy;
  float *out;
} lw_linear_backward_args;

/* relu_backward, tanh_backward; dx == y and dx == dy allowed. */
typedef struct lw_map_backward_args {
  int64_t count;
  const float *y, *dy;
  float *dx;
} lw_map_backward_args;

/* max_pool2d_backward (index, dy), avg_pool2d_backward (dy): plain tensors, but for algorithm "blocked": dy_view to dx_view, and
 * index as max_pool2d gives it. Indices lie in their windows. */
typedef struct lw_pool2d_backward_args {
  lw_pool2d_desc desc;
  int64_t oh, ow;
  const int32_t *index;
  const float *dy;
  float *dx;
  lw_view dy_view, dx_view;
} lw_pool2d_backward_args;

/* dropout_train, and the gradient of it; y == x allowed. */
typedef struct lw_dropout_args {
  int64_t count;
  int64_t first; /* SIMD ISAs: x[0] is element `first` of the tensor, a multiple of 4; first + count <= 2^34 unless first is 0 */
  float probability;
  uint64_t seed, stream;
  const float *x;
  float *y;
} lw_dropout_args;

/* softmax_cross_entropy (out: the loss, computed by part 0 alone), softmax_cross_entropy_backward (out: dx, may be x). */
typedef struct lw_cross_entropy_args {
  lw_cross_entropy_desc desc;
  const float *x;
  const int32_t *labels;
  float *out;
  int has_divisor; /* backward on SIMD ISAs: not 0: these are some samples of a batch, whose losses are divided by `divisor` */
  float divisor;
} lw_cross_entropy_args;

/* new_w == w and new_buffer == buffer allowed. */
typedef struct lw_sgd_args {
  lw_sgd_options options;
  int first_step;
  int64_t count;
  const float *w, *g, *buffer;
  float *new_w, *new_buffer;
} lw_sgd_args;

typedef union lw_args {
  lw_conv2d_args conv2d;
  lw_linear_args linear;
  lw_map_args map;
  lw_add_args add;
  lw_pool2d_args pool2d;
  lw_rows_args rows;
  lw_topk_args topk;
  lw_reorder_args reorder;
  lw_u8_to_f32_args u8_to_f32;
  lw_grayscale_args grayscale;
  lw_normalize_args normalize;
  lw_filter2d_args filter2d;
  lw_resize_bilinear_args resize_bilinear;
  lw_crop_args crop;
  lw_flip_args flip;
  lw_pad2d_args pad2d;
  lw_conv2d_backward_args conv2d_backward;
  lw_linear_backward_args linear_backward;
  lw_map_backward_args map_backward;
  lw_pool2d_backward_args pool2d_backward;
  lw_dropout_args dropout;
  lw_cross_entropy_args cross_entropy;
  lw_sgd_args sgd;
} lw_args;

typedef void lw_kernel_fn(const lw_args *args, lw_part part);

typedef enum lw_op {
#define OPERATOR(op)        LW_OP_##op,
#define OPERATOR_LAYOUT(op) LW_OP_##op,
#define KERNEL(op, isa, algorithm, promise, symbol)
#include "simd/kernels.def"
  LW_OP_COUNT
} lw_op;

/* What a row promises: LW_EXACT the bits of ref/<op>.c; LW_FAST the bits of its algorithm's own file in ref/, which has a derived
 * error bound; LW_BOUND nothing but a bound for sums in any order. */
typedef int lw_promise;
enum { LW_BOUND = -1 };

typedef struct lw_kernel {
  lw_op op;
  lw_isa isa;
  const char *algorithm, *symbol;
  lw_promise promise;
  lw_kernel_fn *fn;
} lw_kernel;

extern const lw_kernel lw_kernel_table[];
extern const size_t lw_kernel_count;
const char *lw_op_name(lw_op op);
const char *lw_promise_name(lw_promise promise);
/* The kernel of `op` for a context whose ISA is `isa`: that ISA's row, else the portable one. algorithm == NULL: the first row.
 * NULL if there is none. */
const lw_kernel *lw_kernel_find(lw_op op, lw_isa isa, const char *algorithm);
/* Not 0 if `isa` has kernels on blocked layouts (the SIMD ISAs); the others run plain loops. */
int lw_isa_is_simd(lw_isa isa);

/* Weights for "direct" and "panels": [ceil(oc/16)][k][16] from w[oc][k], k = ic*kh*kw; missing outputs are +0. The same bits for
 * every ISA. Packs panels first..last-1; w is the row of output first*16. */
void lw_pack_weights(int64_t oc, int64_t k, int64_t first, int64_t last, const float *w, float *packed);
/* A piece of one panel: [count][16] from `lanes` rows (more than 16: 16) that lie `stride` apart. */
void lw_pack_panel(int64_t lanes, int64_t stride, int64_t count, const float *w, float *panel);
/* The way back: panels first..last-1 of what lw_pack_weights packs, to w[oc][k]. */
void lw_unpack_weights(int64_t oc, int64_t k, int64_t first, int64_t last, const float *packed, float *w);
static inline int64_t lw_packed_count(int64_t oc, int64_t k) { return (oc + LW_BLOCK - 1) / LW_BLOCK * LW_BLOCK * k; }

/* Weights for "winograd4" (m = 4) and "winograd2" (m = 2): [t*t][ceil(oc/16)][ic][16], t = m + r - 1, each r x r kernel of
 * w[oc][ic] transformed by ref/conv2d_winograd.c; missing outputs are +0. Packs panels first..last-1 into `packed`, which starts
 * with panel 0; w is the row of output first*16. */
void lw_pack_winograd(int m, int r, int64_t oc, int64_t ic, int64_t first, int64_t last, const float *w, float *packed);
static inline int64_t lw_winograd_count(int m, int r, int64_t oc, int64_t ic) {
  return (m + r - 1) * (m + r - 1) * lw_packed_count(oc, ic);
}
/* Whether Winograd's algorithm with tiles of m x m can compute a convolution. */
static inline int lw_winograd_applies(int m, const lw_conv2d_desc *d) {
  return (d->kh == 3 || (d->kh == 5 && m == 2)) && d->kw == d->kh && d->stride_h == 1 && d->stride_w == 1 && d->dilation_h == 1 &&
         d->dilation_w == 1 && d->groups == 1;
}
/* From so many image tiles on, parts share the tiles, else the output channels. */
enum { LW_WINOGRAD_MANY_TILES = 196 };
/* Floats from one element of the transformed tiles to the next: an odd number of cache lines, so that the elements of one tile
 * spread over the sets of a cache. */
static inline int64_t lw_winograd_stride(int64_t blocks, int64_t tiles) { return (blocks * tiles | 1) * LW_BLOCK; }
/* The block for a cache of so many bytes per core (0: unknown), and the scratch that it needs per part. */
lw_winograd_block lw_winograd_choose_block(int m, const lw_conv2d_desc *desc, int64_t oh, int64_t ow, lw_isa isa,
                                           size_t l2_bytes);
size_t lw_winograd_scratch(int m, const lw_conv2d_desc *desc, lw_winograd_block block, int has_before);
/* The rows of `before` that wait in the scratch of a part: row r is row (r + pad_top + 2) % 8 there, so that the new rows of each
 * row of tiles lie side by side. */
enum { LW_WINOGRAD_RING = 8 };
static inline lw_view lw_winograd_ring(const lw_conv2d_desc *d) {
  return lw_view_make(NULL, d->ic, LW_WINOGRAD_RING, d->iw, LW_BLOCK, (const int64_t[4]){0, d->pad_left, 0, d->pad_right});
}

/* The row of reorder, for those who copy between views without a plan. */
lw_kernel_fn lw_reorder;

/* Output rows that `direct` computes at a time (even): a chunk of the input rows under them stays in L2. */
static inline int64_t lw_conv2d_direct_rows(int64_t ow) { return ow >= 100 ? 4 : ow >= 50 ? 6 : 8; }
/* Bytes of scratch per part, multiples of 64. direct: finished rows that wait for a fused pool, else none. */
static inline size_t lw_conv2d_direct_scratch(int64_t ow) {
  return (size_t)(2 * lw_conv2d_direct_rows(ow) * ow * LW_BLOCK) * sizeof(float);
}
/* The algorithm of conv2d for plain tensors on SIMD ISAs, and its scratch per part. */
static inline const char *lw_conv2d_plain_algorithm(const lw_conv2d_desc *desc) {
  return desc->ic == desc->groups ? "depthwise" : "im2col";
}
enum { LW_IM2COL_SCRATCH = 128 * 48 * 4 }; /* 128 taps of at most 48 pixels */
static inline size_t lw_conv2d_plain_scratch(const lw_conv2d_desc *desc) {
  return desc->ic == desc->groups ? 0 : LW_IM2COL_SCRATCH;
}
/* conv2d_backward_weights, algorithm `samples`: the chains of LW_SAMPLES_CHUNK weights of so many outputs. */
enum {
  LW_SAMPLES_OUTS = 8,
  LW_SAMPLES_CHUNK = 80,
  LW_SAMPLES_SLACK = 8,
  LW_SAMPLES_SCRATCH = LW_SAMPLES_OUTS * (LW_SAMPLES_CHUNK + LW_SAMPLES_SLACK) * LW_BLOCK * 4
};
/* Chains of an output in lw_conv2d_backward_args.chains; of the bias: one, of LW_SAMPLES(oc)*16 outputs. */
static inline int64_t lw_samples_taps(const lw_conv2d_desc *d) {
  return LW_SAMPLES(d->ic / d->groups * d->kh * d->kw) * LW_BLOCK;
}
/* How far beyond dy's edges (top, left, bottom, right) conv2d_backward_data has taps. */
static inline void lw_conv2d_backward_halo(const lw_conv2d_desc *d, int64_t oh, int64_t ow, int64_t halo[4]) {
  const int64_t before[2] = {d->dilation_h * (d->kh - 1) - d->pad_top, d->dilation_w * (d->kw - 1) - d->pad_left};
  const int64_t last[2] = {d->ih - 1 + d->pad_top, d->iw - 1 + d->pad_left};
  halo[0] = before[0] > 0 ? before[0] / d->stride_h : 0;
  halo[1] = before[1] > 0 ? before[1] / d->stride_w : 0;
  halo[2] = last[0] / d->stride_h >= oh ? last[0] / d->stride_h - (oh - 1) : 0;
  halo[3] = last[1] / d->stride_w >= ow ? last[1] / d->stride_w - (ow - 1) : 0;
}
/* The convolution of dy, with kernels turned by 180 degrees, that is conv2d_backward_data of `desc`; for stride 1, if no output
 * lies wholly on the padding. */
static inline int lw_conv2d_can_turn(const lw_conv2d_desc *d) {
  const int64_t reach_h = d->dilation_h * (d->kh - 1), reach_w = d->dilation_w * (d->kw - 1);
  return d->groups == 1 && d->stride_h == 1 && d->stride_w == 1 && d->pad_top <= reach_h && d->pad_bottom <= reach_h &&
         d->pad_left <= reach_w && d->pad_right <= reach_w;
}
static inline lw_conv2d_desc lw_conv2d_turned(const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  const int64_t reach_h = d->dilation_h * (d->kh - 1), reach_w = d->dilation_w * (d->kw - 1);
  lw_conv2d_desc turned = *d;
  turned.ic = d->oc;
  turned.oc = d->ic;
  turned.ih = oh;
  turned.iw = ow;
  turned.pad_top = reach_h - d->pad_top;
  turned.pad_bottom = reach_h - d->pad_bottom;
  turned.pad_left = reach_w - d->pad_left;
  turned.pad_right = reach_w - d->pad_right;
  return turned;
}
/* Its weights from w[oc][ic][kh][kw], packed for lw_conv2d_turned(): panels first..last-1 of 16 input channels of `desc`. */
void lw_pack_turned(const lw_conv2d_desc *desc, int64_t first, int64_t last, const float *w, float *packed);
/* The same for Winograd's algorithms, and whether they can compute it. */
void lw_pack_winograd_turned(int m, const lw_conv2d_desc *desc, int64_t first, int64_t last, const float *w, float *packed);
static inline int lw_winograd_turns(int m, const lw_conv2d_desc *d) { return lw_winograd_applies(m, d) && lw_conv2d_can_turn(d); }
/* Scratch per part of conv2d_backward_data and _weights, algorithm `strips`: at most LW_BACKWARD_STEPS steps of LW_BACKWARD_STRIP
 * gathered values, and the chains of one strip, for every channel of a group. */
enum { LW_BACKWARD_STRIP = 48, LW_BACKWARD_STEPS = 128 };
static inline size_t lw_conv2d_backward_scratch(lw_op op, const lw_conv2d_desc *desc) {
  if (op == LW_OP_conv2d_backward_bias) return 0;
  const int64_t channels = (op == LW_OP_conv2d_backward_data ? desc->ic : desc->oc) / desc->groups;
  return (size_t)(LW_BACKWARD_STRIP * (LW_BACKWARD_STEPS + channels)) * sizeof(float);
}

#endif
