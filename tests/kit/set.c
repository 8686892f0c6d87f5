/* SPDX-License-Identifier: Apache-2.0
 * Random numbers, and the plain tensors of a case. */
#include <math.h>
#include <string.h>
#include "tests/kit/kit.h"

uint64_t kit_next(kit_random *r) {
  uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

int64_t kit_between(kit_random *r, int64_t lo, int64_t hi) { return lo + (int64_t)(kit_next(r) % (uint64_t)(hi - lo + 1)); }

double kit_uniform(kit_random *r) { return (double)(kit_next(r) >> 40) * 0x1p-24; }

static const char *const fill_names[KIT_FILLS] = {"integers", "reals", "specials"};
const char *kit_fill_name(kit_fill fill) { return fill_names[fill]; }

static size_t element_bytes(kit_type type) { return type == KIT_U8 ? 1 : 4; }
static int is_input(kit_role role) { return role == KIT_IN || role == KIT_WEIGHTS; }

static int make(kit_set *set, kit_memory memory, size_t f32_bytes) {
  int ok = 1;
  for (int i = 0; i < set->count; i++) {
    const kit_tensor *info = &set->info[i];
    const size_t each = info->type == KIT_F32 ? f32_bytes : element_bytes(info->type);
    set->t[i] = NULL;
    set->buffer[i] = (kit_buffer){0};
    if (!info->name) continue;
    ok &= kit_buffer_make(&set->buffer[i], memory, info->role, (size_t)info->count * each, each);
    set->t[i] = set->buffer[i].p;
  }
  if (!ok) kit_set_free(set);
  return ok;
}

int kit_set_make(kit_set *set, const kit_op *op, const kit_case *c, kit_memory memory) {
  memset(set, 0, sizeof *set);
  set->op = op;
  set->c = *c;
  set->count = op->tensors(c, set->info);
  return make(set, memory, sizeof(float));
}

void kit_set_free(kit_set *set) {
  for (int i = 0; i < set->count; i++) kit_buffer_free(&set->buffer[i]);
}

static float integer(kit_random *r) {
  const int64_t value = kit_between(r, -4, 4);
  return value ? (float)value : kit_next(r) & 1 ? 0.0f : -0.0f;
}

/* One in `rare` is NaN or infinite: chains over many taps would be nothing but NaN otherwise. */
static float special(kit_random *r, float real, int64_t rare) {
  if (kit_between(r, 1, rare) == 1) return kit_next(r) % 3 == 0 ? NAN : kit_next(r) & 1 ? INFINITY : -INFINITY;
  switch (kit_between(r, 0, 15)) {
  case 0: return 0.0f;
  case 1: return -0.0f;
  case 2: return (float)kit_between(r, -1000, 1000) * 0x1p-149f;
  case 3: return real * 0x1p-126f;
  default: return real;
  }
}

static void fill_floats(const kit_tensor *info, float *x, kit_fill fill, int64_t rare, kit_random *r) {
  const double range = info->range > 0 ? info->range : 1;
  for (int64_t i = 0; i < info->count; i++) {
    const double u = kit_uniform(r), positive = range * (0.25 + 0.75 * u);
    if (info->positive) {
      x[i] = (float)positive;
    } else if (info->nonzero > 0) {
      const float one = fill == KIT_INTEGERS ? 1 : (float)positive, real = kit_next(r) % 4 ? one : -one;
      const float value = kit_uniform(r) < (double)info->nonzero ? real : 0;
      x[i] = fill == KIT_SPECIALS ? special(r, value, rare) : value;
    } else if (fill == KIT_INTEGERS) {
      x[i] = integer(r);
    } else {
      const float real = (float)(range * (2 * u - 1));
      x[i] = fill == KIT_REALS ? real : special(r, real, rare);
    }
  }
}

void kit_set_fill(kit_set *set, kit_fill fill, uint64_t seed) {
  int chains = 0;
  for (int i = 0; i < set->count; i++) chains |= set->info[i].role == KIT_WEIGHTS || set->info[i].summed;
  for (int i = 0; i < set->count; i++) {
    const kit_tensor *info = &set->info[i];
    kit_random r = {seed * 64 + (uint64_t)i};
    if (!info->name) continue;
    if (!is_input(info->role)) {
      kit_buffer_poison(&set->buffer[i]);
      continue;
    }
    if (info->type == KIT_F32) fill_floats(info, set->t[i], fill, chains ? 200 : 8, &r);
    if (info->type == KIT_U8)
      for (int64_t k = 0; k < info->count; k++) ((uint8_t *)set->t[i])[k] = (uint8_t)kit_next(&r);
  }
  kit_random r = {seed};
  if (set->op->fill) set->op->fill(&set->c, &r, set->t);
  for (int i = 0; i < set->count; i++)
    if (set->info[i].name && is_input(set->info[i].role)) kit_buffer_seal(&set->buffer[i]);
}

void kit_set_close_weights(kit_set *set, int closed) {
  for (int i = 0; i < set->count; i++)
    if (set->info[i].role == KIT_WEIGHTS) kit_buffer_close(&set->buffer[i], closed);
}

int kit_set_widen(kit_set *wide, const kit_set *set) {
  memset(wide, 0, sizeof *wide);
  wide->op = set->op;
  wide->c = set->c;
  wide->count = set->count;
  memcpy(wide->info, set->info, sizeof wide->info);
  if (!make(wide, KIT_ALIGNED, sizeof(double))) return 0;
  for (int i = 0; i < set->count; i++) {
    const kit_tensor *info = &set->info[i];
    if (!info->name || !is_input(info->role)) continue;
    if (info->type == KIT_F32)
      for (int64_t k = 0; k < info->count; k++) ((double *)wide->t[i])[k] = ((const float *)set->t[i])[k];
    else
      memcpy(wide->t[i], set->t[i], set->buffer[i].bytes);
  }
  return 1;
}

int kit_set_output(const kit_set *set) {
  int i = 0;
  while (set->info[i].role != KIT_OUT || set->info[i].type != KIT_F32) i++;
  return i;
}

double kit_bytes(const kit_op *op, const kit_case *c) {
  kit_tensor t[KIT_TENSORS];
  const int count = op->tensors(c, t);
  double bytes = 0;
  for (int i = 0; i < count; i++)
    if (t[i].name) bytes += (double)t[i].count * (double)element_bytes(t[i].type);
  return bytes;
}
