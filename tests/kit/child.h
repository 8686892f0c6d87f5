/* SPDX-License-Identifier: Apache-2.0
 * Child processes for what may crash, end the process or not return. */
#ifndef LANEWISE_TESTS_KIT_CHILD_H
#define LANEWISE_TESTS_KIT_CHILD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* When a child is taken to hang: a time in ms of CLOCK_MONOTONIC, 0: never. In memory that it shares with its parent, who looks
 * at it, so that no signal handler or mask of the child matters. */
typedef _Atomic int64_t kit_deadline;
void kit_deadline_set(kit_deadline *deadline, unsigned seconds); /* 0: never */

/* fork() after flushing what is written, so that the child cannot write it again. In the child (0): no core file, and the signals
 * by which a program crashes end it, whatever handlers there were. */
pid_t kit_child_fork(void);

typedef enum kit_child_end {
  KIT_CHILD_ENDED, /* *status is waitpid's */
  KIT_CHILD_LATE,  /* the deadline was over and it was killed */
  KIT_CHILD_LOST   /* errno tells why */
} kit_child_end;
kit_child_end kit_child_wait(pid_t pid, const kit_deadline *deadline, int *status);

/* How a child ended that should not have: "SIGSEGV", "not done after 3 s", "ended the process with exit code 7". */
void kit_child_explain(kit_child_end end, int status, unsigned seconds, char *text, size_t capacity);

#endif
