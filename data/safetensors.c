/* SPDX-License-Identifier: Apache-2.0
 * Reads safetensors files: eight bytes of header length, a header in JSON, data. Nothing in a file is believed before it is
 * checked; afterwards every tensor lies within the file. */
#include "data/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "data/convert.h"
#include "data/source.h"

enum {
  HEADER_AT = 8,
  HEADER_MAX = 100000000, /* the limit of the format's own library */
  VALUES_MAX = 1 << 20    /* JSON values in the header; each takes some 100 bytes of memory, a tensor has about ten */
};

typedef struct opening {
  const char *call;
  lw_safetensors *file;
  size_t data_at, data_size;
} opening;

#define FAIL(o, status, ...) lw_source_fail(status, (o)->call, (o)->file->name, __VA_ARGS__)

lw_shown lw_show(const char *name) {
  lw_shown shown;
  const size_t room = sizeof shown.text - 4;
  size_t i = 0;
  for (; name[i] && i < room; i++) shown.text[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
  strcpy(shown.text + i, name[i] ? "..." : "");
  return shown;
}

/* -------------------------------------------------------------------------------------------------------- one tensor */

/* An array of at most `room` whole numbers from 0 on. */
static lw_status numbers(const opening *o, const char *tensor, const json_t *entry, const char *field, size_t room, int64_t *to,
                         size_t *count) {
  const json_t *array = json_object_get(entry, field);
  if (!array) return FAIL(o, LW_BAD_FILE, "tensor \"%s\" has no %s", tensor, field);
  if (!json_is_array(array)) return FAIL(o, LW_BAD_FILE, "tensor \"%s\": %s is no array", tensor, field);
  *count = json_array_size(array);
  if (*count > room)
    return FAIL(o, LW_UNSUPPORTED, "tensor \"%s\": %s has %zu numbers, expected at most %zu", tensor, field, *count, room);
  for (size_t i = 0; i < *count; i++) {
    const json_t *value = json_array_get(array, i);
    if (json_is_real(value))
      return FAIL(o, LW_BAD_FILE, "tensor \"%s\": %s[%zu] is %g, expected a whole number", tensor, field, i,
                  json_real_value(value));
    if (!json_is_integer(value)) return FAIL(o, LW_BAD_FILE, "tensor \"%s\": %s[%zu] is no number", tensor, field, i);
    to[i] = json_integer_value(value);
    if (to[i] < 0)
      return FAIL(o, LW_BAD_FILE, "tensor \"%s\": %s[%zu] is %lld, expected at least 0", tensor, field, i, (long long)to[i]);
  }
  return LW_OK;
}

static lw_status read_dtype(const opening *o, const char *tensor, const json_t *entry, lw_dtype *dtype) {
  const json_t *value = json_object_get(entry, "dtype");
  if (!value) return FAIL(o, LW_BAD_FILE, "tensor \"%s\" has no dtype", tensor);
  if (!json_is_string(value)) return FAIL(o, LW_BAD_FILE, "tensor \"%s\": dtype is no string", tensor);
  for (int d = LW_F32; d <= LW_BF16; d++)
    if (strcmp(json_string_value(value), lw_dtype_name((lw_dtype)d)) == 0) {
      *dtype = (lw_dtype)d;
      return LW_OK;
    }
  return FAIL(o, LW_UNSUPPORTED, "tensor \"%s\": dtype is \"%s\", expected F32, F16 or BF16", tensor,
              lw_show(json_string_value(value)).text);
}

static lw_status read_tensor(const opening *o, const char *name, const json_t *entry, lw_tensor_info *t) {
  const lw_shown shown = lw_show(name);
  int64_t offsets[2], bytes;
  size_t rank, count;
  if (!json_is_object(entry)) return FAIL(o, LW_BAD_FILE, "tensor \"%s\" is no object", shown.text);
  *t = (lw_tensor_info){.name = name, .count = 1};
  lw_status status = read_dtype(o, shown.text, entry, &t->dtype);
  if (status == LW_OK) status = numbers(o, shown.text, entry, "shape", sizeof t->shape / sizeof *t->shape, t->shape, &rank);
  if (status == LW_OK) status = numbers(o, shown.text, entry, "data_offsets", 2, offsets, &count);
  if (status != LW_OK) return status;
  t->rank = (int)rank;
  for (size_t i = 0; i < rank; i++)
    if (__builtin_mul_overflow(t->count, t->shape[i], &t->count))
      return FAIL(o, LW_BAD_FILE, "tensor \"%s\": the product of its shape overflows", shown.text);
  if (__builtin_mul_overflow(t->count, (int64_t)lw_dtype_bytes(t->dtype), &bytes))
    return FAIL(o, LW_BAD_FILE, "tensor \"%s\": its size in bytes overflows", shown.text);
  if (count != 2) return FAIL(o, LW_BAD_FILE, "tensor \"%s\": data_offsets has %zu numbers, expected 2", shown.text, count);
  if (offsets[0] > offsets[1] || (uint64_t)offsets[1] > o->data_size)
    return FAIL(o, LW_BAD_FILE, "tensor \"%s\": data_offsets are %lld to %lld, but %zu bytes of data follow the header",
                shown.text, (long long)offsets[0], (long long)offsets[1], o->data_size);
  if (offsets[1] - offsets[0] != bytes)
    return FAIL(o, LW_BAD_FILE, "tensor \"%s\": data_offsets span %lld bytes, but %lld values of %s have %lld", shown.text,
                (long long)(offsets[1] - offsets[0]), (long long)t->count, lw_dtype_name(t->dtype), (long long)bytes);
  t->data = o->file->bytes + o->data_at + offsets[0];
  return LW_OK;
}

/* -------------------------------------------------------------------------------------------------------- the header */

static lw_status check_metadata(const opening *o, json_t *metadata) {
  const char *key;
  json_t *value;
  if (!json_is_object(metadata)) return FAIL(o, LW_BAD_FILE, "__metadata__ is no object");
  json_object_foreach(metadata, key, value) if (!json_is_string(value)) return FAIL(
      o, LW_BAD_FILE, "__metadata__: \"%s\" is no string", lw_show(key).text);
  return LW_OK;
}

static const uint8_t *end_of(const lw_tensor_info *t) {
  return (const uint8_t *)t->data + (size_t)t->count * lw_dtype_bytes(t->dtype);
}

static int by_place(const void *a, const void *b) {
  const lw_tensor_info *s = a, *t = b;
  if (s->data != t->data) return s->data < t->data ? -1 : 1;
  return (end_of(s) > end_of(t)) - (end_of(s) < end_of(t));
}

/* Sorted, the tensors must fill the data from end to end. */
static lw_status check_places(const opening *o) {
  const lw_safetensors *f = o->file;
  const uint8_t *at = f->bytes + o->data_at, *end = f->bytes + f->size;
  qsort(f->tensors, f->count, sizeof *f->tensors, by_place);
  for (size_t i = 0; i < f->count; at = end_of(&f->tensors[i]), i++) {
    const uint8_t *begin = f->tensors[i].data;
    const lw_shown shown = lw_show(f->tensors[i].name);
    if (begin < at)
      return FAIL(o, LW_BAD_FILE, "tensors \"%s\" and \"%s\" overlap", lw_show(f->tensors[i - 1].name).text, shown.text);
    if (begin > at)
      return FAIL(o, LW_BAD_FILE, "%zu bytes before tensor \"%s\" belong to no tensor", (size_t)(begin - at), shown.text);
  }
  return at == end ? LW_OK : FAIL(o, LW_BAD_FILE, "the last %zu bytes belong to no tensor", (size_t)(end - at));
}

static lw_status read_tensors(const opening *o) {
  lw_safetensors *f = o->file;
  const char *name;
  json_t *entry;
  f->tensors = calloc(json_object_size(f->header) + 1, sizeof *f->tensors);
  if (!f->tensors) return FAIL(o, LW_NO_MEMORY, "no memory for %zu tensors", json_object_size(f->header));
  json_object_foreach(f->header, name, entry) {
    const int is_metadata = strcmp(name, "__metadata__") == 0;
    const lw_status status = is_metadata ? check_metadata(o, entry) : read_tensor(o, name, entry, &f->tensors[f->count]);
    if (status != LW_OK) return status;
    f->count += !is_metadata;
  }
  return check_places(o);
}

/* At most this many values are in a JSON text: each but the first comes after one of these characters. */
static size_t values_at_most(const uint8_t *text, size_t size) {
  size_t values = 1;
  int quoted = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '"')
      quoted = !quoted;
    else if (quoted)
      i += text[i] == '\\';
    else
      values += text[i] == ',' || text[i] == ':' || text[i] == '[' || text[i] == '{';
  }
  return values;
}

static lw_status read_header(opening *o) {
  lw_safetensors *f = o->file;
  uint64_t length = 0;
  json_error_t error;
  if (f->size < HEADER_AT)
    return FAIL(o, LW_BAD_FILE, "has %zu bytes, expected a safetensors file, which begins with 8 bytes of header length",
                f->size);
  for (int i = HEADER_AT - 1; i >= 0; i--) length = length << 8 | f->bytes[i];
  if (length > HEADER_MAX)
    return FAIL(o, LW_BAD_FILE, "is no safetensors file: its header length would be %llu, expected at most %d",
                (unsigned long long)length, HEADER_MAX);
  if (length > f->size - HEADER_AT)
    return FAIL(o, LW_BAD_FILE, "is cut short: %zu bytes, but the header alone has %llu", f->size, (unsigned long long)length);
  o->data_at = HEADER_AT + (size_t)length;
  o->data_size = f->size - o->data_at;
  const uint8_t *text = f->bytes + HEADER_AT;
  if (length == 0 || text[0] != '{') return FAIL(o, LW_BAD_FILE, "is no safetensors file: its header does not begin with {");
  const size_t values = values_at_most(text, (size_t)length);
  if (values > VALUES_MAX)
    return FAIL(o, LW_BAD_FILE, "its header has about %zu JSON values, expected at most %d", values, VALUES_MAX);
  f->header = json_loadb((const char *)text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (!f->header) {
    const int memory = json_error_code(&error) == json_error_out_of_memory;
    return FAIL(o, memory ? LW_NO_MEMORY : LW_BAD_FILE, "its header is not valid JSON: byte %d: %s", error.position,
                lw_show(error.text).text);
  }
  return read_tensors(o);
}

/* ------------------------------------------------------------------------------------------------ opening and closing */

static lw_status open_bytes(const char *call, const char *name, const uint8_t *bytes, size_t size, int mapped,
                            lw_safetensors **file) {
  lw_safetensors *f = calloc(1, sizeof *f);
  if (f) f->name = strdup(name);
  if (!f || !f->name) {
    free(f);
    if (mapped) munmap((void *)bytes, size);
    return lw_source_fail(LW_NO_MEMORY, call, name, "no memory");
  }
  f->bytes = bytes;
  f->size = size;
  f->mapped = mapped;
  const lw_status status = read_header(&(opening){.call = call, .file = f});
  if (status == LW_OK)
    *file = f;
  else
    lw_safetensors_close(f);
  return status;
}

lw_status lw_safetensors_open_memory(const uint8_t *bytes, size_t size, lw_safetensors **file) {
  static const char call[] = "lw_safetensors_open_memory";
  if (!bytes) return lw_fail(LW_BAD_ARGUMENT, "%s: bytes is NULL", call);
  if (!file) return lw_fail(LW_BAD_ARGUMENT, "%s: file is NULL", call);
  return open_bytes(call, "memory", bytes, size, 0, file);
}

lw_status lw_safetensors_open(const char *path, lw_safetensors **file) {
  static const char call[] = "lw_safetensors_open";
  struct stat about = {0};
  if (!path) return lw_fail(LW_BAD_ARGUMENT, "%s: path is NULL", call);
  if (!file) return lw_fail(LW_BAD_ARGUMENT, "%s: file is NULL", call);
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would wait */
  if (fd < 0) return lw_source_fail(LW_BAD_FILE, call, path, "cannot be opened: %s", strerror(errno));
  const char *problem = fstat(fd, &about) != 0    ? strerror(errno)
                        : S_ISDIR(about.st_mode)  ? "is a directory, expected a safetensors file"
                        : !S_ISREG(about.st_mode) ? "is not a regular file, which could be mapped into memory"
                        : about.st_size == 0      ? "is empty, expected a safetensors file"
                                                  : NULL;
  const size_t size = (size_t)about.st_size;
  void *bytes = problem ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (problem) return lw_source_fail(LW_BAD_FILE, call, path, "%s", problem);
  if (bytes == MAP_FAILED) return lw_source_fail(LW_BAD_FILE, call, path, "cannot be mapped: %s", strerror(error));
  return open_bytes(call, path, bytes, size, 1, file);
}

void lw_safetensors_close(lw_safetensors *file) {
  if (!file) return;
  if (file->mapped) munmap((void *)file->bytes, file->size);
  json_decref(file->header);
  free(file->tensors);
  free(file->name);
  free(file);
}

/* ---------------------------------------------------------------------------------------------------------- reading */

size_t lw_safetensors_count(const lw_safetensors *file) { return file ? file->count : 0; }

lw_status lw_safetensors_tensor(const lw_safetensors *file, size_t i, lw_tensor_info *info) {
  static const char call[] = "lw_safetensors_tensor";
  if (!file) return lw_fail(LW_BAD_ARGUMENT, "%s: file is NULL", call);
  if (!info) return lw_fail(LW_BAD_ARGUMENT, "%s: info is NULL", call);
  if (i >= file->count) return lw_fail(LW_BAD_ARGUMENT, "%s: i is %zu, but %s has %zu tensors", call, i, file->name, file->count);
  *info = file->tensors[i];
  return LW_OK;
}

const lw_tensor_info *lw_safetensors_lookup(const lw_safetensors *file, const char *name) {
  for (size_t i = 0; i < file->count; i++)
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  return NULL;
}

const char *lw_safetensors_metadata(const lw_safetensors *file, const char *key) {
  return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

lw_status lw_safetensors_find(const lw_safetensors *file, const char *name, size_t *i) {
  static const char call[] = "lw_safetensors_find";
  if (!file) return lw_fail(LW_BAD_ARGUMENT, "%s: file is NULL", call);
  if (!name) return lw_fail(LW_BAD_ARGUMENT, "%s: name is NULL", call);
  if (!i) return lw_fail(LW_BAD_ARGUMENT, "%s: i is NULL", call);
  const lw_tensor_info *t = lw_safetensors_lookup(file, name);
  if (!t) return lw_source_fail(LW_BAD_ARGUMENT, call, file->name, "has no tensor \"%s\"", lw_show(name).text);
  *i = (size_t)(t - file->tensors);
  return LW_OK;
}

lw_status lw_safetensors_read(const lw_safetensors *file, size_t i, int64_t first, int64_t count, float *dst) {
  static const char call[] = "lw_safetensors_read";
  lw_tensor_info t;
  const lw_status status = lw_safetensors_tensor(file, i, &t);
  if (status != LW_OK) return status;
  if (first < 0 || count < 0 || first > t.count || count > t.count - first)
    return lw_fail(LW_BAD_ARGUMENT, "%s: first is %lld and count is %lld, but tensor \"%s\" has %lld values", call,
                   (long long)first, (long long)count, lw_show(t.name).text, (long long)t.count);
  if (count == 0) return LW_OK;
  if (!dst || (uintptr_t)dst % sizeof *dst != 0)
    return lw_fail(LW_BAD_ARGUMENT, "%s: dst is %p, expected an aligned pointer", call, (void *)dst);
  lw_widen(t.dtype, (const uint8_t *)t.data + (size_t)first * lw_dtype_bytes(t.dtype), count, dst);
  return LW_OK;
}
