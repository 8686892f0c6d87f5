/* SPDX-License-Identifier: Apache-2.0
 * A contact sheet of feature maps: one band per layer, one tile per map, thin lines between. A layer of single values (1x1 maps)
 * is a row of bars. */
#ifndef LANEWISE_CLI_SHEET_H
#define LANEWISE_CLI_SHEET_H

#include "lanewise_data.h"

typedef struct band {
  int64_t c, h, w; /* of the layer */
  /* From sheet_make. Of bars, `columns` are in a row and `zoom` pixels wide. */
  int64_t columns, rows, zoom, top, width, height;
} band;

/* Lays the bands out, one below the other, and makes the empty sheet; release it with lw_image_free. LW_BAD_SHAPE: more than 2^28
 * pixels. */
lw_status sheet_make(band *bands, size_t count, lw_image *sheet);
/* Draws values[c][h][w]: the least of a map black, the largest white. `shared` not 0: of all maps of the layer. What is no number
 * or infinite is red. */
void sheet_draw(lw_image *sheet, const band *b, const float *values, int shared);

#endif
