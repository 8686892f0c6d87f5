/* SPDX-License-Identifier: Apache-2.0 */
#include "simd/conv2d_small.h"

#include <string.h>

enum {
  VECTOR = 16,           /* floats of the widest vector: layouts are the same for every ISA */
  ROWS = 4,              /* output rows of a tile of `columns` without a pool */
  TARGET = 16 << 10,     /* bytes of scratch that stay in L1 beside weights and outputs */
  MOST = 64 << 10,       /* bytes of scratch from which the copying costs more than empty lanes do */
  PANEL_BYTES = 24 << 10 /* of weights that stay in L1 while `pooled` walks the rows of an image */
};

static int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

lw_conv2d_columns lw_conv2d_columns_layout(const lw_conv2d_desc *d, int64_t oh, int64_t ow, int pool) {
  const int64_t pieces = pool ? 2 : 1, out_rows = oh / pieces, out_columns = ow / pieces;
  lw_conv2d_columns c = {.data = round_up((d->iw + pieces - 1) / pieces, VECTOR)};
  /* A tap reaches pad_left columns to the left of an output and kw-1 to the right, of which a piece holds every second. */
  const int64_t before = (d->pad_left + pieces) / pieces, after = larger(out_columns, VECTOR) + d->kw / pieces + 1 - c.data;
  c.margin = round_up(larger(before, after), VECTOR);
  c.row_floats = pieces * (c.margin + c.data);
  const int64_t most = TARGET / (int64_t)sizeof(float) / (d->ic * c.row_floats) - (d->kh - 1); /* rows of the convolution */
  c.outputs = larger(pool ? 1 : ROWS, pool ? most / 2 : most / ROWS * ROWS);
  if (c.outputs > out_rows) c.outputs = larger(out_rows, 1);
  c.rows = c.outputs * pieces + d->kh - 1;
  c.channel_floats = c.rows * c.row_floats;
  c.bytes = (size_t)(d->ic * c.channel_floats + c.margin) * sizeof(float);
  return c;
}

static int is_dense(const lw_conv2d_desc *d) {
  return d->groups == 1 && d->stride_h == 1 && d->stride_w == 1 && d->dilation_h == 1 && d->dilation_w == 1;
}

int lw_conv2d_columns_can(const lw_conv2d_desc *d) { return is_dense(d); }
int lw_conv2d_pooled_can(const lw_conv2d_desc *d, int pool) { return pool && is_dense(d) && (d->kw == 3 || d->kw == 5); }

/* Lanes computed per lane used. */
static double waste(int64_t used, int64_t unit) { return (double)round_up(used, unit) / (double)used; }

/* Few channels leave fewer lanes of columns empty than lanes of channels, and the rows under a tile are soon copied. */
static int columns_win(lw_isa isa, const lw_conv2d_desc *d, int64_t oh, int64_t ow, int pool) {
  const int64_t lanes = isa == LW_ISA_AVX512 ? 16 : isa == LW_ISA_AVX2 ? 8 : 4, shrink = pool ? 2 : 1;
  const double floats = (double)d->ic * (double)d->kh * (double)(d->pad_left + d->iw + d->pad_right);
  if (!lw_conv2d_columns_can(d) || oh < shrink || ow < shrink || floats * sizeof(float) > MOST) return 0;
  return waste(ow / shrink, lanes) * (pool ? 1 : waste(oh, ROWS)) < waste(d->oc, LW_BLOCK) &&
         lw_conv2d_columns_layout(d, oh, ow, pool).bytes <= MOST;
}

/* With 16 registers `pooled` gains nothing on blocks of input channels: its tile has half of a panel's lanes. */
static int pooled_wins(lw_isa isa, const lw_conv2d_desc *d, int pool) {
  const double panel = (double)d->ic * (double)d->kh * (double)d->kw * LW_BLOCK * sizeof(float);
  return lw_conv2d_pooled_can(d, pool) && panel <= PANEL_BYTES && (isa != LW_ISA_AVX2 || d->ic < LW_BLOCK);
}

const char *lw_conv2d_packed_algorithm(lw_isa isa, const lw_conv2d_desc *d, int64_t oh, int64_t ow, int pool) {
  return columns_win(isa, d, oh, ow, pool) ? "columns" : pooled_wins(isa, d, pool) ? "pooled" : "direct";
}

int lw_conv2d_packed_can(const char *algorithm, const lw_conv2d_desc *d, int pool) {
  if (strcmp(algorithm, "columns") == 0) return lw_conv2d_columns_can(d);
  return strcmp(algorithm, "pooled") == 0 ? lw_conv2d_pooled_can(d, pool) : strcmp(algorithm, "direct") == 0;
}

size_t lw_conv2d_packed_scratch(const char *algorithm, const lw_conv2d_args *a) {
  if (strcmp(algorithm, "columns") == 0) return lw_conv2d_columns_layout(&a->desc, a->oh, a->ow, a->pool).bytes;
  return strcmp(algorithm, "direct") == 0 && a->pool ? lw_conv2d_direct_scratch(a->ow) : 0;
}
