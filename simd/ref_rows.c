/* SPDX-License-Identifier: Apache-2.0
 * The plain loops of ref/ as rows of the kernel table. Compiled once per prefix (REF_PREFIX), like ref/ itself. Shares of conv2d
 * and linear are slices of their output channels, of the rest slices of images or elements: the loops inside stay as they are. */
#include "ref/ref.h"
#include "simd/kernels.h"

#define ROW(op) REF(row_##op)

static void relu_slice(float *y, int64_t count) { REF(relu)(count, y, y); }

void ROW(conv2d)(const lw_args *args, lw_part part) {
  const lw_conv2d_args *a = &args->conv2d;
  const lw_conv2d_desc *d = &a->desc;
  const int64_t ic_group = d->ic / d->groups, oc_group = d->oc / d->groups, plane = a->oh * a->ow;
  int64_t begin, end;
  lw_share(d->n * d->oc, part, &begin, &end);
  while (begin < end) { /* one run of channels inside one image and one group */
    const int64_t n = begin / d->oc, oc = begin % d->oc, group = oc / oc_group;
    int64_t count = (group + 1) * oc_group - oc;
    if (count > end - begin) count = end - begin;
    lw_conv2d_desc slice = *d;
    slice.n = slice.groups = 1;
    slice.ic = ic_group;
    slice.oc = count;
    float *y = a->y.p + (n * d->oc + oc) * plane;
    REF(conv2d)
    (&slice, a->x.p + (n * d->ic + group * ic_group) * d->ih * d->iw, a->w + oc * ic_group * d->kh * d->kw,
     a->bias ? a->bias + oc : NULL, y);
    if (a->relu) relu_slice(y, count * plane);
    begin += count;
  }
}

static void winograd(int m, const lw_conv2d_args *a, lw_part part) {
  const lw_conv2d_desc *d = &a->desc;
  const int64_t plane = a->oh * a->ow;
  int64_t begin, end;
  lw_share(d->oc, part, &begin, &end);
  for (int64_t n = 0; n < d->n && begin < end; n++) {
    lw_conv2d_desc slice = *d;
    slice.n = 1;
    slice.oc = end - begin;
    float *y = a->y.p + (n * d->oc + begin) * plane;
    REF(conv2d_winograd)
    (m, &slice, a->x.p + n * d->ic * d->ih * d->iw, a->w + begin * d->ic * d->kh * d->kw, a->bias ? a->bias + begin : NULL, y);
    if (a->relu) relu_slice(y, slice.oc * plane);
  }
}
void ROW(conv2d_winograd4)(const lw_args *args, lw_part part) { winograd(4, &args->conv2d, part); }
void ROW(conv2d_winograd2)(const lw_args *args, lw_part part) { winograd(2, &args->conv2d, part); }

void ROW(linear)(const lw_args *args, lw_part part) {
  const lw_linear_args *a = &args->linear;
  int64_t begin, end;
  lw_share(a->desc.out, part, &begin, &end);
  if (begin == end) return;
  for (int64_t n = 0; n < a->desc.n; n++) {
    const lw_linear_desc slice = {1, a->desc.in, end - begin};
    float *y = a->y + n * a->desc.out + begin;
    REF(linear)(&slice, a->x + n * a->desc.in, a->w + begin * a->desc.in, a->bias ? a->bias + begin : NULL, y);
    if (a->relu) relu_slice(y, end - begin);
  }
}

#define MAP_ROW(op)                                                                                                              \
  void ROW(op)(const lw_args *args, lw_part part) {                                                                              \
    int64_t begin, end;                                                                                                          \
    lw_share(args->map.count, part, &begin, &end);                                                                               \
    REF(op)(end - begin, args->map.x + begin, args->map.y + begin);                                                              \
  }
MAP_ROW(relu)
MAP_ROW(tanh)
MAP_ROW(dropout)
MAP_ROW(flatten)

void ROW(add)(const lw_args *args, lw_part part) {
  int64_t begin, end;
  lw_share(args->add.count, part, &begin, &end);
  REF(add)(end - begin, args->add.a + begin, args->add.b + begin, args->add.y + begin);
}

#define ROWS_ROW(op)                                                                                                             \
  void ROW(op)(const lw_args *args, lw_part part) {                                                                              \
    const lw_rows_args *a = &args->rows;                                                                                         \
    int64_t begin, end;                                                                                                          \
    lw_share(a->n, part, &begin, &end);                                                                                          \
    REF(op)(end - begin, a->c, a->x + begin * a->c, a->y + begin * a->c);                                                        \
  }
ROWS_ROW(softmax)
ROWS_ROW(log_softmax)

void ROW(topk)(const lw_args *args, lw_part part) {
  const lw_topk_args *a = &args->topk;
  int64_t begin, end;
  lw_share(a->n, part, &begin, &end);
  REF(topk)(end - begin, a->c, a->k, a->x + begin * a->c, a->y + begin * a->k, a->index + begin * a->k);
}

void ROW(max_pool2d)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  int64_t begin, end;
  lw_share(a->desc.n * a->desc.c, part, &begin, &end);
  lw_pool2d_desc slice = a->desc;
  slice.n = 1;
  slice.c = end - begin;
  if (slice.c == 0) return;
  REF(max_pool2d)
  (&slice, a->x.p + begin * a->desc.ih * a->desc.iw, a->y.p + begin * a->oh * a->ow,
   a->index ? a->index + begin * a->oh * a->ow : NULL);
}

void ROW(avg_pool2d)(const lw_args *args, lw_part part) {
  const lw_pool2d_args *a = &args->pool2d;
  int64_t begin, end;
  lw_share(a->desc.n * a->desc.c, part, &begin, &end);
  lw_pool2d_desc slice = a->desc;
  slice.n = 1;
  slice.c = end - begin;
  if (slice.c == 0) return;
  REF(avg_pool2d)(&slice, a->x.p + begin * a->desc.ih * a->desc.iw, a->y.p + begin * a->oh * a->ow);
}

/* Image operators: slices of images, or of planes where channels are alone. */

void ROW(u8_to_f32)(const lw_args *args, lw_part part) {
  const lw_u8_to_f32_args *a = &args->u8_to_f32;
  if (part.index == 0) REF(u8_to_f32)(a->c, a->h, a->w, a->u, a->y);
}

void ROW(grayscale)(const lw_args *args, lw_part part) {
  const lw_grayscale_args *a = &args->grayscale;
  int64_t begin, end;
  lw_share(a->n, part, &begin, &end);
  REF(grayscale)(end - begin, a->h, a->w, a->x + begin * 3 * a->h * a->w, a->y + begin * a->h * a->w);
}

void ROW(normalize)(const lw_args *args, lw_part part) {
  const lw_normalize_args *a = &args->normalize;
  const int64_t image = a->c * a->h * a->w;
  int64_t begin, end;
  lw_share(a->n, part, &begin, &end);
  REF(normalize)(end - begin, a->c, a->h, a->w, a->mean, a->std, a->x + begin * image, a->y + begin * image);
}

/* The descriptor of planes begin..end-1 alone. */
#define PLANES(desc_type, member)                                                                                                \
  desc_type d = args->member.desc;                                                                                               \
  int64_t begin, end;                                                                                                            \
  lw_share(d.n *d.c, part, &begin, &end);                                                                                        \
  d.n = 1;                                                                                                                       \
  d.c = end - begin

void ROW(filter2d)(const lw_args *args, lw_part part) {
  PLANES(lw_filter2d_desc, filter2d);
  const int64_t out = d.same ? d.h * d.w : (d.h - d.kh + 1) * (d.w - d.kw + 1);
  REF(filter2d)(&d, args->filter2d.kernel, args->filter2d.x + begin * d.h * d.w, args->filter2d.y + begin * out);
}

void ROW(resize_bilinear)(const lw_args *args, lw_part part) {
  PLANES(lw_resize_desc, resize_bilinear);
  REF(resize_bilinear)(&d, args->resize_bilinear.x + begin * d.ih * d.iw, args->resize_bilinear.y + begin * d.oh * d.ow);
}

void ROW(crop)(const lw_args *args, lw_part part) {
  PLANES(lw_crop_desc, crop);
  REF(crop)(&d, args->crop.x + begin * d.ih * d.iw, args->crop.y + begin * d.oh * d.ow);
}

void ROW(flip)(const lw_args *args, lw_part part) {
  const lw_flip_args *a = &args->flip;
  const int64_t plane = a->h * a->w;
  int64_t begin, end;
  lw_share(a->n * a->c, part, &begin, &end);
  REF(flip)(1, end - begin, a->h, a->w, a->horizontal, a->vertical, a->x + begin * plane, a->y + begin * plane);
}

void ROW(pad2d)(const lw_args *args, lw_part part) {
  PLANES(lw_pad2d_desc, pad2d);
  const int64_t out = (d.top + d.ih + d.bottom) * (d.left + d.iw + d.right);
  REF(pad2d)(&d, args->pad2d.x + begin * d.ih * d.iw, args->pad2d.y + begin * out);
}

/* Backward operators: slices of groups, images, planes, output channels or elements. */

void ROW(conv2d_backward_data)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  const lw_conv2d_desc *d = &a->desc;
  lw_conv2d_desc slice = *d;
  int64_t begin, end;
  lw_share(d->n * d->groups, part, &begin, &end);
  slice.n = slice.groups = 1;
  slice.ic = d->ic / d->groups;
  slice.oc = d->oc / d->groups;
  for (int64_t i = begin; i < end; i++) REF(conv2d_backward_data)
  (&slice, a->dy + i * slice.oc * a->oh * a->ow, a->w + i % d->groups * slice.oc * slice.ic * d->kh * d->kw,
   a->out + i * slice.ic * d->ih * d->iw);
}

static void backward_winograd(int m, const lw_conv2d_backward_args *a, lw_part part) {
  int64_t begin, end;
  lw_share(a->desc.ic, part, &begin, &end);
  REF(conv2d_backward_data_winograd)(m, &a->desc, begin, end, a->dy, a->w, a->out);
}
void ROW(conv2d_backward_data_winograd4)(const lw_args *args, lw_part part) {
  backward_winograd(4, &args->conv2d_backward, part);
}
void ROW(conv2d_backward_data_winograd2)(const lw_args *args, lw_part part) {
  backward_winograd(2, &args->conv2d_backward, part);
}

void ROW(conv2d_backward_weights)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  int64_t begin, end;
  lw_share(a->desc.oc, part, &begin, &end);
  REF(conv2d_backward_weights)(&a->desc, begin, end, a->x, a->dy, a->out);
}

void ROW(conv2d_backward_bias)(const lw_args *args, lw_part part) {
  const lw_conv2d_backward_args *a = &args->conv2d_backward;
  int64_t begin, end;
  lw_share(a->desc.oc, part, &begin, &end);
  REF(conv2d_backward_bias)(&a->desc, begin, end, a->dy, a->out);
}

void ROW(linear_backward_data)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  int64_t begin, end;
  lw_share(a->desc.n, part, &begin, &end);
  const lw_linear_desc slice = {end - begin, a->desc.in, a->desc.out};
  REF(linear_backward_data)(&slice, a->dy + begin * a->desc.out, a->w, a->out + begin * a->desc.in);
}

void ROW(linear_backward_weights)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  int64_t begin, end;
  lw_share(a->desc.out, part, &begin, &end);
  REF(linear_backward_weights)(&a->desc, begin, end, a->x, a->dy, a->out);
}

void ROW(linear_backward_bias)(const lw_args *args, lw_part part) {
  const lw_linear_backward_args *a = &args->linear_backward;
  int64_t begin, end;
  lw_share(a->desc.out, part, &begin, &end);
  REF(linear_backward_bias)(&a->desc, begin, end, a->dy, a->out);
}

#define MAP_BACKWARD_ROW(op)                                                                                                     \
  void ROW(op)(const lw_args *args, lw_part part) {                                                                              \
    const lw_map_backward_args *a = &args->map_backward;                                                                         \
    int64_t begin, end;                                                                                                          \
    lw_share(a->count, part, &begin, &end);                                                                                      \
    REF(op)(end - begin, a->y + begin, a->dy + begin, a->dx + begin);                                                            \
  }
MAP_BACKWARD_ROW(relu_backward)
MAP_BACKWARD_ROW(tanh_backward)

void ROW(max_pool2d_backward)(const lw_args *args, lw_part part) {
  PLANES(lw_pool2d_desc, pool2d_backward);
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  const int64_t out = begin * a->oh * a->ow;
  if (d.c > 0) REF(max_pool2d_backward)(&d, a->index + out, a->dy + out, a->dx + begin * d.ih * d.iw);
}

void ROW(avg_pool2d_backward)(const lw_args *args, lw_part part) {
  PLANES(lw_pool2d_desc, pool2d_backward);
  const lw_pool2d_backward_args *a = &args->pool2d_backward;
  if (d.c > 0) REF(avg_pool2d_backward)(&d, a->dy + begin * a->oh * a->ow, a->dx + begin * d.ih * d.iw);
}

void ROW(dropout_train)(const lw_args *args, lw_part part) {
  const lw_dropout_args *a = &args->dropout;
  int64_t begin, end;
  lw_share(a->count, part, &begin, &end);
  REF(dropout_train)(begin, end - begin, a->probability, a->seed, a->stream, a->x + begin, a->y + begin);
}

void ROW(softmax_cross_entropy)(const lw_args *args, lw_part part) {
  const lw_cross_entropy_args *a = &args->cross_entropy;
  if (part.index == 0) REF(softmax_cross_entropy)(&a->desc, a->x, a->labels, a->out);
}

/* The divisor is that of all samples, so they are not shared out. */
void ROW(softmax_cross_entropy_backward)(const lw_args *args, lw_part part) {
  const lw_cross_entropy_args *a = &args->cross_entropy;
  if (part.index == 0) REF(softmax_cross_entropy_backward)(&a->desc, a->x, a->labels, a->out);
}

void ROW(sgd)(const lw_args *args, lw_part part) {
  const lw_sgd_args *a = &args->sgd;
  int64_t begin, end;
  lw_share(a->count, part, &begin, &end);
  const int buffers = a->options.momentum != 0;
  REF(sgd)
  (&a->options, a->first_step, end - begin, a->w + begin, a->g + begin, buffers ? a->buffer + begin : NULL, a->new_w + begin,
   buffers ? a->new_buffer + begin : NULL);
}
