/* SPDX-License-Identifier: Apache-2.0
 * Cases for every width from 1 to 2*VL + 1 of the widest vectors (16 lanes), so every remainder of 4, 8 and 16 lanes. */
#ifndef LANEWISE_TESTS_KIT_WIDTHS_H
#define LANEWISE_TESTS_KIT_WIDTHS_H

#define KIT_WIDTHS_FROM_3(m)                                                                                                     \
  m(3), m(4), m(5), m(6), m(7), m(8), m(9), m(10), m(11), m(12), m(13), m(14), m(15), m(16), m(17), m(18), m(19), m(20), m(21),  \
      m(22), m(23), m(24), m(25), m(26), m(27), m(28), m(29), m(30), m(31), m(32), m(33)
#define KIT_WIDTHS(m) m(1), m(2), KIT_WIDTHS_FROM_3(m)

#endif
