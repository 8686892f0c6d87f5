/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

lw_status lw_filter2d(lw_context *context, const lw_filter2d_desc *d, const float *kernel, const float *x, float *y) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "filter2d: desc is NULL");
  int64_t count, taps, work;
  LW_TRY(lw_check_count("filter2d", "x", (const int64_t[]){d->n, d->c, d->h, d->w}, 4, sizeof(float), &count));
  LW_TRY(lw_check_least("filter2d", "kh", d->kh, 1));
  LW_TRY(lw_check_least("filter2d", "kw", d->kw, 1));
  LW_TRY(lw_check_count("filter2d", "kernel", (const int64_t[]){1, d->kh, d->kw}, 3, sizeof(float), &taps));
  if (d->kh % 2 == 0) return lw_fail(LW_BAD_SHAPE, "filter2d: kh is %" PRId64 ", expected an odd number", d->kh);
  if (d->kw % 2 == 0) return lw_fail(LW_BAD_SHAPE, "filter2d: kw is %" PRId64 ", expected an odd number", d->kw);
  if (!d->same && (d->kh > d->h || d->kw > d->w))
    return lw_fail(LW_BAD_SHAPE,
                   "filter2d: kernel is %" PRId64 " x %" PRId64 ", larger than the image, h %" PRId64 " x w %" PRId64, d->kh,
                   d->kw, d->h, d->w);
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("filter2d", kernel));
  LW_TRY(LW_CHECK_F32("filter2d", x));
  LW_TRY(LW_CHECK_F32("filter2d", y));
  const lw_args args = {.filter2d = {*d, kernel, x, y}};
  return lw_op_run(context, LW_OP_filter2d, NULL, &args, __builtin_mul_overflow(count, taps, &work) ? INT64_MAX : work);
}

lw_status lw_filter2d_preset(const char *name, float kernel[9]) {
  static const struct {
    const char *name;
    float kernel[9];
  } presets[] = {
      {"identity", {0, 0, 0, 0, 1, 0, 0, 0, 0}},
      {"sharpen", {0, -1, 0, -1, 5, -1, 0, -1, 0}},
      {"blur", {1 / 16.f, 2 / 16.f, 1 / 16.f, 2 / 16.f, 4 / 16.f, 2 / 16.f, 1 / 16.f, 2 / 16.f, 1 / 16.f}},
      {"emboss", {-2, -1, 0, -1, 1, 1, 0, 1, 2}},
      {"outline", {-1, -1, -1, -1, 8, -1, -1, -1, -1}},
      {"sobel_x", {-1, 0, 1, -2, 0, 2, -1, 0, 1}},
      {"sobel_y", {-1, -2, -1, 0, 0, 0, 1, 2, 1}},
  };
  if (!name) return lw_fail(LW_BAD_ARGUMENT, "filter2d: name is NULL");
  LW_TRY(LW_CHECK_F32("filter2d", kernel));
  for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
    if (strcmp(name, presets[i].name) == 0) {
      memcpy(kernel, presets[i].kernel, sizeof presets[i].kernel);
      return LW_OK;
    }
  return lw_fail(LW_BAD_ARGUMENT,
                 "filter2d: name is \"%s\", expected identity, sharpen, blur, emboss, outline, sobel_x or sobel_y", name);
}
