/* The search for the lowest minimum, of which the errors of few points make several. */
#include "fit.h"
#include "formula_parse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compare.h"
#include "cpu_device.h"
#include "draws.h"
#include "made_table.h"

enum { GROUPS = 150 };

/* Groups of 8 to 80 points with errors of 0.3 to 10 %, each with a law of its own. */
static struct allometer_table *make_table(const struct allometer_law *law) {
    static const double errors[] = {0.003, 0.02, 0.1};
    struct allometer_table *table = make_table_of("group,N,D,y");
    srand48(3);
    for (int g = 0; g < GROUPS; ++g) {
        int n = (int)uniform(8, 80), is_sum_of_powers = law->n_columns == 2;
        double inner[5] = {uniform(0, 2), uniform(2.3, 6.9), exp(uniform(-21, -12))};
        if (is_sum_of_powers)
            inner[2] = uniform(2.3, 9.2), inner[3] = uniform(0.2, 0.5), inner[4] = uniform(0.2, 0.5);
        for (int i = 0; i < n; ++i) {
            double x[2] = {pow(10, uniform(5, 10)), pow(10, uniform(7, 11))}, y;
            allometer_law_evaluate(law, inner, (const double *const[]){&x[0], &x[1]}, 1, &y, NULL);
            add_row(table, (double[]){g, x[0], x[1], y * exp(errors[g % 3] * gauss())});
        }
    }
    return table;
}

/* Costs of all groups at the minima found, GROUPS of them. */
static void find_costs(const struct allometer_table *table, struct allometer_fit_options options,
                       double *costs) {
    static const char *const group = "group";
    struct allometer_fits *fits;
    struct allometer_error error;
    options.x[0] = "N", options.x[1] = "D", options.y = "y", options.groups = &group, options.n_groups = 1;
    options.delta = 0.001, options.confidence = 0.9, options.backend = &allometer_cpu,
    options.device = device;
    if (allometer_fit(table, &options, &fits, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    assert_int_equal(fits->n_groups, GROUPS);
    for (int g = 0; g < GROUPS; ++g) costs[g] = fits->groups[g].objective;
    allometer_fits_free(fits);
}

/* A law's minima are as low as those of the same law as a formula, whose search begins elsewhere. */
static void check(const char *name, const char *text, const struct allometer_fit_setting *bounds) {
    static const char *const columns[] = {"N", "D"};
    const struct allometer_law *law = allometer_law_find(name);
    struct allometer_table *table = make_table(law);
    struct allometer_law *formula;
    assert_int_equal(allometer_law_parse(text, columns, law->n_columns, &formula, NULL), ALLOMETER_OK);
    for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective) {
        double found[GROUPS], least[GROUPS];
        char what[64];
        struct allometer_fit_options options = {.law = law, .objective = (enum allometer_objective)objective};
        find_costs(table, options, found);
        options.law = formula, options.settings = bounds, options.n_settings = (size_t)law->n_columns + 1;
        find_costs(table, options, least);
        for (int g = 0; g < GROUPS; ++g) least[g] = fmin(least[g], found[g]);
        snprintf(what, sizeof what, "%s, objective %d", name, objective);
        assert_doubles_close(what, found, least, GROUPS, 0, 1e-6);
    }
    allometer_law_free(formula);
    allometer_table_free(table);
}

static void test_exponential(void **state) {
    (void)state;
    check("exponential", "a + b*exp(-c*N)",
          (struct allometer_fit_setting[]){{"a", NAN, 0, NAN}, {"b", NAN, 0, NAN}});
}

static void test_chinchilla(void **state) {
    (void)state;
    check("chinchilla", "E + A/N^alpha + B/D^beta",
          (struct allometer_fit_setting[]){{"E", NAN, 0, NAN}, {"A", NAN, 0, NAN}, {"B", NAN, 0, NAN}});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exponential), cmocka_unit_test(test_chinchilla)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
