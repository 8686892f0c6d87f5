/* SPDX-License-Identifier: Apache-2.0
 * `lanewise init`: seeded random weights as a file, so that everything that reads weights can be tried without a download. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli/cli.h"

typedef struct options {
  const lw_net *net;
  const char *path;
  uint64_t seed;
  lw_dtype dtype;
} options;

static const char *const dtype_names[] = {[LW_F32] = "f32", [LW_F16] = "f16", [LW_BF16] = "bf16"};

static lw_dtype read_dtype(const char *text) {
  for (int d = LW_F32; d <= LW_BF16; d++)
    if (strcmp(text, dtype_names[d]) == 0) return (lw_dtype)d;
  exit(cli_usage("--dtype is \"%s\", expected f32, f16 or bf16", text));
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case 's': o->seed = (uint64_t)cli_option("--seed", arg, 0, INT64_MAX); return 0;
  case 'd': o->dtype = read_dtype(arg); return 0;
  case ARGP_KEY_ARG:
    if (o->path) argp_error(state, "\"%s\" is one argument too many", arg);
    if (o->net)
      o->path = arg;
    else if (!(o->net = cli_net("NET", arg)))
      exit(CLI_USAGE);
    return 0;
  case ARGP_KEY_END:
    if (!o->path) argp_error(state, "%s is missing", o->net ? "FILE" : "NET");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_init(int argc, char **argv) {
  static const struct argp_option list[] = {
      {"seed", 's', "N", 0, "Other weights for every N (default: 1)", 0},
      {"dtype", 'd', "TYPE", 0, "Number format in the file: f32 (default), f16 or bf16, rounded to nearest even", 0},
      {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .args_doc = "NET FILE",
      .doc =
          "Writes the weights of a network that has not been trained: RANDOM numbers (Kaiming uniform, from the seed), the same "
          "on every machine. What a network says with them means nothing, but everything runs: so any command that reads weights "
          "can be tried without a download. FILE becomes a safetensors file with PyTorch's names; an old one is replaced only "
          "once the new one is complete.\v"
          "Examples:\n"
          "  lanewise init lenet5 lenet5.safetensors\n"
          "  lanewise init vgg16 --seed 7 --dtype bf16 vgg16.safetensors"};
  options o = {.seed = 1};
  int64_t parameters;
  struct stat about;
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  const lw_weights weights = lw_weights_seeded(&o.seed);
  if (lw_net_parameters(o.net, &parameters) != LW_OK || lw_safetensors_save(o.path, o.net, &weights, o.dtype) != LW_OK)
    return cli_fail_status();
  if (stat(o.path, &about) == 0 && S_ISREG(about.st_mode)) /* not into a pipe of weights */
    printf("%s: %s random parameters (seed %llu) as %s in %s, %s\n", o.net->name, cli_count(parameters),
           (unsigned long long)o.seed, dtype_names[o.dtype], o.path, cli_bytes((double)about.st_size));
  return cli_finish(CLI_OK);
}
