/* SPDX-License-Identifier: Apache-2.0
 * `lanewise conform --backend`: what a backend has that can be judged. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/options.h" /* option_lists */
#include "cli/conform.h"

enum { LONGEST_PATH = 400 };

/* As one word of a shell; `to` has room for any path of LONGEST_PATH characters. */
static void quote(const char *path, char to[4 * LONGEST_PATH + 3]) {
  size_t safe = 0;
  while (isalnum((unsigned char)path[safe]) || (path[safe] && strchr("/._-+=:,@%", path[safe]))) safe++;
  if (!path[safe]) {
    strcpy(to, path);
    return;
  }
  *to++ = '\'';
  for (; *path; path++)
    if (*path == '\'')
      to = stpcpy(to, "'\\''");
    else
      *to++ = *path;
  strcpy(to, "'");
}

static int reproducer(const conform_options *o, conform_selection *s) {
  char path[4 * LONGEST_PATH + 3], isa[64] = "", timeout[32] = "";
  if (strlen(o->backend) > LONGEST_PATH) return cli_usage("--backend is longer than %d characters", LONGEST_PATH);
  quote(o->backend, path);
  if (o->isas) snprintf(isa, sizeof isa, " --isa %s", o->isas);
  if (o->seconds != CONFORM_SECONDS) snprintf(timeout, sizeof timeout, " --timeout %u", o->seconds);
  const int length = snprintf(s->again, sizeof s->again, "lanewise conform --backend %s%s%s", path, isa, timeout);
  return (size_t)length < sizeof s->again ? CLI_OK
                                          : cli_usage("--backend is too long for a command line that reproduces failures");
}

static lw_promise promise_of(lw_backend_promise promise) {
  return promise == LW_BACKEND_EXACT ? LW_EXACT : promise == LW_BACKEND_ANY_ORDER ? LW_BOUND : CONFORM_MEASURED;
}

static const kit_op *find_op(const char *name) {
  for (int op = 0; op < LW_OP_COUNT; op++)
    if (strcmp(name, lw_op_name((lw_op)op)) == 0) return kit_op_find((lw_op)op);
  return &kit_op_net;
}

/* Every word of --op must be an operator of the backend. */
static int check_ops(const conform_options *o, const kit_backend_info *b) {
  char word[64], has[256] = "";
  for (int i = 0; i < b->count; i++) snprintf(has + strlen(has), sizeof has - strlen(has), " %s", b->operators[i].op);
  for (const char *p = o->ops; p;) {
    const size_t length = strcspn(p, ",");
    int known = 0;
    snprintf(word, sizeof word, "%.*s", (int)length, p);
    for (int i = 0; i < b->count; i++) known |= strcmp(word, b->operators[i].op) == 0;
    if (!known) return cli_usage("--op is \"%s\", expected some of what %s has:%s", word, o->backend, has);
    p = p[length] ? p + length + 1 : NULL;
  }
  return CLI_OK;
}

int conform_backend_ops(const conform_options *o, conform_selection *s) {
  char error[KIT_BACKEND_ERROR];
  int code = reproducer(o, s);
  if (code != CLI_OK) return code;
  if (o->isas && lw_isa_from_name(o->isas) < 0)
    return cli_usage("--isa is \"%s\", expected one instruction set for the backend", o->isas);
  const unsigned seconds = o->seconds ? KIT_BACKEND_SECONDS : 0;
  if (!kit_backend_probe(o->backend, o->threads ? o->threads : 1, o->isas, seconds, &s->backend, error))
    return cli_fail("%s", error);
  code = check_ops(o, &s->backend);
  for (int i = 0; i < s->backend.count && code == CLI_OK; i++) {
    const kit_op *op = find_op(s->backend.operators[i].op);
    if (option_lists(o->ops, s->backend.operators[i].op) && (!o->shape || op->op == LW_OP_conv2d)) s->op[s->op_count++] = op;
  }
  return code != CLI_OK || s->op_count ? code : cli_usage("--shape is of conv2d, which is not among the operators to judge");
}

int conform_backend_rows(conform_selection *s) {
  s->choice = calloc(s->op_count, sizeof *s->choice);
  if (!s->choice) return cli_fail("no memory for the operators");
  for (size_t i = 0; i < s->op_count; i++) {
    int k = 0;
    while (find_op(s->backend.operators[k].op) != s->op[i]) k++;
    s->row[i] = (lw_kernel){.op = s->op[i]->op,
                            .isa = LW_ISA_COUNT,
                            .algorithm = "",
                            .symbol = s->backend.name,
                            .promise = promise_of(s->backend.operators[k].promise)};
    s->choice[s->count++] = (conform_choice){&s->row[i], NULL};
  }
  return CLI_OK;
}
