/* SPDX-License-Identifier: Apache-2.0
 * `lanewise plan`: what a network costs and what runs it, without making its weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/machine.h"
#include "cli/planning.h"

typedef struct options {
  cli_machine machine;
  const lw_net *net;
  cli_planning planning;
  int64_t batch;
  int no_fuse, json, list;
} options;

typedef struct description {
  const lw_net *net;
  lw_plan *plan;
  lw_mode mode;
  lw_kernel_info *kernels;
  size_t kernel_count;
} description;

typedef struct totals {
  int64_t parameters;
  double flops, bytes;
} totals;

static int is_reorder(const lw_step_info *s) { return s->last_layer + 1 == s->first_layer; }

/* Parameters of the layers of a step. */
static int64_t step_parameters(const lw_net *net, const lw_step_info *s) {
  int tensors = 0;
  int64_t count = 0;
  lw_parameter_info p;
  (void)lw_net_parameter_tensors(net, &tensors); /* the plan has checked the network */
  for (int i = 0; i < tensors && !is_reorder(s); i++)
    if (lw_net_parameter(net, i, &p) == LW_OK && p.layer >= s->first_layer && p.layer <= s->last_layer) count += p.count;
  return count;
}

static const lw_kernel_info *find_kernel(const description *d, const char *symbol) {
  for (size_t i = 0; i < d->kernel_count; i++)
    if (strcmp(d->kernels[i].symbol, symbol) == 0) return &d->kernels[i];
  return NULL;
}

/* "conv1 + relu1 + pool1". */
static void layer_names(const lw_net *net, const lw_step_info *s, char *text, size_t capacity) {
  size_t length = 0;
  snprintf(text, capacity, "(layout)");
  for (size_t i = s->first_layer; !is_reorder(s) && i <= s->last_layer && length < capacity; i++)
    length += (size_t)snprintf(text + length, capacity - length, "%s%s", i > s->first_layer ? " + " : "", net->layers[i].name);
}

/* Does it for every step until one returns no CLI_OK. */
static int each_step(const description *d, int (*visit)(const description *d, const lw_step_info *s, void *user), void *user) {
  for (size_t i = 0; i < lw_plan_steps(d->plan); i++) {
    lw_step_info s;
    if (lw_plan_step(d->plan, i, &s) != LW_OK) return cli_fail_status();
    const int code = visit(d, &s, user);
    if (code != CLI_OK) return code;
  }
  return CLI_OK;
}

/* What changes no bit, where it was measured. */
static void print_choice(const lw_step_info *s) {
  char block[64] = "";
  if (s->tiles) snprintf(block, sizeof block, ", blocks of %lld tiles x %lld panels", (long long)s->tiles, (long long)s->panels);
  printf("    %s%s: %d %s%s: %.1f us, the model's choice %.1f us%s\n", cli_style("2"), s->chosen_by, s->parts,
         s->parts == 1 ? "part" : "parts", block, s->seconds * 1e6, s->model_seconds * 1e6, cli_style("0"));
}

static int print_step(const description *d, const lw_step_info *s, void *user) {
  totals *t = user;
  const int64_t parameters = step_parameters(d->net, s);
  char names[256], shape[64];
  layer_names(d->net, s, names, sizeof names);
  snprintf(shape, sizeof shape, "%lldx%lldx%lld", (long long)s->c, (long long)s->h, (long long)s->w);
  printf("%-42s %12s %12s %10.3f %9.3f  %-10s %s\n", names, shape, cli_count(parameters), s->flops * 1e-6, s->bytes * 1e-6,
         s->algorithm[0] ? s->algorithm : "-", s->kernel);
  if (s->seconds > 0) print_choice(s);
  if (s->reason[0]) printf("    %s%s%s\n", cli_style("2"), s->reason, cli_style("0"));
  t->parameters += parameters;
  t->flops += s->flops;
  t->bytes += s->bytes;
  return CLI_OK;
}

static int print_text(const description *d, const lw_context *context) {
  totals t = {0};
  const long long batch = lw_plan_batch(d->plan);
  printf("%s%s%s: %lldx%lldx%lld to %lld, batch %lld, mode %s, ISA %s, %d threads\n", cli_style("1"), d->net->name,
         cli_style("0"), (long long)d->net->c, (long long)d->net->h, (long long)d->net->w, (long long)lw_plan_outputs(d->plan),
         batch, cli_mode_name(d->mode), lw_context_isa(context), lw_context_threads(context));
  printf("%s%-42s %12s %12s %10s %9s  %-10s %s%s\n", cli_style("4"), "layers", "output", "parameters", "MFLOP", "MB", "algorithm",
         "kernel", cli_style("0"));
  if (each_step(d, print_step, &t) != CLI_OK) return CLI_FAILED;
  printf("%-42s %12s %12s %10.3f %9.3f\n", "total", "", cli_count(t.parameters), t.flops * 1e-6, t.bytes * 1e-6);
  const double weights = (double)lw_plan_weight_bytes(d->plan), workspace = (double)lw_plan_workspace_bytes(d->plan);
  printf("\nWeights %s, workspace %s, in all %s", cli_bytes(weights), cli_bytes(workspace), cli_bytes(weights + workspace));
  if (t.parameters) printf(" = %.3f x the parameters", (weights + workspace) / (sizeof(float) * (double)t.parameters));
  printf(".\nFLOP: 2 per multiply-add. MB: 10^6 bytes of activations and parameters read and written.\n");
  return cli_finish(CLI_OK);
}

static int append_step(const description *d, const lw_step_info *s, void *user) {
  const lw_kernel_info *k = find_kernel(d, s->kernel);
  json_t *names = json_array();
  for (size_t i = s->first_layer; !is_reorder(s) && i <= s->last_layer; i++)
    json_array_append_new(names, json_string(d->net->layers[i].name));
  json_array_append_new(
      user, json_pack("{s:o, s:s?, s:s, s:s, s:[I, I, I], s:I, s:f, s:f, s:f, s:i, s:I, s:I, s:s, s:f, s:f, s:s}", "layers",
                      names, "op", k ? k->op : NULL, "algorithm", s->algorithm, "kernel", s->kernel, "output", (json_int_t)s->c,
                      (json_int_t)s->h, (json_int_t)s->w, "parameters", (json_int_t)step_parameters(d->net, s), "flops", s->flops,
                      "bytes", s->bytes, "weight_bytes", s->weight_bytes, "parts", s->parts, "tiles", (json_int_t)s->tiles,
                      "panels", (json_int_t)s->panels, "chosen_by", s->chosen_by, "seconds", s->seconds, "model_seconds",
                      s->model_seconds, "reason", s->reason));
  return CLI_OK;
}

static int add_flops(const description *d, const lw_step_info *s, void *user) {
  (void)d;
  *(double *)user += s->flops;
  return CLI_OK;
}

static int print_json(const description *d, const lw_context *context) {
  json_t *steps = json_array();
  int64_t parameters = 0;
  double flops = 0;
  if (lw_net_parameters(d->net, &parameters) != LW_OK) return cli_fail_status();
  (void)each_step(d, add_flops, &flops);
  (void)each_step(d, append_step, steps);
  return cli_print_json(
      json_pack("{s:s, s:s, s:s, s:i, s:I, s:[I, I, I], s:I, s:I, s:f, s:I, s:I, s:o, s:o}", "net", d->net->name, "mode",
                cli_mode_name(d->mode), "isa", lw_context_isa(context), "threads", lw_context_threads(context), "batch",
                (json_int_t)lw_plan_batch(d->plan), "input", (json_int_t)d->net->c, (json_int_t)d->net->h, (json_int_t)d->net->w,
                "outputs", (json_int_t)lw_plan_outputs(d->plan), "parameters", (json_int_t)parameters, "flops", flops,
                "weight_bytes", (json_int_t)lw_plan_weight_bytes(d->plan), "workspace_bytes",
                (json_int_t)lw_plan_workspace_bytes(d->plan), "notice", cli_json_text(lw_plan_notice(d->plan)), "steps", steps));
}

static int list_networks(int json) {
  json_t *nets = json_array();
  const lw_net *net;
  for (size_t i = 0; (net = lw_net_builtin_at(i)); i++) {
    int64_t parameters = 0;
    if (lw_net_parameters(net, &parameters) != LW_OK) return cli_fail_status();
    if (!json)
      printf("%-12s %lldx%lldx%lld, %zu layers, %s parameters\n", net->name, (long long)net->c, (long long)net->h,
             (long long)net->w, net->layer_count, cli_count(parameters));
    json_array_append_new(nets, json_pack("{s:s, s:[I, I, I], s:I, s:I}", "net", net->name, "input", (json_int_t)net->c,
                                          (json_int_t)net->h, (json_int_t)net->w, "layers", (json_int_t)net->layer_count,
                                          "parameters", (json_int_t)parameters));
  }
  if (json) return cli_print_json(nets);
  json_decref(nets);
  return cli_finish(CLI_OK);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &o->machine;
    state->child_inputs[1] = &o->planning;
    return 0;
  case 'b': o->batch = cli_option("--batch", arg, 1, INT32_MAX); return 0;
  case 'n': o->no_fuse = 1; return 0;
  case 'l': o->list = 1; return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG:
    if (o->net) argp_error(state, "\"%s\" is one argument too many", arg);
    if (!(o->net = cli_net("NET", arg))) exit(CLI_USAGE);
    return 0;
  case ARGP_KEY_END:
    if (!o->net && !o->list) argp_error(state, "NET is missing; --list names the networks");
    return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

static int describe(const options *o, lw_context *context) {
  description d = {.net = o->net, .mode = o->planning.options.mode, .kernel_count = lw_kernels(NULL, 0)};
  d.kernels = calloc(d.kernel_count, sizeof *d.kernels);
  if (!d.kernels) return cli_fail("no memory for the kernel table");
  lw_kernels(d.kernels, d.kernel_count);
  int code = cli_planning_make(&o->planning, context, o->net, NULL, o->batch, o->no_fuse, &d.plan);
  if (code == CLI_OK) code = o->json ? print_json(&d, context) : print_text(&d, context);
  lw_plan_destroy(d.plan);
  free(d.kernels);
  return code;
}

int cli_plan(int argc, char **argv) {
  static const struct argp_option list[] = {{"batch", 'b', "N", 0, "Images per run (default: 1)", 0},
                                            {"no-fuse", 'n', NULL, 0, "One kernel per layer", 0},
                                            {"list", 'l', NULL, 0, "Name the networks", 0},
                                            {"json", 'j', NULL, 0, "Print JSON", 0},
                                            {0}};
  static const struct argp_child children[] = {{&cli_machine_argp, 0, NULL, 0}, {&cli_planning_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .args_doc = "NET\n--list",
      .doc = "The steps of a network as they would run: layers, shapes, parameters, work, bytes, algorithm and "
             "kernel, and its totals. No weights are needed.\v"
             "Examples:\n"
             "  lanewise plan vgg16\n"
             "  lanewise plan vgg16 --mode fast --accuracy 1 --weight-budget 1.1x\n"
             "  lanewise plan vgg16 --mode fast --measure\n"
             "  lanewise plan lenet5 --batch 64 --isa avx2\n"
             "  lanewise plan --list"};
  options o = {.batch = 1};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  if (o.list) return list_networks(o.json);
  lw_context *context = cli_machine_context(&o.machine);
  const int code = context ? describe(&o, context) : CLI_FAILED;
  lw_context_destroy(context);
  return code;
}
