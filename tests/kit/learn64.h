/* SPDX-License-Identifier: Apache-2.0
 * A network that learns, in double: its scores, its loss and the gradients of all weights by the chain rule, by ref64's loops
 * layer by layer. What lw_trainer computes in float is held to this, and this to PyTorch and to finite differences. */
#ifndef LANEWISE_TESTS_KIT_LEARN64_H
#define LANEWISE_TESTS_KIT_LEARN64_H

#include "nets/nets.h"
#include "tests/kit/kit.h"

typedef struct learn64 {
  const lw_net *net;          /* without softmax */
  int64_t n;                  /* samples */
  const double *x;            /* [n][c][h][w] */
  const int32_t *labels;      /* [n] */
  lw_cross_entropy_desc loss; /* n and c are not read */
  int drops;                  /* not 0: layer i is dropout_train of `seed` and stream + i; else the identity */
  uint64_t seed, stream;
  double *const *w;        /* by parameter tensor, see lw_net_parameter */
  double *const *gradient; /* likewise, written; NULL: only the loss */
  /* Rounding errors, made large enough to be seen. In whatever order a sum of k products is computed, the result is exact for
   * products of which each is off by at most about k roundings (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
   * 3.1). Here one factor of each is off by a random share of k * disturbance. */
  double disturbance;
  kit_random *random;
} learn64;

/* The loss; NaN if there is no memory. */
double learn64_loss(const learn64 *l);
/* values *= 1 + a random share of k * disturbance. */
void learn64_disturb(const learn64 *l, double *values, int64_t count, int64_t k);

#endif
