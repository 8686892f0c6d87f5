/* SPDX-License-Identifier: Apache-2.0
 * `lanewise info`: the machine, and what Lanewise makes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cli/machine.h"
#include "cli/tree.h"
#include "runtime/topology.h"
#include "simd/isa.h"

typedef struct options {
  cli_machine machine;
  int json;
} options;

typedef struct machine {
  char model[128], pages[96];
  struct utsname system;
  double memory, available; /* bytes, 0: unknown */
  size_t cache[4];          /* by level */
  int cores, cpus;
  lw_topology_object *tree;
  size_t tree_count;
  lw_kernel_info *kernels;
  size_t kernel_count;
} machine;

static double meminfo(const char *key) {
  char text[64];
  cli_read_value("/proc/meminfo", key, text, sizeof text);
  return atof(text) * 1024;
}

static int look(machine *m) {
  cli_machine_model(m->model, sizeof m->model);
  cli_read_value("/sys/kernel/mm/transparent_hugepage/enabled", "", m->pages, sizeof m->pages);
  uname(&m->system);
  m->memory = meminfo("MemTotal");
  m->available = meminfo("MemAvailable");
  for (int level = 1; level <= 3; level++) m->cache[level] = lw_topology_cache_bytes(level);
  m->cores = lw_topology_cores(NULL, 0);
  m->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  m->tree_count = lw_topology_tree(NULL, 0);
  m->tree = calloc(m->tree_count + 1, sizeof *m->tree);
  m->kernel_count = lw_kernels(NULL, 0);
  m->kernels = calloc(m->kernel_count, sizeof *m->kernels);
  if (!m->tree || !m->kernels) return cli_fail("no memory for the tables");
  const size_t count = lw_topology_tree(m->tree, m->tree_count);
  if (count < m->tree_count) m->tree_count = count; /* a CPU may have left in between */
  lw_kernels(m->kernels, m->kernel_count);
  return CLI_OK;
}

/* The policy in brackets: "always [madvise] never". */
static const char *page_policy(const machine *m, char *word, size_t capacity) {
  const char *open = strchr(m->pages, '['), *close = open ? strchr(open, ']') : NULL;
  snprintf(word, capacity, "%.*s", close ? (int)(close - open - 1) : 7, close ? open + 1 : "unknown");
  return word;
}

static int is_offered(lw_isa isa) { return isa >= LW_ISA_REF && isa < LW_ISA_COUNT; }

/* A kernel serves this context: its own ISA's rows, or the portable ones. */
static int serves(const lw_kernel_info *k, const char *isa) {
  return strcmp(k->isa, isa) == 0 || strcmp(k->isa, "portable") == 0;
}

static void print_isas(const lw_context *context) {
  const char *used = lw_context_isa(context), *cap = getenv("LANEWISE_ISA");
  printf("\n%sInstruction sets%s (the last that runs is used%s)\n", cli_style("1"), cli_style("0"),
         strcmp(used, lw_isa_name(lw_isa_best())) == 0 ? ""
         : cap                                         ? "; LANEWISE_ISA or --isa says otherwise"
                                                       : "; --isa says otherwise");
  for (int i = 0; i < LW_ISA_COUNT; i++) {
    const char *name = lw_isa_name((lw_isa)i), *missing = lw_isa_missing((lw_isa)i);
    if (!is_offered((lw_isa)i)) continue;
    if (strcmp(name, used) == 0)
      printf("  %-8s %sused%s\n", name, cli_style("32"), cli_style("0"));
    else if (missing)
      printf("  %-8s no: %s\n", name, missing);
    else
      printf("  %-8s runs\n", name);
  }
}

static void print_kernels(const machine *m, const char *isa) {
  printf("\n%sKernels of %s%s\n  %-16s %-10s %s\n", cli_style("1"), isa, cli_style("0"), "operator", "algorithm", "kernel");
  for (size_t i = 0; i < m->kernel_count; i++)
    if (serves(&m->kernels[i], isa))
      printf("  %-16s %-10s %s\n", m->kernels[i].op, m->kernels[i].algorithm, m->kernels[i].symbol);
}

static int print_text(const machine *m, const lw_context *context) {
  char policy[32];
  printf("%sLanewise %s%s, %d threads, ISA %s\n\n", cli_style("1"), cli_version(), cli_style("0"), lw_context_threads(context),
         lw_context_isa(context));
  printf("CPU         %s (%s), %d cores for this process, %d CPUs\n", m->model, m->system.machine, m->cores, m->cpus);
  printf("Caches     ");
  for (int level = 1, any = 0; level <= 3; level++)
    if (m->cache[level])
      printf("%s L%d%s %s", any++ ? "," : "", level, level == 1 ? " data" : "", cli_bytes((double)m->cache[level]));
  printf("\nMemory      %s, %s available, pages of %s\n", cli_bytes(m->memory), cli_bytes(m->available),
         cli_bytes((double)sysconf(_SC_PAGESIZE)));
  page_policy(m, policy, sizeof policy);
  printf("Huge pages  transparent: %s (%s)\n", policy,
         strcmp(policy, "unknown") == 0 ? "the system does not say"
         : strcmp(policy, "never") == 0 ? "weights lie on small pages, which costs some time"
                                        : "weights of 4 MiB or more lie on pages of 2 MiB");
  printf("System      %s %s\n", m->system.sysname, m->system.release);
  printf("\n%sTopology%s\n", cli_style("1"), cli_style("0"));
  if (m->tree_count)
    cli_tree_draw(m->tree, m->tree_count);
  else
    printf("  unknown: built without hwloc\n");
  print_isas(context);
  print_kernels(m, lw_context_isa(context));
  return cli_finish(CLI_OK);
}

static int print_json(const machine *m, const lw_context *context) {
  char policy[32];
  json_t *isas = json_array(), *kernels = json_array();
  for (int i = 0; i < LW_ISA_COUNT; i++) {
    const char *missing = lw_isa_missing((lw_isa)i);
    if (is_offered((lw_isa)i))
      json_array_append_new(
          isas, json_pack("{s:s, s:b, s:s?}", "name", lw_isa_name((lw_isa)i), "runnable", !missing, "missing", missing));
  }
  for (size_t i = 0; i < m->kernel_count; i++)
    if (serves(&m->kernels[i], lw_context_isa(context)))
      json_array_append_new(kernels,
                            json_pack("{s:s, s:s, s:s, s:s}", "op", m->kernels[i].op, "algorithm", m->kernels[i].algorithm,
                                      "kernel", m->kernels[i].symbol, "promise", m->kernels[i].promise));
  return cli_print_json(
      json_pack("{s:s, s:s, s:i, s:o, s:o, s:{s:o, s:s, s:i, s:i}, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:s}, s:o, s:o}",
                "version", cli_version(), "isa", lw_context_isa(context), "threads", lw_context_threads(context), "isas", isas,
                "kernels", kernels, "cpu", "model", cli_json_text(m->model), "architecture", m->system.machine, "cores", m->cores,
                "cpus", m->cpus, "cache_bytes", "l1", (json_int_t)m->cache[1], "l2", (json_int_t)m->cache[2], "l3",
                (json_int_t)m->cache[3], "memory", "bytes", (json_int_t)m->memory, "available_bytes", (json_int_t)m->available,
                "page_bytes", (json_int_t)sysconf(_SC_PAGESIZE), "transparent_huge_pages", page_policy(m, policy, sizeof policy),
                "topology", cli_tree_json(m->tree, m->tree_count), "kernel_release", cli_json_text(m->system.release)));
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  options *o = state->input;
  switch (key) {
  case ARGP_KEY_INIT: state->child_inputs[0] = &o->machine; return 0;
  case 'j': o->json = 1; return 0;
  case ARGP_KEY_ARG: argp_error(state, "\"%s\" is one argument too many", arg); return 0;
  default: return ARGP_ERR_UNKNOWN;
  }
}

int cli_info(int argc, char **argv) {
  static const struct argp_option list[] = {{"json", 'j', NULL, 0, "Print JSON", 0}, {0}};
  static const struct argp_child children[] = {{&cli_machine_argp, 0, NULL, 0}, {0}};
  static const struct argp argp = {
      .options = list,
      .parser = parse,
      .children = children,
      .doc = "The machine (CPU, caches, topology, memory), which instruction sets it can run and why not the "
             "others, and the kernel of every operator.\v"
             "Examples:\n"
             "  lanewise info\n"
             "  lanewise info --isa avx2\n"
             "  lanewise info --json"};
  options o = {0};
  machine m = {0};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  lw_context *context = cli_machine_context(&o.machine);
  int code = context ? look(&m) : CLI_FAILED;
  if (code == CLI_OK) code = o.json ? print_json(&m, context) : print_text(&m, context);
  lw_context_destroy(context);
  free(m.tree);
  free(m.kernels);
  return code;
}
