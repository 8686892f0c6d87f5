/* SPDX-License-Identifier: Apache-2.0
 * Layouts for kit_run: views filled and read element by element, independent of the library's own reorder. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/kit/kit.h"

static int64_t blocks_of(int64_t c, int64_t c_block) { return (c + c_block - 1) / c_block; }

lw_view kit_view_allocate(kit_run *run, kit_role role, int64_t n, int64_t c, int64_t h, int64_t w, int64_t c_block,
                          const int64_t halo[4]) {
  static const int64_t none[4] = {0, 0, 0, 0};
  if (!halo) halo = none;
  const int64_t floats = n * blocks_of(c, c_block) * (halo[0] + h + halo[2]) * (halo[1] + w + halo[3]) * c_block;
  float *memory = kit_run_allocate(run, role, (size_t)floats * sizeof(float));
  if (!memory) return (lw_view){0};
  return lw_view_make(memory, c, h, w, c_block, halo);
}

void kit_view_fill(const lw_view *v, int64_t n, int64_t c, const float *plain, const int64_t zero[4]) {
  const int64_t all[4] = {v->top, v->left, v->bottom, v->right};
  if (!zero) zero = all;
  for (int64_t i = 0; i < n; i++)
    for (int64_t block = 0; block < blocks_of(c, v->c_block); block++)
      for (int64_t h = -zero[0]; h < v->h + zero[2]; h++)
        for (int64_t w = -zero[1]; w < v->w + zero[3]; w++) {
          const int inside = h >= 0 && h < v->h && w >= 0 && w < v->w;
          float *to = lw_view_at(v, i, block, h, w);
          for (int64_t lane = 0; lane < v->c_block; lane++) {
            const int64_t channel = block * v->c_block + lane;
            if (!inside)
              to[lane] = 0;
            else if (channel < c)
              to[lane] = plain[((i * c + channel) * v->h + h) * v->w + w];
          }
        }
}

void kit_view_collect(kit_run *run, const lw_view *v, int64_t n, int64_t c, float *plain) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t block = 0; block < blocks_of(c, v->c_block); block++)
      for (int64_t h = -v->top; h < v->h + v->bottom; h++)
        for (int64_t w = -v->left; w < v->w + v->right; w++) {
          const int inside = h >= 0 && h < v->h && w >= 0 && w < v->w;
          const float *from = lw_view_at(v, i, block, h, w);
          for (int64_t lane = 0; lane < v->c_block; lane++) {
            const int64_t channel = block * v->c_block + lane;
            uint32_t bits;
            memcpy(&bits, from + lane, sizeof bits);
            if (!inside && bits != 0 && !run->error[0])
              snprintf(run->error, sizeof run->error,
                       "halo of the output at n %" PRId64 ", channel %" PRId64 ", h %" PRId64 ", w %" PRId64 " is 0x%08" PRIx32
                       ", not +0",
                       i, channel, h, w, bits);
            if (inside && channel < c) memcpy(&plain[((i * c + channel) * v->h + h) * v->w + w], &bits, sizeof bits);
          }
        }
}

lw_view kit_samples_allocate(kit_run *run, kit_role role, int64_t n, int64_t c, int64_t h, int64_t w, const int64_t halo[4]) {
  return kit_view_allocate(run, role, LW_SAMPLES(n), c * LW_BLOCK, h, w, LW_BLOCK, halo);
}

/* Element i of sample s, channel c, as an element of LW_SAMPLES(n) images of c*16 channels. */
static int64_t in_samples(const lw_view *v, int64_t c, int64_t i) {
  const int64_t plane = v->h * v->w, sample = i / plane / c, channel = i / plane % c;
  return ((sample / LW_BLOCK * c + channel) * LW_BLOCK + sample % LW_BLOCK) * plane + i % plane;
}

/* Room for such images, NaN; run->error and NULL if there is none. */
static uint32_t *images_of_samples(kit_run *run, const lw_view *v, int64_t n, int64_t c) {
  const int64_t count = LW_SAMPLES(n) * c * LW_BLOCK * v->h * v->w;
  uint32_t *images = malloc((size_t)(count + 1) * sizeof *images);
  if (!images) strcpy(run->error, "no memory for samples");
  for (int64_t i = 0; images && i < count; i++) images[i] = KIT_POISON;
  return images;
}

void kit_samples_fill(kit_run *run, const lw_view *v, int64_t n, int64_t c, const float *plain, const int64_t zero[4]) {
  uint32_t *images = images_of_samples(run, v, n, c);
  if (!images) return;
  for (int64_t i = 0; i < n * c * v->h * v->w; i++) memcpy(&images[in_samples(v, c, i)], &plain[i], sizeof *plain);
  kit_view_fill(v, LW_SAMPLES(n), c * LW_BLOCK, (const float *)(const void *)images, zero);
  free(images);
}

void kit_samples_collect(kit_run *run, const lw_view *v, int64_t n, int64_t c, float *plain) {
  uint32_t *images = images_of_samples(run, v, n, c);
  if (!images) return;
  kit_view_collect(run, v, LW_SAMPLES(n), c * LW_BLOCK, (float *)(void *)images);
  for (int64_t i = 0; i < n * c * v->h * v->w; i++) memcpy(&plain[i], &images[in_samples(v, c, i)], sizeof *plain);
  free(images);
}

float *kit_pack_weights(kit_run *run, int64_t oc, int64_t k, const float *w) {
  float *packed = kit_run_allocate(run, KIT_WEIGHTS, (size_t)lw_packed_count(oc, k) * sizeof(float));
  if (packed) lw_pack_weights(oc, k, 0, (oc + LW_BLOCK - 1) / LW_BLOCK, w, packed);
  return packed;
}

void kit_unpack_weights(kit_run *run, int64_t oc, int64_t k, const float *packed, float *w) {
  for (int64_t i = 0; i < lw_packed_count(oc, k); i++) {
    const int64_t row = i / LW_BLOCK / k * LW_BLOCK + i % LW_BLOCK, column = i / LW_BLOCK % k;
    uint32_t bits;
    memcpy(&bits, &packed[i], sizeof bits);
    if (row < oc)
      memcpy(&w[row * k + column], &bits, sizeof bits);
    else if (bits != 0 && !run->error[0])
      snprintf(run->error, sizeof run->error, "missing output %" PRId64 " of weight %" PRId64 " is 0x%08" PRIx32 ", not +0", row,
               column, bits);
  }
}

float *kit_pad_bias(kit_run *run, int64_t oc, const float *bias) {
  if (!bias) return NULL;
  const int64_t padded = lw_packed_count(oc, 1);
  float *memory = kit_run_allocate(run, KIT_WEIGHTS, (size_t)padded * sizeof(float));
  if (!memory) return NULL;
  memset(memory, 0, (size_t)padded * sizeof(float));
  memcpy(memory, bias, (size_t)oc * sizeof(float));
  return memory;
}
