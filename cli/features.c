/* SPDX-License-Identifier: Apache-2.0
 * `lanewise features`: what convolution and pooling make of a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/model.h"
#include "cli/sheet.h"

typedef struct options {
  cli_model model;
  const char *layers; /* names by commas, "all" or "list" */
  const char *image, *out;
  int shared, json;
} options;

/* A tensor that can be drawn: the input, or the output of a step. */
typedef struct tensor {
  char name[128];     /* of the step's layers, "classifier.1 + classifier.2" */
  size_t first, last; /* layers; the input has none: first > last */
  int wanted;
  band band;
} tensor;

typedef struct drawing {
  tensor *tensors; /* in the order of the network, the input first */
  size_t count;
  lw_image sheet;
  int shared;
} drawing;

static int is_list(const options *o) { return strcmp(o->layers, "list") == 0; }
static int has_layer(const tensor *t, size_t layer) { return layer >= t->first && layer <= t->last; }

/* The tensors of a plan made with no_fuse. */
static int list_tensors(const lw_plan *plan, const lw_net *net, drawing *d) {
  d->tensors = calloc(lw_plan_steps(plan) + 1, sizeof *d->tensors);
  if (!d->tensors) return cli_fail("no memory for the list of layers");
  d->tensors[d->count++] = (tensor){.name = "input", .first = 1, .last = 0, .band = {.c = net->c, .h = net->h, .w = net->w}};
  for (size_t i = 0; i < lw_plan_steps(plan); i++) {
    lw_step_info s;
    if (lw_plan_step(plan, i, &s) != LW_OK) return cli_fail_status();
    if (s.last_layer + 1 == s.first_layer) continue; /* only a change of layout */
    tensor *t = &d->tensors[d->count++];
    *t = (tensor){.first = s.first_layer, .last = s.last_layer, .band = {.c = s.c, .h = s.h, .w = s.w}};
    for (size_t layer = s.first_layer, at = 0; layer <= s.last_layer && at < sizeof t->name; layer++)
      at += (size_t)snprintf(t->name + at, sizeof t->name - at, "%s%s", layer > s.first_layer ? " + " : "",
                             net->layers[layer].name);
  }
  return CLI_OK;
}

static int print_list(const drawing *d, int json) {
  json_t *list = json_array();
  for (size_t i = 0; i < d->count; i++) {
    const tensor *t = &d->tensors[i];
    if (!json) printf("%-32s %lldx%lldx%lld\n", t->name, (long long)t->band.c, (long long)t->band.h, (long long)t->band.w);
    json_array_append_new(list, json_pack("{s:s, s:[I, I, I]}", "layer", t->name, "shape", (json_int_t)t->band.c,
                                          (json_int_t)t->band.h, (json_int_t)t->band.w));
  }
  if (json) return cli_print_json(list);
  json_decref(list);
  return cli_finish(CLI_OK);
}

static int is_name(const char *name, size_t length, const char *text) {
  return strlen(name) == length && strncmp(name, text, length) == 0;
}

/* Marks the tensor of one name; 0 if there is none. */
static int want(drawing *d, const lw_net *net, const char *text, size_t length) {
  for (size_t i = 0; i < d->count; i++) {
    int found = d->tensors[i].first > d->tensors[i].last && is_name("input", length, text);
    for (size_t layer = 0; layer < net->layer_count; layer++)
      found |= has_layer(&d->tensors[i], layer) && is_name(net->layers[layer].name, length, text);
    if (found) return d->tensors[i].wanted = 1;
  }
  return 0;
}

static int choose(drawing *d, const lw_net *net, const char *names) {
  if (strcmp(names, "all") == 0) {
    for (size_t i = 0; i < d->count; i++) d->tensors[i].wanted = 1;
    return CLI_OK;
  }
  for (const char *p = names;; p++) {
    const size_t length = strcspn(p, ",");
    if (!want(d, net, p, length)) {
      fprintf(stderr, "%s: --layer names \"%.*s\", expected all, list, input", program_invocation_name, (int)length, p);
      for (size_t i = 0; i < net->layer_count; i++)
        fprintf(stderr, "%s%s", i + 1 < net->layer_count ? ", " : " or ", net->layers[i].name);
      fputc('\n', stderr);
      return CLI_USAGE;
    }
    p += length;
    if (!*p) return CLI_OK;
  }
}

/* Lays out the tensors that are wanted. */
static int make_sheet(drawing *d) {
  band *bands = calloc(d->count, sizeof *bands);
  size_t count = 0;
  if (!bands) return cli_fail("no memory for the layout");
  for (size_t i = 0; i < d->count; i++)
    if (d->tensors[i].wanted) bands[count++] = d->tensors[i].band;
  const lw_status status = sheet_make(bands, count, &d->sheet);
  for (size_t i = d->count; i-- > 0;)
    if (d->tensors[i].wanted) d->tensors[i].band = bands[--count];
  free(bands);
  return status == LW_OK ? CLI_OK : cli_fail_status();
}

static void on_layer(void *user, size_t layer, const float *values, int64_t count) {
  drawing *d = user;
  (void)count;
  for (size_t i = 0; i < d->count; i++)
    if (d->tensors[i].wanted && has_layer(&d->tensors[i], layer)) sheet_draw(&d->sheet, &d->tensors[i].band, values, d->shared);
}

/* The network's input of the image; memory of lw_allocate. */
static int load_input(const options *o, void **x) {
  const lw_net *net = o->model.net;
  lw_image image;
  if (lw_image_load(o->image, &image) != LW_OK) return cli_fail_status();
  lw_status status = lw_allocate(o->model.context, (size_t)(net->c * net->h * net->w) * sizeof(float), x);
  if (status == LW_OK) status = lw_image_to_input(o->model.context, net, &image, *x);
  lw_image_free(&image);
  return status == LW_OK ? CLI_OK : cli_fail("%s: %s", o->image, lw_error_message());
}

static int run(const options *o, const lw_plan *plan, const float *x, drawing *d) {
  lw_context *context = o->model.context;
  void *y = NULL, *workspace = NULL;
  lw_status status = lw_allocate(context, (size_t)lw_plan_outputs(plan) * sizeof(float), &y);
  if (status == LW_OK) status = lw_allocate(context, lw_plan_workspace_bytes(plan), &workspace);
  if (status == LW_OK && d->tensors[0].wanted) sheet_draw(&d->sheet, &d->tensors[0].band, x, d->shared);
  if (status == LW_OK) status = lw_plan_observe(plan, x, y, workspace, on_layer, d);
  if (status == LW_OK) status = lw_image_save(o->out, &d->sheet);
  lw_release(context, y);
  lw_release(context, workspace);
  return status == LW_OK ? CLI_OK : cli_fail_status();
}

/* The plan with weights comes after all that can fail without them. */
static int draw(options *o, drawing *d) {
  cli_model *m = &o->model;
  void *x = NULL;
  lw_plan *plan = NULL;
  int code = load_input(o, &x);
  if (code == CLI_OK) code = make_sheet(d);
  if (code == CLI_OK) code = cli_model_weights(m);
  if (code == CLI_OK) code = cli_model_plan(m, 1, 1, &plan);
  if (code == CLI_OK) code = run(o, plan, x, d);
  lw_plan_destroy(plan);
  lw_release(m->context, x);
  return code;
}

static int features(options *o) {
  cli_model *m = &o->model;
  drawing d = {.shared = o->shared};
  lw_plan *bare = NULL;
  int code = cli_model_context(m);
  if (code == CLI_OK && lw_plan_create(m->context, m->net, NULL, &(lw_plan_options){.no_fuse = 1}, &bare) != LW_OK)
    code = cli_fail_status();
  if (code == CLI_OK) code = list_tensors(bare, m->net, &d);
  lw_plan_destroy(bare);
  if (code == CLI_OK && is_list(o)) {
    code = print_list(&d, o->json);
  } else {
    if (code == CLI_OK) code = choose(&d, m->net, o->layers);
    if (code == CLI_OK) code = draw(o, &d);
  }
  cli_model_close(m);
  lw_image_free(&d.sheet);
  free(d.tensors);
  return code;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->model; return 0;
  case 'l': o->layers = arg; return 0;
  case 's':
    if (strcmp(arg, "own") != 0 && strcmp(arg, "shared") != 0)
      argp_error(state, "--scale is \"%s\", expected own or shared", arg);
    o->shared = strcmp(arg, "shared") == 0;
    return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG:
    if (o->out) argp_error(state, "\"%s\" is one argument too many", arg);
    *(o->image ? &o->out : &o->image) = arg;
    return 0;
  case ARGP_KEY_END:
    if (!is_list(o) && !o->out) argp_error(state, "expected IMAGE and OUT");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_features(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"layer", 'l', "NAMES", 0, "Layers by commas, input, all (default), or list, which prints names and shapes", 1},
      {"scale", 's', "HOW", 0,
       "own (default): each map from its least value, black, to its largest, white; shared: all maps of a layer alike", 1},
      {"json", 'j', NULL, 0, "With --layer list: print JSON", 1},
      {0}};
  static const struct argp_child children[] = {{&cli_model_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .args_doc = "IMAGE OUT\n--layer=list",
      .doc = "Draws the feature maps of layers as one picture (.png or .ppm): a tile per map, small maps enlarged, single values "
             "as bars from "
             "the line of zero. The input is drawn as the network gets it.\v"
             "Examples:\n"
             "  lanewise features data/samples/digit_7.png maps.png\n"
             "  lanewise features --layer conv1,pool1 data/samples/digit_7.png maps.png\n"
             "  lanewise features --net vgg16 --seed 1 --layer features.2 --scale shared photo.jpg maps.png\n"
             "  lanewise features --net vgg16 --layer list"};
  options o = {.model = CLI_MODEL_DEFAULT, .layers = "all"};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  return features(&o);
}
