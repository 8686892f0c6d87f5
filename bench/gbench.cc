// SPDX-License-Identifier: Apache-2.0
#include "bench/gbench.h"

#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstdlib>
#include <cstring>

struct gbench_state {
  benchmark::State &state;
};

struct alignas(std::max_align_t) kept {
  kept *next;
};
static kept *all_kept; // found from here to the end

extern "C" {

void *gbench_keep(const void *object, size_t bytes) {
  auto *k = static_cast<kept *>(std::malloc(sizeof(kept) + bytes));
  if (!k) return nullptr;
  k->next = all_kept;
  all_kept = k;
  return std::memcpy(k + 1, object, bytes);
}

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
