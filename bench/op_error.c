/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/op_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench/machine.h"

static const double MOST_FLOPS = 5e7; /* of a case that is judged whole: double oracle and bounds are plain loops */
enum { FEWEST_CHANNELS = 2, BOUNDS = 3 };

/* Some output channels of the latest case, as a case of their own. bounds: chain, any order, mode fast. */
static struct {
  const kit_case *c;
  const char *algorithm; /* of the bound of mode fast */
  kit_case some;
  int64_t channels, all;
  kit_set set, wide;
  double *bound[BOUNDS];
  float *magnitude; /* sum |x*w| + |bias| of every output, where not all channels are judged */
} truth;

static void forget(void) {
  if (truth.c) {
    kit_set_free(&truth.set);
    kit_set_free(&truth.wide);
    for (int i = 0; i < BOUNDS; i++) free(truth.bound[i]);
    free(truth.magnitude);
  }
  memset(&truth, 0, sizeof truth);
}

/* Where the number of output channels of a case stands; NULL: outputs of all channels belong together. */
static int64_t *channels_of(const kit_op *op, kit_case *c) {
  if (op->op == LW_OP_conv2d && c->of.conv2d.groups == 1) return &c->of.conv2d.oc;
  return op->op == LW_OP_linear ? &c->of.linear.out : NULL;
}

static int64_t channel(int64_t i) { return truth.channels == 1 ? 0 : i * (truth.all - 1) / (truth.channels - 1); }

/* Copies the chosen channels; from[outer][all][inner] to to[outer][channels][inner]. */
static void choose(const float *from, float *to, int64_t outer, int64_t inner) {
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < truth.channels; i++)
      memcpy(to + (o * truth.channels + i) * inner, from + (o * truth.all + channel(i)) * inner, (size_t)inner * sizeof *to);
}

/* Tensors of `set` to those of truth.set, of the given role. */
static void take(const kit_set *set, kit_role role) {
  for (int i = 0; i < set->count; i++) {
    const kit_tensor *to = &truth.set.info[i];
    if (!to->name || to->role != role || to->type != KIT_F32) continue;
    const int64_t outer = role == KIT_OUT ? to->shape[0] : 1;
    if (truth.channels == truth.all || role == KIT_IN)
      memcpy(truth.set.t[i], set->t[i], set->buffer[i].bytes);
    else if (to->count > 0)
      choose(set->t[i], truth.set.t[i], outer, to->count / outer / truth.channels);
  }
}

static void absolute(const float *from, int64_t count, float *to) {
  for (int64_t i = 0; i < count; i++) to[i] = fabsf(from[i]);
}

/* By Lanewise's own fast kernels: sums of numbers that are not negative have next to no error. */
static const char *measure_magnitude(const op_bench *b, const kit_set *set) {
  kit_set positive;
  lw_context *context = NULL;
  kit_case c = *b->c;
  c.relu = c.pool = 0;
  if (!kit_set_make(&positive, b->op, &c, KIT_ALIGNED)) return "no memory";
  for (int i = 0; i < set->count; i++)
    if (set->info[i].name && set->info[i].role != KIT_OUT) absolute(set->t[i], set->info[i].count, positive.t[i]);
  lw_status status = lw_context_create(&(lw_context_options){.threads = machine_cores()}, &context);
  if (status == LW_OK) status = b->op->call(context, &c, positive.t);
  lw_context_destroy(context);
  const int y = kit_set_output(&positive);
  truth.magnitude = malloc(positive.buffer[y].bytes + 1);
  if (truth.magnitude) memcpy(truth.magnitude, positive.t[y], positive.buffer[y].bytes);
  kit_set_free(&positive);
  return status != LW_OK ? lw_error_message() : truth.magnitude ? NULL : "no memory";
}

/* As in kit_set_widen, from the tensors that every row gets. */
static const char *learn_case(const op_bench *b) {
  if (truth.c == b->c) return NULL;
  forget();
  const op_bench reals = {.op = b->op, .row = b->row, .c = b->c};
  kit_set set;
  const char *wrong = op_fill(&set, &reals);
  if (wrong) return wrong;
  truth.some = *b->c;
  int64_t *channels = channels_of(b->op, &truth.some);
  const double flops = b->op->flops ? b->op->flops(b->c) : 0;
  truth.channels = truth.all = channels ? *channels : 1;
  if (channels && flops > MOST_FLOPS) {
    const int64_t few = (int64_t)((double)truth.all * MOST_FLOPS / flops);
    truth.channels = few < FEWEST_CHANNELS ? FEWEST_CHANNELS : few;
    if (truth.channels > truth.all) truth.channels = truth.all;
    *channels = truth.channels;
  }
  if (!kit_set_make(&truth.set, b->op, &truth.some, KIT_ALIGNED)) wrong = "no memory";
  if (!wrong) {
    take(&set, KIT_IN);
    take(&set, KIT_WEIGHTS);
    truth.c = b->c;
    if (!kit_set_widen(&truth.wide, &truth.set)) wrong = "no memory";
  }
  if (!wrong) b->op->ref64(&truth.some, truth.wide.t);
  if (!wrong && truth.channels < truth.all && !b->c->pool) wrong = measure_magnitude(b, &set);
  kit_set_free(&set);
  if (wrong) forget();
  return wrong;
}

/* which: a kit_order, or 2: of the row's algorithm. NULL: no memory. */
static const double *learn_bound(const op_bench *b, int which) {
  double **bound = &truth.bound[which];
  if (which == BOUNDS - 1 && truth.algorithm != b->row->algorithm) {
    free(*bound);
    *bound = NULL;
    truth.algorithm = b->row->algorithm;
  }
  if (*bound) return *bound;
  *bound = malloc(((size_t)truth.set.info[kit_set_output(&truth.set)].count + 1) * sizeof **bound);
  if (!*bound) return NULL;
  if (which == BOUNDS - 1)
    b->op->fast_bound(b->row->algorithm, &truth.some, truth.wide.t, *bound);
  else
    b->op->bound(&truth.some, truth.wide.t, (kit_order)which, *bound);
  return *bound;
}

static double worst_of(const op_bench *b, const kit_set *got, int which) {
  kit_difference d;
  kit_accuracy accuracy = {0};
  if (!b->op->ref64 || !b->op->bound || learn_case(b)) return -1;
  const double *bound = learn_bound(b, which);
  if (!bound) return -1;
  take(got, KIT_OUT);
  kit_compare_bound(&truth.wide, bound, &truth.set, &d, &accuracy);
  return accuracy.worst;
}

double op_error_of_row(const op_bench *b, const kit_set *got) {
  if (b->row->promise == LW_BOUND) return -1;
  return worst_of(b, got, b->row->promise == LW_FAST ? BOUNDS - 1 : KIT_CHAIN);
}

double op_error_any_order(const op_bench *b, const kit_set *got) { return worst_of(b, got, KIT_ANY_ORDER); }

const char *op_error_prepare(const op_bench *b) {
  if (!b->op->ref64) return NULL;
  const char *wrong = learn_case(b);
  return wrong ? wrong : !b->op->bound || learn_bound(b, KIT_ANY_ORDER) ? NULL : "no memory";
}

const char *op_check_any_order(const op_bench *b, const kit_set *got) {
  static const char far_off[] = "an output is further from its true value than any order of sums can be";
  const kit_set *answer;
  kit_difference d;
  const char *wrong = op_error_prepare(b);
  if (wrong) return wrong;
  take(got, KIT_OUT);
  const double *bound = b->op->bound ? learn_bound(b, KIT_ANY_ORDER) : NULL;
  if (kit_compare_bound(&truth.wide, bound, &truth.set, &d, NULL)) return far_off;
  if (!truth.magnitude) return NULL;
  if ((wrong = op_expected(b, &answer))) return wrong;
  const int y = kit_set_output(got);
  const double terms = b->op->flops(b->c) / 2 / (double)got->info[y].count + 2, gamma = terms * KIT_U / (1 - terms * KIT_U);
  const float *want = answer->t[y], *have = got->t[y];
  for (int64_t i = 0; i < got->info[y].count; i++) /* 1.001: the magnitudes are rounded, too */
    if (!(fabs((double)have[i] - want[i]) <= 2 * (1.001 * gamma * truth.magnitude[i] + terms * 0x1p-149))) return far_off;
  return NULL;
}
