/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_weights, algorithm `strips`: any shape on plain tensors. Lanes are weights (ic, kh, kw) of one output channel,
 * flat, STRIP at a time; a step of their chains is one output pixel, whose dy multiplies the inputs under these weights. */
#include "simd/f32/conv2d_strip.h"

typedef struct strip {
  const lw_conv2d_backward_args *a;
  int64_t group, first, count; /* weights */
} strip;

/* The inputs under weight k of the group for `steps` output pixels from p on, each to its own row of the chunk. */
static void gather(const strip *s, int64_t n, int64_t k, int64_t p, int64_t steps, float *to) {
  const lw_conv2d_desc *d = &s->a->desc;
  const int64_t kw = k % d->kw, kh = k / d->kw % d->kh, ic = s->group * (d->ic / d->groups) + k / d->kw / d->kh;
  const float *plane = s->a->x + (n * d->ic + ic) * d->ih * d->iw;
  while (steps > 0) { /* one output row at a time */
    const int64_t oh = p / s->a->ow, ow = p % s->a->ow;
    const int64_t run = s->a->ow - ow < steps ? s->a->ow - ow : steps;
    const int64_t ih = oh * d->stride_h - d->pad_top + kh * d->dilation_h;
    const int64_t iw = ow * d->stride_w - d->pad_left + kw * d->dilation_w;
    const float *row = plane + ih * d->iw;
    const int inside = ih >= 0 && ih < d->ih;
    for (int64_t i = 0, w = iw; i < run; i++, w += d->stride_w, to += STRIP) *to = inside && w >= 0 && w < d->iw ? row[w] : 0;
    p += run;
    steps -= run;
  }
}

static void gather_chunk(const strip *s, int64_t n, int64_t p, int64_t steps, float *gathered) {
  for (int64_t k = 0; k < s->count; k++) gather(s, n, s->first + k, p, steps, gathered + k);
  for (int64_t i = 0; i < steps; i++)
    for (int64_t k = s->count; k < STRIP; k++) gathered[i * STRIP + k] = 0;
}

/* The strip's weights of output channels oc0..oc1-1 of the group. */
static void run_strip(const strip *s, int64_t oc0, int64_t oc1, float *gathered) {
  const lw_conv2d_desc *d = &s->a->desc;
  const int64_t plane = s->a->oh * s->a->ow, weights = d->ic / d->groups * d->kh * d->kw;
  const int64_t from = s->group * (d->oc / d->groups) + oc0;
  float *const chains = gathered + STEPS * STRIP, *const dw = s->a->out + from * weights + s->first;
  for (int64_t oc = 0; oc < oc1 - oc0 && d->n == 0; oc++) memset(dw + oc * weights, 0, (size_t)s->count * sizeof *dw);
  for (int64_t n = 0; n < d->n; n++) {
    for (int64_t p = 0; p < plane; p += STEPS) {
      const float *dy = s->a->dy + (n * d->oc + from) * plane + p;
      const int64_t steps = plane - p < STEPS ? plane - p : STEPS;
      gather_chunk(s, n, p, steps, gathered);
      chunk_run(0, &(chunk){.gathered = gathered, .steps = steps, .factor = dy, .row_stride = plane, .first = p == 0}, oc1 - oc0,
                chains);
    }
    for (int64_t oc = 0; oc < oc1 - oc0; oc++)
      for (int64_t k = 0; k < s->count; k++) {
        float *sum = dw + oc * weights + k;
        *sum = n == 0 ? chains[oc * STRIP + k] : *sum + chains[oc * STRIP + k];
      }
  }
}

void VEC_FN(conv2d_backward_weights_strips)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t weights = d->ic / d->groups * d->kh * d->kw, oc_group = d->oc / d->groups;
  const int64_t strips = (weights + STRIP - 1) / STRIP;
  /* Output channels are split only where there are few strips, since each share gathers anew. */
  const int64_t wanted = 2 * part.count / (d->groups * strips) + 1, tiles = (oc_group + ROWS - 1) / ROWS;
  const int64_t splits = wanted < tiles ? wanted : tiles, each = (tiles + splits - 1) / splits * ROWS;
  float *const scratch = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride);
  int64_t begin, end;
  lw_share(d->groups * strips * splits, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t i = u / splits, oc0 = u % splits * each, oc1 = oc0 + each < oc_group ? oc0 + each : oc_group;
    strip s = {.a = a, .group = i / strips, .first = i % strips * STRIP};
    s.count = weights - s.first < STRIP ? weights - s.first : STRIP;
    if (oc0 < oc1) run_strip(&s, oc0, oc1, scratch);
  }
}
