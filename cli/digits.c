/* SPDX-License-Identifier: Apache-2.0
 * `lanewise digits`: the built-in data set as MNIST-format files, or some of it as a picture. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/cli.h"

/* Test images have numbers from FIRST_TEST on, as in lw_dataset_load, or from where the training images end, if that is later. As
 * many images as an IDX file may have bytes for. */
enum {
  SIDE = 28,
  PIXELS = SIDE * SIDE,
  FIRST_TEST = 60000,
  MOST = INT32_MAX / PIXELS,
  SHEET = 10,
  ZOOM = 2,
  TILE = SIDE * ZOOM + 2
};

typedef struct options {
  const char *folder, *sheet;
  int64_t train, test;
  uint64_t seed;
  int gzip;
} options;

static int write_half(const options *o, const char *half, int64_t first, int64_t count) {
  char *images = NULL, *labels = NULL;
  const char *ending = o->gzip ? ".gz" : "";
  int code = CLI_OK;
  if (count == 0) return CLI_OK;
  if (asprintf(&images, "%s/%s-images-idx3-ubyte%s", o->folder, half, ending) < 0) images = NULL;
  if (asprintf(&labels, "%s/%s-labels-idx1-ubyte%s", o->folder, half, ending) < 0) labels = NULL;
  lw_dataset d = {count, 1, SIDE, SIDE, 10, malloc((size_t)count * PIXELS), malloc((size_t)count)};
  if (!images || !labels || !d.pixels || !d.labels)
    code = cli_fail("no memory for %lld images", (long long)count);
  else if (lw_digits(o->seed, first, count, d.pixels, d.labels) != LW_OK || lw_dataset_save_idx(&d, images, labels) != LW_OK)
    code = cli_fail_status();
  else
    printf("%s\n%s: %s images\n", images, labels, cli_count(count));
  lw_dataset_free(&d);
  free(images);
  free(labels);
  return code;
}

static int write_sheet(const options *o) {
  static uint8_t digits[SHEET * SHEET][PIXELS], labels[SHEET * SHEET];
  static uint8_t pixels[SHEET * TILE * SHEET * TILE];
  enum { WIDTH = SHEET * TILE };
  const lw_image sheet = {WIDTH, WIDTH, 1, pixels};
  if (lw_digits(o->seed, 0, SHEET * SHEET, digits[0], labels) != LW_OK) return cli_fail_status();
  memset(pixels, 96, sizeof pixels);
  for (int i = 0; i < SHEET * SHEET; i++)
    for (int y = 0; y < SIDE * ZOOM; y++)
      for (int x = 0; x < SIDE * ZOOM; x++)
        pixels[(i / SHEET * TILE + 1 + y) * WIDTH + i % SHEET * TILE + 1 + x] = digits[i][y / ZOOM * SIDE + x / ZOOM];
  if (lw_image_save(o->sheet, &sheet) != LW_OK) return cli_fail_status();
  for (int i = 0; i < SHEET * SHEET; i++) printf("%d%c", labels[i], i % SHEET == SHEET - 1 ? '\n' : ' ');
  return CLI_OK;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case 'o': o->folder = arg; return 0;
  case 's': o->sheet = arg; return 0;
  case 'n': o->train = cli_option("--train", arg, 0, MOST); return 0;
  case 't': o->test = cli_option("--test", arg, 0, MOST); return 0;
  case 'S': o->seed = (uint64_t)cli_option("--seed", arg, 0, INT64_MAX); return 0;
  case 'z': o->gzip = 1; return 0;
  case ARGP_KEY_END:
    if (!o->folder && !o->sheet) argp_error(state, "nothing to write: name a folder with --out or a picture with --sheet");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_digits(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"out", 'o', "DIR", 0, "Write train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k there; makes DIR", 0},
      {"train", 'n', "N", 0, "Training images (default: 60000; 0: no such files)", 0},
      {"test", 't', "N", 0, "Test images (default: 10000; 0: no such files)", 0},
      {"seed", 'S', "N", 0, "Seed (default: 1, that of --data digits)", 0},
      {"gzip", 'z', NULL, 0, "Pack the files (.gz)", 0},
      {"sheet", 's', "FILE", 0, "Write the first 100 training images as one picture (PNG or PGM) and print their labels", 0},
      {0}};
  static const struct argp argp = {.options = list,
                                   .parser = parse,
                                   .doc = "The built-in data set, handwritten-like digits of 28x28 pixels, as files in MNIST's "
                                          "format for other programs. An image "
                                          "depends on nothing but the seed and its number.\v"
                                          "Examples:\n"
                                          "  lanewise digits --out digits --gzip\n"
                                          "  lanewise digits --sheet sheet.png --seed 7\n"
                                          "  lanewise digits --out small --train 1000 --test 200"};
  options o = {.train = FIRST_TEST, .test = 10000, .seed = 1};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  int code = CLI_OK;
  if (o.folder && mkdir(o.folder, 0777) != 0 && errno != EEXIST)
    return cli_fail("%s: cannot be made: %s", o.folder, strerror(errno));
  if (o.folder) code = write_half(&o, "train", 0, o.train);
  if (o.folder && code == CLI_OK) code = write_half(&o, "t10k", o.train > FIRST_TEST ? o.train : FIRST_TEST, o.test);
  if (o.sheet && code == CLI_OK) code = write_sheet(&o);
  return code == CLI_OK ? cli_finish(code) : code;
}
