/* SPDX-License-Identifier: Apache-2.0
 * `lanewise evaluate`: how many images of a data set a network finds, and what it takes the others for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/model.h"

typedef struct options {
  cli_model model;
  const char *data;
  lw_split split;
  int64_t limit, batch; /* limit 0: all */
  int json;
} options;

/* What a pass over the data needs, and what it finds. */
typedef struct evaluation {
  const options *o;
  lw_dataset data;
  int64_t count; /* images looked at */
  lw_plan *plan;
  float *input, *logits, *best;
  int32_t *index;
  void *workspace, *block;
  int64_t *confusion; /* [label][answer] */
  double pass_ms;
} evaluation;

static const char *split_name(lw_split split) { return split == LW_SPLIT_TRAIN ? "train" : "test"; }

/* ------------------------------------------------------------------------------------------------------------- making */

static int load(evaluation *e) {
  const options *o = e->o;
  const lw_net *net = o->model.net;
  if (lw_dataset_load(o->data, o->split, &e->data) != LW_OK) return cli_fail_status();
  const lw_dataset *d = &e->data;
  if (d->c != net->c || d->h != net->h || d->w != net->w)
    return cli_fail("%s: images of %lldx%lldx%lld, expected %lldx%lldx%lld for network %s", o->data, (long long)d->c,
                    (long long)d->h, (long long)d->w, (long long)net->c, (long long)net->h, (long long)net->w, net->name);
  const int64_t outputs = cli_model_outputs(&o->model);
  if (!outputs) return CLI_FAILED;
  if (outputs != d->classes)
    return cli_fail("%s: %d classes, expected %lld as network %s has outputs", o->data, d->classes, (long long)outputs,
                    net->name);
  e->count = o->limit && o->limit < d->count ? o->limit : d->count;
  return CLI_OK;
}

static int prepare(evaluation *e, cli_model *m) {
  const int64_t batch = e->o->batch < e->count ? e->o->batch : e->count;
  const size_t inputs = (size_t)(batch * m->net->c * m->net->h * m->net->w), outputs = (size_t)(batch * e->data.classes);
  int code = cli_model_weights(m);
  if (code == CLI_OK) code = cli_model_plan(m, batch, 0, &e->plan);
  if (code != CLI_OK) return code;
  if (lw_allocate(m->context, lw_plan_workspace_bytes(e->plan), &e->workspace) != LW_OK ||
      lw_allocate(m->context, (inputs + outputs + (size_t)batch) * sizeof(float) + (size_t)batch * sizeof(int32_t), &e->block) !=
          LW_OK)
    return cli_fail_status();
  e->input = e->block;
  e->logits = e->input + inputs;
  e->best = e->logits + outputs;
  e->index = (int32_t *)(e->best + batch);
  memset(e->input, 0, inputs * sizeof(float));
  e->confusion = calloc((size_t)(e->data.classes * e->data.classes), sizeof *e->confusion);
  return e->confusion ? CLI_OK : cli_fail("no memory for the confusion matrix");
}

static void destroy(evaluation *e) {
  lw_context *context = e->o->model.context;
  lw_release(context, e->block);
  lw_release(context, e->workspace);
  lw_plan_destroy(e->plan);
  lw_dataset_free(&e->data);
  free(e->confusion);
}

/* ------------------------------------------------------------------------------------------------------------ running */

static int run(evaluation *e) {
  lw_context *context = e->o->model.context;
  const int64_t batch = lw_plan_batch(e->plan), classes = e->data.classes;
  for (int64_t first = 0; first < e->count; first += batch) {
    /* What the last batch has too many of is computed and not looked at. */
    const int64_t count = e->count - first < batch ? e->count - first : batch;
    if (lw_dataset_input(context, &e->data, first, count, e->input) != LW_OK) return cli_fail_status();
    const double start = cli_milliseconds();
    if (lw_plan_run(e->plan, e->input, e->logits, e->workspace) != LW_OK) return cli_fail_status();
    e->pass_ms += cli_milliseconds() - start;
    if (lw_topk(context, count, classes, 1, e->logits, e->best, e->index) != LW_OK) return cli_fail_status();
    for (int64_t i = 0; i < count; i++) e->confusion[e->data.labels[first + i] * classes + e->index[i]]++;
  }
  return CLI_OK;
}

static int64_t images_of(const evaluation *e, int label) {
  int64_t sum = 0;
  for (int i = 0; i < e->data.classes; i++) sum += e->confusion[label * e->data.classes + i];
  return sum;
}

static int64_t right_of(const evaluation *e, int label) { return e->confusion[label * e->data.classes + label]; }

static int64_t all_right(const evaluation *e) {
  int64_t sum = 0;
  for (int i = 0; i < e->data.classes; i++) sum += right_of(e, i);
  return sum;
}

static double images_per_second(const evaluation *e) { return (double)e->count / (e->pass_ms > 0 ? e->pass_ms * 1e-3 : 1e-9); }

/* ----------------------------------------------------------------------------------------------------------- printing */

static int print_text(const evaluation *e) {
  const int classes = e->data.classes;
  const int64_t right = all_right(e);
  int64_t largest = 0;
  for (int i = 0; i < classes * classes; i++) largest = e->confusion[i] > largest ? e->confusion[i] : largest;
  const int width = snprintf(NULL, 0, "%lld", (long long)largest) + 2;
  cli_model_print(&e->o->model);
  printf("%s, %s: %s of %s images right, accuracy %s%.2f %%%s\n\n"
         "Of each class, how many were taken for which:\n",
         e->o->data, split_name(e->o->split), cli_count(right), cli_count(e->count), cli_style("1"),
         100 * (double)right / (double)e->count, cli_style("0"));
  printf("%sclass  images  accuracy", cli_style("4"));
  for (int k = 0; k < classes; k++) printf("%*d", width, k);
  printf("%s\n", cli_style("0"));
  for (int label = 0; label < classes; label++) {
    const int64_t images = images_of(e, label);
    printf("%5d  %6lld", label, (long long)images);
    if (images > 0)
      printf("  %6.2f %%", 100 * (double)right_of(e, label) / (double)images);
    else
      printf("         -");
    for (int k = 0; k < classes; k++) {
      const int64_t n = e->confusion[label * classes + k];
      printf("%s%*lld%s", cli_style(k == label ? "32" : n > 0 ? "31" : "2"), width, (long long)n, cli_style("0"));
    }
    putchar('\n');
  }
  printf("\n%.0f images/s (batch %lld, %.3f s in the network)\n", images_per_second(e), (long long)lw_plan_batch(e->plan),
         e->pass_ms * 1e-3);
  return cli_finish(CLI_OK);
}

static int print_json(const evaluation *e) {
  const int classes = e->data.classes;
  const int64_t right = all_right(e);
  json_t *list = json_array(), *confusion = json_array();
  for (int label = 0; label < classes; label++) {
    const int64_t images = images_of(e, label);
    json_t *row = json_array();
    for (int k = 0; k < classes; k++) json_array_append_new(row, json_integer(e->confusion[label * classes + k]));
    json_array_append_new(confusion, row);
    json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:o}", "class", label, "images", (json_int_t)images, "right",
                                          (json_int_t)right_of(e, label), "accuracy",
                                          images ? json_real((double)right_of(e, label) / (double)images) : json_null()));
  }
  json_t *root = cli_model_json(&e->o->model);
  json_t *found =
      json_pack("{s:o, s:s, s:I, s:I, s:f, s:o, s:o, s:I, s:f, s:f}", "data", cli_json_text(e->o->data), "split",
                split_name(e->o->split), "images", (json_int_t)e->count, "right", (json_int_t)right, "accuracy",
                (double)right / (double)e->count, "classes", list, "confusion", confusion, "batch",
                (json_int_t)lw_plan_batch(e->plan), "seconds", e->pass_ms * 1e-3, "images_per_second", images_per_second(e));
  if (json_object_update(root, found) != 0) { /* no memory, which cli_print_json then says */
    json_decref(root);
    root = NULL;
  }
  json_decref(found);
  return cli_print_json(root);
}

/* ------------------------------------------------------------------------------------------------------------ command */

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->model; return 0;
  case 'd': o->data = arg; return 0;
  case 's':
    if (strcmp(arg, "train") != 0 && strcmp(arg, "test") != 0)
      argp_error(state, "--split is \"%s\", expected test or train", arg);
    o->split = strcmp(arg, "train") == 0 ? LW_SPLIT_TRAIN : LW_SPLIT_TEST;
    return 0;
  case 'n': o->limit = cli_option("--limit", arg, 1, INT64_MAX); return 0;
  case 'b': o->batch = cli_option("--batch", arg, 1, 65536); return 0;
  case 'j': o->json = 1; return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_evaluate(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"data", 'd', "WHERE", 0,
       "\"digits\", the built-in data set (default), or a folder with MNIST-format files or CIFAR-10's binary version", 1},
      {"split", 's', "HALF", 0, "test (default) or train", 1},
      {"limit", 'n', "N", 0, "Only the first N images", 1},
      {"batch", 'b', "N", 0, "Images per run (default: 100)", 1},
      {"json", 'j', NULL, 0, "Print JSON", 1},
      {0}};
  static const struct argp_child children[] = {{&cli_model_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .doc =
          "How well a network knows a data set: accuracy, of each class too, what it took the other images for, and images per "
          "second.\v"
          "Examples:\n"
          "  lanewise evaluate\n"
          "  lanewise evaluate --data mnist --weights lenet5.safetensors\n"
          "  lanewise evaluate --net net --weights net.safetensors --data cifar10 --split train --json"};
  options o = {.model = CLI_MODEL_DEFAULT, .data = "digits", .split = LW_SPLIT_TEST, .batch = 100};
  evaluation e = {.o = &o};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  int code = cli_model_context(&o.model);
  if (code == CLI_OK) code = load(&e);
  if (code == CLI_OK) code = prepare(&e, &o.model);
  if (code == CLI_OK) code = run(&e);
  if (code == CLI_OK) code = o.json ? print_json(&e) : print_text(&e);
  destroy(&e);
  cli_model_close(&o.model);
  return code;
}
