/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints of `lanewise train`: safetensors files with the tensors weights.*, momentum.* and best.*; in the metadata, as JSON,
 * the options that decide bits and how far the run is, and a checksum of all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "cli/train.h"
#include "data/convert.h"
#include "data/safetensors.h"

enum { FORMAT = 1 };
static const char call[] = "checkpoint", state_key[] = "lanewise.train", crc_key[] = "crc32";

char *train_checkpoint_path(const train_options *options) {
  char *path;
  if (asprintf(&path, "%s.checkpoint", options->save) >= 0) return path;
  cli_fail("no memory for a file name");
  return NULL;
}

/* ------------------------------------------------------------------------------------------------------------- options */

static json_t *real_json(double value) { return isnan(value) ? json_null() : json_real(value); }

static json_t *class_weights_json(const training *t) {
  json_t *list = json_array();
  for (int64_t i = 0; t->data.class_weights && i < t->classes; i++)
    json_array_append_new(list, json_real((double)t->data.class_weights[i]));
  return list;
}

/* What decides the bits, under the words that name it to a person. */
static json_t *options_json(const training *t) {
  const train_options *o = t->o;
  const lw_augment *a = &o->augment;
  char augment[160] = "none", crc[16];
  if (o->is_augmented)
    snprintf(augment, sizeof augment, "shift=%.9g,rotate=%.9g,flip=%d,crop=%lld,noise=%.9g", (double)a->shift, (double)a->rotate,
             a->flip, (long long)a->crop, (double)a->noise);
  snprintf(crc, sizeof crc, "%08x", t->data.crc);
  json_t *options =
      json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:f, s:f, s:f, s:b, s:s, s:f, s:o, s:s}", "network", o->net->name, "--mode",
                cli_mode_name(o->mode), "--seed", (json_int_t)o->seed, "images to learn from", (json_int_t)t->data.learn.count,
                "images to validate on", (json_int_t)t->data.validate.count, "data with checksum", crc, "--batch",
                (json_int_t)o->batch, "--lr", (double)o->sgd.lr, "--momentum", (double)o->sgd.momentum, "--weight-decay",
                (double)o->sgd.weight_decay, "--nesterov", o->sgd.nesterov, "--schedule", train_schedule_name(o->schedule),
                "--label-smoothing", (double)o->label_smoothing, "--class-weights", class_weights_json(t), "--augment", augment);
  if (o->schedule == TRAIN_LINEAR) json_object_set_new(options, "--epochs", json_integer(o->epochs));
  return options;
}

static int check_options(const char *path, const json_t *now, const json_t *then) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)now, key, value) {
    const json_t *old = json_object_get(then, key);
    if (json_equal(value, old)) continue;
    char *a = old ? json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7)) : NULL;
    char *b = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7));
    cli_fail("%s: is of a run with %s %s, now it is %s: --resume takes the options of then, --restart begins anew", path, key,
             a ? a : "(none)", b ? b : "");
    free(a);
    free(b);
    return CLI_FAILED;
  }
  return CLI_OK;
}

/* --------------------------------------------------------------------------------------------------------------- saving */

static json_t *rows_json(const training *t) {
  json_t *rows = json_array();
  for (int64_t i = 0; i < t->epoch; i++) {
    const train_row *r = &t->rows[i];
    json_array_append_new(rows, json_pack("[I, f, f, f, o, o]", (json_int_t)r->steps, r->lr, r->train_loss, r->train_accuracy,
                                          real_json(r->validation_loss), real_json(r->validation_accuracy)));
  }
  return rows;
}

static char *state_text(const training *t) {
  json_t *state =
      json_pack("{s:i, s:o, s:b, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:o}", "format", FORMAT, "options", options_json(t),
                "finished", train_is_finished(t), "epoch", (json_int_t)t->epoch, "done", (json_int_t)t->done, "steps",
                (json_int_t)lw_trainer_steps(t->trainer), "loss", t->sums.loss, "weight", t->sums.weight, "right",
                (json_int_t)t->sums.right, "best_epoch", (json_int_t)t->best_epoch, "rows", rows_json(t));
  char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(state);
  return text;
}

enum { MOST_SETS = 3 };
/* The sets of tensors that a checkpoint of now has. */
static size_t sets_of(const training *t, lw_weights_set *sets) {
  size_t count = 0;
  sets[count++] = (lw_weights_set){"weights.", lw_trainer_source(t->trainer, LW_TRAINER_WEIGHTS)};
  if (lw_trainer_tensor(t->trainer, LW_TRAINER_MOMENTUM, 0))
    sets[count++] = (lw_weights_set){"momentum.", lw_trainer_source(t->trainer, LW_TRAINER_MOMENTUM)};
  if (t->best_epoch) sets[count++] = (lw_weights_set){"best.", lw_weights_arrays((const float *const *)t->best)};
  return count;
}

/* Of what put_file would write: the tensors in their order. */
static uint32_t crc_of_sets(const training *t, const lw_weights_set *sets, size_t count, uint32_t crc) {
  for (size_t s = 0; s < count; s++)
    for (int i = 0; i < t->tensors; i++) {
      lw_parameter_info info = {0};
      (void)lw_net_parameter(t->o->net, i, &info); /* checked when the trainer was made */
      const void *tensor = strcmp(sets[s].prefix, "best.") == 0
                               ? t->best[i]
                               : lw_trainer_tensor(t->trainer, s == 0 ? LW_TRAINER_WEIGHTS : LW_TRAINER_MOMENTUM, i);
      crc = (uint32_t)crc32_z(crc, tensor, (size_t)info.count * sizeof(float));
    }
  return crc;
}

static uint32_t crc_of_text(const char *text) { return (uint32_t)crc32_z(0, (const void *)text, strlen(text)); }

lw_status train_checkpoint_save(const training *t) {
  lw_weights_set sets[MOST_SETS];
  const size_t count = sets_of(t, sets);
  char *path = train_checkpoint_path(t->o), *state = state_text(t), crc[16];
  if (!path || !state) {
    free(path);
    free(state);
    return lw_fail(LW_NO_MEMORY, "%s: no memory", call);
  }
  snprintf(crc, sizeof crc, "%08x", crc_of_sets(t, sets, count, crc_of_text(state)));
  json_t *metadata = json_pack("{s:s, s:s}", state_key, state, crc_key, crc);
  const lw_status status = lw_safetensors_save_sets(call, path, t->o->net, sets, count, LW_F32, metadata);
  json_decref(metadata);
  free(state);
  free(path);
  return status;
}

/* -------------------------------------------------------------------------------------------------------------- loading */

/* A file that is a checkpoint, with the state that it has. */
typedef struct checkpoint {
  const char *path;
  lw_safetensors *file;
  json_t *state;
} checkpoint;

static void close_checkpoint(checkpoint *c) {
  lw_safetensors_close(c->file);
  json_decref(c->state);
}

static int open_checkpoint(const char *path, checkpoint *c) {
  *c = (checkpoint){.path = path};
  if (lw_safetensors_open(path, &c->file) != LW_OK) return cli_fail_status();
  const char *text = lw_safetensors_metadata(c->file, state_key), *crc = lw_safetensors_metadata(c->file, crc_key);
  if (!text || !crc) return cli_fail("%s: is no checkpoint of `lanewise train`", path);
  uint32_t sum = crc_of_text(text);
  for (size_t i = 0; i < lw_safetensors_count(c->file); i++) {
    lw_tensor_info info;
    if (lw_safetensors_tensor(c->file, i, &info) != LW_OK) return cli_fail_status();
    sum = (uint32_t)crc32_z(sum, info.data, (size_t)info.count * lw_dtype_bytes(info.dtype));
  }
  char found[16];
  snprintf(found, sizeof found, "%08x", sum);
  if (strcmp(found, crc) != 0) return cli_fail("%s: is damaged: its checksum is %s, expected %s", path, found, lw_show(crc).text);
  json_error_t error;
  c->state = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!c->state) return cli_fail("%s: its state is no JSON: %s", path, error.text);
  const json_int_t format = json_integer_value(json_object_get(c->state, "format"));
  if (format != FORMAT) return cli_fail("%s: is of format %lld, expected %d", path, (long long)format, FORMAT);
  return CLI_OK;
}

/* One set of tensors in a checkpoint as a source. */
typedef struct part {
  const checkpoint *c;
  const char *prefix;
} part;

static lw_status find_tensor(const part *p, const char *name, size_t *i) {
  char full[LW_LAYER_NAME_MAX + 64];
  snprintf(full, sizeof full, "%s%s", p->prefix, name);
  return lw_safetensors_find(p->c->file, full, i);
}

static lw_status read_part(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                           float *dst) {
  size_t i;
  (void)net, (void)tensor;
  const lw_status status = find_tensor(user, name, &i);
  return status == LW_OK ? lw_safetensors_read(((const part *)user)->c->file, i, first, count, dst) : status;
}

static int check_part(const training *t, const part *p) {
  for (int k = 0; k < t->tensors; k++) {
    lw_parameter_info want;
    lw_tensor_info has;
    size_t i;
    if (lw_net_parameter(t->o->net, k, &want) != LW_OK || find_tensor(p, want.name, &i) != LW_OK ||
        lw_safetensors_tensor(p->c->file, i, &has) != LW_OK)
      return cli_fail_status();
    if (has.dtype != LW_F32 || has.rank != want.rank || memcmp(has.shape, want.shape, (size_t)has.rank * sizeof *has.shape) != 0)
      return cli_fail("%s: tensor \"%s\" has another shape or type than %s of network %s", p->c->path, lw_show(has.name).text,
                      want.name, t->o->net->name);
  }
  return CLI_OK;
}

static int read_rows(training *t, const checkpoint *c, json_t *rows) {
  for (int64_t i = 0; i < t->epoch; i++) {
    train_row *r = &t->rows[i];
    json_int_t steps;
    json_t *loss, *accuracy;
    if (json_unpack(json_array_get(rows, (size_t)i), "[I, F, F, F, o, o]", &steps, &r->lr, &r->train_loss, &r->train_accuracy,
                    &loss, &accuracy) != 0)
      return cli_fail("%s: row %lld of its curve is none", c->path, (long long)i + 1);
    r->steps = (uint64_t)steps;
    r->validation_loss = json_is_number(loss) ? json_number_value(loss) : NAN;
    r->validation_accuracy = json_is_number(accuracy) ? json_number_value(accuracy) : NAN;
  }
  return CLI_OK;
}

static int read_tensors(training *t, const checkpoint *c, uint64_t steps) {
  part weights = {c, "weights."}, momentum = {c, "momentum."}, best = {c, "best."};
  const int has_momentum = t->o->sgd.momentum != 0 && steps > 0;
  int code = check_part(t, &weights);
  if (code == CLI_OK && has_momentum) code = check_part(t, &momentum);
  if (code == CLI_OK && t->best_epoch) code = check_part(t, &best);
  if (code != CLI_OK) return code;
  const lw_weights w = {.read = read_part, .user = &weights}, m = {.read = read_part, .user = &momentum};
  if (lw_trainer_restore(t->trainer, steps, &w, has_momentum ? &m : NULL) != LW_OK) return cli_fail_status();
  for (int i = 0; t->best_epoch && i < t->tensors; i++) {
    lw_parameter_info info;
    if (lw_net_parameter(t->o->net, i, &info) != LW_OK ||
        read_part(&best, t->o->net, i, info.name, 0, info.count, t->best[i]) != LW_OK)
      return cli_fail_status();
  }
  return CLI_OK;
}

static int read_state(training *t, const checkpoint *c) {
  json_t *options, *rows, *now = options_json(t);
  json_int_t epoch, done, steps, right, best;
  json_error_t error;
  if (json_unpack_ex(c->state, &error, 0, "{s:o, s:I, s:I, s:I, s:F, s:F, s:I, s:I, s:o}", "options", &options, "epoch", &epoch,
                     "done", &done, "steps", &steps, "loss", &t->sums.loss, "weight", &t->sums.weight, "right", &right,
                     "best_epoch", &best, "rows", &rows) != 0) {
    json_decref(now);
    return cli_fail("%s: its state lacks something: %s", c->path, error.text);
  }
  int code = check_options(c->path, now, options);
  json_decref(now);
  if (code != CLI_OK) return code;
  if (epoch > t->o->epochs)
    return cli_fail("%s: %lld epochs are done, expected at most --epochs %lld", c->path, (long long)epoch,
                    (long long)t->o->epochs);
  if (epoch < 0 || done < 0 || done > t->data.learn.count || steps < 0 || best < 0 || best > epoch || (best > 0 && !t->best))
    return cli_fail("%s: makes no sense: epoch %lld, %lld images, %lld steps, best epoch %lld", c->path, (long long)epoch,
                    (long long)done, (long long)steps, (long long)best);
  t->epoch = epoch;
  t->done = done;
  t->sums.right = right;
  t->best_epoch = best;
  code = read_rows(t, c, rows);
  return code == CLI_OK ? read_tensors(t, c, (uint64_t)steps) : code;
}

int train_checkpoint_load(training *t) {
  char *path = train_checkpoint_path(t->o);
  checkpoint c;
  if (!path) return CLI_FAILED;
  int code = open_checkpoint(path, &c);
  if (code == CLI_OK) code = read_state(t, &c);
  close_checkpoint(&c);
  free(path);
  return code;
}

int train_checkpoint_guard(const training *t) {
  char *path = train_checkpoint_path(t->o);
  checkpoint c = {0};
  int code = path ? CLI_OK : CLI_FAILED;
  if (path && access(path, F_OK) == 0) {
    code = open_checkpoint(path, &c);
    if (code != CLI_OK)
      cli_fail("%s is not what a new run may take the place of, unless with --restart", path);
    else if (!json_is_true(json_object_get(c.state, "finished")))
      code = cli_fail("%s has a run that has not come to its end: --resume goes on with it, --restart begins anew", path);
  }
  close_checkpoint(&c);
  free(path);
  return code;
}
