/* SPDX-License-Identifier: Apache-2.0
 * The recipe is a function of the mode, the shapes of one image and the budgets alone, so that no machine, batch or number of
 * threads changes a bit. */
#include "nets/recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The first row that fits is taken; if none does, the convolution is a chain per output, as in mode exact. Per output and channel
 * F(4x4, 3x3) takes 36/16 products and F(2x2, 3x3) 4 instead of 9, F(2x2, 5x5) 9 instead of 25. Their weights take 4, 1.8
 * and 1.44 times the memory: below 28x28 there are too few tiles to read those of F(4x4, 3x3) from memory for. With few channels
 * the transforms cost more than they save. A row behind another one for the same kernel has the smaller weights and the smaller
 * error. */
static const lw_recipe recipes[] = {
    {LW_FAST, .kernel = 3, .side = 28, .channels = 16, "winograd4", 4, .growth = 563.854, .roundings = 12},
    {LW_FAST, .kernel = 3, .side = 14, .channels = 16, "winograd2", 2, .growth = 64, .roundings = 8},
    {LW_FAST, .kernel = 5, .side = 8, .channels = 16, "winograd2", 2, .growth = 1131.776, .roundings = 12},
};
enum { WHY = 96 }; /* characters of one reason */

static const lw_recipe *const end = recipes + sizeof recipes / sizeof *recipes;

/* Of the transformed weights of a layer: 1 GiB. */
static const int64_t MOST_WEIGHTS = INT64_C(1) << 28;

double lw_recipe_error(const lw_recipe *r, const lw_conv2d_desc *d) {
  const double ic = (double)d->ic, taps = (double)(d->kh * d->kw);
  return r->growth * (ic + r->roundings) / (taps * taps * ic);
}

double lw_recipe_products(const lw_recipe *r) {
  if (!r) return 1;
  const double inputs = r->winograd + r->kernel - 1, outputs = r->kernel * r->winograd;
  return inputs * inputs / (outputs * outputs);
}

/* Why no row can compute it; 0: they can. */
static int reason_for_all(const lw_conv2d_desc *d, char *why, size_t capacity) {
  if (d->kh != d->kw || (d->kh != 3 && d->kh != 5))
    return snprintf(why, capacity, "%" PRId64 "x%" PRId64 " kernel", d->kh, d->kw);
  if (d->groups != 1) return snprintf(why, capacity, "%" PRId64 " groups", d->groups);
  if (d->dilation_h != 1 || d->dilation_w != 1) return snprintf(why, capacity, "dilation %" PRId64, d->dilation_h);
  if (d->stride_h != 1 || d->stride_w != 1) return snprintf(why, capacity, "stride %" PRId64, d->stride_h);
  return 0;
}

/* Why a row is not for this shape; 0: it is. */
static int reason(const lw_recipe *r, const lw_conv2d_desc *d, int64_t oh, int64_t ow, char *why, size_t capacity) {
  const int64_t t = r->winograd + d->kh - 1, channels = d->ic < d->oc ? d->ic : d->oc;
  if (channels < r->channels)
    return snprintf(why, capacity, "%" PRId64 " %s channels, fewer than %" PRId64, channels, d->ic < d->oc ? "input" : "output",
                    r->channels);
  if (oh < r->side || ow < r->side)
    return snprintf(why, capacity, "%" PRId64 "x%" PRId64 ": too few tiles for F(%d,%d)", oh, ow, r->winograd, r->kernel);
  if (d->oc > MOST_WEIGHTS / (t * t) / d->ic)
    return snprintf(why, capacity, "F(%d,%d): weights of over 1 GiB", r->winograd, r->kernel);
  return 0;
}

const lw_recipe *lw_recipe_conv2d(lw_mode mode, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  char why[WHY];
  if (reason_for_all(d, why, sizeof why)) return NULL;
  for (const lw_recipe *r = recipes; r < end; r++)
    if (r->mode == mode && r->kernel == d->kh && !reason(r, d, oh, ow, why, sizeof why)) return r;
  return NULL;
}

const lw_recipe *lw_recipe_conv2d_backward_data(lw_mode mode, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  if (!lw_conv2d_can_turn(d)) return NULL;
  const lw_conv2d_desc turned = lw_conv2d_turned(d, oh, ow);
  return lw_recipe_conv2d(mode, &turned, d->ih, d->iw);
}

int lw_recipe_is_fast(const lw_net *net) {
  lw_shape in = {net->c, net->h, net->w}, out;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    if (lw_net_layer_output(net, i, in, &out) != LW_OK) return 0;
    if (net->layers[i].kind != LW_LAYER_CONV2D) continue;
    const lw_conv2d_desc d = lw_layer_conv2d(&net->layers[i], 1, in);
    if (lw_recipe_conv2d(LW_FAST, &d, out.h, out.w)) return 1;
  }
  return 0;
}

/* Adds a reason, unless it is the last one again. */
static void tell(lw_recipe_choice *c, const char *why) {
  const size_t length = strlen(c->reason), more = strlen(why);
  if (length >= more && strcmp(c->reason + length - more, why) == 0) return;
  snprintf(c->reason + length, sizeof c->reason - length, "%s%s", length ? "; " : "", why);
}

/* The first row from `r` on that fits shape and accuracy. */
static void choose(const lw_recipe *r, lw_mode mode, double accuracy, const lw_conv2d_desc *d, int64_t oh, int64_t ow,
                   lw_recipe_choice *c) {
  char why[WHY];
  c->recipe = NULL;
  if (mode == LW_EXACT) return;
  if (reason_for_all(d, why, sizeof why)) {
    tell(c, why);
    return;
  }
  for (; r < end; r++) {
    if (r->mode != mode || r->kernel != d->kh) continue;
    if (!reason(r, d, oh, ow, why, sizeof why)) {
      if (accuracy == 0 || lw_recipe_error(r, d) <= accuracy) {
        c->recipe = r;
        return;
      }
      snprintf(why, sizeof why, "accuracy budget: F(%d,%d) has %.2f", r->winograd, r->kernel, lw_recipe_error(r, d));
    }
    tell(c, why);
  }
}

size_t lw_weight_bytes(int64_t rows, int64_t k, int packed, int winograd, int kernel, int has_bias, size_t *bias_offset) {
  const int64_t padded = packed ? lw_packed_count(rows, 1) : rows;
  const int64_t floats = winograd ? lw_winograd_count(winograd, kernel, rows, k / kernel / kernel) : padded * k;
  const size_t bytes = lw_lines((size_t)floats * sizeof(float));
  if (bias_offset) *bias_offset = bytes;
  return bytes + (has_bias ? lw_lines((size_t)padded * sizeof(float)) : 0);
}

/* A convolution among the layers. */
typedef struct convolution {
  size_t layer;
  lw_conv2d_desc desc;
  int64_t oh, ow;
  int has_bias;
} convolution;

static size_t bytes_of(const convolution *c, const lw_recipe *r) {
  const lw_conv2d_desc *d = &c->desc;
  return lw_weight_bytes(d->oc, d->ic / d->groups * d->kh * d->kw, d->groups == 1, r ? r->winograd : 0, (int)d->kh, c->has_bias,
                         NULL);
}

/* Products per output and channel of a kernel x kernel convolution. */
static double products(const lw_recipe *r, int64_t kernel) {
  const double m = r ? r->winograd : 1, t = m + (double)kernel - 1;
  return t * t / (m * m);
}

/* Calls visit for every convolution; returns the bytes of all other weights. */
static size_t each_convolution(const lw_net *net, void (*visit)(void *user, const convolution *c), void *user) {
  lw_shape in = {net->c, net->h, net->w}, out;
  size_t others = 0;
  for (size_t i = 0; i < net->layer_count; i++, in = out) {
    const lw_layer *l = &net->layers[i];
    (void)lw_net_layer_output(net, i, in, &out); /* checked */
    if (l->kind == LW_LAYER_LINEAR) others += lw_weight_bytes(l->out, in.c * in.h * in.w, 1, 0, 0, !l->no_bias, NULL);
    if (l->kind == LW_LAYER_CONV2D) visit(user, &(convolution){i, lw_layer_conv2d(l, 1, in), out.h, out.w, !l->no_bias});
  }
  return others;
}

typedef struct choosing {
  lw_mode mode;
  const lw_budgets *budgets;
  lw_recipe_choice *choices;
  size_t bytes; /* of all convolutions */
  /* of the convolution that gives way */
  double gain;
  convolution found;
  lw_recipe_choice next;
} choosing;

static void choose_first(void *user, const convolution *c) {
  choosing *s = user;
  lw_recipe_choice *choice = &s->choices[c->layer];
  choose(recipes, s->mode, s->budgets->accuracy, &c->desc, c->oh, c->ow, choice);
  s->bytes += bytes_of(c, choice->recipe);
}

/* The layer whose next algorithm saves most bytes per product that it adds; of equals, the first. */
static void find_costly(void *user, const convolution *c) {
  choosing *s = user;
  lw_recipe_choice next = s->choices[c->layer];
  const lw_recipe *r = next.recipe;
  char why[WHY];
  if (!r) return;
  snprintf(why, sizeof why, "memory budget: F(%d,%d) takes %.1f MB", r->winograd, r->kernel, (double)bytes_of(c, r) * 1e-6);
  tell(&next, why);
  choose(r + 1, s->mode, s->budgets->accuracy, &c->desc, c->oh, c->ow, &next);
  const double saved = (double)bytes_of(c, r) - (double)bytes_of(c, next.recipe), area = (double)c->oh * (double)c->ow;
  const double more =
      (products(next.recipe, c->desc.kh) - products(r, c->desc.kh)) * area * (double)c->desc.ic * (double)c->desc.oc;
  if (saved / more <= s->gain) return;
  s->gain = saved / more;
  s->found = *c;
  s->next = next;
}

lw_status lw_recipe_net(const lw_net *net, lw_mode mode, const lw_budgets *budgets, lw_recipe_choice *choices) {
  choosing s = {.mode = mode, .budgets = budgets, .choices = choices};
  memset(choices, 0, net->layer_count * sizeof *choices);
  const size_t others = each_convolution(net, choose_first, &s);
  while (budgets->weight_bytes && others + s.bytes > budgets->weight_bytes) {
    s.gain = 0;
    (void)each_convolution(net, find_costly, &s);
    if (s.gain == 0)
      return lw_fail(LW_NO_MEMORY, "plan of %s: its weights take %zu bytes at least, weight_budget is %zu", net->name,
                     others + s.bytes, budgets->weight_bytes);
    s.bytes -= bytes_of(&s.found, choices[s.found.layer].recipe) - bytes_of(&s.found, s.next.recipe);
    choices[s.found.layer] = s.next;
  }
  return LW_OK;
}
