/* SPDX-License-Identifier: Apache-2.0
 * A layer of a network in double, and how far a float output is from that. Whoever calls has checked the network. */
#ifndef LANEWISE_TESTS_KIT_LAYER_H
#define LANEWISE_TESTS_KIT_LAYER_H

#include "nets/nets.h"
#include "tests/kit/kit.h"

typedef struct kit_layer {
  const char *name;
  const kit_op *op; /* linear is conv2d here, over an image of 1 x 1 */
  kit_case c;
  int64_t inputs, outputs; /* floats of one image */
  double macs;             /* multiply-adds of conv2d and linear, else 0 */
  float *w, *bias;         /* of conv2d and linear */
} kit_layer;

/* `tensor`: the number of its first parameter tensor. Fails, with the reason, if weights cannot be read or are not finite. Free
 * it either way. */
lw_status kit_layer_make(const lw_net *net, const lw_shape *shapes, size_t layer, int tensor, const lw_weights *weights,
                         kit_layer *l);
void kit_layer_free(kit_layer *l);

/* y of x in double: sums of the same terms in the same order as ref64_*, by loops that take seconds for all of VGG16. */
void kit_layer_ref64(const lw_context *context, const kit_layer *l, const double *x, double *y);

/* Adds outputs y of the layer on its own input x to `a`. Sums (conv2d, linear) are bounded as their algorithm is: "winograd4",
 * "winograd2", or by any other name as chains in `order`. They are judged on `samples` seeded outputs and those in the corners of
 * the first and last channel, if there are more than that; 0: on all. All other layers on all. Does not depend on the number of
 * threads. LW_NO_MEMORY, or LW_OK. */
lw_status kit_layer_judge(const lw_context *context, const kit_layer *l, const char *algorithm, kit_order order, int64_t samples,
                          const float *x, const float *y, kit_accuracy *a);

#endif
