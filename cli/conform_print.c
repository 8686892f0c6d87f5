/* SPDX-License-Identifier: Apache-2.0
 * What `lanewise conform` tells: for people, as TAP (https://testanything.org/tap-version-14-specification.html), as JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/conform.h"
#include "cli/machine.h"
#include "simd/isa.h"

/* ------------------------------------------------------------------------------------------------------------- people */

static void say_failures(const conform_row *r) {
  for (int i = 0; i < r->kept; i++) {
    char how[128];
    conform_how(&r->failure[i], how, sizeof how);
    printf("      case %s, %s, %s:\n        %s\n      again: %s\n", r->failure[i].c.name, kit_fill_name(r->failure[i].fill), how,
           r->failure[i].what, r->failure[i].reproduce);
  }
  if (r->failures > r->kept) printf("      in all %s failures\n", cli_count(r->failures));
}

static void say(const conform_choice *choice, const conform_row *r, conform_verdict verdict, const char *why) {
  printf("  %-32s %-6s", choice->row->symbol, conform_promise_name(choice->row->promise));
  if (verdict == CONFORM_SKIPPED) {
    printf(" skipped: %s\n", why);
    return;
  }
  printf("%6s %s %8s runs %7.2f s  %s%s%s", cli_count(r->cases), r->cases == 1 ? "case " : "cases", cli_count(r->runs),
         r->seconds, cli_style(verdict == CONFORM_PASSED ? "32" : "31;1"), verdict == CONFORM_PASSED ? "ok" : "FAILED",
         cli_style("0"));
  if (choice->row->promise != LW_EXACT)
    printf("  error/bound %.3g; %.3g ulp of rms(y), rms %.2g", r->worst, r->error_ulp, r->error_rms_ulp);
  if (r->unsupported) printf("  (%s not supported)", cli_count(r->unsupported));
  printf("\n");
  if (why) printf("      %s\n", why);
  say_failures(r);
}

/* --------------------------------------------------------------------------------------------------------------- TAP */

/* A double-quoted YAML scalar, which JSON strings are. */
static void yaml_string(const char *key, const char *text) {
  json_t *string = cli_json_text(text);
  char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
  printf("  %s: %s\n", key, quoted ? quoted : "\"\"");
  free(quoted);
  json_decref(string);
}

static void tap(conform_printer *p, const char *op, const conform_choice *choice, const conform_row *r, conform_verdict verdict,
                const char *why) {
  printf("%s %d - %s %s", verdict == CONFORM_FAILED ? "not ok" : "ok", ++p->number, op, choice->row->symbol);
  if (verdict == CONFORM_SKIPPED) {
    printf(" # SKIP %s\n", why);
    return;
  }
  printf("\n  ---\n  promise: %s\n  cases: %ld\n  unsupported: %ld\n  runs: %ld\n  seconds: %.3f\n",
         conform_promise_name(choice->row->promise), r->cases, r->unsupported, r->runs, r->seconds);
  if (choice->row->promise != LW_EXACT)
    printf("  error_over_bound: %.6g\n  error_ulp: %.6g\n  error_rms_ulp: %.6g\n", r->worst, r->error_ulp, r->error_rms_ulp);
  if (why) yaml_string("message", why);
  if (r->failures) printf("  failures: %ld\n", r->failures);
  if (r->kept) printf("  first:\n");
  for (int i = 0; i < r->kept; i++) {
    char how[128];
    conform_how(&r->failure[i], how, sizeof how);
    yaml_string("  - case", r->failure[i].c.name);
    yaml_string("    fill", kit_fill_name(r->failure[i].fill));
    yaml_string("    how", how);
    yaml_string("    what", r->failure[i].what);
    yaml_string("    again", r->failure[i].reproduce);
  }
  printf("  ...\n");
}

/* -------------------------------------------------------------------------------------------------------------- JSON */

/* JSON has no NaN and no infinity: those are strings. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

static json_t *bits(uint32_t value) {
  char text[16];
  snprintf(text, sizeof text, "0x%08" PRIx32, value);
  return json_string(text);
}

static json_t *failure_json(const conform_failure *f) {
  json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s}", "kind", conform_kind_name(f->kind), "case", f->c.name,
                          "fill", kit_fill_name(f->fill), "memory", conform_memory_name(f->memory), "variant", f->variant,
                          "parts", f->parts, "what", f->what, "again", f->reproduce, "row", f->row->symbol);
  const kit_difference *d = &f->difference;
  if (f->in_place >= 0) json_object_set_new(one, "in_place_of_input", json_integer(f->in_place));
  if (f->kind != CONFORM_VALUES) return one;
  json_t *at = json_array();
  for (int i = 0; i < d->dims; i++) json_array_append_new(at, json_integer(d->at[i]));
  json_object_set_new(one, "differ", json_integer(d->count));
  json_object_set_new(one, "first",
                      json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "tensor", d->tensor, "offset",
                                (json_int_t)d->index, "index", at, "expected", number(d->expected), "expected_bits",
                                bits(d->expected_bits), "got", number(d->got), "got_bits", bits(d->got_bits), "ulp",
                                (json_int_t)d->ulp, "bound", number(d->bound)));
  return one;
}

static json_t *row_json(const char *op, const conform_choice *choice, const conform_row *r, conform_verdict verdict,
                        const char *why) {
  static const char *const verdicts[] = {"passed", "failed", "skipped"};
  const char *isa = choice->row->isa == LW_ISA_COUNT ? choice->row->symbol : lw_isa_name(choice->row->isa); /* a backend's name */
  json_t *row =
      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "op", op, "row", choice->row->symbol, "isa", isa, "algorithm",
                choice->row->algorithm, "promise", conform_promise_name(choice->row->promise), "verdict", verdicts[verdict]);
  if (why) json_object_set_new(row, verdict == CONFORM_SKIPPED ? "skipped" : "message", json_string(why));
  if (verdict == CONFORM_SKIPPED) return row;
  json_t *failures = json_array();
  for (int i = 0; i < r->kept; i++) json_array_append_new(failures, failure_json(&r->failure[i]));
  json_object_set_new(row, "cases", json_integer(r->cases));
  json_object_set_new(row, "unsupported", json_integer(r->unsupported));
  json_object_set_new(row, "runs", json_integer(r->runs));
  json_object_set_new(row, "seconds", json_real(r->seconds));
  if (choice->row->promise != LW_EXACT) {
    json_object_set_new(row, "error_over_bound", number(r->worst));
    json_object_set_new(row, "error_ulp", number(r->error_ulp));
    json_object_set_new(row, "error_rms_ulp", number(r->error_rms_ulp));
  }
  json_object_set_new(row, "failure_count", json_integer(r->failures));
  json_object_set_new(row, "failures", failures);
  return row;
}

/* --------------------------------------------------------------------------------------------------------------- all */

void conform_print_start(conform_printer *p, size_t rows) {
  const conform_options *o = p->o;
  const int threads = o->threads ? o->threads : 1;
  char backend[600] = "";
  if (p->backend)
    snprintf(backend, sizeof backend, "Backend %s %s (%s), %d thread%s%s%s", p->backend->name, p->backend->version, o->backend,
             threads, threads == 1 ? "" : "s", o->isas ? ", at most " : "", o->isas ? o->isas : "");
  if (o->json)
    p->rows = json_array();
  else if (o->tap)
    printf("TAP version 14\n1..%zu\n# lanewise %s on %s, seed %" PRIu64 "%s\n%s%s%s", rows, cli_version(), p->machine, o->seed,
           o->quick ? ", quick" : "", p->backend ? "# " : "", backend, p->backend ? "\n" : "");
  else
    printf("Lanewise %s on %s, seed %" PRIu64 "%s\n%s%s", cli_version(), p->machine, o->seed, o->quick ? ", quick" : "", backend,
           p->backend ? "\n" : "");
  fflush(stdout);
}

void conform_print_op(conform_printer *p, const kit_op *op, const conform_choice *choices, size_t count,
                      const conform_report *report) {
  size_t next = 0;
  if (!p->o->json && !p->o->tap) printf("\n%s%s%s\n", cli_style("1"), kit_op_name(op), cli_style("0"));
  for (size_t i = 0; i < count; i++) {
    const conform_row *r = choices[i].skip ? NULL : &report->row[next++];
    const int narrowed = p->o->only_case || p->o->shape || p->o->fill >= 0;
    const char *why = choices[i].skip;
    conform_verdict verdict = !r ? CONFORM_SKIPPED : r->failures ? CONFORM_FAILED : CONFORM_PASSED;
    if (r && r->runs == 0 && r->failures == 0) {
      const int unwanted = r->unsupported > 0;
      why = unwanted ? "supports none of these cases" : narrowed ? "cannot run this case" : "could run no case";
      verdict = narrowed || unwanted ? CONFORM_SKIPPED : CONFORM_FAILED;
    }
    p->passed += verdict == CONFORM_PASSED;
    p->failed += verdict == CONFORM_FAILED;
    p->skipped += verdict == CONFORM_SKIPPED;
    p->missing |= choices[i].skip != NULL;
    p->runs += r ? r->runs : 0;
    p->unsupported += r ? r->unsupported : 0;
    if (p->o->json)
      json_array_append_new(p->rows, row_json(kit_op_name(op), &choices[i], r, verdict, why));
    else if (p->o->tap)
      tap(p, kit_op_name(op), &choices[i], r, verdict, why);
    else
      say(&choices[i], r, verdict, why);
  }
  p->cases += report->cases;
  fflush(stdout);
}

int conform_print_end(conform_printer *p) {
  const double seconds = (cli_milliseconds() - p->begin) * 1e-3;
  const int nothing = p->passed + p->failed == 0 && !p->missing; /* the filters leave no row a case that it can run */
  const int code = p->failed || nothing ? CLI_FAILED : CLI_OK;
  if (p->o->json) {
    json_t *all = json_pack("{s:s, s:o, s:s, s:I, s:b, s:i, s:f, s:{s:I, s:I, s:I}, s:I, s:I, s:o}", "version", cli_version(),
                            "machine", cli_json_text(p->machine), "isa", lw_isa_name(lw_isa_best()), "seed",
                            (json_int_t)p->o->seed, "quick", p->o->quick, "threads", p->o->threads, "seconds", seconds,
                            "rows_by_verdict", "passed", (json_int_t)p->passed, "failed", (json_int_t)p->failed, "skipped",
                            (json_int_t)p->skipped, "cases", (json_int_t)p->cases, "runs", (json_int_t)p->runs, "rows", p->rows);
    if (p->backend) {
      json_object_set_new(all, "backend",
                          json_pack("{s:o, s:s, s:s, s:s?}", "file", cli_json_text(p->o->backend), "name", p->backend->name,
                                    "version", p->backend->version, "isa", p->o->isas));
      json_object_set_new(all, "unsupported", json_integer(p->unsupported));
    }
    const int printed = cli_print_json(all);
    return printed == CLI_OK ? code : printed;
  }
  char unsupported[64] = "";
  if (p->unsupported) snprintf(unsupported, sizeof unsupported, "; %s cases not supported", cli_count(p->unsupported));
  if (p->o->tap)
    printf("# %ld passed, %ld failed, %ld skipped in %.1f s%s\n", p->passed, p->failed, p->skipped, seconds, unsupported);
  else
    printf("\n%s%s%s: %ld %s passed, %ld failed, %ld skipped; %s cases, %s runs in %.1f s%s\n",
           cli_style(p->failed ? "31;1" : "32"),
           p->failed   ? "FAILED"
           : p->passed ? "ok"
                       : "nothing was run",
           cli_style("0"), p->passed, p->backend ? "operators" : "rows", p->failed, p->skipped, cli_count(p->cases),
           cli_count(p->runs), seconds, unsupported);
  return cli_finish(code);
}
