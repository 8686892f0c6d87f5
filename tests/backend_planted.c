/* SPDX-License-Identifier: Apache-2.0
 * The example backend with faults, for the tests: PLANTED names one, PROMISE ("any_order", "measured") what it promises. */
#define lanewise_backend example_backend
#include "tests/backend_example.c"
#undef lanewise_backend

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int planted(const char *fault) {
  const char *name = getenv("PLANTED");
  return name && strcmp(name, fault) == 0;
}

__attribute__((constructor)) static void loaded(void) {
  if (planted("crashing constructor")) raise(SIGSEGV);
}

/* -------------------------------------------------------------------------------- what lanewise_backend() returns is wrong */

static const char *why = "";
static const char *tell(void) { return why; }

static int failing_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  why = "no licence\nfound";
  return 1;
}

static int hanging_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  for (;;) pause();
  return 0;
}

static int exiting_open(const lw_backend_options *options, void **backend) {
  (void)options, (void)backend;
  exit(0);
}

static int load_alone(void *instance, const float *const *inputs) {
  (void)instance, (void)inputs;
  return 0;
}

static const char *silent(void) { return NULL; }

/* ---------------------------------------------------------------------------------------------- what operators do is wrong */

static void flush_to_zero(void) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8000);
#else
  __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24));
#endif
}

static int never_returns(void) {
  for (;;) pause();
  return 0;
}

static int fails(const char *text) {
  why = text;
  return 1;
}

static int bad_supported(void *backend, const lw_backend_desc *desc) {
  if (planted("supported crashes")) raise(SIGSEGV);
  if (planted("supports nothing")) return 0;
  return any(backend, desc);
}

static int bad_create(void *backend, const lw_backend_desc *desc, const float *const *weights, void **made) {
  lw_conv2d_desc d;
  memcpy(&d, desc->shape, sizeof d);
  if (planted("wrong padding") && d.pad_left > 0) d.pad_left--, d.pad_right++;
  if (planted("relu forgotten")) return conv_make(&d, 0, weights, made);
  if (planted("lies about support") && d.dilation_w > 1) return fails("dilated kernels are not implemented");
  if (planted("create hangs")) never_returns();
  if (planted("weights modified")) ((float *)weights[0])[0] += 1;
  if (conv2d_create(backend, &(lw_backend_desc){&d, desc->relu}, weights, made) != 0) return 1;
  instance *i = *made;
  if (planted("weights kept")) i->w = (float *)weights[0];
  if (planted("bias dropped")) memset(i->bias, 0, (size_t)d.oc * sizeof(float));
  return 0;
}

static int conv_runs;

static int bad_conv_run(void *p, const float *const *in, float *const *out) {
  const lw_conv2d_desc *d = &((const instance *)p)->conv;
  conv_runs++;
  conv_run(p, in, out);
  if (planted("one ulp")) out[0][0] = nextafterf(out[0][0], INFINITY);
  if (planted("off by a thousandth")) out[0][0] *= 1.001f;
  if (planted("third channel off")) {
    const int64_t oh = outputs(d->ih, d->pad_top + d->pad_bottom, d->kh, d->stride_h, d->dilation_h);
    const int64_t ow = outputs(d->iw, d->pad_left + d->pad_right, d->kw, d->stride_w, d->dilation_w);
    out[0][2 * oh * ow] += 0.1f;
  }
  if (planted("state is left") && conv_runs % 2 == 0) out[0][d->oc / 2] += 1;
  return 0;
}

static int bad_relu_run(void *p, const float *const *in, float *const *out) {
  instance *i = p;
  const int64_t count = i->count;
  volatile float *y = out[0];
  volatile const float *x = in[0];
  if (planted("not written")) return 0;
  if (planted("dropped tail")) i->count = count / 16 * 16;
  relu_run(p, in, out);
  i->count = count;
  if (count == 0) return 0;
  if (planted("nan dropped"))
    for (int64_t k = 0; k < count; k++)
      if (isnan(y[k])) y[k] = 0;
  if (planted("writes past the end")) y[count + 2] = 0;
  if (planted("writes before the start")) y[-1] = 0;
  if (planted("reads past the end")) y[0] = x[count] > 0 ? y[0] : y[0];
  if (planted("input modified")) ((float *)in[0])[count / 2] += 1;
  if (planted("run fails")) return fails("out of luck\n\tand of memory");
  if (planted("hangs")) never_returns();
  if (planted("hangs without signals")) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    never_returns();
  }
  if (planted("crashes")) raise(SIGSEGV);
  if (planted("aborts")) abort();
  if (planted("exits")) exit(0);
  if (planted("illegal instruction")) raise(SIGILL);
  if (planted("flushes to zero")) flush_to_zero();
  if (planted("unmaps its output")) munmap((void *)((uintptr_t)out[0] & ~(uintptr_t)4095), 4096);
  if (planted("prints")) printf("hello\n"), fflush(stdout);
  return 0;
}

/* relu in parts: the input is kept, then computed in place, then brought out. */
static int relu_load(void *p, const float *const *in) {
  instance *i = p;
  free(i->w);
  i->w = malloc((size_t)(i->count + 1) * sizeof(float));
  return !i->w || !memcpy(i->w, in[0], (size_t)i->count * sizeof(float));
}

static int relu_compute(void *p) {
  const instance *i = p;
  for (int64_t k = 0; k < i->count; k++) i->w[k] = relu_of(i->w[k]);
  return planted("compute fails") ? fails("not today") : 0;
}

static int relu_store(void *p, float *const *out) {
  const instance *i = p;
  memcpy(out[0], i->w, (size_t)i->count * sizeof(float));
  if (planted("store is wrong") && i->count > 4) out[0][4] = -5;
  return 0;
}

static void bad_destroy(void *p) {
  if (planted("destroy crashes")) raise(SIGBUS);
  destroy(p);
}

static void bad_close(void *backend) {
  if (planted("close crashes after runs") && conv_runs > 0) raise(SIGFPE);
  close_it(backend);
}

static void spoil_operators(lw_backend *b, lw_backend_operator *o) {
  const char *promise = getenv("PROMISE");
  for (size_t i = 0; promise && i < b->operator_count; i++)
    o[i].promise = strcmp(promise, "measured") == 0 ? LW_BACKEND_MEASURED : LW_BACKEND_ANY_ORDER;
  o[0].supported = bad_supported;
  o[0].create = bad_create;
  o[0].run = bad_conv_run;
  o[2].run = bad_relu_run;
  o[2].load = relu_load;
  o[2].compute = relu_compute;
  o[2].store = relu_store;
  o[2].destroy = bad_destroy;
  b->close = bad_close;
  b->error = tell;
}

static void spoil_table(lw_backend *b, lw_backend_operator *o) {
  if (planted("small")) b->size = 8;
  if (planted("no name")) b->name = NULL;
  if (planted("name with a blank")) b->name = "my backend\x1b[31m";
  if (planted("name of an isa")) b->name = "avx2";
  if (planted("long name")) b->name = "a-name-of-thirty-two-characters.";
  if (planted("no version")) b->version = "";
  if (planted("no operators")) b->operator_count = 0;
  if (planted("operators are NULL")) b->operators = NULL;
  if (planted("no operator size")) b->operator_size = 0;
  if (planted("no open")) b->open = NULL;
  if (planted("no error function")) b->error = NULL;
  if (planted("open fails")) b->open = failing_open;
  if (planted("open fails silently")) b->open = failing_open, b->error = silent;
  if (planted("open hangs")) b->open = hanging_open;
  if (planted("open exits")) b->open = exiting_open;
  if (planted("unknown operator")) o[1].op = "conv3d";
  if (planted("operator without a name")) o[1].op = NULL;
  if (planted("operator twice")) o[2].op = "conv2d";
  if (planted("no promise")) o[0].promise = (lw_backend_promise)7;
  if (planted("no run")) o[3].run = NULL;
  if (planted("load alone")) o[0].load = load_alone;
}

__attribute__((visibility("default"))) const lw_backend *lanewise_backend(uint32_t abi) {
  static lw_backend backend;
  static lw_backend_operator all[sizeof operators / sizeof *operators];
  backend = *example_backend(abi);
  memcpy(all, operators, sizeof all);
  backend.operators = all;
  spoil_operators(&backend, all);
  spoil_table(&backend, all);
  return planted("other version") ? NULL : &backend;
}
