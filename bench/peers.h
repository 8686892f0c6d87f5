/* SPDX-License-Identifier: Apache-2.0
 * Backends (include/lanewise_backend.h) measured beside Lanewise: which there are, and the child process in which one of them and
 * Lanewise's own code are measured, so that a backend that crashes, hangs or ends the process costs its own line and no more. */
#ifndef LANEWISE_BENCH_PEERS_H
#define LANEWISE_BENCH_PEERS_H

#include "bench/gbench.h"
#include "bench/paired.h"
#include "simd/isa.h"
#include "tests/kit/backend.h"

enum { PEERS_MOST = 16 };

typedef struct peer {
  const char *path;
  kit_backend_info info;
} peer;

/* Lanewise's side: the strongest SIMD ISA that LANEWISE_ISA leaves; LW_ISA_NAIVE: none. */
lw_isa peers_isa(void);
/* Takes --backend=PATH,... and --backend-limit=SECONDS out of argv and asks every backend what it is. Returns 0 after a message.
 */
int peers_init(int *argc, char **argv, const char *program);
/* Their versions, as lines of the context `peer_<name>`. After gbench_init. */
void peers_context(void);
int peers_count(void);
const peer *peers_at(int i);
/* Does it list the operator? */
const lw_backend_promise *peer_promise(const peer *p, const char *op);

/* answers[i] = ask(backend, i, user) for i in 0..count-1, in a child process. Where the backend ends the child the answer is 1,
 * so that a line will tell. */
void peer_ask(const peer *p, int count, int (*ask)(kit_backend *b, int i, void *user), void *user, char *answers);

/* What a child measures, in memory that it shares with its parent. The sides are the peer, mode exact and mode fast. */
enum { PEER_ITSELF, PEER_EXACT, PEER_FAST };
typedef struct peer_outcome {
  kit_deadline deadline;
  const char *calling; /* the function that runs: see kit_backend_load */
  int finished;
  char error[512];         /* "" or why there is no time */
  char note[200];          /* how the peer was run, "" for nothing special */
  double error_over_bound; /* the largest; negative: unknown */
  int has[PAIRED_SIDES];
  paired_times times;
} peer_outcome;
__attribute__((format(printf, 2, 3))) void peer_fail(peer_outcome *o, const char *format, ...);

/* From now on the child has as long as a backend may take for a call; on == 0: as long as it likes. */
void peer_limit(peer_outcome *o, int on);
/* Loads and opens it. Returns 0 after peer_fail. */
int peer_open(peer_outcome *o, const peer *p, int threads, kit_backend *b);
/* Measures the sides that have a run(), on the pinned thread. */
void peer_measure(peer_outcome *o, const paired_side sides[PAIRED_SIDES], int threads, int cold);

/* Runs body in a child and writes its line: time, ratios, error / bound, and a label that begins with `binds` (may be "") and
 * says where noise hides which is faster. Returns the seconds of one call, for the counters of the work; 0 if the line failed. */
double peer_line(gbench_state *state, void (*body)(peer_outcome *o, void *user), void *user, const char *binds);

#endif
