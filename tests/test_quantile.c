/* Quantiles against GSL's and closed forms. */
#include "fit_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>

#include "compare.h"

enum { DRAWS = 2000 };

/* By GSL's beta distribution: its Student's is approximate where there are many degrees of freedom. */
static double share_below(double t, double degrees) {
    double all = degrees + t * t, tail = 0.5 * gsl_cdf_beta_P(degrees / all, 0.5 * degrees, 0.5);
    if (t * t < degrees)
        tail = 0.5 * gsl_cdf_beta_Q(t * t / all, 0.5, 0.5 * degrees); /* 1 - degrees / all cancels */
    return t > 0 ? 1 - tail : tail;
}

static void test_student(void **state) {
    (void)state;
    static double share[DRAWS], below[DRAWS];
    srand48(1);
    for (int i = 0; i < DRAWS; ++i) {
        double degrees = exp(log(0.5) + drand48() * log(2e5)), tail = exp(log(1e-4) * drand48());
        share[i] = i % 2 ? 0.5 * tail : 1 - 0.5 * tail;
        below[i] = share_below(student_quantile(share[i], degrees), degrees);
    }
    assert_doubles_close("share below Student's quantile", below, share, DRAWS, 0, 1e-10);
}

static void test_student_closed_forms(void **state) {
    (void)state;
    for (double p = 0.505; p < 1; p += 0.0451) {
        const double pi = 3.141592653589793;
        assert_close("1 degree", student_quantile(p, 1), tan(pi * (p - 0.5)), 1e-14, 1e-12);
        assert_close("2 degrees", student_quantile(p, 2), (2 * p - 1) / sqrt(2 * p * (1 - p)), 1e-14, 1e-12);
        assert_close("infinite", student_quantile(p, INFINITY), gsl_cdf_ugaussian_Pinv(p), 1e-14, 1e-12);
        assert_close("mirrored", student_quantile(1 - p, 7), -student_quantile(p, 7), 1e-14, 1e-12);
    }
    assert_close("median", student_quantile(0.5, 3), 0, 1e-15, 0);
    assert_true(isnan(student_quantile(1, 3)) && isnan(student_quantile(0.9, 0))
                && isnan(student_quantile(NAN, 3)));
}

static void test_fisher(void **state) {
    (void)state;
    static double ours[DRAWS], theirs[DRAWS];
    for (int i = 0; i < DRAWS; ++i) {
        double of = 1 + floor(exp(log(500) * drand48())), degrees = floor(exp(log(1e4) * drand48()));
        double f = exp(3 * drand48() - 1.5);
        ours[i] = fisher_above(f, of, degrees), theirs[i] = gsl_cdf_fdist_Q(f, of, degrees);
    }
    assert_doubles_close("share above Fisher's F", ours, theirs, DRAWS, 1e-280, 1e-8);
    assert_close("all", fisher_above(0, 3, 4), 1, 0, 1e-15);
    assert_true(isnan(fisher_above(1, 2, 0)) && isnan(fisher_above(NAN, 2, 3))
                && isnan(fisher_above(1, 0, 3)));
}

static void test_sorted(void **state) {
    (void)state;
    double values[37], ours[9], theirs[9];
    for (size_t n = 1; n <= 37; ++n) {
        for (size_t i = 0; i < n; ++i) values[i] = drand48() - 0.5;
        sort_doubles(values, n);
        for (int i = 0; i < 9; ++i) {
            ours[i] = sorted_quantile(values, n, 0.125 * i);
            theirs[i] = gsl_stats_quantile_from_sorted_data(values, 1, n, 0.125 * i);
        }
        assert_doubles_close("quantiles of values", ours, theirs, 9, 1e-15, 1e-12);
    }
    assert_true(isnan(sorted_quantile(values, 0, 0.5)));
    values[0] = values[1] = -INFINITY;
    assert_true(sorted_quantile(values, 3, 0.3) == -INFINITY && sorted_quantile(values, 3, 0.7) == -INFINITY);
    values[1] = 2, values[2] = INFINITY;
    assert_true(sorted_quantile(values, 3, 0.5) == 2);
}

/* So many times farther from the estimate, where it lies on its side of it, but not beyond what bounds the parameter. */
static void test_widened_bound(void **state) {
    (void)state;
    assert_close("lower", widened_bound(0.75, -1, 1, 3, -INFINITY), 0.25, 0, 1e-15);
    assert_close("upper", widened_bound(1.25, 1, 1, 3, INFINITY), 1.75, 0, 1e-15);
    assert_close("lower above the estimate", widened_bound(1.25, -1, 1, 3, -INFINITY), 1.25, 0, 0);
    assert_close("upper below the estimate", widened_bound(0.75, 1, 1, 3, INFINITY), 0.75, 0, 0);
    assert_close("at the lower bound", widened_bound(0.75, -1, 1, 3, 0.5), 0.5, 0, 0);
    assert_close("at the upper bound", widened_bound(1.25, 1, 1, 3, 1.5), 1.5, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student),       cmocka_unit_test(test_student_closed_forms),
        cmocka_unit_test(test_fisher),        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_widened_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
