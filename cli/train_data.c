/* SPDX-License-Identifier: Apache-2.0
 * What `lanewise train` learns from, validates on and judges by. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "cli/model.h"
#include "cli/train.h"
#include "data/dataset.h"

enum { SPLIT_EPOCH = 0 }; /* lw_shuffle's; those of training count from 1 */

/* --------------------------------------------------------------------------------------------------------------- shape */

/* Planes as lw_image has them: pixels with all their channels. */
static void interleave(const lw_dataset *d, const uint8_t *planes, uint8_t *pixels) {
  const int64_t size = d->h * d->w;
  for (int64_t k = 0; k < d->c; k++)
    for (int64_t i = 0; i < size; i++) pixels[i * d->c + k] = planes[k * size + i];
}

/* Every image as the network's preprocessing of single images makes it, rounded to bytes again. */
static lw_status reshape(lw_context *context, const lw_net *net, lw_dataset *d) {
  const int64_t size = d->c * d->h * d->w, wanted = net->c * net->h * net->w;
  lw_dataset r = {.count = d->count, .c = net->c, .h = net->h, .w = net->w, .classes = d->classes};
  lw_image image = {d->w, d->h, d->c, malloc((size_t)size)};
  float *x = malloc((size_t)wanted * sizeof *x);
  r.pixels = malloc((size_t)(d->count * wanted));
  lw_status status =
      image.pixels && x && r.pixels ? LW_OK : lw_fail(LW_NO_MEMORY, "no memory for %lld images", (long long)d->count);
  for (int64_t i = 0; i < d->count && status == LW_OK; i++) {
    interleave(d, d->pixels + i * size, image.pixels);
    status = lw_image_to_input(context, net, &image, x);
    for (int64_t k = 0; k < wanted && status == LW_OK; k++) r.pixels[i * wanted + k] = (uint8_t)(x[k] * 255 + 0.5f);
  }
  free(image.pixels);
  free(x);
  if (status != LW_OK) {
    free(r.pixels);
    return status;
  }
  r.labels = d->labels;
  free(d->pixels);
  *d = r;
  return LW_OK;
}

static int fit(const train_options *o, lw_context *context, int64_t outputs, lw_dataset *d) {
  const lw_net *net = o->net;
  if (outputs != d->classes)
    return cli_fail("%s: %d classes, expected %lld as network %s has outputs", o->data, d->classes, (long long)outputs,
                    net->name);
  if (d->c == net->c && d->h == net->h && d->w == net->w) return CLI_OK;
  /* Inputs of 224x224 are bytes no longer once they are prepared. */
  const int is_prepared = (net->c == 1 && net->h == 28 && net->w == 28) || (net->c == 3 && net->h == 32 && net->w == 32);
  if (!is_prepared)
    return cli_fail("%s: images of %lldx%lldx%lld, expected %lldx%lldx%lld for network %s", o->data, (long long)d->c,
                    (long long)d->h, (long long)d->w, (long long)net->c, (long long)net->h, (long long)net->w, net->name);
  return reshape(context, net, d) == LW_OK ? CLI_OK : cli_fail_status();
}

/* ------------------------------------------------------------------------------------------------------------ division */

static int load_halves(const train_options *o, lw_context *context, int64_t outputs, train_data *data) {
  for (int split = LW_SPLIT_TRAIN; split <= LW_SPLIT_TEST; split++) {
    int has;
    lw_dataset *d = &data->halves[split];
    if (lw_dataset_has(o->data, (lw_split)split, &has) != LW_OK) return cli_fail_status();
    /* If there is neither, loading the second says what was looked for. */
    if (!has && (split == LW_SPLIT_TRAIN || data->halves[LW_SPLIT_TRAIN].count)) continue;
    if (lw_dataset_load(o->data, (lw_split)split, d) != LW_OK) return cli_fail_status();
    const int code = fit(o, context, outputs, d);
    if (code != CLI_OK) return code;
  }
  return CLI_OK;
}

/* Which images are learnt from, validated on, judged by. */
static int divide(const train_options *o, train_data *data) {
  const lw_dataset *train = &data->halves[LW_SPLIT_TRAIN], *test = &data->halves[LW_SPLIT_TEST];
  const int both = train->count && test->count;
  if (o->validate_on_test && !both)
    return cli_fail("%s: has only one half, which cannot be learnt from and validated on: give --validation a share", o->data);
  const lw_dataset *from = train->count ? train : test;
  const int64_t all = o->limit && o->limit < from->count ? o->limit : from->count;
  const double share = o->validation >= 0 ? o->validation : both ? 0.1 : 0.2;
  const int64_t apart = (int64_t)((double)all * share), count = all - apart;
  if (share > 0 && apart == 0) return cli_fail("%s: --validation %g of %lld images is none", o->data, share, (long long)all);
  if (count < o->batch)
    return cli_fail("%s: %lld images to learn from, expected at least --batch, %lld", o->data, (long long)count,
                    (long long)o->batch);
  const int64_t tests = both ? test->count : 0;
  if (!(data->numbers = malloc((size_t)(all + tests) * sizeof *data->numbers)))
    return cli_fail("no memory for %lld numbers", (long long)(all + tests));
  for (int64_t i = 0; i < all; i++) data->numbers[i] = i;
  for (int64_t i = 0; i < tests; i++) data->numbers[all + i] = i;
  if (apart && lw_shuffle(o->seed, SPLIT_EPOCH, all, data->numbers) != LW_OK) return cli_fail_status();
  data->learn = (train_samples){from, data->numbers, count};
  if (apart) data->validate = (train_samples){from, data->numbers + count, apart};
  if (o->validate_on_test) data->validate = (train_samples){test, data->numbers + all, tests};
  data->judge = both ? (train_samples){test, data->numbers + all, tests} : data->validate;
  data->judge_name = both ? "test" : "validation";
  return CLI_OK;
}

/* ------------------------------------------------------------------------------------------------------- class weights */

/* "1, 2.5 3": exactly `classes` of them. */
static int read_numbers(const char *name, const char *text, int classes, float *weights) {
  int count = 0;
  for (const char *at = text + strspn(text, ", \t\r\n"); *at; at += strspn(at, ", \t\r\n")) {
    char *end;
    const float value = strtof(at, &end);
    if (end == at || (*end && !strchr(", \t\r\n", *end)) || !(value > 0 && value < INFINITY))
      return cli_fail("%s: \"%.*s\" is no class weight, expected a number above 0", name, (int)strcspn(at, ", \t\r\n"), at);
    if (count < classes) weights[count] = value;
    count++;
    at = end;
  }
  return count == classes ? CLI_OK : cli_fail("%s: %d class weights, expected %d", name, count, classes);
}

static int read_weights_file(const char *path, int classes, float *weights) {
  char text[65536];
  FILE *f = fopen(path, "re");
  if (!f) return cli_fail("--class-weights %s: expected auto, numbers or a file: cannot be opened: %s", path, strerror(errno));
  const size_t length = fread(text, 1, sizeof text - 1, f);
  const int broken = ferror(f);
  fclose(f);
  if (broken) return cli_fail("%s: cannot be read", path);
  text[length] = 0;
  return read_numbers(path, text, classes, weights);
}

static void balance(const train_samples *s, int classes, float *weights) {
  int64_t counts[256] = {0}; /* labels are bytes */
  for (int64_t i = 0; i < s->count; i++) counts[s->from->labels[s->numbers[i]]]++;
  for (int k = 0; k < classes; k++)
    weights[k] = counts[k] ? (float)((double)s->count / ((double)classes * (double)counts[k])) : 1;
}

static int weigh(const train_options *o, train_data *data) {
  const char *text = o->class_weights;
  if (!text) return CLI_OK;
  const int classes = data->learn.from->classes;
  if (!(data->class_weights = malloc((size_t)classes * sizeof(float)))) return cli_fail("no memory for class weights");
  if (strcmp(text, "auto") == 0)
    balance(&data->learn, classes, data->class_weights);
  else if (strspn(text, "0123456789.") && strchr(text, ','))
    return read_numbers("--class-weights", text, classes, data->class_weights);
  else
    return read_weights_file(text, classes, data->class_weights);
  return CLI_OK;
}

/* ------------------------------------------------------------------------------------------------------------ checksum */

static uint32_t add_crc(uint32_t crc, const train_samples *s) {
  if (!s->count) return crc;
  const lw_dataset *d = s->from;
  const size_t size = (size_t)(d->c * d->h * d->w);
  for (int64_t i = 0; i < s->count; i++) {
    const size_t number = (size_t)s->numbers[i];
    crc = (uint32_t)crc32_z(crc, d->labels + number, 1);
    crc = (uint32_t)crc32_z(crc, d->pixels + number * size, size);
  }
  return crc;
}

/* ----------------------------------------------------------------------------------------------------------- functions */

int train_data_load(const train_options *options, lw_context *context, train_data *data) {
  const int64_t outputs = cli_net_outputs(context, options->net);
  if (!outputs) return CLI_FAILED;
  int code = load_halves(options, context, outputs, data);
  if (code == CLI_OK) code = divide(options, data);
  if (code == CLI_OK) code = weigh(options, data);
  if (code == CLI_OK) data->crc = add_crc(add_crc(0, &data->learn), &data->validate);
  return code;
}

void train_data_free(train_data *data) {
  lw_dataset_free(&data->halves[LW_SPLIT_TRAIN]);
  lw_dataset_free(&data->halves[LW_SPLIT_TEST]);
  free(data->numbers);
  free(data->class_weights);
}
