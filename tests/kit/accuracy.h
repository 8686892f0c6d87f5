/* SPDX-License-Identifier: Apache-2.0
 * How far floats are from their true values, in the units that conformance, `lanewise accuracy` and tests tell it in. */
#ifndef LANEWISE_TESTS_KIT_ACCURACY_H
#define LANEWISE_TESTS_KIT_ACCURACY_H

#include <stdint.h>

/* Of some outputs y with true values y64. Zeroed, it is that of none. */
typedef struct kit_accuracy {
  int64_t count;
  double squares, error_squares; /* sums of y64^2 and (y - y64)^2 */
  double largest;                /* |y - y64|; infinite if it is NaN */
  double worst;                  /* |y - y64| / bound; infinite where an error has the bound 0 */
} kit_accuracy;

/* Adds one output. */
void kit_accuracy_add(kit_accuracy *a, double y, double y64, double bound);
/* Adds those of `other`. */
void kit_accuracy_join(kit_accuracy *a, const kit_accuracy *other);
/* Root mean square of the true values, and of the errors; 0 of none. */
double kit_accuracy_rms(const kit_accuracy *a);
double kit_accuracy_error_rms(const kit_accuracy *a);
/* The ulp of rms(y64), in which errors are told: the distance of neighbouring floats there, 2^(floor(log2 rms) - 23), and at
 * least that of the subnormals, 2^-149. Unlike the ulp of each output it does not blow up where sums cancel. */
double kit_accuracy_ulp(const kit_accuracy *a);

#endif
