/* SPDX-License-Identifier: Apache-2.0
 * Learning, operator by operator: forward, loss, gradients by the chain rule, weight update. A perceptron with one hidden layer
 * learns which points of the square lie inside a circle. The loss at the end is the same bits on every machine. */
#include <lanewise_train.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 256, IN = 2, HIDDEN = 24, CLASSES = 2, STEPS = 300 };

/* A layer with what its gradients and its momentum need. */
typedef struct layer {
  lw_linear_desc desc;
  float w[HIDDEN * HIDDEN], b[HIDDEN]; /* large enough for both */
  float dw[HIDDEN * HIDDEN], db[HIDDEN], w_buffer[HIDDEN * HIDDEN], b_buffer[HIDDEN];
} layer;

static layer hidden = {.desc = {POINTS, IN, HIDDEN}}, output = {.desc = {POINTS, HIDDEN, CLASSES}};
static float x[POINTS * IN], h[POINTS * HIDDEN], scores[POINTS * CLASSES];
static float d_scores[POINTS * CLASSES], dh[POINTS * HIDDEN];
static int32_t inside[POINTS];

static void check(lw_status status) {
  if (status == LW_OK) return;
  fprintf(stderr, "learn: %s\n", lw_error_message());
  exit(1);
}

static void update(layer *l, int first_step) {
  static const lw_sgd_options options = {.lr = 0.1f, .momentum = 0.9f};
  check(lw_sgd(NULL, &options, first_step, l->desc.in * l->desc.out, l->w, l->dw, l->w_buffer));
  check(lw_sgd(NULL, &options, first_step, l->desc.out, l->b, l->db, l->b_buffer));
}

int main(void) {
  static const lw_cross_entropy_desc loss_desc = {.n = POINTS, .c = CLASSES};
  float loss = 0;
  int right = 0;
  lw_kaiming_uniform(1, 0, IN, 0, IN * HIDDEN, hidden.w);
  lw_kaiming_uniform(1, 1, HIDDEN, 0, HIDDEN * CLASSES, output.w);
  lw_kaiming_uniform(1, 2, 6, 0, POINTS * IN, x); /* in [-1, 1) */
  for (int i = 0; i < POINTS; i++) inside[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1] < 0.5f;

  for (int step = 0; step < STEPS; step++) {
    check(lw_linear(NULL, &hidden.desc, x, hidden.w, hidden.b, h));
    check(lw_relu(NULL, POINTS * HIDDEN, h, h));
    check(lw_linear(NULL, &output.desc, h, output.w, output.b, scores));
    check(lw_softmax_cross_entropy(NULL, &loss_desc, scores, inside, &loss));
    if (step == 0) printf("loss %.4f at first\n", (double)loss);

    check(lw_softmax_cross_entropy_backward(NULL, &loss_desc, scores, inside, d_scores));
    check(lw_linear_backward_weights(NULL, &output.desc, h, d_scores, output.dw));
    check(lw_linear_backward_bias(NULL, &output.desc, d_scores, output.db));
    check(lw_linear_backward_data(NULL, &output.desc, d_scores, output.w, dh));
    check(lw_relu_backward(NULL, POINTS * HIDDEN, h, dh, dh));
    check(lw_linear_backward_weights(NULL, &hidden.desc, x, dh, hidden.dw));
    check(lw_linear_backward_bias(NULL, &hidden.desc, dh, hidden.db));
    update(&hidden, step == 0);
    update(&output, step == 0);
  }
  for (int i = 0; i < POINTS; i++) right += (scores[2 * i + 1] > scores[2 * i]) == inside[i];
  printf("after %d steps %.4f (%a), right on %d of %d points\n", STEPS, (double)loss, (double)loss, right, POINTS);
  return 0;
}
