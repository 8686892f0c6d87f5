/* SPDX-License-Identifier: Apache-2.0
 * From an image to the input of a network, by the public operators. */
#include "data/image.h"

#include <string.h>

enum { SHORT_SIDE = 256, VGG = 224, LENET = 28, NET = 32, MAX_ASPECT = 64 };

static lw_status check(const char *call, const lw_image *image, const float *x) {
  if (!x) return lw_fail(LW_BAD_ARGUMENT, "%s: x is NULL", call);
  if ((uintptr_t)x % sizeof *x != 0)
    return lw_fail(LW_BAD_ARGUMENT, "%s: x is %p, expected 4-byte aligned", call, (const void *)x);
  return lw_image_check(call, image);
}

static lw_status allocate(lw_context *context, int64_t count, void **pointer) {
  return lw_allocate(context, (size_t)count * sizeof(float), pointer);
}

/* The image as floats 0..255 of shape [c][oh][ow]; on success `*y` is released by the caller. */
static lw_status resized(lw_context *context, const lw_image *image, int gray, int64_t oh, int64_t ow, void **y) {
  const int to_gray = gray && image->c == 3;
  const int64_t area = image->w * image->h, c = to_gray ? 1 : image->c;
  void *planes = NULL, *luma = NULL, *small = NULL;
  lw_status status = allocate(context, image->c * area, &planes);
  if (status == LW_OK) status = lw_u8_to_f32(context, image->c, image->h, image->w, image->pixels, planes);
  if (status == LW_OK && to_gray) status = allocate(context, area, &luma);
  if (status == LW_OK && to_gray) status = lw_grayscale(context, 1, image->h, image->w, planes, luma);
  if (status == LW_OK) status = allocate(context, c * oh * ow, &small);
  if (status == LW_OK) {
    const lw_resize_desc desc = {.n = 1, .c = c, .ih = image->h, .iw = image->w, .oh = oh, .ow = ow, .antialias = 1};
    status = lw_resize_bilinear(context, &desc, to_gray ? luma : planes, small);
  }
  lw_release(context, planes);
  lw_release(context, luma);
  if (status == LW_OK)
    *y = small;
  else
    lw_release(context, small);
  return status;
}

/* Gray is worked on as one channel and repeated at the end: the same bits for a third of the work. */
static void repeat_channel(float *x, int64_t area) {
  for (int k = 1; k < 3; k++) memcpy(x + k * area, x, (size_t)area * sizeof *x);
}

/* torchvision: round(margin / 2.0), and Python's round goes to the even number at a half. */
static int64_t half_margin(int64_t margin) {
  const int64_t half = margin / 2;
  return margin % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

lw_status lw_image_to_vgg16(lw_context *context, const lw_image *image, float *x) {
  static const float mean[] = {.485f, .456f, .406f}, std[] = {.229f, .224f, .225f};
  static const char call[] = "lw_image_to_vgg16";
  void *scaled;
  lw_status status = check(call, image, x);
  if (status != LW_OK) return status;
  const int64_t w = image->w, h = image->h, s = w < h ? w : h, l = w < h ? h : w;
  if (l > s * MAX_ASPECT)
    return lw_fail(LW_BAD_SHAPE, "%s: image has w = %lld, h = %lld, expected a long side of at most %d times the short one", call,
                   (long long)w, (long long)h, MAX_ASPECT);
  const int64_t longer = SHORT_SIDE * l / s, ow = w < h ? SHORT_SIDE : longer, oh = w < h ? longer : SHORT_SIDE;
  status = resized(context, image, 0, oh, ow, &scaled);
  if (status != LW_OK) return status;
  const lw_crop_desc crop = {.n = 1,
                             .c = image->c,
                             .ih = oh,
                             .iw = ow,
                             .top = half_margin(oh - VGG),
                             .left = half_margin(ow - VGG),
                             .oh = VGG,
                             .ow = VGG};
  status = lw_crop(context, &crop, scaled, x);
  lw_release(context, scaled);
  if (status != LW_OK) return status;
  if (image->c == 1) repeat_channel(x, VGG * VGG);
  return lw_normalize(context, 1, 3, VGG, VGG, mean, std, x, x);
}

static lw_status to_square(const char *call, lw_context *context, const lw_image *image, int gray, int64_t side, float *x) {
  void *scaled;
  lw_status status = check(call, image, x);
  if (status == LW_OK) status = resized(context, image, gray, side, side, &scaled);
  if (status != LW_OK) return status;
  const int64_t c = gray ? 1 : image->c;
  status = lw_normalize(context, 1, c, side, side, NULL, NULL, scaled, x);
  lw_release(context, scaled);
  if (status == LW_OK && !gray && c == 1) repeat_channel(x, side * side);
  return status;
}

lw_status lw_image_to_gray28(lw_context *context, const lw_image *image, float *x) {
  return to_square("lw_image_to_gray28", context, image, 1, LENET, x);
}

lw_status lw_image_to_rgb32(lw_context *context, const lw_image *image, float *x) {
  return to_square("lw_image_to_rgb32", context, image, 0, NET, x);
}

lw_status lw_image_to_input(lw_context *context, const lw_net *net, const lw_image *image, float *x) {
  static const struct {
    int64_t c, side;
    lw_status (*prepare)(lw_context *context, const lw_image *image, float *x);
  } inputs[] = {{3, VGG, lw_image_to_vgg16}, {1, LENET, lw_image_to_gray28}, {3, NET, lw_image_to_rgb32}};
  if (!net) return lw_fail(LW_BAD_ARGUMENT, "lw_image_to_input: net is NULL");
  for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
    if (net->c == inputs[i].c && net->h == inputs[i].side && net->w == inputs[i].side)
      return inputs[i].prepare(context, image, x);
  return lw_fail(LW_UNSUPPORTED, "lw_image_to_input: network %s reads %lld x %lld x %lld, expected 3x224x224, 1x28x28 or 3x32x32",
                 net->name ? net->name : "(no name)", (long long)net->c, (long long)net->h, (long long)net->w);
}
