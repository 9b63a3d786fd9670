/* The comparer must refuse what is wrong: every case here that expects a refusal would pass a weaker
 * comparer. */
#include "compare.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

enum { MAX_VALUES = 8 };

static const char *program;

struct verdict {
    const char *name;
    double actual[MAX_VALUES], expected[MAX_VALUES];
    size_t n_actual, n_expected;
    double absolute, relative;
    int passed;
    const char *why;
    size_t worst;
    double share;
};

/* All values and shares are exact in binary, so that floats and doubles must give the same answer. */
static const struct verdict verdicts[] = {
    {"equal, zero tolerance", {1, -2, 0}, {1, -2, 0}, 3, 3, 0, 0, 1, "within tolerance", 0, 0},
    {"signed zeros are equal", {-0.0}, {0.0}, 1, 1, 0, 0, 1, "within tolerance", 0, 0},
    {"empty", {0}, {0}, 0, 0, 0, 0, 1, "within tolerance", 0, 0},
    {"empty actual", {0}, {1}, 0, 1, 1, 1, 0, "length", 0, INFINITY},
    {"one too few", {1, 2}, {1, 2, 3}, 2, 3, 10, 10, 0, "length", 0, INFINITY},
    {"one too many", {1, 2, 3}, {1, 2}, 3, 2, 10, 10, 0, "length", 0, INFINITY},
    {"NaN in actual", {1, NAN, 3}, {1, 2, 3}, 3, 3, 1e9, 1e9, 0, "not finite", 1, INFINITY},
    {"NaN in expected", {1, 2, 3}, {1, 2, NAN}, 3, 3, 1e9, 1e9, 0, "not finite", 2, INFINITY},
    {"NaN in both", {NAN}, {NAN}, 1, 1, 1e9, 1e9, 0, "not finite", 0, INFINITY},
    {"infinity in actual", {1, INFINITY}, {1, 2}, 2, 2, 1e9, 1e9, 0, "not finite", 1, INFINITY},
    {"infinity in expected", {1, 2}, {-INFINITY, 2}, 2, 2, 1e9, 1e9, 0, "not finite", 0, INFINITY},
    {"infinity in both", {1, INFINITY}, {1, INFINITY}, 2, 2, 1e9, 1e9, 0, "not finite", 1, INFINITY},
    {"NaN after a bad value", {9, NAN}, {1, 2}, 2, 2, 1, 0, 0, "not finite", 1, INFINITY},
    {"wrong sign", {-0.5, 0.5}, {0.5, 0.5}, 2, 2, 0, 0.5, 0, "out of tolerance", 0, 4},
    {"wrong sign, negative expected", {0.5}, {-0.5}, 1, 1, 0, 0.5, 0, "out of tolerance", 0, 4},
    {"shifted by one", {1, 2, 4, 8}, {2, 4, 8, 16}, 4, 4, 0, 0.25, 0, "out of tolerance", 0, 2},
    {"unequal, zero tolerance", {1, 2.5}, {1, 2}, 2, 2, 0, 0, 0, "out of tolerance", 1, INFINITY},
    {"off from zero, relative only", {0.125}, {0}, 1, 1, 0, 1, 0, "out of tolerance", 0, INFINITY},
    {"exactly at the tolerance", {1.5, 2}, {1, 2}, 2, 2, 0.25, 0.25, 1, "within tolerance", 0, 1},
    {"tolerances add up", {5}, {4}, 1, 1, 1, 0.25, 1, "within tolerance", 0, 0.5},
    {"worst of several", {1.25, 2.75, 3.5, 4}, {1, 2, 3, 4}, 4, 4, 1, 0, 1, "within tolerance", 1, 0.75},
    {"worst by share, not by error", {0.5, 104}, {0.25, 100}, 2, 2, 0, 0.25, 0, "out of tolerance", 0, 4},
    {"worst of several failures", {2, 5, 3}, {1, 1, 1}, 3, 3, 0.5, 0, 0, "out of tolerance", 1, 8},
    {"first of equally bad", {2, 2}, {1, 1}, 2, 2, 2, 0, 1, "within tolerance", 0, 0.5},
    {"negative tolerance", {1}, {1}, 1, 1, -1, 0, 0, "out of tolerance", 0, INFINITY},
    {"tolerance of NaN", {1}, {1}, 1, 1, NAN, 0, 0, "out of tolerance", 0, INFINITY},
    {"tolerance of infinity", {1}, {2}, 1, 1, INFINITY, 0, 0, "out of tolerance", 0, INFINITY},
};

static void check_verdict(const struct verdict *v, struct comparison c, const char *type) {
    if (c.passed == v->passed && strcmp(c.why, v->why) == 0 && c.worst == v->worst && c.share == v->share)
        return;
    fail_msg("%s (%s): passed %d, \"%s\", worst %zu, share %g; expected %d, \"%s\", %zu, %g", v->name, type,
             c.passed, c.why, c.worst, c.share, v->passed, v->why, v->worst, v->share);
}

static void test_verdicts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; ++i) {
        const struct verdict *v = &verdicts[i];
        float actual[MAX_VALUES], expected[MAX_VALUES];
        for (size_t j = 0; j < MAX_VALUES; ++j) {
            actual[j] = (float)v->actual[j], expected[j] = (float)v->expected[j];
        }
        check_verdict(
            v, compare_doubles(v->actual, v->n_actual, v->expected, v->n_expected, v->absolute, v->relative),
            "double");
        check_verdict(v,
                      compare_floats(actual, v->n_actual, expected, v->n_expected, v->absolute, v->relative),
                      "float");
    }
}

static void test_reports_the_worst_values(void **state) {
    (void)state;
    struct comparison c = compare_floats((float[]){1, 7}, 2, (float[]){1, 3}, 2, 1, 0);
    assert_true(c.actual == 7 && c.expected == 3 && c.share == 4);
    c = compare_doubles(NULL, 2, NULL, 3, 0, 0);
    assert_true(c.actual == 2 && c.expected == 3);
}

/* The difference overflows to infinity, though both values are finite. */
static void test_overflow_of_the_error(void **state) {
    (void)state;
    struct comparison c = compare_doubles((double[]){DBL_MAX}, 1, (double[]){-DBL_MAX}, 1, DBL_MAX, 0);
    assert_false(c.passed);
    assert_true(isinf(c.share));
}

/* A comparison made in float would not see what double sees. */
static void test_doubles_keep_their_precision(void **state) {
    (void)state;
    assert_false(compare_doubles((double[]){1 + DBL_EPSILON}, 1, (double[]){1}, 1, 0, 0).passed);
}

static int run_case(const char *name) {
    char command[4096];
    int n = snprintf(command, sizeof command, "'%s' %s >/dev/null 2>&1", program, name);
    assert_true(n > 0 && (size_t)n < sizeof command);
    int status = system(command);
    assert_true(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_macros_fail_the_running_test(void **state) {
    (void)state;
    assert_int_equal(run_case("close"), 0);
    assert_int_equal(run_case("far"), 1);
    assert_int_equal(run_case("far-floats"), 1);
    assert_int_equal(run_case("nan"), 1);
}

static void case_close(void **state) {
    (void)state;
    assert_close("close", 1.0, 1.0, 0, 0);
    assert_doubles_close("close", ((double[]){1, 2}), ((double[]){1, 2}), 2, 0, 0);
    assert_floats_close("close", ((float[]){1, 2}), ((float[]){1, 2}), 2, 0, 0);
}

static void case_far(void **state) {
    (void)state;
    assert_close("far", 1.0, 2.0, 0.5, 0);
}

static void case_far_floats(void **state) {
    (void)state;
    assert_floats_close("far", ((float[]){1, 2}), ((float[]){1, 4}), 2, 0.5, 0);
}

static void case_nan(void **state) {
    (void)state;
    assert_close("nan", NAN, NAN, 1, 1);
}

int main(int argc, char **argv) {
    program = argv[0];
    /* Run by test_macros_fail_the_running_test, each in a process of its own: most are meant to fail. */
    static const struct CMUnitTest cases[] = {
        {"close", case_close, NULL, NULL, NULL},
        {"far", case_far, NULL, NULL, NULL},
        {"far-floats", case_far_floats, NULL, NULL, NULL},
        {"nan", case_nan, NULL, NULL, NULL},
    };
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; ++i) {
        const struct CMUnitTest one[] = {cases[i]};
        if (strcmp(argv[1], cases[i].name) == 0) return cmocka_run_group_tests(one, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_reports_the_worst_values),
        cmocka_unit_test(test_overflow_of_the_error),
        cmocka_unit_test(test_doubles_keep_their_precision),
        cmocka_unit_test(test_macros_fail_the_running_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
