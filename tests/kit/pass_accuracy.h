/* SPDX-License-Identifier: Apache-2.0
 * How far the layers of a whole pass are from their true values: each on its own float input, and the whole way from the image.
 */
#ifndef LANEWISE_TESTS_KIT_PASS_ACCURACY_H
#define LANEWISE_TESTS_KIT_PASS_ACCURACY_H

#include "tests/kit/kit.h"

/* What one pass gave, layer by layer. */
typedef struct pass_record {
  size_t layers;
  float **y;              /* NULL: a layer that changes nothing, dropout */
  const char **algorithm; /* of the kernel, "" where there is only one */
} pass_record;

/* Runs `plan` (batch 1, no_fuse, finite x). Free the record either way. */
lw_status pass_record_make(const lw_plan *plan, const lw_net *net, const float *x, float *y, void *workspace, pass_record *r);
void pass_record_free(pass_record *r);

typedef struct pass_layer {
  kit_accuracy own;         /* on the layer's own float input */
  kit_accuracy since_input; /* all outputs, against a pass in double from the image on; `worst` stays 0 */
} pass_layer;

typedef struct pass_judgement {
  lw_context *context; /* whose threads work; NULL: the default one */
  const lw_net *net;
  const lw_weights *weights;
  const float *x;
  int64_t samples; /* outputs that are judged of a layer of more than 1e8 multiply-adds (see kit_layer_judge); 0: all */
  kit_order order; /* of chains */
  int since_input; /* not 0: also that */
  void (*progress)(void *user, size_t layer); /* before each layer; NULL: none */
  void *user;
} pass_judgement;

/* layers[i * net->layer_count + k]: layer k of records[i]. Fails, with the reason, if there is no memory or weights cannot be
 * used.
 */
lw_status pass_judge(const pass_judgement *j, const pass_record *records, size_t count, pass_layer *layers);

#endif
