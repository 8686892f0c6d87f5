/* SPDX-License-Identifier: Apache-2.0
 *
 * The test kit: how one file per operator, kit/op_<op>.c, tells tests and benchmarks everything they need to run any row of the
 * kernel table on any case of that operator. Each such file defines
 *
 *   const kit_op kit_op_<op> = {.op = LW_OP_<op>, .cases = cases, .case_count = ..., .random = random_case, ...};
 *
 * and is found by its name (kit_op_find). Tests compare, benchmarks verify and then time; both walk the same steps:
 *
 *   kit_set_make, kit_set_fill   plain tensors of a case, filled from a seed
 *   op->ref(c, set.t)            the expected output
 *   kit_prepare                  packs weights and reorders inputs as the row wants them, builds its lw_args
 *   kit_poison, kit_execute      outputs to NaN; all parts of the kernel (a benchmark times only this, or calls row->fn itself)
 *   kit_collect                  brings the output back to the plain tensors and checks overruns and inputs
 *   kit_release, kit_set_free */
#ifndef LANEWISE_TESTS_KIT_KIT_H
#define LANEWISE_TESTS_KIT_KIT_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include "ref/ref.h" /* ref_* */
#include "simd/kernels.h"
#include "tests/kit/accuracy.h"

/* ref64_*: the same declarations over double. */
#undef LANEWISE_REF_REF_H
#undef REF_PREFIX
#undef REAL
#undef real_fma
#define REF_PREFIX ref64_
#define REF_DOUBLE
#define real kit_real64
#include "ref/ref.h"
#undef real
#undef REF_DOUBLE

enum { KIT_TENSORS = 40, KIT_PASSES = 2, KIT_BUFFERS = 8 };

/* ------------------------------------------------------------------------------------------------------------- random */

/* splitmix64 (Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014). */
typedef struct kit_random {
  uint64_t state;
} kit_random;
uint64_t kit_next(kit_random *r);
/* lo..hi, both included. */
int64_t kit_between(kit_random *r, int64_t lo, int64_t hi);
/* 0 <= u < 1, a multiple of 2^-24. */
double kit_uniform(kit_random *r);

/* -------------------------------------------------------------------------------------------------------------- cases */

/* A shape with options. Operators use the member of `of` that fits them. */
typedef struct kit_case {
  char name[40]; /* unique within the operator, no spaces: "k3s1p1-17x17" */
  union {
    lw_conv2d_desc conv2d;
    lw_linear_desc linear;
    lw_pool2d_desc pool2d;
    lw_filter2d_desc filter2d;
    lw_resize_desc resize;
    lw_crop_desc crop;
    lw_pad2d_desc pad2d;
    struct {
      int64_t n, c, h, w;
      int horizontal, vertical;
    } image; /* flatten, flip, normalize, grayscale, u8_to_f32, reorder */
    struct {
      int64_t n, c, k;
    } rows;        /* softmax, log_softmax, topk */
    int64_t count; /* relu, tanh, add, dropout, relu_backward, tanh_backward */
    struct {
      const char *net;               /* a built-in network, */
      int64_t batch, side, channels; /* with at most so many pixels and channels; 0: as it is */
      int sparse;                    /* not 0: few weights are not 0 */
    } net;                           /* tests/kit/net.h */
    struct {
      int64_t count, seed, stream;
      float probability;
    } dropout;                           /* dropout_train */
    lw_cross_entropy_desc cross_entropy; /* without its class_weights, which are a tensor */
    struct {
      int64_t count;
      lw_sgd_options options;
      int first_step;
    } sgd;
  } of;
  /* Optional tensors that are present. */
  int bias, index, mean, std, class_weights;
  /* Fused into the kernel; such a case cannot go through the public function. */
  int relu, pool;
} kit_case;

typedef enum kit_type { KIT_F32, KIT_U8, KIT_I32 } kit_type;
typedef enum kit_role {
  KIT_IN,      /* must be the same after the kernel */
  KIT_WEIGHTS, /* likewise; packed once, so a benchmark does not count the packing */
  KIT_OUT,     /* NaN before the kernel; every element must be written */
  KIT_SCRATCH  /* NaN before the kernel */
} kit_role;

/* A plain tensor, in the layout of include/lanewise.h. name == NULL: absent in this case, its pointer is NULL. */
typedef struct kit_tensor {
  const char *name;
  kit_role role;
  kit_type type;
  int dims; /* KIT_1D to KIT_4D set these three */
  int64_t shape[4];
  int64_t count;
  float range;   /* reals are filled from [-range, range); 0 means 1 */
  int summed;    /* not 0: outputs are sums of many of its elements: NaN and infinities are rarer, as they are in weights */
  int positive;  /* not 0: filled from [range/4, range) with every fill (divisors) */
  float nonzero; /* not 0: this share of elements is not 0: integers are 1, reals in [range/4, range), one in four negative */
} kit_tensor;

#define KIT_1D(a)          .dims = 1, .shape = {a}, .count = (a)
#define KIT_2D(a, b)       .dims = 2, .shape = {a, b}, .count = (a) * (b)
#define KIT_3D(a, b, c)    .dims = 3, .shape = {a, b, c}, .count = (a) * (b) * (c)
#define KIT_4D(a, b, c, d) .dims = 4, .shape = {a, b, c, d}, .count = (a) * (b) * (c) * (d)

/* A member of kit_case that says what a case is, for those who write cases out. */
typedef struct kit_parameter {
  const char *name; /* NULL ends a list */
  size_t offset;
  enum { KIT_PARAMETER_SIZE, KIT_PARAMETER_LABEL, KIT_PARAMETER_FLAG, KIT_PARAMETER_REAL, KIT_PARAMETER_CHOICE } type;
  const char *const *words; /* of a choice */
} kit_parameter;
#define KIT_SIZE(name, member)                                                                                                   \
  { #name, offsetof(kit_case, member), KIT_PARAMETER_SIZE, NULL } /* int64_t */
#define KIT_LABEL(name, member)                                                                                                  \
  { #name, offsetof(kit_case, member), KIT_PARAMETER_LABEL, NULL } /* int32_t */
#define KIT_FLAG(name, member)                                                                                                   \
  { #name, offsetof(kit_case, member), KIT_PARAMETER_FLAG, NULL } /* int, 0 or 1 */
#define KIT_REAL(name, member)                                                                                                   \
  { #name, offsetof(kit_case, member), KIT_PARAMETER_REAL, NULL } /* float */
#define KIT_CHOICE(name, member, words)                                                                                          \
  { #name, offsetof(kit_case, member), KIT_PARAMETER_CHOICE, words } /* enum */

/* What max_pool2d and avg_pool2d share. */
#define KIT_POOL2D_PARAMETERS                                                                                                    \
  KIT_SIZE(n, of.pool2d.n), KIT_SIZE(c, of.pool2d.c), KIT_SIZE(ih, of.pool2d.ih), KIT_SIZE(iw, of.pool2d.iw),                    \
      KIT_SIZE(kh, of.pool2d.kh), KIT_SIZE(kw, of.pool2d.kw), KIT_SIZE(stride_h, of.pool2d.stride_h),                            \
      KIT_SIZE(stride_w, of.pool2d.stride_w), KIT_SIZE(pad_h, of.pool2d.pad_h), KIT_SIZE(pad_w, of.pool2d.pad_w),                \
      KIT_SIZE(dilation_h, of.pool2d.dilation_h), KIT_SIZE(dilation_w, of.pool2d.dilation_w),                                    \
      KIT_FLAG(ceil_mode, of.pool2d.ceil_mode), KIT_FLAG(count_include_pad, of.pool2d.count_include_pad)

/* Case c of op: the rows of its table, then KIT_RANDOM_CASES seeded shapes "random-0", ... Returns 0 past the last. */
enum { KIT_RANDOM_CASES = 8 };
typedef struct kit_op kit_op;
int kit_case_at(const kit_op *op, uint64_t seed, int i, kit_case *c);

/* -------------------------------------------------------------------------------------------------------------- memory */

typedef enum kit_memory {
  KIT_GUARD_END,    /* the last byte touches an inaccessible page */
  KIT_GUARD_START,  /* the first byte follows an inaccessible page */
  KIT_GUARD_OFFSET, /* one element after the start of a page, so aligned to an element and no more */
  KIT_ALIGNED       /* 64-byte aligned, no guards: for benchmarks */
} kit_memory;

typedef struct kit_buffer {
  char *p; /* `bytes` usable bytes */
  size_t bytes;
  char *map; /* the accessible pages around p, canaries outside p */
  size_t map_bytes;
  kit_memory memory;
  kit_role role;
  uint64_t checksum; /* of an input, when it was sealed */
  int closed;        /* not 0: any access is a fault */
} kit_buffer;

/* element_bytes: of the offset. Returns 0 if there is no memory. */
int kit_buffer_make(kit_buffer *b, kit_memory memory, kit_role role, size_t bytes, size_t element_bytes);
void kit_buffer_free(kit_buffer *b);
/* Fills an output or scratch with KIT_POISON words. */
void kit_buffer_poison(kit_buffer *b);
/* Remembers the contents of an input. */
void kit_buffer_seal(kit_buffer *b);
/* Takes access to a buffer in guarded memory away (closed not 0) or gives it back. */
void kit_buffer_close(kit_buffer *b, int closed);
/* NULL, or what is wrong: "written past the end", "written before the start", "input modified". Of a closed buffer NULL. */
const char *kit_buffer_check(const kit_buffer *b);

#define KIT_POISON                                                                                                               \
  UINT32_C(0x7fc0dead) /* a quiet NaN that no computation makes; as int32 no index of a tensor that fits memory */

/* The plain tensors of a case. */
typedef struct kit_set {
  const kit_op *op;
  kit_case c;
  int count;
  kit_tensor info[KIT_TENSORS];
  void *t[KIT_TENSORS];
  kit_buffer buffer[KIT_TENSORS];
} kit_set;

typedef enum kit_fill {
  KIT_INTEGERS, /* -4..4: sums of products are exact in any order */
  KIT_REALS,    /* seeded, uniform */
  KIT_SPECIALS, /* reals with NaN, +-Inf, +-0 and subnormals sprinkled */
  KIT_FILLS
} kit_fill;
const char *kit_fill_name(kit_fill fill);

/* The set's f32 output, which every operator has. */
int kit_set_output(const kit_set *set);
int kit_set_make(kit_set *set, const kit_op *op, const kit_case *c, kit_memory memory);
/* Fills inputs and weights (and seals them); poisons outputs. Equal seeds give equal values in any kind of memory. */
void kit_set_fill(kit_set *set, kit_fill fill, uint64_t seed);
/* kit_buffer_close of its weights. */
void kit_set_close_weights(kit_set *set, int closed);
/* The tensors of `set` with float widened to double, for ref64 and bound; outputs are not copied. */
int kit_set_widen(kit_set *wide, const kit_set *set);
void kit_set_free(kit_set *set);
/* Bytes that the case has to read and write once. */
double kit_bytes(const kit_op *op, const kit_case *c);

/* --------------------------------------------------------------------------------------------------------------- bounds */

typedef enum kit_order {
  KIT_CHAIN,    /* the order of ref/, every step rounded to float once: the running bound */
  KIT_ANY_ORDER /* any order, fused or not */
} kit_order;

/* A chain of float operations followed in double: its value and bounds of the distance between it and any float computation.
 * Running bound (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.3): a step rounds z = sum + x*w, whose float
 * version differs from the double sum by at most `running` so far, so that grows by u*(|sum| + running) (and half the smallest
 * subnormal); a product of 0 is added without rounding. Any order: gamma_{terms} * sum of |x*w|. */
typedef struct kit_chain {
  double sum, running, absolute;
  int64_t terms;
} kit_chain;
#define KIT_U 0x1p-24

static inline kit_chain kit_chain_start(double value) { return (kit_chain){.sum = value, .absolute = fabs(value), .terms = 1}; }
static inline void kit_chain_fma(kit_chain *k, double x, double w) {
  const double product = x * w;
  k->sum += product;
  k->absolute += fabs(product);
  if (product != 0) k->running += KIT_U * (fabs(k->sum) + k->running) + 0x1p-150;
  k->terms++;
}
/* Adds the result of another chain; that is rounded unless one of them is +0 for certain. */
static inline void kit_chain_add(kit_chain *k, const kit_chain *part) {
  const int is_rounded = (k->absolute != 0 || k->running != 0) && (part->absolute != 0 || part->running != 0);
  k->sum += part->sum;
  k->absolute += part->absolute;
  k->running += part->running;
  if (is_rounded) k->running += KIT_U * (fabs(k->sum) + k->running);
  k->terms += part->terms;
}
/* 1e-6: the double arithmetic of the bound itself. Infinite where a float sum may be. */
static inline double kit_chain_bound(const kit_chain *k, kit_order order) {
  const double n = (double)k->terms + 1, gamma = n * KIT_U / (1 - n * KIT_U);
  const double bound = (1 + 1e-6) * (order == KIT_CHAIN ? k->running : gamma * k->absolute + n * 0x1p-149);
  return k->absolute + bound < FLT_MAX ? bound : INFINITY;
}

/* ----------------------------------------------------------------------------------------------------------------- runs */

/* One kernel row on one case. Whoever runs it sets the first block, the operator's prepare fills the second. */
typedef struct kit_run {
  const kit_op *op;
  const lw_kernel *row;
  const kit_case *c;
  void *const *t;    /* plain tensors in the order of op->tensors */
  int variant;       /* 0 .. kit_variants()-1 */
  int parts;         /* the most that will run: scratch is made for so many */
  kit_memory memory; /* of what prepare allocates */
  /* Not NULL: the operator of this open backend runs (tests/kit/backend.h), and `row` only says what it is. */
  struct kit_backend *backend;

  void *instance; /* of the backend */
  lw_args args[KIT_PASSES];
  int passes; /* 1 unless prepare says otherwise; all parts of args[0] run before args[1] */

  kit_buffer buffer[KIT_BUFFERS];
  int buffers;
  char error[160]; /* "" or what failed */
} kit_run;

/* What op_<op>.c provides. */
struct kit_op {
  lw_op op;
  const kit_case *cases;
  int case_count;
  /* A random shape with at most some 1e5 multiply-adds; the kit names it. */
  void (*random)(kit_random *r, kit_case *c);
  /* Describes the tensors of a case, in a fixed order, and returns how many (with absent ones). Exactly one is a KIT_F32 output.
   */
  int (*tensors)(const kit_case *c, kit_tensor t[KIT_TENSORS]);
  /* Overwrites what no uniform values can be: labels, indices. NULL: nothing. */
  void (*fill)(const kit_case *c, kit_random *r, void *const t[]);
  const kit_parameter *parameters; /* what a case's tensors and values follow from */
  /* The definition on plain tensors, in float, and in double (then KIT_F32 tensors are double). NULL ref64: layout changes only.
   */
  void (*ref)(const kit_case *c, void *const t[]);
  void (*ref64)(const kit_case *c, void *const t[]);
  /* bound[i]: how far element i of the f32 output may be from ref64, which has run on t (doubles); finite fills only.
   * NULL: not at all, output == (float)ref64. */
  void (*bound)(const kit_case *c, void *const t[], kit_order order, double *bound);
  /* The same for rows of promise LW_FAST, whose algorithm has a definition of its own, and whether that can compute a case.
   * NULL: there are none. */
  int (*fast_applies)(const char *algorithm, const kit_case *c);
  void (*fast_ref)(const char *algorithm, const kit_case *c, void *const t[]);
  void (*fast_bound)(const char *algorithm, const kit_case *c, void *const t[], double *bound);
  int exact_on_integers; /* not 0: with KIT_INTEGERS any order of sums gives the same values */
  uint64_t in_place;     /* bit i: the output may be tensor i */
  unsigned large_fills;  /* bit f: large cases are run with kit_fill f, too, not with reals alone */
  double (*flops)(const kit_case *c);
  /* Cuts an expensive case for slow builds (at most 64 channels and 28 rows, same tails). NULL: none is expensive. */
  void (*cut)(kit_case *c);
  /* In how many ways (layouts, halos) the row can run the case; 0: not at all. Variant 0 is what a plan would do. NULL: one. */
  int (*variants)(const lw_kernel *row, const kit_case *c);
  /* Sets run->args (and run->passes) for run->row on run->t. Memory from kit_run_allocate. */
  void (*prepare)(kit_run *run);
  /* Brings outputs from layouts made by prepare back to run->t. NULL: the kernel writes run->t itself. */
  void (*collect)(kit_run *run);
  /* The public function. */
  lw_status (*call)(lw_context *context, const kit_case *c, void *const t[]);
};

/* NULL: there is no kit/op_<op>.c. */
const kit_op *kit_op_find(lw_op op);
/* "conv2d", and "net" of whole networks, which are no operator of the table. */
const char *kit_op_name(const kit_op *op);
/* The i-th algorithm of mode fast, NULL past the last. */
const char *kit_fast_algorithm(const kit_op *op, int i);
int kit_variants(const kit_op *op, const lw_kernel *row, const kit_case *c);

/* run->op, row, c, t, variant, parts and memory are set. Returns 0 and run->error if memory is short or a backend fails. */
int kit_prepare(kit_run *run);
/* Outputs of `set` and whatever prepare made for output or scratch: NaN. */
void kit_poison(kit_run *run, kit_set *set);
typedef enum kit_schedule { KIT_RISING, KIT_FALLING, KIT_THREADS } kit_schedule;
/* A backend runs as a whole on its own threads, whatever parts and schedule say; run->error if it fails. */
void kit_execute(kit_run *run, int parts, kit_schedule schedule);
/* Returns 0 and run->error if a buffer was overrun or an input modified, here or in `set` (may be NULL). */
int kit_collect(kit_run *run, const kit_set *set);
void kit_release(kit_run *run);

/* For prepare. The memory is poisoned; kit_release frees it. NULL (and run->error) if there is none. */
void *kit_run_allocate(kit_run *run, kit_role role, size_t bytes);
/* Memory for n x c x h x w in a view; halo is {top, left, bottom, right}, NULL: none. p is NULL if there is no memory. */
lw_view kit_view_allocate(kit_run *run, kit_role role, int64_t n, int64_t c, int64_t h, int64_t w, int64_t c_block,
                          const int64_t halo[4]);
/* plain to view. Of the halo, `zero` (top, left, bottom, right; NULL: all of it) next to the tensor becomes +0 and the rest stays
 * NaN; so do missing channels of a block, which no kernel may let into a result. */
void kit_view_fill(const lw_view *v, int64_t n, int64_t c, const float *plain, const int64_t zero[4]);
/* view to plain. run->error if a halo element is not +0. */
void kit_view_collect(kit_run *run, const lw_view *v, int64_t n, int64_t c, float *plain);
/* The same for n x c x h x w in samples (simd/kernels.h); missing samples stay NaN. */
lw_view kit_samples_allocate(kit_run *run, kit_role role, int64_t n, int64_t c, int64_t h, int64_t w, const int64_t halo[4]);
void kit_samples_fill(kit_run *run, const lw_view *v, int64_t n, int64_t c, const float *plain, const int64_t zero[4]);
void kit_samples_collect(kit_run *run, const lw_view *v, int64_t n, int64_t c, float *plain);
/* lw_pack_weights of all panels, and the bias padded to whole blocks (NULL stays NULL). */
float *kit_pack_weights(kit_run *run, int64_t oc, int64_t k, const float *w);
/* Back to w[oc][k]; run->error if a missing output is not +0. */
void kit_unpack_weights(kit_run *run, int64_t oc, int64_t k, const float *packed, float *w);
float *kit_pad_bias(kit_run *run, int64_t oc, const float *bias);

/* --------------------------------------------------------------------------------------------------------------- compare */

typedef struct kit_difference {
  const char *tensor;
  int64_t index; /* the first */
  int dims;
  int64_t at[4]; /* the same as [n][c][h][w] or what the tensor's dimensions are */
  int64_t count; /* elements that differ */
  double expected, got, bound;
  uint32_t expected_bits, got_bits;
  uint64_t ulp; /* distance of the two floats, 0 where one is NaN */
} kit_difference;

/* Outputs bit for bit, any NaN equal to any NaN; a poisoned element is always a difference. Returns the number of differences. */
int64_t kit_compare(const kit_set *expected, const kit_set *got, kit_difference *d);
/* Only that outputs are written: elements that are still poisoned, as differences from 0. Returns their number. */
int64_t kit_unwritten(const kit_set *got, kit_difference *d);
/* f32 output against doubles: |got - y64| <= bound[i]; i32 outputs bit for bit. bound == NULL: got == (float)y64, which counts as
 * no error. accuracy (may be NULL): of the f32 output. */
int64_t kit_compare_bound(const kit_set *wide, const double *bound, const kit_set *got, kit_difference *d,
                          kit_accuracy *accuracy);
/* One line: which tensor, index, values, bits, distance. */
void kit_difference_text(const kit_difference *d, char *text, size_t capacity);
/* Distance in floats between a and b; 0 if one is NaN. */
uint64_t kit_ulp(float a, float b);

#endif
