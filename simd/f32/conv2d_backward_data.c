/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_data, algorithm `strips`: any shape on plain tensors. Lanes are pixels of dx whose coordinates have one
 * remainder modulo the strides: the same taps touch them all, and from one to the next the output that a tap reads moves by one.
 * Pixels of such a class are taken flat over its rows, STRIP at a time. */
#include "simd/f32/conv2d_strip.h"

typedef struct strip {
  const lw_conv2d_backward_args *a;
  const float *dy;      /* channel 0 of the group */
  int64_t h0, w0;       /* the first pixel of the class */
  int64_t columns;      /* pixels of a row of it */
  int64_t first, count; /* pixels of the strip */
} strip;

/* A tap (oc, kh, kw) of the chain. */
typedef struct tap {
  int64_t oc, kh, kw;
} tap;

/* Moves on to the next tap that touches the class, or to oc == oc_group. */
static void next_tap(const strip *s, tap *t) {
  const lw_conv2d_desc *d = &s->a->desc;
  for (;;) {
    if (--t->kw < 0) {
      t->kw = d->kw - 1;
      do
        if (--t->kh < 0) {
          t->kh = d->kh - 1;
          if (++t->oc == d->oc / d->groups) return;
        }
      while ((s->h0 + d->pad_top - t->kh * d->dilation_h) % d->stride_h != 0);
    }
    if ((s->w0 + d->pad_left - t->kw * d->dilation_w) % d->stride_w == 0) return;
  }
}

/* The outputs that a tap reads for the pixels of the strip, +0 outside of y and past the strip's end. */
static void gather(const strip *s, const tap *t, float *to) {
  const lw_conv2d_desc *d = &s->a->desc;
  const int64_t oh0 = (s->h0 + d->pad_top - t->kh * d->dilation_h) / d->stride_h;
  const int64_t ow0 = (s->w0 + d->pad_left - t->kw * d->dilation_w) / d->stride_w;
  const float *plane = s->dy + t->oc * s->a->oh * s->a->ow;
  float *const end = to + STRIP;
  for (int64_t p = s->first, left = s->count; left > 0;) {
    const int64_t column = p % s->columns, oh = oh0 + p / s->columns, ow = ow0 + column;
    const int64_t run = s->columns - column < left ? s->columns - column : left;
    int64_t begin = ow < 0 ? -ow : 0, stop = s->a->ow - ow < run ? s->a->ow - ow : run; /* inside of y */
    if (oh < 0 || oh >= s->a->oh || begin > stop) begin = stop = 0;
    for (int64_t i = 0; i < begin; i++) to[i] = 0;
    for (int64_t i = begin; i < stop; i++) to[i] = plane[oh * s->a->ow + ow + i];
    for (int64_t i = stop; i < run; i++) to[i] = 0;
    to += run;
    p += run;
    left -= run;
  }
  while (to < end) *to++ = 0;
}

/* Gathers a chunk of taps from *t on and returns how many. */
static int64_t gather_chunk(const strip *s, tap *t, float *gathered, int64_t *steps) {
  const lw_conv2d_desc *d = &s->a->desc;
  const int64_t ic_group = d->ic / d->groups;
  int64_t count = 0;
  for (; count < STEPS && t->oc < d->oc / d->groups; count++, next_tap(s, t)) {
    gather(s, t, gathered + count * STRIP);
    steps[count] = (t->oc * ic_group * d->kh + t->kh) * d->kw + t->kw;
  }
  return count;
}

static void scatter(const strip *s, const float *chain, float *dx) {
  const lw_conv2d_desc *d = &s->a->desc;
  for (int64_t i = 0, p = s->first; i < s->count; i++, p++)
    dx[(s->h0 + p / s->columns * d->stride_h) * d->iw + s->w0 + p % s->columns * d->stride_w] = chain[i];
}

/* w: of the group. dx: channel 0 of the group. */
static void run_strip(const strip *s, const float *w, float *gathered, float *dx) {
  const lw_conv2d_desc *d = &s->a->desc;
  const int64_t ic_group = d->ic / d->groups;
  float *const chains = gathered + STEPS * STRIP;
  int64_t steps[STEPS];
  tap t = {-1, 0, 0};
  next_tap(s, &t);
  chunk c = {.gathered = gathered, .factor = w, .step = steps, .row_stride = d->kh * d->kw, .first = 1};
  do {
    c.steps = gather_chunk(s, &t, gathered, steps);
    chunk_run(1, &c, ic_group, chains);
    c.first = 0;
  } while (t.oc < d->oc / d->groups);
  for (int64_t ic = 0; ic < ic_group; ic++) scatter(s, chains + ic * STRIP, dx + ic * d->ih * d->iw);
}

static int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

void VEC_FN(conv2d_backward_data_strips)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups;
  /* Classes of pixels, and the strips of the largest one. */
  const int64_t classes_h = d->stride_h < d->ih ? d->stride_h : d->ih, classes_w = d->stride_w < d->iw ? d->stride_w : d->iw;
  const int64_t strips = divide_up(divide_up(d->ih, d->stride_h) * divide_up(d->iw, d->stride_w), STRIP);
  float *const scratch = (float *)(void *)(a->scratch + (size_t)part.index * a->scratch_stride);
  int64_t begin, end;
  lw_share(d->n * d->groups * classes_h * classes_w * strips, part, &begin, &end);
  for (int64_t u = begin; u < end; u++) {
    const int64_t of_class = u / strips % (classes_h * classes_w), image = u / strips / (classes_h * classes_w);
    const int64_t group = image % d->groups;
    strip s = {.a = a, .dy = a->dy + image * oc_group * a->oh * a->ow, .h0 = of_class / classes_w, .w0 = of_class % classes_w};
    s.columns = divide_up(d->iw - s.w0, d->stride_w);
    s.first = u % strips * STRIP;
    s.count = divide_up(d->ih - s.h0, d->stride_h) * s.columns - s.first;
    if (s.count <= 0) continue;
    if (s.count > STRIP) s.count = STRIP;
    run_strip(&s, a->w + group * oc_group * ic_group * d->kh * d->kw, scratch, a->out + image * ic_group * d->ih * d->iw);
  }
}
