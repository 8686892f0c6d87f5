/* SPDX-License-Identifier: Apache-2.0
 * Image operators that need no more than their sizes: u8_to_f32, grayscale, normalize, flip, crop, pad2d. */
#include "ops/ops.h"

#include <inttypes.h>

lw_status lw_u8_to_f32(lw_context *context, int64_t c, int64_t h, int64_t w, const uint8_t *u, float *y) {
  int64_t count;
  LW_TRY(lw_check_count("u8_to_f32", "y", (const int64_t[]){1, c, h, w}, 4, sizeof(float), &count));
  LW_TRY(lw_check_pointer("u8_to_f32", "u", u, 1));
  LW_TRY(LW_CHECK_F32("u8_to_f32", y));
  const lw_args args = {.u8_to_f32 = {c, h, w, u, y}};
  return lw_op_run(context, LW_OP_u8_to_f32, NULL, &args, count);
}

lw_status lw_grayscale(lw_context *context, int64_t n, int64_t h, int64_t w, const float *x, float *y) {
  int64_t count;
  LW_TRY(lw_check_count("grayscale", "x", (const int64_t[]){n, 3, h, w}, 4, sizeof(float), &count));
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("grayscale", x));
  LW_TRY(LW_CHECK_F32("grayscale", y));
  const lw_args args = {.grayscale = {n, h, w, x, y}};
  return lw_op_run(context, LW_OP_grayscale, NULL, &args, count);
}

lw_status lw_normalize(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, const float *mean, const float *std,
                       const float *x, float *y) {
  int64_t count;
  LW_TRY(lw_check_count("normalize", "x", (const int64_t[]){n, c, h, w}, 4, sizeof(float), &count));
  if (mean) LW_TRY(LW_CHECK_F32("normalize", mean));
  if (std) LW_TRY(LW_CHECK_F32("normalize", std));
  for (int64_t i = 0; std && i < c; i++)
    if (std[i] == 0) return lw_fail(LW_BAD_ARGUMENT, "normalize: std[%" PRId64 "] is 0, a divisor", i);
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("normalize", x));
  LW_TRY(LW_CHECK_F32("normalize", y));
  const lw_args args = {.normalize = {n, c, h, w, mean, std, x, y}};
  return lw_op_run(context, LW_OP_normalize, NULL, &args, count);
}

lw_status lw_flip(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, int horizontal, int vertical, const float *x,
                  float *y) {
  int64_t count;
  LW_TRY(lw_check_count("flip", "x", (const int64_t[]){n, c, h, w}, 4, sizeof(float), &count));
  if (n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("flip", x));
  LW_TRY(LW_CHECK_F32("flip", y));
  const lw_args args = {.flip = {n, c, h, w, horizontal, vertical, x, y}};
  return lw_op_run(context, LW_OP_flip, NULL, &args, count);
}

lw_status lw_crop(lw_context *context, const lw_crop_desc *d, const float *x, float *y) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "crop: desc is NULL");
  int64_t count;
  LW_TRY(lw_check_count("crop", "x", (const int64_t[]){d->n, d->c, d->ih, d->iw}, 4, sizeof(float), NULL));
  LW_TRY(lw_check_least("crop", "top", d->top, 0));
  LW_TRY(lw_check_least("crop", "left", d->left, 0));
  LW_TRY(lw_check_count("crop", "y", (const int64_t[]){d->n, d->c, d->oh, d->ow}, 4, sizeof(float), &count));
  if (d->oh > d->ih || d->top > d->ih - d->oh)
    return lw_fail(LW_BAD_SHAPE, "crop: top %" PRId64 " + oh %" PRId64 " reaches past ih %" PRId64, d->top, d->oh, d->ih);
  if (d->ow > d->iw || d->left > d->iw - d->ow)
    return lw_fail(LW_BAD_SHAPE, "crop: left %" PRId64 " + ow %" PRId64 " reaches past iw %" PRId64, d->left, d->ow, d->iw);
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("crop", x));
  LW_TRY(LW_CHECK_F32("crop", y));
  const lw_args args = {.crop = {*d, x, y}};
  return lw_op_run(context, LW_OP_crop, NULL, &args, count);
}

lw_status lw_pad2d(lw_context *context, const lw_pad2d_desc *d, const float *x, float *y) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "pad2d: desc is NULL");
  if ((int)d->mode < LW_PAD_CONSTANT || d->mode > LW_PAD_REFLECT)
    return lw_fail(LW_BAD_ARGUMENT, "pad2d: mode is %d, expected LW_PAD_CONSTANT, LW_PAD_EDGE or LW_PAD_REFLECT", (int)d->mode);
  LW_TRY(lw_check_count("pad2d", "x", (const int64_t[]){d->n, d->c, d->ih, d->iw}, 4, sizeof(float), NULL));
  const struct {
    const char *name;
    int64_t pad, size;
  } sides[] = {{"top", d->top, d->ih}, {"bottom", d->bottom, d->ih}, {"left", d->left, d->iw}, {"right", d->right, d->iw}};
  for (int i = 0; i < 4; i++) {
    LW_TRY(lw_check_least("pad2d", sides[i].name, sides[i].pad, 0));
    if (d->mode == LW_PAD_REFLECT && sides[i].pad >= sides[i].size)
      return lw_fail(LW_BAD_SHAPE, "pad2d: %s is %" PRId64 ", expected less than the image's %" PRId64 " to reflect",
                     sides[i].name, sides[i].pad, sides[i].size);
  }
  int64_t h, w, count;
  if (__builtin_add_overflow(d->ih, d->top, &h) || __builtin_add_overflow(h, d->bottom, &h) ||
      __builtin_add_overflow(d->iw, d->left, &w) || __builtin_add_overflow(w, d->right, &w))
    return lw_fail(LW_BAD_SHAPE, "pad2d: top %" PRId64 ", bottom %" PRId64 ", left %" PRId64 ", right %" PRId64 " are too large",
                   d->top, d->bottom, d->left, d->right);
  LW_TRY(lw_check_count("pad2d", "y", (const int64_t[]){d->n, d->c, h, w}, 4, sizeof(float), &count));
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("pad2d", x));
  LW_TRY(LW_CHECK_F32("pad2d", y));
  const lw_args args = {.pad2d = {*d, x, y}};
  return lw_op_run(context, LW_OP_pad2d, NULL, &args, count);
}
