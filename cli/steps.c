/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/steps.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KERNEL = 999, MAX_PIXELS = 1 << 28 }; /* of one side; of an image, as lw_image_load and lw_image_save have it */

/* What stands behind a step's colon. */
typedef struct arguments {
  long long w, h, left, top, pad;
  int horizontal, vertical;
  lw_pad_mode mode;
} arguments;

typedef lw_status run_step(const step_options *options, const char *name, const arguments *a, const planes *in, planes *out);

/* ------------------------------------------------------------------------------------------------------------ kernels */

static lw_status parse_row(const char **at, own_kernel *k, int64_t *columns) {
  const char *p = *at;
  *columns = 0;
  for (;;) {
    while (isspace((unsigned char)*p) || *p == ',') p++;
    if (*p == 0 || *p == ';') break;
    char *end;
    const float value = strtof(p, &end);
    if (end == p || !isfinite(value) || (*end && !isspace((unsigned char)*end) && !strchr(",;", *end)))
      return lw_fail(LW_BAD_ARGUMENT, "--kernel: \"%.20s\" is no finite number, row %lld", p, (long long)k->h + 1);
    k->values[k->h * k->w + (*columns)++] = value;
    p = end;
  }
  *at = p + (*p == ';');
  return LW_OK;
}

static lw_status parse_rows(const char *text, own_kernel *k) {
  for (const char *p = text; *p;) {
    int64_t columns;
    const lw_status status = parse_row(&p, k, &columns);
    if (status != LW_OK) return status;
    if (columns == 0 && *p == 0 && k->h > 0) break; /* a ';' at the end */
    if (k->h > 0 && columns != k->w)
      return lw_fail(LW_BAD_ARGUMENT, "--kernel: row %lld has %lld numbers, expected %lld as row 1 has", (long long)k->h + 1,
                     (long long)columns, (long long)k->w);
    k->w = columns;
    k->h++;
  }
  if (k->h % 2 == 0 || k->w % 2 == 0 || k->h > MAX_KERNEL || k->w > MAX_KERNEL)
    return lw_fail(LW_BAD_ARGUMENT, "--kernel: %lld rows of %lld numbers, expected odd sizes up to %d", (long long)k->h,
                   (long long)k->w, MAX_KERNEL);
  return LW_OK;
}

lw_status own_kernel_parse(const char *text, own_kernel *kernel) {
  /* A number takes at least one character, and one more that ends it. */
  own_kernel k = {.values = malloc((strlen(text) / 2 + 1) * sizeof *k.values)};
  if (!k.values) return lw_fail(LW_NO_MEMORY, "--kernel: no memory");
  const lw_status status = parse_rows(text, &k);
  if (status == LW_OK)
    *kernel = k;
  else
    free(k.values);
  return status;
}

/* ---------------------------------------------------------------------------------------------------------- operators */

static lw_status make(const step_options *o, int64_t c, int64_t h, int64_t w, planes *out) {
  int64_t count;
  if (__builtin_mul_overflow(h, w, &count) || count > MAX_PIXELS)
    return lw_fail(LW_BAD_SHAPE, "%lld x %lld pixels, expected at most %d", (long long)w, (long long)h, MAX_PIXELS);
  void *values;
  const lw_status status = lw_allocate(o->context, (size_t)(c * count) * sizeof(float), &values);
  if (status == LW_OK) *out = (planes){c, h, w, values};
  return status;
}

static lw_status correlate(const step_options *o, int64_t kh, int64_t kw, const float *kernel, const planes *in, planes *out) {
  const lw_filter2d_desc desc = {.n = 1, .c = in->c, .h = in->h, .w = in->w, .kh = kh, .kw = kw, .same = !o->valid};
  if (o->valid && (kh > in->h || kw > in->w))
    return lw_fail(LW_BAD_SHAPE, "the kernel is %lld x %lld (rows x columns), larger than the image with %lld x %lld",
                   (long long)kh, (long long)kw, (long long)in->h, (long long)in->w);
  const lw_status status = o->valid ? make(o, in->c, in->h - kh + 1, in->w - kw + 1, out) : make(o, in->c, in->h, in->w, out);
  return status == LW_OK ? lw_filter2d(o->context, &desc, kernel, in->values, out->values) : status;
}

static lw_status run_preset(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  float kernel[9];
  (void)a;
  const lw_status status = lw_filter2d_preset(name, kernel);
  return status == LW_OK ? correlate(o, 3, 3, kernel, in, out) : status;
}

static lw_status run_kernel(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  (void)name, (void)a;
  return correlate(o, o->kernel.h, o->kernel.w, o->kernel.values, in, out);
}

/* The length of the gradient, from both filters. */
static lw_status run_sobel(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  planes across = {0}, down = {0};
  (void)name;
  lw_status status = run_preset(o, "sobel_x", a, in, &across);
  if (status == LW_OK) status = run_preset(o, "sobel_y", a, in, &down);
  for (int64_t i = 0; status == LW_OK && i < down.c * down.h * down.w; i++)
    across.values[i] = sqrtf(across.values[i] * across.values[i] + down.values[i] * down.values[i]);
  lw_release(o->context, down.values);
  *out = across;
  return status;
}

static lw_status run_grayscale(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  (void)name, (void)a;
  const lw_status status = make(o, 1, in->h, in->w, out);
  if (status != LW_OK) return status;
  if (in->c == 3) return lw_grayscale(o->context, 1, in->h, in->w, in->values, out->values);
  memcpy(out->values, in->values, (size_t)(in->h * in->w) * sizeof *in->values);
  return LW_OK;
}

static lw_status run_resize(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  const lw_resize_desc desc = {.n = 1, .c = in->c, .ih = in->h, .iw = in->w, .oh = a->h, .ow = a->w, .antialias = 1};
  (void)name;
  const lw_status status = make(o, in->c, a->h, a->w, out);
  return status == LW_OK ? lw_resize_bilinear(o->context, &desc, in->values, out->values) : status;
}

static lw_status run_crop(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  const lw_crop_desc desc = {1, in->c, in->h, in->w, a->top, a->left, a->h, a->w};
  (void)name;
  if (a->left + a->w > in->w || a->top + a->h > in->h)
    return lw_fail(LW_BAD_SHAPE, "%lldx%lld+%lld+%lld reaches past the image of %lldx%lld", a->w, a->h, a->left, a->top,
                   (long long)in->w, (long long)in->h);
  const lw_status status = make(o, in->c, a->h, a->w, out);
  return status == LW_OK ? lw_crop(o->context, &desc, in->values, out->values) : status;
}

static lw_status run_flip(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  (void)name;
  const lw_status status = make(o, in->c, in->h, in->w, out);
  return status == LW_OK ? lw_flip(o->context, 1, in->c, in->h, in->w, a->horizontal, a->vertical, in->values, out->values)
                         : status;
}

static lw_status run_pad(const step_options *o, const char *name, const arguments *a, const planes *in, planes *out) {
  const lw_pad2d_desc desc = {.n = 1,
                              .c = in->c,
                              .ih = in->h,
                              .iw = in->w,
                              .top = a->pad,
                              .left = a->pad,
                              .bottom = a->pad,
                              .right = a->pad,
                              .mode = a->mode};
  (void)name;
  if (a->mode == LW_PAD_REFLECT && (a->pad >= in->h || a->pad >= in->w))
    return lw_fail(LW_BAD_SHAPE, "%lld pixels are to be reflected, expected fewer than the image of %lldx%lld has", a->pad,
                   (long long)in->w, (long long)in->h);
  const lw_status status = make(o, in->c, in->h + 2 * a->pad, in->w + 2 * a->pad, out);
  return status == LW_OK ? lw_pad2d(o->context, &desc, in->values, out->values) : status;
}

/* ---------------------------------------------------------------------------------------------------------- arguments */

/* A whole number lo..MAX_PIXELS at *p, and what must come after it. */
static int side(const char **p, long long lo, char after, long long *value) {
  char *end;
  if (!isdigit((unsigned char)**p)) return 0;
  *value = strtoll(*p, &end, 10); /* what is too large for it comes back as its limit */
  if (*value < lo || *value > MAX_PIXELS || *end != after) return 0;
  *p = end + (after != 0);
  return 1;
}

static int parse_none(const char *text, arguments *a) { return (void)a, text == NULL; }

static int parse_size(const char *text, arguments *a) { return text && side(&text, 1, 'x', &a->w) && side(&text, 1, 0, &a->h); }

static int parse_crop(const char *text, arguments *a) {
  return text && side(&text, 1, 'x', &a->w) && side(&text, 1, '+', &a->h) && side(&text, 0, '+', &a->left) &&
         side(&text, 0, 0, &a->top);
}

static int parse_flip(const char *text, arguments *a) {
  if (!text) return 0;
  a->horizontal = strcmp(text, "h") == 0 || strcmp(text, "hv") == 0;
  a->vertical = strcmp(text, "v") == 0 || strcmp(text, "hv") == 0;
  return a->horizontal || a->vertical;
}

static int parse_pad(const char *text, arguments *a) {
  if (!text) return 0;
  const char *colon = strchr(text, ':');
  if (!side(&text, 0, colon ? ':' : 0, &a->pad)) return 0;
  if (!colon) return 1;
  static const char *const modes[] = {[LW_PAD_CONSTANT] = "black", [LW_PAD_EDGE] = "edge", [LW_PAD_REFLECT] = "reflect"};
  for (int mode = LW_PAD_CONSTANT; mode <= LW_PAD_REFLECT; mode++)
    if (strcmp(text, modes[mode]) == 0) return a->mode = (lw_pad_mode)mode, 1;
  return 0;
}

static const struct step {
  const char *name, *syntax, *what;
  int (*parse)(const char *text, arguments *a);
  run_step *run;
} steps[] = {
    {"identity", "identity", "leaves every value as it is", parse_none, run_preset},
    {"sharpen", "sharpen", "3x3: centre 5, neighbours -1", parse_none, run_preset},
    {"blur", "blur", "3x3: binomial 1 2 1, sum 1", parse_none, run_preset},
    {"emboss", "emboss", "3x3: light from one corner", parse_none, run_preset},
    {"outline", "outline", "3x3: centre 8, all around -1", parse_none, run_preset},
    {"sobel_x", "sobel_x", "3x3: change from left to right", parse_none, run_preset},
    {"sobel_y", "sobel_y", "3x3: change from top to bottom", parse_none, run_preset},
    {"sobel", "sobel", "sqrt(sobel_x^2 + sobel_y^2): edges", parse_none, run_sobel},
    {"kernel", "kernel", "the kernel of --kernel", parse_none, run_kernel},
    {"grayscale", "grayscale", "luma .299 R + .587 G + .114 B (BT.601)", parse_none, run_grayscale},
    {"resize", "resize:WxH", "bilinear, with antialias when it shrinks", parse_size, run_resize},
    {"crop", "crop:WxH+LEFT+TOP", "cuts out a rectangle", parse_crop, run_crop},
    {"flip", "flip:h | flip:v | flip:hv", "mirrors left-right, top-bottom or both", parse_flip, run_flip},
    {"pad", "pad:N[:black|edge|reflect]", "N pixels more on each side", parse_pad, run_pad},
};
enum { STEPS = sizeof steps / sizeof *steps };

static lw_status find_step(const char *text, const struct step **step, arguments *a) {
  const char *colon = strchr(text, ':');
  const size_t length = colon ? (size_t)(colon - text) : strlen(text);
  *a = (arguments){0};
  for (size_t i = 0; i < STEPS; i++) {
    if (strlen(steps[i].name) != length || strncmp(text, steps[i].name, length) != 0) continue;
    *step = &steps[i];
    if (steps[i].parse(colon ? colon + 1 : NULL, a)) return LW_OK;
    return lw_fail(LW_BAD_ARGUMENT, "\"%.60s\" is not of the form %s", text, steps[i].syntax);
  }
  char names[200] = "";
  for (size_t i = 0, at = 0; i < STEPS; i++)
    at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i == 0 ? "" : i + 1 < STEPS ? ", " : " or ", steps[i].name);
  return lw_fail(LW_BAD_ARGUMENT, "\"%.40s\" is no filter, expected %s", text, names);
}

lw_status step_check(const char *text, const step_options *options) {
  const struct step *step;
  arguments a;
  const lw_status status = find_step(text, &step, &a);
  if (status == LW_OK && step->run == run_kernel && !options->kernel.values)
    return lw_fail(LW_BAD_ARGUMENT, "\"kernel\" wants a kernel: --kernel \"0 -1 0; -1 5 -1; 0 -1 0\"");
  return status;
}

lw_status step_run(const char *text, const step_options *options, planes *image) {
  const struct step *step;
  arguments a;
  planes out = {0};
  lw_status status = find_step(text, &step, &a);
  if (status == LW_OK) status = step->run(options, step->name, &a, image, &out);
  if (status != LW_OK) {
    lw_release(options->context, out.values);
    return status;
  }
  lw_release(options->context, image->values);
  *image = out;
  return LW_OK;
}

void step_list(void) {
  for (size_t i = 0; i < STEPS; i++) printf("%-26s  %s\n", steps[i].syntax, steps[i].what);
}
