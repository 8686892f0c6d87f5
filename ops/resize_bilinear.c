/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"
#include "simd/resize_tables.h"

#include <inttypes.h>

lw_status lw_resize_bilinear(lw_context *context, const lw_resize_desc *d, const float *x, float *y) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "resize_bilinear: desc is NULL");
  int64_t in, out;
  LW_TRY(lw_check_count("resize_bilinear", "x", (const int64_t[]){d->n, d->c, d->ih, d->iw}, 4, sizeof(float), &in));
  LW_TRY(lw_check_count("resize_bilinear", "y", (const int64_t[]){d->n, d->c, d->oh, d->ow}, 4, sizeof(float), &out));
  if (d->iw > INT32_MAX || d->ow > INT32_MAX)
    return lw_fail(LW_BAD_SHAPE, "resize_bilinear: iw %" PRId64 " and ow %" PRId64 " must be below 2^31", d->iw, d->ow);
  /* The rows between the passes are the bulk of it. */
  LW_TRY(lw_check_count("resize_bilinear", "scratch", (const int64_t[]){d->n, d->c, d->ih + 8, d->ow + LW_BLOCK}, 4, sizeof(float), NULL));
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("resize_bilinear", x));
  LW_TRY(LW_CHECK_F32("resize_bilinear", y));
  LW_TRY(lw_context_resolve(context, &context));
  lw_args args = {.resize_bilinear = {.desc = *d, .x = x, .y = y, .pass = 1}};
  if (!lw_isa_is_simd(context->isa)) return lw_op_run(context, LW_OP_resize_bilinear, NULL, &args, out);
  const size_t bytes = lw_resize_bilinear_scratch(d);
  args.resize_bilinear.scratch = lw_memory_get(context, bytes);
  if (!args.resize_bilinear.scratch) return lw_fail(LW_NO_MEMORY, "resize_bilinear: no memory for %zu bytes of scratch", bytes);
  lw_resize_tables_fill(d, args.resize_bilinear.scratch);
  args.resize_bilinear.pass = 0;
  lw_status status = lw_op_run(context, LW_OP_resize_bilinear, NULL, &args, in);
  args.resize_bilinear.pass = 1;
  if (status == LW_OK) status = lw_op_run(context, LW_OP_resize_bilinear, NULL, &args, out);
  lw_memory_free(context, args.resize_bilinear.scratch);
  return status;
}
