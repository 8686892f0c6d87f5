/* SPDX-License-Identifier: Apache-2.0
 * conv2d: output size, the one-off call, the plan. */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>
#include "simd/conv2d_small.h"

/* ------------------------------------------------------------------------------------------------------------- shapes */

/* Outputs along one axis; the kernel must fit into the padded input. */
static lw_status axis(const char *name, int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t dilation,
                      int64_t stride, int64_t *out) {
  int64_t padded, extent;
  if (__builtin_add_overflow(in, before, &padded) || __builtin_add_overflow(padded, after, &padded))
    return lw_fail(LW_BAD_SHAPE, "conv2d: %s %" PRId64 " with padding %" PRId64 " and %" PRId64 " is too large", name, in, before,
                   after);
  if (__builtin_mul_overflow(dilation, kernel - 1, &extent) || extent == INT64_MAX || extent + 1 > padded)
    return lw_fail(LW_BAD_SHAPE,
                   "conv2d: kernel of %" PRId64 " with dilation %" PRId64 " is larger than the padded input: %s is %" PRId64
                   " + %" PRId64 " + %" PRId64,
                   kernel, dilation, name, in, before, after);
  *out = (padded - extent - 1) / stride + 1;
  return LW_OK;
}

lw_status lw_conv2d_output(const lw_conv2d_desc *d, int64_t *oh, int64_t *ow) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "conv2d: desc is NULL");
  if (!oh || !ow) return lw_fail(LW_BAD_ARGUMENT, "conv2d: %s is NULL", oh ? "ow" : "oh");
  const struct {
    const char *name;
    int64_t value, least;
  } fields[] = {{"n", d->n, 0},
                {"ic", d->ic, 1},
                {"ih", d->ih, 1},
                {"iw", d->iw, 1},
                {"oc", d->oc, 1},
                {"kh", d->kh, 1},
                {"kw", d->kw, 1},
                {"stride_h", d->stride_h, 1},
                {"stride_w", d->stride_w, 1},
                {"pad_top", d->pad_top, 0},
                {"pad_left", d->pad_left, 0},
                {"pad_bottom", d->pad_bottom, 0},
                {"pad_right", d->pad_right, 0},
                {"dilation_h", d->dilation_h, 1},
                {"dilation_w", d->dilation_w, 1},
                {"groups", d->groups, 1}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    LW_TRY(lw_check_least("conv2d", fields[i].name, fields[i].value, fields[i].least));
  if (d->ic % d->groups || d->oc % d->groups)
    return lw_fail(LW_BAD_SHAPE, "conv2d: groups is %" PRId64 ", expected a divisor of ic %" PRId64 " and oc %" PRId64, d->groups,
                   d->ic, d->oc);
  int64_t h = 0, w = 0;
  LW_TRY(axis("ih", d->ih, d->pad_top, d->pad_bottom, d->kh, d->dilation_h, d->stride_h, &h));
  LW_TRY(axis("iw", d->iw, d->pad_left, d->pad_right, d->kw, d->dilation_w, d->stride_w, &w));
  /* With room for padding and whole blocks of 16 channels, as kernels lay tensors out. */
  const int64_t ic = lw_size_plus(d->ic, LW_BLOCK), oc = lw_size_plus(d->oc, LW_BLOCK);
  LW_TRY(lw_check_count("conv2d", "padded x",
                        (const int64_t[]){d->n, ic, d->ih + d->pad_top + d->pad_bottom, d->iw + d->pad_left + d->pad_right}, 4,
                        sizeof(float), NULL));
  LW_TRY(lw_check_count("conv2d", "w", (const int64_t[]){1, oc, ic, d->kh, d->kw}, 5, sizeof(float), NULL));
  LW_TRY(lw_check_count("conv2d", "y", (const int64_t[]){d->n, oc, h, w}, 4, sizeof(float), NULL));
  *oh = h;
  *ow = w;
  return LW_OK;
}

static int64_t work(const lw_context *context, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  const double macs = (double)d->n * (double)(d->oc * oh * ow) * (double)(d->ic / d->groups * d->kh * d->kw);
  return lw_mac_work(context, macs, 0);
}

/* ------------------------------------------------------------------------------------------------------------ one-off */

/* Kernel and arguments on plain tensors; scratch is the caller's. */
static lw_status plain(const lw_context *context, const lw_conv2d_desc *d, int64_t oh, int64_t ow, const lw_kernel **kernel,
                       lw_conv2d_args *a, int *parts) {
  const int simd = lw_isa_is_simd(context->isa);
  *kernel = lw_kernel_find(LW_OP_conv2d, context->isa, simd ? lw_conv2d_plain_algorithm(d) : NULL);
  if (!*kernel) return lw_fail(LW_UNSUPPORTED, "conv2d: no kernel for ISA %s", lw_isa_name(context->isa));
  *a = (lw_conv2d_args){.desc = *d, .oh = oh, .ow = ow};
  a->x = lw_view_make(NULL, d->ic, d->ih, d->iw, 1, (const int64_t[4]){0});
  a->y = lw_view_make(NULL, d->oc, oh, ow, 1, (const int64_t[4]){0});
  a->scratch_stride = simd ? lw_conv2d_plain_scratch(d) : 0;
  *parts = lw_kernel_parts(context, work(context, d, oh, ow));
  return LW_OK;
}

lw_status lw_conv2d(lw_context *context, const lw_conv2d_desc *desc, const float *x, const float *w, const float *bias,
                    float *y) {
  int64_t oh, ow;
  LW_TRY(lw_conv2d_output(desc, &oh, &ow));
  if (desc->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("conv2d", x));
  LW_TRY(LW_CHECK_F32("conv2d", w));
  if (bias) LW_TRY(LW_CHECK_F32("conv2d", bias));
  LW_TRY(LW_CHECK_F32("conv2d", y));
  LW_TRY(lw_context_resolve(context, &context));
  const lw_kernel *kernel;
  lw_args args;
  int parts;
  LW_TRY(plain(context, desc, oh, ow, &kernel, &args.conv2d, &parts));
  lw_conv2d_args *a = &args.conv2d;
  a->x = lw_view_place(a->x, (float *)x);
  a->y = lw_view_place(a->y, y);
  a->w = w;
  a->bias = bias;
  const size_t bytes = a->scratch_stride * (size_t)parts;
  a->scratch = bytes ? lw_memory_get(context, bytes) : NULL;
  if (bytes && !a->scratch) return lw_fail(LW_NO_MEMORY, "conv2d: no memory for %zu bytes of scratch", bytes);
  lw_kernel_run(context, kernel, &args, work(context, desc, oh, ow));
  lw_memory_free(context, a->scratch);
  return LW_OK;
}

/* --------------------------------------------------------------------------------------------------------------- plan */

/* Immutable once made. Workspace of a run: blocked x, blocked y (if the kernel wants blocks), scratch of every part. */
struct lw_conv2d_plan {
  lw_context *context;
  const lw_kernel *kernel;
  lw_args args;               /* pointers into tensors of a run are missing */
  int packed, blocked, parts; /* weights in panels, x and y in blocks */
  int64_t work;
  size_t x_bytes, y_bytes, workspace_bytes;
  float *weights, *bias;
};

static size_t view_bytes(const lw_view *v, int64_t n) { return (size_t)(v->n_stride * n + 15) / 16 * 16 * sizeof(float); }

/* Kernel and layouts for packed weights. */
static void lay_out(lw_conv2d_plan *p, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  const char *algorithm = lw_conv2d_packed_algorithm(p->context->isa, d, oh, ow, 0);
  lw_conv2d_args *a = &p->args.conv2d;
  *a = (lw_conv2d_args){.desc = *d, .oh = oh, .ow = ow};
  p->kernel = lw_kernel_find(LW_OP_conv2d, p->context->isa, algorithm);
  p->blocked = strcmp(algorithm, "columns") != 0;
  a->scratch_stride = lw_conv2d_packed_scratch(algorithm, a);
  const int64_t halo[4] = {d->pad_top, d->pad_left, d->pad_bottom, d->pad_right};
  if (!p->blocked) {
    a->x = lw_view_plain(NULL, d->ic, d->ih, d->iw);
    a->y = lw_view_plain(NULL, d->oc, oh, ow);
    return;
  }
  a->x = lw_view_make(NULL, d->ic, d->ih, d->iw, d->ic < LW_BLOCK ? 1 : LW_BLOCK, halo);
  a->y = lw_view_make(NULL, d->oc, oh, ow, LW_BLOCK, (const int64_t[4]){0});
  p->x_bytes = view_bytes(&a->x, d->n);
  p->y_bytes = view_bytes(&a->y, d->n);
}

static lw_status copy_weights(lw_conv2d_plan *p, const float *w, const float *bias) {
  const lw_conv2d_desc *d = &p->args.conv2d.desc;
  const int64_t k = d->ic / d->groups * d->kh * d->kw;
  const int64_t oc = p->packed ? (d->oc + LW_BLOCK - 1) / LW_BLOCK * LW_BLOCK : d->oc;
  p->weights = lw_memory_get(p->context, (size_t)(oc * k) * sizeof(float));
  p->bias = bias ? lw_memory_get(p->context, (size_t)oc * sizeof(float)) : NULL;
  if (!p->weights || (bias && !p->bias))
    return lw_fail(LW_NO_MEMORY, "conv2d plan: no memory for %" PRId64 " weights", oc * (k + 1));
  if (bias) {
    memset(p->bias, 0, (size_t)oc * sizeof(float));
    memcpy(p->bias, bias, (size_t)d->oc * sizeof(float));
  }
  if (p->packed)
    lw_pack_weights(d->oc, k, 0, oc / LW_BLOCK, w, p->weights);
  else
    memcpy(p->weights, w, (size_t)(d->oc * k) * sizeof(float));
  return LW_OK;
}

lw_status lw_conv2d_plan_create(lw_context *context, const lw_conv2d_desc *desc, const float *w, const float *bias, int fuse_relu,
                                lw_conv2d_plan **plan) {
  int64_t oh, ow;
  LW_TRY(lw_conv2d_output(desc, &oh, &ow));
  LW_TRY(LW_CHECK_F32("conv2d plan", w));
  if (bias) LW_TRY(LW_CHECK_F32("conv2d plan", bias));
  if (!plan) return lw_fail(LW_BAD_ARGUMENT, "conv2d plan: plan is NULL");
  LW_TRY(lw_context_resolve(context, &context));
  lw_conv2d_plan *p = lw_memory_get(context, sizeof *p);
  if (!p) return lw_fail(LW_NO_MEMORY, "conv2d plan: no memory for a plan");
  *p = (lw_conv2d_plan){.context = context, .work = work(context, desc, oh, ow)};
  p->packed = lw_isa_is_simd(context->isa) && desc->groups == 1;
  p->parts = lw_kernel_parts(context, p->work);
  lw_status status = LW_OK;
  if (p->packed)
    lay_out(p, desc, oh, ow);
  else
    status = plain(context, desc, oh, ow, &p->kernel, &p->args.conv2d, &p->parts);
  p->args.conv2d.relu = fuse_relu != 0;
  p->workspace_bytes = p->x_bytes + p->y_bytes + p->args.conv2d.scratch_stride * (size_t)p->parts;
  if (p->workspace_bytes == 0) p->workspace_bytes = 64;
  if (status == LW_OK) status = copy_weights(p, w, bias);
  if (status != LW_OK) {
    lw_conv2d_plan_destroy(p);
    return status;
  }
  *plan = p;
  return LW_OK;
}

void lw_conv2d_plan_destroy(lw_conv2d_plan *p) {
  if (!p) return;
  lw_memory_free(p->context, p->weights);
  lw_memory_free(p->context, p->bias);
  lw_memory_free(p->context, p);
}

size_t lw_conv2d_plan_workspace_bytes(const lw_conv2d_plan *plan) { return plan ? plan->workspace_bytes : 0; }
const char *lw_conv2d_plan_kernel(const lw_conv2d_plan *plan) { return plan ? plan->kernel->symbol : ""; }

lw_status lw_conv2d_plan_run(const lw_conv2d_plan *plan, const float *x, float *y, void *workspace) {
  if (!plan) return lw_fail(LW_BAD_ARGUMENT, "conv2d plan: plan is NULL");
  const lw_conv2d_desc *d = &plan->args.conv2d.desc;
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("conv2d plan", x));
  LW_TRY(LW_CHECK_F32("conv2d plan", y));
  LW_TRY(lw_check_pointer("conv2d plan", "workspace", workspace, 64));
  lw_args args = plan->args;
  lw_conv2d_args *a = &args.conv2d;
  a->w = plan->weights;
  a->bias = plan->bias;
  a->scratch = (char *)workspace + plan->x_bytes + plan->y_bytes;
  if (!plan->blocked) {
    a->x = lw_view_place(a->x, (float *)x);
    a->y = lw_view_place(a->y, y);
    lw_kernel_run(plan->context, plan->kernel, &args, plan->work);
    return LW_OK;
  }
  const lw_kernel *reorder = lw_kernel_find(LW_OP_reorder, LW_ISA_PORTABLE, NULL);
  a->x = lw_view_place(a->x, workspace);
  a->y = lw_view_place(a->y, (float *)(void *)((char *)workspace + plan->x_bytes));
  const lw_args in = {.reorder = {.n = d->n, .c = d->ic, .x = lw_view_plain(x, d->ic, d->ih, d->iw), .y = a->x}};
  const lw_args out = {.reorder = {.n = d->n, .c = d->oc, .x = a->y, .y = lw_view_plain(y, d->oc, a->oh, a->ow)}};
  lw_kernel_run(plan->context, reorder, &in, d->n * d->ic * d->ih * d->iw);
  lw_kernel_run(plan->context, plan->kernel, &args, plan->work);
  lw_kernel_run(plan->context, reorder, &out, d->n * d->oc * a->oh * a->ow);
  return LW_OK;
}
