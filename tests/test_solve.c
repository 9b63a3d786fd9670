/* The solver as a batch: the same fit is the same, bit for bit, alone, in any lane, among thousands and on any number of
   threads; bounds and statuses mean what they say; GSL's solver finds the same minima. */
#include "backend.h"
#include "formula_parse.h"
#include "laws.h"

#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cases.h"
#include "compare.h"
#include "draws.h"

#define ROW(set) #set,
static const char *const instruction_sets[] = {ALLOMETER_INSTRUCTION_SETS};
#undef ROW
enum {
    N_INSTRUCTION_SETS = sizeof instruction_sets / sizeof *instruction_sets,
    SETS = 40,
    MOST = 60,
    P = 3,
    FITS = 3000
};

/* SETS data sets of 5 to 60 points of a + b x^-c with 3 % noise, in units of one to three points, and FITS problems on
   them: plain and resampled, from starts of all kinds. */
struct world {
    double log_x[SETS * MOST], target[SETS * MOST], weight[SETS * MOST];
    int64_t units[SETS * MOST + 1];
    struct allometer_fit_set sets[SETS];
    double lower[SETS * P], upper[SETS * P], prior_mean[SETS * P], prior_precision[SETS * P],
        prior_reach[SETS * P], starts[FITS * P];
    struct allometer_fit_problem problems[FITS];
    double parameters[FITS * P];
    struct allometer_fit_outcome outcomes[FITS];
};
static struct world world;

static void make_world(int objective) {
    int64_t point = 0, unit = 0;
    srand48(2);
    memset(&world, 0, sizeof world);
    for (int s = 0; s < SETS; ++s) {
        int n = 5 + (int)(drand48() * (MOST - 4));
        double a = drand48(), b = exp(2 * drand48()), c = 0.2 + drand48();
        world.sets[s] = (struct allometer_fit_set){.first_unit = unit, .stream = (uint64_t)s * 7919};
        for (int64_t end = point + n; point < end; ++unit) {
            world.units[unit] = point;
            for (int64_t size = 1 + (int64_t)(drand48() * 3); size > 0 && point < end; --size, ++point) {
                double y = (a + b * exp(-c * (world.log_x[point] = 5 * drand48()))) * exp(0.03 * gauss());
                world.target[point] = objective == ALLOMETER_OBJECTIVE_MSE ? y : log(y);
                world.weight[point] = 0.5 + drand48();
            }
        }
        world.sets[s].n_units = (int32_t)(unit - world.sets[s].first_unit);
        for (int p = 0; p < P; ++p) world.lower[s * P + p] = -INFINITY, world.upper[s * P + p] = INFINITY;
        world.lower[s * P] = 0;
        for (int p = 0; p < P; ++p) {
            world.prior_mean[s * P + p] = drand48(), world.prior_reach[s * P + p] = 0.1 + drand48();
        }
        world.prior_precision[s * P + 2] = drand48();
    }
    world.units[unit] = point;
    for (int f = 0; f < FITS; ++f) {
        world.problems[f].set = (int32_t)(drand48() * SETS);
        world.problems[f].resample = drand48() < 0.5 ? 0 : (uint32_t)(drand48() * 1000);
        const double start[P] = {drand48(), 2 * drand48(), drand48() < 0.01 ? 1e4 : 1.5 * drand48()};
        memcpy(&world.starts[f * P], start, sizeof start);
    }
}

static struct allometer_law *formula; /* power-offset as a formula, in the same coordinates */

static struct allometer_fitting fitting_of(int objective, const struct allometer_law *law) {
    return (struct allometer_fitting){.law = (int32_t)law->id,
                                      .program = law->program,
                                      .objective = objective,
                                      .delta = 0.02,
                                      .max_iterations = 100,
                                      .seed = 5,
                                      .points = {.columns = {world.log_x},
                                                 .target = world.target,
                                                 .weight = world.weight,
                                                 .units = world.units},
                                      .sets = world.sets,
                                      .lower = world.lower,
                                      .upper = world.upper,
                                      .problems = world.problems,
                                      .starts = world.starts,
                                      .n_sets = SETS,
                                      .n_problems = FITS,
                                      .parameters = world.parameters,
                                      .outcomes = world.outcomes};
}

static const struct allometer_backend *backend; /* under test */

/* Fits n problems from `first` on; 0 if this machine has not the instruction set. */
static int fit(struct allometer_fitting fitting, int64_t first, int64_t n, const char *set, int threads,
               double *parameters, struct allometer_fit_outcome *outcomes) {
    struct allometer_device *device;
    struct allometer_error error = {0};
    const struct allometer_device_options options = {.threads = threads, .instruction_set = set};
    if (backend->open(&device, &options, &error) != ALLOMETER_OK) return 0;
    fitting.problems += first, fitting.starts += first * P, fitting.n_problems = n;
    fitting.parameters = parameters, fitting.outcomes = outcomes;
    if (backend->fit(device, &fitting, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    backend->close(device);
    return 1;
}

static void assert_same(int64_t f, const double *parameters, const struct allometer_fit_outcome *outcome) {
    assert_memory_equal(parameters, &world.parameters[f * P], P * sizeof(double));
    assert_memory_equal(outcome, &world.outcomes[f], sizeof *outcome);
}

static void check_invariance(const char *set, int objective, const struct allometer_law *law) {
    static double parameters[FITS * P];
    static struct allometer_fit_outcome outcomes[FITS];
    struct allometer_fitting fitting = fitting_of(objective, law);
    fitting.prior_mean = world.prior_mean, fitting.prior_precision = world.prior_precision;
    fitting.prior_reach = world.prior_reach;
    if (!fit(fitting, 0, FITS, set, 1, world.parameters, world.outcomes)) {
        print_message("%s: skipped, not on this machine\n", set);
        return;
    }
    int ended[ALLOMETER_FIT_STATUS_COUNT] = {0};
    for (int f = 0; f < FITS; ++f) ended[world.outcomes[f].status]++;
    print_message("%s: %d, %d, %d minima, %d stalled, %d out of iterations, %d not finite\n", set, ended[0],
                  ended[1], ended[2], ended[3], ended[4], ended[5]);
    assert_true(ended[0] + ended[1] + ended[2] > FITS * 9 / 10);
    for (int threads = 1; threads <= 3; ++threads) {
        memset(parameters, 0, sizeof parameters);
        fit(fitting, 0, FITS, set, threads, parameters, outcomes);
        for (int f = 0; f < FITS; ++f) assert_same(f, &parameters[f * P], &outcomes[f]);
    }
    for (int f = 0; f < FITS; f += 7) { /* alone */
        fit(fitting, f, 1, set, 1, parameters, outcomes);
        assert_same(f, parameters, outcomes);
    }
    for (int before = 0; before < 9; ++before) { /* one problem in each lane, beside others */
        fit(fitting, 100 - before, 20, set, 1, parameters, outcomes);
        assert_same(100, &parameters[before * P], &outcomes[before]);
    }
}

static void test_batches_do_not_matter(void **state) {
    (void)state;
    for (int objective = 0; objective < ALLOMETER_OBJECTIVE_COUNT; ++objective) {
        make_world(objective);
        for (int i = 0; i < (backend == &allometer_cpu ? N_INSTRUCTION_SETS : 1); ++i) {
            check_invariance(instruction_sets[i], objective, &allometer_laws[ALLOMETER_LAW_power_offset]);
            check_invariance(instruction_sets[i], objective, formula);
        }
    }
}

/* A law's residuals and Jacobian for GSL, over the points of one of the world's sets. */
struct gsl_problem {
    int64_t first;
    size_t n;
};

static void gsl_evaluate(const gsl_vector *t, const struct gsl_problem *problem, double *values,
                         double *derivatives) {
    double inner[P];
    const double *columns[] = {&world.log_x[problem->first]};
    for (size_t p = 0; p < P; ++p) inner[p] = gsl_vector_get(t, p);
    allometer_law_evaluate_formed(&allometer_laws[ALLOMETER_LAW_power_offset], inner, columns, problem->n,
                                  values, derivatives);
}

static int gsl_residuals(const gsl_vector *t, void *user, gsl_vector *r) {
    const struct gsl_problem *problem = user;
    double values[MOST];
    gsl_evaluate(t, problem, values, NULL);
    for (size_t i = 0; i < problem->n; ++i) {
        double root = sqrt(world.weight[problem->first + (int64_t)i]);
        gsl_vector_set(r, i, root * (log(values[i]) - world.target[problem->first + (int64_t)i]));
    }
    return GSL_SUCCESS;
}

static int gsl_jacobian(const gsl_vector *t, void *user, gsl_matrix *jacobian) {
    const struct gsl_problem *problem = user;
    double values[MOST], derivatives[MOST * P];
    gsl_evaluate(t, problem, values, derivatives);
    for (size_t i = 0; i < problem->n; ++i) {
        double root = sqrt(world.weight[problem->first + (int64_t)i]);
        for (size_t p = 0; p < P; ++p)
            gsl_matrix_set(jacobian, i, p, root * derivatives[i * P + p] / values[i]);
    }
    return GSL_SUCCESS;
}

/* From where our solver ended GSL's moves no further than its own tolerance, and from the start it finds no lower cost. */
static double gsl_minimum(const struct gsl_problem *problem, const double *start, double *minimum) {
    gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_fdf fdf = {.f = gsl_residuals,
                                    .df = gsl_jacobian,
                                    .n = problem->n,
                                    .p = P,
                                    .params = (void *)(uintptr_t)problem};
    gsl_multifit_nlinear_workspace *workspace =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &options, problem->n, P);
    gsl_vector_const_view from = gsl_vector_const_view_array(start, P);
    int why;
    double cost = 0;
    gsl_multifit_nlinear_init(&from.vector, &fdf, workspace);
    gsl_multifit_nlinear_driver(1000, 1e-15, 1e-15, 0, NULL, NULL, &why, workspace);
    for (size_t p = 0; p < P; ++p) minimum[p] = gsl_vector_get(workspace->x, p);
    for (size_t i = 0; i < problem->n; ++i) cost += pow(gsl_vector_get(workspace->f, i), 2);
    gsl_multifit_nlinear_free(workspace);
    return cost;
}

static void test_gsl_agrees(void **state) {
    (void)state;
    int compared = 0;
    make_world(ALLOMETER_OBJECTIVE_MSLE);
    for (int i = 0; i < SETS * P; ++i) world.lower[i] = -INFINITY;
    for (int f = 0; f < FITS; ++f) world.problems[f].resample = 0;
    fit(fitting_of(ALLOMETER_OBJECTIVE_MSLE, &allometer_laws[ALLOMETER_LAW_power_offset]), 0, FITS, NULL, 0,
        world.parameters, world.outcomes);
    for (int f = 0; f < FITS; f += 10) {
        const struct allometer_fit_set *set = &world.sets[world.problems[f].set];
        struct gsl_problem problem = {.first = world.units[set->first_unit]};
        problem.n = (size_t)(world.units[set->first_unit + set->n_units] - problem.first);
        double minimum[P], cost;
        if (world.outcomes[f].status > ALLOMETER_FIT_COST || world.starts[f * P + 2] > 10) continue;
        cost = gsl_minimum(&problem, &world.parameters[f * P], minimum);
        /* GSL stops within 1e-8 of a flat minimum, where the cost is the same to twice as many digits */
        if (fabs(cost - world.outcomes[f].cost) > 1e-12 * cost) {
            print_message("fit %d: cost %.17g, GSL %.17g\n", f, world.outcomes[f].cost, cost);
            fail();
        }
        for (int p = 0; p < P; ++p) {
            assert_true(fabs(minimum[p] - world.parameters[f * P + p]) < 1e-6 * (1 + fabs(minimum[p])));
        }
        ++compared;
    }
    print_message("%d minima compared with GSL's\n", compared);
    assert_true(compared > 200);
}

static void test_bounds_hold(void **state) {
    (void)state;
    make_world(ALLOMETER_OBJECTIVE_MSE);
    for (int s = 0; s < SETS; ++s) {
        world.lower[s * P + 2] = world.upper[s * P + 2] = 0.3; /* fixed */
        world.lower[s * P] = 0.1, world.upper[s * P] = 0.2;
    }
    for (int f = 0; f < FITS; ++f) world.starts[f * P] = 0.15, world.starts[f * P + 2] = 0.3;
    fit(fitting_of(ALLOMETER_OBJECTIVE_MSE, &allometer_laws[ALLOMETER_LAW_power_offset]), 0, FITS, NULL, 0,
        world.parameters, world.outcomes);
    int at_bound = 0;
    for (int f = 0; f < FITS; ++f) {
        double a = world.parameters[f * P];
        assert_true(a >= 0.1 && a <= 0.2);
        assert_true(world.parameters[f * P + 2] == 0.3);
        assert_true(world.outcomes[f].status <= ALLOMETER_FIT_COST);
        at_bound += a == 0.1 || a == 0.2;
    }
    assert_true(at_bound > FITS / 2 && at_bound < FITS);
}

/* A cost at the start is what no iterations give; a start without a value says so. */
static void test_statuses(void **state) {
    (void)state;
    make_world(ALLOMETER_OBJECTIVE_MSLE);
    struct allometer_fitting fitting =
        fitting_of(ALLOMETER_OBJECTIVE_MSLE, &allometer_laws[ALLOMETER_LAW_power_offset]);
    fitting.max_iterations = 0;
    world.starts[2] = -1e4; /* x^10000 */
    fit(fitting, 0, 2, NULL, 1, world.parameters, world.outcomes);
    assert_int_equal(world.outcomes[0].status, ALLOMETER_FIT_NOT_FINITE);
    assert_int_equal(world.outcomes[1].status, ALLOMETER_FIT_OUT_OF_ITERATIONS);
    assert_int_equal(world.outcomes[1].iterations, 0);
    assert_memory_equal(world.parameters, world.starts, 2 * P * sizeof(double));
}

/* Far from the truth the solver's first steps would lead to b = 20 to 150, where exp(-b x) is next to nothing at any point
   and the law level whatever b is: as flat as a minimum, at a cost thousands of times the noise's. */
static void test_no_plateau(void **state) {
    (void)state;
    enum { N = 6, L = 2, SCALES = 2, RATES = 6, STARTS = SCALES * RATES };
    static const double x[N] = {1, 2, 3, 5, 7, 10}, truth[L] = {200, 0.5};
    static const double scales[SCALES] = {1, 2}, rates[RATES] = {0.7, 1, 1.2, 1.5, 3, 5};
    static const char *const columns[] = {"x"};
    double y[N], lower[L] = {-INFINITY, -INFINITY}, upper[L] = {INFINITY, INFINITY};
    double starts[STARTS * L], parameters[STARTS * L];
    struct allometer_fit_outcome outcomes[STARTS];
    const struct allometer_fit_set set = {.n_units = N};
    const struct allometer_fit_problem problems[STARTS] = {{0}};
    struct allometer_law *law;
    assert_int_equal(allometer_law_parse("a*(1 - exp(-b*x))", columns, 1, &law, NULL), ALLOMETER_OK);
    for (int s = 0; s < STARTS; ++s) {
        starts[s * L] = scales[s / RATES], starts[s * L + 1] = rates[s % RATES];
    }
    for (int i = 0; i < N; ++i) y[i] = truth[0] * (1 - exp(-truth[1] * x[i])) + (i % 2 ? 1 : -1);
    const struct allometer_fitting fitting = {.law = (int32_t)law->id,
                                              .program = law->program,
                                              .objective = ALLOMETER_OBJECTIVE_MSE,
                                              .max_iterations = 200,
                                              .points = {.columns = {x}, .target = y},
                                              .sets = &set,
                                              .lower = lower,
                                              .upper = upper,
                                              .problems = problems,
                                              .starts = starts,
                                              .n_sets = 1,
                                              .n_problems = STARTS};
    fit(fitting, 0, STARTS, NULL, 1, parameters, outcomes);
    for (int s = 0; s < STARTS; ++s) {
        print_message("start %d: %g, %g at a cost of %g, status %d\n", s, parameters[s * L],
                      parameters[s * L + 1], outcomes[s].cost, outcomes[s].status);
        assert_true(outcomes[s].status <= ALLOMETER_FIT_COST);
        assert_true(outcomes[s].cost <= N); /* that of the truth */
    }
    allometer_law_free(law);
}

/* With a law that is linear in its parameters, a - b log x, the minimum under a prior is a linear problem:
   (A + k) t = sum w d y + k * mean, where k is the precision, less where t ended beyond the reach. */
static void test_prior_is_one_more_point(void **state) {
    (void)state;
    enum { L = 2 };
    make_world(ALLOMETER_OBJECTIVE_MSE);
    struct allometer_fitting fitting =
        fitting_of(ALLOMETER_OBJECTIVE_MSE, &allometer_laws[ALLOMETER_LAW_power_offset]);
    struct allometer_device *device;
    struct allometer_error error = {0};
    const struct allometer_device_options options = {0};
    double lower[SETS * L], upper[SETS * L], mean[SETS * L], precision[SETS * L], reach[SETS * L];
    for (int i = 0; i < SETS * L; ++i) {
        lower[i] = -INFINITY, upper[i] = INFINITY, mean[i] = 2 * drand48() - 1, precision[i] = 20 * drand48();
        reach[i] = i / L % 3 ? 0.2 + drand48() : 100; /* as good as none */
    }
    for (int s = 0; s < SETS; ++s) world.problems[s] = (struct allometer_fit_problem){.set = s};
    fitting.law = ALLOMETER_LAW_logarithmic, fitting.n_problems = SETS;
    fitting.lower = lower, fitting.upper = upper, fitting.prior_mean = mean,
    fitting.prior_precision = precision, fitting.prior_reach = reach;
    assert_int_equal(backend->open(&device, &options, &error), ALLOMETER_OK);
    assert_int_equal(backend->fit(device, &fitting, &error), ALLOMETER_OK);
    backend->close(device);
    for (int s = 0; s < SETS; ++s) {
        const double *t = &world.parameters[s * L], *m = &mean[s * L], *far = &reach[s * L];
        double k[L], share[L];
        for (int p = 0; p < L; ++p) {
            share[p] = (m[p] - t[p]) * (m[p] - t[p]) / (far[p] * far[p]);
            k[p] = precision[s * L + p] / (1 + share[p]);
        }
        double a[3] = {k[0], 0, k[1]}, b[L] = {k[0] * m[0], k[1] * m[1]}, cost = 0;
        int64_t first = world.units[world.sets[s].first_unit];
        int64_t end = world.units[world.sets[s].first_unit + world.sets[s].n_units];
        for (int64_t i = first; i < end; ++i) {
            double w = world.weight[i], x = world.log_x[i], y = world.target[i], r = y - t[0] + t[1] * x;
            a[0] += w, a[1] -= w * x, a[2] += w * x * x;
            b[0] += w * y, b[1] -= w * x * y;
            cost += w * r * r;
        }
        double det = a[0] * a[2] - a[1] * a[1];
        for (int p = 0; p < L; ++p) cost += precision[s * L + p] * far[p] * far[p] * log1p(share[p]);
        /* the tails bend the cost: there the solver ends where another step changes it by 1e-13, its root in t */
        double tolerance = fmin(far[0], far[1]) < 10 ? 2e-6 : 1e-9;
        assert_close("a", t[0], (a[2] * b[0] - a[1] * b[1]) / det, 1e-12, tolerance);
        assert_close("b", t[1], (a[0] * b[1] - a[1] * b[0]) / det, 1e-12, tolerance);
        assert_close("cost", world.outcomes[s].cost, cost, 0, 1e-11); /* log(1 + 1e-4) has 12 digits */
    }
}

/* Whole fits end at the same minima. */
static void test_minima_are_the_same(void **state) {
    (void)state;
    static double parameters[FITS * P];
    static struct allometer_fit_outcome outcomes[FITS];
    if (backend == &allometer_cpu) skip(); /* the same as itself */
    make_world(ALLOMETER_OBJECTIVE_MSLE);
    for (int f = 0; f < FITS; ++f) world.problems[f].resample = 0; /* of few units: any number of minima */
    const struct allometer_fitting fitting =
        fitting_of(ALLOMETER_OBJECTIVE_MSLE, &allometer_laws[ALLOMETER_LAW_power_offset]);
    const struct allometer_backend *under_test = backend;
    fit(fitting, 0, FITS, NULL, 0, world.parameters, world.outcomes);
    backend = &allometer_cpu;
    fit(fitting, 0, FITS, NULL, 0, parameters, outcomes);
    backend = under_test;
    int compared = 0;
    for (int f = 0; f < FITS; ++f) {
        if (outcomes[f].status > ALLOMETER_FIT_COST || world.starts[f * P + 2] > 10) continue;
        assert_true(world.outcomes[f].status <= ALLOMETER_FIT_COST);
        /* a minimum's parameters are known to the root of what its cost is */
        assert_true(fabs(outcomes[f].cost - world.outcomes[f].cost) <= 1e-12 * outcomes[f].cost);
        for (int p = 0; p < P; ++p) {
            double here = parameters[f * P + p];
            assert_true(fabs(here - world.parameters[f * P + p]) <= 1e-6 * (1 + fabs(here)));
        }
        ++compared;
    }
    print_message("%d minima compared with the CPU's\n", compared);
    assert_true(compared > FITS * 8 / 10);
}

int main(void) {
    struct backend_under_test under_test = backend_under_test_open(0, 0); /* or this is skipped */
    backend = under_test.backend;
    backend_under_test_close(&under_test);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_do_not_matter),
        cmocka_unit_test(test_gsl_agrees),
        cmocka_unit_test(test_prior_is_one_more_point),
        cmocka_unit_test(test_bounds_hold),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_no_plateau),
        cmocka_unit_test(test_minima_are_the_same),
    };
    const char *const columns[] = {"log_x"};
    if (allometer_law_parse("a + exp(b - c*log_x)", columns, 1, &formula, NULL) != ALLOMETER_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    allometer_law_free(formula);
    return failed;
}
