/* Fits of formulas: a law written as a formula has the same minimum, found from defaults, as the law itself; and formulas
   that have no value, or hardly a minimum. */
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
#include "draws.h"
#include "made_table.h"
#include "truths.h"

static struct allometer_law *parse(const char *text, int n_columns) {
    static const char *const columns[] = {"x", "z"};
    struct allometer_law *law;
    struct allometer_error error = {0};
    if (allometer_law_parse(text, columns, n_columns, &law, &error) != ALLOMETER_OK)
        fail_msg("%s", error.message);
    return law;
}

static struct allometer_fits *fit(const struct allometer_table *table, const struct allometer_law *law,
                                  enum allometer_objective objective, const char *second_column) {
    struct allometer_fits *fits;
    struct allometer_error error;
    const struct allometer_fit_options options = {.law = law,
                                                  .objective = objective,
                                                  .delta = 1e-2,
                                                  .x = {"x", second_column},
                                                  .y = "y",
                                                  .confidence = 0.95,
                                                  .backend = &allometer_cpu,
                                                  .device = device};
    if (allometer_fit(table, &options, &fits, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    return fits;
}

/* The text of a law's row, as it stands in the table, but for the laws whose formula there is not spelled out. */
static const char *formula_of(const struct allometer_law *law) {
    switch (law->id) {
    case ALLOMETER_LAW_bnsl_0:
        return "a + b*x^-c0";
    case ALLOMETER_LAW_bnsl_1:
        return "a + b*x^-c0 * (1 + (x/d1)^(1/f1))^(-c1*f1)";
    case ALLOMETER_LAW_m4: /* implicit */
        return NULL;
    default:
        return law->id > ALLOMETER_LAW_bnsl_1 && law->id <= ALLOMETER_LAW_bnsl_6 ? NULL : law->formula;
    }
}

static void compare_minima(const struct allometer_law *law, const struct allometer_law *formula,
                           const struct allometer_table *table, enum allometer_objective objective) {
    struct allometer_fits *one = fit(table, law, objective, "D"), *two = fit(table, formula, objective, "D");
    char what[128];
    snprintf(what, sizeof what, "%s, objective %d: %s", formula->name, (int)objective,
             allometer_group_status_names[two->groups[0].status]);
    assert_true(two->groups[0].status <= ALLOMETER_FIT_COST);
    assert_close(what, two->groups[0].objective, one->groups[0].objective, 0, 1e-9);
    for (int p = 0; p < law->n_parameters; ++p) {
        for (int q = 0; q < formula->n_parameters; ++q) {
            if (strcmp(law->parameters[p].name, formula->parameters[q].name) != 0) continue;
            /* costs alike to 1e-9 are parameters alike to its root */
            double reach = 1e-4 * one->groups[0].errors[p];
            assert_close(law->parameters[p].name, two->groups[0].values[q], one->groups[0].values[p], reach,
                         1e-9);
            assert_close(law->parameters[p].name, two->groups[0].errors[q], one->groups[0].errors[p], 0,
                         1e-4);
        }
    }
    allometer_fits_free(one);
    allometer_fits_free(two);
}

/* Noisy data of every law: its formula finds the same minimum, with nothing known of its parameters. */
static void test_laws_as_formulas(void **state) {
    (void)state;
    int n_compared = 0;
    srand48(3);
    for (int i = 0; i < ALLOMETER_LAW_COUNT; ++i) {
        const struct allometer_law *law = &allometer_laws[i];
        const char *text = formula_of(law), *columns[] = {law->n_columns == 2 ? "N" : "x", "D"};
        double inner[ALLOMETER_MAX_PARAMETERS];
        if (!text) continue;
        struct allometer_law *formula;
        struct allometer_error error;
        if (allometer_law_parse(text, columns, law->n_columns, &formula, &error))
            fail_msg("%s", error.message);
        assert_int_equal(formula->n_parameters, law->n_parameters);
        for (int p = 0; p < law->n_parameters; ++p) {
            inner[p] = allometer_role_inner(law->parameters[p].role, truth_of(law, p));
        }
        struct allometer_table *table = make_table_of("x,D,y");
        for (int k = 0; k < 100; ++k) {
            double x = 10 * pow(1e4, law->n_columns == 2 ? k % 10 / 9.0 : k / 99.0),
                   d = 100 * pow(1e4, k / 10 / 9.0);
            const double *at[] = {&x, &d};
            double y;
            allometer_law_evaluate(law, inner, at, 1, &y, NULL);
            add_row(table, (double[]){x, d, y * exp(0.01 * uniform(-1.7, 1.7))});
        }
        for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective) {
            compare_minima(law, formula, table, (enum allometer_objective)objective);
        }
        allometer_table_free(table);
        allometer_law_free(formula);
        ++n_compared;
    }
    assert_int_equal(n_compared, ALLOMETER_LAW_COUNT - 6); /* all but m4 and bnsl with 2 to 6 breaks */
}

/* Curves with two breaks anywhere in x = 10^6 .. 10^10, which a formula of nine parameters, knowing nothing of x, follows as
   well as the law whose breaks are told to lie there. */
static void test_two_breaks(void **state) {
    (void)state;
    enum { CURVES = 8, N = 40 };
    const struct allometer_law *law = allometer_law_find("bnsl-2");
    struct allometer_law *formula =
        parse("a + b*x^-c0 * (1 + (x/d1)^(1/f1))^(-c1*f1) * (1 + (x/d2)^(1/f2))^(-c2*f2)", 1);
    srand48(8);
    for (int curve = 0; curve < CURVES; ++curve) {
        struct allometer_table *table = make_table_of("x,y");
        double truth[] = {uniform(0, 0.3),
                          1,
                          uniform(0.05, 0.3),
                          uniform(0.2, 0.8),
                          log(10) * uniform(6.7, 7.6),
                          log(uniform(0.1, 0.5)),
                          uniform(0.2, 0.8),
                          log(10) * uniform(8, 9.3),
                          log(uniform(0.1, 0.5))};
        truth[1] = truth[2] * log(1e6);
        for (int i = 0; i < N; ++i) {
            double x = 1e6 * pow(1e4, i / (N - 1.0)), y;
            const double *at[] = {&x};
            allometer_law_evaluate(law, truth, at, 1, &y, NULL);
            assert_int_equal(allometer_table_add_row(table, (size_t)i + 2, NULL), ALLOMETER_OK);
            allometer_table_put_number(table, 0, x);
            allometer_table_put_number(table, 1, y * exp(0.003 * uniform(-1.7, 1.7)));
        }
        struct allometer_fits *one = fit(table, law, ALLOMETER_OBJECTIVE_MSLE, NULL),
                              *two = fit(table, formula, ALLOMETER_OBJECTIVE_MSLE, NULL);
        print_message("curve %d: %.4f of the law's cost\n", curve,
                      two->groups[0].objective / one->groups[0].objective);
        assert_true(two->groups[0].objective < 1.001 * one->groups[0].objective);
        allometer_fits_free(one);
        allometer_fits_free(two);
        allometer_table_free(table);
    }
    allometer_law_free(formula);
}

/* Three exponentials that are all but parallel, without noise but for y's twelve decimals (Lanczos 1956, as NIST's set
   Lanczos1): residuals are hardly larger than the rounding of y itself, and each start keeps its own order of terms. */
static void test_lanczos(void **state) {
    (void)state;
    static const double truth[] = {0.0951, 1, 0.8607, 3, 1.5576, 5};
    static const double starts[2][6] = {{1.2, 0.3, 5.6, 5.5, 6.5, 7.6}, {0.5, 0.7, 3.6, 4.2, 4, 6.3}};
    struct allometer_law *law = parse("b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)", 1);
    struct allometer_table *table = make_table_of("x,y");
    for (int i = 0; i < 24; ++i) {
        double x = 0.05 * i, y = 0;
        for (int k = 0; k < 6; k += 2) y += truth[k] * exp(-truth[k + 1] * x);
        add_row(table, (double[]){x, round(y * 1e12) / 1e12});
    }
    for (int s = 0; s < 2; ++s) {
        struct allometer_fit_setting settings[6];
        struct allometer_fits *fits;
        struct allometer_error error;
        for (int p = 0; p < 6; ++p) {
            settings[p] = (struct allometer_fit_setting){law->parameters[p].name, starts[s][p], NAN, NAN};
        }
        const struct allometer_fit_options options = {.law = law,
                                                      .objective = ALLOMETER_OBJECTIVE_MSE,
                                                      .x = {"x"},
                                                      .y = "y",
                                                      .settings = settings,
                                                      .n_settings = 6,
                                                      .confidence = 0.95,
                                                      .backend = &allometer_cpu,
                                                      .device = device};
        if (allometer_fit(table, &options, &fits, &error)) fail_msg("%s", error.message);
        assert_true(fits->groups[0].status <= ALLOMETER_FIT_COST);
        /* the twelfth decimal of y moves the parameters in their ninth digit, as their standard errors say */
        for (int p = 0; p < 6; ++p) assert_true(fits->groups[0].errors[p] < 2e-9 * truth[p]);
        assert_doubles_close("Lanczos1", fits->groups[0].values, truth, 6, 0, 5e-9);
        allometer_fits_free(fits);
    }
    allometer_table_free(table);
    allometer_law_free(law);
}

/* Cycles are found from defaults, slow ones and fast ones, alone and beside others: each sum of sines of n points has a
   local minimum at about every one of its n / 2 frequencies. */
static void test_cycles(void **state) {
    (void)state;
    static const struct {
        const char *formula;
        double low, high, cycles[3], size[3], noise; /* cycles from the first point to the last */
        int n_points;
    } cases[] = {
        {"a + b*sin(w*x + c)", 0, 50, {0.4}, {3}, 0, 60},
        {"a + b*sin(w*x + c)", 0, 50, {23.4}, {3}, 0, 100},
        {"a + b*sin(w*x + c)", -1, 1, {41.7}, {0.01}, 0, 100},
        {"a + b*cos(2*pi*(x - c)/w)", 1900, 2000, {9.3}, {1e4}, 100, 200},
        {"a + b*x + c*sin(x/w) + d*cos(x/w)", 0, 1e-3, {61.2}, {1}, 0, 150},
        {"a + b1*sin(2*pi*x/p1) + c1*cos(2*pi*x/p1) + b2*sin(2*pi*x/p2) + c2*cos(2*pi*x/p2)",
         0,
         168,
         {6.3, 3.8},
         {1, 1},
         2,
         168},
        {"a + b1*sin(2*pi*x/p1) + c1*cos(2*pi*x/p1) + b2*sin(2*pi*x/p2) + c2*cos(2*pi*x/p2)"
         " + b3*sin(x*w) + c3*cos(x*w)",
         0,
         250,
         {80.3, 31.6, 5.5},
         {1, 2, 1},
         0.3,
         250},
    };
    srand48(17);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        struct allometer_law *law = parse(cases[k].formula, 1);
        struct allometer_table *table = make_table_of("x,y");
        double noise = 0, size = 0;
        int n = cases[k].n_points;
        for (int i = 0; i < n; ++i) {
            double share = (double)i / (n - 1), y = 2, off = cases[k].noise * uniform(-1, 1);
            for (int c = 0; c < 3; ++c) {
                y += cases[k].size[c] * sin(6.283185307179586 * cases[k].cycles[c] * share + 0.7 + c);
                size = fmax(size, cases[k].size[c]);
            }
            add_row(table, (double[]){cases[k].low + share * (cases[k].high - cases[k].low), y + off});
            noise += off * off;
        }
        struct allometer_fits *fits = fit(table, law, ALLOMETER_OBJECTIVE_MSE, NULL);
        print_message("%s, %g cycles, status %d: mse %g, of the noise %g\n", cases[k].formula,
                      cases[k].cycles[0], fits->groups[0].status, fits->groups[0].objective, noise / n);
        assert_true(fits->groups[0].status <= ALLOMETER_FIT_COST);
        /* the minimum is no worse than the truth; without noise rounding alone is left */
        assert_true(fits->groups[0].objective <= noise / n + 1e-20 * size * size);
        allometer_fits_free(fits);
        allometer_table_free(table);
        allometer_law_free(law);
    }
}

/* On logs the exponential of a formula is fitted as the formula would be to log y: then one parameter is left to be drawn,
   where of all three few draws come near. */
static void test_exponential_on_logs(void **state) {
    (void)state;
    enum { POINTS = 128, NOISES = 10 };
    static const double temperatures[] = {180, 225, 250, 275};
    struct allometer_law *laws[2] = {parse("exp(a - b*x*exp(c*z))", 2), parse("a - b*x*exp(c*z)", 2)};
    srand48(3);
    for (int k = 0; k < NOISES; ++k) {
        double x[POINTS], z[POINTS], log_y[POINTS], objectives[2], c = uniform(0.05, 0.07);
        for (int i = 0; i < POINTS; ++i) {
            x[i] = pow(2, i / 16), z[i] = temperatures[i / 4 % 4];
            log_y[i] = 2.6 - x[i] * exp(c * (z[i] - 325)) + uniform(-0.3, 0.3);
        }
        for (int plain = 0; plain < 2; ++plain) {
            struct allometer_table *table = make_table_of("x,z,y");
            for (int i = 0; i < POINTS; ++i)
                add_row(table, (double[]){x[i], z[i], plain ? log_y[i] : exp(log_y[i])});
            struct allometer_fits *fits =
                fit(table, laws[plain], plain ? ALLOMETER_OBJECTIVE_MSE : ALLOMETER_OBJECTIVE_MSLE, "z");
            assert_true(fits->groups[0].status <= ALLOMETER_FIT_COST);
            objectives[plain] = fits->groups[0].objective;
            allometer_fits_free(fits);
            allometer_table_free(table);
        }
        assert_close("exponential on logs", objectives[0], objectives[1], 0, 1e-12);
    }
    for (int plain = 0; plain < 2; ++plain) allometer_law_free(laws[plain]);
}

/* Where a formula has no value, the group says so, and others go on. */
static void test_no_value(void **state) {
    (void)state;
    struct allometer_table *table = make_table_of("x,y");
    for (int k = 0; k < 10; ++k) add_row(table, (double[]){1 + k, 2 + k});
    static const char *const none[] = {"a*log(-x)", "a + x/(x - x)", "(0 - x)^a"};
    for (int i = 0; i < 3; ++i) {
        struct allometer_law *law = parse(none[i], 1);
        struct allometer_fits *fits = fit(table, law, ALLOMETER_OBJECTIVE_MSE, NULL);
        assert_int_equal(fits->groups[0].status, ALLOMETER_FIT_NOT_FINITE);
        allometer_fits_free(fits);
        allometer_law_free(law);
    }
    struct allometer_law *law = parse("a + b + x", 1); /* the sum alone can be told */
    struct allometer_fits *fits = fit(table, law, ALLOMETER_OBJECTIVE_MSE, NULL);
    assert_int_equal(fits->groups[0].status, ALLOMETER_GROUP_UNDETERMINED);
    allometer_fits_free(fits);
    allometer_law_free(law);
    allometer_table_free(table);
}

/* Sizes that depend on exponents, by many powers of ten: the cost is at most that of the truth. */
static void test_sizes_of_exponents(void **state) {
    static const char *const laws[] = {"((Nc/x)^(an/ad) + Dc/z)^ad",
                                       "b + a*sigmoid(E + A/x^alpha + B/z^beta)"};
    (void)state;
    for (int l = 0; l < 2; ++l) {
        struct allometer_table *table = make_table_of("x,z,y");
        double least = 0;
        for (int k = 0; k < 100; ++k) {
            double noise = 2e-3 * sin(12.9898 * k * k), x = 1e6 * pow(1e4, k % 10 / 9.0),
                   z = 1e8 * pow(1e4, k / 10 / 9.0);
            double y = l ? 0.25 + 0.5 / (1 + exp(-4 + 1200 / pow(x, 0.34) + 1600 / pow(z, 0.28)))
                         : pow(pow(9e13 / x, 0.8) + 5e13 / z, 0.095);
            add_row(table, (double[]){x, z, y * exp(noise)});
            least += noise * noise / 100;
        }
        struct allometer_law *law = parse(laws[l], 2);
        struct allometer_fits *fits = fit(table, law, ALLOMETER_OBJECTIVE_MSLE, "z");
        if (!(fits->groups[0].status <= ALLOMETER_FIT_COST && fits->groups[0].objective <= least))
            fail_msg("%s: %s, %g where the truth has %g", laws[l],
                     allometer_group_status_names[fits->groups[0].status], fits->groups[0].objective, least);
        allometer_fits_free(fits);
        allometer_law_free(law);
        allometer_table_free(table);
    }
}

/* An exponent under many minus signs is looked at once, not once for every path to it. */
static void test_many_minus_signs(void **state) {
    (void)state;
    struct allometer_table *table = make_table_of("x,y");
    for (int k = 1; k <= 20; ++k) add_row(table, (double[]){k, 3 * pow(k, -0.4)});
    struct allometer_law *law = parse("a*x^(" /* 50 */
                                      "- - - - - - - - - - - - - - - - - - - - - - - - - "
                                      "- - - - - - - - - - - - - - - - - - - - - - - - - c)",
                                      1);
    struct allometer_fits *fits = fit(table, law, ALLOMETER_OBJECTIVE_MSLE, NULL);
    assert_close("exponent", fits->groups[0].values[1], -0.4, 0, 1e-9);
    allometer_fits_free(fits);
    allometer_law_free(law);
    allometer_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_laws_as_formulas),
                                       cmocka_unit_test(test_no_value),
                                       cmocka_unit_test(test_two_breaks),
                                       cmocka_unit_test(test_lanczos),
                                       cmocka_unit_test(test_cycles),
                                       cmocka_unit_test(test_exponential_on_logs),
                                       cmocka_unit_test(test_sizes_of_exponents),
                                       cmocka_unit_test(test_many_minus_signs)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
