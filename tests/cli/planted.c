/* SPDX-License-Identifier: Apache-2.0
 * The lanewise command with faults planted in plain loops, for test_conform.py: linked with --wrap, so that the kernel table
 * holds these functions. PLANTED names the fault; without it they are what they wrap. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ref/ref.h"
#include "simd/kernels.h"

enum { LANES = 16 };

void __real_naive_row_relu(const lw_args *args, lw_part part);
void __real_ref_relu(int64_t count, const float *x, float *y);
void __real_naive_row_conv2d(const lw_args *args, lw_part part);
#if defined(__x86_64__)
#  define REAL_AUTOVEC_CONV2D __real_autovec_avx2_row_conv2d
#  define WRAP_AUTOVEC_CONV2D __wrap_autovec_avx2_row_conv2d
#else
#  define REAL_AUTOVEC_CONV2D __real_autovec_neon_row_conv2d
#  define WRAP_AUTOVEC_CONV2D __wrap_autovec_neon_row_conv2d
#endif
void REAL_AUTOVEC_CONV2D(const lw_args *args, lw_part part);

static int planted(const char *fault) {
  const char *name = getenv("PLANTED");
  return name && strcmp(name, fault) == 0;
}

static void flush_to_zero(void) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8000);
#else
  __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24));
#endif
}

void __wrap_naive_row_relu(const lw_args *args, lw_part part) {
  const int64_t count = args->map.count;
  volatile float *y = args->map.y;
  volatile const float *x = args->map.x;
  if (planted("dropped tail")) {
    const lw_args whole = {.map = {count / LANES * LANES, args->map.x, args->map.y}};
    __real_naive_row_relu(&whole, part);
    return;
  }
  __real_naive_row_relu(args, part);
  if (part.index != part.count - 1 || count == 0) return;
  if (planted("one ulp")) y[count - 1] = nextafterf(y[count - 1], INFINITY);
  if (planted("nan dropped"))
    for (int64_t i = 0; i < count; i++)
      if (isnan(y[i])) y[i] = 0;
  if (planted("writes past the end")) y[count + 2] = 0;
  if (planted("writes before the start")) y[-1] = 0;
  if (planted("reads past the end")) y[0] = x[count] > 0 ? y[0] : y[0];
  if (planted("changes its input")) ((float *)args->map.x)[count / 2] += 1;
  if (planted("illegal instruction")) raise(SIGILL);
  if (planted("ends the program")) _exit(0);
  if (planted("hangs"))
    for (;;) pause();
  if (planted("flushes to zero")) flush_to_zero();
}

/* The reference itself. */
void __wrap_ref_relu(int64_t count, const float *x, float *y) {
  if (planted("reference")) abort();
  __real_ref_relu(count, x, y);
}

static void spoil(lw_kernel_fn *fn, const lw_args *args, lw_part part) {
  lw_args wrong = *args;
  if (planted("skipped bias")) wrong.conv2d.bias = NULL;
  if (planted("shifted padding")) wrong.conv2d.desc.pad_left--, wrong.conv2d.desc.pad_right++;
  fn(&wrong, part);
}

void __wrap_naive_row_conv2d(const lw_args *args, lw_part part) { spoil(__real_naive_row_conv2d, args, part); }

/* A row that is judged by a bound. */
void WRAP_AUTOVEC_CONV2D(const lw_args *args, lw_part part) { spoil(REAL_AUTOVEC_CONV2D, args, part); }
