/* SPDX-License-Identifier: Apache-2.0
 * Choices that change no bit: which there are for a step, how wisdom names them, and finding the best by timing. */
#ifndef LANEWISE_NETS_TUNE_H
#define LANEWISE_NETS_TUNE_H

#include "nets/plan.h"
#include "nets/wisdom.h"

/* Kinds of choices, in the order in which they are made. A choice of layout changes the steps around it, the others only their
 * own. */
typedef enum lw_tuned { LW_TUNE_LAYOUT, LW_TUNE_BLOCK, LW_TUNE_PARTS, LW_TUNE_KINDS } lw_tuned;
enum { LW_CANDIDATES = 48 };

/* Candidates for a step as it is now, which is the first of them; returns their number, 1 if there is nothing to choose. */
int lw_tune_candidates(const lw_context *context, const lw_step *step, lw_tuned kind, lw_tuning candidates[LW_CANDIDATES]);
/* Not 0 for the steps that have a choice of any kind. */
int lw_tune_applies(const lw_context *context, const lw_step *step);

enum { LW_TUNE_KEY = 256 };
/* The words of wisdom for a context, a step, and what it has. */
void lw_tune_machine(char text[LW_TUNE_KEY]);
void lw_tune_setting(const lw_context *context, char text[LW_TUNE_KEY]);
void lw_tune_problem(const lw_step *step, char text[LW_TUNE_KEY]);
void lw_tune_choice(const lw_step *step, char text[LW_TUNE_KEY]);
/* The choice of lw_tune_choice(); 0 if the text is none. */
int lw_tune_parse(const char *text, lw_tuning *tuning);

/* Replaces the choices of a plan by those of the wisdom file and, if the options say so, of measurements, which it adds to the
 * file. The plan needs no more workspace after that than before. Weights that it lacks are made for the time of measuring. */
lw_status lw_plan_tune(lw_plan *plan, const lw_plan_options *options);
/* Measures the steps of `plan` with a choice whose layer is not set in `known`, and sets their tunings. */
lw_status lw_plan_measure(const lw_plan *plan, const lw_plan_options *options, const char *known, lw_tuning *tunings);
/* The steps of a plan with other choices. *fits is 0, and there are no steps, if they need more than `limit` bytes of workspace.
 */
lw_status lw_plan_lower_again(const lw_plan *plan, const lw_plan_options *options, const lw_tuning *tunings, size_t limit,
                              lw_lowered *lowered, int *fits);

#endif
