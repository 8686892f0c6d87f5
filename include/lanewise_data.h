/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Lanewise data: what comes from files and goes into files: images, weights (safetensors), data sets (MNIST's IDX, CIFAR-10,
 * built-in digits), and images as the inputs of the networks. A library of its own (lanewise_data, over libpng, libjpeg-turbo,
 * zlib and jansson): the core needs none of them.
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

/* ------------------------------------------------------------------------------------------------------------- images */
/** @defgroup images Images from and to files
 * @{ */

/** Bytes, HWC: channel k of column i in row j is pixels[(j * w + i) * c + k]. The fields may be filled in by hand, for an image
 * that the program owns itself; lw_image_free is only for images that a function of this header has made. */
typedef struct lw_image {
  int64_t w;       /**< columns */
  int64_t h;       /**< rows */
  int64_t c;       /**< 1: gray; 3: red, green, blue */
  uint8_t *pixels; /**< [h][w][c] */
} lw_image;

/** Reads a PNG, JPEG or PNM file; what it is, its first bytes tell, not its name.
 * - PNG: all colour types and depths, interlaced or not. 16 bits become 8 by rounding v * 255 / 65535. Transparency is laid over
 *   black: (v * alpha + 127) / 255. A wrong checksum in any chunk is an error.
 * - JPEG: baseline and progressive, gray and YCbCr or RGB; CMYK and YCCK are LW_UNSUPPORTED. What libjpeg only warns of
 *   (data that end early or make no sense) is an error.
 * - PNM: P1 to P6, maxval 1..65535, scaled as (v * 255 + maxval / 2) / maxval; a bit of P1 and P4 is 0 or 255. The first image
 *   counts. As in Netpbm's own readers, the last number of P2 and P3 is complete only with a character after it.
 *
 * Gamma, colour profiles and the orientation of EXIF are ignored. `*out` need not be initialised; release it with
 * lw_image_free(). LW_BAD_FILE: cannot be read, unknown kind, damaged, cut short, or more than 2^28 pixels. */
LW_API lw_status lw_image_load(const char *path, lw_image *out);

/** The same from memory; messages call the file "memory". */
LW_API lw_status lw_image_load_memory(const uint8_t *bytes, size_t size, lw_image *out);

/** Writes PNG (path ends in .png), PGM (.pgm, gray only), PPM (.ppm, colour only) or either of these (.pnm); upper case works
 * too. Another ending is LW_UNSUPPORTED. What was at `path` stays until the new file is complete (LW_BAD_FILE: it still does). */
LW_API lw_status lw_image_save(const char *path, const lw_image *image);

/** Releases the pixels and zeroes the fields. NULL is allowed. */
LW_API void lw_image_free(lw_image *image);

/** x[3][224][224] for vgg16, the geometry of torchvision's Resize(256) and CenterCrop(224): the short side becomes 256 and the
 * long one floor(256 * long / short) (bilinear with antialias, in f32, not rounded to bytes in between), the middle 224x224 are
 * cut out (an odd margin is halved to the even number), then lw_normalize with ImageNet's mean {.485, .456, .406} and standard
 * deviation {.229, .224, .225}. Gray becomes three equal channels. A long side of more than 64 times the short one is
 * LW_BAD_SHAPE. */
LW_API lw_status lw_image_to_vgg16(lw_context *context, const lw_image *image, float *x);

/** x[1][28][28] for lenet5 and mlp: lw_grayscale for colour, resized to 28x28 with antialias whatever its shape, values / 255. */
LW_API lw_status lw_image_to_gray28(lw_context *context, const lw_image *image, float *x);

/** x[3][32][32] for net: gray becomes three equal channels, resized to 32x32 with antialias whatever its shape, values / 255. */
LW_API lw_status lw_image_to_rgb32(lw_context *context, const lw_image *image, float *x);

/** The input x[c][h][w] of `net`, by its shape: lw_image_to_vgg16 for 3x224x224, lw_image_to_gray28 for 1x28x28,
 * lw_image_to_rgb32 for 3x32x32. LW_UNSUPPORTED, with the shape, for another. */
LW_API lw_status lw_image_to_input(lw_context *context, const lw_net *net, const lw_image *image, float *x);

/** @} */

/* ------------------------------------------------------------------------------------------------------------ weights */
/** @defgroup safetensors Weights (safetensors)
 * @{ */

/** Number format of a tensor in a file. Kernels always get f32: F16 and BF16 are widened, which is exact. */
typedef enum lw_dtype {
  LW_F32, /**< IEEE-754 binary32 */
  LW_F16, /**< IEEE-754 binary16 */
  LW_BF16 /**< the upper half of a binary32 */
} lw_dtype;

/** A tensor of a safetensors file. The pointers live as long as the file is open. */
typedef struct lw_tensor_info {
  const char *name; /**< "features.0.weight" */
  lw_dtype dtype;   /**< how its numbers are stored */
  int rank;         /**< 0..8; 0 is one value */
  int64_t shape[8]; /**< sizes, slowest first; 0 past `rank` */
  int64_t count;    /**< product of shape */
  const void *data; /**< in the mapped file, little-endian, not necessarily aligned to its type */
} lw_tensor_info;

/** An open safetensors file, mapped into memory; immutable, so many threads may read it at once. */
typedef struct lw_safetensors lw_safetensors;

/** Maps a safetensors file and checks all of its header: length, JSON, names that come twice, types, shapes, and offsets that
 * overlap, leave holes or lie outside the file. Format: https://github.com/huggingface/safetensors#format. LW_UNSUPPORTED, by
 * name: tensors of other dtypes than F32, F16 and BF16 or of more than 8 dimensions. LW_BAD_FILE: also a header of more than
 * 100,000,000 bytes or of more than 2^20 JSON values (some 80,000 tensors), and what is no regular file. `__metadata__` is
 * checked and ignored. Like any mapped file, it may be replaced by another of its name while it is open, but not be cut shorter
 * (the process would get SIGBUS). Close with lw_safetensors_close(). */
LW_API lw_status lw_safetensors_open(const char *path, lw_safetensors **file);
/** The same from memory, which must outlive the result; messages call the file "memory". */
LW_API lw_status lw_safetensors_open_memory(const uint8_t *bytes, size_t size, lw_safetensors **file);
/** Unmaps it. NULL is allowed. No source made by lw_weights_safetensors from it may be in use. */
LW_API void lw_safetensors_close(lw_safetensors *file);
/** Number of tensors. */
LW_API size_t lw_safetensors_count(const lw_safetensors *file);
/** The i-th tensor, in the order of their data. */
LW_API lw_status lw_safetensors_tensor(const lw_safetensors *file, size_t i, lw_tensor_info *info);
/** The number of the tensor of that name; LW_BAD_ARGUMENT if there is none. */
LW_API lw_status lw_safetensors_find(const lw_safetensors *file, const char *name, size_t *i);
/** Elements first..first+count-1 of tensor i, widened to f32. */
LW_API lw_status lw_safetensors_read(const lw_safetensors *file, size_t i, int64_t first, int64_t count, float *dst);

/** A source of weights for lw_plan_create: the parameters of `net` in `file`, found by PyTorch's names (`<layer>.weight`,
 * `<layer>.bias`) or, for vgg16, by timm's (pre_logits.fc1, pre_logits.fc2, head.fc; a [out][c][h][w] kernel that covers its
 * whole input is a linear weight in the same memory order). If parameters are missing, have the wrong shape, or the file has
 * tensors that the network lacks, the one message names them all (LW_BAD_FILE). The source lives as long as the file is open;
 * F32 that is aligned in the file is packed straight from the mapping. */
LW_API lw_status lw_weights_safetensors(lw_safetensors *file, const lw_net *net, lw_weights *weights);

/** Writes the parameters of `net` from any source as a safetensors file with PyTorch's names, narrowed to `dtype` (round to
 * nearest even). What was at `path` stays until the new file is complete and on disk (written beside it, fsync, rename): a full
 * disk leaves the old file. */
LW_API lw_status lw_safetensors_save(const char *path, const lw_net *net, const lw_weights *weights, lw_dtype dtype);

/** @} */

/* ----------------------------------------------------------------------------------------------------------- data sets */
/** @defgroup datasets Data sets
 * @{ */

/** Labelled images as bytes, planes as the files have them: pixels[((i * c + k) * h + row) * w + column]. */
typedef struct lw_dataset {
  int64_t count;   /**< images */
  int64_t c;       /**< channels */
  int64_t h;       /**< rows */
  int64_t w;       /**< columns */
  int classes;     /**< labels are 0..classes-1 */
  uint8_t *pixels; /**< [count][c][h][w] */
  uint8_t *labels; /**< [count] */
} lw_dataset;

/** Which half of a data set. */
typedef enum lw_split {
  LW_SPLIT_TRAIN, /**< to learn from */
  LW_SPLIT_TEST   /**< to judge by */
} lw_split;

/** Loads a data set. `where` is "digits" (the built-in generator: 60,000 training and 10,000 test images, seed 1; a folder of
 * that name is "./digits") or a folder that holds MNIST-format files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-...;
 * plain or, if there is no such file, with .gz) or else CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin,
 * test_batch.bin; also in cifar-10-batches-bin below it). LW_BAD_FILE, with the names that were looked for, if neither is there.
 * Release with lw_dataset_free(). */
LW_API lw_status lw_dataset_load(const char *where, lw_split split, lw_dataset *out);
/** MNIST format (http://yann.lecun.com/exdb/mnist): `images` is an IDX file of rank 3 (u8), `labels` one of rank 1 (u8) with as
 * many entries. gzip is recognised by its first bytes; no more is unpacked than the header claims. LW_BAD_FILE: cannot be read,
 * another type or rank, no or more than 2^31 bytes of pixels, cut short or followed by more bytes, a wrong checksum, labels
 * above 9. */
LW_API lw_status lw_dataset_load_idx(const char *images, const char *labels, lw_dataset *out);
/** CIFAR-10, binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label and 3 x 32 x 32 bytes; the files
 * follow one another. LW_BAD_FILE: cannot be read, empty, no multiple of 3073 bytes, labels above 9. */
LW_API lw_status lw_dataset_load_cifar10(const char *const *paths, size_t path_count, lw_dataset *out);
/** Writes a data set of one channel as two IDX files (gzip if a path ends in .gz). What was at both paths stays until both new
 * files are written. */
LW_API lw_status lw_dataset_save_idx(const lw_dataset *dataset, const char *images, const char *labels);
/** Images first..first+count-1 of the built-in data set, [count][28][28] bytes, white on black, and their labels: strokes of
 * handwritten-like digits under random affine maps, thickness and noise, from Philox4x32-10 (key = seed, counter from the image's
 * number), so that an image depends on nothing but seed and number. The training half of lw_dataset_load has numbers 0..59,999,
 * the test half 60,000..69,999. */
LW_API lw_status lw_digits(uint64_t seed, int64_t first, int64_t count, uint8_t *pixels, uint8_t *labels);
/** Images first..first+count-1 as a network's input: x[count][c][h][w] = pixels / 255.0f. */
LW_API lw_status lw_dataset_input(lw_context *context, const lw_dataset *dataset, int64_t first, int64_t count, float *x);
/** Puts order[0..count-1] into a random order, which depends on seed, epoch and count alone (Fisher and Yates; Durstenfeld,
 * Algorithm 235, CACM 7(7), 1964; numbers from Philox4x32-10). To go through a data set in another order in every epoch, shuffle
 * the same numbers with the epoch's number; to set images apart for validation, shuffle all numbers once and cut. count is below
 * 2^32. */
LW_API lw_status lw_shuffle(uint64_t seed, uint32_t epoch, int64_t count, int64_t *order);

/** How images are changed at random before a network learns from them. All 0: not at all. */
typedef struct lw_augment {
  int64_t crop; /**< most pixels by which the image is moved up or down, left or right, by whole pixels: as if so many zeros were
                   put around it and a window of the old size cut out; 0..min(h, w) - 1 */
  float shift;  /**< likewise, but by fractions of pixels: most pixels, 0..1e4 */
  float rotate; /**< most degrees about the centre, either way: 0..90 */
  int flip;     /**< not 0: every other image, by chance, is mirrored left to right */
  float noise;  /**< standard deviation of noise that is added to every value, whose range is 0..1; finite, >= 0. Near to normal
                   (the sum of four even numbers), at most 3.5 deviations */
} lw_augment;

/** A mini-batch: x[i] and labels[i], i = 0..count-1, are image order[i] of the data set, as lw_dataset_input() gives it and then
 * changed by `augment` (NULL: not). The change of an image depends on seed, epoch and its number in the data set alone, not on
 * the batch it is in; one bilinear interpolation does all moves, zeros lie outside the image. Every bit is the same on every
 * machine. LW_BAD_ARGUMENT: a number in `order` that is no image, a bad field of `augment`. */
LW_API lw_status lw_dataset_batch(const lw_dataset *dataset, const int64_t *order, int64_t count, const lw_augment *augment,
                                  uint64_t seed, uint32_t epoch, float *x, int32_t *labels);
/** Releases pixels and labels and zeroes the fields. NULL is allowed. */
LW_API void lw_dataset_free(lw_dataset *dataset);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
