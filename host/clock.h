/* A clock for durations, which no change of the date moves. */
#ifndef ALLOMETER_CLOCK_H
#define ALLOMETER_CLOCK_H

#include <time.h>

static inline double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
