/* SPDX-License-Identifier: Apache-2.0
 * Number formats of tensors in files. */
#ifndef LANEWISE_DATA_CONVERT_H
#define LANEWISE_DATA_CONVERT_H

#include "lanewise_data.h"

/* Bytes of one value. */
size_t lw_dtype_bytes(lw_dtype dtype);
/* As safetensors spells it: "F32". */
const char *lw_dtype_name(lw_dtype dtype);
/* `from`: count values, little-endian, at any alignment. F32 is copied; F16 and BF16 are widened, NaN with its payload. */
void lw_widen(lw_dtype dtype, const void *from, int64_t count, float *to);
/* To the nearest value, the even one of two; beyond the largest comes infinity; NaN stays NaN with the upper part of its payload,
 * quiet. */
void lw_narrow(lw_dtype dtype, const float *from, int64_t count, void *to);

#endif
