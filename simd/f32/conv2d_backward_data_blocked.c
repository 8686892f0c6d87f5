/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_data, algorithm `blocked`: with stride 1 the gradient is the convolution of dy with turned kernels, input and
 * output channels exchanged, in the very order of its definition. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

lw_kernel_fn VEC_FN(conv2d_direct);

void VEC_FN(conv2d_backward_data_blocked)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_args forward = {.conv2d = {.desc = lw_conv2d_turned(&a->desc, a->oh, a->ow),
                                      .oh = a->desc.ih,
                                      .ow = a->desc.iw,
                                      .x = a->dy_view,
                                      .y = a->x_view,
                                      .w = a->w}};
  VEC_FN(conv2d_direct)(&forward, part);
}
