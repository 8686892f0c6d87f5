/* SPDX-License-Identifier: Apache-2.0
 * Mini-batches: images in a random order, and changed at random. Only +, -, *, / and fmaf, so that all bits are the same on every
 * machine. */
#include <math.h>
#include <string.h>
#include "data/dataset.h"
#include "data/random.h"

enum { SHUFFLE = 0x73687566, AUGMENT = 0x61756721 }; /* purposes of random streams */
static const float MOST_SHIFT = 1e4f;

lw_status lw_shuffle(uint64_t seed, uint32_t epoch, int64_t count, int64_t *order) {
  if (count < 0 || count > UINT32_MAX)
    return lw_fail(LW_BAD_ARGUMENT, "lw_shuffle: count is %lld, expected 0..2^32 - 1", (long long)count);
  if (!order && count > 0) return lw_fail(LW_BAD_ARGUMENT, "lw_shuffle: order is NULL");
  lw_random r = lw_random_start(seed, epoch, 0, SHUFFLE);
  for (int64_t i = count - 1; i > 0; i--) {
    const int64_t j = (int64_t)((uint64_t)lw_random_word(&r) * (uint64_t)(i + 1) >> 32), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return LW_OK;
}

/* --------------------------------------------------------------------------------------------------------------- moves */

/* Where pixel (row, column) of the new image lies in the old one: (y0 + row*yr + column*yc, x0 + row*xr + column*xc). */
typedef struct map {
  float y0, yr, yc, x0, xr, xc;
  int is_whole; /* whole pixels to whole pixels */
} map;

/* tan(v), 0 <= v <= pi/4, from the series of sine and cosine: the error of libm's would differ between machines. */
static double tangent(double v) {
  double sine = 0, cosine = 0, term = 1;
  for (int k = 1; k < 20; k += 2) {
    cosine += term;
    term *= v / k;
    sine += term;
    term *= -v / (k + 1);
  }
  return sine / cosine;
}

/* All numbers are drawn, whatever the options: one option does not change what another one does. */
static map random_map(lw_random *r, const lw_dataset *d, const lw_augment *a) {
  const uint32_t places = (uint32_t)(2 * a->crop + 1);
  const int64_t rows = lw_random_below(r, places) - a->crop, columns = lw_random_below(r, places) - a->crop;
  const float down = (float)rows + lw_random_between(r, -a->shift, a->shift);
  const float right = (float)columns + lw_random_between(r, -a->shift, a->shift);
  /* A rotation by 2 atan(t). */
  const float most = (float)tangent((double)a->rotate * (3.14159265358979323846 / 360)), t = lw_random_between(r, -most, most);
  const int is_other = lw_random_below(r, 2);
  const float mirror = a->flip && is_other ? -1.0f : 1.0f;
  const float cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
  const float cy = (float)(d->h - 1) * 0.5f, cx = (float)(d->w - 1) * 0.5f;
  map m = {.yr = cosine, .yc = sine * mirror, .xr = -sine, .xc = cosine * mirror, .is_whole = a->shift == 0 && a->rotate == 0};
  m.y0 = cy - (cy * m.yr + cx * m.yc) - down;
  m.x0 = cx - (cy * m.xr + cx * m.xc) - right;
  return m;
}

/* The images of a data set, with a byte's value looked up instead of divided by 255. */
typedef struct source {
  const lw_dataset *d;
  float values[256];
} source;

static float pixel(const source *s, const uint8_t *plane, int64_t row, int64_t column) {
  const lw_dataset *d = s->d;
  return row >= 0 && row < d->h && column >= 0 && column < d->w ? s->values[plane[row * d->w + column]] : 0;
}

/* floor(v) as an int64_t; far outside of the image, where all is 0, any number does. */
static int64_t whole_below(float v) {
  const float limit = 1e9f;
  if (!(v > -limit && v < limit)) return -2;
  const int64_t whole = (int64_t)v;
  return whole - ((float)whole > v);
}

static float sample(const source *s, const uint8_t *plane, float y, float x) {
  const lw_dataset *d = s->d;
  const int64_t row = whole_below(y), column = whole_below(x);
  float a, b, e, f;
  if (row >= 0 && row < d->h - 1 && column >= 0 && column < d->w - 1) {
    const uint8_t *p = plane + row * d->w + column;
    if (!(p[0] | p[1] | p[d->w] | p[d->w + 1])) return 0;
    a = s->values[p[0]], b = s->values[p[1]], e = s->values[p[d->w]], f = s->values[p[d->w + 1]];
  } else {
    a = pixel(s, plane, row, column), b = pixel(s, plane, row, column + 1);
    e = pixel(s, plane, row + 1, column), f = pixel(s, plane, row + 1, column + 1);
  }
  const float v = y - (float)row, u = x - (float)column;
  const float top = fmaf(u, b - a, a), bottom = fmaf(u, f - e, e);
  return fmaf(v, bottom - top, top);
}

static void move(const source *s, const uint8_t *image, const map *m, float *x) {
  const lw_dataset *d = s->d;
  for (int64_t c = 0; c < d->c; c++)
    for (int64_t row = 0; row < d->h; row++) {
      const uint8_t *plane = image + c * d->h * d->w;
      const float y0 = fmaf((float)row, m->yr, m->y0), x0 = fmaf((float)row, m->xr, m->x0);
      for (int64_t column = 0; column < d->w; column++) {
        const float py = fmaf((float)column, m->yc, y0), px = fmaf((float)column, m->xc, x0);
        *x++ = m->is_whole ? pixel(s, plane, (int64_t)py, (int64_t)px) : sample(s, plane, py, px);
      }
    }
}

/* --------------------------------------------------------------------------------------------------------------- batch */

static lw_status check_augment(const char *call, const lw_dataset *d, const lw_augment *a) {
  const int64_t side = d->h < d->w ? d->h : d->w;
  if (a->crop < 0 || a->crop >= side)
    return lw_fail(LW_BAD_ARGUMENT, "%s: augment->crop is %lld, expected 0..%lld for images of %lldx%lld", call,
                   (long long)a->crop, (long long)side - 1, (long long)d->h, (long long)d->w);
  if (!(a->shift >= 0 && a->shift <= MOST_SHIFT))
    return lw_fail(LW_BAD_ARGUMENT, "%s: augment->shift is %g, expected 0..%g", call, (double)a->shift, (double)MOST_SHIFT);
  if (!(a->rotate >= 0 && a->rotate <= 90))
    return lw_fail(LW_BAD_ARGUMENT, "%s: augment->rotate is %g, expected 0..90", call, (double)a->rotate);
  if (!(a->noise >= 0 && a->noise < INFINITY))
    return lw_fail(LW_BAD_ARGUMENT, "%s: augment->noise is %g, expected a finite number of at least 0", call, (double)a->noise);
  return LW_OK;
}

static void load(const source *s, int64_t number, const lw_augment *a, uint64_t seed, uint32_t epoch, float *x) {
  const lw_dataset *d = s->d;
  const int64_t size = d->c * d->h * d->w;
  const uint8_t *image = d->pixels + number * size;
  if (!a) {
    for (int64_t i = 0; i < size; i++) x[i] = s->values[image[i]];
    return;
  }
  lw_random r = lw_random_start(seed, (uint32_t)number, epoch, AUGMENT);
  const map m = random_map(&r, d, a);
  move(s, image, &m, x);
  for (int64_t i = 0; i < size && a->noise > 0; i++) x[i] = fmaf(a->noise, lw_random_bell(&r), x[i]);
}

lw_status lw_dataset_batch(const lw_dataset *dataset, const int64_t *order, int64_t count, const lw_augment *augment,
                           uint64_t seed, uint32_t epoch, float *x, int32_t *labels) {
  static const char call[] = "lw_dataset_batch";
  lw_status status = lw_dataset_check(call, dataset);
  if (status == LW_OK && augment) status = check_augment(call, dataset, augment);
  if (status != LW_OK) return status;
  if (count < 0) return lw_fail(LW_BAD_ARGUMENT, "%s: count is %lld", call, (long long)count);
  if (count > 0 && (!order || !x || !labels))
    return lw_fail(LW_BAD_ARGUMENT, "%s: %s is NULL", call, !order ? "order" : !x ? "x" : "labels");
  for (int64_t i = 0; i < count; i++)
    if (order[i] < 0 || order[i] >= dataset->count)
      return lw_fail(LW_BAD_ARGUMENT, "%s: order[%lld] is %lld, the data set has %lld images", call, (long long)i,
                     (long long)order[i], (long long)dataset->count);
  source s = {.d = dataset};
  for (int i = 0; i < 256; i++) s.values[i] = (float)i / 255.0f;
  for (int64_t i = 0; i < count; i++) {
    load(&s, order[i], augment, seed, epoch, x + i * dataset->c * dataset->h * dataset->w);
    labels[i] = dataset->labels[order[i]];
  }
  return LW_OK;
}
