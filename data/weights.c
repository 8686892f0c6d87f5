/* SPDX-License-Identifier: Apache-2.0
 * Networks' parameters in safetensors files: found by name and checked, and written. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/convert.h"
#include "data/output.h"
#include "data/safetensors.h"
#include "data/source.h"

/* -------------------------------------------------------------------------------------------------------------- names */

/* timm writes the first two linear layers of VGG as convolutions. */
static const struct alias {
  const char *ours, *timm;
} vgg16_aliases[] = {{"classifier.0.", "pre_logits.fc1."}, {"classifier.3.", "pre_logits.fc2."}, {"classifier.6.", "head.fc."}};

/* The tensor for a parameter of `net`; NULL if there is none. */
static const lw_tensor_info *lookup(const lw_safetensors *file, const lw_net *net, const char *parameter) {
  const lw_tensor_info *t = lw_safetensors_lookup(file, parameter);
  if (t || strcmp(net->name, "vgg16") != 0) return t;
  for (size_t i = 0; i < sizeof vgg16_aliases / sizeof *vgg16_aliases; i++) {
    const size_t length = strlen(vgg16_aliases[i].ours);
    char name[256];
    if (strncmp(parameter, vgg16_aliases[i].ours, length) != 0) continue;
    snprintf(name, sizeof name, "%s%s", vgg16_aliases[i].timm, parameter + length);
    return lw_safetensors_lookup(file, name);
  }
  return NULL;
}

/* ------------------------------------------------------------------------------------------------------------- source */

static lw_status read_file(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count,
                           float *dst) {
  const lw_safetensors *file = user;
  const lw_tensor_info *t = lookup(file, net, name);
  (void)tensor;
  if (!t) return lw_source_fail(LW_BAD_FILE, "weights", file->name, "has no tensor \"%s\"", lw_show(name).text);
  return lw_safetensors_read(file, (size_t)(t - file->tensors), first, count, dst);
}

static const float *map_file(void *user, const lw_net *net, int tensor, const char *name, int64_t count) {
  const lw_tensor_info *t = lookup(user, net, name);
  (void)tensor;
  return t && t->dtype == LW_F32 && t->count == count && (uintptr_t)t->data % sizeof(float) == 0 ? t->data : NULL;
}

/* ------------------------------------------------------------------------------------------------------------ binding */

/* All that does not fit, as one text of some lists. What comes after the first item that has no room is only counted. */
typedef struct mismatch {
  char text[LW_MESSAGE_SIZE - 512];
  size_t length, left_out;
  const char *heading; /* of the list that the next item begins, NULL within a list */
} mismatch;

static void add(mismatch *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(mismatch *m, const char *format, ...) {
  char item[LW_MESSAGE_SIZE / 4];
  va_list arguments;
  if (m->left_out) {
    m->left_out++;
    return;
  }
  va_start(arguments, format);
  vsnprintf(item, sizeof item, format, arguments);
  va_end(arguments);
  const char *before = !m->heading ? ", " : m->length ? "; " : "";
  const size_t room = sizeof m->text - m->length;
  const int wanted = snprintf(m->text + m->length, room, "%s%s%s", before, m->heading ? m->heading : "", item);
  m->heading = NULL;
  if ((size_t)wanted < room) {
    m->length += (size_t)wanted;
    return;
  }
  m->text[m->length] = 0;
  m->left_out = 1;
}

/* "[64, 3, 3, 3]" */
typedef struct shape_text {
  char text[8 * 22];
} shape_text;

static shape_text show_shape(const int64_t *shape, int rank) {
  shape_text s = {"["};
  int length = 1;
  for (int i = 0; i < rank; i++)
    length += snprintf(s.text + length, sizeof s.text - (size_t)length, "%s%" PRId64, i ? ", " : "", shape[i]);
  strcpy(s.text + length, "]");
  return s;
}

static int fits(const lw_tensor_info *t, const lw_parameter_info *p) {
  if (t->rank == p->rank && memcmp(t->shape, p->shape, (size_t)t->rank * sizeof *t->shape) == 0) return 1;
  return p->rank == 2 && t->rank == 4 && t->shape[0] == p->shape[0] && t->shape[1] == p->in_c && t->shape[2] == p->in_h &&
         t->shape[3] == p->in_w;
}

/* What of the network is not in the file or has another shape; marks what is used. */
static lw_status compare(const lw_safetensors *file, const lw_net *net, int missing, char *used, mismatch *m) {
  int count;
  lw_status status = lw_net_parameter_tensors(net, &count);
  m->heading = missing ? "missing: " : "wrong shape: ";
  for (int i = 0; i < count && status == LW_OK; i++) {
    lw_parameter_info p;
    status = lw_net_parameter(net, i, &p);
    if (status != LW_OK) break;
    const lw_tensor_info *t = lookup(file, net, p.name);
    if (missing && !t) add(m, "%s", lw_show(p.name).text);
    if (missing && t && used[t - file->tensors]++)
      return lw_fail(LW_BAD_ARGUMENT, "lw_weights_safetensors: network %s has two parameters %s", net->name, p.name);
    if (!missing && t && !fits(t, &p))
      add(m, "%s is %s instead of %s", lw_show(t->name).text, show_shape(t->shape, t->rank).text,
          show_shape(p.shape, p.rank).text);
  }
  return status;
}

lw_status lw_weights_safetensors(lw_safetensors *file, const lw_net *net, lw_weights *weights) {
  static const char call[] = "lw_weights_safetensors";
  mismatch m = {0};
  if (!file) return lw_fail(LW_BAD_ARGUMENT, "%s: file is NULL", call);
  if (!weights) return lw_fail(LW_BAD_ARGUMENT, "%s: weights is NULL", call);
  char *used = calloc(file->count + 1, 1);
  if (!used) return lw_source_fail(LW_NO_MEMORY, call, file->name, "no memory for %zu tensors", file->count);
  lw_status status = compare(file, net, 1, used, &m);
  if (status == LW_OK) status = compare(file, net, 0, used, &m);
  m.heading = "surplus: ";
  for (size_t i = 0; i < file->count; i++)
    if (!used[i]) add(&m, "%s", lw_show(file->tensors[i].name).text);
  free(used);
  if (status != LW_OK) return status;
  if (m.length) {
    char more[40] = "";
    if (m.left_out) snprintf(more, sizeof more, " and %zu more", m.left_out);
    return lw_source_fail(LW_BAD_FILE, call, file->name, "does not fit network %s: %s%s", lw_show(net->name).text, m.text, more);
  }
  *weights = (lw_weights){.read = read_file, .user = file, .map = map_file};
  return LW_OK;
}

/* ------------------------------------------------------------------------------------------------------------ writing */

/* Fills the header of a file of all parameters in turn. */
static lw_status make_header(const char *path, const lw_net *net, lw_dtype dtype, json_t *header) {
  int count;
  json_int_t at = 0;
  lw_status status = lw_net_parameter_tensors(net, &count);
  if (status != LW_OK) return status;
  json_object_set_new(header, "__metadata__", json_pack("{s:s}", "format", "pt"));
  for (int i = 0; i < count; i++) {
    lw_parameter_info p;
    status = lw_net_parameter(net, i, &p);
    if (status != LW_OK) return status;
    if (json_object_get(header, p.name))
      return lw_source_fail(LW_BAD_ARGUMENT, "lw_safetensors_save", path, "network %s has two parameters %s", net->name, p.name);
    json_t *shape = json_array();
    for (int k = 0; k < p.rank; k++) json_array_append_new(shape, json_integer(p.shape[k]));
    const json_int_t end = at + p.count * (json_int_t)lw_dtype_bytes(dtype);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", lw_dtype_name(dtype), "shape", shape, "data_offsets", at, end);
    if (json_object_set_new(header, p.name, entry) != 0)
      return lw_source_fail(LW_BAD_ARGUMENT, "lw_safetensors_save", path, "parameter name \"%s\" is no UTF-8, or no memory",
                            lw_show(p.name).text);
    at = end;
  }
  return LW_OK;
}

static lw_status put(const lw_output *out, const void *bytes, size_t size) {
  if (fwrite(bytes, 1, size, out->file) == size) return LW_OK;
  return lw_source_fail(LW_BAD_FILE, out->call, out->path, "cannot be written: %s", strerror(errno));
}

static lw_status put_header(const lw_output *out, const lw_net *net, lw_dtype dtype) {
  json_t *header = json_object();
  lw_status status = make_header(out->path, net, dtype, header);
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

enum { CHUNK = 1 << 16 };

static lw_status put_tensor(const lw_output *out, const lw_net *net, const lw_weights *weights, int tensor, lw_dtype dtype,
                            float *chunk, void *narrow) {
  lw_parameter_info p = {0};
  lw_status status = lw_net_parameter(net, tensor, &p);
  for (int64_t first = 0; first < p.count && status == LW_OK; first += CHUNK) {
    const int64_t count = p.count - first < CHUNK ? p.count - first : CHUNK;
    status = weights->read(weights->user, net, tensor, p.name, first, count, chunk);
    if (status != LW_OK) break;
    lw_narrow(dtype, chunk, count, narrow);
    status = put(out, narrow, (size_t)count * lw_dtype_bytes(dtype));
  }
  return status;
}

static lw_status put_file(const lw_output *out, const lw_net *net, const lw_weights *weights, lw_dtype dtype) {
  int count;
  lw_status status = lw_net_parameter_tensors(net, &count);
  if (status == LW_OK) status = put_header(out, net, dtype);
  float *chunk = malloc(2 * CHUNK * sizeof *chunk);
  if (!chunk) return lw_source_fail(LW_NO_MEMORY, out->call, out->path, "no memory");
  for (int i = 0; i < count && status == LW_OK; i++) status = put_tensor(out, net, weights, i, dtype, chunk, chunk + CHUNK);
  free(chunk);
  return status;
}

lw_status lw_safetensors_save(const char *path, const lw_net *net, const lw_weights *weights, lw_dtype dtype) {
  static const char call[] = "lw_safetensors_save";
  lw_output out;
  if (!path) return lw_fail(LW_BAD_ARGUMENT, "%s: path is NULL", call);
  if (!weights || !weights->read) return lw_fail(LW_BAD_ARGUMENT, "%s: weights or its read function is NULL", call);
  if (dtype != LW_F32 && dtype != LW_F16 && dtype != LW_BF16)
    return lw_fail(LW_BAD_ARGUMENT, "%s: dtype is %d, expected LW_F32, LW_F16 or LW_BF16", call, (int)dtype);
  lw_status status = lw_net_parameters(net, &(int64_t){0});
  if (status == LW_OK) status = lw_output_open(call, path, &out);
  return status == LW_OK ? lw_output_close(&out, put_file(&out, net, weights, dtype)) : status;
}
