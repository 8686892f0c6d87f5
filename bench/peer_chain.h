/* SPDX-License-Identifier: Apache-2.0
 * A whole network run by a backend: by its operator `net`, or else by its operators one after another on plain tensors,
 * Lanewise's public ones in place of those that it lacks. */
#ifndef LANEWISE_BENCH_PEER_CHAIN_H
#define LANEWISE_BENCH_PEER_CHAIN_H

#include "bench/peers.h"

enum { PEER_CHAIN_STAGES = 128 };

typedef struct peer_stage {
  const lw_backend_operator *o; /* NULL: Lanewise's */
  void *instance;
  lw_layer_kind kind;
  union {
    lw_conv2d_desc conv2d;
    lw_linear_desc linear;
    lw_pool2d_desc pool2d;
    lw_backend_count_desc count;
    lw_backend_rows_desc rows;
    lw_backend_net_desc net;
  } d;
} peer_stage;

typedef struct peer_chain {
  kit_backend backend;
  lw_context *context; /* of Lanewise's operators */
  peer_stage stages[PEER_CHAIN_STAGES];
  int count;
  lw_backend_promise promise; /* the weakest of its operators' */
  const float *x;
  float *y, *between[2];
  char error[KIT_BACKEND_ERROR + 64];
} peer_chain;

/* Whether a backend that is open runs the network: 0, or 1 + its promise. By itself it must at least have `net` or the
 * convolutions and linear layers. */
int peer_chain_supports(kit_backend *b, const lw_net *net, int64_t batch);

/* Makes all instances on c->backend, which is open. x and y: of the batch. tensors: the parameters. Returns 0 after peer_fail. */
int peer_chain_make(peer_outcome *o, peer_chain *c, const lw_net *net, int64_t batch, int threads, const float *const *tensors,
                    const float *x, float *y);
/* One pass: NULL, or what failed. */
const char *peer_chain_run(void *chain);
void peer_chain_destroy(peer_chain *c);

#endif
