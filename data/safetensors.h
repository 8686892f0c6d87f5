/* SPDX-License-Identifier: Apache-2.0
 * Between the reader of safetensors files, the weights of networks in them, and checkpoints. */
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

/* A text of the file's metadata; NULL if it has none of that key. */
const char *lw_safetensors_metadata(const lw_safetensors *file, const char *key);

/* All parameters of a network, under their names with `prefix` (at most 60 characters) in front. */
typedef struct lw_weights_set {
  const char *prefix;
  lw_weights weights;
} lw_weights_set;

/* lw_safetensors_save() of several sets, with the texts of `metadata` (NULL: none), which stays the caller's, in the header. */
lw_status lw_safetensors_save_sets(const char *call, const char *path, const lw_net *net, const lw_weights_set *sets,
                                   size_t set_count, lw_dtype dtype, json_t *metadata);

#endif
