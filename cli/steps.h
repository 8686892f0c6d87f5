/* SPDX-License-Identifier: Apache-2.0
 * The steps of `lanewise filter`: image operators by name, one after the other on f32 planes. */
#ifndef LANEWISE_CLI_STEPS_H
#define LANEWISE_CLI_STEPS_H

#include "lanewise.h"

/* An image as f32 planes [c][h][w], values 0..255 at first; memory of lw_allocate. */
typedef struct planes {
  int64_t c, h, w;
  float *values;
} planes;

/* A kernel of one's own. */
typedef struct own_kernel {
  int64_t h, w; /* odd; 0: none was given */
  float *values;
} own_kernel;

typedef struct step_options {
  lw_context *context;
  own_kernel kernel;
  int valid; /* not 0: filters keep to where their kernel fits */
} step_options;

enum { STEP_NAME = 64 };

/* Reads "0 -1 0; -1 5 -1; 0 -1 0" (rows by ';', numbers by spaces or commas). LW_BAD_ARGUMENT: not a number, rows of different
 * length, an even size. `values` is released by free. */
lw_status own_kernel_parse(const char *text, own_kernel *kernel);

/* Checks "blur" or "resize:64x48". LW_BAD_ARGUMENT lists the steps there are, or says what the step wants. */
lw_status step_check(const char *step, const step_options *options);
/* Does it: replaces *image. On failure *image is as it was. */
lw_status step_run(const char *step, const step_options *options, planes *image);
/* Prints the steps there are. */
void step_list(void);

#endif
