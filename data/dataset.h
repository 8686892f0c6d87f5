/* SPDX-License-Identifier: Apache-2.0
 * Between the readers and writers of data sets. */
#ifndef LANEWISE_DATA_DATASET_H
#define LANEWISE_DATA_DATASET_H

#include "data/source.h"
#include "lanewise_data.h"

/* An IDX array of bytes: rank 1 (labels) or 3 (images). Sizes beyond the rank are 1. */
typedef struct lw_idx {
  int64_t size[3];
  uint8_t *bytes; /* malloc */
} lw_idx;

/* Plain or gzip; the source is a whole file. On failure `*out` is unchanged. */
lw_status lw_idx_decode(const lw_source *source, int rank, lw_idx *out);

/* Records of CIFAR-10 behind those that `*out` holds already, which grows; on failure it keeps what it had. */
lw_status lw_cifar10_append(const lw_source *source, lw_dataset *out);

/* What lw_dataset_save_idx and lw_dataset_input ask of a data set. */
lw_status lw_dataset_check(const char *call, const lw_dataset *dataset);

/* Is that half of a data set there, whole or in part? LW_BAD_FILE if `where` is no folder. */
lw_status lw_dataset_has(const char *where, lw_split split, int *has);

#endif
