/* SPDX-License-Identifier: Apache-2.0
 * conv2d_backward_data, algorithms `winograd4` and `winograd2`: the convolution with turned kernels that the gradient is, by the
 * kernels of conv2d. */
#include "simd/kernels.h"
#include "simd/vec/vec.h"

lw_kernel_fn VEC_FN(conv2d_winograd4), VEC_FN(conv2d_winograd2);

static lw_args forward(const lw_conv2d_backward_args *a) {
  return (lw_args){.conv2d = {.desc = lw_conv2d_turned(&a->desc, a->oh, a->ow),
                              .oh = a->desc.ih,
                              .ow = a->desc.iw,
                              .x = a->dy_view,
                              .y = a->x_view,
                              .w = a->w,
                              .block = a->block,
                              .scratch = a->scratch,
                              .scratch_stride = a->scratch_stride}};
}

void VEC_FN(conv2d_backward_data_winograd4)(const lw_args *args, lw_part part) {
  const lw_args turned = forward(&args->conv2d_backward);
  VEC_FN(conv2d_winograd4)(&turned, part);
}
void VEC_FN(conv2d_backward_data_winograd2)(const lw_args *args, lw_part part) {
  const lw_args turned = forward(&args->conv2d_backward);
  VEC_FN(conv2d_winograd2)(&turned, part);
}
