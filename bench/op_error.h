/* SPDX-License-Identifier: Apache-2.0
 * How far the outputs of a kernel are from their true values, as a share of what its bound allows. */
#ifndef LANEWISE_BENCH_OP_ERROR_H
#define LANEWISE_BENCH_OP_ERROR_H

#include "bench/op_run.h"

/* The largest error / bound of `got`, computed on the tensors of op_fill: of an exact row by the running bound of its chain, of a
 * row of mode fast by its algorithm's own. Of convolutions and linear layers of many flops some output channels are judged, the
 * first and the last among them, each whole. Negative: there is no bound, or the tensors hold integers, on which nothing is
 * rounded. */
double op_error_of_row(const op_bench *b, const kit_set *got);

/* The same by the bound of sums in any order, for a backend. b: a row of promise LW_EXACT on the same case. */
double op_error_any_order(const op_bench *b, const kit_set *got);

/* NULL, or what is wrong: every output must be as near to the reference as two sums in any order must be to each other. Every
 * output, also where op_error_any_order takes some: those by twice gamma_n * sum |x*w|, n terms (Higham, Accuracy and Stability
 * of Numerical Algorithms, 2nd ed., 3.1). b as above. */
const char *op_check_any_order(const op_bench *b, const kit_set *got);

/* Brings what these need for a case into memory, so that child processes find it there. NULL, or why not. */
const char *op_error_prepare(const op_bench *b);

#endif
