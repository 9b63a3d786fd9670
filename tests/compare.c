#include "compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

struct comparison compare_doubles(const double *actual, size_t n_actual, const double *expected, size_t n_expected,
                                  double absolute, double relative) {
    struct comparison worst = {.passed = 1, .why = "within tolerance"};
    if (n_actual != n_expected) {
        return (struct comparison){.why = "length", .actual = (double)n_actual, .expected = (double)n_expected,
                                   .share = INFINITY};
    }
    for (size_t i = 0; i < n_actual; ++i) {
        if (!isfinite(actual[i]) || !isfinite(expected[i])) {
            return (struct comparison){.why = "not finite", .worst = i, .actual = actual[i],
                                       .expected = expected[i], .share = INFINITY};
        }
        double error = fabs(actual[i] - expected[i]), tolerance = absolute + relative * fabs(expected[i]);
        double share = error == 0 ? 0 : error / tolerance;
        if (i == 0 || share > worst.share) {
            worst.worst = i, worst.share = share, worst.actual = actual[i], worst.expected = expected[i];
        }
        if (!(error <= tolerance)) worst.passed = 0, worst.why = "out of tolerance";
    }
    return worst;
}

struct comparison compare_floats(const float *actual, size_t n_actual, const float *expected, size_t n_expected,
                                 double absolute, double relative) {
    struct comparison worst = compare_doubles(NULL, n_actual, NULL, n_expected * (n_actual != n_expected), 0, 0);
    if (n_actual != n_expected) return compare_doubles(NULL, n_actual, NULL, n_expected, 0, 0);
    worst.passed = 1, worst.why = "within tolerance";
    for (size_t i = 0; i < n_actual; ++i) {
        double a = actual[i], e = expected[i];
        struct comparison one = compare_doubles(&a, 1, &e, 1, absolute, relative);
        if (!one.passed || i == 0 || one.share > worst.share) {
            int passed = worst.passed && one.passed;
            const char *why = worst.passed ? one.why : worst.why;
            if (one.share >= worst.share || i == 0) worst = one, worst.worst = i;
            worst.passed = passed, worst.why = why;
        }
        if (one.why[0] == 'n') break;
    }
    return worst;
}

void comparison_report(struct comparison c, const char *what, const char *file, int line) {
    print_message("%s: %s: worst at %zu: %.9g, expected %.9g; %.3g of the tolerance\n", what, c.why, c.worst, c.actual,
                  c.expected, c.share);
    if (!c.passed) _fail(file, line);
}
