/* SPDX-License-Identifier: Apache-2.0
 * Between the image files' readers and writers. */
#ifndef LANEWISE_DATA_IMAGE_H
#define LANEWISE_DATA_IMAGE_H

#include <stdio.h>
#include "data/source.h"
#include "lanewise_data.h"

#define LW_IMAGE_MAX_PIXELS (INT64_C(1) << 28)

/* Sides and number of pixels. */
lw_status lw_pixels_check(const lw_source *source, int64_t w, int64_t h);
/* malloc(w * h * bytes_per_pixel), after that check. */
lw_status lw_pixels_allocate(const lw_source *source, int64_t w, int64_t h, int64_t bytes_per_pixel, uint8_t **pixels);
/* The fields of an image that a caller hands in. */
lw_status lw_image_check(const char *call, const lw_image *image);

/* On success `*out` owns its pixels; on failure it is unchanged. */
lw_status lw_png_decode(const lw_source *source, lw_image *out);
lw_status lw_jpeg_decode(const lw_source *source, lw_image *out);
lw_status lw_pnm_decode(const lw_source *source, lw_image *out);

lw_status lw_png_write(const char *path, FILE *file, const lw_image *image);

#endif
