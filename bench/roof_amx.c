/* SPDX-License-Identifier: Apache-2.0
 * AMX peak: 2x2 tiles of sums, operands in L1. On random data, since the units throttle with what they multiply and zeros
 * flatter. */
#include "bench/roof.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__)
#  include <immintrin.h>
#  include <stdint.h>
#  include <stdlib.h>
#  include <string.h>

enum { ROWS = 16, ROW_BYTES = 64, TILE = ROWS * ROW_BYTES };

typedef struct amx_job {
  int int8;
  int64_t turns;
} amx_job;

typedef struct tile_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_config;

static void do_amx(void *arg, int thread, int threads) {
  const amx_job *j = arg;
  (void)threads;
  tile_config config = {.palette = 1};
  for (int t = 0; t < 8; t++) {
    config.row_bytes[t] = ROW_BYTES;
    config.rows[t] = ROWS;
  }
  /* gcc 12's intrinsic tells the compiler of 8 bytes only: the whole struct must be in memory. */
  __asm__ volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
  _Alignas(64) uint8_t data[4][TILE];
  uint32_t state = 12345u + (uint32_t)thread;
  for (size_t i = 0; i < sizeof data / 2; i++) {
    state = state * 1664525u + 1013904223u;
    /* bf16 in +-[1, 2): sign, exponent 127, random mantissa; as int8 pairs just random. */
    const uint16_t v = j->int8 ? (uint16_t)(state >> 16) : (uint16_t)((state >> 16 & 0x807f) | 0x3f80);
    memcpy((uint8_t *)data + 2 * i, &v, 2);
  }
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t i = 0; i < j->turns; i++) {
    _tile_loadd(4, data[0], ROW_BYTES);
    _tile_loadd(5, data[1], ROW_BYTES);
    _tile_loadd(6, data[2], ROW_BYTES);
    _tile_loadd(7, data[3], ROW_BYTES);
    if (j->int8) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(1, 4, 7);
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_release();
}

double roof_amx_tops(int int8, int threads) {
  if (!lw_amx_available()) return 0;
  amx_job job = {int8, 10000};
  double best = 0, seconds = roof_parallel(1, do_amx, &job);
  if (seconds > 0) job.turns = (int64_t)(10000 * 0.03 / seconds) + 1;
  for (int i = 0; i < 7; i++) {
    seconds = roof_parallel(threads, do_amx, &job);
    /* 4 products of 16x64 bytes by 64 bytes x16: 16*16*(32 or 64) multiply-adds each. */
    const double operations = 4.0 * 2 * 16 * 16 * (int8 ? 64 : 32) * (double)job.turns * threads;
    if (seconds > 0 && operations / seconds * 1e-12 > best) best = operations / seconds * 1e-12;
  }
  return best;
}
#else
double roof_amx_tops(int int8, int threads) {
  (void)int8, (void)threads;
  return 0;
}
#endif
