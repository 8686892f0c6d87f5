/* SPDX-License-Identifier: Apache-2.0
 * One operator by itself: a convolution that runs often, so its weights are packed once into a plan. The result is compared, bit
 * for bit, with the sum written out here: one chain of fmaf from the bias, over (channel, kernel row, kernel column). */
#include <lanewise.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IC = 3, OC = 20, SIDE = 17, KERNEL = 3 };

static float x[IC][SIDE][SIDE], w[OC][IC][KERNEL][KERNEL], bias[OC], y[OC][SIDE][SIDE], expected[OC][SIDE][SIDE];

static void check(lw_status status) {
  if (status == LW_OK) return;
  fprintf(stderr, "conv2d: %s\n", lw_error_message());
  exit(1);
}

static void loops(void) {
  for (int oc = 0; oc < OC; oc++)
    for (int oh = 0; oh < SIDE; oh++)
      for (int ow = 0; ow < SIDE; ow++) {
        float sum = bias[oc];
        for (int ic = 0; ic < IC; ic++)
          for (int kh = 0; kh < KERNEL; kh++)
            for (int kw = 0; kw < KERNEL; kw++) {
              const int ih = oh + kh - 1, iw = ow + kw - 1;
              const int inside = ih >= 0 && ih < SIDE && iw >= 0 && iw < SIDE;
              sum = fmaf(inside ? x[ic][ih][iw] : 0, w[oc][ic][kh][kw], sum);
            }
        expected[oc][oh][ow] = sum;
      }
}

int main(void) {
  lw_kaiming_uniform(1, 0, 1, 0, sizeof x / sizeof(float), &x[0][0][0]); /* seeded numbers to compute with */
  lw_kaiming_uniform(1, 1, IC * KERNEL * KERNEL, 0, sizeof w / sizeof(float), &w[0][0][0][0]);
  lw_kaiming_uniform(1, 2, IC * KERNEL * KERNEL, 0, OC, bias);
  const lw_conv2d_desc desc = {.n = 1,
                               .ic = IC,
                               .ih = SIDE,
                               .iw = SIDE,
                               .oc = OC,
                               .kh = KERNEL,
                               .kw = KERNEL,
                               .stride_h = 1,
                               .stride_w = 1,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .groups = 1};
  int64_t oh, ow;
  lw_conv2d_plan *plan;
  void *workspace;
  check(lw_conv2d_output(&desc, &oh, &ow));
  check(lw_conv2d_plan_create(NULL, &desc, &w[0][0][0][0], bias, 0, &plan));
  check(lw_allocate(NULL, lw_conv2d_plan_workspace_bytes(plan), &workspace));
  for (int run = 0; run < 10; run++) check(lw_conv2d_plan_run(plan, &x[0][0][0], &y[0][0][0], workspace));
  loops();
  const int equal = memcmp(y, expected, sizeof y) == 0;
  printf("%s: %dx%dx%d outputs, y[0][0][0] = %a, %s\n", lw_conv2d_plan_kernel(plan), OC, (int)oh, (int)ow, (double)y[0][0][0],
         equal ? "equal to the loops bit for bit" : "DIFFERENT from the loops");
  lw_release(NULL, workspace);
  lw_conv2d_plan_destroy(plan);
  return equal ? 0 : 1;
}
