/* The one comparer of all tests. */
#ifndef ALLOMETER_COMPARE_H
#define ALLOMETER_COMPARE_H

#include <stddef.h>

/* What comparing two arrays found. */
struct comparison {
    int passed;
    size_t worst; /* index of the worst element, or of the first that is not finite */
    double share; /* |actual - expected| / (absolute + relative * |expected|) there: passes up to 1 */
    double actual, expected;
    const char *why; /* "within tolerance", "out of tolerance", "not finite", "length" */
};

/* Compares n values to expected ones. An element passes if |actual - expected| <= absolute + relative *
   |expected|; NaN or infinity on either side never passes; unequal lengths never pass. */
struct comparison compare_doubles(const double *actual, size_t n_actual, const double *expected,
                                  size_t n_expected, double absolute, double relative);
struct comparison compare_floats(const float *actual, size_t n_actual, const float *expected,
                                 size_t n_expected, double absolute, double relative);

/* Prints one line (what, verdict, worst index, both values, share of the tolerance used) and, where the
   comparison failed, fails the running cmocka test at file:line. */
void comparison_report(struct comparison comparison, const char *what, const char *file, int line);

#define assert_doubles_close(what, actual, expected, n, absolute, relative) \
    comparison_report(compare_doubles(actual, n, expected, n, absolute, relative), what, __FILE__, __LINE__)
#define assert_floats_close(what, actual, expected, n, absolute, relative) \
    comparison_report(compare_floats(actual, n, expected, n, absolute, relative), what, __FILE__, __LINE__)
#define assert_close(what, actual, expected, absolute, relative)                                           \
    comparison_report(compare_doubles((double[]){actual}, 1, (double[]){expected}, 1, absolute, relative), \
                      what, __FILE__, __LINE__)

#endif
