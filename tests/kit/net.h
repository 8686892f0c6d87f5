/* SPDX-License-Identifier: Apache-2.0
 * Whole networks as an operator of the kit, for backends: kit_op_net has no row in the kernel table, its `op` is LW_OP_COUNT. */
#ifndef LANEWISE_TESTS_KIT_NET_H
#define LANEWISE_TESTS_KIT_NET_H

#include "nets/nets.h"
#include "tests/kit/kit.h"

enum { KIT_NET_LAYERS = 48 };

/* The network of a case. Points into itself: it stays where it was made. */
typedef struct kit_net {
  lw_net net;
  lw_layer layers[KIT_NET_LAYERS];
  lw_shape shapes[KIT_NET_LAYERS + 1]; /* see lw_net_shapes */
} kit_net;
void kit_net_make(kit_net *n, const kit_case *c);

extern const kit_op kit_op_net;

#endif
