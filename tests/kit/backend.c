/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/backend.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/kit/child.h"

static const char *const ops[KIT_BACKEND_OPS] = {"conv2d", "linear", "max_pool2d", "avg_pool2d",  "relu",
                                                 "tanh",   "add",    "softmax",    "log_softmax", "net"};
const char *kit_backend_op(int i) { return i < KIT_BACKEND_OPS ? ops[i] : NULL; }

/* The interface's own copy of a name: the backend's may go away. */
static const char *known(const char *op) {
  for (int i = 0; op && i < KIT_BACKEND_OPS; i++)
    if (strcmp(op, ops[i]) == 0) return ops[i];
  return NULL;
}

static const char *const promise_names[] = {
    [LW_BACKEND_ANY_ORDER] = "any_order", [LW_BACKEND_EXACT] = "exact", [LW_BACKEND_MEASURED] = "measured"};
enum { PROMISES = sizeof promise_names / sizeof *promise_names };
const char *kit_backend_promise_name(lw_backend_promise promise) { return promise_names[promise]; }

/* --------------------------------------------------------------------------------------------------------------- checks */

__attribute__((format(printf, 2, 3))) static int fail(kit_backend *b, const char *format, ...) {
  char text[KIT_BACKEND_ERROR];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(b->error, sizeof b->error, "%.200s: %.300s", b->path, text);
  return 0;
}

/* In one line, whatever a backend has put there. */
static void print_line(char *to, size_t capacity, const char *text) {
  size_t i = 0;
  for (; text[i] && i + 1 < capacity; i++) to[i] = (char)(isprint((unsigned char)text[i]) ? text[i] : ' ');
  to[i] = 0;
}

static int check_name(kit_backend *b, const char *name) {
  char shown[2 * KIT_BACKEND_NAME];
  size_t length = 0;
  if (!name) return fail(b, "name is NULL");
  while (length < KIT_BACKEND_NAME && (isalnum((unsigned char)name[length]) || (name[length] && strchr("-_.", name[length]))))
    length++;
  print_line(shown, sizeof shown, name);
  if (length == 0 || length == KIT_BACKEND_NAME || name[length])
    return fail(b, "name is \"%s\", expected 1 to %d letters, digits, '-', '_' and '.'", shown, KIT_BACKEND_NAME - 1);
  if (lw_isa_from_name(name) >= 0) return fail(b, "name is \"%s\", which is an instruction set's", shown);
  return 1;
}

static int check_version(kit_backend *b, const char *version) {
  size_t length = 0;
  if (!version) return fail(b, "version is NULL");
  while (length < KIT_BACKEND_VERSION && isprint((unsigned char)version[length])) length++;
  return (length > 0 && length < KIT_BACKEND_VERSION && !version[length]) ||
         fail(b, "version is not 1 to %d printable characters", KIT_BACKEND_VERSION - 1);
}

static const lw_backend_operator *operator_at(const lw_backend *table, size_t i) {
  return (const lw_backend_operator *)((const char *)table->operators + i * table->operator_size);
}

static int check_operator(kit_backend *b, size_t i) {
  const lw_backend_operator *o = operator_at(b->table, i);
  char op[64];
  if (!o->op) return fail(b, "operator %zu: op is NULL", i);
  print_line(op, sizeof op, o->op);
  if (!known(o->op)) return fail(b, "operator %zu is \"%s\", which the interface does not know", i, op);
  for (size_t k = 0; k < i; k++)
    if (strcmp(operator_at(b->table, k)->op, o->op) == 0) return fail(b, "operator %s is there twice", op);
  if ((unsigned)o->promise >= PROMISES) return fail(b, "operator %s: promise is %d", op, (int)o->promise);
  const char *missing = !o->supported ? "supported" : !o->create ? "create" : !o->run ? "run" : !o->destroy ? "destroy" : NULL;
  if (missing) return fail(b, "operator %s: %s is NULL", op, missing);
  if (!o->load != !o->compute || !o->load != !o->store)
    return fail(b, "operator %s: load, compute and store must be there all three or none", op);
  return 1;
}

static int check(kit_backend *b) {
  const lw_backend *t = b->table;
  if (t->size < sizeof *t) return fail(b, "size is %zu, version %d has %zu bytes", t->size, LW_BACKEND_ABI, sizeof *t);
  if (!check_name(b, t->name) || !check_version(b, t->version)) return 0;
  const char *missing = !t->open ? "open" : !t->close ? "close" : !t->error ? "error" : !t->operators ? "operators" : NULL;
  if (missing) return fail(b, "%s is NULL", missing);
  if (t->operator_count == 0) return fail(b, "it has no operators");
  if (t->operator_size < sizeof *t->operators || t->operator_size % _Alignof(lw_backend_operator))
    return fail(b, "operator_size is %zu, an operator of version %d has %zu bytes", t->operator_size, LW_BACKEND_ABI,
                sizeof *t->operators);
  for (size_t i = 0; i < t->operator_count; i++)
    if (!check_operator(b, i)) return 0;
  return 1;
}

/* -------------------------------------------------------------------------------------------------------------- loading */

void kit_backend_calls(kit_backend *b, const char *function) {
  if (b->calling) *b->calling = function;
}

static int load(kit_backend *b) {
  char path[4096];
  struct stat file;
  if (stat(b->path, &file) != 0) return fail(b, "%s", strerror(errno));
  if (!S_ISREG(file.st_mode)) return fail(b, "is not a file");
  /* Without a slash dlopen would search the system's folders. */
  const int length = snprintf(path, sizeof path, "%s%s", strchr(b->path, '/') ? "" : "./", b->path);
  if ((size_t)length >= sizeof path) return fail(b, "the path is too long");
  kit_backend_calls(b, "dlopen()");
  b->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  kit_backend_calls(b, NULL);
  if (!b->library) return fail(b, "cannot be loaded: %s", dlerror());
  void *symbol = dlsym(b->library, LW_BACKEND_SYMBOL);
  lanewise_backend_fn *function;
  if (!symbol) return fail(b, "exports no function " LW_BACKEND_SYMBOL);
  memcpy(&function, &symbol, sizeof function);
  kit_backend_calls(b, LW_BACKEND_SYMBOL "()");
  b->table = function(LW_BACKEND_ABI);
  kit_backend_calls(b, NULL);
  if (!b->table) return fail(b, "does not speak version %d of the interface", LW_BACKEND_ABI);
  return check(b);
}

int kit_backend_load(kit_backend *b, const char *path, const char **calling) {
  *b = (kit_backend){.path = path, .calling = calling};
  if (load(b)) return 1;
  b->table = NULL;
  kit_backend_close(b);
  return 0;
}

int kit_backend_open(kit_backend *b, int threads, const char *isa) {
  kit_backend_calls(b, "open()");
  b->is_open = b->table->open(&(lw_backend_options){.threads = threads, .isa = isa}, &b->handle) == 0;
  kit_backend_calls(b, NULL);
  if (!b->is_open) return fail(b, "open() failed: %s", kit_backend_why(b));
  return 1;
}

void kit_backend_close(kit_backend *b) {
  kit_backend_calls(b, "close()");
  if (b->is_open) b->table->close(b->handle);
  kit_backend_calls(b, "dlclose()");
  if (b->library) dlclose(b->library);
  kit_backend_calls(b, NULL);
  b->library = NULL;
  b->table = NULL;
  b->is_open = 0;
}

const lw_backend_operator *kit_backend_find(const kit_backend *b, const char *op) {
  for (size_t i = 0; i < b->table->operator_count; i++)
    if (strcmp(operator_at(b->table, i)->op, op) == 0) return operator_at(b->table, i);
  return NULL;
}

const char *kit_backend_why(kit_backend *b) {
  kit_backend_calls(b, "error()");
  const char *text = b->table->error();
  kit_backend_calls(b, NULL);
  print_line(b->why, sizeof b->why, text && text[0] ? text : "(it does not say why)");
  return b->why;
}

/* -------------------------------------------------------------------------------------------------------------- probing */

typedef struct answer {
  kit_deadline deadline;
  int done, ok;
  const char *calling;
  char error[KIT_BACKEND_ERROR];
  kit_backend_info info;
} answer;

static int ask(kit_backend *b, int threads, const char *isa, kit_backend_info *info) {
  if (!kit_backend_open(b, threads, isa)) return 0;
  snprintf(info->name, sizeof info->name, "%s", b->table->name);
  snprintf(info->version, sizeof info->version, "%s", b->table->version);
  info->count = (int)b->table->operator_count;
  for (int i = 0; i < info->count; i++) {
    const lw_backend_operator *o = operator_at(b->table, (size_t)i);
    info->operators[i].op = known(o->op);
    info->operators[i].promise = o->promise;
    info->operators[i].has_parts = o->load != NULL;
  }
  return 1;
}

static void probe_in_child(const char *path, int threads, const char *isa, answer *a) {
  dup2(STDERR_FILENO, STDOUT_FILENO); /* what it prints belongs into no result */
  kit_backend b;
  a->ok = kit_backend_load(&b, path, &a->calling) && ask(&b, threads, isa, &a->info);
  memcpy(a->error, b.error, sizeof a->error);
  kit_backend_close(&b);
  a->done = 1;
  _exit(0);
}

int kit_backend_probe(const char *path, int threads, const char *isa, unsigned seconds, kit_backend_info *info, char *error) {
  char how[100];
  int status = 0;
  answer *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (a == MAP_FAILED) {
    snprintf(error, KIT_BACKEND_ERROR, "%.200s: no memory to load it", path);
    return 0;
  }
  kit_deadline_set(&a->deadline, seconds);
  const pid_t pid = kit_child_fork();
  if (pid == 0) probe_in_child(path, threads, isa, a);
  const kit_child_end end = pid < 0 ? KIT_CHILD_LOST : kit_child_wait(pid, &a->deadline, &status);
  const int ok = a->done && a->ok;
  if (!a->done) {
    kit_child_explain(end, status, seconds, how, sizeof how);
    snprintf(error, KIT_BACKEND_ERROR, "%.200s: %s, in %s", path, how, a->calling ? a->calling : "its loading");
  } else if (!a->ok) {
    memcpy(error, a->error, KIT_BACKEND_ERROR);
  }
  *info = a->info;
  munmap(a, sizeof *a);
  return ok;
}
