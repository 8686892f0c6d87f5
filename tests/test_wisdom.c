/* SPDX-License-Identifier: Apache-2.0
 * The text of wisdom: what is printed is read, damage of every kind, the words for machines and choices. (The file:
 * test_wisdom_file.) */
#include "tests/kit/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nets/tune.h"
#include "tests/expect.h"

static lw_context *context;

static const lw_wisdom_line lines[] = {{"cpu A", "avx2, 1 threads", "conv2d mb1", "direct parts 1", 1234, 2345},
                                       {"cpu A", "avx2, 2 threads", "conv2d mb1", "pooled parts 2", 0, 0},
                                       {"cpu B", "avx2, 1 threads", "linear mb1", "panels parts 1", 999999999999999999, 1}};
enum { LINES = sizeof lines / sizeof *lines };

static size_t print_all(char *text) {
  size_t length = (size_t)sprintf(text, "%s", LW_WISDOM_HEADER);
  for (int i = 0; i < LINES; i++) length += lw_wisdom_print(&lines[i], text + length);
  return length;
}

/* Parses a copy that ends where the bytes end. */
static lw_wisdom parse(const char *bytes, size_t size, char **copy) {
  lw_wisdom w;
  *copy = malloc(size + 1);
  memcpy(*copy, bytes, size);
  must(lw_wisdom_parse(context, *copy, size, 0, &w));
  return w;
}

static void done(lw_wisdom *w, char *copy) {
  lw_memory_free(context, w->lines);
  free(copy);
}

static int same(const lw_wisdom_line *a, const lw_wisdom_line *b) {
  return a && strcmp(a->machine, b->machine) == 0 && strcmp(a->setting, b->setting) == 0 && strcmp(a->problem, b->problem) == 0 &&
         strcmp(a->choice, b->choice) == 0 && a->ns == b->ns && a->model_ns == b->model_ns;
}

static const lw_wisdom_line *find(const lw_wisdom *w, const lw_wisdom_line *l) {
  return lw_wisdom_find(w, l->machine, l->setting, l->problem);
}

/* ---------------------------------------------------------------------------------------------------------------- text */

static void what_is_printed_is_read(void **state) {
  (void)state;
  char text[4096], *copy;
  const size_t size = print_all(text);
  /* FNV-1a of the line, worked out by another program: the format may not change by accident. */
  assert_non_null(strstr(text, "\n8150f25163bcc80c\tcpu A\tavx2, 1 threads\tconv2d mb1\tdirect parts 1\t1234\t2345\n"));
  lw_wisdom w = parse(text, size, &copy);
  assert_int_equal(w.count, LINES);
  assert_int_equal(w.damaged, 0);
  assert_int_equal(w.foreign, 0);
  for (int i = 0; i < LINES; i++) assert_true(same(find(&w, &lines[i]), &lines[i]));
  assert_null(lw_wisdom_find(&w, "cpu B", "avx2, 2 threads", "conv2d mb1"));
  lw_wisdom_line changed = lines[1];
  changed.choice = "direct parts 2";
  lw_wisdom_put(&w, &changed);
  assert_int_equal(w.count, LINES);
  assert_true(same(find(&w, &lines[1]), &changed));
  done(&w, copy);
  w = parse(text, 0, &copy); /* an empty file has no lines, but nothing is wrong with it */
  assert_true(w.count == 0 && w.damaged == 0 && !w.foreign);
  done(&w, copy);
}

static void what_cannot_be_printed(void **state) {
  (void)state;
  char text[LW_WISDOM_LINE], longest[LW_WISDOM_LINE];
  const char *const bad[] = {"", "a\tb", "a\nb", "\xc3\xa9", "\x01", longest};
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(lw_wisdom_print(&(lw_wisdom_line){bad[i], "s", "p", "c", 1, 1}, text), 0);
    assert_int_equal(lw_wisdom_print(&(lw_wisdom_line){"m", "s", "p", bad[i], 1, 1}, text), 0);
  }
  /* The longest that fits is read again. */
  int fitting = 0;
  for (size_t length = 900; length < sizeof longest - 1; length++) {
    char file[LW_WISDOM_LINE + 64], *copy;
    memset(longest, 'x', length);
    longest[length] = 0;
    const size_t size = lw_wisdom_print(&(lw_wisdom_line){"m", "s", longest, "c", 1, 1}, text);
    if (!size) continue;
    fitting++;
    assert_true(size < LW_WISDOM_LINE && strlen(text) == size);
    lw_wisdom w = parse(file, (size_t)sprintf(file, "%s%s", LW_WISDOM_HEADER, text), &copy);
    assert_int_equal(w.count, 1);
    done(&w, copy);
  }
  assert_in_range(fitting, 50, 120);
}

/* A changed byte costs its line, or all if it is in the header; nothing false is ever found. */
static void every_damaged_byte(void **state) {
  (void)state;
  char text[4096], *copy;
  const size_t size = print_all(text), header = strlen(LW_WISDOM_HEADER);
  for (size_t at = 0; at < size; at++)
    for (int change = 1; change < 256; change += 50) {
      text[at] = (char)(text[at] ^ change);
      lw_wisdom w = parse(text, size, &copy);
      assert_int_equal(w.foreign, at < header);
      assert_true(w.count < LINES && (w.foreign || w.damaged > 0));
      int found = 0;
      for (int i = 0; i < LINES; i++) found += same(find(&w, &lines[i]), &lines[i]);
      assert_int_equal(found, w.count);
      done(&w, copy);
      text[at] = (char)(text[at] ^ change);
    }
}

/* Cut anywhere: the lines that are whole are found. */
static void every_truncation(void **state) {
  (void)state;
  char text[4096], *copy;
  const size_t size = print_all(text), header = strlen(LW_WISDOM_HEADER);
  for (size_t cut = 0; cut < size; cut++) {
    size_t whole = 0;
    for (size_t i = header; i < cut; i++) whole += text[i] == '\n';
    lw_wisdom w = parse(text, cut, &copy);
    assert_int_equal(w.foreign, cut > 0 && cut < header);
    assert_int_equal(w.count, whole);
    assert_int_equal(w.damaged, cut > header && text[cut - 1] != '\n');
    done(&w, copy);
  }
}

static void choices(void **state) {
  (void)state;
  static const char *const good[] = {"direct parts 1", "winograd4 parts 1000000 tiles 28 panels 2", "columns parts 16"};
  static const char *const bad[] = {"",
                                    "direct",
                                    "direct parts",
                                    "direct parts ",
                                    "direct parts 0",
                                    "direct parts -1",
                                    "direct parts +1",
                                    "direct parts 01",
                                    "direct parts 1 ",
                                    "direct parts 1x",
                                    "direct  parts 1",
                                    "direct parts 1000001",
                                    "direct parts 99999999999999999999999",
                                    "direct parts 1 tiles 3",
                                    "direct parts 1 tiles 3 panels 0",
                                    "direct parts 1 tiles 3 panels 3 ",
                                    "directly parts 1",
                                    "winograd6 parts 1 tiles 3 panels 3"};
  lw_tuning t;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char text[LW_TUNE_KEY];
    assert_true(lw_tune_parse(good[i], &t));
    lw_tune_choice(&(lw_step){.tuning = t}, text);
    assert_string_equal(text, good[i]);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (lw_tune_parse(bad[i], &t)) fail_msg("\"%s\" is taken for a choice", bad[i]);
}

/* What tells machines apart is one line of printable ASCII. */
static void machine(void **state) {
  (void)state;
  char a[LW_TUNE_KEY], b[LW_TUNE_KEY], text[LW_WISDOM_LINE];
  lw_tune_machine(a);
  lw_tune_machine(b);
  assert_string_equal(a, b);
  assert_non_null(strstr(a, ", L1 "));
  assert_non_null(strstr(a, ", lanewise 0.1.0"));
  lw_tune_setting(context, b);
  assert_true(lw_wisdom_print(&(lw_wisdom_line){a, b, "p", "c", 1, 1}, text) > 0);
}

static int setup(void **state) {
  (void)state;
  return lw_context_create(&(lw_context_options){.threads = 1}, &context) == LW_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  lw_context_destroy(context);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_printed_is_read),
      cmocka_unit_test(what_cannot_be_printed),
      cmocka_unit_test(every_damaged_byte),
      cmocka_unit_test(every_truncation),
      cmocka_unit_test(choices),
      cmocka_unit_test(machine),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
