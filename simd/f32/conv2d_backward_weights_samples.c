/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_weights and conv2d_backward_bias, algorithm `samples`: lanes are samples, each with the chains of its image,
 * which rest in scratch until those of 16 weights can be turned, so that a weight adds its samples in rising order. */
#include "simd/f32/samples_tile.h"
#include "simd/f32/transpose.h"
#include "simd/kernels.h"

enum {
  PV = LW_BLOCK / VL,
  CHAINS = V_REGISTERS == 32 ? 24 : 12, /* most vectors of a tile, and outputs */
  OUTS = LW_SAMPLES_OUTS,
  CHUNK = LW_SAMPLES_CHUNK, /* weights per output whose chains rest together */
  SLACK = LW_SAMPLES_SLACK  /* most taps of a tile, which may begin before its chunk */
};

/* out[0..count-1] += the lanes of chains[0..count-1], `samples` of each, rising; is_first: lane 0 is the start. chains may be
 * read up to a multiple of VL. */
static void add_samples(const float *chains, int64_t count, int64_t samples, int is_first, float *out) {
  for (int64_t i = 0; i < count; i += VL) {
    const int64_t width = count - i < VL ? count - i : VL;
    vf sum = is_first ? v_zero() : width == VL ? v_load(out + i) : v_load_partial(out + i, width);
    for (int v = 0; v < PV && v * VL < samples; v++) {
      vf lanes[VL];
      V_UNROLL for (int j = 0; j < VL; j++) lanes[j] = v_load(chains + (i + j) * LW_BLOCK + v * VL);
      v_transpose(lanes);
      V_UNROLL for (int s = 0; s < VL; s++) if (v * VL + s < samples) sum =
          is_first && v == 0 && s == 0 ? lanes[0] : v_add(sum, lanes[s]);
    }
    if (width == VL)
      v_store(out + i, sum);
    else
      v_store_partial(out + i, width, sum);
  }
}

/* ------------------------------------------------------------------------------------------------------------- weights */

typedef struct tile_args {
  const float *x, *dy;
  const int64_t *offset; /* of x, by tap */
  float *chains;
  int64_t rows, columns; /* output pixels */
  int64_t x_row, dy_row, x_px, dy_channel;
  int64_t to_out; /* floats of chains from one output to the next */
} tile_args;

ALWAYS_INLINE void tile(const int taps, const int outs, const tile_args *t) {
  vf chain[CHAINS];
#define AT(k, o, v) (((k)*outs + (o)) * PV + (v))
  V_UNROLL for (int i = 0; i < taps * outs * PV; i++) chain[i] = v_zero();
  int64_t offset[SLACK];
  V_UNROLL for (int k = 0; k < taps; k++) offset[k] = t->offset[k];
  const int64_t x_px = t->x_px, dy_channel = t->dy_channel;
  for (int64_t h = 0; h < t->rows; h++) {
    const float *x = t->x + h * t->x_row, *dy = t->dy + h * t->dy_row;
    for (int64_t w = t->columns; w > 0; w--, x += x_px, dy += LW_BLOCK) V_UNROLL for (int v = 0; v < PV; v++) {
        vf d[OUTS];
        V_UNROLL for (int o = 0; o < outs; o++) {
          d[o] = v_load(dy + o * dy_channel + v * VL);
          V_HOLD(d[o]);
        }
        V_UNROLL for (int k = 0; k < taps; k++) {
          vf in = v_load(x + offset[k] + v * VL);
          V_HOLD(in);
          V_UNROLL for (int o = 0; o < outs; o++) chain[AT(k, o, v)] = v_fma(in, d[o], chain[AT(k, o, v)]);
        }
      }
  }
  V_UNROLL for (int k = 0; k < taps; k++) V_UNROLL for (int o = 0; o < outs; o++) V_UNROLL for (int v = 0; v < PV; v++)
      v_store(t->chains + o * t->to_out + k * LW_BLOCK + v * VL, chain[AT(k, o, v)]);
#undef AT
}

/* Register tiles: taps x outputs. */
#if defined(LW_VEC_AVX512)
#  define TILES(X) X(5, 4) X(5, 3) X(4, 6) X(1, 8) X(5, 1) X(1, 1)
#else
#  define TILES(X) X(3, 2) X(1, 4) X(3, 1) X(1, 1)
#endif

typedef struct shape {
  int taps, outs;
  void (*run)(const tile_args *t);
} shape;
#define TILE_FN(taps, outs)                                                                                                      \
  static void tile_##taps##_##outs(const tile_args *t) { tile(taps, outs, t); }
TILES(TILE_FN)
#define TILE_ROW(taps, outs) {taps, outs, tile_##taps##_##outs},
static const shape shapes[] = {TILES(TILE_ROW)};

/* The tile that covers taps x outputs in the fewest cycles. */
static const shape *choose(int64_t taps, int64_t outs) {
  const shape *best = NULL;
  int64_t least = 0;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    if (s->taps > taps || s->outs > outs) continue;
    const int64_t cost = samples_tile_cost(taps, s->taps, outs, s->outs, s->taps * s->outs * PV, (s->taps + s->outs) * PV);
    if (best && cost >= least) continue;
    best = s;
    least = cost;
  }
  return best;
}

/* Taps begin..end-1 of the outputs first..first+s->outs-1, the first `skip` of which belong to another tile. */
static void chunk(const lw_conv2d_backward_args *a, const shape *s, float *scratch, int64_t first, int64_t skip, int64_t begin,
                  int64_t end) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t ins = d->ic / d->groups, taps = ins * d->kh * d->kw, in = first / (d->oc / d->groups) * ins;
  tile_args t = {.rows = a->oh, .columns = a->ow, .dy_row = a->dy_view.row_stride, .dy_channel = a->dy_view.block_stride};
  t.x_row = d->stride_h * a->x_view.row_stride;
  t.x_px = d->stride_w * LW_BLOCK;
  t.to_out = a->chains ? lw_samples_taps(d) * LW_BLOCK : (CHUNK + SLACK) * LW_BLOCK;
  float *const chains = a->chains ? a->chains + first * t.to_out + begin * LW_BLOCK : scratch + SLACK * LW_BLOCK;
  for (int64_t n = 0; n < d->n; n += LW_BLOCK) {
    t.x = lw_view_at(&a->x_view, n / LW_BLOCK, in, -d->pad_top, -d->pad_left);
    t.dy = lw_view_at(&a->dy_view, n / LW_BLOCK, first, 0, 0);
    for (int64_t i = begin; i < end; i += s->taps) {
      const int64_t k = i + s->taps <= taps ? i : taps - s->taps; /* the last tile computes some twice */
      int64_t offset[SLACK];
      for (int64_t j = 0; j < s->taps; j++) {
        const int64_t ic = (k + j) / (d->kh * d->kw), kh = (k + j) / d->kw % d->kh, kw = (k + j) % d->kw;
        offset[j] = ic * a->x_view.block_stride + kh * d->dilation_h * a->x_view.row_stride + kw * d->dilation_w * LW_BLOCK;
      }
      t.offset = offset;
      t.chains = chains + (k - begin) * LW_BLOCK;
      s->run(&t);
    }
    for (int64_t o = skip; o < s->outs && !a->chains; o++)
      add_samples(chains + o * t.to_out, end - begin, d->n - n < LW_BLOCK ? d->n - n : LW_BLOCK, n == 0 && !a->adds,
                  a->out + (first + o) * taps + begin);
  }
}

/* count outputs of `each` chains, which lie to_out chains apart, added to out[count][each]. */
static void add_chains(const lw_conv2d_backward_args *a, int64_t count, int64_t each, int64_t to_out, lw_part part) {
  int64_t begin, end;
  lw_share(count, part, &begin, &end);
  for (int64_t o = begin; o < end; o++)
    for (int64_t n = 0; n < a->desc.n; n += LW_BLOCK)
      add_samples(a->chains + n / LW_BLOCK * a->chains_stride + o * to_out * LW_BLOCK, each,
                  a->desc.n - n < LW_BLOCK ? a->desc.n - n : LW_BLOCK, n == 0 && !a->adds, a->out + o * each);
}

void VEC_FN(conv2d_backward_weights_samples)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  if (a->is_sum) {
    add_chains(a, d->oc, d->ic / d->groups * d->kh * d->kw, lw_samples_taps(d), part);
    return;
  }
  const int64_t taps = d->ic / d->groups * d->kh * d->kw, outs = d->oc / d->groups;
  const shape *s = choose(taps, outs);
  const int64_t tiles = (outs + s->outs - 1) / s->outs, chunks = (taps + CHUNK - 1) / CHUNK;
  float *scratch = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride);
  int64_t begin, end;
  lw_share(d->groups * tiles * chunks, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t i = u / chunks % tiles * s->outs, first = i + s->outs <= outs ? i : outs - s->outs;
    const int64_t k = u % chunks * CHUNK, last = k + CHUNK < taps ? k + CHUNK : taps;
    const int64_t group = u / chunks / tiles * outs;
    if (d->n == 0 && !a->adds)
      for (int64_t o = i; o < first + s->outs; o++)
        memset(a->out + (group + o) * taps + k, 0, (size_t)(last - k) * sizeof(float));
    chunk(a, s, scratch, group + first, i - first, k, last);
  }
}

/* ---------------------------------------------------------------------------------------------------------------- bias */

void VEC_FN(conv2d_backward_bias_samples)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  if (a->is_sum) { /* one output, whose chains are those of all channels */
    add_chains(a, 1, d->oc, 0, part);
    return;
  }
  int64_t begin, end;
  lw_share((d->oc + VL - 1) / VL, part, &begin, &end);
  for (int64_t oc = begin * VL; oc < end * VL; oc += VL) {
    const int64_t outs = d->oc - oc < VL ? d->oc - oc : VL;
    if (d->n == 0 && !a->adds) memset(a->out + oc, 0, (size_t)outs * sizeof(float));
    for (int64_t n = 0; n < d->n; n += LW_BLOCK) {
      float here[VL * LW_BLOCK], *const chains = a->chains ? a->chains + oc * LW_BLOCK : here;
      for (int v = 0; v < PV; v++) {
        vf chain[VL];
        V_UNROLL for (int o = 0; o < VL; o++) chain[o] = v_zero();
        for (int64_t h = 0; h < a->oh; h++) {
          /* Missing channels follow one that exists; nobody reads their chains. */
          const float *dy = lw_view_at(&a->dy_view, n / LW_BLOCK, oc, h, 0) + v * VL;
          for (int64_t w = 0; w < a->ow; w++, dy += LW_BLOCK)
            V_UNROLL for (int o = 0; o < VL; o++) chain[o] =
                v_add(chain[o], v_load(dy + (o < outs ? o : 0) * a->dy_view.block_stride));
        }
        V_UNROLL for (int o = 0; o < VL; o++) v_store(chains + o * LW_BLOCK + v * VL, chain[o]);
      }
      if (!a->chains) add_samples(chains, outs, d->n - n < LW_BLOCK ? d->n - n : LW_BLOCK, n == 0 && !a->adds, a->out + oc);
    }
  }
}
