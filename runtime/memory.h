/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_RUNTIME_MEMORY_H
#define LANEWISE_RUNTIME_MEMORY_H

#include <stddef.h>
#include "lanewise.h"

/* 64-byte aligned memory from the allocator of a resolved context; from 4 MB on 2 MB aligned, on 2 MB pages where the system
 * grants them. The allocator is asked for `bytes` rounded up to the alignment; 0 bytes count as 1, so that an empty workspace is
 * a pointer like any other. NULL if there is no memory, or if a caller's allocator ignores the alignment it is asked for. */
void *lw_memory_get(const lw_context *context, size_t bytes);
/* NULL is allowed. */
void lw_memory_free(const lw_context *context, void *pointer);

#endif
