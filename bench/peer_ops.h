/* SPDX-License-Identifier: Apache-2.0
 * Operators of backends beside Lanewise's kernels: <op>/<mode>/<peer>/<case>/t<threads>, mode exact where the backend promises
 * the bits of the reference, else fast. */
#ifndef LANEWISE_BENCH_PEER_OPS_H
#define LANEWISE_BENCH_PEER_OPS_H

#include "bench/op_run.h"

/* Notes that a case is to be measured. Cases stay where they are. */
void peer_ops_want(const kit_op *op, const kit_case *c, op_way way, int threads);
/* Registers the lines of all notes for which a backend says that it supports the case. After all peer_ops_want. */
void peer_ops_register(void);

#endif
