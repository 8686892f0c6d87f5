/* SPDX-License-Identifier: Apache-2.0
 * The progress bar of `lanewise train`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/train.h"

enum { EVERY_MS = 100, MOST_BAR = 30 };

train_progress train_progress_start(int64_t all, int64_t before) {
  const char *term = getenv("TERM");
  const double now = cli_milliseconds();
  return (train_progress){.is_shown = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
                          .all = all,
                          .before = before,
                          .start = now,
                          .last = now};
}

/* "0:07", "12:34" or "1:02:03" */
static void print_time(char *text, size_t capacity, double seconds) {
  const long long s = (long long)(seconds + 0.5);
  if (s < 3600)
    snprintf(text, capacity, "%lld:%02lld", s / 60, s % 60);
  else
    snprintf(text, capacity, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

void train_progress_show(train_progress *p, int64_t epoch, int64_t epochs, int64_t in_epoch, int64_t of_epoch, int64_t done,
                         double loss, double accuracy) {
  const double now = cli_milliseconds(), seconds = (now - p->start) * 1e-3;
  char head[64], tail[160], left[48];
  if (!p->is_shown || now - p->last < EVERY_MS) return;
  p->last = now;
  const double speed = (double)(done - p->before) / seconds;
  print_time(left, sizeof left, (double)(p->all - done) / speed);
  const int before = snprintf(head, sizeof head, "epoch %lld/%lld ", (long long)epoch, (long long)epochs);
  const int behind = snprintf(tail, sizeof tail, " %3d %%  loss %.4f  accuracy %.2f %%  %s images/s  %s left",
                              (int)(100 * in_epoch / of_epoch), loss, 100 * accuracy, cli_count((int64_t)speed), left);
  const int columns = cli_columns(STDERR_FILENO) - 1, room = columns - before - behind;
  fprintf(stderr, "\r%s", head);
  if (room > 3) cli_bar(stderr, (double)in_epoch / (double)of_epoch, room < MOST_BAR ? room : MOST_BAR);
  fprintf(stderr, "%.*s\033[K", columns - before, tail);
  fflush(stderr);
}

void train_progress_clear(train_progress *p) {
  if (!p->is_shown) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
}
