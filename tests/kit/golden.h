/* SPDX-License-Identifier: Apache-2.0
 * Reads the golden vectors of data/golden (format: README.md there): operators case by case, and whole networks. Inputs are made
 * anew from their seeds. Everything is double; inputs and weights hold the values of floats. */
#ifndef LANEWISE_TESTS_KIT_GOLDEN_H
#define LANEWISE_TESTS_KIT_GOLDEN_H

#include <stddef.h>
#include <stdint.h>
#include "lanewise_train.h"

/* For programs that define LANEWISE_SOURCE_DIR. */
#define GOLDEN_OPS   LANEWISE_SOURCE_DIR "/data/golden/ops.txt"
#define GOLDEN_TRAIN LANEWISE_SOURCE_DIR "/data/golden/train.txt"
#define GOLDEN_NETS  LANEWISE_SOURCE_DIR "/data/golden/nets.txt"
#define GOLDEN_STEPS LANEWISE_SOURCE_DIR "/data/golden/steps.txt"

enum { GOLDEN_INTS = 20, GOLDEN_INPUTS = 4, GOLDEN_SAMPLES = 16, GOLDEN_LAYERS = 48, GOLDEN_NAME = 40 };

typedef struct golden_case {
  char op[GOLDEN_NAME], name[GOLDEN_NAME];
  int64_t ints[GOLDEN_INTS]; /* the descriptor's fields, or the function's sizes, in the order of lanewise.h */
  int ints_count;
  double *input[GOLDEN_INPUTS]; /* NULL: absent, as a bias may be */
  int64_t input_count[GOLDEN_INPUTS];
  int inputs;
  double *output; /* expected */
  int64_t output_count;
  int32_t *index; /* expected indices, NULL if the operator has none; output_count of them */
} golden_case;

typedef struct golden_file {
  char *text;       /* the whole file */
  const char *next; /* where the next case begins */
  char error[160];  /* "" or what is wrong with the file */
} golden_file;

/* Returns 0 and file->error if the file cannot be read. */
int golden_open(golden_file *file, const char *path);
void golden_close(golden_file *file);
/* Reads the next case; release it with golden_case_free. Returns 0 at the end, and then file->error is "" if all is well. */
int golden_next(golden_file *file, golden_case *c);
void golden_case_free(golden_case *c);

typedef struct golden_layer {
  char name[GOLDEN_NAME];
  int64_t count;              /* elements of its output, for one image */
  double sum, squares;        /* sum of the elements and of their squares */
  int64_t at[GOLDEN_SAMPLES]; /* positions and values of sampled elements */
  double value[GOLDEN_SAMPLES];
} golden_layer;

/* A network with seeded weights on a seeded image: lw_weights_seeded(&seed), and lw_kaiming_uniform(seed, input_tensor, 6, 0,
 * ...). */
typedef struct golden_net {
  char name[GOLDEN_NAME];
  uint64_t seed;
  int input_tensor;
  int64_t input_count;
  golden_layer layer[GOLDEN_LAYERS]; /* in the order of lw_net */
  int layers;
  double *logits; /* output of the last layer */
  int64_t logit_count;
} golden_net;

/* Finds network `name` in the file. Returns 0 and an error if that fails, else release with golden_net_free. */
int golden_net_read(golden_net *net, const char *path, const char *name, char error[160]);
void golden_net_free(golden_net *net);

enum { GOLDEN_STEP_COUNT = 3, GOLDEN_LABELS = 32, GOLDEN_CLASSES = 16 };

/* Three steps of training from seeded weights: step s on batch[s] images, lw_kaiming_uniform(seed, input_tensor + s, 6, 0, ...),
 * with the next so many labels; dropout by lw_trainer's streams under that seed. */
typedef struct golden_steps {
  char name[GOLDEN_NAME];
  uint64_t seed;
  int input_tensor;
  int64_t batch[GOLDEN_STEP_COUNT];
  int32_t labels[GOLDEN_LABELS];
  lw_sgd_options sgd;
  lw_cross_entropy_desc loss; /* without n, c and the weights of the classes */
  float class_weights[GOLDEN_CLASSES];
  int has_class_weights;
  double losses[GOLDEN_STEP_COUNT];
  golden_layer tensor[2 * GOLDEN_LAYERS]; /* weights after the last step in the order of lw_net_parameter, then the momentum */
  int tensors;
} golden_steps;

/* Finds network `name` in the file. Returns 0 and an error if that fails. Nothing to release. */
int golden_steps_read(golden_steps *steps, const char *path, const char *name, char error[160]);

/* Elements 0..count-1 of a seeded tensor, widened; NULL if there is no memory. */
double *golden_uniform(uint64_t seed, int tensor, int64_t fan_in, int64_t count);

#endif
