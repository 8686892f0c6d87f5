/* SPDX-License-Identifier: Apache-2.0 */
#include "data/output.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include "data/source.h"

static lw_status failed(const lw_output *out, const char *what, int error) {
  return lw_source_fail(LW_BAD_FILE, out->call, out->path, "cannot be %s: %s", what, strerror(error));
}

/* The path that a chain of symbolic links ends in, so that the link stays and its target is replaced. */
static char *resolve(const char *path) {
  char *target = realpath(path, NULL);
  return target ? target : strdup(path);
}

static void forget(lw_output *out) {
  free(out->temporary);
  free(out->target);
  out->temporary = out->target = NULL;
}

/* A new file beside the target, with the permissions that the umask leaves; mkstemp's would be the owner's only. */
static int create_beside(const char *target, char **temporary) {
  for (unsigned i = 0; i < 1000; i++) {
    if (asprintf(temporary, "%s.%ld-%u.tmp", target, (long)getpid(), i) < 0) {
      *temporary = NULL;
      errno = ENOMEM;
      return -1;
    }
    const int fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
    free(*temporary);
    *temporary = NULL;
  }
  return -1;
}

lw_status lw_output_open(const char *call, const char *path, lw_output *out) {
  struct stat old;
  *out = (lw_output){.call = call, .path = path};
  if (!*path) return failed(out, "created", ENOENT); /* create_beside would find a name for it */
  const int exists = stat(path, &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) return failed(out, "created", EISDIR);
  if (exists && !S_ISREG(old.st_mode)) {
    out->file = fopen(path, "wbe");
    return out->file ? LW_OK : failed(out, "created", errno);
  }
  if (exists && access(path, W_OK) != 0) return failed(out, "written", errno);
  out->target = resolve(path);
  if (!out->target) return lw_source_fail(LW_NO_MEMORY, call, path, "no memory");
  const int fd = create_beside(out->target, &out->temporary);
  if (fd >= 0 && (!exists || fchmod(fd, old.st_mode & 07777) == 0) && (out->file = fdopen(fd, "wb"))) return LW_OK;
  const int error = errno;
  if (fd >= 0) {
    close(fd);
    unlink(out->temporary);
  }
  forget(out);
  return failed(out, "created", error);
}

/* The rename itself survives a crash only once its folder is on disk. */
static void sync_folder(char *path) {
  const int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

lw_status lw_output_close(lw_output *out, lw_status status) {
  errno = 0;
  if (fflush(out->file) != 0 || ferror(out->file))
    status = status == LW_OK ? failed(out, "written", errno ? errno : EIO) : status;
  if (status == LW_OK && out->temporary && !out->unsynced && fsync(fileno(out->file)) != 0)
    status = failed(out, "written", errno);
  if (fclose(out->file) != 0 && status == LW_OK) status = failed(out, "written", errno);
  out->file = NULL;
  if (!out->temporary) return status;
  if (status == LW_OK && rename(out->temporary, out->target) != 0) status = failed(out, "written", errno);
  if (status != LW_OK)
    unlink(out->temporary);
  else if (!out->unsynced)
    sync_folder(out->target);
  forget(out);
  return status;
}
