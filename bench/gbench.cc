// SPDX-License-Identifier: Apache-2.0
#include "bench/gbench.h"

#include <benchmark/benchmark.h>

struct gbench_state {
  benchmark::State &state;
};

extern "C" {

int gbench_init(int *argc, char **argv) {
  benchmark::Initialize(argc, argv);
  return !benchmark::ReportUnrecognizedArguments(*argc, argv);
}

void gbench_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }

void gbench_register(const char *name, gbench_fn *fn, void *user, gbench_unit unit, int iterations, int manual) {
  auto *b = benchmark::RegisterBenchmark(name, [fn, user](benchmark::State &s) {
    gbench_state state{s};
    fn(&state, user);
  });
  b->Unit(unit == GBENCH_MS ? benchmark::kMillisecond : benchmark::kMicrosecond);
  if (manual)
    b->UseManualTime();
  else
    b->UseRealTime();
  if (iterations > 0) b->Iterations(iterations);
}

int gbench_run(void) { return static_cast<int>(benchmark::RunSpecifiedBenchmarks()); }

int gbench_next(gbench_state *state) { return state->state.KeepRunning(); }
void gbench_time(gbench_state *state, double seconds) { state->state.SetIterationTime(seconds); }
int64_t gbench_iterations(const gbench_state *state) { return static_cast<int64_t>(state->state.iterations()); }
void gbench_counter(gbench_state *state, const char *name, double value) { state->state.counters[name] = value; }
void gbench_label(gbench_state *state, const char *label) { state->state.SetLabel(label); }
void gbench_fail(gbench_state *state, const char *message) { state->state.SkipWithError(message); }
}
