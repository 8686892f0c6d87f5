/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LANEWISE_CLI_LABELS_H
#define LANEWISE_CLI_LABELS_H

#include <jansson.h>

/* The labels of a file as a JSON array of strings: one label per line (an empty last line does not count), or a JSON array. NULL
 * after a message if it cannot be read, or a label is empty, no UTF-8 or has control characters. */
json_t *cli_labels_load(const char *path);

#endif
