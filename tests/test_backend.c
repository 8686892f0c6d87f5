/* SPDX-License-Identifier: Apache-2.0
 * Loading backends: the example as it is, and with everything wrong that a shared object can have wrong. What they compute is
 * judged by cli/test_conform_backend.py. */
#include "tests/kit/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/kit/backend.h"

static void test_good(void **state) {
  kit_backend_info info;
  char error[KIT_BACKEND_ERROR] = "";
  (void)state;
  if (!kit_backend_probe(BACKEND_EXAMPLE, 1, NULL, 60, &info, error)) fail_msg("%s", error);
  assert_string_equal(info.name, "example");
  assert_string_equal(info.version, "1.0");
  assert_int_equal(info.count, 4);
  assert_string_equal(info.operators[3].op, "max_pool2d");
  assert_int_equal(info.operators[3].promise, LW_BACKEND_EXACT);
  assert_int_equal(info.operators[3].has_parts, 0);
}

/* In this process: operators by name, an instance, the way back. */
static void test_runs(void **state) {
  kit_backend b;
  void *instance;
  const lw_backend_count_desc two = {2};
  const lw_backend_desc desc = {&two, 0};
  const float x[2] = {-1, 3}, *inputs[] = {x};
  float y[2], *outputs[] = {y};
  (void)state;
  if (!kit_backend_load(&b, BACKEND_EXAMPLE, NULL) || !kit_backend_open(&b, 1, "avx2")) fail_msg("%s", b.error);
  assert_null(kit_backend_find(&b, "tanh"));
  const lw_backend_operator *relu = kit_backend_find(&b, "relu");
  assert_non_null(relu);
  assert_int_equal(relu->create(b.handle, &desc, NULL, &instance), 0);
  assert_int_equal(relu->run(instance, inputs, outputs), 0);
  relu->destroy(instance);
  kit_backend_close(&b);
  assert_true(y[0] == 0 && y[1] == 3);
}

/* The probe of `path` fails with a message that has the path and the words. */
static void refuses(const char *path, const char *words, unsigned seconds) {
  kit_backend_info info;
  char error[KIT_BACKEND_ERROR] = "";
  if (kit_backend_probe(path, 1, NULL, seconds, &info, error)) fail_msg("%s was taken for a backend, expected: %s", path, words);
  if (!strstr(error, path) || !strstr(error, words)) fail_msg("\"%s\" lacks \"%s\" or the path", error, words);
  for (const char *p = error; *p; p++)
    if (*p < ' ') fail_msg("\"%s\" has a control character", error);
}

static void test_planted(void **state) {
  static const char *const faults[][2] = {
      {"crashing constructor", "SIGSEGV, in dlopen()"},
      {"other version", "does not speak version 1"},
      {"small", "size is 8, version 1 has "},
      {"no name", "name is NULL"},
      {"name with a blank", "name is \"my backend [31m\", expected 1 to 31 letters"},
      {"name of an isa", "name is \"avx2\", which is an instruction set's"},
      {"long name", "expected 1 to 31 letters"},
      {"no version", "version is not 1 to 63"},
      {"no operators", "it has no operators"},
      {"operators are NULL", "operators is NULL"},
      {"no operator size", "operator_size is 0"},
      {"no open", "open is NULL"},
      {"no error function", "error is NULL"},
      {"open fails", "open() failed: no licence found"},
      {"open fails silently", "open() failed: (it does not say why)"},
      {"open hangs", "not done after 1 s, in open()"},
      {"open exits", "ended the process with exit code 0, in open()"},
      {"unknown operator", "operator 1 is \"conv3d\", which the interface does not know"},
      {"operator without a name", "operator 1: op is NULL"},
      {"operator twice", "operator conv2d is there twice"},
      {"no promise", "operator conv2d: promise is 7"},
      {"no run", "operator max_pool2d: run is NULL"},
      {"load alone", "operator conv2d: load, compute and store must be there all three or none"},
  };
  kit_backend_info info;
  char error[KIT_BACKEND_ERROR] = "";
  (void)state;
  unsetenv("PLANTED");
  if (!kit_backend_probe(BACKEND_PLANTED, 1, NULL, 60, &info, error)) fail_msg("without a fault: %s", error);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    setenv("PLANTED", faults[i][0], 1);
    refuses(BACKEND_PLANTED, faults[i][1], strstr(faults[i][1], "not done") ? 1 : 60);
  }
  unsetenv("PLANTED");
}

static void write_file(const char *path, const void *bytes, size_t count) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, count, f), count);
  assert_int_equal(fclose(f), 0);
}

/* What is no backend at all; the first half of one. */
static void test_files(void **state) {
  char folder[] = "/tmp/lanewise-backend-XXXXXX", path[64];
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/x.so", folder);
  refuses(path, "No such file or directory", 60);
  refuses(folder, "is not a file", 60);
  write_file(path, "no library", 10);
  refuses(path, "cannot be loaded: ", 60);
  FILE *f = fopen(BACKEND_EXAMPLE, "rb");
  static char bytes[1 << 16];
  assert_non_null(f);
  const size_t count = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  assert_true(count > 8192);
  write_file(path, bytes, count / 2);
  refuses(path, "", 60); /* which message depends on where it ends */
  unlink(path);
  rmdir(folder);
  refuses(NO_BACKEND, "exports no function lanewise_backend", 60);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),
      cmocka_unit_test(test_runs),
      cmocka_unit_test(test_planted),
      cmocka_unit_test(test_files),
  };
  return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
