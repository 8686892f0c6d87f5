/* SPDX-License-Identifier: Apache-2.0
 * Data sets in files: what comes out of good ones, and what is said of bad ones. */
#include "tests/kit/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "lanewise_data.h"
#include "tests/folder.h"

enum { RECORD = 3073 };

/* The bytes as one member of a gzip file, at the end of `to`. */
static size_t add_gzip(uint8_t *to, size_t at, size_t capacity, const void *bytes, size_t size) {
  z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)size, .next_out = to + at, .avail_out = (uInt)(capacity - at)};
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  at += z.total_out;
  deflateEnd(&z);
  return at;
}

static const char *write_gzip(const char *name, const void *bytes, size_t size) {
  static uint8_t packed[1 << 17];
  return write_file(name, packed, add_gzip(packed, 0, sizeof packed, bytes, size));
}

/* Two images of 2 x 3, and their labels. */
#define IMAGES_HEAD "\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\3"
static const uint8_t images[] = IMAGES_HEAD "\0\1\2\3\4\5\xff\xfe\xfd\xfc\xfb\xfa", labels[] = "\0\0\x08\1\0\0\0\2\7\2";
enum { IMAGES = sizeof images - 1, LABELS = sizeof labels - 1 };

static void check_images(const lw_dataset *d) {
  assert_true(d->count == 2 && d->c == 1 && d->h == 2 && d->w == 3 && d->classes == 10);
  assert_memory_equal(d->pixels, images + 16, 12);
  assert_memory_equal(d->labels, labels + 8, 2);
}

static void loads(const char *image_path, const char *label_path) {
  lw_dataset d;
  if (lw_dataset_load_idx(image_path, label_path, &d) != LW_OK) fail_msg("%s", lw_error_message());
  check_images(&d);
  lw_dataset_free(&d);
  assert_null(d.pixels);
  assert_null(d.labels);
}

static void check_failed(lw_status got, lw_status expected, const lw_dataset *out, const char *const *words, int line) {
  static const lw_dataset poison = {.count = 77};
  if (got != expected) fail_msg("line %d: %s, expected %s", line, lw_status_name(got), lw_status_name(expected));
  if (memcmp(out, &poison, sizeof poison) != 0) fail_msg("line %d: out was written", line);
  for (; *words; words++)
    if (!strstr(lw_error_message(), *words)) fail_msg("line %d: the message lacks \"%s\": %s", line, *words, lw_error_message());
}

/* FAILS(status, call that writes to `out`, words of the message...) */
#define FAILS(status, call, ...)                                                                                                 \
  do {                                                                                                                           \
    lw_dataset out = {.count = 77};                                                                                              \
    check_failed(call, status, &out, (const char *const[]){__VA_ARGS__, NULL}, __LINE__);                                        \
  } while (0)

static void test_idx(void **state) {
  uint8_t packed[512];
  (void)state;
  const char *x = write_file("x", images, IMAGES), *y = write_file("y", labels, LABELS);
  loads(x, y);
  const char *xz = write_gzip("xz", images, IMAGES), *yz = write_gzip("yz", labels, LABELS);
  loads(xz, yz);
  loads(x, yz);
  /* A gzip file may be a series of members, some of them empty. */
  size_t n = add_gzip(packed, 0, sizeof packed, images, 7);
  n = add_gzip(packed, n, sizeof packed, "", 0);
  n = add_gzip(packed, n, sizeof packed, images + 7, IMAGES - 7);
  n = add_gzip(packed, n, sizeof packed, "", 0);
  loads(write_file("members", packed, n), y);
}

static void test_save(void **state) {
  static uint8_t pixels[300 * 784], marks[300];
  static const char *const names[][2] = {{"saved-x", "saved-y"}, {"saved-x.gz", "saved-y.gz"}};
  (void)state;
  assert_int_equal(lw_digits(3, 0, 300, pixels, marks), LW_OK);
  lw_dataset d = {300, 1, 28, 28, 10, pixels, marks}, back;
  for (int i = 0; i < 2; i++) {
    struct stat info;
    const char *x = in_folder(names[i][0]), *y = in_folder(names[i][1]);
    assert_int_equal(lw_dataset_save_idx(&d, x, y), LW_OK);
    assert_int_equal(stat(x, &info), 0);
    if (i == 0)
      assert_int_equal(info.st_size, 16 + sizeof pixels);
    else
      assert_in_range(info.st_size, 1000, sizeof pixels / 2);
    assert_int_equal(lw_dataset_load_idx(x, y, &back), LW_OK);
    assert_true(back.count == 300 && back.c == 1 && back.h == 28 && back.w == 28);
    assert_memory_equal(back.pixels, pixels, sizeof pixels);
    assert_memory_equal(back.labels, marks, sizeof marks);
    lw_dataset_free(&back);
  }
  /* If either cannot be written, both stay as they were. */
  d.count = 1;
  assert_int_equal(lw_dataset_save_idx(&d, in_folder("saved-x"), in_folder("none/y")), LW_BAD_FILE);
  assert_non_null(strstr(lw_error_message(), "none/y"));
  assert_int_equal(lw_dataset_load_idx(in_folder("saved-x"), in_folder("saved-y"), &back), LW_OK);
  lw_dataset_free(&back);
  assert_int_equal(lw_dataset_save_idx(&d, "/dev/full", in_folder("saved-y")), LW_BAD_FILE);
  assert_non_null(strstr(lw_error_message(), "/dev/full: cannot be written: No space left"));
  assert_int_equal(lw_dataset_load_idx(in_folder("saved-x"), in_folder("saved-y"), &back), LW_OK);
  lw_dataset_free(&back);

  const char *x = in_folder("saved-x"), *y = in_folder("saved-y");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_save_idx(NULL, x, y), "dataset is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_save_idx(&d, NULL, y), "images is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_save_idx(&d, x, NULL), "labels is NULL");
  d.c = 3;
  FAILS(LW_BAD_SHAPE, lw_dataset_save_idx(&d, x, y), "c is 3, expected 1");
  d.c = 0;
  FAILS(LW_BAD_SHAPE, lw_dataset_save_idx(&d, x, y), "c = 0");
  d.c = 1, d.count = INT64_MAX / 2;
  FAILS(LW_BAD_SHAPE, lw_dataset_save_idx(&d, x, y), "count = 4611686018427387903");
  d.count = INT64_C(1) << 22;
  FAILS(LW_BAD_SHAPE, lw_dataset_save_idx(&d, x, y), "4194304 x 28 x 28");
  d.count = 1, d.pixels = NULL;
  FAILS(LW_BAD_ARGUMENT, lw_dataset_save_idx(&d, x, y), "pixels is NULL");
}

#define REFUSED_IMAGES(bytes, ...)                                                                                               \
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", bytes, sizeof(bytes) - 1), in_folder("y"), &out), "bad: ", __VA_ARGS__)

static void test_idx_wrong(void **state) {
  uint8_t copy[IMAGES + 1];
  (void)state;
  const char *x = write_file("x", images, IMAGES), *y = write_file("y", labels, LABELS);
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_idx(NULL, y, &out), "images is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_idx(x, NULL, &out), "labels is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_idx(x, y, NULL), "out is NULL");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(in_folder("none"), y, &out), "none: cannot be opened: No such file");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(x, in_folder("none"), &out), "none: cannot be opened: No such file");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(folder, y, &out), "cannot be read: Is a directory");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(y, x, &out), "IDX of rank 1, expected 3 (images)");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(x, x, &out), "IDX of rank 3, expected 1 (labels)");
  REFUSED_IMAGES("", "is empty");
  REFUSED_IMAGES("\0\0\x08", "header ends too early");
  REFUSED_IMAGES("\0\0\x08\3\0\0\0\1\0\0\0\1\0\0\0", "header ends too early");
  REFUSED_IMAGES("\x89PNG\r\n\x1a\n", "begins with 89 50 4e 47");
  REFUSED_IMAGES("\0\0\x0d\3\0\0\0\1\0\0\0\1\0\0\0\1\0", "type 0x0d");
  REFUSED_IMAGES("\0\0\x08\2\0\0\0\1\0\0\0\1\0", "rank 2, expected 3");
  /* Sizes that are 0, too many, or whose product overflows; more than the file has, whatever it claims. */
  REFUSED_IMAGES("\0\0\x08\3\0\0\0\0\0\0\0\2\0\0\0\3", "0 x 2 x 3");
  REFUSED_IMAGES("\0\0\x08\3\0\0\0\1\0\0\0\0\0\0\0\3", "1 x 0 x 3");
  REFUSED_IMAGES("\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "4294967295 x 4294967295 x 4294967295",
                 "2147483648 in all");
  REFUSED_IMAGES("\0\0\x08\3\0\0\0\2\x80\0\0\0\0\0\0\2", "2 x 2147483648 x 2");
  REFUSED_IMAGES("\0\0\x08\3\0\x20\0\0\0\0\0\x20\0\0\0\x20", "16 bytes in all, too few for 2147483648");
  for (size_t n = 0; n < IMAGES; n++) FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", images, n), y, &out), "bad: ");
  memcpy(copy, images, IMAGES);
  copy[IMAGES] = 0;
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", copy, IMAGES + 1), y, &out), "bytes behind its 12 elements");
  /* Labels. */
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(x, write_file("bad", "\0\0\x08\1\0\0\0\1\7", 9), &out), "bad: 1 labels for 2 images");
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(x, write_file("bad", "\0\0\x08\1\0\0\0\2\7\x0a", 10), &out), "label 1 is 10");
}

static void test_gzip_wrong(void **state) {
  uint8_t packed[1024], zeros[1 << 16] = {0};
  (void)state;
  const char *y = write_file("y", labels, LABELS);
  const size_t n = add_gzip(packed, 0, sizeof packed, images, IMAGES);
  for (size_t cut = 2; cut < n; cut++)
    FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, cut), y, &out), "bad: ", "too early");
  packed[n - 8] ^= 1;
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, n), y, &out), "bad: ", "incorrect data check");
  packed[n - 8] ^= 1;
  packed[n - 1] ^= 1;
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, n), y, &out), "bad: ", "incorrect length check");
  packed[n - 1] ^= 1;
  packed[2] = 7;
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, n), y, &out), "bad: ", "unknown compression method");
  packed[2] = 8;
  packed[n] = packed[n + 1] = 'x';
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, n + 2), y, &out), "bad: ", "header");
  /* Bytes behind the images: in the same member, and in one more. */
  size_t m = add_gzip(packed, 0, sizeof packed, images, IMAGES);
  m = add_gzip(packed, m, sizeof packed, "z", 1);
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_file("bad", packed, m), y, &out), "bytes behind its 12 elements");
  memcpy(zeros, images, IMAGES);
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_gzip("bad", zeros, IMAGES + 1), y, &out), "bytes behind its 12 elements");
  /* A bomb is not unpacked beyond what its header claims, nor believed when it claims what it cannot hold. */
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_gzip("bad", zeros, sizeof zeros), y, &out), "bytes behind its 12 elements");
  memcpy(zeros, "\0\0\x08\3\0\x20\0\0\0\0\0\x20\0\0\0\x20", 16);
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_gzip("bad", zeros, sizeof zeros), y, &out), "too few for 2147483648");
  memcpy(zeros, "\0\0\x08\3\0\0\0\2\0\0\xe0\0\0\0\0\1", 16);
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(write_gzip("bad", zeros, sizeof zeros), y, &out), "65520 elements, expected 114688");
}

static uint8_t *record(uint8_t *at, uint8_t label, uint8_t fill) {
  at[0] = label;
  for (int i = 1; i < RECORD; i++) at[i] = (uint8_t)(fill + i % 7);
  return at;
}

static void test_cifar10(void **state) {
  uint8_t bytes[3 * RECORD];
  lw_dataset d;
  (void)state;
  record(bytes, 9, 10);
  record(bytes + RECORD, 0, 90);
  record(bytes + 2 * RECORD, 4, 200);
  const char *paths[] = {write_file("a.bin", bytes, 2 * RECORD), write_file("b.bin", bytes + 2 * RECORD, RECORD)};
  if (lw_dataset_load_cifar10(paths, 2, &d) != LW_OK) fail_msg("%s", lw_error_message());
  assert_true(d.count == 3 && d.c == 3 && d.h == 32 && d.w == 32 && d.classes == 10);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(d.labels[i], bytes[i * RECORD]);
    assert_memory_equal(d.pixels + i * 3072, bytes + i * RECORD + 1, 3072);
  }
  lw_dataset_free(&d);

  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_cifar10(NULL, 1, &out), "paths is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_cifar10(paths, 0, &out), "path_count is 0");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_cifar10(paths, 2, NULL), "out is NULL");
  paths[1] = NULL;
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load_cifar10(paths, 2, &out), "paths[1] is NULL");
  paths[1] = in_folder("none");
  FAILS(LW_BAD_FILE, lw_dataset_load_cifar10(paths, 2, &out), "none: cannot be opened");
  paths[1] = write_file("bad", "", 0);
  FAILS(LW_BAD_FILE, lw_dataset_load_cifar10(paths, 2, &out), "bad: CIFAR-10: the file is empty");
  paths[1] = write_file("bad", bytes, 2 * RECORD - 1);
  FAILS(LW_BAD_FILE, lw_dataset_load_cifar10(paths, 2, &out), "bad: CIFAR-10: 6145 bytes, expected a multiple of 3073");
  bytes[RECORD] = 10;
  paths[1] = write_file("bad", bytes, 2 * RECORD);
  FAILS(LW_BAD_FILE, lw_dataset_load_cifar10(paths, 2, &out), "bad: CIFAR-10: label 1 is 10");
}

static void test_folder(void **state) {
  uint8_t bytes[RECORD];
  lw_dataset d;
  (void)state;
  const char *where = in_folder("set");
  assert_int_equal(mkdir(where, 0777), 0);
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load(NULL, LW_SPLIT_TEST, &out), "where is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load(where, (lw_split)2, &out), "split is 2");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_load(where, LW_SPLIT_TEST, NULL), "out is NULL");
  FAILS(LW_BAD_FILE, lw_dataset_load("/nowhere", LW_SPLIT_TEST, &out), "/nowhere: cannot be opened: No such file");
  FAILS(LW_BAD_FILE, lw_dataset_load(write_file("plain", "", 0), LW_SPLIT_TEST, &out), "plain: is no folder");
  FAILS(LW_BAD_FILE, lw_dataset_load(where, LW_SPLIT_TRAIN, &out), "set: has neither train-images-idx3-ubyte[.gz]",
        "data_batch_1.bin");
  FAILS(LW_BAD_FILE, lw_dataset_load(where, LW_SPLIT_TEST, &out), "t10k-images-idx3-ubyte[.gz]", "test_batch.bin");
  /* CIFAR-10 in the folder that its archive makes, then in the folder itself. */
  assert_int_equal(mkdir(in_folder("set/cifar-10-batches-bin"), 0777), 0);
  write_file("set/cifar-10-batches-bin/test_batch.bin", record(bytes, 5, 0), RECORD);
  assert_int_equal(lw_dataset_load(where, LW_SPLIT_TEST, &d), LW_OK);
  assert_true(d.count == 1 && d.c == 3 && d.labels[0] == 5);
  lw_dataset_free(&d);
  char name[32];
  for (int i = 1; i <= 5; i++) {
    snprintf(name, sizeof name, "set/data_batch_%d.bin", i);
    if (i == 5) FAILS(LW_BAD_FILE, lw_dataset_load(where, LW_SPLIT_TRAIN, &out), "data_batch_5.bin is missing beside 4");
    write_file(name, record(bytes, (uint8_t)i, 0), RECORD);
  }
  assert_int_equal(lw_dataset_load(where, LW_SPLIT_TRAIN, &d), LW_OK);
  assert_int_equal(d.count, 5);
  for (int i = 0; i < 5; i++) assert_int_equal(d.labels[i], i + 1);
  lw_dataset_free(&d);
  /* MNIST's names come first; a plain file before one packed by gzip. */
  write_gzip("set/train-images-idx3-ubyte.gz", images, IMAGES);
  FAILS(LW_BAD_FILE, lw_dataset_load(where, LW_SPLIT_TRAIN, &out), "set: ", "neither train-labels-idx1-ubyte nor");
  write_gzip("set/train-labels-idx1-ubyte.gz", labels, LABELS);
  assert_int_equal(lw_dataset_load(where, LW_SPLIT_TRAIN, &d), LW_OK);
  check_images(&d);
  lw_dataset_free(&d);
  write_file("set/train-labels-idx1-ubyte", "", 0);
  FAILS(LW_BAD_FILE, lw_dataset_load(where, LW_SPLIT_TRAIN, &out), "set/train-labels-idx1-ubyte: IDX: the file is empty");
}

/* Also for root, whom no permission stops, as long as nobody else's user number can be taken on. */
static void test_permission(void **state) {
  (void)state;
  const char *x = write_file("secret", images, IMAGES), *y = write_file("y", labels, LABELS);
  assert_int_equal(chmod(x, 0), 0);
  assert_int_equal(chmod(folder, 0755), 0);
  assert_int_equal(chmod(in_folder("set"), 0600), 0);
  const int root = geteuid() == 0;
  if (root) assert_int_equal(seteuid(65534), 0);
  FAILS(LW_BAD_FILE, lw_dataset_load_idx(x, y, &out), "secret: cannot be opened: Permission denied");
  FAILS(LW_BAD_FILE, lw_dataset_load(in_folder("set"), LW_SPLIT_TRAIN, &out), "cannot be opened: Permission denied");
  if (root) assert_int_equal(seteuid(0), 0);
  assert_int_equal(chmod(in_folder("set"), 0755), 0);
}

static void test_digits(void **state) {
  lw_dataset train, test;
  uint8_t image[784], label;
  (void)state;
  assert_int_equal(lw_dataset_load("digits", LW_SPLIT_TRAIN, &train), LW_OK);
  assert_int_equal(lw_dataset_load("digits", LW_SPLIT_TEST, &test), LW_OK);
  assert_true(train.count == 60000 && test.count == 10000 && test.c == 1 && test.h == 28 && test.w == 28 && test.classes == 10);
  assert_int_equal(lw_digits(1, 59999, 1, image, &label), LW_OK);
  assert_memory_equal(train.pixels + 59999 * 784, image, 784);
  assert_int_equal(train.labels[59999], label);
  assert_int_equal(lw_digits(1, 60000, 1, image, &label), LW_OK);
  assert_memory_equal(test.pixels, image, 784);
  assert_int_equal(test.labels[0], label);
  lw_dataset_free(&train);
  lw_dataset_free(&test);
}

static void test_input(void **state) {
  uint8_t pixels[3 * 256];
  uint8_t marks[3] = {0};
  float x[3 * 256];
  (void)state;
  for (int i = 0; i < 768; i++) pixels[i] = (uint8_t)i;
  lw_dataset d = {3, 4, 8, 8, 10, pixels, marks};
  assert_int_equal(lw_dataset_input(NULL, &d, 0, 3, x), LW_OK);
  for (int i = 0; i < 768; i++) assert_true(x[i] == (float)pixels[i] / 255.0f);
  memset(x, 0, sizeof x);
  assert_int_equal(lw_dataset_input(NULL, &d, 2, 1, x), LW_OK);
  for (int i = 0; i < 768; i++) assert_true(x[i] == (i < 256 ? (float)i / 255.0f : 0));
  assert_int_equal(lw_dataset_input(NULL, &d, 3, 0, x), LW_OK);
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, NULL, 0, 1, x), "dataset is NULL");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, -1, 1, x), "first is -1");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, 0, -1, x), "count -1");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, 1, 3, x), "first is 1 and count 3, the data set has 3");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, INT64_MAX, INT64_MAX, x), "has 3 images");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, 0, 1, NULL), "x is ");
  FAILS(LW_BAD_ARGUMENT, lw_dataset_input(NULL, &d, 0, 1, (float *)((char *)x + 1)), "aligned");
  lw_dataset_free(NULL);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_idx),        cmocka_unit_test(test_save),    cmocka_unit_test(test_idx_wrong),
      cmocka_unit_test(test_gzip_wrong), cmocka_unit_test(test_cifar10), cmocka_unit_test(test_folder),
      cmocka_unit_test(test_permission), cmocka_unit_test(test_digits),  cmocka_unit_test(test_input),
  };
  return cmocka_run_group_tests_name("datasets", tests, make_folder, remove_folder);
}
