/* SPDX-License-Identifier: Apache-2.0
 * The machine's topology as a drawing and as JSON. */
#ifndef LANEWISE_CLI_TREE_H
#define LANEWISE_CLI_TREE_H

#include <jansson.h>
#include <stddef.h>
#include "runtime/topology.h"

/* Prints a tree, one line per object; a chain of single children shares a line, and siblings that are alike do when there are
 * many. */
void cli_tree_draw(const lw_topology_object *objects, size_t count);
/* Objects with "children"; null if count is 0. */
json_t *cli_tree_json(const lw_topology_object *objects, size_t count);

#endif
