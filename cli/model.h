/* SPDX-License-Identifier: Apache-2.0
 * What a subcommand runs: threads and ISA, a network, its weights. Options as argp children, the same in every subcommand that
 * has them; the child's input is the struct. */
#ifndef LANEWISE_CLI_MODEL_H
#define LANEWISE_CLI_MODEL_H

#include "cli/machine.h"
#include "cli/planning.h"

/* --net, --weights, --seed, those of cli_planning, --threads, --isa. Start from CLI_MODEL_DEFAULT. */
typedef struct cli_model {
  cli_machine machine;
  const lw_net *net;
  const char *weights_path; /* NULL: the weights that ship, or the seed's */
  int has_seed;
  uint64_t seed;
  cli_planning planning;
  lw_context *context;  /* from cli_model_context */
  lw_safetensors *file; /* these from cli_model_weights; NULL: seeded */
  lw_weights weights;
  char weights_name[4096]; /* the file, or "seed 1" */
} cli_model;
#define CLI_MODEL_DEFAULT                                                                                                        \
  { .net = lw_net_builtin("lenet5") }
extern const struct argp cli_model_argp;

/* An exit code, after a message if it is not CLI_OK. Weights come last: what else can be wrong is better found before 500 MB are
 * read. Close the model either way. */
int cli_model_context(cli_model *model);
int cli_model_weights(cli_model *model);
void cli_model_close(cli_model *model);
/* A plan with the weights. */
int cli_model_plan(const cli_model *model, int64_t batch, int no_fuse, lw_plan **plan);

/* Outputs of the network; 0 after a message. Needs the context only. */
int64_t cli_model_outputs(const cli_model *model);
int64_t cli_net_outputs(lw_context *context, const lw_net *net);
/* What runs, once weights are there: a line for people, an object for programs. */
void cli_model_print(const cli_model *model);
json_t *cli_model_json(const cli_model *model);

/* A file that ships with Lanewise ("weights/lenet5.safetensors"): in the folder LANEWISE_DATA, else in share/lanewise beside the
 * executable's folder, else in the folder data/ that this was built from. 0 if none of them has it. */
int cli_data_file(const char *name, char *path, size_t capacity);

#endif
