/* SPDX-License-Identifier: Apache-2.0
 *
 * Lanewise data: images from files, and images as the inputs of the networks. A library of its own (lanewise_data, over libpng
 * and libjpeg-turbo): the core needs neither.
 *
 * The conventions of lanewise.h hold: every function that can fail returns lw_status, lw_error_message() tells which file and
 * why, a call that fails has written nothing to `out` or `x`, nothing aborts, nothing prints. All functions are thread-safe.
 */
#ifndef LANEWISE_DATA_H
#define LANEWISE_DATA_H

#include "lanewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes, HWC: channel k of column i in row j is pixels[(j * w + i) * c + k]. The fields may be filled in by hand, for an image
 * that the program owns itself; lw_image_free is only for images that a function of this header has made. */
typedef struct lw_image {
  int64_t w, h;
  int64_t c; /* 1: gray; 3: red, green, blue */
  uint8_t *pixels;
} lw_image;

/* Reads a PNG, JPEG or PNM file; what it is, its first bytes tell, not its name.
 *   PNG   all colour types and depths, interlaced or not. 16 bits become 8 by rounding v * 255 / 65535. Transparency is laid over
 *         black: (v * alpha + 127) / 255. A wrong checksum in any chunk is an error.
 *   JPEG  baseline and progressive, gray and YCbCr or RGB; CMYK and YCCK are LW_UNSUPPORTED. What libjpeg only warns of
 *         (data that end early or make no sense) is an error.
 *   PNM   P1 to P6, maxval 1..65535, scaled as (v * 255 + maxval / 2) / maxval; a bit of P1 and P4 is 0 or 255. The first image
 * counts. As in Netpbm's own readers, the last number of P2 and P3 is complete only with a character after it. Gamma, colour
 * profiles and the orientation of EXIF are ignored. `*out` need not be initialised; release it with lw_image_free. LW_BAD_FILE:
 * cannot be read, unknown kind, damaged, cut short, or more than 2^28 pixels. */
LW_API lw_status lw_image_load(const char *path, lw_image *out);

/* The same from memory; messages call the file "memory". */
LW_API lw_status lw_image_load_memory(const uint8_t *bytes, size_t size, lw_image *out);

/* Writes PNG (path ends in .png), PGM (.pgm, gray only), PPM (.ppm, colour only) or either of these (.pnm); upper case works too.
 * Another ending is LW_UNSUPPORTED. Where writing fails (LW_BAD_FILE), what was written so far stays. */
LW_API lw_status lw_image_save(const char *path, const lw_image *image);

/* Releases the pixels and zeroes the fields. NULL is allowed. */
LW_API void lw_image_free(lw_image *image);

/* x[3][224][224] for vgg16, the geometry of torchvision's Resize(256) and CenterCrop(224): the short side becomes 256 and the
 * long one floor(256 * long / short) (bilinear with antialias, in f32, not rounded to bytes in between), the middle 224x224 are
 * cut out (an odd margin is halved to the even number), then lw_normalize with ImageNet's mean {.485, .456, .406} and standard
 * deviation {.229, .224, .225}. Gray becomes three equal channels. A long side of more than 64 times the short one is
 * LW_BAD_SHAPE. */
LW_API lw_status lw_image_to_vgg16(lw_context *context, const lw_image *image, float *x);

/* x[1][28][28] for lenet5 and mlp: lw_grayscale for colour, resized to 28x28 with antialias whatever its shape, values / 255. */
LW_API lw_status lw_image_to_gray28(lw_context *context, const lw_image *image, float *x);

/* x[3][32][32] for net: gray becomes three equal channels, resized to 32x32 with antialias whatever its shape, values / 255. */
LW_API lw_status lw_image_to_rgb32(lw_context *context, const lw_image *image, float *x);

#ifdef __cplusplus
}
#endif
#endif
