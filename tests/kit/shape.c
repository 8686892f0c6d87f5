/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/shape.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { G, MB, IC, IH, IW, OC, OH, OW, KH, KW, SH, SW, PH, PW, DH, DW, KEYS };
static const char *const keys[KEYS] = {"g",  "mb", "ic", "ih", "iw", "oc", "oh", "ow",
                                       "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw"};

/* Padding after the image, so that `out` outputs come out. */
static int64_t pad_after(int64_t in, int64_t before, int64_t kernel, int64_t stride, int64_t dilation, int64_t out) {
  return (out - 1) * stride + dilation * (kernel - 1) + 1 - in - before;
}

lw_status shape_parse(const char *text, lw_conv2d_desc *desc) {
  int64_t v[KEYS];
  for (int i = 0; i < KEYS; i++) v[i] = -1;
  for (const char *p = text; *p;) {
    size_t letters = 0;
    while (isalpha((unsigned char)p[letters])) letters++;
    int key = 0;
    while (key < KEYS && (strlen(keys[key]) != letters || strncmp(keys[key], p, letters) != 0)) key++;
    if (key == KEYS)
      return lw_fail(LW_BAD_ARGUMENT, "shape \"%s\": \"%.*s\" is no size of a convolution", text, (int)(letters ? letters : 1),
                     p);
    char *end;
    errno = 0;
    const long long value = strtoll(p + letters, &end, 10);
    if (end == p + letters || errno || value < 0)
      return lw_fail(LW_BAD_ARGUMENT, "shape \"%s\": %s wants a number, got \"%s\"", text, keys[key], p + letters);
    v[key] = value;
    p = *end == '_' ? end + 1 : end;
  }
  const int needed[] = {IC, IH, OC, KH};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (v[needed[i]] < 0) return lw_fail(LW_BAD_ARGUMENT, "shape \"%s\": %s is missing", text, keys[needed[i]]);
  const int pairs[][2] = {{IH, IW}, {OH, OW}, {KH, KW}, {SH, SW}, {PH, PW}, {DH, DW}};
  const int defaults[KEYS] = {[G] = 1, [MB] = 1, [SH] = 1, [SW] = 1};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (v[pairs[i][1]] < 0) v[pairs[i][1]] = v[pairs[i][0]];
  for (int i = 0; i < KEYS; i++)
    if (v[i] < 0 && i != OH && i != OW) v[i] = defaults[i];
  *desc = (lw_conv2d_desc){.n = v[MB],
                           .ic = v[IC],
                           .ih = v[IH],
                           .iw = v[IW],
                           .oc = v[OC],
                           .kh = v[KH],
                           .kw = v[KW],
                           .stride_h = v[SH],
                           .stride_w = v[SW],
                           .pad_top = v[PH],
                           .pad_left = v[PW],
                           .pad_bottom = v[PH],
                           .pad_right = v[PW],
                           .dilation_h = v[DH] + 1,
                           .dilation_w = v[DW] + 1,
                           .groups = v[G]};
  const int64_t below = pad_after(desc->ih, desc->pad_top, desc->kh, desc->stride_h, desc->dilation_h, v[OH]);
  const int64_t right = pad_after(desc->iw, desc->pad_left, desc->kw, desc->stride_w, desc->dilation_w, v[OW]);
  if (v[OH] >= 0) desc->pad_bottom = below < 0 ? 0 : below;
  if (v[OW] >= 0) desc->pad_right = right < 0 ? 0 : right;
  int64_t oh, ow;
  const lw_status status = lw_conv2d_output(desc, &oh, &ow);
  if (status != LW_OK) return status;
  if ((v[OH] >= 0 && v[OH] != oh) || (v[OW] >= 0 && v[OW] != ow))
    return lw_fail(LW_BAD_ARGUMENT, "shape \"%s\": the output is %" PRId64 " x %" PRId64 ", not %" PRId64 " x %" PRId64, text, oh,
                   ow, v[OH], v[OW]);
  return LW_OK;
}
