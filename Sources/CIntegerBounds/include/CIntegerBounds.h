#ifndef CINTEGERBOUNDS_H
#define CINTEGERBOUNDS_H

#include <stddef.h>
#include <stdint.h>

/// The smallest and the largest of some integers; there must be at least one.
void wl_integer_bounds(const int64_t *values, size_t count, int64_t *low, int64_t *high);

/// The smallest and the largest difference, modulo 2^64, of neighbours; there must be at least two integers.
void wl_difference_bounds(const int64_t *values, size_t count, int64_t *low, int64_t *high);

#endif
