/* SPDX-License-Identifier: Apache-2.0
 * Running a chain. oneDNN's CPU streams are done when a primitive returns; it may allocate a little for every call. */
#include "bench/peers/onednn.h"

lw_status onednn_check(dnnl_status_t status, const char *what) {
  if (status == dnnl_success) return LW_OK;
  const char *why = status == dnnl_out_of_memory       ? "out of memory"
                    : status == dnnl_invalid_arguments ? "invalid arguments"
                    : status == dnnl_unimplemented     ? "unimplemented"
                    : status == dnnl_runtime_error     ? "run-time error"
                                                       : "failed";
  return lw_fail(status == dnnl_out_of_memory ? LW_NO_MEMORY : LW_UNSUPPORTED, "onednn: %s: %s (status %d)", what, why,
                 (int)status);
}

void onednn_threads(const onednn *backend) {
  if (backend->set_threads) backend->set_threads(backend->threads);
}

/* Tensor `index` lies at p from now on. */
static lw_status point(const onednn_chain *c, size_t index, const void *p) {
  void *now = NULL;
  dnnl_memory_t memory = c->tensors[index].memory;
  if (dnnl_memory_get_data_handle(memory, &now) == dnnl_success && now == p) return LW_OK;
  return onednn_check(dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)p), "pointer"); /* inputs are only read */
}

static lw_status execute(const onednn_chain *c, size_t first, size_t end) {
  onednn_threads(c->backend);
  for (size_t i = first; i < end; i++) {
    const onednn_step *s = &c->steps[i];
    const lw_status status =
        onednn_check(dnnl_primitive_execute(s->primitive, c->backend->stream, s->count, s->args), "primitive");
    if (status != LW_OK) return status;
  }
  return onednn_check(dnnl_stream_wait(c->backend->stream), "stream");
}

int onednn_chain_run(void *chain, const float *const *inputs, float *const *outputs) {
  const onednn_chain *c = chain;
  if (c->empty) return LW_OK;
  lw_status status = point(c, c->x, inputs[0]);
  if (status == LW_OK && c->second) status = point(c, c->second, inputs[1]);
  if (status == LW_OK) status = point(c, c->y, outputs[0]);
  return status == LW_OK ? execute(c, 0, c->step_count) : status;
}

int onednn_chain_load(void *chain, const float *const *inputs) {
  const onednn_chain *c = chain;
  if (c->empty) return LW_OK;
  if (c->compute == 0) memcpy(c->buffers[ONEDNN_X], inputs[0], c->x_bytes);
  const lw_status status = point(c, c->x, c->compute == 0 ? c->buffers[ONEDNN_X] : inputs[0]);
  return status == LW_OK ? execute(c, 0, c->compute) : status;
}

int onednn_chain_compute(void *chain) {
  const onednn_chain *c = chain;
  if (c->empty) return LW_OK;
  const lw_status status = c->store == c->step_count ? point(c, c->y, c->buffers[ONEDNN_Y]) : LW_OK;
  return status == LW_OK ? execute(c, c->compute, c->store) : status;
}

int onednn_chain_store(void *chain, float *const *outputs) {
  const onednn_chain *c = chain;
  if (c->empty) return LW_OK;
  if (c->store == c->step_count) return memcpy(outputs[0], c->buffers[ONEDNN_Y], c->y_bytes), LW_OK;
  const lw_status status = point(c, c->y, outputs[0]);
  return status == LW_OK ? execute(c, c->store, c->step_count) : status;
}

void onednn_chain_release(void *chain) { onednn_chain_destroy(chain); }
