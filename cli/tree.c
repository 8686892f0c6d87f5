/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tree.h"

#include <stdio.h>
#include <string.h>
#include "cli/cli.h"

/* From this many siblings that are alike on, one stands for all. */
enum { MANY = 5 };

typedef struct tree {
  const lw_topology_object *objects;
  size_t count;
} tree;

/* One past the last object below i. */
static size_t end_of(const tree *t, size_t i) {
  size_t end = i + 1;
  while (end < t->count && t->objects[end].depth > t->objects[i].depth) end++;
  return end;
}

static int is_numa(const tree *t, size_t i) { return strcmp(t->objects[i].kind, "numa") == 0; }

/* The first child from i on inside ..end-1 that is drawn as one (memory is written beside its owner); `end` if there is none. */
static size_t next_child(const tree *t, size_t i, size_t end) {
  while (i < end && is_numa(t, i)) i = end_of(t, i);
  return i;
}

/* Do the objects under a and b differ only in their numbers? */
static int alike(const tree *t, size_t a, size_t b) {
  const size_t length = end_of(t, a) - a;
  if (end_of(t, b) - b != length) return 0;
  for (size_t i = 0; i < length; i++) {
    const lw_topology_object *x = &t->objects[a + i], *y = &t->objects[b + i];
    if (strcmp(x->kind, y->kind) != 0 || x->depth != y->depth || x->bytes != y->bytes || !x->usable != !y->usable) return 0;
  }
  return 1;
}

static void print_label(const lw_topology_object *o, int numbered) {
  static const struct {
    const char *kind, *label;
  } labels[] = {{"machine", "Machine"}, {"package", "Package"}, {"numa", "NUMA node"}, {"l3", "L3"},
                {"l2", "L2"},           {"l1", "L1"},           {"core", "Core"},      {"cpu", "CPU"}};
  const char *label = o->kind;
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
    if (strcmp(o->kind, labels[i].kind) == 0) label = labels[i].label;
  printf("%s", label);
  if (o->index >= 0 && numbered) printf(" %d", o->index);
  if (o->bytes) printf(" %s", cli_bytes((double)o->bytes));
  if (!o->usable) printf(" (not for this process)");
}

static int has_cpu(const tree *t, size_t i, size_t end, int number) {
  for (; i < end; i++)
    if (t->objects[i].index == number && strcmp(t->objects[i].kind, "cpu") == 0) return 1;
  return 0;
}

/* CPU numbers below i..end-1 as rising ranges. */
static void print_cpus(const tree *t, size_t i, size_t end) {
  const char *separator = "  CPUs ";
  int most = -1;
  for (size_t k = i; k < end; k++)
    if (strcmp(t->objects[k].kind, "cpu") == 0 && t->objects[k].index > most) most = t->objects[k].index;
  for (int first = 0, last; first <= most; first = last + 1) {
    for (last = first; has_cpu(t, i, end, last); last++) {
    }
    if (last == first) continue;
    printf(last - first > 1 ? "%s%d-%d" : "%s%d", separator, first, last - 1);
    separator = ",";
  }
}

/* What is drawn, and how far: `alike_end` is one past the siblings that it stands for, 0 if only for itself. */
static void draw(const tree *t, size_t i, size_t alike_end, int numbered, char *indent, size_t room);

static void draw_children(const tree *t, size_t i, size_t end, int numbered, char *indent, size_t room) {
  const int utf8 = cli_utf8();
  const size_t length = strlen(indent);
  for (size_t child = next_child(t, i, end), next; child < end; child = next) {
    size_t run = 1, after = end_of(t, child);
    for (next = next_child(t, after, end); next < end && alike(t, child, next); next = next_child(t, after, end)) {
      run++;
      after = end_of(t, next);
    }
    const int together = run >= MANY || (run > 1 && !numbered);
    if (!together) next = next_child(t, end_of(t, child), end);
    const int last = next >= end;
    printf("%s%s", indent, utf8 ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- "));
    if (together) printf("%s%zu x%s ", cli_style("1"), run, cli_style("0"));
    snprintf(indent + length, room - length, "%s", last ? "   " : utf8 ? "│  " : "|  ");
    draw(t, child, together && numbered ? after : 0, numbered && !together, indent, room);
    indent[length] = 0;
  }
}

/* Object i and, on its line, its memory and its only child, and so on. What stands for many bears no numbers, and its CPUs are
 * counted. */
static void draw(const tree *t, size_t i, size_t alike_end, int numbered, char *indent, size_t room) {
  const size_t first = i;
  size_t end, child, cpus = 0;
  for (;;) {
    end = end_of(t, i);
    child = next_child(t, i + 1, end);
    print_label(&t->objects[i], numbered);
    for (size_t m = i + 1; m < end; m = end_of(t, m))
      if (is_numa(t, m)) {
        printf(", ");
        print_label(&t->objects[m], numbered);
      }
    if (child >= end || next_child(t, end_of(t, child), end) < end) break;
    printf(" + ");
    i = child;
  }
  for (size_t c = child; !numbered && c < end && strcmp(t->objects[c].kind, "cpu") == 0; c++) cpus++;
  if (cpus) printf(" + %zu CPUs", cpus);
  if (alike_end) print_cpus(t, first, alike_end);
  putchar('\n');
  if (!cpus) draw_children(t, child, end, numbered, indent, room);
}

void cli_tree_draw(const lw_topology_object *objects, size_t count) {
  const tree t = {objects, count};
  char indent[256] = "  "; /* the deepest machine has eight levels of at most five bytes */
  if (count == 0) return;
  printf("  ");
  draw(&t, 0, 0, 1, indent, sizeof indent);
}

static json_t *subtree(const tree *t, size_t i) {
  const lw_topology_object *o = &t->objects[i];
  json_t *object = json_pack("{s:s, s:b}", "kind", o->kind, "usable", o->usable != 0), *children = json_array();
  if (o->index >= 0) json_object_set_new(object, "index", json_integer(o->index));
  if (o->bytes) json_object_set_new(object, "bytes", json_integer((json_int_t)o->bytes));
  for (size_t child = i + 1, end = end_of(t, i); child < end; child = end_of(t, child))
    json_array_append_new(children, subtree(t, child));
  if (json_array_size(children))
    json_object_set_new(object, "children", children);
  else
    json_decref(children);
  return object;
}

json_t *cli_tree_json(const lw_topology_object *objects, size_t count) {
  const tree t = {objects, count};
  return count ? subtree(&t, 0) : json_null();
}
