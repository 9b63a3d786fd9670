#include "bench.h"

#include <stdlib.h>
#include <time.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct spread bench_spread(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, ascending);
    return (struct spread){values[0], 0.5 * (values[(n - 1) / 2] + values[n / 2]), values[n - 1]};
}

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bench_quit(const char *message) {
    fprintf(stderr, "bench: %s\n", message);
    exit(2);
}
