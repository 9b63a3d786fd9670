#include "compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#if __FINITE_MATH_ONLY__
#error "a comparer compiled to assume finite numbers lets NaN pass"
#endif

/* One array of either type. */
struct numbers {
    const float *floats; /* else doubles */
    const double *doubles;
    size_t n;
};

static double number_at(struct numbers numbers, size_t i) {
    return numbers.floats ? (double)numbers.floats[i] : numbers.doubles[i];
}

static struct comparison compare(struct numbers actual, struct numbers expected, double absolute,
                                 double relative) {
    if (actual.n != expected.n) {
        return (struct comparison){
            .why = "length", .actual = (double)actual.n, .expected = (double)expected.n, .share = INFINITY};
    }
    struct comparison worst = {.passed = 1, .why = "within tolerance", .share = -1};
    for (size_t i = 0; i < actual.n; ++i) {
        struct comparison here = {
            .worst = i, .actual = number_at(actual, i), .expected = number_at(expected, i)};
        if (!isfinite(here.actual) || !isfinite(here.expected)) {
            here.why = "not finite", here.share = INFINITY;
            return here;
        }
        double error = fabs(here.actual - here.expected);
        double tolerance = absolute + relative * fabs(here.expected);
        /* "error > tolerance" would let NaN pass; so would a tolerance that is NaN or infinite. */
        here.passed = isfinite(tolerance) && error <= tolerance;
        here.why = here.passed ? "within tolerance" : "out of tolerance";
        here.share = error == 0 && here.passed              ? 0
                     : tolerance > 0 && isfinite(tolerance) ? error / tolerance
                                                            : INFINITY;
        if (here.share > worst.share) worst = here;
    }
    if (actual.n == 0) worst.share = 0;
    return worst;
}

struct comparison compare_doubles(const double *actual, size_t n_actual, const double *expected,
                                  size_t n_expected, double absolute, double relative) {
    return compare((struct numbers){.doubles = actual, .n = n_actual},
                   (struct numbers){.doubles = expected, .n = n_expected}, absolute, relative);
}

struct comparison compare_floats(const float *actual, size_t n_actual, const float *expected,
                                 size_t n_expected, double absolute, double relative) {
    return compare((struct numbers){.floats = actual, .n = n_actual},
                   (struct numbers){.floats = expected, .n = n_expected}, absolute, relative);
}

void comparison_report(struct comparison c, const char *what, const char *file, int line) {
    print_message("%s: %s: worst at %zu: %.9g, expected %.9g; %.3g of the tolerance\n", what, c.why, c.worst,
                  c.actual, c.expected, c.share);
    if (!c.passed) _fail(file, line);
}
