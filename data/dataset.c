/* SPDX-License-Identifier: Apache-2.0
 * Data sets as a whole: found by name or folder, handed to networks. */
#include "data/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIGITS_TRAIN = 60000, DIGITS_TEST = 10000, DIGITS_SIDE = 28, DIGITS_SEED = 1 };

lw_status lw_dataset_check(const char *call, const lw_dataset *dataset) {
  int64_t size;
  if (!dataset) return lw_fail(LW_BAD_ARGUMENT, "%s: dataset is NULL", call);
  if (!dataset->pixels) return lw_fail(LW_BAD_ARGUMENT, "%s: dataset->pixels is NULL", call);
  if (!dataset->labels) return lw_fail(LW_BAD_ARGUMENT, "%s: dataset->labels is NULL", call);
  if (dataset->count < 1 || dataset->c < 1 || dataset->h < 1 || dataset->w < 1 ||
      __builtin_mul_overflow(dataset->count, dataset->c, &size) || __builtin_mul_overflow(size, dataset->h, &size) ||
      __builtin_mul_overflow(size, dataset->w, &size) || size > INT64_MAX / (int64_t)sizeof(float))
    return lw_fail(LW_BAD_SHAPE,
                   "%s: dataset has count = %lld, c = %lld, h = %lld, w = %lld, expected sizes of at least 1 and a "
                   "product below 2^61",
                   call, (long long)dataset->count, (long long)dataset->c, (long long)dataset->h, (long long)dataset->w);
  return LW_OK;
}

static lw_status load_digits(lw_split split, lw_dataset *out) {
  const int64_t first = split == LW_SPLIT_TRAIN ? 0 : DIGITS_TRAIN, count = split == LW_SPLIT_TRAIN ? DIGITS_TRAIN : DIGITS_TEST;
  lw_dataset digits = {
      count, 1, DIGITS_SIDE, DIGITS_SIDE, 10, malloc((size_t)count * DIGITS_SIDE * DIGITS_SIDE), malloc((size_t)count)};
  const lw_status status = digits.pixels && digits.labels
                               ? lw_digits(DIGITS_SEED, first, count, digits.pixels, digits.labels)
                               : lw_fail(LW_NO_MEMORY, "lw_dataset_load: no memory for %lld digits", (long long)count);
  if (status == LW_OK)
    *out = digits;
  else
    lw_dataset_free(&digits);
  return status;
}

/* Is <folder>/<name> there? `*path` is then the caller's to free; NULL with LW_OK: it is not. */
static lw_status find(const char *call, const char *folder, const char *name, char **path) {
  struct stat info;
  *path = NULL;
  if (asprintf(path, "%s/%s", folder, name) < 0) {
    *path = NULL;
    return lw_source_fail(LW_NO_MEMORY, call, folder, "no memory");
  }
  if (stat(*path, &info) == 0) return LW_OK;
  const lw_status status = errno == ENOENT || errno == ENOTDIR
                               ? LW_OK
                               : lw_source_fail(LW_BAD_FILE, call, *path, "cannot be opened: %s", strerror(errno));
  free(*path);
  *path = NULL;
  return status;
}

/* The plain file or, if there is none, the one packed by gzip. */
static lw_status find_idx(const char *call, const char *folder, const char *half, const char *what, char **path) {
  char name[64];
  snprintf(name, sizeof name, "%s-%s-ubyte.gz", half, what);
  name[strlen(name) - 3] = 0;
  lw_status status = find(call, folder, name, path);
  if (status != LW_OK || *path) return status;
  name[strlen(name)] = '.';
  return find(call, folder, name, path);
}

static lw_status load_mnist(const char *call, const char *folder, lw_split split, char *images, lw_dataset *out) {
  const char *half = split == LW_SPLIT_TRAIN ? "train" : "t10k";
  char *labels;
  lw_status status = find_idx(call, folder, half, "labels-idx1", &labels);
  if (status == LW_OK && !labels)
    status = lw_source_fail(LW_BAD_FILE, call, folder,
                            "%s-images-idx3-ubyte is here, but neither %s-labels-idx1-ubyte nor that with .gz", half, half);
  if (status == LW_OK) status = lw_dataset_load_idx(images, labels, out);
  free(labels);
  return status;
}

enum { BATCHES = 5 };

/* Batch files of CIFAR-10 in `folder`; `*found` is how many. out == NULL: no more than that. */
static lw_status load_cifar10(const char *call, const char *folder, lw_split split, int *found, lw_dataset *out) {
  char *paths[BATCHES] = {NULL};
  const int wanted = split == LW_SPLIT_TRAIN ? BATCHES : 1;
  char name[32], missing[32] = "";
  lw_status status = LW_OK;
  *found = 0;
  for (int i = 0; i < wanted && status == LW_OK; i++) {
    if (split == LW_SPLIT_TRAIN)
      snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
    else
      snprintf(name, sizeof name, "test_batch.bin");
    status = find(call, folder, name, &paths[i]);
    if (paths[i])
      ++*found;
    else
      memcpy(missing, name, sizeof missing);
  }
  if (status == LW_OK && out && *found > 0 && *found < wanted)
    status = lw_source_fail(LW_BAD_FILE, call, folder, "%s is missing beside %d other batches", missing, *found);
  if (status == LW_OK && out && *found == wanted)
    status = lw_dataset_load_cifar10((const char *const *)paths, (size_t)wanted, out);
  for (int i = 0; i < BATCHES; i++) free(paths[i]);
  return status;
}

/* out == NULL: only tells whether that half, or a part of it, is there. */
static lw_status load_folder(const char *call, const char *folder, lw_split split, int *found, lw_dataset *out) {
  char *images, *below;
  lw_status status = find_idx(call, folder, split == LW_SPLIT_TRAIN ? "train" : "t10k", "images-idx3", &images);
  *found = images != NULL;
  if (status != LW_OK) return status;
  if (images) {
    if (out) status = load_mnist(call, folder, split, images, out);
    free(images);
    return status;
  }
  status = load_cifar10(call, folder, split, found, out);
  if (status != LW_OK || *found) return status;
  status = find(call, folder, "cifar-10-batches-bin", &below);
  if (status == LW_OK && below) status = load_cifar10(call, below, split, found, out);
  free(below);
  if (status != LW_OK || *found || !out) return status;
  return lw_source_fail(LW_BAD_FILE, call, folder, "has neither %s-images-idx3-ubyte[.gz] nor [cifar-10-batches-bin/]%s",
                        split == LW_SPLIT_TRAIN ? "train" : "t10k",
                        split == LW_SPLIT_TRAIN ? "data_batch_1.bin" : "test_batch.bin");
}

static lw_status check_folder(const char *call, const char *where) {
  struct stat info;
  if (stat(where, &info) != 0) return lw_source_fail(LW_BAD_FILE, call, where, "cannot be opened: %s", strerror(errno));
  if (!S_ISDIR(info.st_mode)) return lw_source_fail(LW_BAD_FILE, call, where, "is no folder, expected \"digits\" or a folder");
  return LW_OK;
}

lw_status lw_dataset_load(const char *where, lw_split split, lw_dataset *out) {
  static const char call[] = "lw_dataset_load";
  int found;
  if (!where) return lw_fail(LW_BAD_ARGUMENT, "%s: where is NULL", call);
  if (split != LW_SPLIT_TRAIN && split != LW_SPLIT_TEST) return lw_fail(LW_BAD_ARGUMENT, "%s: split is %d", call, (int)split);
  if (!out) return lw_fail(LW_BAD_ARGUMENT, "%s: out is NULL", call);
  if (strcmp(where, "digits") == 0) return load_digits(split, out);
  const lw_status status = check_folder(call, where);
  return status == LW_OK ? load_folder(call, where, split, &found, out) : status;
}

lw_status lw_dataset_has(const char *where, lw_split split, int *has) {
  static const char call[] = "lw_dataset_load";
  if ((*has = strcmp(where, "digits") == 0)) return LW_OK;
  const lw_status status = check_folder(call, where);
  return status == LW_OK ? load_folder(call, where, split, has, NULL) : status;
}

lw_status lw_dataset_input(lw_context *context, const lw_dataset *dataset, int64_t first, int64_t count, float *x) {
  static const char call[] = "lw_dataset_input";
  lw_status status = lw_dataset_check(call, dataset);
  if (status != LW_OK) return status;
  if (first < 0 || count < 0 || first > dataset->count - count)
    return lw_fail(LW_BAD_ARGUMENT, "%s: first is %lld and count %lld, the data set has %lld images", call, (long long)first,
                   (long long)count, (long long)dataset->count);
  if (!x || (uintptr_t)x % sizeof *x != 0)
    return lw_fail(LW_BAD_ARGUMENT, "%s: x is %p, expected a pointer aligned to 4", call, (void *)x);
  if (count == 0) return LW_OK;
  const int64_t image = dataset->c * dataset->h * dataset->w;
  status = lw_u8_to_f32(context, 1, 1, count * image, dataset->pixels + first * image, x);
  return status == LW_OK ? lw_normalize(context, 1, 1, 1, count * image, NULL, NULL, x, x) : status;
}

void lw_dataset_free(lw_dataset *dataset) {
  if (!dataset) return;
  free(dataset->pixels);
  free(dataset->labels);
  *dataset = (lw_dataset){0};
}
