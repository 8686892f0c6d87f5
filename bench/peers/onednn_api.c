/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/onednn_api.h"

#include <stdlib.h>

enum { SOFTMAX_AXIS = 1 };

#if DNNL_VERSION_MAJOR >= 3

onednn_layout *onednn_layout_make(int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t layout;
  return dnnl_memory_desc_create_with_tag(&layout, rank, dims, dnnl_f32, tag) == dnnl_success ? layout : NULL;
}

void onednn_layout_free(onednn_layout *layout) {
  if (layout) dnnl_memory_desc_destroy(layout);
}

const onednn_layout *onednn_memory_layout(dnnl_memory_t memory) {
  const_dnnl_memory_desc_t layout;
  return dnnl_memory_get_memory_desc(memory, &layout) == dnnl_success ? layout : NULL;
}

dnnl_status_t onednn_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                 const_dnnl_primitive_attr_t attr) {
  return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, op->algorithm, op->src, op->weights,
                                                        op->bias, op->dst, op->strides, op->dilation, op->before, op->after,
                                                        attr);
}

dnnl_status_t onednn_inner_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                   const_dnnl_primitive_attr_t attr) {
  return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, op->src, op->weights, op->bias,
                                                          op->dst, attr);
}

dnnl_status_t onednn_pooling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, op->algorithm, op->src, op->dst,
                                                    op->strides, op->kernel, op->dilation, op->before, op->after, attr);
}

dnnl_status_t onednn_eltwise(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  return dnnl_eltwise_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, op->algorithm, op->src, op->dst, 0, 0,
                                                    attr);
}

dnnl_status_t onednn_binary(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                            const_dnnl_primitive_attr_t attr) {
  return dnnl_binary_primitive_desc_create(pd, engine, op->algorithm, op->src, op->src1, op->dst, attr);
}

static dnnl_status_t softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t algorithm, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  return dnnl_softmax_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, algorithm, op->src, op->dst, SOFTMAX_AXIS,
                                                    attr);
}

dnnl_status_t onednn_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  return softmax(pd, engine, dnnl_softmax_accurate, op, attr);
}

dnnl_status_t onednn_log_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                 const_dnnl_primitive_attr_t attr) {
  return softmax(pd, engine, dnnl_softmax_log, op, attr);
}

dnnl_status_t onednn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm) {
  return dnnl_post_ops_append_eltwise(ops, algorithm, 0, 0);
}

#else

onednn_layout *onednn_layout_make(int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
  onednn_layout *layout = malloc(sizeof *layout);
  if (layout && dnnl_memory_desc_init_by_tag(layout, rank, dims, dnnl_f32, tag) == dnnl_success) return layout;
  free(layout);
  return NULL;
}

void onednn_layout_free(onednn_layout *layout) { free(layout); }

const onednn_layout *onednn_memory_layout(dnnl_memory_t memory) {
  const dnnl_memory_desc_t *layout;
  return dnnl_memory_get_memory_desc(memory, &layout) == dnnl_success ? layout : NULL;
}

/* `desc` was filled with status `made`. */
static dnnl_status_t describe(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_status_t made, const void *desc,
                              const_dnnl_primitive_attr_t attr) {
  return made == dnnl_success ? dnnl_primitive_desc_create(pd, desc, attr, engine, NULL) : made;
}

dnnl_status_t onednn_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                 const_dnnl_primitive_attr_t attr) {
  dnnl_convolution_desc_t desc;
  const dnnl_status_t made =
      dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_inference, op->algorithm, op->src, op->weights, op->bias,
                                                 op->dst, op->strides, op->dilation, op->before, op->after);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_inner_product(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                   const_dnnl_primitive_attr_t attr) {
  dnnl_inner_product_desc_t desc;
  const dnnl_status_t made =
      dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, op->src, op->weights, op->bias, op->dst);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_pooling(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  dnnl_pooling_v2_desc_t desc;
  const dnnl_status_t made = dnnl_pooling_v2_forward_desc_init(&desc, dnnl_forward_inference, op->algorithm, op->src, op->dst,
                                                               op->strides, op->kernel, op->dilation, op->before, op->after);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_eltwise(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  dnnl_eltwise_desc_t desc;
  const dnnl_status_t made = dnnl_eltwise_forward_desc_init(&desc, dnnl_forward_inference, op->algorithm, op->src, 0, 0);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_binary(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                            const_dnnl_primitive_attr_t attr) {
  dnnl_binary_desc_t desc;
  const dnnl_status_t made = dnnl_binary_desc_init(&desc, op->algorithm, op->src, op->src1, op->dst);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                             const_dnnl_primitive_attr_t attr) {
  dnnl_softmax_desc_t desc;
  const dnnl_status_t made = dnnl_softmax_forward_desc_init(&desc, dnnl_forward_inference, op->src, SOFTMAX_AXIS);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_log_softmax(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const onednn_op *op,
                                 const_dnnl_primitive_attr_t attr) {
  dnnl_logsoftmax_desc_t desc;
  const dnnl_status_t made = dnnl_logsoftmax_forward_desc_init(&desc, dnnl_forward_inference, op->src, SOFTMAX_AXIS);
  return describe(pd, engine, made, &desc, attr);
}

dnnl_status_t onednn_append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t algorithm) {
  return dnnl_post_ops_append_eltwise(ops, 1, algorithm, 0, 0);
}

#endif
