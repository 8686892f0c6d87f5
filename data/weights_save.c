/* SPDX-License-Identifier: Apache-2.0
 * Writes networks' parameters as safetensors files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "data/convert.h"
#include "data/output.h"
#include "data/safetensors.h"
#include "data/source.h"

/* What goes into the file. */
typedef struct content {
  const lw_net *net;
  const lw_weights_set *sets;
  size_t set_count;
  int tensors; /* of the network */
  lw_dtype dtype;
  json_t *metadata; /* texts; the caller's */
} content;

/* ------------------------------------------------------------------------------------------------------------- header */

/* The tensors of one set, from byte *at of the data on. */
static lw_status add_set(const lw_output *out, const content *c, const char *prefix, json_int_t *at, json_t *header) {
  for (int i = 0; i < c->tensors; i++) {
    lw_parameter_info p;
    const lw_status status = lw_net_parameter(c->net, i, &p);
    if (status != LW_OK) return status;
    char name[LW_LAYER_NAME_MAX + 64];
    snprintf(name, sizeof name, "%s%s", prefix, p.name);
    if (json_object_get(header, name))
      return lw_source_fail(LW_BAD_ARGUMENT, out->call, out->path, "network %s has two parameters %s", c->net->name, p.name);
    json_t *shape = json_array();
    for (int k = 0; k < p.rank; k++) json_array_append_new(shape, json_integer(p.shape[k]));
    const json_int_t end = *at + p.count * (json_int_t)lw_dtype_bytes(c->dtype);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", lw_dtype_name(c->dtype), "shape", shape, "data_offsets", *at, end);
    if (json_object_set_new(header, name, entry) != 0)
      return lw_source_fail(LW_BAD_ARGUMENT, out->call, out->path, "parameter name \"%s\" is no UTF-8, or no memory",
                            lw_show(p.name).text);
    *at = end;
  }
  return LW_OK;
}

static lw_status put(const lw_output *out, const void *bytes, size_t size) {
  if (fwrite(bytes, 1, size, out->file) == size) return LW_OK;
  return lw_source_fail(LW_BAD_FILE, out->call, out->path, "cannot be written: %s", strerror(errno));
}

static lw_status put_header(const lw_output *out, const content *c) {
  json_t *header = json_object(), *metadata = json_pack("{s:s}", "format", "pt");
  json_int_t at = 0;
  lw_status status = LW_OK;
  if (c->metadata) json_object_update(metadata, c->metadata);
  json_object_set_new(header, "__metadata__", metadata);
  for (size_t i = 0; i < c->set_count && status == LW_OK; i++) status = add_set(out, c, c->sets[i].prefix, &at, header);
  char *text = status == LW_OK ? json_dumps(header, JSON_COMPACT) : NULL;
  json_decref(header);
  if (status != LW_OK) return status;
  if (!text) return lw_source_fail(LW_NO_MEMORY, out->call, out->path, "no memory for the header");
  const size_t length = strlen(text), padded = (length + 7) / 8 * 8; /* so that the data begin aligned */
  uint8_t prefix[8];
  for (int i = 0; i < 8; i++) prefix[i] = (uint8_t)(padded >> 8 * i);
  status = put(out, prefix, sizeof prefix);
  if (status == LW_OK) status = put(out, text, length);
  if (status == LW_OK) status = put(out, "       ", padded - length);
  free(text);
  return status;
}

/* --------------------------------------------------------------------------------------------------------------- data */

enum { CHUNK = 1 << 16 };

static lw_status put_tensor(const lw_output *out, const content *c, const lw_weights *weights, int tensor, float *chunk,
                            void *narrow) {
  lw_parameter_info p = {0};
  lw_status status = lw_net_parameter(c->net, tensor, &p);
  for (int64_t first = 0; first < p.count && status == LW_OK; first += CHUNK) {
    const int64_t count = p.count - first < CHUNK ? p.count - first : CHUNK;
    status = weights->read(weights->user, c->net, tensor, p.name, first, count, chunk);
    if (status != LW_OK) break;
    lw_narrow(c->dtype, chunk, count, narrow);
    status = put(out, narrow, (size_t)count * lw_dtype_bytes(c->dtype));
  }
  return status;
}

static lw_status put_file(const lw_output *out, const content *c) {
  lw_status status = put_header(out, c);
  float *chunk = malloc(2 * CHUNK * sizeof *chunk);
  if (!chunk) return lw_source_fail(LW_NO_MEMORY, out->call, out->path, "no memory");
  for (size_t s = 0; s < c->set_count; s++)
    for (int i = 0; i < c->tensors && status == LW_OK; i++)
      status = put_tensor(out, c, &c->sets[s].weights, i, chunk, chunk + CHUNK);
  free(chunk);
  return status;
}

/* ---------------------------------------------------------------------------------------------------------- functions */

lw_status lw_safetensors_save_sets(const char *call, const char *path, const lw_net *net, const lw_weights_set *sets,
                                   size_t set_count, lw_dtype dtype, json_t *metadata) {
  content c = {.net = net, .sets = sets, .set_count = set_count, .dtype = dtype, .metadata = metadata};
  lw_output out;
  lw_status status = lw_net_parameter_tensors(net, &c.tensors);
  if (status == LW_OK) status = lw_output_open(call, path, &out);
  return status == LW_OK ? lw_output_close(&out, put_file(&out, &c)) : status;
}

lw_status lw_safetensors_save(const char *path, const lw_net *net, const lw_weights *weights, lw_dtype dtype) {
  static const char call[] = "lw_safetensors_save";
  if (!path) return lw_fail(LW_BAD_ARGUMENT, "%s: path is NULL", call);
  if (!weights || !weights->read) return lw_fail(LW_BAD_ARGUMENT, "%s: weights or its read function is NULL", call);
  if (dtype != LW_F32 && dtype != LW_F16 && dtype != LW_BF16)
    return lw_fail(LW_BAD_ARGUMENT, "%s: dtype is %d, expected LW_F32, LW_F16 or LW_BF16", call, (int)dtype);
  return lw_safetensors_save_sets(call, path, net, &(lw_weights_set){"", *weights}, 1, dtype, NULL);
}
