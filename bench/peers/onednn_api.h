/* SPDX-License-Identifier: Apache-2.0
 * What differs between versions 2 and 3 of oneDNN's C API: descriptors of tensors, and how primitives are described. */
#ifndef LANEWISE_BENCH_PEERS_ONEDNN_API_H
#define LANEWISE_BENCH_PEERS_ONEDNN_API_H

#include <oneapi/dnnl/dnnl.h>

/* Sizes, type and layout of a tensor: a struct in version 2, an object in version 3; both are held by a pointer. */
#if DNNL_VERSION_MAJOR >= 3
typedef struct dnnl_memory_desc onednn_layout;
#else
typedef dnnl_memory_desc_t onednn_layout;
#endif
/* An f32 tensor; NULL if it cannot be made. */
onednn_layout *onednn_layout_make(int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag);
/* NULL is allowed. */
void onednn_layout_free(onednn_layout *layout);

/* A primitive: those members count that its kind has. Version 2 gives outputs of eltwise and softmax the layout of `src`. */
typedef struct onednn_op {
  dnnl_alg_kind_t algorithm;
  const onednn_layout *src, *src1, *weights, *bias, *dst;
  dnnl_dims_t strides, kernel, dilation, before, after; /* [h, w]; dilation 0 is an ordinary kernel; before, after: padding */
} onednn_op;

typedef dnnl_status_t onednn_describe(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                      const_dnnl_primitive_attr_t attr);
onednn_describe onednn_convolution, onednn_inner_product, onednn_pooling, onednn_eltwise, onednn_binary;
onednn_describe onednn_softmax, onednn_log_softmax; /* over axis 1 */
/* y = algorithm(y) after a primitive. */
dnnl_status_t onednn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm);
/* The layout of a tensor; it lives as long as the tensor. */
const onednn_layout *onednn_memory_layout(dnnl_memory_t memory);

#endif
