/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a safetensors file: opened, every tensor read, bound to a network, packed into a plan. Bytes that begin with { are
 * a header up to the first newline and data after it, before which this puts the header's length: so mutations reach what lies
 * behind the length, and the seeds are texts. */
#include <string.h>
#include "lanewise_data.h"
#include "tests/fuzz/fuzz.h"

static const lw_layer layers[] = {{.kind = LW_LAYER_CONV2D, .name = "features.0", .out = 1, .kernel = 1},
                                  {.kind = LW_LAYER_LINEAR, .name = "classifier.0", .out = 17}};
static const lw_net net = {"vgg16", 1, 1, 2, layers, 2};

static int is_message(const char *call) {
  return strncmp(lw_error_message(), call, strlen(call)) == 0 && strlen(lw_error_message()) > strlen(call) + 10;
}

/* The tensors follow one another from the end of the header to the end of the file, and all can be read. */
static void read_all(const lw_safetensors *file, const uint8_t *bytes, size_t size) {
  const uint8_t *at = NULL;
  for (size_t i = 0; i < lw_safetensors_count(file); i++) {
    lw_tensor_info t;
    size_t found;
    int64_t product = 1;
    MUST(lw_safetensors_tensor(file, i, &t) == LW_OK);
    MUST(lw_safetensors_find(file, t.name, &found) == LW_OK && found == i);
    MUST(t.rank >= 0 && t.rank <= 8);
    for (int k = 0; k < t.rank; k++) product *= t.shape[k];
    MUST(t.count == product && (uint64_t)t.count <= size);
    MUST(!at || t.data == at);
    at = (const uint8_t *)t.data + t.count * (t.dtype == LW_F32 ? 4 : 2);
    MUST((const uint8_t *)t.data >= bytes + 8 && at <= bytes + size);
    float *values = malloc((size_t)t.count * sizeof *values + 1);
    MUST(values && lw_safetensors_read(file, i, 0, t.count, values) == LW_OK);
    MUST(lw_safetensors_read(file, i, t.count, 1, values) == LW_BAD_ARGUMENT);
    free(values);
  }
  MUST(!at || at == bytes + size);
}

static void bind(lw_context *context, lw_safetensors *file) {
  lw_weights weights;
  lw_plan *plan;
  if (lw_weights_safetensors(file, &net, &weights) == LW_OK) {
    MUST(lw_plan_create(context, &net, &weights, NULL, &plan) == LW_OK);
    lw_plan_destroy(plan);
  } else
    MUST(is_message("lw_weights_safetensors: memory: does not fit network vgg16: "));
}

static void try(lw_context *context, const uint8_t *bytes, size_t size) {
  lw_safetensors *file;
  if (lw_safetensors_open_memory(bytes, size, &file) == LW_OK) {
    read_all(file, bytes, size);
    bind(context, file);
    lw_safetensors_close(file);
  } else
    MUST(is_message("lw_safetensors_open_memory: memory: "));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static lw_context *context;
  const uint8_t *newline = size ? memchr(bytes, '\n', size) : NULL;
  if (!context) MUST(lw_context_create(&(lw_context_options){.threads = 1}, &context) == LW_OK);
  if (size == 0 || bytes[0] != '{') {
    if (size) try(context, bytes, size);
    return 0;
  }
  const size_t header = newline ? (size_t)(newline - bytes) : size, data = newline ? size - header - 1 : 0;
  uint8_t *whole = malloc(8 + header + data);
  MUST(whole);
  for (int i = 0; i < 8; i++) whole[i] = (uint8_t)((uint64_t)header >> 8 * i);
  memcpy(whole + 8, bytes, header);
  if (data) memcpy(whole + 8 + header, newline + 1, data);
  try(context, whole, 8 + header + data);
  free(whole);
  return 0;
}
