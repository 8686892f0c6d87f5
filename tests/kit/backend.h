/* SPDX-License-Identifier: Apache-2.0
 * Backends (include/lanewise_backend.h): loading one, what it says of itself, and cases of the kit in its words.
 *
 * Whatever is called here runs the code of strangers: only kit_backend_probe does it in a child process by itself. */
#ifndef LANEWISE_TESTS_KIT_BACKEND_H
#define LANEWISE_TESTS_KIT_BACKEND_H

#include "lanewise_backend.h"
#include "tests/kit/kit.h"
#include "tests/kit/net.h"

enum { KIT_BACKEND_OPS = 10, KIT_BACKEND_NAME = 32, KIT_BACKEND_VERSION = 64, KIT_BACKEND_ERROR = 512 };

/* The i-th operator that the interface knows, NULL past the last. */
const char *kit_backend_op(int i);

typedef struct kit_backend {
  const char *path;
  void *library;
  const lw_backend *table; /* NULL: not loaded */
  void *handle;            /* of its open() */
  int is_open;
  const char **calling; /* NULL, or where the name of the function of the backend that runs is kept; NULL there: none runs */
  char error[KIT_BACKEND_ERROR]; /* names the file */
  char why[256];                 /* of kit_backend_why */
} kit_backend;

/* dlopen and a check of all that it exports. Returns 0 and b->error if it cannot be used. calling: see there. */
int kit_backend_load(kit_backend *b, const char *path, const char **calling);
/* Its open(). Returns 0 and b->error. */
int kit_backend_open(kit_backend *b, int threads, const char *isa);
/* Its close() if it is open, and dlclose. A backend that could not be loaded is allowed. */
void kit_backend_close(kit_backend *b);
/* NULL: it does not have it. */
const lw_backend_operator *kit_backend_find(const kit_backend *b, const char *op);
/* Its error(), in one line, never NULL; valid until the next call. */
const char *kit_backend_why(kit_backend *b);

void kit_backend_calls(kit_backend *b, const char *function);

/* What a backend says of itself. */
typedef struct kit_backend_info {
  char name[KIT_BACKEND_NAME], version[KIT_BACKEND_VERSION];
  int count;
  struct {
    const char *op;
    lw_backend_promise promise;
    int has_parts; /* load, compute and store */
  } operators[KIT_BACKEND_OPS];
} kit_backend_info;
/* "any_order", "exact", "measured". */
const char *kit_backend_promise_name(lw_backend_promise promise);

/* How long one may take to load and open, where there is a limit at all. */
enum { KIT_BACKEND_SECONDS = 60 };
/* Loads, opens and closes it in a child process, which has so many seconds (0: no limit). Returns 0 and `error` (of
 * KIT_BACKEND_ERROR bytes) if that fails or ends the child. */
int kit_backend_probe(const char *path, int threads, const char *isa, unsigned seconds, kit_backend_info *info, char *error);

/* Whether the interface can say a case: fused pools it cannot. An index of max_pool2d, which it lacks, is taken out of c. */
int kit_backend_can(const kit_op *op, kit_case *c);

/* A case as a backend gets it. Points into itself, c and t: it stays where it was made. */
typedef struct kit_backend_case {
  lw_backend_desc desc;
  union {
    lw_backend_count_desc count;
    lw_backend_rows_desc rows;
    lw_backend_net_desc net;
  } shape;
  kit_net net;
  const float *inputs[KIT_TENSORS], *weights[KIT_TENSORS];
  float *outputs[KIT_TENSORS];
  int weight_count;
} kit_backend_case;
/* t: the tensors of the case in the order of op->tensors; NULL: only `desc` is made, for supported(). */
void kit_backend_case_make(kit_backend_case *b, const kit_op *op, const kit_case *c, void *const t[]);

/* In how many ways it can run the case: 0 not at all, 1 by run(), 2 by load(), compute() and store() too (variant 1). */
int kit_backend_variants(kit_backend *b, const kit_op *op, const kit_case *c);
/* What kit_prepare, kit_execute and kit_release do for runs that have a backend. An error of the backend is in run->error. */
int kit_backend_prepare(kit_run *run);
void kit_backend_execute(kit_run *run);
void kit_backend_release(kit_run *run);

#endif
