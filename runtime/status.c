/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "lanewise.h"

static _Thread_local char message[LW_MESSAGE_SIZE];

int lw_version(void) { return LW_VERSION; }

const char *lw_status_name(lw_status status) {
  switch (status) {
  case LW_OK: return "LW_OK";
  case LW_BAD_ARGUMENT: return "LW_BAD_ARGUMENT";
  case LW_BAD_SHAPE: return "LW_BAD_SHAPE";
  case LW_NO_MEMORY: return "LW_NO_MEMORY";
  case LW_UNSUPPORTED: return "LW_UNSUPPORTED";
  case LW_BAD_FILE: return "LW_BAD_FILE";
  }
  return "not an lw_status";
}

const char *lw_error_message(void) { return message; }

lw_status lw_fail(lw_status status, const char *format, ...) {
  char text[sizeof message]; /* the old message may be an argument */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  strcpy(message, text);
  return status;
}
