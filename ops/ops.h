/* SPDX-License-Identifier: Apache-2.0
 * What the public operator functions share: checks with messages that name operator, argument and value, and the call into the
 * kernel table. One file per operator, basenames of ref/. */
#ifndef LANEWISE_OPS_OPS_H
#define LANEWISE_OPS_OPS_H

#include "lanewise.h"
#include "lanewise_train.h"
#include "runtime/context.h"
#include "runtime/memory.h"
#include "simd/kernels.h"

#define LW_TRY(call)                                                                                                             \
  do {                                                                                                                           \
    const lw_status status_ = (call);                                                                                            \
    if (status_ != LW_OK) return status_;                                                                                        \
  } while (0)

/* value must be >= least, else LW_BAD_SHAPE "conv2d: stride_h is 0, expected at least 1". */
lw_status lw_check_least(const char *op, const char *name, int64_t value, int64_t least);
/* The product of dims (each >= 1, the first may be 0), counted in `element_bytes`-sized elements, must fit an address space:
 * "conv2d: x has 3000000000 x 3000000000 elements: too many". *count may be NULL. */
lw_status lw_check_count(const char *op, const char *tensor, const int64_t *dims, int rank, size_t element_bytes, int64_t *count);
/* size + more, INT64_MAX where that is too large: a size that lw_check_count refuses. */
static inline int64_t lw_size_plus(int64_t size, int64_t more) {
  int64_t sum;
  return __builtin_add_overflow(size, more, &sum) ? INT64_MAX : sum;
}
/* p must not be NULL and must be aligned to `alignment`: LW_BAD_ARGUMENT. */
lw_status lw_check_pointer(const char *op, const char *name, const void *p, size_t alignment);
#define LW_CHECK_F32(op, name) lw_check_pointer(op, #name, name, sizeof(float))

/* The descriptor of linear, in the words of `op`. */
lw_status lw_linear_check(const char *op, const lw_linear_desc *desc);
/* Values that a pooling operator looks at. */
int64_t lw_pool2d_work(const lw_pool2d_desc *desc, int64_t oh, int64_t ow);

/* Options of sgd; the descriptor of softmax_cross_entropy; its labels, in the words of `op`. */
lw_status lw_sgd_check(const lw_sgd_options *options);
lw_status lw_cross_entropy_check(const lw_cross_entropy_desc *desc);
lw_status lw_cross_entropy_check_labels(const char *op, const lw_cross_entropy_desc *desc, const int32_t *labels);

/* Runs `kernel` on the threads of `context`. work: elements in all, or lw_mac_work; small work stays on the calling thread,
 * since waking others costs more. */
void lw_kernel_run(const lw_context *context, const lw_kernel *kernel, const lw_args *args, int64_t work);
/* How many parts lw_kernel_run will use. */
int lw_kernel_parts(const lw_context *context, int64_t work);
/* The work of so many multiply-adds. once: each weight is used for one sum only, so that reading it takes longer. */
int64_t lw_mac_work(const lw_context *context, double macs, int once);
/* Resolves a NULL context, then finds the kernel; for operators that need nothing else. */
lw_status lw_op_run(lw_context *context, lw_op op, const char *algorithm, const lw_args *args, int64_t work);

#endif
