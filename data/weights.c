/* SPDX-License-Identifier: Apache-2.0
 * Networks' parameters in safetensors files: found by name and checked. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
