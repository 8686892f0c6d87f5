/* SPDX-License-Identifier: Apache-2.0
 * How a plan is made: mode, budgets and wisdom, as an argp child that is the same in every subcommand that makes one; its input
 * is the struct. */
#ifndef LANEWISE_CLI_PLANNING_H
#define LANEWISE_CLI_PLANNING_H

#include <argp.h>
#include "cli/cli.h"

/* --mode, --accuracy, --weight-budget, --memory-limit, --measure, --wisdom. All 0: the defaults. */
typedef struct cli_planning {
  lw_plan_options options;
  int has_mode;        /* --mode was given */
  double weight_ratio; /* not 0: options.weight_budget as a multiple of the parameters' bytes */
} cli_planning;
extern const struct argp cli_planning_argp;

/* A plan of `net`; an exit code, after a message if it is not CLI_OK. weights may be NULL. Its notice goes to stderr. */
int cli_planning_make(const cli_planning *planning, lw_context *context, const lw_net *net, const lw_weights *weights,
                      int64_t batch, int no_fuse, lw_plan **plan);

#endif
