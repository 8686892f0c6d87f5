/* SPDX-License-Identifier: Apache-2.0
 * Buffers between inaccessible pages, with canaries in what is left of the accessible ones. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/kit/kit.h"

enum { CANARY = 0xc5, HUGE_BYTES = 2 << 20 };

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static int make_aligned(kit_buffer *b) {
  const int huge = b->bytes >= 2 * HUGE_BYTES;
  const size_t alignment = huge ? HUGE_BYTES : 64;
  b->map_bytes = round_up(b->bytes ? b->bytes : 1, alignment);
  b->p = b->map = aligned_alloc(alignment, b->map_bytes);
  if (b->map && huge) madvise(b->map, b->map_bytes, MADV_HUGEPAGE);
  return b->map != NULL;
}

int kit_buffer_make(kit_buffer *b, kit_memory memory, kit_role role, size_t bytes, size_t element_bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), offset = memory == KIT_GUARD_OFFSET ? element_bytes : 0;
  *b = (kit_buffer){.bytes = bytes, .memory = memory, .role = role};
  if (memory == KIT_ALIGNED) return make_aligned(b);
  b->map_bytes = round_up(bytes + offset ? bytes + offset : 1, page);
  char *all = mmap(NULL, b->map_bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return 0;
  b->map = all + page;
  mprotect(all, page, PROT_NONE);
  mprotect(b->map + b->map_bytes, page, PROT_NONE);
  b->p = memory == KIT_GUARD_END ? b->map + b->map_bytes - bytes : b->map + offset;
  memset(b->map, CANARY, (size_t)(b->p - b->map));
  memset(b->p + bytes, CANARY, (size_t)(b->map + b->map_bytes - b->p) - bytes);
  return 1;
}

void kit_buffer_free(kit_buffer *b) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (b->map && b->memory == KIT_ALIGNED) free(b->map);
  if (b->map && b->memory != KIT_ALIGNED) munmap(b->map - page, b->map_bytes + 2 * page);
  b->map = b->p = NULL;
}

void kit_buffer_poison(kit_buffer *b) {
  const uint32_t poison = KIT_POISON;
  for (size_t i = 0; i + sizeof poison <= b->bytes; i += sizeof poison) memcpy(b->p + i, &poison, sizeof poison);
}

void kit_buffer_close(kit_buffer *b, int closed) {
  if (!b->map || b->memory == KIT_ALIGNED) return;
  mprotect(b->map, b->map_bytes, closed ? PROT_NONE : PROT_READ | PROT_WRITE);
  b->closed = closed;
}

/* Four independent multiplicative hashes, so that large inputs take little time. */
static uint64_t checksum(const kit_buffer *b) {
  uint64_t sum[4] = {1, 2, 3, 4}, word[4];
  size_t i = 0;
  for (; i + sizeof word <= b->bytes; i += sizeof word) {
    memcpy(word, b->p + i, sizeof word);
    for (int k = 0; k < 4; k++) sum[k] = (sum[k] ^ word[k]) * UINT64_C(0x9e3779b97f4a7c15);
  }
  for (; i < b->bytes; i++) sum[i % 4] = (sum[i % 4] ^ (unsigned char)b->p[i]) * UINT64_C(0x9e3779b97f4a7c15);
  return sum[0] ^ sum[1] << 1 ^ sum[2] << 2 ^ sum[3] << 3;
}

void kit_buffer_seal(kit_buffer *b) { b->checksum = checksum(b); }

static int is_canary(const char *p, const char *end) {
  for (; p < end; p++)
    if ((unsigned char)*p != CANARY) return 0;
  return 1;
}

const char *kit_buffer_check(const kit_buffer *b) {
  if (b->closed) return NULL;
  if (b->memory != KIT_ALIGNED) {
    if (!is_canary(b->map, b->p)) return "written before the start";
    if (!is_canary(b->p + b->bytes, b->map + b->map_bytes)) return "written past the end";
  }
  if ((b->role == KIT_IN || b->role == KIT_WEIGHTS) && b->checksum != checksum(b)) return "input modified";
  return NULL;
}
