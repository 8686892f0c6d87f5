/* SPDX-License-Identifier: Apache-2.0
 * The cases of an operator, and words for what came of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/conform.h"

static const char *const kind_names[] = {"values", "memory", "fault", "setup", "error"};
const char *conform_kind_name(conform_kind kind) { return kind_names[kind]; }
static const char *const memory_names[] = {"guard at the end", "guard at the start", "offset of one element", "aligned"};
const char *conform_memory_name(kit_memory memory) { return memory_names[memory]; }

const char *conform_promise_name(lw_promise promise) {
  return promise == CONFORM_MEASURED ? "measured" : lw_promise_name(promise);
}

void conform_how(const conform_failure *f, char *text, size_t capacity) {
  char call[48], where[48];
  if (f->of_backend)
    snprintf(call, sizeof call, "%s", f->variant == 0 ? "run" : "load, compute, store");
  else
    snprintf(call, sizeof call, "variant %d", f->variant);
  if (f->in_place >= 0)
    snprintf(where, sizeof where, "output in place of input %d", f->in_place);
  else
    snprintf(where, sizeof where, "%s", conform_memory_name(f->memory));
  snprintf(text, capacity, "%s, %d %s%s, %s", call, f->parts, f->of_backend ? "thread" : "part", f->parts == 1 ? "" : "s", where);
}

int conform_runs_fill(const kit_op *op, double flops, kit_fill fill) {
  return flops <= CONFORM_LARGE || fill == KIT_REALS || (flops <= CONFORM_EXPENSIVE && op->large_fills >> fill & 1);
}

/* Many layers are the same once they are cut. */
static int seen(const conform_case *list, size_t count, const kit_case *c) {
  for (size_t i = 0; i < count; i++) {
    kit_case other = list[i].c;
    memcpy(other.name, c->name, sizeof other.name);
    if (list[i].is_cut && memcmp(&other, c, sizeof other) == 0) return 1;
  }
  return 0;
}

size_t conform_cases(const kit_op *op, uint64_t seed, conform_case **list) {
  const size_t most = 2 * (size_t)(op->case_count + KIT_RANDOM_CASES);
  conform_case *all = calloc(most, sizeof *all);
  size_t count = 0;
  kit_case c;
  for (int i = 0; all && kit_case_at(op, seed, i, &c); i++) {
    const int expensive = op->cut && op->flops(&c) > CONFORM_EXPENSIVE;
    all[count++] = (conform_case){.c = c, .number = i, .expensive = expensive};
    if (!expensive) continue;
    op->cut(&c);
    const size_t length = strnlen(c.name, sizeof c.name - sizeof "-cut");
    memcpy(c.name + length, "-cut", sizeof "-cut");
    if (!seen(all, count, &c)) all[count++] = (conform_case){.c = c, .number = i, .is_cut = 1};
  }
  *list = all;
  return count;
}
