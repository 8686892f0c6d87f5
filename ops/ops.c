/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"

#include <inttypes.h>
#include <stdio.h>

lw_status lw_check_least(const char *op, const char *name, int64_t value, int64_t least) {
  if (value >= least) return LW_OK;
  return lw_fail(LW_BAD_SHAPE, "%s: %s is %" PRId64 ", expected at least %" PRId64, op, name, value, least);
}

lw_status lw_check_count(const char *op, const char *tensor, const int64_t *dims, int rank, size_t element_bytes,
                         int64_t *count) {
  int64_t bytes = (int64_t)element_bytes, product = 1;
  int overflow = 0;
  char shape[128] = "";
  int length = 0;
  for (int i = 0; i < rank; i++) {
    if (length < (int)sizeof shape)
      length += snprintf(shape + length, sizeof shape - (size_t)length, i ? " x %" PRId64 : "%" PRId64, dims[i]);
    if (dims[i] < (i == 0 ? 0 : 1))
      return lw_fail(LW_BAD_SHAPE, "%s: size %d of %s is %" PRId64 ", expected at least %d", op, i, tensor, dims[i], i != 0);
    overflow |= __builtin_mul_overflow(bytes, dims[i] > 0 ? dims[i] : 1, &bytes);
    product = overflow ? 0 : product * dims[i];
  }
  if (overflow || bytes > PTRDIFF_MAX)
    return lw_fail(LW_BAD_SHAPE, "%s: %s has %s elements: more than memory can address", op, tensor, shape);
  if (count) *count = product;
  return LW_OK;
}

lw_status lw_check_pointer(const char *op, const char *name, const void *p, size_t alignment) {
  if (!p) return lw_fail(LW_BAD_ARGUMENT, "%s: %s is NULL", op, name);
  if ((uintptr_t)p % alignment != 0)
    return lw_fail(LW_BAD_ARGUMENT, "%s: %s is %p, expected alignment to %zu bytes", op, name, p, alignment);
  return LW_OK;
}

enum { WORK_PER_PART = 20000 }; /* 1 to 2 us of a fast kernel, more than handing a share to a spinning thread costs */

int lw_kernel_parts(const lw_context *context, int64_t work) {
  const int64_t useful = work / WORK_PER_PART;
  return useful < 2 ? 1 : useful < context->threads ? (int)useful : context->threads;
}

int64_t lw_mac_work(const lw_context *context, double macs, int once) {
  const double work = !lw_isa_is_simd(context->isa) ? macs : macs / (once ? 4 : 8);
  return work < 1e15 ? (int64_t)work : (int64_t)1e15;
}

typedef struct call {
  const lw_kernel *kernel;
  const lw_args *args;
} call;

static void run_part(void *user, int part, int parts) {
  const call *c = user;
  c->kernel->fn(c->args, (lw_part){part, parts});
}

void lw_kernel_run(const lw_context *context, const lw_kernel *kernel, const lw_args *args, int64_t work) {
  call c = {kernel, args};
  lw_parallel(context, lw_kernel_parts(context, work), run_part, &c);
}

lw_status lw_op_run(lw_context *context, lw_op op, const char *algorithm, const lw_args *args, int64_t work) {
  LW_TRY(lw_context_resolve(context, &context));
  const lw_kernel *kernel = lw_kernel_find(op, context->isa, lw_isa_is_simd(context->isa) ? algorithm : NULL);
  if (!kernel) return lw_fail(LW_UNSUPPORTED, "%s: no kernel for ISA %s", lw_op_name(op), lw_isa_name(context->isa));
  lw_kernel_run(context, kernel, args, work);
  return LW_OK;
}
