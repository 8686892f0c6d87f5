/* SPDX-License-Identifier: Apache-2.0
 * The example backend with faults, for the tests: PLANTED names one. */
#define lanewise_backend example_backend
#include "tests/backend_example.c"
#undef lanewise_backend

#include <signal.h>
#include <unistd.h>

static int planted(const char *fault) {
  const char *name = getenv("PLANTED");
  return name && strcmp(name, fault) == 0;
}

__attribute__((constructor)) static void loaded(void) {
  if (planted("crashing constructor")) raise(SIGSEGV);
}

/* -------------------------------------------------------------------------------- what lanewise_backend() returns is wrong */

static int failing_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  why = "no licence\nfound";
  return 1;
}

static int hanging_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  for (;;) pause();
  return 0;
}

static int exiting_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  exit(0);
}

static int load_alone(void *instance, const float *const *inputs) {
  (void)instance, (void)inputs;
  return 0;
}

static const char *silent(void) { return NULL; }

static void spoil_table(lw_backend *b, lw_backend_operator *o) {
  if (planted("small")) b->size = 8;
  if (planted("no name")) b->name = NULL;
  if (planted("name with a blank")) b->name = "my backend\x1b[31m";
  if (planted("name of an isa")) b->name = "avx2";
  if (planted("long name")) b->name = "a-name-of-thirty-two-characters.";
  if (planted("no version")) b->version = "";
  if (planted("no operators")) b->operator_count = 0;
  if (planted("operators are NULL")) b->operators = NULL;
  if (planted("no operator size")) b->operator_size = 0;
  if (planted("no open")) b->open = NULL;
  if (planted("no error function")) b->error = NULL;
  if (planted("open fails")) b->open = failing_open;
  if (planted("open fails silently")) b->open = failing_open, b->error = silent;
  if (planted("open hangs")) b->open = hanging_open;
  if (planted("open exits")) b->open = exiting_open;
  if (planted("unknown operator")) o[1].op = "conv3d";
  if (planted("operator without a name")) o[1].op = NULL;
  if (planted("operator twice")) o[2].op = "conv2d";
  if (planted("no promise")) o[0].promise = (lw_backend_promise)7;
  if (planted("no run")) o[3].run = NULL;
  if (planted("load alone")) o[0].load = load_alone;
}

__attribute__((visibility("default"))) const lw_backend *lanewise_backend(uint32_t abi) {
  static lw_backend backend;
  static lw_backend_operator all[sizeof operators / sizeof *operators];
  backend = *example_backend(abi);
  memcpy(all, operators, sizeof all);
  backend.operators = all;
  spoil_table(&backend, all);
  return planted("other version") ? NULL : &backend;
}
