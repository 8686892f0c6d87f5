/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_RUNTIME_MEMORY_H
#define LANEWISE_RUNTIME_MEMORY_H

#include <stddef.h>
#include "lanewise.h"

/* 64-byte aligned memory from the allocator of a resolved context; large blocks on 2 MB pages where the system grants them. NULL if
 * there is none or bytes is 0. */
void *lw_memory_get(const lw_context *context, size_t bytes);
void lw_memory_free(const lw_context *context, void *pointer);

#endif
