/* Fits as the library offers them: every law of the table finds its own parameters again, from starts that the data give;
   intervals cover what they claim to. */
#include "fit.h"
#include "text.h"

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

static struct allometer_fits *fit(const struct allometer_table *table, struct allometer_fit_options options) {
    struct allometer_fits *fits;
    struct allometer_error error;
    options.backend = &allometer_cpu, options.device = device;
    options.y = "y";
    if (options.confidence == 0) options.confidence = 0.95;
    if (allometer_fit(table, &options, &fits, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    return fits;
}

/* Without noise, and with nothing known but the law. */
static void test_laws_find_their_parameters(void **state) {
    (void)state;
    for (int law = 0; law < ALLOMETER_LAW_COUNT; ++law) {
        const struct allometer_law *row = &allometer_laws[law];
        int P = row->n_parameters, n_breaks = strncmp(row->name, "bnsl", 4) ? 0 : P / 3 - 1;
        if (n_breaks > 2) continue; /* test_many_breaks */
        double inner[ALLOMETER_MAX_PARAMETERS], truth[ALLOMETER_MAX_PARAMETERS], x[2][100], y[100];
        const double *columns[] = {x[0], x[1]};
        for (int p = 0; p < P; ++p) {
            truth[p] = truth_of(row, p);
            inner[p] = allometer_role_inner(row->parameters[p].role, truth[p]);
        }
        for (int i = 0; i < 100; ++i) {
            x[0][i] = 10 * pow(1e4, (row->n_columns == 2 ? i % 10 : i) / (row->n_columns == 2 ? 9.0 : 99.0));
            x[1][i] = 100 * pow(1e4, i / 10 / 9.0);
        }
        allometer_law_evaluate(&allometer_laws[law], inner, columns, 100, y, NULL);
        struct allometer_table *table = make_table_of("x,d,y,train");
        for (int i = 0; i < 100; ++i) add_row(table, (double[]){x[0][i], x[1][i], y[i], 1});
        for (int objective = 0; objective < 2; ++objective) {
            struct allometer_fits *fits =
                fit(table, (struct allometer_fit_options){
                               .law = &allometer_laws[law], .objective = objective, .x = {"x", "d"}});
            char what[64];
            snprintf(what, sizeof what, "%s, %s: %s", row->name, objective ? "msle" : "mse",
                     allometer_group_status_names[fits->groups[0].status]);
            assert_doubles_close(what, fits->groups[0].values, truth, (size_t)P, 0, 1e-6);
            assert_int_equal(fits->groups[0].status <= ALLOMETER_FIT_COST, 1);
            allometer_fits_free(fits);
        }
        allometer_table_free(table);
    }
}

/* Breaks come in the order of their positions: parameters of bnsl are a, b, c0, then c_i, d_i, f_i for each. */
static void assert_breaks_in_order(const double *values, int P) {
    for (int p = 7; p < P; p += 3) assert_true(values[p - 3] <= values[p]);
}

/* Laws with many breaks have many minima of nearly the same height: here the curve is asked for, not each parameter. */
static void test_many_breaks(void **state) {
    (void)state;
    for (int law = ALLOMETER_LAW_bnsl_3; law <= ALLOMETER_LAW_bnsl_6; ++law) {
        const struct allometer_law *row = &allometer_laws[law];
        struct allometer_table *table = make_table_of("x,y");
        double inner[ALLOMETER_MAX_PARAMETERS];
        for (int p = 0; p < row->n_parameters; ++p) {
            inner[p] = allometer_role_inner(row->parameters[p].role, truth_of(row, p));
        }
        for (int i = 0; i < 200; ++i) {
            double x = 10 * pow(1e4, i / 199.0), y;
            const double *columns[] = {&x};
            allometer_law_evaluate(&allometer_laws[law], inner, columns, 1, &y, NULL);
            add_row(table, (double[]){x, y});
        }
        struct allometer_fits *fits =
            fit(table, (struct allometer_fit_options){.law = &allometer_laws[law],
                                                      .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                      .x = {"x"},
                                                      .bootstrap = law == ALLOMETER_LAW_bnsl_3 ? 50 : 0,
                                                      .keep_resamples = 1,
                                                      .confidence = 0.9});
        assert_breaks_in_order(fits->groups[0].values, row->n_parameters);
        for (int r = 0; r < fits->options.bootstrap; ++r) {
            assert_breaks_in_order(fits->resamples + r * row->n_parameters, row->n_parameters);
        }
        print_message("%s: rmsle %.2e, %s\n", row->name, fits->groups[0].rmsle_train,
                      allometer_group_status_names[fits->groups[0].status]);
        assert_true(fits->groups[0].rmsle_train < 1e-9);
        allometer_fits_free(fits);
        allometer_table_free(table);
    }
}

enum { CURVES = 400, POINTS = 40 };

/* CURVES power laws 5 x^-0.4 of POINTS points, with 10 % noise and one more point, ten times as far, that is not fitted.
   Weights are of any size, and every second point's as noisy as its weight says. */
static struct allometer_table *noisy_curves(double odd_weight) {
    struct allometer_table *table = make_table_of("curve,x,y,train,weight");
    srand48(3);
    for (int c = 0; c < CURVES; ++c) {
        for (int i = 0; i <= POINTS; ++i) {
            double x = i < POINTS ? 10 * pow(100, i / (POINTS - 1.0)) : 1e4, weight = i % 2 ? odd_weight : 1;
            double error = 0.1 * gauss() / sqrt(weight);
            add_row(table, (double[]){c, x, 5 * pow(x, -0.4) * exp(error), i < POINTS, 0.01 * weight});
        }
    }
    return table;
}

/* A share of CURVES intervals of nominal coverage 0.9: 4 binomial standard deviations are 0.06; resampling points
   with 40 of them is known to cover a little less than it claims (the spread of 40 errors is taken for that of all). */
static void check_share(const char *what, int n, double low, double high) {
    double share = (double)n / CURVES;
    print_message("%s: %.3f of nominal 0.9 intervals cover the truth\n", what, share);
    assert_true(share >= low && share <= high);
}

static void check_coverage(const struct allometer_table *table, int bootstrap, double delta,
                           const char *weight) {
    static const char *const groups[] = {"curve"};
    struct allometer_fits *fits =
        fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_power],
                                                  .objective = delta > 0 ? ALLOMETER_OBJECTIVE_HUBER
                                                                         : ALLOMETER_OBJECTIVE_MSLE,
                                                  .delta = delta,
                                                  .weight = weight,
                                                  .x = {"x"},
                                                  .groups = groups,
                                                  .n_groups = 1,
                                                  .train_column = "train",
                                                  .train_value = "1",
                                                  .bootstrap = bootstrap,
                                                  .confidence = 0.9,
                                                  .bands = 1});
    int exponent = 0, scale = 0, beyond = 0;
    assert_int_equal(fits->n_groups, CURVES);
    for (size_t g = 0; g < CURVES; ++g) {
        const struct allometer_fit_group *group = &fits->groups[g];
        size_t last = group->first_row + POINTS;
        /* Huber's loss with a small delta has kinks, at which a fit may stall */
        assert_true(group->status <= ALLOMETER_FIT_COST
                    || (delta > 0 && allometer_group_has_values(group->status)));
        assert_true(group->n_train == POINTS && group->n_test == 1);
        assert_int_equal(group->n_resamples, bootstrap);
        scale += group->lower[0] <= 5 && 5 <= group->upper[0];
        exponent += group->lower[1] <= 0.4 && 0.4 <= group->upper[1];
        beyond += fits->lower[last] <= fits->y[last] && fits->y[last] <= fits->upper[last];
    }
    print_message("%s%s%s:\n", bootstrap ? "bootstrap" : "standard errors", weight ? ", weights" : "",
                  delta > 0.01 ? ", huber"
                  : delta > 0  ? ", huber far below the noise"
                               : "");
    /* the density of the errors around 0, which a small delta asks for, is taken from more than a half of them: too low */
    double most = delta > 0 ? 0.98 : 0.96;
    check_share("scale", scale, 0.83, most);
    check_share("exponent", exponent, 0.83, most);
    check_share("a point beyond", beyond, 0.83, 0.96);
    allometer_fits_free(fits);
}

static void test_intervals_cover_the_truth(void **state) {
    (void)state;
    struct allometer_table *table = noisy_curves(1);
    check_coverage(table, 0, 0, NULL);
    check_coverage(table, 500, 0, NULL);
    check_coverage(table, 0, 1e-3, NULL);
    check_coverage(table, 0, 0.1, NULL);
    allometer_table_free(table);
    table = noisy_curves(0.04);
    check_coverage(table, 0, 0, "weight");
    check_coverage(table, 500, 0, "weight");
    allometer_table_free(table);
}

/* Ten runs of four points each, all four off by the same 20 %: points are not independent, runs are. */
static void test_clusters_widen_intervals(void **state) {
    (void)state;
    int covered[2] = {0, 0};
    srand48(4);
    for (int trial = 0; trial < 200; ++trial) {
        struct allometer_table *table = make_table_of("run,x,y");
        for (int run = 0; run < 20; ++run) {
            double factor = exp(0.2 * gauss());
            for (int i = 0; i < 4; ++i) {
                double x = pow(10, 1 + run / 10.0);
                add_row(table, (double[]){run, x, 5 * pow(x, -0.4) * factor * exp(0.01 * gauss())});
            }
        }
        for (int clustered = 0; clustered < 2; ++clustered) {
            struct allometer_fits *fits =
                fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_power],
                                                          .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                          .x = {"x"},
                                                          .cluster = clustered ? "run" : NULL,
                                                          .bootstrap = 200,
                                                          .confidence = 0.9});
            assert_int_equal(fits->groups[0].n_units, clustered ? 20 : 80);
            covered[clustered] += fits->groups[0].lower[1] <= 0.4 && 0.4 <= fits->groups[0].upper[1];
            allometer_fits_free(fits);
        }
        allometer_table_free(table);
    }
    print_message("of 200 nominal 0.9 intervals %d cover the truth when points are drawn, %d when runs are\n",
                  covered[0], covered[1]);
    /* points: half the width, so about 1 - 2 * (1 - Phi(1.645 / 2)) = 0.59; runs: 0.9 less what 20 units cost; both
       within 4 binomial standard deviations */
    assert_in_range(covered[0], 90, 146);
    assert_in_range(covered[1], 156, 192);
}

/* Weights are repetitions: twice the weight is the row twice. */
static void test_weights_are_repetitions(void **state) {
    (void)state;
    struct allometer_table *weighted = make_table_of("x,y,w"), *repeated = make_table_of("x,y,w");
    srand48(5);
    for (int i = 0; i < 30; ++i) {
        double x = 10 + i * i, y = 3 / sqrt(x) * exp(0.1 * gauss());
        add_row(weighted, (double[]){x, y, 1 + i % 3});
        for (int k = 0; k <= i % 3; ++k) add_row(repeated, (double[]){x, y, 1});
    }
    struct allometer_fit_options options = {
        .law = &allometer_laws[ALLOMETER_LAW_power], .objective = ALLOMETER_OBJECTIVE_MSLE, .x = {"x"}};
    options.weight = "w";
    struct allometer_fits *one = fit(weighted, options), *other = fit(repeated, options);
    assert_doubles_close("weights", one->groups[0].values, other->groups[0].values, 2, 0, 1e-9);
    assert_close("objective", one->groups[0].objective, other->groups[0].objective, 0, 1e-9);
    allometer_fits_free(one);
    allometer_fits_free(other);
    allometer_table_free(weighted);
    allometer_table_free(repeated);
}

/* y = 2 - 0.1 log x, or log y, exactly solvable: weighted least squares by hand on four points. */
static void check_line(int on_logs, int is_weighted) {
    const double z[] = {0, 1, 2, 3}, y[] = {2.0, 1.95, 1.75, 1.72}, beyond = exp(5);
    struct allometer_table *table = make_table_of("x,y,w");
    double w[4], weights = 0, mean_z = 0, mean_y = 0, zz = 0, zy = 0, rss = 0, square = 0;
    for (int i = 0; i < 4; ++i) {
        w[i] = is_weighted ? 0.5 + i % 3 : 1;
        add_row(table, (double[]){exp(z[i]), on_logs ? exp(y[i]) : y[i], w[i]});
        weights += w[i], mean_z += w[i] * z[i], mean_y += w[i] * y[i];
    }
    mean_z /= weights, mean_y /= weights;
    for (int i = 0; i < 4; ++i)
        zz += w[i] * pow(z[i] - mean_z, 2), zy += w[i] * (z[i] - mean_z) * (y[i] - mean_y);
    const double slope = zy / zz, level = mean_y - slope * mean_z;
    for (int i = 0; i < 4; ++i) {
        const double error = y[i] - level - slope * z[i];
        rss += w[i] * error * error, square += error * error / 4;
    }
    struct allometer_fits *fits =
        fit(table, (struct allometer_fit_options){
                       .law = &allometer_laws[on_logs ? ALLOMETER_LAW_power : ALLOMETER_LAW_logarithmic],
                       .objective = on_logs ? ALLOMETER_OBJECTIVE_MSLE : ALLOMETER_OBJECTIVE_MSE,
                       .weight = is_weighted ? "w" : NULL,
                       .x = {"x"},
                       .bands = 1,
                       .at = &beyond,
                       .n_at = 1});
    const struct allometer_fit_group *group = &fits->groups[0];
    const double t = 4.302652729749464; /* 0.975 quantile of Student's t with 2 degrees of freedom: tables */
    const double variance = rss / 2, error = sqrt(variance * (1 / weights + mean_z * mean_z / zz));
    const double values[] = {on_logs ? exp(level) : level, -slope},
                 errors[] = {error * (on_logs ? exp(level) : 1), sqrt(variance / zz)};
    /* a minimum is known to 1e-10 of its standard errors: that is where the solver stops */
    assert_doubles_close("values", group->values, values, 2, 0, 1e-11);
    assert_doubles_close("standard errors", group->errors, errors, 2, 0, 1e-10);
    assert_close("lower", group->lower[1], -slope - t * errors[1], 0, 1e-10);
    assert_close("upper", group->upper[1], -slope + t * errors[1], 0, 1e-10);
    assert_close("upper level", group->upper[0], on_logs ? exp(level + t * error) : level + t * error, 0,
                 1e-10);
    assert_close("objective", group->objective, rss / weights, 0, 1e-10);
    if (on_logs) assert_close("rmsle", group->rmsle_train, sqrt(square), 0, 1e-10);
    /* where a new y would lie, of its row's weight, and beyond the rows of the mean one */
    for (int i = 0; i < 5; ++i) {
        const double at = i < 4 ? z[i] : 5, weight = i < 4 ? w[i] : weights / 4, middle = level + slope * at;
        const double reach = t * sqrt(variance * (1 / weights + pow(at - mean_z, 2) / zz + 1 / weight));
        const double band[] = {i < 4 ? fits->lower[i] : fits->at_lower[0],
                               i < 4 ? fits->yhat[i] : fits->at_y[0],
                               i < 4 ? fits->upper[i] : fits->at_upper[0]};
        const double expected[] = {middle - reach, middle, middle + reach};
        for (int k = 0; k < 3; ++k)
            assert_close("a new y", on_logs ? log(band[k]) : band[k], expected[k], 1e-10, 1e-10);
    }
    allometer_fits_free(fits);
    allometer_table_free(table);
}

static void test_standard_errors_of_a_line(void **state) {
    (void)state;
    for (int i = 0; i < 4; ++i) check_line(i % 2, i / 2);
}

/* Huber's loss that no error is too large for is half the square, and all else as the square has it. */
static void test_a_large_delta_is_half_the_square(void **state) {
    (void)state;
    struct allometer_table *table = make_table_of("x,y,w");
    srand48(7);
    for (int i = 0; i < 30; ++i)
        add_row(table, (double[]){1 + i, 3 / sqrt(1 + i) * exp(0.1 * gauss()), 1 + i % 3});
    struct allometer_fit_options options = {.law = &allometer_laws[ALLOMETER_LAW_power],
                                            .objective = ALLOMETER_OBJECTIVE_MSLE,
                                            .weight = "w",
                                            .x = {"x"},
                                            .bands = 1};
    struct allometer_fits *square = fit(table, options);
    options.objective = ALLOMETER_OBJECTIVE_HUBER, options.delta = 10;
    struct allometer_fits *huber = fit(table, options);
    assert_close("objective", huber->groups[0].objective, square->groups[0].objective / 2, 0, 1e-9);
    assert_doubles_close("values", huber->groups[0].values, square->groups[0].values, 2, 0, 1e-9);
    assert_doubles_close("errors", huber->groups[0].errors, square->groups[0].errors, 2, 0, 1e-9);
    assert_doubles_close("a new y", huber->upper, square->upper, 30, 0, 1e-9);
    allometer_fits_free(square), allometer_fits_free(huber);
    allometer_table_free(table);
}

/* Of a constant, which is all that a power of exponent 0 has, Huber's own formula (1981, equations 6.5 and 6.6 of chapter 7):
   of n errors the share m lies within delta, the others count as if they did at delta. */
static void test_hubers_errors(void **state) {
    (void)state;
    enum { N = 40 };
    const double delta = 0.1;
    static const struct allometer_fit_setting exponent = {"b", NAN, 0, 0};
    struct allometer_table *table = make_table_of("x,y");
    srand48(8);
    for (int i = 0; i < N; ++i) add_row(table, (double[]){1 + i, 2 * exp(0.1 * gauss())});
    struct allometer_fits *fits =
        fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_power],
                                                  .objective = ALLOMETER_OBJECTIVE_HUBER,
                                                  .delta = delta,
                                                  .settings = &exponent,
                                                  .n_settings = 1,
                                                  .x = {"x"}});
    const struct allometer_fit_group *group = &fits->groups[0];
    double pull = 0, clipped = 0, m = 0;
    for (int i = 0; i < N; ++i) {
        const double error = log(fits->y[i] / group->values[0]), psi = fmin(fmax(error, -delta), delta);
        pull += psi, clipped += psi * psi, m += (fabs(error) < delta) / (double)N;
    }
    assert_true(m > 0.6 && m < 0.8); /* some are outside, and those inside enough to count */
    assert_close("pull", pull, 0, 1e-9, 0);
    const double correction = 1 + (1 - m) / m / N;
    assert_close("error of the constant", group->errors[0] / group->values[0],
                 correction * sqrt(clipped / (N - 1) / N) / m, 0, 1e-8);
    allometer_fits_free(fits);
    allometer_table_free(table);
}

/* Where weights differ, points are clipped at different multiples of their own scatter: the standard errors are the
   deviations of the estimates all the same. */
static void test_hubers_errors_of_weighted_points(void **state) {
    (void)state;
    enum { GROUPS = 600, N = 60 };
    static const char *const groups[] = {"group"};
    struct allometer_table *table = make_table_of("x,y,w,group");
    srand48(9);
    for (int i = 0; i < GROUPS * N; ++i) {
        const double x = 1 + i % N, w = pow(10, i % 3 - 1);
        add_row(table, (double[]){x, 2 / sqrt(x) * exp(0.1 * gauss() / sqrt(w)), w, i / N});
    }
    struct allometer_fits *fits =
        fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_power],
                                                  .objective = ALLOMETER_OBJECTIVE_HUBER,
                                                  .delta = 0.03,
                                                  .weight = "w",
                                                  .groups = groups,
                                                  .n_groups = 1,
                                                  .x = {"x"}});
    double told = 0, seen = 0;
    for (int g = 0; g < GROUPS; ++g) {
        const double off = fits->groups[g].values[1] - 0.5;
        told += fits->groups[g].errors[1] / GROUPS, seen += off * off / GROUPS;
    }
    print_message("exponent: standard error %.4f, deviation %.4f\n", told, sqrt(seen));
    assert_close("standard error", told, sqrt(seen), 0, 0.1);
    allometer_fits_free(fits);
    allometer_table_free(table);
}

/* b and c of a + b x^-c on a constant: any b with c = 0 does as well. */
static void test_undetermined_says_so(void **state) {
    (void)state;
    struct allometer_table *table = make_table_of("x,y");
    for (int i = 0; i < 10; ++i) add_row(table, (double[]){10 + i, 2});
    struct allometer_fits *fits =
        fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_power_offset],
                                                  .objective = ALLOMETER_OBJECTIVE_MSLE,
                                                  .x = {"x"}});
    assert_int_equal(fits->groups[0].status, ALLOMETER_GROUP_UNDETERMINED);
    assert_close("yhat", fits->yhat[3], 2, 0, 1e-9);
    allometer_fits_free(fits);
    allometer_table_free(table);
}

/* Where the law is constant, with c = 0, it tells nothing of gamma: the derivative that says so is rounding, and not 0. */
static void test_open_parameters_are_told(void **state) {
    (void)state;
    struct allometer_table *table = make_table_of("x,y");
    for (int i = 0; i < 10; ++i) add_row(table, (double[]){1 << i, 2});
    for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective) {
        struct allometer_fits *fits =
            fit(table, (struct allometer_fit_options){.law = &allometer_laws[ALLOMETER_LAW_m3],
                                                      .objective = (enum allometer_objective)objective,
                                                      .delta = 1e-3,
                                                      .x = {"x"}});
        assert_int_equal(fits->groups[0].status, ALLOMETER_GROUP_UNDETERMINED);
        assert_true(isnan(fits->groups[0].errors[1]) && isnan(fits->groups[0].lower[1]));
        allometer_fits_free(fits);
    }
    allometer_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laws_find_their_parameters),
        cmocka_unit_test(test_many_breaks),
        cmocka_unit_test(test_intervals_cover_the_truth),
        cmocka_unit_test(test_clusters_widen_intervals),
        cmocka_unit_test(test_weights_are_repetitions),
        cmocka_unit_test(test_standard_errors_of_a_line),
        cmocka_unit_test(test_a_large_delta_is_half_the_square),
        cmocka_unit_test(test_hubers_errors),
        cmocka_unit_test(test_hubers_errors_of_weighted_points),
        cmocka_unit_test(test_undetermined_says_so),
        cmocka_unit_test(test_open_parameters_are_told),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
