/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Lanewise: the operators of convolutional networks, with the same bits on every ISA and thread count.
 *
 * Conventions that hold for every function of this header:
 *
 * - **Tensors** are contiguous NCHW `float`: `x[n][c][h][w]`. Images as bytes are u8 HWC: `u[h][w][c]`.
 * - **Sizes** are int64_t and count elements. n == 0 is valid and does nothing; any other size below 1 is an error.
 * - **Pointers** to f32 must be 4-byte aligned (int32 likewise); nothing more is asked.
 * - **Aliasing**: inputs and outputs must not overlap, unless a function says that it works in place.
 * - **Errors**: every function that can fail returns #lw_status. lw_error_message() then tells, for the calling thread, which
 *   argument was wrong, its value and what was expected. Nothing aborts, nothing prints, and a call that fails on its
 *   arguments has written nothing.
 * - **Mode**: everything here computes in mode `exact`, unless a plan is made with another #lw_mode: each output is one chain of
 *   IEEE-754 binary32 operations whose order is fixed by the plain loops in `ref/`, and every ISA and every number of threads
 *   returns those very bits. The promise holds in the default floating-point environment (round to nearest, subnormals
 *   kept). Any NaN equals any NaN.
 * - **Threads**: a context may be used by many threads at once: its thread pool serves one call at a time, and a call that finds
 *   the pool busy runs on its own thread, with the same bits. A plan is immutable and may run on many threads at
 *   once, each run with a workspace of its own.
 * - **Fork**: a context made by a parent process has no threads in its child: there it runs every call on the calling thread,
 *   with the same bits, and may be destroyed. The default context (NULL) is made anew in a child by itself.
 */
#ifndef LANEWISE_H
#define LANEWISE_H

#include <stddef.h>
#include <stdint.h>

/** Marks what the shared libraries export. */
#if defined(LANEWISE_STATIC) || !defined(__GNUC__)
#  define LW_API
#else
#  define LW_API __attribute__((visibility("default")))
#endif

#define LW_VERSION_MAJOR 0 /**< Grows when programs must be compiled anew: the number in the soname. */
#define LW_VERSION_MINOR 1 /**< Grows when something is added. */
#define LW_VERSION_PATCH 0 /**< Grows with any other release. */
/** One number for comparisons: major * 10000 + minor * 100 + patch. */
#define LW_VERSION (LW_VERSION_MAJOR * 10000 + LW_VERSION_MINOR * 100 + LW_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------ status */
/** @defgroup status Version, status and messages
 * @{ */

/** The version of the library that was loaded; compare with LW_VERSION, the version that was compiled against. */
LW_API int lw_version(void);

/** What a call came to. */
typedef enum lw_status {
  LW_OK = 0,       /**< done */
  LW_BAD_ARGUMENT, /**< NULL, misaligned pointer, unknown name, value out of range */
  LW_BAD_SHAPE,    /**< sizes that are not positive, do not fit together, or whose product overflows */
  LW_NO_MEMORY,    /**< the allocator gave none, or a stated limit would be exceeded */
  LW_UNSUPPORTED,  /**< valid, but not on this machine or not in this build */
  LW_BAD_FILE      /**< a file that cannot be opened, read, or is not what it should be (image and weight loaders) */
} lw_status;

/** "LW_BAD_SHAPE" and so on; never NULL. */
LW_API const char *lw_status_name(lw_status status);
/** Room for the longest message with its final 0: the names of all tensors that a file lacks fit in. */
#define LW_MESSAGE_SIZE 4096
/** What went wrong in the calling thread's latest failed call; "" if none failed. Valid until that thread's next failure. */
LW_API const char *lw_error_message(void);
/** Sets that message (printf format, cut at LW_MESSAGE_SIZE - 1 characters) and returns `status`: for companion libraries and
 * weight sources. lw_error_message() may be among the arguments, so that a caller can add where it happened. */
LW_API lw_status lw_fail(lw_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** @} */

/* ----------------------------------------------------------------------------------------------------------- context */
/** @defgroup context Context
 * @{ */

/** Threads, ISA cap and allocator. NULL stands for the default context wherever a context is asked for: as many threads as the
 * environment variable LANEWISE_THREADS says (1..1024), else one per physical core; ISA cap from LANEWISE_ISA; aligned_alloc. It
 * is made at its first use, which reads both variables, and lasts until the process ends. */
typedef struct lw_context lw_context;

/** Calls task(arg, part, parts) for every part in 0..parts-1, on any threads, in any order, and returns when all are done. */
typedef void (*lw_parallel_for)(void *user, int parts, void (*task)(void *arg, int part, int parts), void *arg);

/** What lw_context_create() can be told; all 0: the defaults. */
typedef struct lw_context_options {
  int threads;     /**< 1..1024; 0: one per physical core that this process may run on */
  const char *isa; /**< "ref", "naive", "avx2", "avx512", "neon": the strongest ISA to use; NULL: LANEWISE_ISA, else the best.
                      "ref" and "naive" run the plain loops. "autovec_<isa>" runs them as the compiler vectorises them with
                      -ffast-math: NOT exact, for measuring. "amx" is known, but no kernel uses it so far. What this CPU,
                      operating system or build cannot run is LW_UNSUPPORTED, an unknown name LW_BAD_ARGUMENT. */
  int pin;         /**< not 0: pin the pool's threads, one per physical core; LW_UNSUPPORTED where the cores are unknown. The
                      caller's own thread, which takes a share of every call, is not pinned */
  lw_parallel_for parallel_for; /**< the caller's own threads; NULL: the context's pool. `threads` is then the number of parts */
  void *parallel_user;          /**< first argument of parallel_for */
  void *(*allocate)(void *user, size_t bytes, size_t alignment); /**< NULL: aligned_alloc and free; both or neither */
  void (*release)(void *user, void *pointer);                    /**< gives back what `allocate` gave */
  void *allocate_user;                                           /**< first argument of allocate and release */
} lw_context_options;

/** options == NULL: all defaults. The threads start at once and sleep between calls. */
LW_API lw_status lw_context_create(const lw_context_options *options, lw_context **context);
/** Joins the threads. NULL is allowed. No plan of this context may be running. */
LW_API void lw_context_destroy(lw_context *context);
/** The number of threads, the caller's included: how many parts a call is split into. */
LW_API int lw_context_threads(const lw_context *context);
/** The ISA that this context runs, "avx512" for instance. */
LW_API const char *lw_context_isa(const lw_context *context);

/** One row of the kernel table. */
typedef struct lw_kernel_info {
  const char *op;  /**< "conv2d" */
  const char *isa; /**< "ref", "naive", "autovec_avx2", "avx2", "avx512", "neon", or "portable" (operators that only move) */
  const char *algorithm; /**< "direct", "im2col", ...; "" where there is only one */
  const char *promise;   /**< "exact": the bits of `ref/<op>.c`; "fast": the bits of its algorithm's own file in ref/ (see
                            #lw_mode); "bound": any order of sums, judged by an error bound (autovec) */
  const char *symbol;    /**< the function, as found by grep */
  int runnable;          /**< not 0 if this CPU and operating system can run it */
} lw_kernel_info;

/** Fills at most `capacity` rows and returns the number of rows in the table. */
LW_API size_t lw_kernels(lw_kernel_info *rows, size_t capacity);

/** @} */

/* --------------------------------------------------------------------------------------------------- image operators */
/** @defgroup image Image operators
 * @{ */

/** y[c][h][w] = (float)u[h][w][c]: bytes HWC to f32 NCHW, values 0..255. */
LW_API lw_status lw_u8_to_f32(lw_context *context, int64_t c, int64_t h, int64_t w, const uint8_t *u, float *y);

/** y[n][0][h][w] = fmaf(.114f, x[n][2], fmaf(.587f, x[n][1], .299f * x[n][0])): luma of ITU-R BT.601. x is [n][3][h][w]. */
LW_API lw_status lw_grayscale(lw_context *context, int64_t n, int64_t h, int64_t w, const float *x, float *y);

/** y[n][c][h][w] = (x[n][c][h][w] / 255.0f - mean[c]) / std[c], true divisions. mean == NULL: 0, std == NULL: 1
 * (the division by 1 is then skipped, which changes no bit). In place (y == x) is allowed. std[c] must not be 0. */
LW_API lw_status lw_normalize(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, const float *mean,
                              const float *std, const float *x, float *y);

/** Shape of lw_filter2d(). */
typedef struct lw_filter2d_desc {
  int64_t n;  /**< images */
  int64_t c;  /**< channels, each filtered alone */
  int64_t h;  /**< rows */
  int64_t w;  /**< columns */
  int64_t kh; /**< rows of the kernel, odd */
  int64_t kw; /**< columns of the kernel, odd */
  int same;   /**< 0: valid, output [n][c][h-kh+1][w-kw+1]; else output [n][c][h][w], zeros outside the image */
} lw_filter2d_desc;

/** Correlation: y[oh][ow] = chain from +0 of fmaf(x[oh+i-top][ow+j-left], k[i][j], acc) over i, then j; top = kh/2 and
 * left = kw/2 if `same`, else 0. */
LW_API lw_status lw_filter2d(lw_context *context, const lw_filter2d_desc *desc, const float *kernel, const float *x, float *y);
/** Presets "identity", "sharpen", "blur" (binomial, sum 1), "emboss", "outline", "sobel_x", "sobel_y": writes a 3x3 kernel. */
LW_API lw_status lw_filter2d_preset(const char *name, float kernel[9]);

/** Shape of lw_resize_bilinear(): x[n][c][ih][iw] to y[n][c][oh][ow]. */
typedef struct lw_resize_desc {
  int64_t n;     /**< images */
  int64_t c;     /**< channels */
  int64_t ih;    /**< rows of x */
  int64_t iw;    /**< columns of x */
  int64_t oh;    /**< rows of y */
  int64_t ow;    /**< columns of y */
  int antialias; /**< not 0: when shrinking, a triangle filter as wide as the shrink factor (as PyTorch's antialias=True) */
} lw_resize_desc;

/** Bilinear, half-pixel centres (PyTorch's align_corners=False); rows first, then columns. Weight tables are computed in double
 * and rounded once. Without antialias: fmaf(t, b-a, a). With: chain from +0 of fmaf(weight, x, acc) over rising source index.
 * Allocates tables and, per thread, scratch for the resized rows that one output row reads. Sizes are below 2^31; with
 * antialias iw is at most 2^24. */
LW_API lw_status lw_resize_bilinear(lw_context *context, const lw_resize_desc *desc, const float *x, float *y);

/** Shape of lw_crop(): x[n][c][ih][iw] to y[n][c][oh][ow]. */
typedef struct lw_crop_desc {
  int64_t n;    /**< images */
  int64_t c;    /**< channels */
  int64_t ih;   /**< rows of x */
  int64_t iw;   /**< columns of x */
  int64_t top;  /**< first row that is kept, >= 0 */
  int64_t left; /**< first column that is kept, >= 0 */
  int64_t oh;   /**< rows of y; top + oh <= ih */
  int64_t ow;   /**< columns of y; left + ow <= iw */
} lw_crop_desc;
/** y[n][c][h][w] = x[n][c][top + h][left + w]. */
LW_API lw_status lw_crop(lw_context *context, const lw_crop_desc *desc, const float *x, float *y);

/** Mirrors left-right if `horizontal`, top-bottom if `vertical` is not 0. */
LW_API lw_status lw_flip(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, int horizontal, int vertical,
                         const float *x, float *y);

/** What lw_pad2d() puts around an image; shown for a row a b c with two columns on the left. */
typedef enum lw_pad_mode {
  LW_PAD_CONSTANT, /**< v v a b c, v being `value` */
  LW_PAD_EDGE,     /**< a a a b c */
  LW_PAD_REFLECT   /**< c b a b c: the edge is not repeated */
} lw_pad_mode;
/** Shape of lw_pad2d(): x[n][c][ih][iw] to y[n][c][top + ih + bottom][left + iw + right]. */
typedef struct lw_pad2d_desc {
  int64_t n;        /**< images */
  int64_t c;        /**< channels */
  int64_t ih;       /**< rows of x */
  int64_t iw;       /**< columns of x */
  int64_t top;      /**< rows above, >= 0; with LW_PAD_REFLECT every padding is smaller than its side of the image */
  int64_t left;     /**< columns on the left, >= 0 */
  int64_t bottom;   /**< rows below, >= 0 */
  int64_t right;    /**< columns on the right, >= 0 */
  lw_pad_mode mode; /**< what is put there */
  float value;      /**< of LW_PAD_CONSTANT */
} lw_pad2d_desc;
/** Pads an image: x in the middle, `mode`'s values around it. */
LW_API lw_status lw_pad2d(lw_context *context, const lw_pad2d_desc *desc, const float *x, float *y);

/** @} */

/* ------------------------------------------------------------------------------------------------- forward operators */
/** @defgroup forward Forward operators
 * @{ */

/** Shape of lw_conv2d(): x[n][ic][ih][iw], w[oc][ic/groups][kh][kw], bias[oc], y[n][oc][oh][ow]. */
typedef struct lw_conv2d_desc {
  int64_t n;          /**< images */
  int64_t ic;         /**< channels of x */
  int64_t ih;         /**< rows of x */
  int64_t iw;         /**< columns of x */
  int64_t oc;         /**< channels of y */
  int64_t kh;         /**< rows of the kernel */
  int64_t kw;         /**< columns of the kernel */
  int64_t stride_h;   /**< >= 1 */
  int64_t stride_w;   /**< >= 1 */
  int64_t pad_top;    /**< rows of +0 above x, >= 0 */
  int64_t pad_left;   /**< columns of +0 on its left, >= 0 */
  int64_t pad_bottom; /**< rows of +0 below, >= 0 */
  int64_t pad_right;  /**< columns of +0 on its right, >= 0 */
  int64_t dilation_h; /**< >= 1; 1 is an ordinary kernel */
  int64_t dilation_w; /**< >= 1 */
  int64_t groups;     /**< divides ic and oc; groups == ic is depthwise */
} lw_conv2d_desc;

/** oh = (ih + pad_top + pad_bottom - dilation_h*(kh-1) - 1) / stride_h + 1, ow likewise; checks the whole descriptor. */
LW_API lw_status lw_conv2d_output(const lw_conv2d_desc *desc, int64_t *oh, int64_t *ow);

/** y[n][oc][oh][ow] = chain from bias[oc] (+0 if bias == NULL) of fmaf(x, w, acc) over (ic of the group, kh, kw), kw innermost,
 * x = +0 on the padding. For one-off use: allocates scratch. A layer that runs often wants lw_conv2d_plan. */
LW_API lw_status lw_conv2d(lw_context *context, const lw_conv2d_desc *desc, const float *x, const float *w, const float *bias,
                           float *y);

/** A convolution with its weights packed and its kernel chosen. */
typedef struct lw_conv2d_plan lw_conv2d_plan;
/** Makes a plan. Copies w and bias. `fuse_relu` not 0: y = relu(conv2d(x)). */
LW_API lw_status lw_conv2d_plan_create(lw_context *context, const lw_conv2d_desc *desc, const float *w, const float *bias,
                                       int fuse_relu, lw_conv2d_plan **plan);
/** Releases it. NULL is allowed. No run of it may be under way. */
LW_API void lw_conv2d_plan_destroy(lw_conv2d_plan *plan);
/** Bytes of scratch that a run needs. */
LW_API size_t lw_conv2d_plan_workspace_bytes(const lw_conv2d_plan *plan);
/** The symbol of the chosen kernel, as lw_kernels() lists it. */
LW_API const char *lw_conv2d_plan_kernel(const lw_conv2d_plan *plan);
/** Convolves. No allocation. `workspace`: 64-byte aligned, lw_conv2d_plan_workspace_bytes() large, one per concurrent run. */
LW_API lw_status lw_conv2d_plan_run(const lw_conv2d_plan *plan, const float *x, float *y, void *workspace);

/** Shape of lw_linear(): x[n][in], w[out][in], bias[out], y[n][out]. */
typedef struct lw_linear_desc {
  int64_t n;   /**< rows of x and y */
  int64_t in;  /**< inputs of a row */
  int64_t out; /**< outputs of a row */
} lw_linear_desc;
/** y[n][o] = chain from bias[o] (+0 if NULL) of fmaf(x[n][i], w[o][i], acc) over rising i. */
LW_API lw_status lw_linear(lw_context *context, const lw_linear_desc *desc, const float *x, const float *w, const float *bias,
                           float *y);

/** y = 0 > x ? 0 : x. NaN stays NaN and -0 stays -0, as in PyTorch. In place allowed. */
LW_API lw_status lw_relu(lw_context *context, int64_t count, const float *x, float *y);
/** Hyperbolic tangent by a fixed sequence of f32 operations (ref/math.h): for every input at most 1.34 ulp from the true value,
 * and never beyond -1 or 1. In place allowed. */
LW_API lw_status lw_tanh(lw_context *context, int64_t count, const float *x, float *y);
/** y = a + b. In place (y == a or y == b) allowed. */
LW_API lw_status lw_add(lw_context *context, int64_t count, const float *a, const float *b, float *y);
/** Identity at inference; `probability` (0..1) is checked. In place allowed. */
LW_API lw_status lw_dropout(lw_context *context, int64_t count, float probability, const float *x, float *y);
/** [n][c][h][w] to [n][c*h*w]: the order in memory is the same, so this copies. */
LW_API lw_status lw_flatten(lw_context *context, int64_t n, int64_t c, int64_t h, int64_t w, const float *x, float *y);

/** Shape of lw_max_pool2d() and lw_avg_pool2d(): x[n][c][ih][iw] to y[n][c][oh][ow]. */
typedef struct lw_pool2d_desc {
  int64_t n;             /**< images */
  int64_t c;             /**< channels */
  int64_t ih;            /**< rows of x */
  int64_t iw;            /**< columns of x */
  int64_t kh;            /**< rows of the window */
  int64_t kw;            /**< columns of the window */
  int64_t stride_h;      /**< >= 1 */
  int64_t stride_w;      /**< >= 1 */
  int64_t pad_h;         /**< rows above and below, at most kh / 2 */
  int64_t pad_w;         /**< columns on both sides, at most kw / 2 */
  int64_t dilation_h;    /**< max_pool2d only; avg_pool2d wants 1 */
  int64_t dilation_w;    /**< likewise */
  int ceil_mode;         /**< not 0: windows that start inside the input or its left padding count, though they end outside */
  int count_include_pad; /**< avg_pool2d: not 0: divide by the window including padding, as PyTorch does by default */
} lw_pool2d_desc;
/** oh, ow as PyTorch computes them (ceil mode drops a window that would start in the right padding); checks the descriptor. */
LW_API lw_status lw_pool2d_output(const lw_pool2d_desc *desc, int64_t *oh, int64_t *ow);
/** Starts at -inf; over (kh, kw) rising takes v if v > m || v != v; padding is never a candidate. `index` may be NULL, else gets
 * h*iw + w of the value taken (int32; ih*iw must fit). A dilated window can have all its positions on
 * the padding: then y is -inf and the index -1. */
LW_API lw_status lw_max_pool2d(lw_context *context, const lw_pool2d_desc *desc, const float *x, float *y, int32_t *index);
/** Chain of adds from +0 over (kh, kw) rising, then one division by the count. */
LW_API lw_status lw_avg_pool2d(lw_context *context, const lw_pool2d_desc *desc, const float *x, float *y);

/** Over rows x[n][c]: e = exp(x - max), y = e / sum(e). The sum: element i goes to partial i mod 16, then partials are added as a
 * tree +8, +4, +2, +1. In place allowed. */
LW_API lw_status lw_softmax(lw_context *context, int64_t n, int64_t c, const float *x, float *y);
/** y = (x - max) - log(sum(exp(x - max))), the same sum. In place allowed. */
LW_API lw_status lw_log_softmax(lw_context *context, int64_t n, int64_t c, const float *x, float *y);

/** The k largest of each row x[n][c], falling: values y[n][k] and positions index[n][k]. NaN counts as largest; among equals the
 * lowest position comes first. 1 <= k <= c. */
LW_API lw_status lw_topk(lw_context *context, int64_t n, int64_t c, int64_t k, const float *x, float *y, int32_t *index);

/** @} */

/* ---------------------------------------------------------------------------------------------------------- networks */
/** @defgroup networks Networks and plans
 * @{ */

/** The kinds of layers, each computed by the function named. */
typedef enum lw_layer_kind {
  LW_LAYER_CONV2D,     /**< lw_conv2d() */
  LW_LAYER_LINEAR,     /**< lw_linear(); flattens its input to (c,h,w) order by itself */
  LW_LAYER_RELU,       /**< lw_relu() */
  LW_LAYER_TANH,       /**< lw_tanh() */
  LW_LAYER_MAX_POOL2D, /**< lw_max_pool2d() */
  LW_LAYER_AVG_POOL2D, /**< lw_avg_pool2d() */
  LW_LAYER_DROPOUT,    /**< lw_dropout() */
  LW_LAYER_SOFTMAX     /**< lw_softmax() */
} lw_layer_kind;

/** Characters of the longest name of a layer. */
#define LW_LAYER_NAME_MAX 120

/** One row of a network: fields that a kind does not use are 0. */
typedef struct lw_layer {
  lw_layer_kind kind; /**< what it computes */
  const char *name;   /**< "features.0"; parameters are `<name>.weight` and `<name>.bias`. At most LW_LAYER_NAME_MAX characters */
  int64_t out;        /**< conv2d: output channels; linear: outputs */
  int64_t kernel;     /**< conv2d and pools: square kernel */
  int64_t stride;     /**< conv2d and pools: 0 means 1 for conv2d and `kernel` for pools */
  int64_t pad;        /**< all four sides */
  int64_t dilation;   /**< conv2d: 0 means 1 */
  int64_t groups;     /**< conv2d: 0 means 1 */
  int no_bias;        /**< conv2d, linear: not 0: no bias */
  float probability;  /**< dropout: 0..1 */
} lw_layer;

/** A network: a chain of layers over one input shape [c][h][w]. It is the caller's memory; lw_plan_create() keeps a copy. */
typedef struct lw_net {
  const char *name;       /**< for messages */
  int64_t c;              /**< channels of the input */
  int64_t h;              /**< rows of the input */
  int64_t w;              /**< columns of the input */
  const lw_layer *layers; /**< in the order in which they run */
  size_t layer_count;     /**< number of layers */
} lw_net;

/** "lenet5", "lenet5_1998", "vgg16", "net", "mlp"; NULL if there is no such network. */
LW_API const lw_net *lw_net_builtin(const char *name);
/** The i-th built-in network, NULL past the last. */
LW_API const lw_net *lw_net_builtin_at(size_t i);
/** Number of parameters (weights and biases), after checking that all shapes fit. */
LW_API lw_status lw_net_parameters(const lw_net *net, int64_t *count);

/** One parameter tensor of a network. */
typedef struct lw_parameter_info {
  char name[128];   /**< "features.0.weight" */
  size_t layer;     /**< the layer that it belongs to */
  int is_bias;      /**< 0: weight, 1: bias */
  int rank;         /**< conv2d weight 4 [out][in/groups][kh][kw], linear weight 2 [out][in], bias 1 */
  int64_t shape[4]; /**< sizes, slowest first; 0 past `rank` */
  int64_t count;    /**< product of shape */
  int64_t fan_in;   /**< inputs that an output of its layer reads: ic / groups * kh * kw, or in */
  int64_t in_c;     /**< channels of its layer's input */
  int64_t in_h;     /**< rows of its layer's input */
  int64_t in_w;     /**< columns of its layer's input */
} lw_parameter_info;
/** Parameter tensor `tensor` (0..; in layer order, weight before bias). LW_BAD_ARGUMENT past the last: see
 * lw_net_parameter_tensors. */
LW_API lw_status lw_net_parameter(const lw_net *net, int tensor, lw_parameter_info *info);
/** Number of parameter tensors, after checking that all shapes fit. */
LW_API lw_status lw_net_parameter_tensors(const lw_net *net, int *count);

/** Where a plan's weights come from. Tensors are numbered in layer order, weight before bias, in the order and shape of
 * lw_conv2d() and lw_linear(). Both functions may be called from several threads at once. */
typedef struct lw_weights {
  /** Writes elements first..first+count-1 of parameter tensor `tensor` to dst; returns LW_OK, or fails by lw_fail() with the
   * reason. */
  lw_status (*read)(void *user, const lw_net *net, int tensor, const char *name, int64_t first, int64_t count, float *dst);
  void *user; /**< first argument of both */
  /** Optional, NULL: none. For sources that have the floats in memory: all `count` elements of the tensor where they lie, 4-byte
   * aligned and valid until lw_plan_create() returns, so that they are packed without a copy in between. Where it returns NULL,
   * the tensor is read. */
  const float *(*map)(void *user, const lw_net *net, int tensor, const char *name, int64_t count);
} lw_weights;

/** Kaiming uniform from Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011): element i of tensor
 * t is (2u-1)*bound, u = (word >> 8) * 2^-24, word = philox(key = seed, counter = (i/4, t))[i%4], bound = (float)sqrt(6/fan_in).
 * Biases use the fan_in of their layer. Fills dst with elements first..first+count-1. */
LW_API void lw_kaiming_uniform(uint64_t seed, int tensor, int64_t fan_in, int64_t first, int64_t count, float *dst);
/** A source of such weights: *seed must live until the plan is made. */
LW_API lw_weights lw_weights_seeded(const uint64_t *seed);
/** A source that reads one array of floats per tensor: tensors[i] is parameter tensor i. */
LW_API lw_weights lw_weights_arrays(const float *const *tensors);

/** A network made ready to run: weights packed, kernels chosen, workspace laid out. Immutable. */
typedef struct lw_plan lw_plan;

/** What a plan may do for speed. Every mode gives the same bits on every ISA and number of threads (autovec apart). */
typedef enum lw_mode {
  LW_EXACT, /**< every output is one chain, in the order of `ref/<op>.c` */
  LW_FAST   /**< convolutions with a 3x3 or 5x5 kernel, stride 1, dilation 1 and one group may use Winograd's minimal filtering:
                 the bits of `ref/conv2d_winograd.c`, and each output is within a bound, derived from its inputs, of its true value.
                 Which layer uses which algorithm depends on the shapes and the budgets of the options alone (`nets/recipe.c`);
                 lw_plan_step() tells, and why */
} lw_mode;

/** How a plan makes the choices that change no bit: blocks and panels of Winograd's kernels, kernels that give the same bits,
 * into how many parts a step is split. */
typedef enum lw_planning {
  LW_PLAN_ESTIMATE, /**< by a cost model from the sizes of the caches, and by what the wisdom file knows */
  LW_PLAN_MEASURE   /**< by timing, for about 10 s at most (VGG16; small networks: well below a second), what the wisdom file does
                       not   know; it learns it then. Runs on the context's threads, with the weights of the plan, or, for a plan
                       without,   with random ones that exist meanwhile. Inputs, outputs and workspace are allocated meanwhile, too.
                       Only   SIMD ISAs have anything to choose */
} lw_planning;

/** What lw_plan_create() can be told; all 0: the defaults. */
typedef struct lw_plan_options {
  int64_t batch;       /**< images per run; 0 means 1 */
  int no_fuse;         /**< not 0: one kernel per layer, so that every layer can be observed */
  size_t memory_limit; /**< bytes of weights + workspace; 0: none. A plan that needs more is LW_NO_MEMORY, before anything is
                          made. It never changes an algorithm: the workspace depends on ISA, caches and threads, bits must not */
  lw_mode mode;        /**< 0 is LW_EXACT */
  double accuracy; /**< the accuracy budget of mode LW_FAST, 0: none, else at least 1: an algorithm whose a-priori error bound is
                      more than so many times that of the chain of mode LW_EXACT is not used. The bounds are constants of the
                      algorithm and the number of input channels (`docs/winograd.md`): F(4x4, 3x3) has 7 to 12.2 times the
                          chain's, F(2x2, 3x3) 0.8 to 1.2 times, F(2x2, 5x5) 1.8 to 3.2 times */
  size_t weight_budget; /**< the memory budget of mode LW_FAST, bytes, 0: none: transformed weights of convolutions that would
                          take the plan's weights (lw_plan_weight_bytes() on a SIMD ISA; counted alike on every ISA) beyond it
                          give way to smaller ones, as F(4x4, 3x3) to F(2x2, 3x3) to none, in an order that depends on shapes
                          alone: those first that save most bytes per multiplication that they add. LW_NO_MEMORY if even without
                          any the weights take more, in every mode */
  lw_planning planning; /**< 0 is LW_PLAN_ESTIMATE */
  const char
      *wisdom; /**< the wisdom file, where measured choices are kept, with the machine that they are for; it need not exist.
                  NULL: that of the environment variable LANEWISE_WISDOM, else none; "": none. See lw_plan_notice() */
} lw_plan_options;

/** Makes a plan: infers shapes, lays out the workspace by lifetime, packs the weights straight from their source (the plan owns
 * the only copy) and chooses kernels. options == NULL: all defaults. weights == NULL: a plan without weights, to be described;
 * running it is LW_BAD_ARGUMENT. The context must outlive the plan. */
LW_API lw_status lw_plan_create(lw_context *context, const lw_net *net, const lw_weights *weights, const lw_plan_options *options,
                                lw_plan **plan);
/** Releases it. NULL is allowed. No run of it may be under way. */
LW_API void lw_plan_destroy(lw_plan *plan);
/** Bytes of weights and workspace that a plan would need, without making it. Either result pointer may be NULL. With wisdom or
 * LW_PLAN_MEASURE, a plan may need less workspace than this, never more. */
LW_API lw_status lw_plan_memory(lw_context *context, const lw_net *net, const lw_plan_options *options, size_t *weight_bytes,
                                size_t *workspace_bytes);
/** What came up while the plan was made and did not stop it: a wisdom file that is damaged, of another version or machine, or
 * that cannot be read or written, is ignored (and rebuilt by LW_PLAN_MEASURE; what was no wisdom file at all is kept as
 * `<file>.old`).
 * "" if there was nothing. Lives as long as the plan. */
LW_API const char *lw_plan_notice(const lw_plan *plan);
/** Bytes of packed weights that the plan owns. */
LW_API size_t lw_plan_weight_bytes(const lw_plan *plan);
/** Bytes of scratch that a run needs. */
LW_API size_t lw_plan_workspace_bytes(const lw_plan *plan);
/** Images per run. */
LW_API int64_t lw_plan_batch(const lw_plan *plan);
/** Outputs (floats) per image. */
LW_API int64_t lw_plan_outputs(const lw_plan *plan);

/** x[batch][c][h][w] to y[batch][outputs]. No allocation, no locks other than the pool's. `workspace`: 64-byte aligned and
 * lw_plan_workspace_bytes() large, one per concurrent run; its contents need not be kept between runs. */
LW_API lw_status lw_plan_run(const lw_plan *plan, const float *x, float *y, void *workspace);

/** A step is one kernel call on all threads; it computes one layer or several fused ones. */
typedef struct lw_step_info {
  const char *kernel;     /**< symbol */
  const char *algorithm;  /**< "direct", "winograd4", ...; "" where an operator has only one */
  const char *name;       /**< name of the first layer in it, "" for a reorder */
  size_t first_layer;     /**< layers first_layer..last_layer; last_layer < first_layer for a reorder */
  size_t last_layer;      /**< see first_layer */
  int64_t c;              /**< channels of the output of one image */
  int64_t h;              /**< its rows */
  int64_t w;              /**< its columns */
  double flops;           /**< per run: 2 per multiply-add */
  double algorithm_flops; /**< the same of the algorithm's own sums: fewer for Winograd's */
  double weight_bytes;    /**< parameters read per run, as the algorithm keeps them */
  double bytes;           /**< activations read and written per run, plus weight_bytes */
  int parts;              /**< shares that it is split into: at most one per thread */
  int64_t tiles;          /**< Winograd's: image tiles that go through the stages of the kernel together; else 0 */
  int64_t panels;         /**< and panels of 16 output channels */
  const char *chosen_by;  /**< who chose what changes no bit: "model", "wisdom" or "measured" (see #lw_planning) */
  double seconds;         /**< time of this choice when it was measured (with the steps up to the next weights, if their
                             layout depends on it); 0: it was not */
  double model_seconds;   /**< time of the cost model's choice in the same measurement */
  const char *reason; /**< mode LW_FAST: why a convolution is not computed by F(4x4, 3x3): "stride 2", "14x14: too few tiles for
                         F(4,3)", "memory budget: ..."; else "". Lives as long as the plan */
} lw_step_info;

/** Number of steps. */
LW_API size_t lw_plan_steps(const lw_plan *plan);
/** Describes step `step` (0..lw_plan_steps() - 1). */
LW_API lw_status lw_plan_step(const lw_plan *plan, size_t step, lw_step_info *info);
/** Like lw_plan_run; seconds[step] gets each step's wall time. */
LW_API lw_status lw_plan_profile(const lw_plan *plan, const float *x, float *y, void *workspace, double *seconds);
/** Like lw_plan_run; after each step with layers, calls observe with the layer's number and its output as plain NCHW of the whole
 * batch. Allocates. */
LW_API lw_status lw_plan_observe(const lw_plan *plan, const float *x, float *y, void *workspace,
                                 void (*observe)(void *user, size_t layer, const float *values, int64_t count), void *user);
/** A table of steps as text. Writes at most `capacity` bytes including the final 0 and returns the length it wanted. */
LW_API size_t lw_plan_describe(const lw_plan *plan, char *text, size_t capacity);

/** @} */

/* ------------------------------------------------------------------------------------------------------------ memory */
/** @defgroup memory Memory
 * @{ */

/** 64-byte aligned memory (on 2 MB pages when large and the system grants them); release with lw_release. 0 bytes give a pointer
 * that is not NULL and must be released too. */
LW_API lw_status lw_allocate(lw_context *context, size_t bytes, void **pointer);
/** Releases memory of lw_allocate() of the same context. NULL is allowed. */
LW_API void lw_release(lw_context *context, void *pointer);

/** @} */

#ifdef __cplusplus
}
#endif
#endif
