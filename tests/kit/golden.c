/* SPDX-License-Identifier: Apache-2.0
 * Golden vectors from text. */
#include "tests/kit/golden.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanewise.h"

/* ----------------------------------------------------------------------------------------------------------------- words */

__attribute__((format(printf, 2, 3))) static int fail(golden_file *f, const char *format, ...) {
  va_list list;
  if (f->error[0]) return 0; /* the first failure is the cause */
  va_start(list, format);
  vsnprintf(f->error, sizeof f->error, format, list);
  va_end(list);
  return 0;
}

/* The next word, without moving; its length is 0 at the end of the file. */
static size_t peek(golden_file *f) {
  f->next += strspn(f->next, " \n");
  return strcspn(f->next, " \n");
}

static int next_is(golden_file *f, const char *word) {
  const size_t length = peek(f);
  return length == strlen(word) && memcmp(f->next, word, length) == 0;
}

static int accept(golden_file *f, const char *word) {
  if (!next_is(f, word)) return 0;
  f->next += strlen(word);
  return 1;
}

static int expect(golden_file *f, const char *word) {
  return accept(f, word) || fail(f, "found '%.*s', expected '%s'", (int)peek(f), f->next, word);
}

static int read_name(golden_file *f, char name[GOLDEN_NAME]) {
  const size_t length = peek(f);
  if (length == 0 || length >= GOLDEN_NAME) return fail(f, "'%.*s' is no name", (int)length, f->next);
  memcpy(name, f->next, length);
  name[length] = 0;
  f->next += length;
  return 1;
}

static int read_int(golden_file *f, int64_t *value) {
  char *end;
  const size_t length = peek(f);
  *value = strtoll(f->next, &end, 10);
  if (length == 0 || end != f->next + length) return fail(f, "'%.*s' is no integer", (int)length, f->next);
  f->next = end;
  return 1;
}

static int read_count(golden_file *f, int64_t lowest, int64_t highest, int64_t *value) {
  if (!read_int(f, value)) return 0;
  if (*value >= lowest && *value <= highest) return 1;
  return fail(f, "count %" PRId64 " is not in %" PRId64 "..%" PRId64, *value, lowest, highest);
}

static int read_double(golden_file *f, double *value) {
  char *end;
  const size_t length = peek(f);
  *value = strtod(f->next, &end);
  if (length == 0 || end != f->next + length) return fail(f, "'%.*s' is no number", (int)length, f->next);
  f->next = end;
  return 1;
}

static double *read_doubles(golden_file *f, int64_t *count) {
  if (!read_count(f, 0, 1 << 20, count)) return NULL;
  double *values = malloc((size_t)*count * sizeof *values + 1);
  if (!values) fail(f, "no memory");
  for (int64_t i = 0; values && i < *count; i++)
    if (!read_double(f, &values[i])) {
      free(values);
      return NULL;
    }
  return values;
}

int golden_open(golden_file *f, const char *path) {
  *f = (golden_file){0};
  FILE *stream = fopen(path, "rb");
  if (!stream) return fail(f, "cannot open %s", path);
  size_t length = 0;
  if (fseek(stream, 0, SEEK_END) == 0) {
    const long size = ftell(stream);
    rewind(stream);
    if (size > 0 && (f->text = malloc((size_t)size + 1))) length = fread(f->text, 1, (size_t)size, stream);
    if (length != (size_t)size) length = 0;
  }
  fclose(stream);
  if (length == 0) {
    golden_close(f);
    return fail(f, "cannot read %s", path);
  }
  f->text[length] = 0;
  f->next = f->text;
  return 1;
}

void golden_close(golden_file *f) {
  free(f->text);
  f->text = NULL;
}

/* ----------------------------------------------------------------------------------------------------------------- cases */

double *golden_uniform(uint64_t seed, int tensor, int64_t fan_in, int64_t count) {
  enum { BLOCK = 4096 };
  float block[BLOCK];
  double *values = malloc((size_t)count * sizeof *values + 1);
  for (int64_t first = 0; values && first < count; first += BLOCK) {
    const int64_t n = count - first < BLOCK ? count - first : BLOCK;
    lw_kaiming_uniform(seed, tensor, fan_in, first, n, block);
    for (int64_t i = 0; i < n; i++) values[first + i] = block[i];
  }
  return values;
}

/* philox <seed> <tensor> <fan_in> <exponent> <count>: uniform * 2^exponent; bytes <seed> <tensor> <count>: 0..255. */
static double *read_seeded(golden_file *f, int bytes, int64_t *count) {
  int64_t seed, tensor, fan_in = 6, exponent = 0;
  if (!read_int(f, &seed) || !read_int(f, &tensor)) return NULL;
  if (!bytes && (!read_count(f, 1, 1 << 20, &fan_in) || !read_count(f, -100, 100, &exponent))) return NULL;
  if (!read_count(f, 1, 1 << 20, count)) return NULL;
  double *values = golden_uniform((uint64_t)seed, (int)tensor, fan_in, *count);
  if (!values) fail(f, "no memory");
  for (int64_t i = 0; values && i < *count; i++)
    values[i] = bytes ? floor((values[i] + 1) * 128) : ldexp(values[i], (int)exponent);
  return values;
}

/* One input; returns 0 where there is none. */
static int read_input(golden_file *f, golden_case *c) {
  double **input = &c->input[c->inputs];
  int64_t *count = &c->input_count[c->inputs];
  const int bytes = next_is(f, "bytes"), literal = next_is(f, "values"), absent = next_is(f, "absent");
  if (!bytes && !literal && !absent && !next_is(f, "philox")) return 0;
  if (c->inputs == GOLDEN_INPUTS) return fail(f, "more than %d inputs", GOLDEN_INPUTS);
  f->next += peek(f);
  c->inputs++;
  if (absent) return 1;
  *input = literal ? read_doubles(f, count) : read_seeded(f, bytes, count);
  return *input != NULL;
}

static int read_index(golden_file *f, golden_case *c) {
  int64_t count;
  if (!read_count(f, c->output_count, c->output_count, &count)) return 0;
  c->index = malloc((size_t)count * sizeof *c->index + 1);
  if (!c->index) return fail(f, "no memory");
  for (int64_t i = 0, value; i < count; i++) {
    if (!read_count(f, 0, INT32_MAX, &value)) return 0;
    c->index[i] = (int32_t)value;
  }
  return 1;
}

static int read_case(golden_file *f, golden_case *c) {
  int64_t ints;
  if (!expect(f, "case") || !read_name(f, c->op) || !read_name(f, c->name)) return 0;
  if (!expect(f, "ints") || !read_count(f, 1, GOLDEN_INTS, &ints)) return 0;
  for (; c->ints_count < ints; c->ints_count++)
    if (!read_int(f, &c->ints[c->ints_count])) return 0;
  while (read_input(f, c)) {
  }
  if (f->error[0] || !expect(f, "output") || !(c->output = read_doubles(f, &c->output_count))) return 0;
  return !accept(f, "index") || read_index(f, c);
}

int golden_next(golden_file *f, golden_case *c) {
  *c = (golden_case){0};
  if (peek(f) == 0) return 0;
  if (read_case(f, c)) return 1;
  golden_case_free(c);
  return 0;
}

void golden_case_free(golden_case *c) {
  for (int i = 0; i < GOLDEN_INPUTS; i++) free(c->input[i]);
  free(c->output);
  free(c->index);
  *c = (golden_case){0};
}

/* -------------------------------------------------------------------------------------------------------------- networks */

static int read_layer(golden_file *f, golden_layer *l) {
  int64_t samples;
  if (!read_name(f, l->name) || !read_count(f, 1, INT64_MAX, &l->count)) return 0;
  if (!expect(f, "sums") || !read_double(f, &l->sum) || !read_double(f, &l->squares)) return 0;
  if (!expect(f, "at") || !read_count(f, GOLDEN_SAMPLES, GOLDEN_SAMPLES, &samples)) return 0;
  for (int i = 0; i < GOLDEN_SAMPLES; i++)
    if (!read_count(f, 0, l->count - 1, &l->at[i])) return 0;
  if (!expect(f, "values") || !read_count(f, GOLDEN_SAMPLES, GOLDEN_SAMPLES, &samples)) return 0;
  for (int i = 0; i < GOLDEN_SAMPLES; i++)
    if (!read_double(f, &l->value[i])) return 0;
  return 1;
}

static int read_net(golden_file *f, golden_net *net) {
  int64_t seed, tensor;
  if (!expect(f, "net") || !read_name(f, net->name) || !expect(f, "seed") || !read_int(f, &seed)) return 0;
  if (!expect(f, "input") || !read_count(f, 0, INT32_MAX, &tensor) || !read_count(f, 1, INT64_MAX, &net->input_count)) return 0;
  net->seed = (uint64_t)seed;
  net->input_tensor = (int)tensor;
  while (accept(f, "layer")) {
    if (net->layers == GOLDEN_LAYERS) return fail(f, "more than %d layers", GOLDEN_LAYERS);
    if (!read_layer(f, &net->layer[net->layers++])) return 0;
  }
  return expect(f, "logits") && (net->logits = read_doubles(f, &net->logit_count));
}

int golden_net_read(golden_net *net, const char *path, const char *name, char error[160]) {
  golden_file f;
  *net = (golden_net){0};
  if (golden_open(&f, path)) {
    while (peek(&f) > 0 && read_net(&f, net) && strcmp(net->name, name) != 0) golden_net_free(net);
    if (strcmp(net->name, name) != 0) fail(&f, "no network %s in %s", name, path);
    golden_close(&f);
  }
  if (f.error[0]) golden_net_free(net);
  memcpy(error, f.error, sizeof f.error);
  return !f.error[0];
}

void golden_net_free(golden_net *net) {
  free(net->logits);
  *net = (golden_net){0};
}

/* ----------------------------------------------------------------------------------------------------------------- steps */

/* Numbers into an array of `most`; how many. */
static int read_few(golden_file *f, int64_t least, int64_t most, double *values, int64_t *count) {
  if (!read_count(f, least, most, count)) return 0;
  for (int64_t i = 0; i < *count; i++)
    if (!read_double(f, &values[i])) return 0;
  return 1;
}

static int read_options(golden_file *f, golden_steps *s) {
  double v[1 + GOLDEN_CLASSES];
  int64_t count, flag;
  if (!expect(f, "sgd") || !read_count(f, 0, 1, &flag) || !read_few(f, 4, 4, v, &count)) return 0;
  s->sgd = (lw_sgd_options){(float)v[0], (float)v[1], (float)v[2], (float)v[3], (int)flag};
  if (!expect(f, "loss") || !read_count(f, 0, 1, &flag) || !read_few(f, 1, 1 + GOLDEN_CLASSES, v, &count)) return 0;
  s->loss = (lw_cross_entropy_desc){.reduction = (lw_reduction)flag, .label_smoothing = (float)v[0]};
  s->has_class_weights = count > 1;
  for (int64_t i = 1; i < count; i++) s->class_weights[i - 1] = (float)v[i];
  return expect(f, "losses") && read_few(f, GOLDEN_STEP_COUNT, GOLDEN_STEP_COUNT, s->losses, &count);
}

static int read_steps(golden_file *f, golden_steps *s) {
  int64_t seed, tensor, count, value, samples = 0;
  *s = (golden_steps){0};
  if (!expect(f, "steps") || !read_name(f, s->name) || !expect(f, "seed") || !read_int(f, &seed)) return 0;
  if (!expect(f, "input") || !read_count(f, 0, INT32_MAX, &tensor)) return 0;
  s->seed = (uint64_t)seed;
  s->input_tensor = (int)tensor;
  if (!expect(f, "batches") || !read_count(f, GOLDEN_STEP_COUNT, GOLDEN_STEP_COUNT, &count)) return 0;
  for (int i = 0; i < GOLDEN_STEP_COUNT; samples += s->batch[i++])
    if (!read_count(f, 1, GOLDEN_LABELS / GOLDEN_STEP_COUNT, &s->batch[i])) return 0;
  if (!expect(f, "labels") || !read_count(f, samples, samples, &count)) return 0;
  for (int64_t i = 0; i < count; i++) {
    if (!read_count(f, 0, INT32_MAX, &value)) return 0;
    s->labels[i] = (int32_t)value;
  }
  if (!read_options(f, s)) return 0;
  while (accept(f, "tensor")) {
    if (s->tensors == 2 * GOLDEN_LAYERS) return fail(f, "more than %d tensors", 2 * GOLDEN_LAYERS);
    if (!read_layer(f, &s->tensor[s->tensors++])) return 0;
  }
  return 1;
}

int golden_steps_read(golden_steps *steps, const char *path, const char *name, char error[160]) {
  golden_file f;
  *steps = (golden_steps){0};
  if (golden_open(&f, path)) {
    while (peek(&f) > 0 && read_steps(&f, steps) && strcmp(steps->name, name) != 0) {
    }
    if (strcmp(steps->name, name) != 0) fail(&f, "no steps of %s in %s", name, path);
    golden_close(&f);
  }
  memcpy(error, f.error, sizeof f.error);
  return !f.error[0];
}
