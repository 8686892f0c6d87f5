/* SPDX-License-Identifier: Apache-2.0
 * `lanewise train` in parts: options, data, the run itself, checkpoints, learning curves, the progress bar. */
#ifndef LANEWISE_CLI_TRAIN_H
#define LANEWISE_CLI_TRAIN_H

#include "cli/machine.h"
#include "lanewise_train.h"

/* ------------------------------------------------------------------------------------------------------------- options */

enum { TRAIN_CURVES = 4 };

/* How the learning rate goes. Both are exact arithmetic, the same bits everywhere. */
typedef enum train_schedule {
  TRAIN_LINEAR,  /* falls evenly, by step, to 0 behind the last step of the last epoch */
  TRAIN_CONSTANT /* stays */
} train_schedule;

typedef struct train_options {
  cli_machine machine;
  const lw_net *net;
  const char *data;
  int64_t epochs, batch, limit, patience; /* limit, patience 0: none */
  lw_mode mode;
  lw_sgd_options sgd; /* with the first learning rate */
  train_schedule schedule;
  float label_smoothing;
  const char *class_weights; /* NULL: none; "auto", numbers, or a file of them */
  double validation;         /* share of the training half; < 0: by what there is */
  int validate_on_test;      /* the test half instead */
  lw_augment augment;
  int is_augmented;
  uint64_t seed;
  const char *save; /* NULL: nothing */
  int resume, restart;
  const char *curves[TRAIN_CURVES];
  int curve_count;
} train_options;

/* Ends the program where the command line is wrong. */
void train_options_parse(int argc, char **argv, train_options *options);
const char *train_schedule_name(train_schedule schedule);

/* ---------------------------------------------------------------------------------------------------------------- data */

/* Images of a data set, by number. */
typedef struct train_samples {
  const lw_dataset *from;
  const int64_t *numbers;
  int64_t count;
} train_samples;

typedef struct train_data {
  lw_dataset halves[2];                 /* by lw_split; count 0: not there */
  int64_t *numbers;                     /* of `learn`, of what is set apart, of the test half */
  train_samples learn, validate, judge; /* none: count 0. `judge` may be `validate` */
  const char *judge_name;
  float *class_weights; /* NULL: all 1 */
  uint32_t crc;         /* of what is learnt from and validated on */
} train_data;

/* Loads what the options name, in the shape that the network reads, and divides it. An exit code, after a message if it is not
 * CLI_OK; release it either way. */
int train_data_load(const train_options *options, lw_context *context, train_data *data);
void train_data_free(train_data *data);

/* --------------------------------------------------------------------------------------------------------------- curve */

/* What an epoch came to. Accuracies are shares of 1; without validation its numbers are NaN. */
typedef struct train_row {
  uint64_t steps; /* since the beginning */
  double lr;      /* of its last step */
  double train_loss, train_accuracy, validation_loss, validation_accuracy;
} train_row;

typedef struct train_curve {
  const train_row *rows;
  int64_t count, best_epoch; /* from 1 on; 0: none */
  char title[256];
} train_curve;

/* NULL, or what is wrong with the name of a file for a curve. */
const char *train_curve_problem(const char *path);
/* Replaces the file: .csv, .svg or .html. On failure lw_error_message() tells. */
lw_status train_curve_save(const char *path, const train_curve *curve);
/* The drawing. */
void train_curve_draw(FILE *to, const train_curve *curve);
/* Text as XML and HTML have it. */
void train_print_escaped(FILE *to, const char *text);

/* ------------------------------------------------------------------------------------------------------------ progress */

/* A line on stderr that is drawn over and over, if that is a terminal. */
typedef struct train_progress {
  int is_shown;
  int64_t all, before; /* images of the whole run, and those of earlier runs */
  double start, last;  /* milliseconds */
} train_progress;

train_progress train_progress_start(int64_t all, int64_t before);
/* `done` of `all` images, of which `in_epoch` of `of_epoch` are of this epoch. */
void train_progress_show(train_progress *progress, int64_t epoch, int64_t epochs, int64_t in_epoch, int64_t of_epoch,
                         int64_t done, double loss, double accuracy);
/* Takes the line away, before something else is printed. */
void train_progress_clear(train_progress *progress);

/* ----------------------------------------------------------------------------------------------------------------- run */

/* Sums over samples. */
typedef struct train_sums {
  double loss, weight;
  int64_t right;
} train_sums;

/* A network that learns, and how far it has come. */
typedef struct training {
  const train_options *o;
  lw_context *context;
  train_data data;
  int64_t classes;
  int tensors;
  lw_trainer *trainer;
  size_t trainer_bytes;
  float **best; /* weights of the best epoch; NULL without validation */
  void *block;  /* of these: */
  float *x, *scores, *top;
  int32_t *labels, *index;
  int64_t *order;

  int64_t epoch;   /* epochs that are done */
  int64_t done;    /* images of the one that is not */
  train_sums sums; /* of these */
  train_row *rows; /* one for every epoch done */
  int64_t best_epoch;
} training;

int train_make(training *t);
void train_free(training *t);
/* The last epoch is done, or patience at its end. */
int train_is_finished(const training *t);
/* Writes FILE and the curves as a checkpoint that was loaded has them. */
int train_keep_resumed(const training *t);
/* Runs to the last epoch, or the end of patience. CLI_OK, CLI_FAILED, or 128 + the signal that interrupted it. */
int train_run(training *t);
/* How many of every class of `samples` are there (images), and found (right), with the weights that the trainer has. */
int train_judge(training *t, const train_samples *samples, int64_t *images, int64_t *right);
/* Signals that end the run in order are kept back from now on; pending: one that has come, or 0. */
void train_signals_hold(void);
int train_signal_pending(void);

/* ---------------------------------------------------------------------------------------------------------- checkpoint */

/* "<save>.checkpoint"; to be freed. NULL after a message. */
char *train_checkpoint_path(const train_options *options);
/* Replaces it. On failure lw_error_message() tells. */
lw_status train_checkpoint_save(const training *t);
/* Goes on from it: the trainer, and how far it was. CLI_OK or, after a message, CLI_FAILED. */
int train_checkpoint_load(training *t);
/* May a new run take its place? Not if there is a run in it that has not come to its end. */
int train_checkpoint_guard(const training *t);

#endif
