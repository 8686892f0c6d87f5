/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a wisdom file. What is found in it is printed and read again. Bytes that begin with + are lines without their
 * header and checksums, which this puts there, so that mutations reach what lies behind them. */
#include <string.h>
#include "nets/tune.h"
#include "tests/fuzz/fuzz.h"

static lw_context *context;

static int same(const lw_wisdom_line *a, const lw_wisdom_line *b) {
  return strcmp(a->machine, b->machine) == 0 && strcmp(a->setting, b->setting) == 0 && strcmp(a->problem, b->problem) == 0 &&
         strcmp(a->choice, b->choice) == 0 && a->ns == b->ns && a->model_ns == b->model_ns;
}

/* Whatever it says, it is a choice within limits or none, and the text of a choice. */
static void check_choice(const char *choice) {
  lw_step step = {0};
  char text[LW_TUNE_KEY];
  if (!lw_tune_parse(choice, &step.tuning)) return;
  MUST(step.tuning.parts > 0 && step.tuning.parts <= 1000000 && step.tuning.block.tiles >= 0);
  MUST(!step.tuning.block.tiles == !step.tuning.block.panels);
  lw_tune_choice(&step, text);
  MUST(strcmp(text, choice) == 0);
}

static void read_again(const lw_wisdom *w) {
  const size_t header = strlen(LW_WISDOM_HEADER);
  char *text = malloc(header + w->count * LW_WISDOM_LINE + 1);
  size_t size = header;
  lw_wisdom again;
  MUST(text);
  memcpy(text, LW_WISDOM_HEADER, header);
  for (size_t i = 0; i < w->count; i++) {
    const size_t length = lw_wisdom_print(&w->lines[i], text + size);
    MUST(length > 0 && length < LW_WISDOM_LINE);
    size += length;
    check_choice(w->lines[i].choice);
  }
  MUST(lw_wisdom_parse(context, text, size, 0, &again) == LW_OK);
  MUST(again.count == w->count && again.damaged == 0 && !again.foreign);
  for (size_t i = 0; i < w->count; i++) MUST(same(&again.lines[i], &w->lines[i]));
  lw_memory_free(context, again.lines);
  free(text);
}

static void try(const uint8_t *bytes, size_t size) {
  char *copy = malloc(size); /* it is taken apart in place, and nothing lies behind it */
  lw_wisdom w;
  if (size) memcpy(copy, bytes, size);
  MUST(lw_wisdom_parse(context, copy, size, 1, &w) == LW_OK);
  MUST(!w.foreign || (w.count == 0 && w.damaged == 0));
  MUST(w.count < w.capacity || w.capacity == 1);
  read_again(&w);
  if (w.count) {
    const lw_wisdom_line last = w.lines[w.count - 1], other = {"another", "one", "of", "these", 1, 2};
    const size_t count = w.count;
    MUST(same(lw_wisdom_find(&w, last.machine, last.setting, last.problem), &last));
    lw_wisdom_put(&w, &last);
    MUST(w.count == count);
    lw_wisdom_put(&w, &other);
    MUST(same(lw_wisdom_find(&w, other.machine, other.setting, other.problem), &other));
  }
  lw_memory_free(context, w.lines);
  free(copy);
}

/* FNV-1a, 64 bits. */
static uint64_t checksum(const uint8_t *bytes, size_t size) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (!context) MUST(lw_context_create(&(lw_context_options){.threads = 1}, &context) == LW_OK);
  if (size == 0 || bytes[0] != '+') {
    try(bytes, size);
    return 0;
  }
  size_t lines = 1, length = strlen(LW_WISDOM_HEADER);
  for (size_t i = 1; i < size; i++) lines += bytes[i] == '\n';
  char *whole = malloc(length + size + 18 * lines + 1);
  MUST(whole);
  memcpy(whole, LW_WISDOM_HEADER, length);
  for (size_t at = 1, count; at < size; at += count + 1) {
    const uint8_t *end = memchr(bytes + at, '\n', size - at);
    count = end ? (size_t)(end - bytes) - at : size - at;
    length += (size_t)sprintf(whole + length, "%016llx\t", (unsigned long long)checksum(bytes + at, count));
    memcpy(whole + length, bytes + at, count);
    length += count;
    if (end) whole[length++] = '\n';
  }
  try((const uint8_t *)whole, length);
  free(whole);
  return 0;
}
