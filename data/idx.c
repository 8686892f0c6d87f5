/* SPDX-License-Identifier: Apache-2.0
 * IDX, the format of MNIST (http://yann.lecun.com/exdb/mnist/): two zero bytes, the type of the elements (8: unsigned bytes), the
 * number of dimensions, their sizes (32 bits, most significant byte first), the elements. */
#include "data/dataset.h"
#include "data/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { UNSIGNED_BYTE = 8, GZIP = 31 /* zlib's window bits: gzip with its header and checksum */, CHUNK = 1 << 16 };

/* More than any data set of small images has; sizes within fit a size_t and no product of them overflows. */
static const int64_t MAX_BYTES = INT64_C(1) << 31;

/* The bytes of a file, unpacked on the way if it is gzip: no more than what is asked for is ever unpacked. */
typedef struct reader {
  const lw_source *source;
  size_t at; /* plain */
  z_stream z;
  int gzip, ended; /* ended: the last member is complete, its checksum right */
} reader;

static lw_status bad(const reader *r, const char *reason) {
  return lw_source_fail(LW_BAD_FILE, r->source->call, r->source->name, "IDX: %s", reason);
}

/* Up to `size` bytes; `*got` is less only at the end of the file. */
static lw_status read_gzip(reader *r, uint8_t *to, size_t size, size_t *got) {
  *got = 0;
  while (*got < size && !r->ended) {
    const uInt room = size - *got > INT32_MAX ? INT32_MAX : (uInt)(size - *got);
    r->z.next_out = to + *got;
    r->z.avail_out = room;
    const int code = inflate(&r->z, Z_NO_FLUSH);
    *got += room - r->z.avail_out;
    if (code == Z_STREAM_END) {
      /* A gzip file is a series of members. */
      r->ended = r->z.avail_in == 0;
      if (!r->ended) (void)inflateReset(&r->z);
    } else if (code == Z_MEM_ERROR) {
      return lw_source_fail(LW_NO_MEMORY, r->source->call, r->source->name, "no memory to unpack it");
    } else if (code == Z_BUF_ERROR) { /* it wants input, and there is no more */
      return bad(r, "the gzip stream ends too early");
    } else if (code != Z_OK) {
      return lw_source_fail(LW_BAD_FILE, r->source->call, r->source->name, "gzip: %.80s", r->z.msg ? r->z.msg : "damaged");
    }
  }
  return LW_OK;
}

static lw_status read_some(reader *r, uint8_t *to, size_t size, size_t *got) {
  if (r->gzip) return read_gzip(r, to, size, got);
  const size_t rest = r->source->size - r->at;
  *got = rest < size ? rest : size;
  memcpy(to, r->source->bytes + r->at, *got);
  r->at += *got;
  return LW_OK;
}

static int64_t big_endian(const uint8_t b[4]) { return (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]; }

/* Sizes and number of elements. */
static lw_status read_header(reader *r, int rank, lw_idx *idx, size_t *count) {
  const lw_source *source = r->source;
  uint8_t b[16] = {0};
  size_t got, got_sizes = 0;
  lw_status status = read_some(r, b, 4, &got);
  if (status != LW_OK) return status;
  if (got < 4) return bad(r, got == 0 ? "the file is empty" : "the header ends too early");
  if (b[0] != 0 || b[1] != 0)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name,
                          "begins with %02x %02x %02x %02x, expected IDX (00 00 08 %02x) or gzip", b[0], b[1], b[2], b[3], rank);
  if (b[2] != UNSIGNED_BYTE)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX of type 0x%02x, expected 0x08 (unsigned bytes)", b[2]);
  if (b[3] != rank)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX of rank %d, expected %d (%s)", b[3], rank,
                          rank == 1 ? "labels" : "images");
  status = read_some(r, b + 4, 4 * (size_t)rank, &got_sizes);
  if (status != LW_OK) return status;
  if (got_sizes < 4 * (size_t)rank) return bad(r, "the header ends too early");
  int64_t product = 1;
  int fits = 1;
  for (int i = 0; i < 3; i++) {
    idx->size[i] = i < rank ? big_endian(b + 4 + 4 * i) : 1;
    fits = fits && idx->size[i] > 0 && !__builtin_mul_overflow(product, idx->size[i], &product) && product <= MAX_BYTES;
  }
  if (!fits)
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX of %lld x %lld x %lld bytes, expected 1 to %lld in all",
                          (long long)idx->size[0], (long long)idx->size[1], (long long)idx->size[2], (long long)MAX_BYTES);
  *count = (size_t)product;
  return LW_OK;
}

/* Deflate packs at most 1032 to 1: what cannot be in a file is refused before its memory is touched. */
static int can_hold(const reader *r, size_t count) {
  return r->gzip ? count / 1032 <= r->source->size : count <= r->source->size - r->at;
}

static lw_status read_elements(reader *r, size_t count, uint8_t **bytes) {
  const lw_source *source = r->source;
  size_t got = 0, more = 0;
  uint8_t beyond;
  if (!can_hold(r, count))
    return lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX: %zu bytes in all, too few for %zu elements",
                          source->size, count);
  uint8_t *p = malloc(count);
  if (!p) return lw_source_fail(LW_NO_MEMORY, source->call, source->name, "no memory for %zu elements", count);
  lw_status status = read_some(r, p, count, &got);
  if (status == LW_OK && got < count)
    status = lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX: %zu elements, expected %zu", got, count);
  if (status == LW_OK) status = read_some(r, &beyond, 1, &more);
  if (status == LW_OK && more > 0)
    status = lw_source_fail(LW_BAD_FILE, source->call, source->name, "IDX: bytes behind its %zu elements", count);
  if (status == LW_OK)
    *bytes = p;
  else
    free(p);
  return status;
}

lw_status lw_idx_decode(const lw_source *source, int rank, lw_idx *out) {
  reader r = {.source = source, .gzip = source->size >= 2 && source->bytes[0] == 0x1f && source->bytes[1] == 0x8b};
  lw_idx idx = {.bytes = NULL};
  size_t count = 0;
  if (r.gzip) {
    r.z.next_in = (Bytef *)source->bytes;
    r.z.avail_in = (uInt)source->size;
    if (inflateInit2(&r.z, GZIP) != Z_OK) return lw_source_fail(LW_NO_MEMORY, source->call, source->name, "zlib cannot start");
  }
  lw_status status = read_header(&r, rank, &idx, &count);
  if (status == LW_OK) status = read_elements(&r, count, &idx.bytes);
  if (r.gzip) inflateEnd(&r.z);
  if (status == LW_OK) *out = idx;
  return status;
}

static lw_status load(const char *call, const char *path, int rank, lw_idx *out) {
  lw_source_file file;
  lw_status status = lw_source_load(call, path, &file);
  if (status != LW_OK) return status;
  status = lw_idx_decode(&file.source, rank, out);
  lw_source_close(&file);
  return status;
}

static lw_status check_labels(const char *call, const char *path, const lw_idx *images, const lw_idx *labels) {
  if (labels->size[0] != images->size[0])
    return lw_source_fail(LW_BAD_FILE, call, path, "%lld labels for %lld images", (long long)labels->size[0],
                          (long long)images->size[0]);
  for (int64_t i = 0; i < labels->size[0]; i++)
    if (labels->bytes[i] > 9)
      return lw_source_fail(LW_BAD_FILE, call, path, "label %lld is %d, expected 0 to 9", (long long)i, labels->bytes[i]);
  return LW_OK;
}

lw_status lw_dataset_load_idx(const char *images, const char *labels, lw_dataset *out) {
  static const char call[] = "lw_dataset_load_idx";
  lw_idx x = {.bytes = NULL}, y = {.bytes = NULL};
  if (!images) return lw_fail(LW_BAD_ARGUMENT, "%s: images is NULL", call);
  if (!labels) return lw_fail(LW_BAD_ARGUMENT, "%s: labels is NULL", call);
  if (!out) return lw_fail(LW_BAD_ARGUMENT, "%s: out is NULL", call);
  lw_status status = load(call, images, 3, &x);
  if (status == LW_OK) status = load(call, labels, 1, &y);
  if (status == LW_OK) status = check_labels(call, labels, &x, &y);
  if (status != LW_OK) {
    free(x.bytes);
    free(y.bytes);
    return status;
  }
  *out = (lw_dataset){x.size[0], 1, x.size[1], x.size[2], 10, x.bytes, y.bytes};
  return LW_OK;
}

/* Header and elements as gzip, without a time, so that the same data give the same file. Not 0 if all went well. */
static int pack(FILE *file, const uint8_t *head, size_t head_size, const uint8_t *bytes, size_t size) {
  z_stream z = {.next_in = (Bytef *)head, .avail_in = (uInt)head_size};
  uint8_t buffer[CHUNK];
  int code;
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    errno = ENOMEM;
    return 0;
  }
  do {
    if (z.avail_in == 0 && size > 0) {
      const size_t n = size < CHUNK ? size : CHUNK;
      z.next_in = (Bytef *)bytes;
      z.avail_in = (uInt)n;
      bytes += n;
      size -= n;
    }
    z.next_out = buffer;
    z.avail_out = CHUNK;
    code = deflate(&z, size > 0 ? Z_NO_FLUSH : Z_FINISH);
    if (fwrite(buffer, 1, CHUNK - z.avail_out, file) != CHUNK - z.avail_out) code = Z_ERRNO;
  } while (code == Z_OK);
  deflateEnd(&z);
  return code == Z_STREAM_END;
}

static lw_status write_idx(const char *call, const char *path, FILE *file, int rank, const lw_idx *idx) {
  uint8_t head[16] = {0, 0, UNSIGNED_BYTE, (uint8_t)rank};
  const size_t head_size = 4 + 4 * (size_t)rank, count = (size_t)(idx->size[0] * idx->size[1] * idx->size[2]),
               length = strlen(path);
  for (int i = 0; i < rank; i++)
    for (int k = 0; k < 4; k++) head[4 + 4 * i + k] = (uint8_t)(idx->size[i] >> 8 * (3 - k));
  const int gzip = length >= 3 && strcmp(path + length - 3, ".gz") == 0;
  errno = 0;
  const int written = gzip ? pack(file, head, head_size, idx->bytes, count)
                           : fwrite(head, 1, head_size, file) == head_size && fwrite(idx->bytes, 1, count, file) == count;
  return written && fflush(file) == 0
             ? LW_OK
             : lw_source_fail(LW_BAD_FILE, call, path, "cannot be written: %s", strerror(errno ? errno : EIO));
}

lw_status lw_dataset_save_idx(const lw_dataset *dataset, const char *images, const char *labels) {
  static const char call[] = "lw_dataset_save_idx";
  lw_status status = lw_dataset_check(call, dataset);
  if (status != LW_OK) return status;
  if (!images) return lw_fail(LW_BAD_ARGUMENT, "%s: images is NULL", call);
  if (!labels) return lw_fail(LW_BAD_ARGUMENT, "%s: labels is NULL", call);
  if (dataset->c != 1) return lw_fail(LW_BAD_SHAPE, "%s: dataset->c is %lld, expected 1", call, (long long)dataset->c);
  if (dataset->count * dataset->h * dataset->w > MAX_BYTES)
    return lw_fail(LW_BAD_SHAPE, "%s: %lld x %lld x %lld pixels, expected at most %lld", call, (long long)dataset->count,
                   (long long)dataset->h, (long long)dataset->w, (long long)MAX_BYTES);
  const lw_idx x = {{dataset->count, dataset->h, dataset->w}, dataset->pixels}, y = {{dataset->count, 1, 1}, dataset->labels};
  lw_output image_file, label_file;
  status = lw_output_open(call, images, &image_file);
  if (status != LW_OK) return status;
  status = lw_output_open(call, labels, &label_file);
  if (status != LW_OK) return lw_output_close(&image_file, status);
  /* All bytes of both are written before either takes its place. */
  status = write_idx(call, images, image_file.file, 3, &x);
  if (status == LW_OK) status = write_idx(call, labels, label_file.file, 1, &y);
  status = lw_output_close(&label_file, status);
  return lw_output_close(&image_file, status);
}
