/* SPDX-License-Identifier: Apache-2.0
 * The wisdom file: foreign and damaged ones, other machines, places where it cannot be, many writers at once. (Its text:
 * test_wisdom.) */
#include "tests/kit/cmocka.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nets/tune.h"
#include "tests/expect.h"
#include "tests/folder.h"

static lw_context *context;

static const lw_wisdom_line lines[] = {{"cpu A", "avx2, 1 threads", "conv2d mb1", "direct parts 1", 1234, 2345},
                                       {"cpu A", "avx2, 2 threads", "conv2d mb1", "pooled parts 2", 0, 0},
                                       {"cpu B", "avx2, 1 threads", "linear mb1", "panels parts 1", 999999999999999999, 1}};
enum { LINES = sizeof lines / sizeof *lines };

static int same(const lw_wisdom_line *a, const lw_wisdom_line *b) {
  return a && strcmp(a->machine, b->machine) == 0 && strcmp(a->setting, b->setting) == 0 && strcmp(a->problem, b->problem) == 0 &&
         strcmp(a->choice, b->choice) == 0 && a->ns == b->ns && a->model_ns == b->model_ns;
}

static const lw_wisdom_line *find(const lw_wisdom *w, const lw_wisdom_line *l) {
  return lw_wisdom_find(w, l->machine, l->setting, l->problem);
}

static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "conv", .out = 16, .kernel = 3, .pad = 1},
                                  {.kind = LW_LAYER_CONV2D, .name = "fast", .out = 17, .kernel = 3, .pad = 1}};
static const lw_net net = {"small", 16, 28, 28, layers, 2};

/* Plans the network with a wisdom file; the notice must have every part of `has` (parts end with |), or be empty if that is "".
 */
static int plan_with(const char *path, lw_planning planning, const char *has, int line) {
  lw_plan *plan;
  lw_step_info s;
  char parts[512];
  int wise = 0;
  const lw_plan_options o = {.mode = LW_FAST, .planning = planning, .wisdom = path};
  must(lw_plan_create(context, &net, NULL, &o, &plan));
  const char *notice = lw_plan_notice(plan);
  snprintf(parts, sizeof parts, "%s", has);
  for (char *part = strtok(parts, "|"); part; part = strtok(NULL, "|"))
    if (!strstr(notice, part)) fail_msg("line %d: \"%s\" lacks \"%s\"", line, notice, part);
  if (!has[0] && notice[0]) fail_msg("line %d: \"%s\"", line, notice);
  for (size_t i = 0; i < lw_plan_steps(plan); i++)
    wise += lw_plan_step(plan, i, &s) == LW_OK && strcmp(s.chosen_by, "wisdom") == 0;
  lw_plan_destroy(plan);
  return wise;
}

static size_t read_file(const char *path, char *text, size_t capacity) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  const size_t size = fread(text, 1, capacity, f);
  fclose(f);
  return size;
}

static int is_simd(void) { return lw_isa_is_simd((lw_isa)lw_isa_from_name(lw_context_isa(context))); }

/* What is no wisdom is ignored, left alone by who only reads, kept beside the new file by who writes. */
static void foreign_files(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
  } files[] = {{"lanewise wisdom 2\nfuture\n", 25},
               {"\0\xff\x7f"
                "ELF",
                6},
               {"lanewise wisdom 1", 17},
               {"my thesis\n", 10},
               {"\n", 1}};
  (void)state;
  if (!is_simd()) skip();
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char name[32], got[64];
    snprintf(name, sizeof name, "foreign%zu", i);
    const char *path = write_file(name, files[i].bytes, files[i].size);
    assert_int_equal(plan_with(path, LW_PLAN_ESTIMATE, "foreign|does not begin with \"lanewise wisdom 1\": ignored", __LINE__),
                     0);
    assert_int_equal(read_file(path, got, sizeof got), files[i].size);
    assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "ignored|rebuilt|.old", __LINE__), 0);
    assert_true(plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__) > 0);
    snprintf(name, sizeof name, "foreign%zu.old", i);
    assert_int_equal(read_file(in_folder(name), got, sizeof got), files[i].size);
    assert_memory_equal(got, files[i].bytes, files[i].size);
    write_file(in_folder(name) + strlen(folder) + 1, "older", 5);
    snprintf(name, sizeof name, "foreign%zu", i);
    write_file(name, files[i].bytes, files[i].size); /* and once more: nothing that was kept is lost */
    assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "rebuilt|.old2", __LINE__), 0);
    snprintf(name, sizeof name, "foreign%zu.old", i);
    assert_int_equal(read_file(in_folder(name), got, sizeof got), 5);
  }
  static char large[(1 << 20) + 1] = LW_WISDOM_HEADER;
  const char *path = write_file("large", large, sizeof large);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "larger than 1048576 bytes: ignored|rebuilt", __LINE__), 0);
  assert_true(plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__) > 0);
}

/* A damaged line goes, the others stay; what is lost is measured again. */
static void damaged_lines(void **state) {
  (void)state;
  if (!is_simd()) skip();
  char text[4096];
  const char *path = in_folder("damaged");
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "", __LINE__), 0);
  const size_t size = read_file(path, text, sizeof text);
  const int all = plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__);
  assert_true(all >= 2);
  text[size - 2] ^= 1;
  write_file("damaged", text, size);
  assert_int_equal(plan_with(path, LW_PLAN_ESTIMATE, "1 of | lines are damaged: ignored", __LINE__), all - 1);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "damaged", __LINE__), all - 1);
  assert_int_equal(plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__), all);
  write_file("damaged", text, size - 30); /* cut off */
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "damaged", __LINE__), all - 1);
  assert_int_equal(plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__), all);
}

/* Wisdom of another CPU is not used, is named, and stays in the file beside one's own. */
static void other_machines(void **state) {
  (void)state;
  if (!is_simd()) skip();
  char text[4096], notice[LW_NOTICE] = "";
  const char *path = in_folder("other");
  must(lw_wisdom_write(context, path, lines, LINES, notice));
  assert_string_equal(notice, "");
  assert_int_equal(plan_with(path, LW_PLAN_ESTIMATE, "its 3 lines are of other machines or versions|L1|ignored", __LINE__), 0);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "other machines", __LINE__), 0);
  assert_true(plan_with(path, LW_PLAN_ESTIMATE, "", __LINE__) > 0);
  text[read_file(path, text, sizeof text - 1)] = 0;
  for (int i = 0; i < LINES; i++) {
    char line[LW_WISDOM_LINE];
    lw_wisdom_print(&lines[i], line);
    assert_non_null(strstr(text, line));
  }
}

static int entries(const char *path) {
  int count = 0;
  DIR *d = opendir(path);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
  closedir(d);
  return count;
}

/* Where no file can be, planning goes on and says so. */
static void impossible_places(void **state) {
  (void)state;
  if (!is_simd()) skip();
  assert_int_equal(
      plan_with(folder, LW_PLAN_MEASURE, "is not a regular file: ignored|cannot be written: Is a directory", __LINE__), 0);
  assert_int_equal(plan_with("/dev/null", LW_PLAN_MEASURE, "wisdom file /dev/null is not a regular file: ignored", __LINE__), 0);
  assert_int_equal(plan_with(in_folder("none/wisdom"), LW_PLAN_ESTIMATE, "", __LINE__), 0);
  assert_int_equal(plan_with(in_folder("none/wisdom"), LW_PLAN_MEASURE, "none/wisdom cannot be written: No such file", __LINE__),
                   0);
  const char *path = write_file("file", "", 0);
  assert_int_equal(
      plan_with(in_folder("file/wisdom"), LW_PLAN_MEASURE, "cannot be read: Not a directory|cannot be written", __LINE__), 0);
  const char *fifo = in_folder("fifo");
  assert_int_equal(mkfifo(fifo, 0600), 0);
  assert_int_equal(plan_with(fifo, LW_PLAN_MEASURE, "fifo is not a regular file", __LINE__), 0); /* and does not wait */
  char name[5000];
  memset(name, 'x', sizeof name - 1);
  name[sizeof name - 1] = 0;
  assert_int_equal(plan_with(name, LW_PLAN_MEASURE, "File name too long", __LINE__), 0);
  /* Another process that keeps the lock. */
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_int_equal(flock(fd, LOCK_EX), 0);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "another process keeps it locked", __LINE__), 0);
  close(fd);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "", __LINE__), 0);
  if (geteuid() == 0) return; /* whom no permission stops */
  assert_int_equal(chmod(path, 0400), 0);
  assert_int_equal(plan_with(path, LW_PLAN_MEASURE, "", __LINE__) > 0, 1);
  write_file("blind", "", 0);
  assert_int_equal(chmod(in_folder("blind"), 0), 0);
  assert_int_equal(
      plan_with(in_folder("blind"), LW_PLAN_MEASURE, "cannot be read: Permission denied|cannot be written", __LINE__), 0);
}

/* A link stays a link, a file keeps its permissions, nothing else is left in the folder. */
static void links_and_permissions(void **state) {
  (void)state;
  struct stat s;
  char notice[LW_NOTICE] = "", where[128];
  const char *room = in_folder("room");
  assert_int_equal(mkdir(room, 0700), 0);
  write_file("room/target", "", 0);
  assert_int_equal(chmod(in_folder("room/target"), 0640), 0);
  assert_int_equal(symlink("target", in_folder("room/link")), 0);
  for (int i = 0; i < 3; i++) must(lw_wisdom_write(context, in_folder("room/link"), &lines[i], 1, notice));
  assert_string_equal(notice, "");
  assert_int_equal(readlink(in_folder("room/link"), where, sizeof where), 6);
  assert_int_equal(stat(in_folder("room/target"), &s), 0);
  assert_int_equal(s.st_mode & 07777, 0640);
  assert_int_equal(entries(room), 2);
  lw_wisdom_file file;
  must(lw_wisdom_read(context, in_folder("room/target"), notice, &file));
  assert_int_equal(file.wisdom.count, LINES);
  lw_wisdom_release(context, &file);
  assert_string_equal(notice, "");
}

/* The variable of the environment is the default; "" is no file. */
static void environment(void **state) {
  (void)state;
  if (!is_simd()) skip();
  const char *path = in_folder("environment");
  setenv("LANEWISE_WISDOM", path, 1);
  plan_with("", LW_PLAN_MEASURE, "", __LINE__);
  assert_int_equal(access(path, F_OK), -1);
  plan_with(NULL, LW_PLAN_MEASURE, "", __LINE__);
  assert_true(plan_with(NULL, LW_PLAN_ESTIMATE, "", __LINE__) > 0);
  assert_int_equal(plan_with("", LW_PLAN_ESTIMATE, "", __LINE__), 0);
  assert_int_equal(plan_with(in_folder("none"), LW_PLAN_ESTIMATE, "", __LINE__), 0);
  setenv("LANEWISE_WISDOM", "", 1);
  assert_int_equal(plan_with(NULL, LW_PLAN_ESTIMATE, "", __LINE__), 0);
  unsetenv("LANEWISE_WISDOM");
}

/* Some processes put lines of their own into one file at once, and one reads all the time: nobody's line is lost, nobody ever
 * sees half a file. */
static void many_writers(void **state) {
  (void)state;
  enum { WRITERS = 4, EACH = 25 };
  const char *path = in_folder("many");
  pid_t writers[WRITERS];
  char notice[LW_NOTICE] = "";
  lw_wisdom_file file;
  for (int w = 0; w < WRITERS; w++) {
    writers[w] = fork();
    assert_true(writers[w] >= 0);
    if (writers[w] > 0) continue;
    for (int i = 0; i < EACH; i++) {
      char problem[32];
      snprintf(problem, sizeof problem, "writer %d line %d", w, i);
      const lw_wisdom_line line = {"m", "s", problem, "c", i, w};
      if (lw_wisdom_write(context, path, &line, 1, notice) != LW_OK || notice[0]) _exit(1);
    }
    _exit(0);
  }
  int left = WRITERS, bad = 0;
  size_t before = 0;
  while (left > 0) {
    int status;
    must(lw_wisdom_read(context, path, notice, &file));
    bad += file.wisdom.count < before || notice[0];
    before = file.wisdom.count;
    lw_wisdom_release(context, &file);
    if (waitpid(-1, &status, WNOHANG) <= 0) continue;
    bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    left--;
  }
  assert_int_equal(bad, 0);
  assert_string_equal(notice, "");
  must(lw_wisdom_read(context, path, notice, &file));
  assert_int_equal(file.wisdom.count, WRITERS * EACH);
  lw_wisdom_release(context, &file);
}

/* A file never outgrows what is read again: the oldest lines go. */
static void full_file(void **state) {
  (void)state;
  enum { MANY = 20000 };
  char(*problems)[32] = malloc(MANY * sizeof *problems), notice[LW_NOTICE] = "";
  lw_wisdom_line *many = malloc(MANY * sizeof *many);
  struct stat s;
  lw_wisdom_file file;
  for (int i = 0; i < MANY; i++) {
    snprintf(problems[i], sizeof *problems, "problem %d", i);
    many[i] = (lw_wisdom_line){"a machine with a name that fills the line a little", "s", problems[i], "c", 1, 1};
  }
  const char *path = in_folder("full");
  for (int i = 0; i < MANY; i += MANY / 4) must(lw_wisdom_write(context, path, many + i, MANY / 4, notice));
  assert_int_equal(stat(path, &s), 0);
  assert_in_range(s.st_size, 1000000, 1 << 20);
  must(lw_wisdom_read(context, path, notice, &file));
  assert_string_equal(notice, "");
  assert_true(same(find(&file.wisdom, &many[MANY - 1]), &many[MANY - 1]));
  assert_null(find(&file.wisdom, &many[0]));
  lw_wisdom_release(context, &file);
  free(many);
  free(problems);
}

static int setup(void **state) {
  unsetenv("LANEWISE_WISDOM");
  return lw_context_create(&(lw_context_options){.threads = 1}, &context) == LW_OK ? make_folder(state) : -1;
}

static int teardown(void **state) {
  lw_context_destroy(context);
  return remove_folder(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(foreign_files),         cmocka_unit_test(damaged_lines),
      cmocka_unit_test(other_machines),        cmocka_unit_test(impossible_places),
      cmocka_unit_test(links_and_permissions), cmocka_unit_test(environment),
      cmocka_unit_test(many_writers),          cmocka_unit_test(full_file),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
