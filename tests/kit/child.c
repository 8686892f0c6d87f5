/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void kit_deadline_set(kit_deadline *deadline, unsigned seconds) { *deadline = seconds ? now() + (int64_t)seconds * 1000 : 0; }

pid_t kit_child_fork(void) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};
  const struct rlimit none = {0, 0};
  fflush(NULL);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) signal(crashes[i], SIG_DFL);
  setrlimit(RLIMIT_CORE, &none);
  return 0;
}

/* Waits for the end of a child at most so long: 1 ended, 0 not yet, -1 lost. */
static int wait_a_while(pid_t pid, int *status, const sigset_t *child_ended, const struct timespec *most) {
  const pid_t ended = waitpid(pid, status, WNOHANG);
  if (ended != 0) return ended == pid ? 1 : errno == EINTR ? 0 : -1;
  sigtimedwait(child_ended, NULL, most);
  return 0;
}

kit_child_end kit_child_wait(pid_t pid, const kit_deadline *deadline, int *status) {
  const struct timespec most = {0, 100000000};
  kit_child_end end = KIT_CHILD_ENDED;
  sigset_t child_ended, before;
  int ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child_ended, &before);
  while ((ended = wait_a_while(pid, status, &child_ended, &most)) == 0) {
    const int64_t limit = *deadline;
    if (end == KIT_CHILD_LATE || limit == 0 || now() < limit) continue;
    kill(pid, SIGKILL);
    end = KIT_CHILD_LATE;
  }
  const int reason = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = reason;
  return ended < 0 ? KIT_CHILD_LOST : end;
}

void kit_child_explain(kit_child_end end, int status, unsigned seconds, char *text, size_t capacity) {
  const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (end == KIT_CHILD_LATE)
    snprintf(text, capacity, "not done after %u s", seconds);
  else if (end == KIT_CHILD_LOST)
    snprintf(text, capacity, "the child process is lost: %s", strerror(errno));
  else if (number == SIGILL)
    snprintf(text, capacity, "SIGILL: an instruction that this CPU lacks");
  else if (number)
    snprintf(text, capacity, "SIG%s", sigabbrev_np(number) ? sigabbrev_np(number) : "?");
  else
    snprintf(text, capacity, "ended the process with exit code %d", WEXITSTATUS(status));
}
