/* SPDX-License-Identifier: Apache-2.0
 * Cases and their expected bits as files, for kernels that are not written in C: FOLDER/index.json, and for every case and fill a
 * folder FOLDER/<op>/<case>/<fill>/ with one .npy per tensor. NumPy's format 1.0
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): magic, version, length and text of a header that is
 * padded to 64 bytes, then the elements in C order, little endian. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/conform.h"
#include "data/output.h"

enum { NPY_PREAMBLE = 10, NPY_ALIGNMENT = 64 };
static const double SMALL = 64 << 10; /* bytes of tensors up to which cases are written unasked */
static const char call[] = "lanewise conform --export";

/* What one run of this command writes. */
typedef struct export {
  const conform_options *o;
  json_t *cases; /* of the index */
  int dry;       /* only counts */
  long files, folders;
  double bytes;
}
export;

/* One file. */
typedef struct array {
  const char *name, *role, *dtype;
  size_t element;
  int dims;
  int64_t shape[4];
  int64_t count;
  const void *values;
} array;

/* Creates a folder and those above it. */
static int make_folders(const char *path) {
  char part[4096];
  if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) return cli_fail("%s: the path is too long", path);
  for (char *p = part + 1;; p++) {
    if (*p && *p != '/') continue;
    const char kept = *p;
    *p = 0;
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return cli_fail("%s cannot be created: %s", part, strerror(errno));
    *p = kept;
    if (!kept) return CLI_OK;
  }
}

/* The header as Python writes a dictionary; a tuple of one needs its comma. */
static size_t npy_header(const array *a, char *header, size_t capacity) {
  int length = NPY_PREAMBLE;
  length += snprintf(header + length, capacity - (size_t)length, "{'descr': '%s', 'fortran_order': False, 'shape': (", a->dtype);
  for (int i = 0; i < a->dims; i++)
    length += snprintf(header + length, capacity - (size_t)length, "%s%" PRId64, i ? ", " : "", a->shape[i]);
  length += snprintf(header + length, capacity - (size_t)length, "%s), }", a->dims == 1 ? "," : "");
  while ((length + 1) % NPY_ALIGNMENT) header[length++] = ' ';
  header[length++] = '\n';
  const unsigned text = (unsigned)length - NPY_PREAMBLE;
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)(text & 255);
  header[9] = (char)(text >> 8);
  return (size_t)length;
}

static int write_array(export *e, const char *folder, json_t *tensors, const array *a) {
  char path[4200], header[512];
  const size_t length = npy_header(a, header, sizeof header);
  lw_output out;
  e->files++;
  e->bytes += (double)length + (double)a->count * (double)a->element;
  if (e->dry) return CLI_OK;
  snprintf(path, sizeof path, "%s/%s.npy", folder, a->name);
  if (lw_output_open(call, path, &out) != LW_OK) return cli_fail_status();
  out.unsynced = 1; /* write_index does that for all */
  fwrite(header, 1, length, out.file);
  fwrite(a->values, a->element, (size_t)a->count, out.file);
  if (lw_output_close(&out, LW_OK) != LW_OK) return cli_fail_status();
  json_t *shape = json_array();
  for (int i = 0; i < a->dims; i++) json_array_append_new(shape, json_integer(a->shape[i]));
  snprintf(path, sizeof path, "%s.npy", a->name);
  json_array_append_new(tensors, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", a->name, "role", a->role, "file", path, "dtype",
                                           a->dtype, "shape", shape));
  return CLI_OK;
}

static int write_tensor(export *e, const char *folder, json_t *tensors, const kit_tensor *info, const void *values) {
  static const char *const roles[] = {[KIT_IN] = "input", [KIT_WEIGHTS] = "weights", [KIT_OUT] = "expected"};
  static const char *const dtypes[] = {[KIT_F32] = "<f4", [KIT_U8] = "|u1", [KIT_I32] = "<i4"};
  array a = {info->name, roles[info->role], dtypes[info->type], info->type == KIT_U8 ? 1 : 4, info->dims, {0}, info->count,
             values};
  memcpy(a.shape, info->shape, sizeof a.shape);
  return write_array(e, folder, tensors, &a);
}

/* y in double, and how far any order of sums may be from it. */
static int write_oracle(export *e, const char *folder, json_t *tensors, const kit_op *op, const kit_case *c, const kit_set *set) {
  kit_set wide;
  if (!kit_set_widen(&wide, set)) return cli_fail("no memory for case %s", c->name);
  const kit_tensor *y = &wide.info[kit_set_output(&wide)];
  double *bound = calloc((size_t)y->count + 1, sizeof *bound); /* 0: exact in any order */
  array a = {"y64", "oracle", "<f8", sizeof(double), y->dims, {0}, y->count, wide.t[kit_set_output(&wide)]};
  memcpy(a.shape, y->shape, sizeof a.shape);
  int code = bound ? CLI_OK : cli_fail("no memory for case %s", c->name);
  if (code == CLI_OK && !e->dry) op->ref64(c, wide.t);
  if (code == CLI_OK && !e->dry && op->bound) op->bound(c, wide.t, KIT_ANY_ORDER, bound);
  if (code == CLI_OK) code = write_array(e, folder, tensors, &a);
  a.name = a.role = "bound";
  a.values = bound;
  if (code == CLI_OK) code = write_array(e, folder, tensors, &a);
  free(bound);
  kit_set_free(&wide);
  return code;
}

static json_t *parameters(const kit_op *op, const kit_case *c) {
  json_t *all = json_object();
  for (const kit_parameter *p = op->parameters; p && p->name; p++) {
    const char *at = (const char *)c + p->offset;
    int64_t size;
    int flag;
    float real;
    memcpy(&size, at, p->type == KIT_PARAMETER_SIZE ? sizeof size : 0);
    memcpy(&flag, at, sizeof flag);
    memcpy(&real, at, sizeof real);
    json_object_set_new(all, p->name,
                        p->type == KIT_PARAMETER_SIZE     ? json_integer(size)
                        : p->type == KIT_PARAMETER_LABEL  ? json_integer(flag)
                        : p->type == KIT_PARAMETER_FLAG   ? json_boolean(flag)
                        : p->type == KIT_PARAMETER_CHOICE ? json_string(p->words[flag])
                                                          : json_real((double)real));
  }
  return all;
}

static int write_case(export *e, const kit_op *op, const kit_case *c, kit_fill fill) {
  char folder[4096], relative[256];
  kit_set set;
  snprintf(relative, sizeof relative, "%s/%s/%s", lw_op_name(op->op), c->name, kit_fill_name(fill));
  if ((size_t)snprintf(folder, sizeof folder, "%s/%s", e->o->folder, relative) >= sizeof folder)
    return cli_fail("%s: the path is too long", e->o->folder);
  if (!e->dry && make_folders(folder) != CLI_OK) return CLI_FAILED;
  e->folders++;
  if (!kit_set_make(&set, op, c, KIT_ALIGNED)) return cli_fail("no memory for case %s", c->name);
  if (!e->dry) {
    kit_set_fill(&set, fill, e->o->seed);
    op->ref(c, set.t);
  }
  json_t *tensors = json_array();
  int code = CLI_OK;
  for (int i = 0; i < set.count && code == CLI_OK; i++)
    if (set.info[i].name) code = write_tensor(e, folder, tensors, &set.info[i], set.t[i]);
  if (code == CLI_OK && op->ref64 && fill != KIT_SPECIALS) code = write_oracle(e, folder, tensors, op, c, &set);
  kit_set_free(&set);
  if (!e->dry && code == CLI_OK)
    json_array_append_new(e->cases, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "op", lw_op_name(op->op), "case", c->name,
                                              "fill", kit_fill_name(fill), "folder", relative, "promise", "exact", "parameters",
                                              parameters(op, c), "tensors", tensors));
  else
    json_decref(tensors);
  return code;
}

static int write_fills(export *e, const kit_op *op, const kit_case *c) {
  for (int f = 0; f < KIT_FILLS; f++) {
    if (e->o->fill >= 0 ? f != e->o->fill : !conform_runs_fill(op, op->flops(c), (kit_fill)f)) continue;
    const int code = write_case(e, op, c, (kit_fill)f);
    if (code != CLI_OK) return code;
  }
  return CLI_OK;
}

/* Small cases: all of them together would be gigabytes. A named one is written whatever it takes. */
static int write_op(export *e, const kit_op *op) {
  conform_case *list;
  if (e->o->shape) return write_fills(e, op, &e->o->own);
  const size_t count = conform_cases(op, e->o->seed, &list);
  int code = count ? CLI_OK : cli_fail("no memory for the cases of %s", lw_op_name(op->op));
  for (size_t i = 0; i < count && code == CLI_OK; i++) {
    const kit_case *c = &list[i].c;
    if (e->o->only_case ? strcmp(c->name, e->o->only_case) == 0 : kit_bytes(op, c) <= SMALL) code = write_fills(e, op, c);
  }
  free(list);
  return code;
}

static int write_ops(export *e, const kit_op *const *ops, size_t count) {
  int code = CLI_OK;
  for (size_t i = 0; i < count && code == CLI_OK; i++) code = write_op(e, ops[i]);
  return code;
}

static int write_index(const export *e) {
  static const char judge[] =
      "promise exact: every element of a tensor with the role expected has the same bits, except that any "
      "NaN equals any NaN. Kernels that add in another order: |y - y64| <= bound.";
  static const char named[] =
      "parameters are named as in lanewise.h; relu and pool: on the result ReLU, then max_pool2d of 2x2 with "
      "stride 2; bias and index: whether that tensor is there";
  char path[4200];
  lw_output out;
  json_t *index = json_pack("{s:i, s:i, s:I, s:s, s:s, s:O}", "format", 1, "lanewise", lw_version(), "seed",
                            (json_int_t)e->o->seed, "judge", judge, "parameters", named, "cases", e->cases);
  if (!index) return cli_fail("no memory for the index");
  const int fd = open(e->o->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)syncfs(fd); /* who finds the index finds all that it names */
    close(fd);
  }
  snprintf(path, sizeof path, "%s/index.json", e->o->folder);
  lw_status status = lw_output_open(call, path, &out);
  if (status == LW_OK) {
    status = json_dumpf(index, out.file, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0
                 ? LW_OK
                 : lw_fail(LW_NO_MEMORY, "no memory for the index");
    fputc('\n', out.file);
    status = lw_output_close(&out, status);
  }
  json_decref(index);
  return status == LW_OK ? CLI_OK : cli_fail_status();
}

int conform_export(const conform_options *o, const kit_op *const *ops, size_t count) {
  export planned = {.o = o, .dry = 1}, e = {.o = o};
  if (write_ops(&planned, ops, count) != CLI_OK) return CLI_FAILED;
  if (!o->json)
    printf("%s: %s cases with their fills, %s files, %s\n", o->folder, cli_count(planned.folders), cli_count(planned.files + 1),
           cli_bytes(planned.bytes));
  fflush(stdout);
  e.cases = json_array();
  if (!e.cases) return cli_fail("no memory for the index");
  int code = make_folders(o->folder);
  if (code == CLI_OK) code = write_ops(&e, ops, count);
  if (code == CLI_OK) code = write_index(&e);
  json_decref(e.cases);
  if (code != CLI_OK) return code;
  if (!o->json) return cli_finish(CLI_OK);
  return cli_print_json(json_pack("{s:s, s:I, s:I, s:f}", "folder", o->folder, "cases", (json_int_t)e.folders, "files",
                                  (json_int_t)(e.files + 1), "bytes", e.bytes));
}
