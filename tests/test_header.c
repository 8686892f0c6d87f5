/* SPDX-License-Identifier: Apache-2.0
 * lanewise.h stands alone: it comes first here, compiled as strict C17, and in header.cc as C++. */
#include "lanewise.h"
#include "lanewise_backend.h"
#include "lanewise_train.h"

#include "tests/kit/cmocka.h"

#include <string.h>

#if defined(LANEWISE_HEADER_CXX)
int header_version_in_cxx(void);
#endif

static void test_versions_agree(void **state) {
  (void)state;
  assert_int_equal(lw_version(), LW_VERSION);
  assert_int_equal(LW_VERSION, LW_VERSION_MAJOR * 10000 + LW_VERSION_MINOR * 100 + LW_VERSION_PATCH);
}

static void test_links_from_cxx(void **state) {
  (void)state;
#if defined(LANEWISE_HEADER_CXX)
  assert_int_equal(header_version_in_cxx(), LW_VERSION);
#else
  skip(); /* no C++ compiler */
#endif
}

static void test_status_names(void **state) {
  (void)state;
  for (int status = LW_OK; status <= LW_BAD_FILE; status++) {
    assert_int_equal(strncmp(lw_status_name((lw_status)status), "LW_", 3), 0);
    for (int other = LW_OK; other < status; other++)
      assert_string_not_equal(lw_status_name((lw_status)status), lw_status_name((lw_status)other));
  }
  assert_non_null(lw_status_name((lw_status)1000));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_versions_agree),
      cmocka_unit_test(test_links_from_cxx),
      cmocka_unit_test(test_status_names),
  };
  return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
