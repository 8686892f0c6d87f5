/* SPDX-License-Identifier: Apache-2.0
 * `lanewise filter`: a chain of image operators from one file to another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/machine.h"
#include "cli/steps.h"

enum { MAX_STEPS = 64, POSITIONALS = 3 };

typedef struct options {
  cli_machine machine;
  step_options steps;
  const char *kernel;
  const char *arguments[POSITIONALS];
  int count, list;
} options;

/* The chain "grayscale,blur" taken apart; the texts lie in `text`. */
typedef struct chain {
  char *text;
  const char *steps[MAX_STEPS];
  size_t count;
} chain;

static int split(const char *names, const step_options *o, chain *c) {
  char *rest;
  *c = (chain){.text = strdup(names)};
  if (!(rest = c->text)) return cli_fail("no memory");
  while (rest) {
    const char *step = strsep(&rest, ",");
    if (c->count == MAX_STEPS) return cli_usage("more than %d filters in one chain", MAX_STEPS);
    if (step_check(step, o) != LW_OK) return cli_usage("%s", lw_error_message());
    c->steps[c->count++] = step;
  }
  return CLI_OK;
}

static int load(const char *path, lw_context *context, planes *out) {
  lw_image image;
  void *values = NULL;
  if (lw_image_load(path, &image) != LW_OK) return cli_fail_status();
  *out = (planes){image.c, image.h, image.w, NULL};
  lw_status status = lw_allocate(context, (size_t)(image.c * image.h * image.w) * sizeof(float), &values);
  out->values = values;
  if (status == LW_OK) status = lw_u8_to_f32(context, image.c, image.h, image.w, image.pixels, out->values);
  lw_image_free(&image);
  return status == LW_OK ? CLI_OK : cli_fail("%s: %s", path, lw_error_message());
}

/* To the nearest byte, halves to the even one; NaN becomes 0. */
static uint8_t to_byte(float v) {
  if (!(v > 0)) return 0;
  if (v > 255) return 255;
  const int whole = (int)v;
  const float rest = v - (float)whole;
  return (uint8_t)(whole + (rest > .5f || (rest == .5f && whole % 2 != 0)));
}

static int save(const char *path, const planes *p) {
  const int64_t area = p->h * p->w;
  lw_image image = {.w = p->w, .h = p->h, .c = p->c, .pixels = malloc((size_t)(area * p->c))};
  if (!image.pixels) return cli_fail("%s: no memory for %lld x %lld pixels", path, (long long)p->w, (long long)p->h);
  for (int64_t i = 0; i < area; i++)
    for (int64_t k = 0; k < p->c; k++) image.pixels[i * p->c + k] = to_byte(p->values[k * area + i]);
  const int code = lw_image_save(path, &image) == LW_OK ? CLI_OK : cli_fail_status();
  lw_image_free(&image);
  return code;
}

static int run(const options *o, const chain *c) {
  const char *in = o->arguments[o->count - 2], *out = o->arguments[o->count - 1];
  planes p = {0};
  int code = load(in, o->steps.context, &p);
  for (size_t i = 0; code == CLI_OK && i < c->count; i++)
    if (step_run(c->steps[i], &o->steps, &p) != LW_OK) code = cli_fail("%s: %s: %s", in, c->steps[i], lw_error_message());
  if (code == CLI_OK) code = save(out, &p);
  lw_release(o->steps.context, p.values);
  return code;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->machine; return 0;
  case 'k': o->kernel = arg; return 0;
  case 's': o->steps.valid = 0; return 0;
  case 'v': o->steps.valid = 1; return 0;
  case 'l': o->list = 1; return 0;
  case ARGP_KEY_ARG:
    if (o->count == POSITIONALS) argp_error(state, "\"%s\" is one argument too many", arg);
    o->arguments[o->count++] = arg;
    return 0;
  case ARGP_KEY_END:
    if (!o->list && o->count < (o->kernel ? 2 : 3)) argp_error(state, "expected %sIN and OUT", o->kernel ? "" : "NAME, ");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_filter(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"kernel", 'k', "ROWS", 0, "A kernel of your own: rows by ';', numbers by spaces or commas, odd sizes", 0},
      {"same", 's', NULL, 0, "Filters keep the size of the image, with zeros outside (default)", 0},
      {"valid", 'v', NULL, 0, "Filters keep to where the whole kernel lies on the image", 0},
      {"list", 'l', NULL, 0, "Show what NAME may be", 0},
      {0}};
  static const struct argp_child children[] = {{&cli_machine_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {.options = list,
                                   .parser = parse,
                                   .children = children,
                                   .args_doc = "NAME[,NAME...] IN OUT\n--kernel=ROWS IN OUT\n--list",
                                   .doc = "Runs image operators, one after the other, on a PNG, JPEG or PNM file and writes "
                                          ".png, .pgm, .ppm or .pnm. Kernels are "
                                          "correlated as in lw_filter2d (not flipped), every channel alone. Between operators "
                                          "values are f32; at the end they are "
                                          "rounded to the nearest whole number (halves to the even one) and clamped to 0..255.\v"
                                          "Examples:\n"
                                          "  lanewise filter sharpen photo.jpg sharper.png\n"
                                          "  lanewise filter grayscale,blur,sobel photo.jpg edges.png\n"
                                          "  lanewise filter --kernel \"0 -1 0; -1 5 -1; 0 -1 0\" photo.jpg own.png\n"
                                          "  lanewise filter crop:100x80+10+20,resize:200x160,flip:h photo.jpg part.ppm"};
  options o = {0};
  chain c = {0};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  if (o.list) {
    step_list();
    return cli_finish(CLI_OK);
  }
  int code = CLI_OK;
  if (o.kernel && own_kernel_parse(o.kernel, &o.steps.kernel) != LW_OK) code = cli_usage("%s", lw_error_message());
  if (code == CLI_OK) code = split(o.count == POSITIONALS ? o.arguments[0] : "kernel", &o.steps, &c);
  if (code == CLI_OK && !(o.steps.context = cli_machine_context(&o.machine))) code = CLI_FAILED;
  if (code == CLI_OK) code = run(&o, &c);
  lw_context_destroy(o.steps.context);
  free(o.steps.kernel.values);
  free(c.text);
  return code;
}
