/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys of options without a short form. */
enum { KEY_NET = 0x500, KEY_WEIGHTS, KEY_SEED };

static error_t parse_model(int key, char *arg, struct argp_state *state) {
  cli_model *m = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &m->machine;
    state->child_inputs[1] = &m->planning;
    return 0;
  case KEY_NET:
    if (!(m->net = cli_net("--net", arg))) exit(CLI_USAGE);
    return 0;
  case KEY_WEIGHTS: m->weights_path = arg; return 0;
  case KEY_SEED:
    m->has_seed = 1;
    m->seed = (uint64_t)cli_option("--seed", arg, 0, INT64_MAX);
    return 0;
  case ARGP_KEY_END:
    if (m->has_seed && m->weights_path) argp_error(state, "--weights and --seed exclude each other");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option model_options[] = {
    {"net", KEY_NET, "NAME", 0, "lenet5 (default), lenet5_1998, vgg16, net or mlp", 0},
    {"weights", KEY_WEIGHTS, "FILE", 0, "Weights as safetensors (default: those that ship, if they do)", 0},
    {"seed", KEY_SEED, "N", 0, "Random weights instead, Kaiming uniform from this seed", 0},
    {0}};
static const struct argp_child model_children[] = {{&cli_machine_argp, 0, NULL, 0}, {&cli_planning_argp, 0, NULL, 0}, {0}};
const struct argp cli_model_argp = {.options = model_options, .parser = parse_model, .children = model_children};

int cli_data_file(const char *name, char *path, size_t capacity) {
  const char *folder = getenv("LANEWISE_DATA");
  char executable[2048], *slash;
  if (folder && folder[0]) {
    snprintf(path, capacity, "%s/%s", folder, name);
    if (access(path, F_OK) == 0) return 1;
  }
  const ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
  executable[length > 0 ? length : 0] = 0;
  if ((slash = strrchr(executable, '/'))) {
    *slash = 0;
    snprintf(path, capacity, "%s/../share/lanewise/%s", executable, name);
    if (access(path, F_OK) == 0) return 1;
  }
  snprintf(path, capacity, "%s/data/%s", LANEWISE_SOURCE_DIR, name);
  return access(path, F_OK) == 0;
}

int cli_model_context(cli_model *m) {
  m->context = cli_machine_context(&m->machine);
  return m->context ? CLI_OK : CLI_FAILED;
}

static int find_weights(cli_model *m) {
  char name[128];
  if (m->weights_path) {
    snprintf(m->weights_name, sizeof m->weights_name, "%s", m->weights_path);
    return 1;
  }
  snprintf(name, sizeof name, "weights/%s.safetensors", m->net->name);
  return cli_data_file(name, m->weights_name, sizeof m->weights_name);
}

int cli_model_weights(cli_model *m) {
  if (m->has_seed) {
    m->weights = lw_weights_seeded(&m->seed);
    snprintf(m->weights_name, sizeof m->weights_name, "seed %llu", (unsigned long long)m->seed);
    return CLI_OK;
  }
  if (!find_weights(m))
    return cli_fail(
        "no weights for %s: name a file with --weights (`data/get vgg16` fetches VGG16's, `lanewise init %s FILE` makes "
        "random ones), or take random ones with --seed 1",
        m->net->name, m->net->name);
  if (lw_safetensors_open(m->weights_name, &m->file) != LW_OK || lw_weights_safetensors(m->file, m->net, &m->weights) != LW_OK)
    return cli_fail_status();
  return CLI_OK;
}

int cli_model_plan(const cli_model *m, int64_t batch, int no_fuse, lw_plan **plan) {
  return cli_planning_make(&m->planning, m->context, m->net, &m->weights, batch, no_fuse, plan);
}

int64_t cli_net_outputs(lw_context *context, const lw_net *net) {
  lw_plan *bare;
  if (lw_plan_create(context, net, NULL, NULL, &bare) != LW_OK) {
    cli_fail_status();
    return 0;
  }
  const int64_t outputs = lw_plan_outputs(bare);
  lw_plan_destroy(bare);
  return outputs;
}

int64_t cli_model_outputs(const cli_model *m) { return cli_net_outputs(m->context, m->net); }

void cli_model_print(const cli_model *m) {
  printf("%s, weights: %s%s, mode %s, ISA %s, %d threads\n", m->net->name, m->weights_name,
         m->has_seed ? " (random: what it answers means nothing)" : "", cli_mode_name(m->planning.options.mode),
         lw_context_isa(m->context), lw_context_threads(m->context));
}

json_t *cli_model_json(const cli_model *m) {
  return json_pack("{s:s, s:s, s:o, s:b, s:s, s:i}", "net", m->net->name, "mode", cli_mode_name(m->planning.options.mode),
                   "weights", cli_json_text(m->weights_name), "random_weights", m->has_seed, "isa", lw_context_isa(m->context),
                   "threads", lw_context_threads(m->context));
}

void cli_model_close(cli_model *m) {
  lw_context_destroy(m->context);
  lw_safetensors_close(m->file);
  m->context = NULL;
  m->file = NULL;
}
