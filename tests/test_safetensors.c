/* SPDX-License-Identifier: Apache-2.0
 * The safetensors format: files made by hand from its description, number formats, damage of every kind. */
#include "tests/kit/cmocka.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lanewise_data.h"
#include "tests/safetensors_bytes.h"

#define EMPTY_TENSOR "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}"

/* ------------------------------------------------------------------------------------------------------------- format */

static void test_hand_made(void **state) {
  (void)state;
  static const char header[] = "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"{[,:\\\"\"},"
                               "\"h\":{\"dtype\":\"F16\",\"shape\":[2,1,2],\"data_offsets\":[8,16]},"
                               "\"one\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[16,18]},"
                               "\"none\":{\"data_offsets\":[8,8],\"shape\":[3,0,7],\"dtype\":\"F32\",\"later\":{}},"
                               "\"gr\\u00f6\\u00dfe\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  static const uint8_t data[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0x3c, 1, 0, 0, 0xfc, 0xff, 0x7b, 0x49, 0x40};
  for (size_t padding = 0; padding < 9; padding++) { /* so at any alignment */
    file_bytes b = make_file(header, padding, data, sizeof data);
    lw_safetensors *f;
    lw_tensor_info t;
    float v[4];
    size_t i;
    must(lw_safetensors_open_memory(b.bytes, b.size, &f));
    assert_int_equal(lw_safetensors_count(f), 4);
    must(lw_safetensors_tensor(f, 0, &t));
    assert_string_equal(t.name, "größe");
    assert_true(t.dtype == LW_F32 && t.rank == 1 && t.shape[0] == 2 && t.count == 2);
    assert_ptr_equal(t.data, b.bytes + b.size - sizeof data);
    must(lw_safetensors_read(f, 0, 0, 2, v));
    assert_true(v[0] == 1 && v[1] == -2);
    must(lw_safetensors_tensor(f, 1, &t));
    assert_string_equal(t.name, "none");
    assert_true(t.rank == 3 && t.shape[0] == 3 && t.shape[1] == 0 && t.shape[2] == 7 && t.count == 0);
    must(lw_safetensors_read(f, 1, 0, 0, NULL));
    must(lw_safetensors_find(f, "h", &i));
    assert_int_equal(i, 2);
    must(lw_safetensors_read(f, i, 0, 4, v));
    assert_true(v[0] == 1 && v[1] == 0x1p-24f && v[2] == -INFINITY && v[3] == 65504);
    must(lw_safetensors_read(f, i, 3, 1, v));
    assert_true(v[0] == 65504);
    must(lw_safetensors_tensor(f, 3, &t));
    assert_true(t.dtype == LW_BF16 && t.rank == 0 && t.count == 1);
    must(lw_safetensors_read(f, 3, 0, 1, v));
    assert_true(v[0] == 3.140625f);

    refused(lw_safetensors_find(f, "w", &i), LW_BAD_ARGUMENT, "no tensor \"w\"", __LINE__);
    refused(lw_safetensors_tensor(f, 4, &t), LW_BAD_ARGUMENT, "i is 4, but memory has 4", __LINE__);
    refused(lw_safetensors_read(f, 4, 0, 1, v), LW_BAD_ARGUMENT, "i is 4", __LINE__);
    refused(lw_safetensors_read(f, 2, 3, 2, v), LW_BAD_ARGUMENT, "first is 3 and count is 2", __LINE__);
    refused(lw_safetensors_read(f, 2, 5, 0, v), LW_BAD_ARGUMENT, "first is 5", __LINE__);
    refused(lw_safetensors_read(f, 2, -1, 1, v), LW_BAD_ARGUMENT, "first is -1", __LINE__);
    refused(lw_safetensors_read(f, 2, 1, INT64_MAX, v), LW_BAD_ARGUMENT, "has 4 values", __LINE__);
    refused(lw_safetensors_read(f, 2, 0, 1, NULL), LW_BAD_ARGUMENT, "dst", __LINE__);
    refused(lw_safetensors_read(f, 2, 0, 1, (float *)(void *)((char *)v + 1)), LW_BAD_ARGUMENT, "dst", __LINE__);
    lw_safetensors_close(f);
    free(b.bytes);
  }
  file_bytes b = make_file("{}", 0, NULL, 0);
  lw_safetensors *f;
  must(lw_safetensors_open_memory(b.bytes, b.size, &f));
  assert_int_equal(lw_safetensors_count(f), 0);
  lw_safetensors_close(f);
  free(b.bytes);
  lw_safetensors_close(NULL);
  assert_int_equal(lw_safetensors_count(NULL), 0);
}

/* ------------------------------------------------------------------------------------------------------------ formats */

/* The value of a pattern whose sign is clear, in double: `mantissa` bits, bias of the exponent. The largest exponent is taken for
 * one more power of two, where infinity begins when rounding. */
static double grid(uint32_t h, int mantissa, int bias) {
  const int exponent = (int)(h >> mantissa);
  const double fraction = (double)(h & ((1u << mantissa) - 1));
  return exponent ? ldexp(fraction + ldexp(1, mantissa), exponent - bias - mantissa) : ldexp(fraction, 1 - bias - mantissa);
}

static void test_widening(void **state) {
  (void)state;
  static const char *const names[] = {"F16", "BF16"};
  uint16_t patterns[65536];
  static float v[65536];
  for (uint32_t i = 0; i < 65536; i++) patterns[i] = (uint16_t)i;
  for (int k = 0; k < 2; k++) {
    const int mantissa = k ? 7 : 10, bias = k ? 127 : 15;
    const uint32_t infinity = k ? 0x7f80 : 0x7c00;
    char header[128];
    lw_safetensors *f;
    snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", names[k]);
    file_bytes b = make_file(header, 0, patterns, sizeof patterns);
    must(lw_safetensors_open_memory(b.bytes, b.size, &f));
    must(lw_safetensors_read(f, 0, 0, 65536, v));
    for (uint32_t i = 0; i < 65536; i++) {
      const uint32_t h = i & 0x7fff;
      uint32_t bits;
      memcpy(&bits, &v[i], sizeof bits);
      if (bits >> 31 != i >> 15) fail_msg("%s %04x: wrong sign", names[k], i);
      if (h > infinity) { /* NaN with its payload */
        if ((bits & 0x7fffffff) != (0x7f800000 | (h - infinity) << (23 - mantissa)))
          fail_msg("%s %04x: NaN is %08x", names[k], i, bits);
      } else if (fabs((double)v[i]) != (h == infinity ? (double)INFINITY : grid(h, mantissa, bias)))
        fail_msg("%s %04x is %a", names[k], i, (double)v[i]);
    }
    lw_safetensors_close(f);
    free(b.bytes);
  }
}

/* ------------------------------------------------------------------------------------------------------------- damage */

typedef struct bad {
  const char *header;
  size_t data;
  lw_status status;
  const char *part; /* of the message */
} bad;

#define T(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
static const bad bad_headers[] = {
    /* JSON */
    {"", 0, LW_BAD_FILE, "does not begin with {"},
    {"[]", 0, LW_BAD_FILE, "does not begin with {"},
    {" {}", 0, LW_BAD_FILE, "does not begin with {"},
    {"{", 0, LW_BAD_FILE, "not valid JSON"},
    {"{} {}", 0, LW_BAD_FILE, "not valid JSON: byte 4: end of file expected"},
    {"{\"a\":" EMPTY_TENSOR ",\"a\":" EMPTY_TENSOR "}", 0, LW_BAD_FILE, "duplicate object key near '\"a\"'"},
    {"{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, LW_BAD_FILE,
     "duplicate object key"},
    {"{\"\xff\":" EMPTY_TENSOR "}", 0, LW_BAD_FILE, "unable to decode byte 0xff"},
    {"{\"a\\u0000b\":" EMPTY_TENSOR "}", 0, LW_BAD_FILE, "\\u0000"},
    /* fields */
    {"{\"__metadata__\":[]}", 0, LW_BAD_FILE, "__metadata__ is no object"},
    {"{\"__metadata__\":{\"epoch\":3}}", 0, LW_BAD_FILE, "__metadata__: \"epoch\" is no string"},
    {"{\"t\":3}", 0, LW_BAD_FILE, "\"t\" is no object"},
    {"{\"t\":{\"shape\":[0],\"data_offsets\":[0,0]}}", 0, LW_BAD_FILE, "\"t\" has no dtype"},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", 0, LW_BAD_FILE, "\"t\" has no shape"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[0]}}", 0, LW_BAD_FILE, "\"t\" has no data_offsets"},
    {T("32", "[0]", "[0,0]"), 0, LW_BAD_FILE, "dtype is no string"},
    {T("\"I64\"", "[1]", "[0,8]"), 8, LW_UNSUPPORTED, "\"t\": dtype is \"I64\", expected F32, F16 or BF16"},
    {T("\"f32\"", "[1]", "[0,4]"), 4, LW_UNSUPPORTED, "dtype is \"f32\""},
    {T("\"\"", "[1]", "[0,4]"), 4, LW_UNSUPPORTED, "dtype is \"\""},
    {T("\"F32\"", "1", "[0,4]"), 4, LW_BAD_FILE, "shape is no array"},
    {T("\"F32\"", "[\"1\"]", "[0,4]"), 4, LW_BAD_FILE, "shape[0] is no number"},
    {T("\"F32\"", "[1,true]", "[0,4]"), 4, LW_BAD_FILE, "shape[1] is no number"},
    {T("\"F32\"", "[1.5]", "[0,4]"), 4, LW_BAD_FILE, "shape[0] is 1.5, expected a whole number"},
    {T("\"F32\"", "[1e0]", "[0,4]"), 4, LW_BAD_FILE, "shape[0] is 1, expected a whole number"},
    {T("\"F32\"", "[-1]", "[0,4]"), 4, LW_BAD_FILE, "shape[0] is -1, expected at least 0"},
    {T("\"F32\"", "[9223372036854775808]", "[0,4]"), 4, LW_BAD_FILE, "too big integer"},
    {T("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, LW_UNSUPPORTED, "shape has 9 numbers, expected at most 8"},
    {T("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, LW_BAD_FILE, "product of its shape overflows"},
    {T("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, LW_BAD_FILE, "size in bytes overflows"},
    {T("\"F32\"", "[1]", "{}"), 4, LW_BAD_FILE, "data_offsets is no array"},
    {T("\"F32\"", "[1]", "[4]"), 4, LW_BAD_FILE, "data_offsets has 1 numbers, expected 2"},
    {T("\"F32\"", "[1]", "[0,4,8]"), 4, LW_UNSUPPORTED, "data_offsets has 3 numbers"},
    {T("\"F32\"", "[1]", "[-4,0]"), 4, LW_BAD_FILE, "data_offsets[0] is -4"},
    {T("\"F32\"", "[1]", "[0,null]"), 4, LW_BAD_FILE, "data_offsets[1] is no number"},
    /* places */
    {T("\"F32\"", "[1]", "[0,4]"), 3, LW_BAD_FILE, "\"t\": data_offsets are 0 to 4, but 3 bytes of data"},
    {T("\"F32\"", "[1]", "[4,0]"), 4, LW_BAD_FILE, "data_offsets are 4 to 0"},
    {T("\"F32\"", "[0]", "[9223372036854775807,9223372036854775807]"), 4, LW_BAD_FILE, "9223372036854775807"},
    {T("\"F32\"", "[2]", "[0,4]"), 4, LW_BAD_FILE, "span 4 bytes, but 2 values of F32 have 8"},
    {T("\"F16\"", "[]", "[0,4]"), 4, LW_BAD_FILE, "span 4 bytes, but 1 values of F16 have 2"},
    {T("\"F32\"", "[1]", "[4,8]"), 8, LW_BAD_FILE, "4 bytes before tensor \"t\" belong to no tensor"},
    {T("\"F32\"", "[1]", "[0,4]"), 5, LW_BAD_FILE, "the last 1 bytes belong to no tensor"},
    {"{}", 1, LW_BAD_FILE, "the last 1 bytes belong to no tensor"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],"
     "\"data_offsets\":[4,12]}}",
     12, LW_BAD_FILE, "\"a\" and \"b\" overlap"},
    {"{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]}}",
     12, LW_BAD_FILE, "4 bytes before tensor \"b\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[0,4]}}",
     4, LW_BAD_FILE, "overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[0],"
     "\"data_offsets\":[4,4]}}",
     8, LW_BAD_FILE, "\"a\" and \"b\" overlap"},
};

static lw_status open_exact(const file_bytes *b) {
  lw_safetensors *f = NULL;
  const lw_status status = lw_safetensors_open_memory(b->bytes, b->size, &f);
  assert_true((status == LW_OK) == (f != NULL));
  lw_safetensors_close(f);
  return status;
}

static void test_bad_headers(void **state) {
  (void)state;
  static const uint8_t zeros[16];
  for (size_t i = 0; i < sizeof bad_headers / sizeof *bad_headers; i++) {
    const bad *c = &bad_headers[i];
    file_bytes b = make_file(c->header, 0, zeros, c->data);
    const lw_status status = open_exact(&b);
    if (status != c->status || !strstr(lw_error_message(), c->part))
      fail_msg("%s with %zu bytes: %s \"%s\", expected \"%s\"", c->header, c->data, lw_status_name(status),
               status == LW_OK ? "" : lw_error_message(), c->part);
    if (strncmp(lw_error_message(), "lw_safetensors_open_memory: memory: ", 36) != 0) fail_msg("%s", lw_error_message());
    free(b.bytes);
  }
}

/* `count` times `part` between `begin` and `end`. */
static void refuse_long(const char *begin, const char *part, size_t count, const char *end, const char *message, int line) {
  const size_t length = strlen(part);
  char *header = malloc(strlen(begin) + length * count + strlen(end) + 1), *to = stpcpy(header, begin);
  for (size_t i = 0; i < count; i++, to += length) memcpy(to, part, length);
  strcpy(to, end);
  file_bytes b = make_file(header, 0, NULL, 0);
  refused(open_exact(&b), LW_BAD_FILE, message, line);
  free(b.bytes);
  free(header);
}

static void test_large_headers(void **state) {
  (void)state;
  refuse_long("{\"a\":", "[", 100000, "", "maximum parsing depth", __LINE__);
  refuse_long("{\"a\":", "{\"a\":", 100000, "", "maximum parsing depth", __LINE__);
  refuse_long("{\"a\":[0", ",0", 1 << 20, "]}", "about 1048580 JSON values, expected at most 1048576", __LINE__);
  /* A long string is no such thing, and shown only in part. */
  refuse_long("{\"__metadata__\":{\"a\":\"", "[,:\\\"", 1 << 20, "\"},\"b\":1}", "\"b\" is no object", __LINE__);
  refuse_long("{\"", "x", 100000, "\":1}", "xxx...\" is no object", __LINE__);
  refuse_long("{\"a\\u001b[2J\\u007f\\n", "", 0, "\":1}", "\"a?[2J??\" is no object", __LINE__);
}

static void test_lengths(void **state) {
  (void)state;
  static const char header[] = T("\"F32\"", "[2]", "[0,8]");
  static const uint8_t data[8];
  file_bytes b = make_file(header, 3, data, sizeof data);
  assert_int_equal(open_exact(&b), LW_OK);
  for (size_t size = 0; size < b.size; size++) { /* cut short, in a buffer of that very size */
    uint8_t *cut = malloc(size ? size : 1);
    memcpy(cut, b.bytes, size);
    refused(open_exact(&(file_bytes){cut, size}), LW_BAD_FILE,
            size < 8            ? "expected a safetensors file"
            : size < b.size - 8 ? "is cut short"
                                : "bytes of data follow",
            __LINE__);
    free(cut);
  }
  static const struct {
    uint64_t length;
    const char *part;
  } lengths[] = {{UINT64_MAX, "18446744073709551615, expected at most 100000000"},
                 {UINT64_MAX - 7, "header length would be"},
                 {INT64_MAX, "header length would be"},
                 {100000001, "100000001, expected at most 100000000"},
                 {100000000, "the header alone has 100000000"},
                 {0, "does not begin with {"}};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    for (int k = 0; k < 8; k++) b.bytes[k] = (uint8_t)(lengths[i].length >> 8 * k);
    refused(open_exact(&b), LW_BAD_FILE, lengths[i].part, __LINE__);
  }
  free(b.bytes);
}

static void test_bad_files(void **state) {
  (void)state;
  char folder[] = "/tmp/lanewise_safetensors_XXXXXX", path[64];
  lw_safetensors *f = NULL;
  assert_non_null(mkdtemp(folder));
  refused(lw_safetensors_open(folder, &f), LW_BAD_FILE, "is a directory", __LINE__);
  snprintf(path, sizeof path, "%s/file", folder);
  refused(lw_safetensors_open(path, &f), LW_BAD_FILE, "cannot be opened: No such file", __LINE__);
  assert_non_null(strstr(lw_error_message(), path));
  assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
  refused(lw_safetensors_open(path, &f), LW_BAD_FILE, "is empty", __LINE__);
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  refused(lw_safetensors_open(path, &f), LW_BAD_FILE, "is not a regular file", __LINE__); /* and does not wait for a writer */
  unlink(path);
  rmdir(folder);
  refused(lw_safetensors_open("/dev/zero", &f), LW_BAD_FILE, "is not a regular file", __LINE__);
  refused(lw_safetensors_open(NULL, &f), LW_BAD_ARGUMENT, "path is NULL", __LINE__);
  refused(lw_safetensors_open("x", NULL), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  refused(lw_safetensors_open_memory(NULL, 9, &f), LW_BAD_ARGUMENT, "bytes is NULL", __LINE__);
  refused(lw_safetensors_open_memory((const uint8_t *)"", 0, NULL), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  refused(lw_safetensors_tensor(NULL, 0, &(lw_tensor_info){0}), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  refused(lw_safetensors_find(NULL, "x", &(size_t){0}), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  refused(lw_safetensors_read(NULL, 0, 0, 1, &(float){0}), LW_BAD_ARGUMENT, "file is NULL", __LINE__);
  assert_null(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hand_made),     cmocka_unit_test(test_widening), cmocka_unit_test(test_bad_headers),
      cmocka_unit_test(test_large_headers), cmocka_unit_test(test_lengths),  cmocka_unit_test(test_bad_files),
  };
  return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
