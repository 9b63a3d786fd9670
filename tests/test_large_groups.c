/* Groups of very many points: their minimum is that of all points, wherever the search for it began, and that of the group
   alone. */
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
#include "made_table.h"
#include "truths.h"

enum { MANY = 6000, FEW = 40 };

/* Steps of a training: x grows by the same with every row, so that few points lie where the law changes most. Errors of 2 %;
   of every 50th point, 20 times that where there are outliers. Group 1 has many rows, the others few. */
static struct allometer_table *make_table(const struct allometer_law *law, const double *inner,
                                          int outliers) {
    struct allometer_table *table = make_table_of("group,x,z,y,weight");
    srand48(11);
    for (int i = 0; i < MANY + 2 * FEW; ++i) {
        int group = i < FEW ? 0 : i < FEW + MANY ? 1 : 2;
        double x = group == 1 ? 10 + 16.0 * (i - FEW) : 10 * pow(1e4, drand48()),
               z = 100 * pow(1e4, drand48()), y;
        allometer_law_evaluate(law, inner, (const double *const[]){&x, &z}, 1, &y, NULL);
        y *= exp(0.02 * (outliers && i % 50 == 7 ? 20 : 1) * (2 * drand48() - 1));
        add_row(table, (double[]){group, x, z, y, 0.5 + drand48()});
    }
    return table;
}

static struct allometer_fits *fit(const struct allometer_table *table, struct allometer_fit_options options) {
    static const char *const group = "group";
    struct allometer_fits *fits;
    struct allometer_error error;
    options.x[0] = "x", options.x[1] = "z", options.y = "y", options.groups = &group, options.n_groups = 1;
    options.delta = 0.02, options.confidence = 0.9, options.backend = &allometer_cpu, options.device = device;
    if (allometer_fit(table, &options, &fits, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    return fits;
}

/* From defaults as good as from the truth, which the minimum is next to; to the last bit as without the other groups. */
static void check(const struct allometer_law *law, const double *truth, const double *inner,
                  struct allometer_fit_options options) {
    static const struct allometer_fit_filter alone = {"group", "1", ALLOMETER_EQUAL};
    struct allometer_fit_setting starts[ALLOMETER_MAX_PARAMETERS];
    struct allometer_table *table = make_table(law, inner, options.objective == ALLOMETER_OBJECTIVE_HUBER);
    size_t P = (size_t)law->n_parameters;
    char what[96];
    options.law = law;
    struct allometer_fits *all = fit(table, options);
    options.filters = &alone, options.n_filters = 1;
    struct allometer_fits *one = fit(table, options);
    for (size_t p = 0; p < P; ++p)
        starts[p] = (struct allometer_fit_setting){law->parameters[p].name, truth[p], NAN, NAN};
    options.settings = starts, options.n_settings = P;
    struct allometer_fits *from_truth = fit(table, options);
    assert_int_equal(all->n_groups, 3);
    assert_memory_equal(all->groups[1].inner, one->groups[0].inner, P * sizeof(double));
    assert_int_equal(all->groups[1].status, one->groups[0].status);
    snprintf(what, sizeof what, "%s, objective %d: %s", law->name, (int)options.objective,
             allometer_group_status_names[one->groups[0].status]);
    /* a lower minimum than next to the truth is no error */
    double best = fmin(one->groups[0].objective, from_truth->groups[0].objective);
    assert_close(what, one->groups[0].objective, best, 0, 1e-8);
    for (int g = 0; g < 3; ++g) assert_true(allometer_group_has_values(all->groups[g].status));
    allometer_fits_free(all), allometer_fits_free(one), allometer_fits_free(from_truth);
    allometer_table_free(table);
}

static void test_laws(void **state) {
    (void)state;
    for (int id = 0; id < ALLOMETER_LAW_COUNT; ++id) {
        const struct allometer_law *law = &allometer_laws[id];
        if (law->n_parameters > 9) continue; /* more breaks than these points tell apart */
        double truth[ALLOMETER_MAX_PARAMETERS], inner[ALLOMETER_MAX_PARAMETERS];
        for (int p = 0; p < law->n_parameters; ++p) {
            truth[p] = truth_of(law, p);
            inner[p] = allometer_role_inner(law->parameters[p].role, truth[p]);
        }
        for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective)
            check(law, truth, inner,
                  (struct allometer_fit_options){.objective = (enum allometer_objective)objective,
                                                 .weight = objective == 1 ? "weight" : NULL});
    }
}

/* Formulas of one and of two variables, one of them faster than the points that stand for others. */
static void test_formulas(void **state) {
    (void)state;
    static const char *const columns[] = {"x", "z"};
    static const struct {
        const char *text;
        int n_columns;
        double truth[5];
    } cases[] = {
        {"a + b*x^-c", 1, {0.3, 6, 0.3}},
        {"a + b*x^-c + d*sin(x/100)", 1, {0.3, 6, 0.3, 0.02}},
        {"a + b*x^-c + d*z^-g", 2, {0.3, 6, 0.3, 5, 0.4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct allometer_law *law;
        double inner[5];
        assert_int_equal(allometer_law_parse(cases[i].text, columns, cases[i].n_columns, &law, NULL),
                         ALLOMETER_OK);
        for (int p = 0; p < law->n_parameters; ++p)
            inner[p] = allometer_role_inner(law->parameters[p].role, cases[i].truth[p]);
        check(law, cases[i].truth, inner,
              (struct allometer_fit_options){.objective = ALLOMETER_OBJECTIVE_MSLE});
        allometer_law_free(law);
    }
}

/* An average of laws, which stays with the points that stand for all: one point more, from which on there are such, changes
   what it says far beyond the points by next to nothing. */
static void test_average(void **state) {
    (void)state;
    enum { LAST_EXACT = 4096 };
    static const double far = 3e6;
    const struct allometer_law *law = allometer_law_find("bnsl-1");
    double inner[ALLOMETER_MAX_PARAMETERS], said[2][3];
    for (int p = 0; p < law->n_parameters; ++p)
        inner[p] = allometer_role_inner(law->parameters[p].role, truth_of(law, p));
    struct allometer_table *table = make_table(law, inner, 0);
    for (int more = 0; more < 2; ++more) {
        char last[32];
        snprintf(last, sizeof last, "%d", 10 + 16 * (LAST_EXACT + more - 1));
        struct allometer_fit_filter filters[] = {{"group", "1", ALLOMETER_EQUAL},
                                                 {"x", last, ALLOMETER_LESS_OR_EQUAL}};
        struct allometer_fits *fits =
            fit(table, (struct allometer_fit_options){.law = allometer_law_find("auto"),
                                                      .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                      .filters = filters,
                                                      .n_filters = 2,
                                                      .at = &far,
                                                      .n_at = 1});
        assert_int_equal(fits->groups[0].n_train, LAST_EXACT + more);
        said[more][0] = fits->at_y[0], said[more][1] = fits->at_lower[0], said[more][2] = fits->at_upper[0];
        allometer_fits_free(fits);
    }
    assert_doubles_close("auto", said[1], said[0], 3, 0.02 * (said[0][2] - said[0][1]), 0);
    allometer_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_laws), cmocka_unit_test(test_formulas),
                                       cmocka_unit_test(test_average)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
