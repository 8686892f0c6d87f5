/* SPDX-License-Identifier: Apache-2.0
 * The run of `lanewise train`: steps, epochs, what is kept after each. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "cli/train.h"
#include "runtime/context.h"

enum { SIGNAL_EXIT = 128 }; /* as shells have it: plus the signal's number */

/* ------------------------------------------------------------------------------------------------------------- signals */

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { ENDING_SIGNALS = sizeof ending_signals / sizeof *ending_signals };

/* One that is ignored (nohup) stays so. */
static int is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) != 0 || action.sa_handler == SIG_IGN;
}

void train_signals_hold(void) {
  sigset_t held;
  sigemptyset(&held);
  for (int i = 0; i < ENDING_SIGNALS; i++) sigaddset(&held, ending_signals[i]);
  pthread_sigmask(SIG_BLOCK, &held, NULL);
}

int train_signal_pending(void) {
  sigset_t pending;
  if (sigpending(&pending) != 0) return 0;
  for (int i = 0; i < ENDING_SIGNALS; i++)
    if (sigismember(&pending, ending_signals[i]) && !is_ignored(ending_signals[i])) return ending_signals[i];
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- making */

static lw_cross_entropy_desc loss_of(const training *t, int64_t n, lw_reduction reduction) {
  return (lw_cross_entropy_desc){.n = n,
                                 .c = t->classes,
                                 .reduction = reduction,
                                 .class_weights = t->data.class_weights,
                                 .label_smoothing = t->o->label_smoothing};
}

static const lw_augment *augment_of(const train_options *o) { return o->is_augmented ? &o->augment : NULL; }

static int make_best(training *t) {
  if (!t->data.validate.count) return CLI_OK;
  if (!(t->best = calloc((size_t)t->tensors, sizeof *t->best))) return cli_fail("no memory for the best weights");
  for (int i = 0; i < t->tensors; i++) {
    lw_parameter_info info;
    if (lw_net_parameter(t->o->net, i, &info) != LW_OK) return cli_fail_status();
    if (!(t->best[i] = malloc((size_t)info.count * sizeof **t->best))) return cli_fail("no memory for the best weights");
  }
  return CLI_OK;
}

int train_make(training *t) {
  const train_options *o = t->o;
  const lw_weights first = lw_weights_seeded(&o->seed);
  const lw_trainer_options options = {
      .batch = o->batch, .sgd = o->sgd, .loss = loss_of(t, 1, LW_REDUCTION_MEAN), .seed = o->seed, .mode = o->mode};
  const size_t batch = (size_t)o->batch, inputs = batch * (size_t)(o->net->c * o->net->h * o->net->w);
  const size_t outputs = batch * (size_t)t->classes;
  if (lw_net_parameter_tensors(o->net, &t->tensors) != LW_OK ||
      lw_trainer_memory(t->context, o->net, &options, &t->trainer_bytes) != LW_OK ||
      lw_trainer_create(t->context, o->net, &first, &options, &t->trainer) != LW_OK ||
      lw_allocate(t->context, (inputs + outputs + batch) * sizeof(float) + 2 * batch * sizeof(int32_t), &t->block) != LW_OK)
    return cli_fail_status();
  /* A batch of no images: only the options are checked. */
  if (lw_dataset_batch(t->data.learn.from, NULL, 0, augment_of(o), o->seed, 1, NULL, NULL) != LW_OK) return cli_fail_status();
  t->x = t->block;
  t->scores = t->x + inputs;
  t->top = t->scores + outputs;
  t->labels = (int32_t *)(t->top + batch);
  t->index = t->labels + batch;
  t->order = malloc((size_t)t->data.learn.count * sizeof *t->order);
  t->rows = calloc((size_t)o->epochs, sizeof *t->rows);
  return t->order && t->rows ? make_best(t) : cli_fail("no memory for %" PRId64 " epochs", o->epochs);
}

void train_free(training *t) {
  for (int i = 0; t->best && i < t->tensors; i++) free(t->best[i]);
  free(t->best);
  free(t->rows);
  free(t->order);
  lw_release(t->context, t->block);
  lw_trainer_destroy(t->trainer);
  train_data_free(&t->data);
  lw_context_destroy(t->context);
}

/* ------------------------------------------------------------------------------------------------------------- summing */

/* The loss and the scores of the n samples that t->x and t->labels hold. */
static lw_status add(const training *t, int64_t n, double loss, train_sums *sums) {
  const lw_status status = lw_topk(t->context, n, t->classes, 1, t->scores, t->top, t->index);
  for (int64_t i = 0; i < n && status == LW_OK; i++) {
    sums->right += t->index[i] == t->labels[i];
    sums->weight += t->data.class_weights ? (double)t->data.class_weights[t->labels[i]] : 1;
  }
  sums->loss += loss;
  return status;
}

/* All samples with the weights as they are. images and right (NULL: not wanted): by class. *signal: what came in between. */
static lw_status evaluate(training *t, const train_samples *s, train_sums *sums, int64_t *images, int64_t *right, int *signal) {
  *sums = (train_sums){0};
  for (int64_t first = 0, n; first < s->count; first += n) {
    n = s->count - first < t->o->batch ? s->count - first : t->o->batch;
    float loss;
    const lw_cross_entropy_desc d = loss_of(t, n, LW_REDUCTION_SUM);
    lw_status status = lw_dataset_batch(s->from, s->numbers + first, n, NULL, 0, 0, t->x, t->labels);
    if (status == LW_OK) status = lw_trainer_predict(t->trainer, n, t->x, t->scores);
    if (status == LW_OK) status = lw_softmax_cross_entropy(t->context, &d, t->scores, t->labels, &loss);
    if (status == LW_OK) status = add(t, n, (double)loss, sums);
    if (status != LW_OK) return status;
    for (int64_t i = 0; images && i < n; i++) {
      images[t->labels[i]]++;
      right[t->labels[i]] += t->index[i] == t->labels[i];
    }
    if (first + n < s->count && (*signal = train_signal_pending())) return LW_OK;
  }
  return LW_OK;
}

int train_judge(training *t, const train_samples *samples, int64_t *images, int64_t *right) {
  train_sums sums;
  int signal = 0;
  if (evaluate(t, samples, &sums, images, right, &signal) != LW_OK) return cli_fail_status();
  if (!signal) return CLI_OK;
  cli_fail("interrupted before the accuracy was known%s", t->o->save ? "; what was learnt is saved" : "");
  return SIGNAL_EXIT + signal;
}

/* -------------------------------------------------------------------------------------------------------------- keeping */

static train_curve curve_of(const training *t) {
  train_curve c = {.rows = t->rows, .count = t->epoch, .best_epoch = t->best_epoch};
  const char *slash = strrchr(t->o->data, '/'), *name = slash && slash[1] ? slash + 1 : t->o->data;
  snprintf(c.title, sizeof c.title, "%s learns %.180s: %s images, batch %" PRId64, t->o->net->name, name,
           cli_count(t->data.learn.count), t->o->batch);
  return c;
}

/* The best weights or, without validation, those of now. */
static lw_status save_weights(const training *t) {
  const lw_weights weights =
      t->best ? lw_weights_arrays((const float *const *)t->best) : lw_trainer_source(t->trainer, LW_TRAINER_WEIGHTS);
  return lw_safetensors_save(t->o->save, t->o->net, &weights, LW_F32);
}

/* The checkpoint comes last: a run that ends before it is there repeats the epoch and writes the same again. */
static int keep_epoch(const training *t, int is_better) {
  const train_curve curve = curve_of(t);
  if (t->o->save && is_better && save_weights(t) != LW_OK) return cli_fail_status();
  for (int i = 0; i < t->o->curve_count; i++)
    if (train_curve_save(t->o->curves[i], &curve) != LW_OK) return cli_fail_status();
  return !t->o->save || train_checkpoint_save(t) == LW_OK ? CLI_OK : cli_fail_status();
}

int train_keep_resumed(const training *t) { return keep_epoch(t, t->best ? t->best_epoch > 0 : t->epoch > 0 && t->done == 0); }

static int interrupted(const training *t, int signal) {
  if (!t->o->save)
    cli_fail("interrupted in epoch %" PRId64 "; without --save nothing is kept", t->epoch + 1);
  else if (train_checkpoint_save(t) != LW_OK)
    return cli_fail_status();
  else
    cli_fail("interrupted in epoch %" PRId64 " after %s of %s images; %s.checkpoint is saved, and the same command with --resume "
             "goes on",
             t->epoch + 1, cli_count(t->done), cli_count(t->data.learn.count), t->o->save);
  return SIGNAL_EXIT + signal;
}

static int diverged(const training *t, const char *what, uint64_t step, double loss) {
  char kept[4200] = "";
  if (t->o->save && t->epoch > 0) snprintf(kept, sizeof kept, "; %s.checkpoint is that of epoch %" PRId64, t->o->save, t->epoch);
  return cli_fail("epoch %" PRId64 ", step %llu: the %s is %g%s; a smaller --lr may help", t->epoch + 1, (unsigned long long)step,
                  what, loss, kept);
}

/* --------------------------------------------------------------------------------------------------------------- epochs */

static int64_t steps_of_epoch(const training *t) { return (t->data.learn.count + t->o->batch - 1) / t->o->batch; }

/* The learning rate of a step, counted from 0 on. */
static float rate(const training *t, uint64_t number) {
  const double all = (double)steps_of_epoch(t) * (double)t->o->epochs, left = all - (double)number;
  return t->o->schedule == TRAIN_CONSTANT ? t->o->sgd.lr : (float)((double)t->o->sgd.lr * left / all);
}

typedef struct train_batch {
  const training *t;
  int64_t n;
} train_batch;

/* A share of the mini-batch. What an image becomes does not depend on the others. */
static void make_part(void *user, int part, int parts) {
  const train_batch *b = user;
  const training *t = b->t;
  const lw_dataset *d = t->data.learn.from;
  const int64_t first = b->n * part / parts, end = b->n * (part + 1) / parts;
  /* Cannot fail: train_make has checked what could. */
  (void)lw_dataset_batch(d, t->order + t->done + first, end - first, augment_of(t->o), t->o->seed, (uint32_t)t->epoch + 1,
                         t->x + first * d->c * d->h * d->w, t->labels + first);
}

static lw_status step(training *t, int64_t n, float *loss) {
  const train_options *o = t->o;
  lw_sgd_options sgd = o->sgd;
  const int parts = o->is_augmented ? lw_context_threads(t->context) : 1; /* copying alone is done sooner than threads wake */
  sgd.lr = rate(t, lw_trainer_steps(t->trainer));
  lw_parallel(t->context, parts, make_part, &(train_batch){t, n});
  lw_status status = lw_trainer_set_sgd(t->trainer, &sgd);
  if (status == LW_OK) status = lw_train_step(t->trainer, n, t->x, t->labels, loss, t->scores);
  return status;
}

/* The steps of the epoch that are left. */
static int learn(training *t, train_progress *progress, double *speed) {
  const int64_t count = t->data.learn.count, before = t->done;
  const double start = cli_milliseconds();
  memcpy(t->order, t->data.learn.numbers, (size_t)count * sizeof *t->order);
  if (lw_shuffle(t->o->seed, (uint32_t)t->epoch + 1, count, t->order) != LW_OK) return cli_fail_status();
  while (t->done < count) {
    const int64_t n = count - t->done < t->o->batch ? count - t->done : t->o->batch;
    train_sums sums = {0};
    float loss;
    if (step(t, n, &loss) != LW_OK) return cli_fail_status();
    if (!isfinite(loss)) {
      train_progress_clear(progress);
      return diverged(t, "loss", lw_trainer_steps(t->trainer) + 1, (double)loss);
    }
    if (add(t, n, 0, &sums) != LW_OK) return cli_fail_status();
    t->sums.loss += (double)loss * sums.weight; /* the mean's divisor */
    t->sums.weight += sums.weight;
    t->sums.right += sums.right;
    t->done += n;
    train_progress_show(progress, t->epoch + 1, t->o->epochs, t->done, count, t->epoch * count + t->done,
                        t->sums.loss / t->sums.weight, (double)t->sums.right / (double)t->done);
    const int signal = train_signal_pending();
    if (signal) {
      train_progress_clear(progress);
      return interrupted(t, signal);
    }
  }
  train_progress_clear(progress);
  *speed = (double)(count - before) / (fmax(cli_milliseconds() - start, 1e-3) * 1e-3);
  return CLI_OK;
}

static int validate(training *t, train_row *row) {
  train_sums sums;
  int signal = 0;
  row->validation_loss = row->validation_accuracy = NAN;
  if (!t->data.validate.count) return CLI_OK;
  if (evaluate(t, &t->data.validate, &sums, NULL, NULL, &signal) != LW_OK) return cli_fail_status();
  if (signal) return interrupted(t, signal);
  row->validation_loss = sums.loss / sums.weight;
  row->validation_accuracy = (double)sums.right / (double)t->data.validate.count;
  return isfinite(row->validation_loss)
             ? CLI_OK
             : diverged(t, "validation loss behind it", lw_trainer_steps(t->trainer), row->validation_loss);
}

static void print_row(const training *t, const train_row *r, double speed) {
  printf("%5" PRId64 "  %10.5f  %7.2f %%  ", t->epoch, r->train_loss, 100 * r->train_accuracy);
  if (t->best)
    printf("%15.5f  %7.2f %%%s  ", r->validation_loss, 100 * r->validation_accuracy, t->best_epoch == t->epoch ? " *" : "  ");
  if (speed > 0)
    printf("%8s\n", cli_count((int64_t)speed));
  else
    printf("%8s\n", "-");
  fflush(stdout);
}

static int epoch(training *t, train_progress *progress) {
  train_row *row = &t->rows[t->epoch];
  double speed = 0;
  int code = learn(t, progress, &speed);
  if (code == CLI_OK) code = validate(t, row);
  if (code != CLI_OK) return code;
  row->steps = lw_trainer_steps(t->trainer);
  row->lr = (double)rate(t, row->steps - 1);
  row->train_loss = t->sums.loss / t->sums.weight;
  row->train_accuracy = (double)t->sums.right / (double)t->done;
  const int is_better = !t->best || !t->best_epoch || row->validation_loss < t->rows[t->best_epoch - 1].validation_loss;
  t->sums = (train_sums){0};
  t->done = 0;
  t->epoch++;
  if (is_better && t->best) {
    t->best_epoch = t->epoch;
    for (int i = 0; i < t->tensors; i++) {
      lw_parameter_info info;
      if (lw_net_parameter(t->o->net, i, &info) != LW_OK) return cli_fail_status();
      memcpy(t->best[i], lw_trainer_tensor(t->trainer, LW_TRAINER_WEIGHTS, i), (size_t)info.count * sizeof **t->best);
    }
  }
  print_row(t, row, speed);
  return keep_epoch(t, is_better);
}

int train_is_finished(const training *t) {
  return t->epoch >= t->o->epochs || (t->o->patience && t->epoch - t->best_epoch >= t->o->patience);
}

int train_run(training *t) {
  const int64_t count = t->data.learn.count;
  train_progress progress = train_progress_start(count * t->o->epochs, count * t->epoch + t->done);
  printf("epoch  train loss   accuracy  %s  images/s\n", t->best ? "validation loss   accuracy  " : "");
  fflush(stdout);
  int code = CLI_OK;
  while (code == CLI_OK && !train_is_finished(t)) code = epoch(t, &progress);
  return code;
}
