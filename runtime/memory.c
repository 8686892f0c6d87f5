/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "runtime/context.h"

enum { LINE = 64, HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

void *lw_memory_get(const lw_context *context, size_t bytes) {
  const size_t alignment = bytes >= HUGE_FROM ? HUGE_PAGE : LINE;
  if (bytes > PTRDIFF_MAX - alignment) return NULL;
  bytes = bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
  void *p = context->allocate ? context->allocate(context->allocate_user, bytes, alignment) : aligned_alloc(alignment, bytes);
  if ((uintptr_t)p % alignment != 0) {
    lw_memory_free(context, p);
    return NULL;
  }
  /* A stream of weights misses the TLB on 4 KB pages. Refusal is no error: the memory is the same, only slower. */
  if (p && alignment == HUGE_PAGE) (void)madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void lw_memory_free(const lw_context *context, void *pointer) {
  if (!pointer) return;
  if (context->release)
    context->release(context->allocate_user, pointer);
  else
    free(pointer);
}

lw_status lw_allocate(lw_context *context, size_t bytes, void **pointer) {
  if (!pointer) return lw_fail(LW_BAD_ARGUMENT, "lw_allocate: pointer is NULL");
  const lw_status status = lw_context_resolve(context, &context);
  if (status != LW_OK) return status;
  void *p = lw_memory_get(context, bytes);
  if (!p) return lw_fail(LW_NO_MEMORY, "lw_allocate: the allocator has no aligned memory for %zu bytes", bytes);
  *pointer = p;
  return LW_OK;
}

void lw_release(lw_context *context, void *pointer) {
  if (pointer && lw_context_resolve(context, &context) == LW_OK) lw_memory_free(context, pointer);
}
