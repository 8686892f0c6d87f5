/* SPDX-License-Identifier: Apache-2.0
 * Whole passes of backends beside Lanewise's: <net>/<mode>/<peer>/b<batch>/t<threads>, mode exact where the backend promises the
 * bits of the reference, else fast. */
#ifndef LANEWISE_BENCH_PEER_NETS_H
#define LANEWISE_BENCH_PEER_NETS_H

#include "lanewise.h"

/* Notes that a pass is to be measured. has_fast: whether mode fast differs. */
void peer_nets_want(const lw_net *net, int64_t batch, int threads, int has_fast);
/* Registers the lines of all notes for which a backend has `net`, or all convolutions and linear layers. After all
 * peer_nets_want. */
void peer_nets_register(void);

#endif
