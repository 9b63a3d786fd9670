/* Laws with known parameters, for tests that look for them. */
#ifndef ALLOMETER_TRUTHS_H
#define ALLOMETER_TRUTHS_H

#include "laws.h"

#include <math.h>
#include <string.h>

/* A value of each parameter, in its own units, such that all of them shape data with x from 10 to 10^5. */
static inline double truth_of(const struct allometer_law *law, int p) {
    int k = p / 3, n_breaks = strncmp(law->name, "bnsl", 4) ? 0 : law->n_parameters / 3 - 1; /* break k */
    switch (law->parameters[p].role) {
    case ALLOMETER_ROLE_ASYMPTOTE:
        return 0.3;
    case ALLOMETER_ROLE_CEILING:
        return 4;
    case ALLOMETER_ROLE_LEVEL:
        return p ? 0.3 : 5;
    case ALLOMETER_ROLE_SCALE:
        return strcmp(law->name, "kaplan") ? 6 : 1e6;
    case ALLOMETER_ROLE_EXPONENT:
        return p < 3 ? 0.3 : k % 2 ? 0.5 : -0.4;
    case ALLOMETER_ROLE_SHAPE:
        return p == 3 ? 0.3 : 0.4;
    case ALLOMETER_ROLE_RATE:
        return 1e-4;
    case ALLOMETER_ROLE_POSITION:
        return 10 * pow(1e4, (double)k / (n_breaks + 1));
    case ALLOMETER_ROLE_INVERSE:
        return 1e-3;
    case ALLOMETER_ROLE_WIDTH:
        return 0.15;
    default:
        return NAN;
    }
}

#endif
