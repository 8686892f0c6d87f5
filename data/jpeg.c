/* SPDX-License-Identifier: Apache-2.0
 * JPEG through libjpeg-turbo. Its errors leave by longjmp, so everything that must survive one lies in a struct of the caller. */
#include "data/image.h"

#include <setjmp.h>
#include <stdlib.h>
#include <jpeglib.h>

typedef struct reader {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  const lw_source *source;
  uint8_t *pixels;
  jmp_buf jump;
  char reason[JMSG_LENGTH_MAX];
} reader;

static void on_error(j_common_ptr jpeg) {
  reader *r = jpeg->client_data;
  r->errors.format_message(jpeg, r->reason);
  longjmp(r->jump, 1);
}

/* Level -1 is a warning: from there on libjpeg would invent pixels. Higher levels are its trace. */
static void on_message(j_common_ptr jpeg, int level) {
  if (level < 0) on_error(jpeg);
}

static void print_nothing(j_common_ptr jpeg) { (void)jpeg; }

static lw_status read_image(reader *r) {
  struct jpeg_decompress_struct *jpeg = &r->jpeg;
  const lw_source *source = r->source;
  if (setjmp(r->jump)) return lw_source_fail(LW_BAD_FILE, source->call, source->name, "JPEG: %.100s", r->reason);
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, source->bytes, source->size);
  jpeg_read_header(jpeg, TRUE);
  const int c = jpeg->num_components;
  if (c != 1 && c != 3)
    return lw_source_fail(LW_UNSUPPORTED, source->call, source->name, "JPEG has %d channels%s, expected 1 or 3", c,
                          c == 4 ? " (CMYK or YCCK)" : "");
  lw_status status = lw_pixels_check(source, jpeg->image_width, jpeg->image_height);
  if (status != LW_OK) return status;
  /* With Huffman codes the first scan spends a bit or more on each block of 8x8 samples, and sampling factors stretch a block
   * over at most 4 by 4 of them: a small file that claims more pixels is refused before their memory is touched. */
  const int64_t claimed = (int64_t)jpeg->image_width * jpeg->image_height;
  if (!jpeg->arith_code && claimed / (8 * 64 * 16) > (int64_t)source->size)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "JPEG of %zu bytes is too small for %lld pixels", source->size,
                          (long long)claimed);
  jpeg->out_color_space = c == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  status = lw_pixels_allocate(source, jpeg->image_width, jpeg->image_height, c, &r->pixels);
  if (status != LW_OK) return status;
  jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = r->pixels + (size_t)jpeg->output_scanline * jpeg->output_width * (size_t)c;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  jpeg_finish_decompress(jpeg);
  return LW_OK;
}

lw_status lw_jpeg_decode(const lw_source *source, lw_image *out) {
  reader r = {.source = source};
  r.jpeg.err = jpeg_std_error(&r.errors);
  r.jpeg.client_data = &r; /* jpeg_create_decompress keeps it */
  r.errors.error_exit = on_error;
  r.errors.emit_message = on_message;
  r.errors.output_message = print_nothing;
  const lw_status status = read_image(&r);
  const lw_image image = {r.jpeg.output_width, r.jpeg.output_height, r.jpeg.num_components, r.pixels};
  jpeg_destroy_decompress(&r.jpeg);
  if (status != LW_OK) {
    free(r.pixels);
    return status;
  }
  *out = image;
  return LW_OK;
}
