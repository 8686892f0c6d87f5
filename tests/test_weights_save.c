/* SPDX-License-Identifier: Apache-2.0
 * Writing parameters: rounding to the narrow formats, and what is left when writing fails. */
#include "tests/kit/cmocka.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lanewise_data.h"
#include "tests/weights_file.h"

static const lw_layer vector_layer = {.kind = LW_LAYER_LINEAR, .name = "v", .out = 1, .no_bias = 1};

static void check_narrowing(lw_dtype dtype, const float *v, int64_t count) {
  const lw_net net = {"vector", count, 1, 1, &vector_layer, 1};
  const lw_weights arrays = lw_weights_arrays(&v);
  float *got = malloc((size_t)count * sizeof *got);
  must(lw_safetensors_save(path, &net, &arrays, dtype));
  lw_safetensors *f = open_file();
  must(lw_safetensors_read(f, 0, 0, count, got));
  for (int64_t i = 0; i < count; i++) {
    uint32_t a, b;
    memcpy(&a, &v[i], sizeof a);
    memcpy(&b, &got[i], sizeof b);
    const float want = rounded_to(dtype, v[i]);
    const int payload = dtype == LW_F16 ? 13 : 16;
    const int fine = v[i] == v[i] ? got[i] == want && a >> 31 == b >> 31 /* zeros too */
                                  : got[i] != got[i] && b >> payload == (a >> payload | 0x400000 >> payload);
    if (!fine) fail_msg("%a (%08x) became %a (%08x), expected %a", (double)v[i], a, (double)got[i], b, (double)want);
  }
  lw_safetensors_close(f);
  free(got);
}

static void test_narrowing(void **state) {
  (void)state;
  enum { RANDOM = 1 << 18, SEAMS = 4096 };
  float *v = malloc((RANDOM + 2 * SEAMS * 16) * sizeof *v);
  for (int dtype = LW_F16; dtype <= LW_BF16; dtype++) {
    /* Bit patterns spread over all of f32; around 2^k with every kind of rest; the seams of both formats. */
    static const float seams[] = {0,          0x1p-25f, 0x1p-24f, 0x1.8p-24f, 0x1p-14f,     0x1.ffcp-15f, 1,           0x1.002p0f,
                                  0x1.006p0f, 65504,    65520,    0x1p-126f,  0x1.fcp-127f, 0x1.fep127f,  0x1.ffp127f, INFINITY};
    int64_t count = 0;
    for (uint32_t i = 0; i < RANDOM; i++) {
      const uint32_t bits = i * 2654435761u; /* odd: a permutation, evenly spread */
      memcpy(&v[count++], &bits, sizeof bits);
    }
    for (size_t k = 0; k < sizeof seams / sizeof *seams; k++)
      for (int32_t d = -SEAMS; d < SEAMS; d++) {
        int32_t bits;
        memcpy(&bits, &seams[k], sizeof bits);
        bits = (d & 1 ? INT32_MIN : 0) | ((bits + d / 2) & INT32_MAX);
        memcpy(&v[count++], &bits, sizeof bits);
      }
    check_narrowing((lw_dtype)dtype, v, count);
  }
  free(v);
}

static int files_in_folder(void) {
  int files = 0;
  DIR *d = opendir(folder);
  assert_non_null(d);
  for (const struct dirent *e; (e = readdir(d));) files += e->d_name[0] != '.';
  closedir(d);
  return files;
}

/* What was at `path` is still a whole LeNet. */
static void old_file_stays(int line) {
  lw_weights weights;
  lw_safetensors *f = open_file();
  if (lw_weights_safetensors(f, lw_net_builtin("lenet5"), &weights) != LW_OK) fail_msg("line %d: %s", line, lw_error_message());
  lw_safetensors_close(f);
}

static lw_status torn(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count, float *dst) {
  if (tensor < 2) return lw_weights_seeded(&seed).read((void *)&seed, net, tensor, name, first, count, dst);
  if (user) raise(SIGKILL);
  return lw_fail(LW_BAD_FILE, "%s is torn", name);
}

static void test_failed_saves(void **state) {
  (void)state;
  const lw_net *net = lw_net_builtin("net"), *lenet5 = lw_net_builtin("lenet5");
  const lw_weights seeded = lw_weights_seeded(&seed);
  must(lw_safetensors_save(path, lenet5, &seeded, LW_F16));
  refused(lw_safetensors_save(path, net, &(lw_weights){.read = torn}, LW_F32), LW_BAD_FILE, "conv2.weight is torn", __LINE__);
  old_file_stays(__LINE__);

  /* A full disk: files may not grow beyond 300,000 bytes, the network has 967,208. */
  struct rlimit limit, small;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = (struct rlimit){300000, limit.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  const lw_status full = lw_safetensors_save(path, net, &seeded, LW_F32);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  refused(full, LW_BAD_FILE, "cannot be written: File too large", __LINE__);
  old_file_stays(__LINE__);
  assert_int_equal(files_in_folder(), 1); /* nothing half-written lies about */
  refused(lw_safetensors_save("/dev/full", net, &seeded, LW_F32), LW_BAD_FILE, "No space left on device", __LINE__);

  refused(lw_safetensors_save("/dev/null/x", net, &seeded, LW_F32), LW_BAD_FILE, "cannot be created: Not a directory", __LINE__);
  refused(lw_safetensors_save(folder, net, &seeded, LW_F32), LW_BAD_FILE, "Is a directory", __LINE__);
  refused(lw_safetensors_save(NULL, net, &seeded, LW_F32), LW_BAD_ARGUMENT, "path is NULL", __LINE__);
  refused(lw_safetensors_save(path, NULL, &seeded, LW_F32), LW_BAD_ARGUMENT, "net is NULL", __LINE__);
  refused(lw_safetensors_save(path, net, NULL, LW_F32), LW_BAD_ARGUMENT, "weights", __LINE__);
  refused(lw_safetensors_save(path, net, &seeded, (lw_dtype)7), LW_BAD_ARGUMENT, "dtype is 7", __LINE__);
  const lw_layer latin1 = {.kind = LW_LAYER_LINEAR,
                           .name = "gr\xf6\xdf"
                                   "e",
                           .out = 1};
  refused(lw_safetensors_save(path, &(lw_net){"l", 1, 1, 1, &latin1, 1}, &seeded, LW_F32), LW_BAD_ARGUMENT, "no UTF-8", __LINE__);
  old_file_stays(__LINE__);
  assert_int_equal(files_in_folder(), 1);

  /* Killed while it writes. */
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) _exit(lw_safetensors_save(path, net, &(lw_weights){.read = torn, .user = &limit}, LW_F32));
  int how;
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
  old_file_stays(__LINE__);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_narrowing), cmocka_unit_test(test_failed_saves)};
  return cmocka_run_group_tests_name("weights_save", tests, make_weights_folder, remove_folder);
}
