/* SPDX-License-Identifier: Apache-2.0
 * cmocka wants these headers before its own. */
#ifndef LANEWISE_TESTS_KIT_CMOCKA_H
#define LANEWISE_TESTS_KIT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
