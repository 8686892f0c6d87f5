// SPDX-License-Identifier: Apache-2.0
// lanewise.h as C++, with warnings as errors; test_header links this.
#include "lanewise.h"
#include "lanewise_backend.h"
#include "lanewise_train.h"

extern "C" int header_version_in_cxx();
int header_version_in_cxx() { return lw_version(); }
