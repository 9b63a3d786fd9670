/* Random numbers of tests, drawn from drand48: what srand48 set, and the same everywhere. */
#ifndef ALLOMETER_DRAWS_H
#define ALLOMETER_DRAWS_H

#include <math.h>
#include <stdlib.h>

static inline double uniform(double low, double high) {
    return low + (high - low) * drand48();
}

/* Of mean 0 and variance 1, by Box and Muller. */
static inline double gauss(void) {
    return sqrt(-2 * log(1 - drand48())) * cos(6.283185307179586 * drand48());
}

#endif
