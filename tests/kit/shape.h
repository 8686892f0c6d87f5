/* SPDX-License-Identifier: Apache-2.0
 * Shapes on the command line, in benchdnn's words: mb1ic64ih56oc64oh56kh3ph1. */
#ifndef LANEWISE_TESTS_KIT_SHAPE_H
#define LANEWISE_TESTS_KIT_SHAPE_H

#include "lanewise.h"

/* Letters: g (groups), mb, ic, ih, iw, oc, oh, ow, kh, kw, sh, sw, ph, pw (top and left; bottom and right follow from oh, ow,
 * else equal these), dh, dw (benchdnn's dilation: 0 is an ordinary kernel). A width that is missing equals its height, kw = kh
 * and so on. Returns LW_BAD_ARGUMENT with a message that names the part that is wrong. */
lw_status shape_parse(const char *text, lw_conv2d_desc *desc);

#endif
