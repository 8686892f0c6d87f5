/* SPDX-License-Identifier: Apache-2.0
 * `lanewise accuracy`: every layer of a pass against double, on its own input and since the image. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/model.h"
#include "tests/kit/pass_accuracy.h"

enum { KEY_IMAGE = 0x400, KEY_FULL, MODES = 2, SAMPLES = 4096 };

typedef struct options {
  cli_model model;
  const char *image; /* NULL: a sample that ships */
  int full, json;
} options;

/* What was found: the passes that were asked for, in the order of `mode`. */
typedef struct finding {
  const options *o;
  char image[4096];
  float *x;
  lw_mode mode[MODES];
  size_t modes;
  pass_record record[MODES];
  pass_layer *layers; /* [mode][layer] */
  double seconds;
} finding;

/* ------------------------------------------------------------------------------------------------------------- making */

static int load_image(finding *f) {
  const cli_model *m = &f->o->model;
  const char *sample = m->net->c == 1 ? "samples/digit_7.png" : "samples/scene.jpg";
  lw_image image;
  if (f->o->image)
    snprintf(f->image, sizeof f->image, "%s", f->o->image);
  else if (!cli_data_file(sample, f->image, sizeof f->image))
    return cli_fail("%s is not where Lanewise's data should be (LANEWISE_DATA); name an image with --image", sample);
  if (lw_image_load(f->image, &image) != LW_OK) return cli_fail_status();
  f->x = malloc((size_t)(m->net->c * m->net->h * m->net->w) * sizeof *f->x);
  const lw_status status = f->x ? lw_image_to_input(m->context, m->net, &image, f->x) : LW_NO_MEMORY;
  lw_image_free(&image);
  if (!f->x) return cli_fail("no memory for the input");
  return status == LW_OK ? CLI_OK : cli_fail("%s: %s", f->image, lw_error_message());
}

/* One pass. The plan goes before the next one comes: VGG16's has 660 MB. */
static int record(finding *f, const cli_model *m, size_t i) {
  cli_planning planning = m->planning;
  lw_plan *plan = NULL;
  void *workspace = NULL, *y = NULL;
  planning.options.mode = f->mode[i];
  const int code = cli_planning_make(&planning, m->context, m->net, &m->weights, 1, 1, &plan);
  if (code != CLI_OK) return code;
  lw_status status = lw_allocate(m->context, lw_plan_workspace_bytes(plan), &workspace);
  if (status == LW_OK) status = lw_allocate(m->context, (size_t)lw_plan_outputs(plan) * sizeof(float), &y);
  if (status == LW_OK) status = pass_record_make(plan, m->net, f->x, y, workspace, &f->record[i]);
  if (status != LW_OK) cli_fail_status();
  lw_release(m->context, y);
  lw_release(m->context, workspace);
  lw_plan_destroy(plan);
  return status == LW_OK ? CLI_OK : CLI_FAILED;
}

static void progress(void *user, size_t layer) {
  const finding *f = user;
  const lw_net *net = f->o->model.net;
  fprintf(stderr, "\r\033[Klayer %zu of %zu, %s ", layer + 1, net->layer_count, net->layers[layer].name);
}

static int judge(finding *f) {
  const cli_model *m = &f->o->model;
  const int terminal = isatty(STDERR_FILENO);
  f->layers = calloc(MODES * m->net->layer_count, sizeof *f->layers);
  if (!f->layers) return cli_fail("no memory for the results");
  const pass_judgement j = {.context = m->context,
                            .net = m->net,
                            .weights = &m->weights,
                            .x = f->x,
                            .samples = f->o->full ? 0 : SAMPLES,
                            .order = KIT_CHAIN,
                            .since_input = 1,
                            .progress = terminal ? progress : NULL,
                            .user = f};
  const lw_status status = pass_judge(&j, f->record, f->modes, f->layers);
  if (terminal) fprintf(stderr, "\r\033[K");
  return status == LW_OK ? CLI_OK : cli_fail_status();
}

/* -------------------------------------------------------------------------------------------------------------- telling */

static const pass_layer *layer_of(const finding *f, size_t mode, size_t layer) {
  return &f->layers[mode * f->o->model.net->layer_count + layer];
}

/* The layer with the largest error / bound. */
static size_t worst_layer(const finding *f, size_t mode) {
  size_t worst = 0;
  for (size_t i = 1; i < f->o->model.net->layer_count; i++)
    if (layer_of(f, mode, i)->own.worst > layer_of(f, mode, worst)->own.worst) worst = i;
  return worst;
}

/* Do all outputs of a mode keep their bounds? */
static int is_within(const finding *f, size_t mode) { return layer_of(f, mode, worst_layer(f, mode))->own.worst <= 1; }

/* An error in units of `unit`; an output of zeros has none. */
static double in(double error, double unit) { return error == 0 ? 0 : error / unit; }

/* Layers that only choose among their inputs have no error of their own, and no row unless they are wrong. */
static int has_row(const finding *f, size_t layer) {
  const lw_layer_kind kind = f->o->model.net->layers[layer].kind;
  int wrong = 0;
  for (size_t i = 0; i < f->modes; i++) wrong |= layer_of(f, i, layer)->own.largest > 0;
  return wrong || (kind != LW_LAYER_RELU && kind != LW_LAYER_MAX_POOL2D && kind != LW_LAYER_DROPOUT);
}

static void print_row(const finding *f, size_t mode, size_t layer) {
  const pass_layer *l = layer_of(f, mode, layer);
  const kit_accuracy *own = &l->own, *since = &l->since_input;
  const double rms = kit_accuracy_rms(own), ulp = kit_accuracy_ulp(own), since_rms = kit_accuracy_rms(since);
  printf("%-16s %-6s %-10s %s%12.3g%s %9.3g %9.3g %10.2e %10.2e %10.2e %10.2e\n",
         mode == 0 ? f->o->model.net->layers[layer].name : "", cli_mode_name(f->mode[mode]), f->record[mode].algorithm[layer],
         own->worst > 1 ? cli_style("31;1") : "", own->worst, own->worst > 1 ? cli_style("0") : "",
         in(kit_accuracy_error_rms(own), ulp), in(own->largest, ulp), in(kit_accuracy_error_rms(own), rms), in(own->largest, rms),
         in(kit_accuracy_error_rms(since), since_rms), in(since->largest, since_rms));
}

static void print_summary(const finding *f, size_t mode) {
  const lw_net *net = f->o->model.net;
  const size_t worst = worst_layer(f, mode);
  const kit_accuracy *since = &layer_of(f, mode, net->layer_count - 1)->since_input;
  printf("%-5s  %s%s%s, largest error / bound %.3g (%s); after the whole pass rms error %.2e of rms(y), %.3g ulp\n",
         cli_mode_name(f->mode[mode]), cli_style(is_within(f, mode) ? "32" : "31;1"),
         is_within(f, mode) ? "within its bounds" : "OUTSIDE OF ITS BOUNDS", cli_style("0"), layer_of(f, mode, worst)->own.worst,
         net->layers[worst].name, in(kit_accuracy_error_rms(since), kit_accuracy_rms(since)),
         in(kit_accuracy_error_rms(since), kit_accuracy_ulp(since)));
}

static int is_sampled(const finding *f) {
  int sampled = 0;
  for (size_t i = 0; i < f->o->model.net->layer_count; i++)
    sampled |= layer_of(f, 0, i)->own.count < layer_of(f, 0, i)->since_input.count;
  return sampled;
}

static void print_text(const finding *f) {
  const cli_model *m = &f->o->model;
  printf("%s, weights: %s%s, image: %s, ISA %s, %d threads, %.1f s\n", m->net->name, m->weights_name,
         m->has_seed ? " (random)" : "", f->image, lw_context_isa(m->context), lw_context_threads(m->context), f->seconds);
  printf("Errors of each layer on its own float input, and (since input) of all layers up to it.");
  if (is_sampled(f)) printf(" Layers of more than 1e8 products:\n%d seeded outputs and the corners; all with --full.", SAMPLES);
  printf("\n\n%-34s %12s %19s %21s %21s\n%s%-16s %-6s %-10s %12s %9s %9s %10s %10s %10s %10s%s\n", "", "", "ulp of rms(y)",
         "/ rms(y)", "since input / rms(y)", cli_style("4"), "layer", "mode", "algorithm", "error/bound", "rms", "largest", "rms",
         "largest", "rms", "largest", cli_style("0"));
  size_t left_out = 0;
  for (size_t i = 0; i < m->net->layer_count; i++) {
    left_out += !has_row(f, i);
    for (size_t mode = 0; mode < f->modes && has_row(f, i); mode++) print_row(f, mode, i);
  }
  if (left_out) printf("%zu layers (relu, max_pool2d, dropout) have no error of their own.\n", left_out);
  printf("\n");
  for (size_t mode = 0; mode < f->modes; mode++) print_summary(f, mode);
}

/* JSON has no NaN and no infinity: those are strings, as of `conform`. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_string(isnan(value) ? "nan" : "inf"); }

static json_t *errors_json(const kit_accuracy *a) {
  return json_pack("{s:I, s:o, s:o, s:o, s:o}", "outputs", (json_int_t)a->count, "rms", number(kit_accuracy_rms(a)), "ulp",
                   number(kit_accuracy_ulp(a)), "rms_error", number(kit_accuracy_error_rms(a)), "largest_error",
                   number(a->largest));
}

static json_t *layer_json(const finding *f, size_t layer) {
  static const char *const kinds[] = {"conv2d", "linear", "relu", "tanh", "max_pool2d", "avg_pool2d", "dropout", "softmax"};
  const lw_layer *l = &f->o->model.net->layers[layer];
  json_t *modes = json_object();
  for (size_t i = 0; i < f->modes; i++) {
    const pass_layer *p = layer_of(f, i, layer);
    json_t *own = errors_json(&p->own);
    json_object_set_new(own, "error_over_bound", number(p->own.worst));
    json_object_set_new(modes, cli_mode_name(f->mode[i]),
                        json_pack("{s:s, s:o, s:o}", "algorithm", f->record[i].algorithm[layer], "own", own, "since_input",
                                  errors_json(&p->since_input)));
  }
  return json_pack("{s:s, s:s, s:o}", "layer", l->name, "kind", kinds[l->kind], "modes", modes);
}

static int print_json(const finding *f) {
  json_t *root = cli_model_json(&f->o->model), *layers = json_array(), *within = json_object();
  for (size_t i = 0; i < f->o->model.net->layer_count; i++) json_array_append_new(layers, layer_json(f, i));
  for (size_t i = 0; i < f->modes; i++) json_object_set_new(within, cli_mode_name(f->mode[i]), json_boolean(is_within(f, i)));
  json_object_del(root, "mode");
  json_object_set_new(root, "image", cli_json_text(f->image));
  json_object_set_new(root, "full", json_boolean(f->o->full));
  json_object_set_new(root, "seconds", json_real(f->seconds));
  json_object_set_new(root, "within_bounds", within);
  json_object_set_new(root, "layers", layers);
  return cli_print_json(root);
}

static int tell(const finding *f) {
  int code = CLI_OK;
  for (size_t i = 0; i < f->modes; i++)
    if (!is_within(f, i)) code = CLI_FAILED;
  if (f->o->json) {
    const int printed = print_json(f);
    return printed == CLI_OK ? code : printed;
  }
  print_text(f);
  return cli_finish(code);
}

/* ------------------------------------------------------------------------------------------------------------ command */

static int accuracy(options *o) {
  cli_model *m = &o->model;
  finding f = {.o = o};
  const double begin = cli_milliseconds();
  for (lw_mode mode = LW_EXACT; mode <= LW_FAST; mode++)
    if (!m->planning.has_mode || m->planning.options.mode == mode) f.mode[f.modes++] = mode;
  int code = cli_model_context(m);
  if (code == CLI_OK) code = load_image(&f);
  if (code == CLI_OK) code = cli_model_weights(m);
  for (size_t i = 0; i < f.modes && code == CLI_OK; i++) code = record(&f, m, i);
  if (code == CLI_OK) code = judge(&f);
  f.seconds = (cli_milliseconds() - begin) * 1e-3;
  if (code == CLI_OK) code = tell(&f);
  for (size_t i = 0; i < f.modes; i++) pass_record_free(&f.record[i]);
  free(f.layers);
  free(f.x);
  cli_model_close(m);
  return code;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->model; return 0;
  case KEY_IMAGE: o->image = arg; return 0;
  case KEY_FULL: o->full = 1; return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG: argp_error(state, "\"%s\" is one argument too many; an image comes with --image", arg); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_accuracy(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"image", KEY_IMAGE, "FILE", 0, "PNG, JPEG or PNM (default: a sample that ships)", 1},
      {"full", KEY_FULL, NULL, 0,
       "Judge every output of large layers too (minutes for vgg16); of a sample the largest error is smaller", 1},
      {"json", 'j', NULL, 0, "Print JSON", 1},
      {0}};
  static const struct argp_child children[] = {{&cli_model_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .doc =
          "How far the results of a pass are from the true ones, layer by layer, in both modes unless --mode names one. Each "
          "layer is computed again in double on its own float input: the largest error / bound (the bound is derived for every "
          "output, see docs/numerics.md and docs/winograd.md), the root mean square and the largest of the errors, in ulp of "
          "rms(y), which is the distance of neighbouring floats at the root mean square of the layer's outputs, and over rms(y). "
          "Since the input: against a pass that is in double from the image on. Exit code 1 if an output is outside of its "
          "bound.\v"
          "Examples:\n"
          "  lanewise accuracy\n"
          "  lanewise accuracy --net vgg16 --seed 1\n"
          "  lanewise accuracy --net vgg16 --weights vgg16.safetensors --image photo.jpg\n"
          "  lanewise accuracy --net net --seed 1 --mode fast --json\n"
          "  lanewise accuracy --net lenet5 --isa naive --threads 1"};
  options o = {.model = CLI_MODEL_DEFAULT};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  return accuracy(&o);
}
