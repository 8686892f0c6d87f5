/* SPDX-License-Identifier: Apache-2.0
 * sgd: one step of torch.optim.SGD. Elementwise, with g the gradient, changed by weight decay and momentum where they are not 0:
 *   g = fma(weight_decay, w, g);  buffer = first_step ? g : fma(momentum, buffer, (1 - dampening) * g);
 *   g = nesterov ? fma(momentum, buffer, g) : buffer;  w = fma(-lr, g, w).
 * new_w may be w, and new_buffer may be buffer; without momentum neither buffer is touched. */
#include "ref/ref.h"

void REF(sgd)(const lw_sgd_options *o, int first_step, int64_t count, const real *w, const real *g, const real *buffer,
              real *new_w, real *new_buffer) {
  const real lr = o->lr, momentum = o->momentum, fresh = 1 - (real)o->dampening, decay = o->weight_decay;

  for (int64_t i = 0; i < count; i++) {
    real step = decay != 0 ? real_fma(decay, w[i], g[i]) : g[i];
    if (momentum != 0) {
      const real kept = first_step ? step : real_fma(momentum, buffer[i], fresh * step);
      step = o->nesterov ? real_fma(momentum, kept, step) : kept;
      new_buffer[i] = kept;
    }
    new_w[i] = real_fma(-lr, step, w[i]);
  }
}
