/* SPDX-License-Identifier: Apache-2.0
 * One layer by its definition: included by op_net.c over float (LAYER_REF(op) is ref_op) and over double (ref64_op). */
static void LAYER_RUN(const lw_layer *l, int64_t n, lw_shape in, const LAYER_REAL *x, const LAYER_REAL *w, const LAYER_REAL *bias,
                      LAYER_REAL *y) {
  const int64_t inputs = in.c * in.h * in.w;
  const lw_conv2d_desc conv = lw_layer_conv2d(l, n, in);
  const lw_pool2d_desc pool = lw_layer_pool2d(l, n, in);
  const lw_linear_desc linear = {n, inputs, l->out};
  switch (l->kind) {
  case LW_LAYER_CONV2D: LAYER_REF(conv2d)(&conv, x, w, bias, y); break;
  case LW_LAYER_LINEAR: LAYER_REF(linear)(&linear, x, w, bias, y); break;
  case LW_LAYER_RELU: LAYER_REF(relu)(n * inputs, x, y); break;
  case LW_LAYER_TANH: LAYER_REF(tanh)(n * inputs, x, y); break;
  case LW_LAYER_MAX_POOL2D: LAYER_REF(max_pool2d)(&pool, x, y, NULL); break;
  case LW_LAYER_AVG_POOL2D: LAYER_REF(avg_pool2d)(&pool, x, y); break;
  case LW_LAYER_DROPOUT: LAYER_REF(dropout)(n * inputs, x, y); break;
  case LW_LAYER_SOFTMAX: LAYER_REF(softmax)(n, inputs, x, y); break;
  }
}
#undef LAYER_RUN
#undef LAYER_REAL
#undef LAYER_REF
