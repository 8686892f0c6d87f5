/* SPDX-License-Identifier: Apache-2.0
 * Google Benchmark for C. One callback is one benchmark; it loops while gbench_next() says so and then sets counters. */
#ifndef LANEWISE_BENCH_GBENCH_H
#define LANEWISE_BENCH_GBENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gbench_state gbench_state;
typedef void gbench_fn(gbench_state *state, void *user);
typedef enum gbench_unit { GBENCH_US, GBENCH_MS } gbench_unit;

/* Takes Google Benchmark's options out of argv; the program reads its own before. Returns 0 after a message if one is unknown. */
int gbench_init(int *argc, char **argv);
/* A line of the context in the table's head and in JSON. After gbench_init. */
void gbench_context(const char *key, const char *value);
/* iterations: 0 lets the library choose by --benchmark_min_time, else exactly so many. manual: the callback reports each
 * iteration's time by gbench_time. `user` must live until gbench_run returns. */
void gbench_register(const char *name, gbench_fn *fn, void *user, gbench_unit unit, int iterations, int manual);
/* A copy of what gbench_register is given as `user`, which lives as long as the program; NULL if there is no memory. */
void *gbench_keep(const void *object, size_t bytes);
/* Runs all that match --benchmark_filter; returns how many ran. */
int gbench_run(void);

/* One more iteration? */
int gbench_next(gbench_state *state);
void gbench_time(gbench_state *state, double seconds);
int64_t gbench_iterations(const gbench_state *state);
void gbench_counter(gbench_state *state, const char *name, double value);
/* A word of its own beside the counters. */
void gbench_label(gbench_state *state, const char *label);
/* No time is printed for this benchmark; `message` is. */
void gbench_fail(gbench_state *state, const char *message);

#ifdef __cplusplus
}
#endif
#endif
