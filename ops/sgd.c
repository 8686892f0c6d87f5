/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/ops.h"

#include <math.h>

lw_status lw_sgd_check(const lw_sgd_options *o) {
  if (!o) return lw_fail(LW_BAD_ARGUMENT, "sgd: options is NULL");
  const struct {
    const char *name;
    float value;
  } fields[] = {{"lr", o->lr}, {"momentum", o->momentum}, {"weight_decay", o->weight_decay}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (!(fields[i].value >= 0 && isfinite(fields[i].value)))
      return lw_fail(LW_BAD_ARGUMENT, "sgd: %s is %g, expected a finite number of at least 0", fields[i].name,
                     (double)fields[i].value);
  if (!isfinite(o->dampening))
    return lw_fail(LW_BAD_ARGUMENT, "sgd: dampening is %g, expected a finite number", (double)o->dampening);
  if (o->nesterov && !(o->momentum > 0 && o->dampening == 0))
    return lw_fail(LW_BAD_ARGUMENT, "sgd: nesterov with momentum %g and dampening %g, expected momentum above 0 and dampening 0",
                   (double)o->momentum, (double)o->dampening);
  return LW_OK;
}

lw_status lw_sgd(lw_context *context, const lw_sgd_options *options, int first_step, int64_t count, float *w, const float *g,
                 float *buffer) {
  LW_TRY(lw_sgd_check(options));
  LW_TRY(lw_check_count("sgd", "w", &count, 1, sizeof(float), NULL));
  if (count == 0) return LW_OK;
  LW_TRY(LW_CHECK_F32("sgd", w));
  LW_TRY(LW_CHECK_F32("sgd", g));
  if (options->momentum != 0) LW_TRY(LW_CHECK_F32("sgd", buffer));
  const lw_args args = {.sgd = {*options, first_step, count, w, g, buffer, w, buffer}};
  return lw_op_run(context, LW_OP_sgd, NULL, &args, count);
}
