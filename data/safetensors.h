/* SPDX-License-Identifier: Apache-2.0
 * Between the reader of safetensors files and the weights of networks in them. */
#ifndef LANEWISE_DATA_SAFETENSORS_H
#define LANEWISE_DATA_SAFETENSORS_H

#include <jansson.h>
#include "lanewise_data.h"

struct lw_safetensors {
  char *name; /* for messages */
  const uint8_t *bytes;
  size_t size;
  int mapped;
  json_t *header; /* owns the tensors' names */
  lw_tensor_info *tensors;
  size_t count;
};

/* A name from a file as a message can show it: control characters become '?', a long one ends in "...". */
typedef struct lw_shown {
  char text[LW_LAYER_NAME_MAX + 12];
} lw_shown;
lw_shown lw_show(const char *name);

/* The tensor of that name, NULL if there is none. */
const lw_tensor_info *lw_safetensors_lookup(const lw_safetensors *file, const char *name);

#endif
