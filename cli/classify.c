/* SPDX-License-Identifier: Apache-2.0
 * `lanewise classify`: images through a network, the best classes of each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/labels.h"
#include "cli/model.h"

enum { BAR = 30 }; /* columns of a bar at 100 % */

typedef struct options {
  cli_model model;
  const char *labels_path;
  char **images;
  int image_count, json, time;
  int64_t top; /* 0: 5, or all if there are fewer */
} options;

/* What a pass needs, made once. */
typedef struct classifier {
  const options *o;
  lw_plan *plan;
  int64_t outputs, top;
  json_t *labels; /* NULL: "class 7" */
  float *input, *logits, *probability, *best;
  int32_t *index;
  void *workspace, *block;
  double open_ms, plan_ms, first_pass_ms; /* first_pass_ms < 0: there was none */
} classifier;

/* -------------------------------------------------------------------------------------------------------------- making */

static int make_labels(classifier *c) {
  const lw_net *net = c->o->model.net;
  if (c->o->labels_path) {
    if (!(c->labels = cli_labels_load(c->o->labels_path))) return CLI_FAILED;
    if ((int64_t)json_array_size(c->labels) == c->outputs) return CLI_OK;
    return cli_fail("%s: %zu labels, expected %lld as network %s has outputs", c->o->labels_path, json_array_size(c->labels),
                    (long long)c->outputs, net->name);
  }
  if (net->c == 1) c->labels = json_pack("[s,s,s,s,s,s,s,s,s,s]", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
  return CLI_OK;
}

static int make_buffers(classifier *c) {
  const lw_net *net = c->o->model.net;
  lw_context *context = c->o->model.context;
  const size_t inputs = (size_t)(net->c * net->h * net->w), outputs = (size_t)c->outputs;
  if (lw_allocate(context, lw_plan_workspace_bytes(c->plan), &c->workspace) != LW_OK ||
      lw_allocate(context, (inputs + 3 * outputs) * sizeof(float) + outputs * sizeof(int32_t), &c->block) != LW_OK)
    return cli_fail_status();
  c->input = c->block;
  c->logits = c->input + inputs;
  c->probability = c->logits + outputs;
  c->best = c->probability + outputs;
  c->index = (int32_t *)(c->best + outputs);
  return CLI_OK;
}

/* What can be checked without weights. */
static int check(classifier *c) {
  c->outputs = cli_model_outputs(&c->o->model);
  if (!c->outputs) return CLI_FAILED;
  c->top = c->o->top ? c->o->top : c->outputs < 5 ? c->outputs : 5;
  if (c->top > c->outputs)
    return cli_usage("--top is %lld, expected at most %lld as network %s has outputs", (long long)c->top, (long long)c->outputs,
                     c->o->model.net->name);
  return make_labels(c);
}

static int make_plan(classifier *c, cli_model *m) {
  const double start = cli_milliseconds();
  int code = cli_model_weights(m);
  if (code != CLI_OK) return code;
  const double opened = cli_milliseconds();
  if ((code = cli_model_plan(m, 1, 0, &c->plan)) != CLI_OK) return code;
  c->open_ms = opened - start;
  c->plan_ms = cli_milliseconds() - opened;
  return make_buffers(c);
}

static void destroy(classifier *c) {
  lw_release(c->o->model.context, c->block);
  lw_release(c->o->model.context, c->workspace);
  lw_plan_destroy(c->plan);
  json_decref(c->labels);
}

/* ------------------------------------------------------------------------------------------------------------- running */

/* Probabilities of one image, the best first. On failure lw_error_message() tells. */
static lw_status classify(classifier *c, const char *path, double *prepare_ms, double *pass_ms) {
  lw_context *context = c->o->model.context;
  lw_image image;
  const double start = cli_milliseconds();
  lw_status status = lw_image_load(path, &image);
  if (status != LW_OK) return status;
  status = lw_image_to_input(context, c->o->model.net, &image, c->input);
  lw_image_free(&image);
  if (status != LW_OK) return lw_fail(status, "%s: %s", path, lw_error_message());
  const double before = cli_milliseconds();
  status = lw_plan_run(c->plan, c->input, c->logits, c->workspace);
  *prepare_ms = before - start;
  *pass_ms = cli_milliseconds() - before;
  if (c->first_pass_ms < 0) c->first_pass_ms = *pass_ms;
  if (status == LW_OK) status = lw_softmax(context, 1, c->outputs, c->logits, c->probability);
  if (status == LW_OK) status = lw_topk(context, 1, c->outputs, c->top, c->probability, c->best, c->index);
  return status;
}

static const char *label(const classifier *c, int32_t index, char *text, size_t capacity) {
  if (c->labels) return json_string_value(json_array_get(c->labels, (size_t)index));
  snprintf(text, capacity, "class %d", index);
  return text;
}

static void print_image(const classifier *c, const char *path, double prepare_ms, double pass_ms) {
  char text[32];
  printf("%s%s%s\n", cli_style("1"), path, cli_style("0"));
  for (int64_t i = 0; i < c->top; i++) {
    printf("  %5.1f %%  %s", 100 * (double)c->best[i], cli_style(i == 0 ? "32" : "2"));
    cli_bar(stdout, (double)c->best[i], BAR);
    printf("%s  %s\n", cli_style("0"), label(c, c->index[i], text, sizeof text));
  }
  if (c->o->time) printf("  read and prepared in %.2f ms, pass %.3f ms\n", prepare_ms, pass_ms);
}

/* JSON has no NaN and no infinity: null. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *image_json(const classifier *c, const char *path, double prepare_ms, double pass_ms) {
  char text[32];
  json_t *top = json_array();
  for (int64_t i = 0; i < c->top; i++)
    json_array_append_new(top, json_pack("{s:i, s:s, s:o, s:o}", "class", (int)c->index[i], "label",
                                         label(c, c->index[i], text, sizeof text), "probability", number((double)c->best[i]),
                                         "logit", number((double)c->logits[c->index[i]])));
  json_t *object = json_pack("{s:o, s:o}", "file", cli_json_text(path), "top", top);
  if (c->o->time) json_object_set_new(object, "milliseconds", json_pack("{s:f, s:f}", "prepare", prepare_ms, "pass", pass_ms));
  return object;
}

/* Every image; one that fails does not stop the others. Fills `images` if it is not NULL. */
static int run_images(classifier *c, json_t *images) {
  int code = CLI_OK;
  for (int i = 0; i < c->o->image_count; i++) {
    const char *path = c->o->images[i];
    double prepare_ms, pass_ms;
    if (classify(c, path, &prepare_ms, &pass_ms) != LW_OK) {
      code = cli_fail_status();
      if (images)
        json_array_append_new(images,
                              json_pack("{s:o, s:o}", "file", cli_json_text(path), "error", cli_json_text(lw_error_message())));
    } else if (images) {
      json_array_append_new(images, image_json(c, path, prepare_ms, pass_ms));
    } else {
      print_image(c, path, prepare_ms, pass_ms);
    }
  }
  return code;
}

static int run_text(classifier *c) {
  cli_model_print(&c->o->model);
  const int code = run_images(c, NULL);
  if (c->o->time) printf("weights opened in %.2f ms, plan made in %.2f ms", c->open_ms, c->plan_ms);
  if (c->o->time && c->first_pass_ms >= 0) printf(", first pass %.3f ms", c->first_pass_ms);
  if (c->o->time) putchar('\n');
  return cli_finish(code);
}

static int run_json(classifier *c) {
  json_t *root = cli_model_json(&c->o->model), *images = json_array();
  const int code = run_images(c, images);
  json_object_set_new(root, "images", images);
  if (c->o->time)
    json_object_set_new(root, "milliseconds",
                        json_pack("{s:f, s:f, s:o}", "open", c->open_ms, "plan", c->plan_ms, "first_pass",
                                  c->first_pass_ms < 0 ? json_null() : json_real(c->first_pass_ms)));
  const int printed = cli_print_json(root);
  return printed == CLI_OK ? code : printed;
}

/* ------------------------------------------------------------------------------------------------------------- command */

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->model; return 0;
  case 'l': o->labels_path = arg; return 0;
  case 'k': o->top = cli_option("--top", arg, 1, INT32_MAX); return 0;
  case 'T': o->time = 1; return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARGS:
    o->images = state->argv + state->next;
    o->image_count = state->argc - state->next;
    return 0;
  case ARGP_KEY_NO_ARGS: argp_error(state, "IMAGE is missing"); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_classify(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"labels", 'l', "FILE", 0, "Names of the classes: one per line, or a JSON array (default for digits: 0 to 9)", 1},
      {"top", 'k', "K", 0, "Show the best K classes (default: 5)", 1},
      {"time", 'T', NULL, 0, "Show how long opening, planning, preparing and each pass took", 1},
      {"json", 'j', NULL, 0, "Print JSON", 1},
      {0}};
  static const struct argp_child children[] = {{&cli_model_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .args_doc = "IMAGE...",
      .doc = "What a network sees in images (PNG, JPEG, PNM). An image that cannot be read is named and does not stop the "
             "others; the exit "
             "code is then 1.\v"
             "Examples:\n"
             "  lanewise classify data/samples/digit_*.png\n"
             "  lanewise classify --net vgg16 --weights vgg16.safetensors --labels labels.txt photo.jpg\n"
             "  lanewise classify --net vgg16 --seed 1 --time --json photo.jpg"};
  options o = {.model = CLI_MODEL_DEFAULT};
  classifier c = {.o = &o, .first_pass_ms = -1};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  int code = cli_model_context(&o.model);
  if (code == CLI_OK) code = check(&c);
  if (code == CLI_OK) code = make_plan(&c, &o.model);
  if (code == CLI_OK) code = o.json ? run_json(&c) : run_text(&c);
  destroy(&c);
  cli_model_close(&o.model);
  return code;
}
