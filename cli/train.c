/* SPDX-License-Identifier: Apache-2.0
 * `lanewise train`: a network learns a data set. */
#include "cli/train.h"

#include <inttypes.h>
#include <stdlib.h>
#include "data/output.h"

/* Can that file be written? Nothing changes there. */
static int can_be_written(const char *option, const char *path) {
  lw_output out;
  if (lw_output_open(option, path, &out) != LW_OK) return 0;
  (void)lw_output_close(&out, LW_BAD_FILE);
  return 1;
}

/* Better known before an hour of learning than behind it. */
static int check_outputs(const training *t) {
  const train_options *o = t->o;
  if (o->save) {
    char *path = train_checkpoint_path(o);
    const int fine = path && can_be_written("--save", o->save) && can_be_written("--save", path);
    free(path);
    if (!path) return CLI_FAILED;
    if (!fine) return cli_fail_status();
  }
  for (int i = 0; i < o->curve_count; i++)
    if (!can_be_written("--curve", o->curves[i])) return cli_fail_status();
  return CLI_OK;
}

static int print_start(const training *t) {
  const train_options *o = t->o;
  const train_data *d = &t->data;
  int64_t parameters;
  if (lw_net_parameters(o->net, &parameters) != LW_OK) return cli_fail_status();
  printf("%s, %s parameters, learns %s: %s images, %s to validate on", o->net->name, cli_count(parameters), o->data,
         cli_count(d->learn.count), d->validate.count ? cli_count(d->validate.count) : "none");
  if (d->judge.count && d->judge.from != d->validate.from) printf(", %s to judge by", cli_count(d->judge.count));
  printf("; mode %s, ISA %s, %d threads, seed %llu, memory %s\n", cli_mode_name(o->mode), lw_context_isa(t->context),
         lw_context_threads(t->context), (unsigned long long)o->seed, cli_bytes((double)t->trainer_bytes));
  if (d->class_weights) {
    printf("class weights:");
    for (int64_t i = 0; i < t->classes; i++) printf(" %.4g", (double)d->class_weights[i]);
    putchar('\n');
  }
  if (o->resume && train_is_finished(t))
    printf("has come to its end before\n");
  else if (o->resume)
    printf("goes on in epoch %" PRId64 ", after %s images of it\n", t->epoch + 1, cli_count(t->done));
  return CLI_OK;
}

static int print_classes(const training *t, const int64_t *images, const int64_t *right) {
  int64_t all = 0, found = 0;
  for (int64_t k = 0; k < t->classes; k++) {
    all += images[k];
    found += right[k];
  }
  printf("\n%s, %s: %s of %s images right, accuracy %s%.2f %%%s\n%sclass  images  right  accuracy%s\n", t->o->data,
         t->data.judge_name, cli_count(found), cli_count(all), cli_style("1"), 100 * (double)found / (double)all, cli_style("0"),
         cli_style("4"), cli_style("0"));
  for (int64_t k = 0; k < t->classes; k++) {
    printf("%5" PRId64 "  %6" PRId64 "  %5" PRId64 "  ", k, images[k], right[k]);
    if (images[k])
      printf("%6.2f %%\n", 100 * (double)right[k] / (double)images[k]);
    else
      printf("       -\n");
  }
  return CLI_OK;
}

/* What the run came to, with the weights that are kept. */
static int print_end(training *t) {
  const train_options *o = t->o;
  if (t->best) {
    const train_row *r = &t->rows[t->best_epoch - 1];
    const lw_weights best = lw_weights_arrays((const float *const *)t->best);
    printf("best epoch: %" PRId64 " of %" PRId64 ", validation loss %.5f, accuracy %.2f %%%s\n", t->best_epoch, t->epoch,
           r->validation_loss, 100 * r->validation_accuracy, t->epoch < o->epochs ? " (patience has come to its end)" : "");
    if (lw_trainer_restore(t->trainer, lw_trainer_steps(t->trainer), &best, NULL) != LW_OK) return cli_fail_status();
  }
  if (o->save)
    printf("%s: weights of epoch %" PRId64 "; %s.checkpoint: to go on\n", o->save, t->best ? t->best_epoch : t->epoch, o->save);
  if (!t->data.judge.count) return CLI_OK;
  int64_t *counts = calloc(2 * (size_t)t->classes, sizeof *counts);
  if (!counts) return cli_fail("no memory for the accuracy of classes");
  int code = train_judge(t, &t->data.judge, counts, counts + t->classes);
  if (code == CLI_OK) code = print_classes(t, counts, counts + t->classes);
  free(counts);
  return code;
}

static int prepare(training *t) {
  const train_options *o = t->o;
  int code = check_outputs(t);
  if (code == CLI_OK && o->save && !o->resume && !o->restart) code = train_checkpoint_guard(t);
  if (code != CLI_OK) return code;
  if (!(t->context = cli_machine_context(&o->machine))) return CLI_FAILED;
  code = train_data_load(o, t->context, &t->data);
  if (code != CLI_OK) return code;
  t->classes = t->data.learn.from->classes;
  code = train_make(t);
  if (code == CLI_OK && o->resume) code = train_checkpoint_load(t);
  if (code == CLI_OK) code = print_start(t);
  if (code == CLI_OK && o->resume) code = train_keep_resumed(t);
  return code;
}

int cli_train(int argc, char **argv) {
  train_options o = {.data = "digits",
                     .epochs = 8,
                     .batch = 32,
                     .sgd = {.lr = 0.05f, .momentum = 0.9f, .weight_decay = 1e-3f},
                     .validation = -1,
                     .seed = 1};
  training t = {.o = &o};
  train_options_parse(argc, argv, &o);
  train_signals_hold(); /* before there are threads, which inherit it */
  int code = prepare(&t);
  if (code == CLI_OK) code = train_run(&t);
  if (code == CLI_OK) code = print_end(&t);
  train_free(&t);
  return code == CLI_OK ? cli_finish(code) : code;
}
