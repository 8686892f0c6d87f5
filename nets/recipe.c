/* SPDX-License-Identifier: Apache-2.0
 * The recipe: which algorithm computes a convolution. It is a function of the mode and the shape of one image alone, so that no
 * machine, batch or number of threads changes a bit. */
#include "nets/nets.h"

/* The first row that fits is taken; if none does, the convolution is a chain per output, as in mode exact. Per output and channel
 * F(4x4, 3x3) takes 36/16 products and F(2x2, 3x3) 4 instead of 9. Their weights take 4 and 1.8 times the memory: below 28x28
 * there are too few tiles to read those of F(4x4, 3x3) from memory for. With few channels the transforms cost more than they
 * save. */
static const lw_recipe recipes[] = {
    {LW_FAST, .side = 28, .channels = 16, "winograd4", 4},
    {LW_FAST, .side = 14, .channels = 16, "winograd2", 2},
};

/* Of the transformed weights of a layer: 1 GiB. */
static const int64_t MOST_WEIGHTS = INT64_C(1) << 28;

static int fits(const lw_recipe *r, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  const int64_t t = r->winograd + 2;
  return lw_winograd_applies(d) && oh >= r->side && ow >= r->side && d->ic >= r->channels && d->oc >= r->channels &&
         d->oc <= MOST_WEIGHTS / (t * t) / d->ic;
}

const lw_recipe *lw_recipe_conv2d(lw_mode mode, const lw_conv2d_desc *d, int64_t oh, int64_t ow) {
  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
    if (recipes[i].mode == mode && fits(&recipes[i], d, oh, ow)) return &recipes[i];
  return NULL;
}
