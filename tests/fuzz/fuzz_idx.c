/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an IDX file, plain or gzip, of images or of labels. Bytes that begin with IDX's two zeros are packed too, which
 * mutations of a checksum would hardly reach. */
#include <string.h>
#include <zlib.h>
#include "data/dataset.h"
#include "tests/fuzz/fuzz.h"

/* Not 0: decoded. */
static int decode(const uint8_t *bytes, size_t size, int rank, lw_idx *idx) {
  const lw_source source = {"fuzz", "memory", bytes, size};
  static const lw_idx untouched = {{-7, -7, -7}, NULL};
  *idx = untouched;
  if (lw_idx_decode(&source, rank, idx) != LW_OK) {
    MUST(memcmp(idx, &untouched, sizeof *idx) == 0);
    MUST(strncmp(lw_error_message(), "fuzz: memory: ", 14) == 0 && lw_error_message()[14]);
    return 0;
  }
  MUST(idx->size[0] > 0 && idx->size[1] > 0 && idx->size[2] > 0);
  MUST(rank == 3 || (idx->size[1] == 1 && idx->size[2] == 1));
  touch(idx->bytes, idx->size[0] * idx->size[1] * idx->size[2]);
  return 1;
}

static uint8_t *pack(const uint8_t *bytes, size_t size, size_t *packed) {
  z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)size};
  MUST(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  const size_t room = deflateBound(&z, size);
  uint8_t *to = malloc(room);
  MUST(to);
  z.next_out = to;
  z.avail_out = (uInt)room;
  MUST(deflate(&z, Z_FINISH) == Z_STREAM_END);
  *packed = z.total_out;
  deflateEnd(&z);
  return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  for (int rank = 1; rank <= 3; rank += 2) {
    lw_idx plain, same;
    const int good = decode(bytes, size, rank, &plain);
    if (size > 2 && bytes[0] == 0 && bytes[1] == 0) {
      size_t packed;
      uint8_t *gzip = pack(bytes, size, &packed);
      MUST(decode(gzip, packed, rank, &same) == good);
      free(gzip);
      if (good) MUST(memcmp(plain.size, same.size, sizeof same.size) == 0);
      if (good) MUST(memcmp(plain.bytes, same.bytes, (size_t)(same.size[0] * same.size[1] * same.size[2])) == 0);
      if (good) free(same.bytes);
    }
    if (good) free(plain.bytes);
  }
  return 0;
}
