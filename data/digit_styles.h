/* SPDX-License-Identifier: Apache-2.0
 * The pen's way through each digit, in several ways of writing it, drawn for this project. Hundredths of a square, x to the
 * right, y downwards. BEGIN starts a stroke, TO goes on smoothly (a Catmull-Rom spline), TURN goes on with a corner there. */
#ifndef LANEWISE_DATA_DIGIT_STYLES_H
#define LANEWISE_DATA_DIGIT_STYLES_H

#include <stdint.h>

typedef enum knot_kind { KNOT_BEGIN, KNOT_SMOOTH, KNOT_CORNER } knot_kind;

typedef struct digit_knot {
  int8_t x, y;
  uint8_t kind; /* knot_kind */
} digit_knot;

enum { DIGIT_STYLES = 4, DIGIT_KNOTS = 12 };

typedef struct digit_style {
  int count;
  digit_knot knots[DIGIT_KNOTS];
} digit_style;

#define BEGIN(x, y)                                                                                                              \
  { x, y, KNOT_BEGIN }
#define TO(x, y)                                                                                                                 \
  { x, y, KNOT_SMOOTH }
#define TURN(x, y)                                                                                                               \
  { x, y, KNOT_CORNER }
#define STYLE(...)                                                                                                               \
  {                                                                                                                              \
    sizeof((digit_knot[]){__VA_ARGS__}) / sizeof(digit_knot), { __VA_ARGS__ }                                                    \
  }

static const digit_style digit_styles[10][DIGIT_STYLES] = {
    {/* an oval, a wide one that overlaps itself, a narrow one, one left open at the top */
     STYLE(BEGIN(50, 9), TO(30, 21), TO(23, 50), TO(30, 79), TO(50, 91), TO(70, 79), TO(77, 50), TO(70, 21), TO(50, 9)),
     STYLE(BEGIN(62, 13), TO(38, 12), TO(21, 36), TO(23, 68), TO(44, 90), TO(68, 83), TO(80, 54), TO(73, 24), TO(54, 10),
           TO(42, 16)),
     STYLE(BEGIN(51, 8), TO(39, 23), TO(35, 50), TO(38, 77), TO(50, 92), TO(62, 78), TO(66, 50), TO(62, 22), TO(49, 8)),
     STYLE(BEGIN(46, 10), TO(28, 26), TO(24, 56), TO(36, 85), TO(58, 88), TO(74, 66), TO(76, 38), TO(64, 14))},
    {/* a bar, with a flag, with flag and foot, leaning */
     STYLE(BEGIN(51, 8), TO(50, 50), TO(50, 92)), STYLE(BEGIN(35, 27), TURN(52, 9), TO(52, 50), TO(51, 92)),
     STYLE(BEGIN(37, 25), TURN(52, 10), TO(52, 50), TO(52, 90), BEGIN(34, 91), TO(70, 90)),
     STYLE(BEGIN(59, 8), TO(52, 48), TO(42, 92))},
    {/* straight foot, loop, angular, wavy foot */
     STYLE(BEGIN(26, 30), TO(35, 14), TO(54, 9), TO(72, 22), TO(70, 42), TO(49, 64), TURN(24, 88), TO(50, 87), TO(78, 88)),
     STYLE(BEGIN(26, 27), TO(39, 11), TO(61, 11), TO(72, 29), TO(62, 54), TO(40, 78), TO(25, 88), TO(22, 78), TO(35, 73),
           TO(52, 83), TO(67, 90), TO(81, 84)),
     STYLE(BEGIN(27, 15), TO(50, 9), TO(70, 20), TO(64, 43), TURN(25, 86), TO(50, 85), TO(76, 91)),
     STYLE(BEGIN(24, 36), TO(33, 14), TO(60, 10), TO(73, 30), TO(58, 56), TURN(23, 87), TO(42, 79), TO(60, 88), TO(79, 80))},
    {/* two bows, flat top, a loop in the middle, bows that meet late */
     STYLE(BEGIN(27, 20), TO(45, 9), TO(66, 15), TO(67, 33), TURN(45, 46), TO(69, 55), TO(74, 74), TO(58, 89), TO(37, 90),
           TO(22, 78)),
     STYLE(BEGIN(27, 12), TURN(72, 12), TURN(47, 42), TO(69, 51), TO(74, 71), TO(57, 90), TO(25, 84)),
     STYLE(BEGIN(27, 17), TO(50, 8), TO(67, 23), TO(54, 43), TO(41, 48), TO(54, 50), TO(72, 65), TO(62, 86), TO(41, 91),
           TO(24, 81)),
     STYLE(BEGIN(24, 14), TO(52, 8), TO(70, 24), TURN(38, 46), TO(66, 52), TO(77, 70), TO(62, 88), TO(28, 91))},
    {/* open, closed in one stroke, closed in two, a cup and a stem */
     STYLE(BEGIN(33, 11), TO(29, 34), TURN(23, 56), TO(50, 57), TO(80, 53), BEGIN(66, 26), TO(64, 58), TO(61, 92)),
     STYLE(BEGIN(80, 65), TURN(20, 65), TURN(63, 8), TO(63, 50), TO(61, 92)),
     STYLE(BEGIN(57, 10), TURN(22, 62), TO(50, 61), TO(80, 62), BEGIN(65, 38), TO(64, 64), TO(62, 92)),
     STYLE(BEGIN(27, 12), TO(24, 38), TO(36, 53), TO(54, 52), TO(68, 44), BEGIN(71, 9), TO(68, 48), TO(64, 92))},
    {/* one stroke, a cap of its own, round, with a long cap */
     STYLE(BEGIN(72, 12), TURN(36, 13), TURN(30, 45), TO(50, 38), TO(71, 51), TO(71, 75), TO(51, 90), TO(26, 85)),
     STYLE(BEGIN(35, 14), TURN(31, 46), TO(54, 39), TO(74, 59), TO(64, 84), TO(43, 91), TO(24, 83), BEGIN(35, 13), TO(76, 10)),
     STYLE(BEGIN(74, 12), TO(45, 12), TO(33, 28), TO(42, 43), TO(63, 51), TO(72, 70), TO(56, 89), TO(26, 86)),
     STYLE(BEGIN(82, 9), TURN(40, 14), TURN(36, 42), TO(58, 42), TO(69, 60), TO(62, 81), TO(40, 92), TO(22, 90))},
    {/* round, straight down, curled, a wide bow */
     STYLE(BEGIN(64, 10), TO(41, 27), TO(27, 56), TO(31, 81), TO(50, 91), TO(69, 80), TO(69, 62), TO(52, 53), TO(33, 63)),
     STYLE(BEGIN(54, 8), TO(38, 34), TO(28, 62), TO(32, 84), TO(49, 92), TO(66, 83), TO(66, 66), TO(49, 58), TO(30, 71)),
     STYLE(BEGIN(71, 19), TO(57, 9), TO(38, 26), TO(27, 58), TO(37, 86), TO(59, 89), TO(71, 72), TO(59, 55), TO(40, 60),
           TO(31, 75)),
     STYLE(BEGIN(68, 8), TO(36, 28), TO(22, 62), TO(36, 90), TO(66, 88), TO(76, 66), TO(58, 50), TO(26, 62))},
    {/* plain, with a bar, with a serif, with a wavy top */
     STYLE(BEGIN(22, 14), TO(50, 13), TURN(78, 13), TO(60, 48), TO(45, 91)),
     STYLE(BEGIN(22, 13), TO(50, 12), TURN(77, 12), TO(59, 48), TO(46, 91), BEGIN(36, 52), TO(70, 50)),
     STYLE(BEGIN(23, 28), TURN(23, 13), TO(50, 13), TURN(77, 12), TO(57, 50), TO(50, 91)),
     STYLE(BEGIN(20, 19), TO(36, 11), TO(57, 18), TURN(79, 11), TO(56, 46), TO(47, 91))},
    {/* one stroke like an S, two rings, one stroke left open, the other way round */
     STYLE(BEGIN(68, 21), TO(51, 9), TO(33, 22), TO(40, 41), TO(61, 56), TO(70, 74), TO(51, 91), TO(31, 76), TO(40, 57),
           TO(60, 42), TO(68, 22)),
     STYLE(BEGIN(50, 47), TO(33, 29), TO(50, 9), TO(67, 29), TO(50, 47), BEGIN(50, 47), TO(27, 69), TO(50, 91), TO(73, 69),
           TO(50, 47)),
     STYLE(BEGIN(69, 14), TO(46, 9), TO(33, 25), TO(48, 45), TO(67, 66), TO(54, 91), TO(32, 77), TO(41, 56), TO(63, 38),
           TO(73, 21)),
     STYLE(BEGIN(38, 12), TO(62, 14), TO(64, 33), TO(44, 50), TO(30, 70), TO(44, 91), TO(68, 84), TO(66, 62), TO(44, 46),
           TO(31, 29), TO(40, 11))},
    {/* straight stem, curled stem, leaning, ring and stick */
     STYLE(BEGIN(68, 22), TO(50, 10), TO(31, 24), TO(35, 45), TO(53, 49), TO(66, 36), TURN(68, 20), TO(67, 55), TO(64, 92)),
     STYLE(BEGIN(70, 26), TO(53, 10), TO(33, 25), TO(40, 47), TO(59, 45), TO(71, 27), TO(71, 60), TO(57, 88), TO(30, 86)),
     STYLE(BEGIN(71, 20), TO(50, 10), TO(30, 32), TO(42, 50), TO(62, 38), TURN(72, 14), TO(64, 50), TO(48, 92)),
     STYLE(BEGIN(67, 30), TO(50, 11), TO(31, 30), TO(49, 50), TO(66, 32), BEGIN(68, 10), TO(68, 50), TO(67, 92))},
};

#undef BEGIN
#undef TO
#undef TURN
#undef STYLE

#endif
