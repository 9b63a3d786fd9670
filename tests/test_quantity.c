/* Quantities that follow from parameters: as parameters of the same law, written with them, have it. */
#include "fit.h"
#include "formula_parse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compare.h"
#include "cpu_device.h"
#include "made_table.h"

enum { N = 60 };

static struct allometer_table *table;

/* Points of a power with an offset, in 12 clusters. */
static void fill_table(void) {
    table = make_table_of("x,y,cluster");
    srand48(3);
    for (int i = 0; i < N; ++i) {
        double x = pow(1.2, i), y = (0.5 + 4 * pow(x, -0.4)) * (1 + 0.05 * (drand48() - 0.5));
        add_row(table, (double[]){x, y, i % 12});
    }
}

static struct allometer_fit_options options_of(const struct allometer_law *law) {
    return (struct allometer_fit_options){.law = law,
                                          .objective = ALLOMETER_OBJECTIVE_MSLE,
                                          .delta = 1e-2,
                                          .x = {"x"},
                                          .y = "y",
                                          .confidence = 0.9,
                                          .backend = &allometer_cpu,
                                          .device = device};
}

static struct allometer_fits *fit(const struct allometer_fit_options *options) {
    struct allometer_fits *fits;
    struct allometer_error error = {0};
    if (allometer_fit(table, options, &fits, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    return fits;
}

/* Number i of the first group. */
static void read_estimate(const struct allometer_fits *fits, int i, double estimate[4]) {
    const struct allometer_fit_group *group = &fits->groups[0];
    const double of[] = {group->values[i], group->errors[i], group->lower[i], group->upper[i]};
    memcpy(estimate, of, sizeof of);
}

/* a + b x^-c at x = 2 above a, b 2^-c, is q of a + q (x/2)^-c. */
static void test_as_parameter(void **state) {
    (void)state;
    static const char *const x = "x";
    static const struct allometer_fit_quantity quantity = {"q", "b*2^-c"};
    struct allometer_law *formula;
    assert_int_equal(allometer_law_parse("a + q*(x/2)^-c", &x, 1, &formula, NULL), ALLOMETER_OK);
    for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective) {
        for (int resampled = 0; resampled < 3; ++resampled) { /* not, points, clusters */
            struct allometer_fit_options one = options_of(allometer_law_find("power-offset"));
            one.objective = (enum allometer_objective)objective;
            one.bootstrap = resampled ? 40 : 0, one.cluster = resampled == 2 ? "cluster" : NULL;
            struct allometer_fit_options two = one;
            one.quantities = &quantity, one.n_quantities = 1, two.law = formula;
            struct allometer_fits *fits = fit(&one), *expected = fit(&two);
            double actual[4], parameter[4];
            char what[64];
            snprintf(what, sizeof what, "objective %d, resampled %d", objective, resampled);
            read_estimate(fits, 3, actual), read_estimate(expected, 1, parameter);
            /* both are minima to some 1e-8 of the parameters' errors; Huber's loss bends there, and is flatter */
            assert_doubles_close(what, actual, parameter, 4, 0, 1e-6);
            allometer_fits_free(fits), allometer_fits_free(expected);
        }
    }
    allometer_law_free(formula);
}

/* A quantity that is a parameter; one of parameters that are fixed; one that has no value. */
static void test_held(void **state) {
    (void)state;
    static const struct allometer_fit_quantity quantities[] = {
        {"same", "a"}, {"root", "sqrt(c)"}, {"three", "3"}, {"none", "log(-b)"}};
    static const struct allometer_fit_setting fixed = {"c", NAN, 0.25, 0.25};
    for (int bootstrap = 0; bootstrap <= 40; bootstrap += 40) {
        struct allometer_fit_options options = options_of(allometer_law_find("power-offset"));
        options.quantities = quantities, options.n_quantities = 4, options.bootstrap = bootstrap;
        options.settings = &fixed, options.n_settings = 1;
        struct allometer_fits *fits = fit(&options);
        double same[4], a[4];
        read_estimate(fits, 3, same), read_estimate(fits, 0, a);
        assert_doubles_close("a", same, a, 4, 0, 1e-13);
        assert_close("sqrt(0.25)", fits->groups[0].values[4], 0.5, 0, 1e-15);
        assert_close("3", fits->groups[0].values[5], 3, 0, 0);
        assert_true(isnan(fits->groups[0].values[6]));
        for (int i = 4; i < 7; ++i) {
            assert_int_equal(fits->groups[0].held[i], i < 6 ? ALLOMETER_HELD_FIXED : ALLOMETER_HELD_NOT);
            assert_true(isnan(fits->groups[0].errors[i]) && isnan(fits->groups[0].lower[i]));
        }
        allometer_fits_free(fits);
    }
}

/* What has no error, being infinite in some resamples, or having no value there, or all of them being of one cluster, is not for
   that fixed. */
static void test_not_held(void **state) {
    (void)state;
    static const struct allometer_fit_quantity quantities[] = {
        {"steep", "exp(1e6*(b - 4))"}, {"same", "a"}, {"above", "sqrt(b - 4)"}, {"below", "sqrt(4 - b)"}};
    static const struct allometer_fit_filter alone = {"cluster", "0", ALLOMETER_EQUAL};
    struct allometer_fit_options options = options_of(allometer_law_find("power-offset"));
    options.quantities = quantities, options.n_quantities = 4, options.bootstrap = 40;
    for (int of_one = 0; of_one < 2; ++of_one) {
        if (of_one) options.filters = &alone, options.n_filters = 1, options.cluster = "cluster";
        struct allometer_fits *fits = fit(&options);
        const int i = of_one ? 4 : 3;
        assert_true(isnan(fits->groups[0].errors[i]));
        assert_int_equal(fits->groups[0].held[i], ALLOMETER_HELD_NOT);
        assert_true(isfinite(fits->groups[0].values[5]) != isfinite(fits->groups[0].values[6]));
        for (int q = 5; q < 7; ++q) /* the resamples' b lie to both sides of 4 */
            assert_true(isnan(fits->groups[0].errors[q]) && isnan(fits->groups[0].lower[q]));
        allometer_fits_free(fits);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *law, *name, *formula, *message;
    } cases[] = {
        {"power-offset", "q", "b*d", "no parameter of the law has this name\n  b*d\n    ^"},
        {"power-offset", "q", "b*x", "no parameter of the law has this name"},
        {"power-offset", "q", "`b` + `z`", "no parameter of the law has this name"},
        {"power-offset", "q", "b*", "expected a number, a name"},
        {"power-offset", "b", "c", "'b': there is one of that name already"},
        {"power-offset", "two words", "c", "expected a name of letters"},
        {"power-offset", "", "c", "expected a name of letters"},
        {"auto", "q", "c", "has no parameters of its own"},
    };
    struct allometer_error error;
    struct allometer_fits *fits;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct allometer_fit_quantity quantity = {cases[i].name, cases[i].formula};
        struct allometer_fit_options options = options_of(allometer_law_find(cases[i].law));
        options.quantities = &quantity, options.n_quantities = 1;
        assert_int_equal(allometer_fit(table, &options, &fits, &error), ALLOMETER_BAD_INPUT);
        if (!strstr(error.message, cases[i].message))
            fail_msg("'%s', not '%s'", error.message, cases[i].message);
        options.quantities = NULL;
        assert_int_equal(allometer_fit(table, &options, &fits, &error), ALLOMETER_BAD_INPUT);
    }
}

static int set_up(void **state) {
    fill_table();
    return open_device(state);
}

static int tear_down(void **state) {
    allometer_table_free(table);
    return close_device(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_parameter), cmocka_unit_test(test_held),
                                       cmocka_unit_test(test_not_held), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
