/* SPDX-License-Identifier: Apache-2.0
 * The wisdom file. Readers need no lock, since it is only ever replaced whole. Writers lock the file that they are about to
 * replace: who gets the lock of one that has been replaced meanwhile starts again. (The data library has a writer of its own,
 * data/output.c: the two libraries share no hidden functions.) */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "nets/wisdom.h"
#include "ops/ops.h"
#include "runtime/memory.h"

enum { MOST_BYTES = 1 << 20 };

void lw_notice_add(char *notice, const char *format, ...) {
  const size_t length = strlen(notice);
  va_list arguments;
  va_start(arguments, format);
  const int gap = length ? snprintf(notice + length, LW_NOTICE - length, "; ") : 0;
  if (length + (size_t)gap < LW_NOTICE) vsnprintf(notice + length + gap, LW_NOTICE - length - (size_t)gap, format, arguments);
  va_end(arguments);
}

/* ------------------------------------------------------------------------------------------------------------ reading */

/* All of an open file into `bytes`, which has room for it. */
static int read_all(int fd, char *bytes, size_t room, size_t *size) {
  while (*size < room) {
    const ssize_t got = pread(fd, bytes + *size, room - *size, (off_t)*size);
    if (got < 0 && errno != EINTR) return 0;
    if (got == 0) break;
    if (got > 0) *size += (size_t)got;
  }
  return 1;
}

/* *usable is 0 if it is no file that could be replaced. What cannot be used is noticed; the wisdom is empty then. */
static lw_status take(const lw_context *context, int fd, const char *path, size_t room, char *notice, lw_wisdom_file *file,
                      int *usable) {
  struct stat s = {0};
  size_t size = 0;
  *usable = fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
  const int too_large = *usable && s.st_size > MOST_BYTES;
  const size_t bytes = *usable && !too_large ? (size_t)s.st_size : 0;
  if (!(file->bytes = lw_memory_get(context, bytes + 1))) return lw_fail(LW_NO_MEMORY, "wisdom file %.300s: no memory", path);
  if (!*usable) {
    lw_notice_add(notice, "wisdom file %.300s is not a regular file: ignored", path);
  } else if (!read_all(fd, file->bytes, bytes, &size)) {
    lw_notice_add(notice, "wisdom file %.300s cannot be read: %s", path, strerror(errno));
    *usable = 0;
    size = 0;
  }
  LW_TRY(lw_wisdom_parse(context, file->bytes, size, room, &file->wisdom));
  lw_wisdom *w = &file->wisdom;
  if (too_large) {
    w->foreign = 1;
    lw_notice_add(notice, "wisdom file %.300s is larger than %d bytes: ignored", path, MOST_BYTES);
  } else if (w->foreign) {
    lw_notice_add(notice, "wisdom file %.300s does not begin with \"%.*s\": ignored", path, (int)sizeof LW_WISDOM_HEADER - 2,
                  LW_WISDOM_HEADER);
  }
  if (w->damaged)
    lw_notice_add(notice, "wisdom file %.300s: %zu of %zu lines are damaged: ignored", path, w->damaged, w->damaged + w->count);
  return LW_OK;
}

lw_status lw_wisdom_read(const lw_context *context, const char *path, char *notice, lw_wisdom_file *file) {
  *file = (lw_wisdom_file){0};
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    if (errno != ENOENT) lw_notice_add(notice, "wisdom file %.300s cannot be read: %s", path, strerror(errno));
    return LW_OK;
  }
  int usable;
  const lw_status status = take(context, fd, path, 0, notice, file, &usable);
  close(fd);
  return status;
}

void lw_wisdom_release(const lw_context *context, lw_wisdom_file *file) {
  lw_memory_free(context, file->wisdom.lines);
  lw_memory_free(context, file->bytes);
  *file = (lw_wisdom_file){0};
}

/* ------------------------------------------------------------------------------------------------------------ writing */

static void not_written(const char *path, const char *why, char *notice) {
  lw_notice_add(notice, "wisdom file %.300s cannot be written: %s", path, why);
}

/* Two seconds at most: others hold the lock for the time that a small file takes. */
static int lock(int fd) {
  for (int tries = 0; tries < 200; tries++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
    if (errno != EWOULDBLOCK && errno != EINTR) return 0;
    (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
  }
  return 0;
}

/* Opens, makes if need be, and locks the file; target: its path without symbolic links. -1 if that fails, which is noticed. */
static int open_locked(const char *path, char target[PATH_MAX], char *notice) {
  for (int tries = 0; tries < 100; tries++) {
    struct stat mine, now;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0) break;
    if (!lock(fd)) {
      close(fd);
      break;
    }
    if (realpath(path, target) && fstat(fd, &mine) == 0 && stat(target, &now) == 0 && mine.st_dev == now.st_dev &&
        mine.st_ino == now.st_ino)
      return fd;
    close(fd);
  }
  not_written(path, errno == EWOULDBLOCK ? "another process keeps it locked" : strerror(errno), notice);
  return -1;
}

/* A new file beside the target, with its permissions. */
static FILE *create_beside(const char *target, int locked, char *temporary, size_t capacity) {
  struct stat old;
  if (fstat(locked, &old) != 0) return NULL;
  for (int i = 0; i < 100; i++) {
    if (snprintf(temporary, capacity, "%s.%ld-%d.tmp", target, (long)getpid(), i) >= (int)capacity) {
      errno = ENAMETOOLONG;
      return NULL;
    }
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) return NULL;
    FILE *f = fchmod(fd, old.st_mode & 07777) == 0 ? fdopen(fd, "w") : NULL;
    if (f) return f;
    close(fd);
    unlink(temporary);
    return NULL;
  }
  return NULL;
}

/* The rename itself survives a crash only once its folder is on disk. */
static void sync_folder(char *path) {
  const int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

/* The last lines, as many as a file may hold. */
static int print(const lw_wisdom *w, FILE *f) {
  char text[LW_WISDOM_LINE];
  size_t first = w->count, bytes = sizeof LW_WISDOM_HEADER;
  for (; first > 0; first--) {
    bytes += lw_wisdom_print(&w->lines[first - 1], text);
    if (bytes > MOST_BYTES) break;
  }
  fputs(LW_WISDOM_HEADER, f);
  for (; first < w->count; first++)
    if (lw_wisdom_print(&w->lines[first], text)) fputs(text, f);
  return fflush(f) == 0 && !ferror(f) && fsync(fileno(f)) == 0;
}

static void replace(char target[PATH_MAX], int locked, const lw_wisdom *w, const char *path, char *notice) {
  char temporary[PATH_MAX + 32];
  FILE *f = create_beside(target, locked, temporary, sizeof temporary);
  if (!f) {
    not_written(path, strerror(errno), notice);
    return;
  }
  int error = print(w, f) ? 0 : errno ? errno : EIO;
  if (fclose(f) != 0 && !error) error = errno;
  if (!error && rename(temporary, target) != 0) error = errno;
  if (!error) {
    sync_folder(target);
    return;
  }
  unlink(temporary);
  not_written(path, strerror(error), notice);
}

/* What is no wisdom may be worth something to somebody: it stays as <file>.old. */
static int keep_old(const char *target, const char *path, char *notice) {
  char old[PATH_MAX + 8];
  for (int i = 1; i < 100; i++) {
    snprintf(old, sizeof old, i > 1 ? "%s.old%d" : "%s.old", target, i);
    if (link(target, old) == 0) {
      lw_notice_add(notice, "rebuilt; what was there is now %.300s", old);
      return 1;
    }
    if (errno != EEXIST) break;
  }
  not_written(path, strerror(errno), notice);
  return 0;
}

lw_status lw_wisdom_write(const lw_context *context, const char *path, const lw_wisdom_line *lines, size_t count, char *notice) {
  char target[PATH_MAX], unused[LW_NOTICE] = "";
  lw_wisdom_file file = {0};
  int usable;
  const int fd = open_locked(path, target, notice);
  if (fd < 0) return LW_OK;
  const lw_status status = take(context, fd, path, count, unused, &file, &usable); /* noticed when it was read */
  if (status == LW_OK && usable && (!file.wisdom.foreign || keep_old(target, path, notice))) {
    for (size_t i = 0; i < count; i++) lw_wisdom_put(&file.wisdom, &lines[i]);
    replace(target, fd, &file.wisdom, path, notice);
  }
  lw_wisdom_release(context, &file);
  close(fd); /* and unlocks */
  return status;
}
