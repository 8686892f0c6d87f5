/* SPDX-License-Identifier: Apache-2.0
 * The recipe: which algorithm computes each convolution of a network. */
#ifndef LANEWISE_NETS_RECIPE_H
#define LANEWISE_NETS_RECIPE_H

#include "nets/nets.h"

/* An algorithm that the recipe gives to convolutions of some shapes: a row of promise LW_FAST. */
typedef struct lw_recipe {
  lw_mode mode;
  int kernel;       /* a side of the kernels */
  int64_t side;     /* output height and width are at least this */
  int64_t channels; /* ic and oc are at least this */
  const char *algorithm;
  int winograd;  /* outputs in tiles of winograd x winograd */
  double growth; /* a and r of the error constant below */
  double roundings;
} lw_recipe;

/* The error constant of an algorithm, a number that depends on no data: with M = |bias| + sum over input channels of the largest
 * |w| times the largest |x| that enter an output, |y - true y| <= gamma_n a M, gamma_n = nu / (1 - nu), u = 2^-24 (underflow
 * apart). The chain of fma has a = kh kw, n = kh kw ic, Winograd's algorithms a = growth, n = ic + roundings;
 * docs/winograd.md derives them. This is the ratio of n a of the row and of the chain. */
double lw_recipe_error(const lw_recipe *recipe, const lw_conv2d_desc *desc);

/* Products that it takes, of the chain's: (t / (kh m))^2 with tiles of t x t inputs for m x m outputs. NULL: 1. */
double lw_recipe_products(const lw_recipe *recipe);

/* For a convolution with outputs of oh x ow, without budgets; NULL: the algorithm of mode exact. */
const lw_recipe *lw_recipe_conv2d(lw_mode mode, const lw_conv2d_desc *desc, int64_t oh, int64_t ow);

/* The same for the gradient to data of a convolution: the row of the convolution that it is. */
const lw_recipe *lw_recipe_conv2d_backward_data(lw_mode mode, const lw_conv2d_desc *desc, int64_t oh, int64_t ow);

/* Does mode fast give a convolution of the network another algorithm than mode exact? */
int lw_recipe_is_fast(const lw_net *net);

/* What a plan may cost. 0: as much as it likes. */
typedef struct lw_budgets {
  double accuracy;     /* most of lw_recipe_error */
  size_t weight_bytes; /* most of all weights, see lw_weight_bytes */
} lw_budgets;

/* Of one layer. */
typedef struct lw_recipe_choice {
  const lw_recipe *recipe; /* NULL: the algorithm of mode exact */
  char reason[128];        /* why not the rows before it; "" if it is the first, or the mode has none */
} lw_recipe_choice;

/* choices[layer] for all layers of a checked network. LW_NO_MEMORY, with a message, if even without Winograd's algorithms the
 * weights are more than the budget. */
lw_status lw_recipe_net(const lw_net *net, lw_mode mode, const lw_budgets *budgets, lw_recipe_choice *choices);

/* Bytes of weights w[rows][k] and their bias, each rounded up to whole cache lines; packed: in panels of 16 rows; winograd,
 * kernel: see lw_recipe. With packed weights wherever the SIMD ISAs have them, this is what budgets count on every ISA.
 * *bias_offset: where the bias starts; may be NULL. */
size_t lw_weight_bytes(int64_t rows, int64_t k, int packed, int winograd, int kernel, int has_bias, size_t *bias_offset);

#endif
