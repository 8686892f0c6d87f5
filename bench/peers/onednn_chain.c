/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/onednn.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------------------------------------------- tensors */

/* Adds a tensor; *index is its number. */
static lw_status add_tensor(onednn_chain *c, const onednn_layout *layout, onednn_place place, size_t *index) {
  onednn_tensor *grown = realloc(c->tensors, (c->tensor_count + 1) * sizeof *grown);
  if (!grown) return lw_fail(LW_NO_MEMORY, "onednn: no memory for %zu tensors", c->tensor_count + 1);
  c->tensors = grown;
  onednn_tensor *t = &c->tensors[c->tensor_count];
  *t = (onednn_tensor){.place = place};
  const lw_status status = onednn_check(dnnl_memory_create(&t->memory, layout, c->backend->engine, DNNL_MEMORY_NONE), "memory");
  if (status != LW_OK) return status;
  *index = c->tensor_count++;
  if (place != ONEDNN_OWN) return LW_OK;
  t->own = peer_allocate("onednn: weights", dnnl_memory_desc_get_size(layout));
  if (!t->own) return LW_NO_MEMORY;
  return onednn_check(dnnl_memory_set_data_handle(t->memory, t->own), "memory of weights");
}

static dnnl_memory_t memory_of(const onednn_chain *c, size_t index) { return c->tensors[index].memory; }
static const onednn_layout *layout_of(const onednn_chain *c, size_t index) { return onednn_memory_layout(memory_of(c, index)); }
/* Where the successor of the current tensor may lie. */
static onednn_place next_place(const onednn_chain *c) {
  return c->tensors[c->current].place == ONEDNN_LOW ? ONEDNN_HIGH : ONEDNN_LOW;
}

static void set_sizes(onednn_chain *c, int rank, const dnnl_dims_t dims) {
  c->rank = rank;
  memcpy(c->dims, dims, sizeof c->dims);
}

static dnnl_format_tag_t plain_tag(int rank) {
  return rank == 1 ? dnnl_a : rank == 2 ? dnnl_ab : rank == 4 ? dnnl_abcd : dnnl_abcde;
}

/* --------------------------------------------------------------------------------------------------------------- steps */

static lw_status add_step(onednn_chain *c, const_dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *args, int count) {
  onednn_step *grown = realloc(c->steps, (c->step_count + 1) * sizeof *grown);
  if (!grown) return lw_fail(LW_NO_MEMORY, "onednn: no memory for %zu primitives", c->step_count + 1);
  c->steps = grown;
  onednn_step *s = &c->steps[c->step_count];
  *s = (onednn_step){.count = count};
  memcpy(s->args, args, (size_t)count * sizeof *args);
  const onednn_layout *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
  if (scratch && dnnl_memory_desc_get_size(scratch) > 0) {
    size_t index;
    const lw_status status = add_tensor(c, scratch, ONEDNN_SCRATCH, &index);
    if (status != LW_OK) return status;
    s->args[s->count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory_of(c, index)};
  }
  const lw_status status = onednn_check(dnnl_primitive_create(&s->primitive, pd), "primitive");
  if (status == LW_OK) c->step_count++;
  return status;
}

/* Attributes of every primitive: scratch comes from us; what is fused. NULL and a message if that fails. */
static dnnl_primitive_attr_t make_attributes(int fused) {
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(&attr);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && fused != ONEDNN_NONE) {
    status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success) status = onednn_append_eltwise(ops, fused == ONEDNN_RELU ? dnnl_eltwise_relu : dnnl_eltwise_tanh);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, ops);
    if (ops) dnnl_post_ops_destroy(ops);
  }
  if (onednn_check(status, "attributes") == LW_OK) return attr;
  if (attr) dnnl_primitive_attr_destroy(attr);
  return NULL;
}

/* A step that brings the current tensor into a tensor of another layout at `place`. */
static lw_status add_reorder(onednn_chain *c, const onednn_layout *wanted, onednn_place place) {
  size_t to;
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_attr_t attr = make_attributes(ONEDNN_NONE);
  if (!attr) return LW_UNSUPPORTED;
  lw_status status = onednn_check(
      dnnl_reorder_primitive_desc_create(&pd, layout_of(c, c->current), c->backend->engine, wanted, c->backend->engine, attr),
      "reorder");
  dnnl_primitive_attr_destroy(attr);
  if (status == LW_OK) status = add_tensor(c, wanted, place, &to);
  if (status == LW_OK)
    status = add_step(c, pd, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, memory_of(c, c->current)}, {DNNL_ARG_TO, memory_of(c, to)}}, 2);
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (status != LW_OK) return status;
  c->steps[c->step_count - 1].is_reorder = 1;
  c->current = to;
  return LW_OK;
}

static lw_status to_layout(onednn_chain *c, const onednn_layout *wanted) {
  if (dnnl_memory_desc_equal(layout_of(c, c->current), wanted)) return LW_OK;
  return add_reorder(c, wanted, next_place(c));
}

/* A tensor of its own with the values of `data`, which has the layout `plain`. */
static lw_status add_weights(onednn_chain *c, const onednn_layout *plain, const float *data, const onednn_layout *wanted,
                             size_t *index) {
  dnnl_memory_t from = NULL;
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_t reorder = NULL;
  lw_status status = add_tensor(c, wanted, ONEDNN_OWN, index);
  if (status == LW_OK) /* it is only read */
    status = onednn_check(dnnl_memory_create(&from, plain, c->backend->engine, (void *)(uintptr_t)data), "memory of weights");
  if (status == LW_OK)
    status = onednn_check(dnnl_reorder_primitive_desc_create(&pd, plain, c->backend->engine, wanted, c->backend->engine, NULL),
                          "reorder of weights");
  if (status == LW_OK) status = onednn_check(dnnl_primitive_create(&reorder, pd), "reorder of weights");
  if (status == LW_OK) {
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, memory_of(c, *index)}};
    status = onednn_check(dnnl_primitive_execute(reorder, c->backend->stream, 2, args), "reorder of weights");
  }
  if (status == LW_OK) status = onednn_check(dnnl_stream_wait(c->backend->stream), "reorder of weights");
  if (reorder) dnnl_primitive_destroy(reorder);
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (from) dnnl_memory_destroy(from);
  return status;
}

/* Describes a primitive whose layouts are all given; NULL and a message if there is none. */
static dnnl_primitive_desc_t describe(const onednn *b, const char *what, onednn_describe *kind, const onednn_op *op, int fused) {
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_attr_t attr = make_attributes(fused);
  if (!attr) return NULL;
  onednn_threads(b);
  if (onednn_check(kind(&pd, b->engine, op, attr), what) != LW_OK) pd = NULL;
  dnnl_primitive_attr_destroy(attr);
  return pd;
}

/* Parameters of a primitive as the caller has them; data NULL: none. */
typedef struct parameters {
  const float *data;
  int rank;
  dnnl_dims_t sizes;
} parameters;

static lw_status add_parameters(onednn_chain *c, const parameters *p, const onednn_layout *wanted, size_t *index) {
  onednn_layout *plain = onednn_layout_make(p->rank, p->sizes, plain_tag(p->rank));
  if (!plain) return lw_fail(LW_NO_MEMORY, "onednn: weights cannot be described");
  const lw_status status = add_weights(c, plain, p->data, wanted, index);
  onednn_layout_free(plain);
  return status;
}

/* Adds the primitive pd, which is released; NULL is LW_UNSUPPORTED. w and bias: NULL, or its parameters. */
static lw_status add_primitive(onednn_chain *c, dnnl_primitive_desc_t pd, const parameters *w, const parameters *bias) {
  dnnl_exec_arg_t args[ONEDNN_ARGS];
  int count = 0;
  size_t index;
  if (!pd) return LW_UNSUPPORTED;
  lw_status status = to_layout(c, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0));
  args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SRC_0, memory_of(c, c->current)}; /* DNNL_ARG_SRC is the same */
  if (c->second) args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SRC_1, memory_of(c, c->second)};
  if (status == LW_OK && w && w->data) {
    status = add_parameters(c, w, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), &index);
    if (status == LW_OK) args[count++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, memory_of(c, index)};
  }
  if (status == LW_OK && bias && bias->data) {
    status = add_parameters(c, bias, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1), &index);
    if (status == LW_OK) args[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, memory_of(c, index)};
  }
  if (status == LW_OK) status = add_tensor(c, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), next_place(c), &index);
  if (status == LW_OK) {
    args[count++] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory_of(c, index)};
    status = add_step(c, pd, args, count);
  }
  dnnl_primitive_desc_destroy(pd);
  if (status == LW_OK) c->current = index;
  return status;
}

/* A primitive with parameters, in the layouts that oneDNN chooses; NULL and a message if there is none. */
static dnnl_primitive_desc_t describe_weighted(const onednn *b, const char *what, onednn_describe *kind, onednn_op op, int fused,
                                               int rank_x, const dnnl_dims_t x, const parameters *w, const parameters *bias,
                                               int rank_y, const dnnl_dims_t y) {
  onednn_layout *src = onednn_layout_make(rank_x, x, dnnl_format_tag_any);
  onednn_layout *dst = onednn_layout_make(rank_y, y, dnnl_format_tag_any);
  onednn_layout *weights = onednn_layout_make(w->rank, w->sizes, dnnl_format_tag_any);
  onednn_layout *one = bias->data ? onednn_layout_make(1, bias->sizes, dnnl_a) : NULL;
  dnnl_primitive_desc_t pd = NULL;
  op.src = src;
  op.dst = dst;
  op.weights = weights;
  op.bias = one;
  if (src && dst && weights && (one || !bias->data))
    pd = describe(b, what, kind, &op, fused);
  else
    (void)lw_fail(LW_NO_MEMORY, "onednn: %s: its tensors cannot be described", what);
  onednn_layout_free(src);
  onednn_layout_free(dst);
  onednn_layout_free(weights);
  onednn_layout_free(one);
  return pd;
}

/* A convolution by `algorithm`, with y's sizes. */
static dnnl_primitive_desc_t describe_conv2d(const onednn *b, const lw_conv2d_desc *d, dnnl_alg_kind_t algorithm, int fused,
                                             const parameters *w, const parameters *bias, const dnnl_dims_t y) {
  const onednn_op op = {.algorithm = algorithm,
                        .strides = {d->stride_h, d->stride_w},
                        .dilation = {d->dilation_h - 1, d->dilation_w - 1},
                        .before = {d->pad_top, d->pad_left},
                        .after = {d->pad_bottom, d->pad_right}};
  return describe_weighted(b, "convolution", onednn_convolution, op, fused, 4, (const dnnl_dims_t){d->n, d->ic, d->ih, d->iw}, w,
                           bias, 4, y);
}

static parameters conv2d_weights(const lw_conv2d_desc *d, const float *w) {
  if (d->groups == 1) return (parameters){w, 4, {d->oc, d->ic, d->kh, d->kw}};
  return (parameters){w, 5, {d->groups, d->oc / d->groups, d->ic / d->groups, d->kh, d->kw}};
}

int onednn_has_winograd(const onednn *b, const lw_conv2d_desc *d) {
  int64_t oh, ow;
  if (lw_conv2d_output(d, &oh, &ow) != LW_OK || d->n == 0) return 0;
  const parameters w = conv2d_weights(d, NULL), bias = {NULL, 1, {d->oc}};
  dnnl_primitive_desc_t pd =
      describe_conv2d(b, d, dnnl_convolution_winograd, ONEDNN_NONE, &w, &bias, (const dnnl_dims_t){d->n, d->oc, oh, ow});
  if (pd) dnnl_primitive_desc_destroy(pd);
  return pd != NULL;
}

lw_status onednn_chain_conv2d(onednn_chain *c, const lw_conv2d_desc *d, const float *w, const float *bias, int fused) {
  int64_t oh, ow;
  lw_status status = lw_conv2d_output(d, &oh, &ow);
  if (status != LW_OK || c->empty) return status;
  const dnnl_alg_kind_t algorithm =
      c->backend->winograd && onednn_has_winograd(c->backend, d) ? dnnl_convolution_winograd : dnnl_convolution_direct;
  const parameters weights = conv2d_weights(d, w), biases = {bias, 1, {d->oc}};
  const dnnl_dims_t y = {d->n, d->oc, oh, ow};
  status = add_primitive(c, describe_conv2d(c->backend, d, algorithm, fused, &weights, &biases, y), &weights, &biases);
  if (status == LW_OK) set_sizes(c, 4, y);
  return status;
}

lw_status onednn_chain_linear(onednn_chain *c, int64_t out, const float *w, const float *bias, int fused) {
  if (c->empty) return LW_OK;
  parameters weights = {.data = w, .rank = c->rank};
  memcpy(weights.sizes, c->dims, sizeof weights.sizes);
  weights.sizes[0] = out;
  const parameters biases = {bias, 1, {out}};
  const dnnl_dims_t y = {c->dims[0], out};
  const lw_status status = add_primitive(c,
                                         describe_weighted(c->backend, "inner product", onednn_inner_product, (onednn_op){0},
                                                           fused, c->rank, c->dims, &weights, &biases, 2, y),
                                         &weights, &biases);
  if (status == LW_OK) set_sizes(c, 2, y);
  return status;
}

lw_status onednn_chain_pool2d(onednn_chain *c, const lw_pool2d_desc *d, dnnl_alg_kind_t algorithm) {
  int64_t oh, ow;
  lw_status status = lw_pool2d_output(d, &oh, &ow);
  if (status != LW_OK || c->empty) return status;
  const dnnl_dims_t y = {d->n, d->c, oh, ow};
  onednn_layout *dst = onednn_layout_make(4, y, dnnl_format_tag_any);
  if (!dst) return lw_fail(LW_NO_MEMORY, "onednn: pooling: its output cannot be described");
  /* oneDNN wants the padding that the windows touch at the end: less or more than ours when they do not end with the input. */
  const onednn_op op = {.algorithm = algorithm,
                        .src = layout_of(c, c->current),
                        .dst = dst,
                        .strides = {d->stride_h, d->stride_w},
                        .kernel = {d->kh, d->kw},
                        .dilation = {d->dilation_h - 1, d->dilation_w - 1},
                        .before = {d->pad_h, d->pad_w},
                        .after = {(oh - 1) * d->stride_h + (d->kh - 1) * d->dilation_h + 1 - d->ih - d->pad_h,
                                  (ow - 1) * d->stride_w + (d->kw - 1) * d->dilation_w + 1 - d->iw - d->pad_w}};
  status = add_primitive(c, describe(c->backend, "pooling", onednn_pooling, &op, ONEDNN_NONE), NULL, NULL);
  onednn_layout_free(dst);
  if (status == LW_OK) set_sizes(c, 4, y);
  return status;
}

lw_status onednn_chain_map(onednn_chain *c, onednn_describe *kind, dnnl_alg_kind_t algorithm) {
  if (c->empty) return LW_OK;
  const onednn_op op = {.algorithm = algorithm, .src = layout_of(c, c->current), .dst = layout_of(c, c->current)};
  return add_primitive(c, describe(c->backend, "elementwise primitive", kind, &op, ONEDNN_NONE), NULL, NULL);
}

lw_status onednn_chain_add(onednn_chain *c) {
  if (c->empty) return LW_OK;
  const onednn_layout *layout = layout_of(c, c->current);
  const lw_status status = add_tensor(c, layout, ONEDNN_SECOND, &c->second);
  if (status != LW_OK) return status;
  const onednn_op op = {.algorithm = dnnl_binary_add, .src = layout, .src1 = layout, .dst = layout};
  return add_primitive(c, describe(c->backend, "addition", onednn_binary, &op, ONEDNN_NONE), NULL, NULL);
}

lw_status onednn_chain_block(onednn_chain *c) {
  if (c->empty) return LW_OK;
  onednn_layout *blocked = onednn_layout_make(c->rank, c->dims, c->backend->block == 16 ? dnnl_aBcd16b : dnnl_aBcd8b);
  if (!blocked) return lw_fail(LW_NO_MEMORY, "onednn: a blocked layout cannot be described");
  const lw_status status = to_layout(c, blocked);
  onednn_layout_free(blocked);
  return status;
}

/* ---------------------------------------------------------------------------------------------------------- begin and end */

onednn_chain *onednn_chain_make(const onednn *backend, int rank, const dnnl_dims_t dims) {
  onednn_chain *c = calloc(1, sizeof *c);
  if (!c) return (void)lw_fail(LW_NO_MEMORY, "onednn: no memory for a chain of primitives"), NULL;
  c->backend = backend;
  set_sizes(c, rank, dims);
  c->empty = dims[0] == 0;
  if (c->empty) return c;
  onednn_layout *plain = onednn_layout_make(rank, dims, plain_tag(rank));
  if (plain && add_tensor(c, plain, ONEDNN_X, &c->x) == LW_OK) {
    c->current = c->x;
    onednn_layout_free(plain);
    return c;
  }
  if (!plain) (void)lw_fail(LW_NO_MEMORY, "onednn: the input cannot be described");
  onednn_layout_free(plain);
  onednn_chain_destroy(c);
  return NULL;
}

void onednn_chain_destroy(onednn_chain *c) {
  if (!c) return;
  for (size_t i = 0; i < c->step_count; i++) dnnl_primitive_destroy(c->steps[i].primitive);
  for (size_t i = 0; i < c->tensor_count; i++) {
    dnnl_memory_destroy(c->tensors[i].memory);
    peer_release(c->tensors[i].own);
  }
  for (int p = 0; p < ONEDNN_PLACES; p++) peer_release(c->buffers[p]);
  free(c->steps);
  free(c->tensors);
  free(c);
}

/* Gives the tensors of one place the same memory. */
static lw_status place_tensors(onednn_chain *c, onednn_place place) {
  size_t bytes = 0;
  for (size_t i = 0; i < c->tensor_count; i++) {
    const size_t wanted = dnnl_memory_desc_get_size(layout_of(c, i));
    if (c->tensors[i].place == place && wanted > bytes) bytes = wanted;
  }
  if (bytes == 0) return LW_OK;
  c->buffers[place] = peer_allocate("onednn: tensors", bytes);
  if (!c->buffers[place]) return LW_NO_MEMORY;
  for (size_t i = 0; i < c->tensor_count; i++) {
    if (c->tensors[i].place != place) continue;
    const lw_status status = onednn_check(dnnl_memory_set_data_handle(memory_of(c, i), c->buffers[place]), "memory");
    if (status != LW_OK) return status;
  }
  return LW_OK;
}

lw_status onednn_chain_finish(onednn_chain *c, int parts) {
  if (c->empty) return LW_OK;
  onednn_layout *plain = onednn_layout_make(c->rank, c->dims, plain_tag(c->rank));
  if (!plain) return lw_fail(LW_NO_MEMORY, "onednn: the output cannot be described");
  lw_status status = LW_OK;
  c->compute = c->step_count > 0 && c->steps[0].is_reorder;
  c->store = c->step_count;
  if (c->current == c->x || !dnnl_memory_desc_equal(layout_of(c, c->current), plain))
    status = add_reorder(c, plain, ONEDNN_Y);
  else
    c->tensors[c->current].place = ONEDNN_Y;
  c->y = c->current;
  if (status == LW_OK && parts) {
    c->x_bytes = dnnl_memory_desc_get_size(layout_of(c, c->x));
    c->y_bytes = dnnl_memory_desc_get_size(plain);
    if (!c->compute && !(c->buffers[ONEDNN_X] = peer_allocate("onednn: a copy of the input", c->x_bytes))) status = LW_NO_MEMORY;
    if (c->store == c->step_count && !(c->buffers[ONEDNN_Y] = peer_allocate("onednn: a copy of the output", c->y_bytes)))
      status = LW_NO_MEMORY;
  }
  onednn_layout_free(plain);
  for (onednn_place p = ONEDNN_LOW; p <= ONEDNN_SCRATCH && status == LW_OK; p++) status = place_tensors(c, p);
  return status;
}
