/* SPDX-License-Identifier: Apache-2.0
 * linear: the one-off call. */
#include "ops/ops.h"

typedef struct packing {
  int64_t out, in;
  const float *w;
  float *packed;
} packing;

static void pack_part(void *user, int part, int parts) {
  const packing *p = user;
  int64_t begin, end;
  lw_share((p->out + LW_BLOCK - 1) / LW_BLOCK, (lw_part){part, parts}, &begin, &end);
  if (begin < end)
    lw_pack_weights(p->out, p->in, begin, end, p->w + begin * LW_BLOCK * p->in, p->packed + begin * LW_BLOCK * p->in);
}

void lw_linear_pack(const lw_context *context, const lw_linear_desc *d, const float *w, const float *bias, float *packed,
                    lw_linear_args *args) {
  const int64_t count = lw_packed_count(d->out, d->in), padded = lw_packed_count(d->out, 1);
  packing p = {d->out, d->in, w, packed};
  lw_parallel(context, lw_kernel_parts(context, count), pack_part, &p);
  args->w = packed;
  args->bias = NULL;
  if (!bias) return;
  memset(packed + count, 0, (size_t)padded * sizeof *packed);
  memcpy(packed + count, bias, (size_t)d->out * sizeof *packed);
  args->bias = packed + count;
}

lw_status lw_linear_check(const char *op, const lw_linear_desc *desc) {
  if (!desc) return lw_fail(LW_BAD_ARGUMENT, "%s: desc is NULL", op);
  LW_TRY(lw_check_least(op, "n", desc->n, 0));
  LW_TRY(lw_check_least(op, "in", desc->in, 1));
  LW_TRY(lw_check_least(op, "out", desc->out, 1));
  LW_TRY(lw_check_count(op, "x", (const int64_t[]){desc->n, desc->in}, 2, sizeof(float), NULL));
  const int64_t out = lw_size_plus(desc->out, LW_BLOCK);
  LW_TRY(lw_check_count(op, "padded w", (const int64_t[]){1, out, desc->in}, 3, sizeof(float), NULL));
  return lw_check_count(op, "y", (const int64_t[]){desc->n, out}, 2, sizeof(float), NULL);
}

lw_status lw_linear(lw_context *context, const lw_linear_desc *desc, const float *x, const float *w, const float *bias,
                    float *y) {
  LW_TRY(lw_linear_check("linear", desc));
  if (desc->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("linear", x));
  LW_TRY(LW_CHECK_F32("linear", w));
  if (bias) LW_TRY(LW_CHECK_F32("linear", bias));
  LW_TRY(LW_CHECK_F32("linear", y));
  LW_TRY(lw_context_resolve(context, &context));
  const double macs = (double)desc->n * (double)desc->in * (double)desc->out;
  const int64_t work = lw_mac_work(context, macs, desc->n == 1);
  lw_args args = {.linear = {.desc = *desc, .x = x, .w = w, .bias = bias, .y = y}};
  if (!lw_isa_is_simd(context->isa)) return lw_op_run(context, LW_OP_linear, NULL, &args, work);

  float *packed = lw_memory_get(context, (size_t)lw_linear_packed_count(desc) * sizeof *packed);
  if (!packed)
    return lw_fail(LW_NO_MEMORY, "linear: no memory for %lld packed weights", (long long)lw_packed_count(desc->out, desc->in));
  lw_linear_pack(context, desc, w, bias, packed, &args.linear);
  const lw_status status = lw_op_run(context, LW_OP_linear, "panels", &args, work);
  lw_memory_free(context, packed);
  return status;
}
