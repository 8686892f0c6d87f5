/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"

#include <inttypes.h>

enum { WIDEST_ANTIALIAS = 1 << 24 }; /* numbers of taps are compared as floats */

static lw_status check(const lw_resize_desc *d, const float *x, const float *y, int64_t *work) {
  if (!d) return lw_fail(LW_BAD_ARGUMENT, "resize_bilinear: desc is NULL");
  int64_t in, out;
  LW_TRY(lw_check_count("resize_bilinear", "x", (const int64_t[]){d->n, d->c, d->ih, d->iw}, 4, sizeof(float), &in));
  LW_TRY(lw_check_count("resize_bilinear", "y", (const int64_t[]){d->n, d->c, d->oh, d->ow}, 4, sizeof(float), &out));
  const struct {
    const char *name;
    int64_t value, most;
  } fields[] = {{"ih", d->ih, INT32_MAX},
                {"iw", d->iw, d->antialias ? WIDEST_ANTIALIAS : INT32_MAX},
                {"oh", d->oh, INT32_MAX},
                {"ow", d->ow, INT32_MAX}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (fields[i].value > fields[i].most)
      return lw_fail(LW_BAD_SHAPE, "resize_bilinear: %s is %" PRId64 ", expected at most %" PRId64, fields[i].name,
                     fields[i].value, fields[i].most);
  if (d->n == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("resize_bilinear", x));
  LW_TRY(LW_CHECK_F32("resize_bilinear", y));
  *work = in > out ? in : out;
  return LW_OK;
}

lw_status lw_resize_bilinear(lw_context *context, const lw_resize_desc *desc, const float *x, float *y) {
  int64_t work = 0, floats;
  LW_TRY(check(desc, x, y, &work));
  if (desc->n == 0) return LW_OK;
  LW_TRY(lw_context_resolve(context, &context));
  lw_args args = {.resize_bilinear = {.desc = *desc, .x = x, .y = y}};
  lw_resize_bilinear_args *a = &args.resize_bilinear;
  if (!lw_isa_is_simd(context->isa)) return lw_op_run(context, LW_OP_resize_bilinear, NULL, &args, work);

  /* Tables, then scratch of every part, in one block. */
  a->tables = lw_resize_tables_size(desc);
  const int64_t parts = lw_kernel_parts(context, work);
  const size_t table_bytes = (a->tables.bytes + 63) / 64 * 64;
  LW_TRY(lw_check_count("resize_bilinear", "scratch", (const int64_t[]){parts, a->tables.row_taps, a->tables.columns}, 3,
                        sizeof(float), &floats));
  const size_t bytes = table_bytes + (size_t)floats * sizeof(float);
  char *memory = lw_memory_get(context, bytes);
  if (!memory) return lw_fail(LW_NO_MEMORY, "resize_bilinear: no memory for %zu bytes of scratch", bytes);
  lw_resize_tables_fill(&a->tables, desc, memory);
  a->scratch = memory + table_bytes;
  a->scratch_stride = lw_resize_scratch(&a->tables);
  const lw_status status = lw_op_run(context, LW_OP_resize_bilinear, NULL, &args, work);
  lw_memory_free(context, memory);
  return status;
}
