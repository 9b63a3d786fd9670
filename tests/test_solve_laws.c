/* The solver with every law: cost and derivatives are the same on all backends; fits that take many steps, which bend, are
   the same in any company, and get there. */
#include "backend.h"
#include "formula_parse.h"
#include "laws.h"

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
enum { N_INSTRUCTION_SETS = sizeof instruction_sets / sizeof *instruction_sets };

static const struct allometer_backend *backend; /* under test */

/* A value of each parameter such that all of them shape the data below. */
static double typical(const struct allometer_law *law, int p) {
    static const double by_role[ALLOMETER_ROLE_COUNT] = {
        [ALLOMETER_ROLE_ASYMPTOTE] = 0.3, [ALLOMETER_ROLE_CEILING] = 4,    [ALLOMETER_ROLE_LEVEL] = 0.5,
        [ALLOMETER_ROLE_SCALE] = 3,       [ALLOMETER_ROLE_EXPONENT] = 0.3, [ALLOMETER_ROLE_SHAPE] = 0.7,
        [ALLOMETER_ROLE_RATE] = 0.1,      [ALLOMETER_ROLE_POSITION] = 20,  [ALLOMETER_ROLE_INVERSE] = 0.05,
        [ALLOMETER_ROLE_WIDTH] = 0.5,     [ALLOMETER_ROLE_ANY] = 0.4,      [ALLOMETER_ROLE_POSITIVE] = 2,
    };
    if (law->id == ALLOMETER_LAW_logarithmic && p == 0) return 5; /* no y may be negative */
    return allometer_role_inner(law->parameters[p].role, by_role[law->parameters[p].role]);
}

static void run_fits(const struct allometer_backend *on, const struct allometer_fitting *fitting) {
    struct allometer_device *device;
    struct allometer_error error = {0};
    assert_int_equal(on->open(&device, &(struct allometer_device_options){0}, &error), ALLOMETER_OK);
    if (on->fit(device, fitting, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    on->close(device);
}

/* A fit of the law on either backend: parameters and outcomes after so many iterations. */
static void fit_law(const struct allometer_backend *on, const struct allometer_law *law, int iterations,
                    double *parameters, struct allometer_fit_outcome *outcomes, int n) {
    enum { POINTS = 40 };
    static double columns[ALLOMETER_MAX_LAW_COLUMNS][POINTS], y[POINTS],
        starts[64 * ALLOMETER_MAX_PARAMETERS];
    double lower[ALLOMETER_MAX_PARAMETERS], upper[ALLOMETER_MAX_PARAMETERS], truth[ALLOMETER_MAX_PARAMETERS];
    struct allometer_fit_problem problems[64] = {{0}};
    const struct allometer_fit_set set = {.n_units = POINTS, .stream = 3};
    struct allometer_fitting fitting = {.law = (int32_t)law->id,
                                        .program = law->program,
                                        .delta = 0.1,
                                        .objective = ALLOMETER_OBJECTIVE_HUBER,
                                        .max_iterations = iterations,
                                        .points = {.target = y},
                                        .sets = &set,
                                        .lower = lower,
                                        .upper = upper,
                                        .problems = problems,
                                        .starts = starts,
                                        .n_sets = 1,
                                        .n_problems = n,
                                        .parameters = parameters,
                                        .outcomes = outcomes};
    int n_parameters = law->n_parameters;
    srand48(4);
    for (int c = 0; c < ALLOMETER_MAX_LAW_COLUMNS; ++c) {
        fitting.points.columns[c] = columns[c];
        for (int i = 0; i < POINTS; ++i) columns[c][i] = 0.5 + 4 * drand48();
    }
    for (int p = 0; p < n_parameters; ++p)
        truth[p] = typical(law, p), lower[p] = -INFINITY, upper[p] = INFINITY;
    const double *at[ALLOMETER_MAX_LAW_COLUMNS];
    for (int c = 0; c < ALLOMETER_MAX_LAW_COLUMNS; ++c) at[c] = columns[c];
    allometer_law_evaluate_formed(law, truth, at, POINTS, y, NULL);
    for (int i = 0; i < POINTS; ++i) y[i] = log(fabs(y[i])) + 0.1 * gauss();
    for (int f = 0; f < n; ++f) {
        problems[f].resample = (uint32_t)f / 2;
        for (int p = 0; p < n_parameters; ++p) {
            starts[f * n_parameters + p] = truth[p] + 0.05 * (drand48() - 0.5);
        }
    }
    run_fits(on, &fitting);
}

/* Every law's cost, and, by the first step, its derivatives, are those of the CPU: to what two libraries of exponentials
   and logarithms, within a unit in the last place each, leave of it after the normal equations have squared it. */
static void test_every_law_is_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a + b*x^-c", "softplus(a - b*x) + logistic(c*x) + min(a, x) + max(b, x) + abs(c)",
        "exp(tanh(a*x)) + sin(b*x) + cos(c*x) + x^3 + 5",
        "log2(1 + exp(a)*x) + log10(b + 3*x)^2 + sqrt(c)*atan(x) + erf(a*x) + expm1(-b*x) + log1p(c*x)"};
    static double one[64 * ALLOMETER_MAX_PARAMETERS], two[64 * ALLOMETER_MAX_PARAMETERS];
    struct allometer_fit_outcome first[64], second[64];
    double costs[2][64];
    for (int i = 0; i < ALLOMETER_LAW_COUNT + 4; ++i) {
        struct allometer_law *parsed = NULL;
        if (i >= ALLOMETER_LAW_COUNT) {
            assert_int_equal(
                allometer_law_parse(texts[i - ALLOMETER_LAW_COUNT], (const char *[]){"x"}, 1, &parsed, NULL),
                ALLOMETER_OK);
        }
        const struct allometer_law *law = parsed ? parsed : &allometer_laws[i];
        for (int iterations = 0; iterations < 2; ++iterations) {
            fit_law(&allometer_cpu, law, iterations, one, first, 40);
            fit_law(backend, law, iterations, two, second, 40);
            for (int f = 0; f < 40; ++f) {
                assert_int_equal(first[f].status, second[f].status);
                costs[0][f] = first[f].cost, costs[1][f] = second[f].cost;
            }
            assert_doubles_close(law->name, costs[1], costs[0], 40, 0, iterations ? 1e-9 : 1e-12);
            assert_doubles_close(law->name, two, one, (size_t)(40 * law->n_parameters), 1e-9, 1e-9);
        }
        allometer_law_free(parsed);
    }
}

/* Curves of two breaks with noise, each with a start of its own, and bounds that leave them free. */
enum { CURVES = 240, CURVE_POINTS = 41, CURVE_P = 9, LONG = 100 };
struct curves {
    double log_x[CURVES * CURVE_POINTS], target[CURVES * CURVE_POINTS];
    double starts[CURVES * CURVE_P], lower[CURVES * CURVE_P], upper[CURVES * CURVE_P];
    struct allometer_fit_set sets[CURVES];
    struct allometer_fit_problem problems[CURVES];
};

static void make_curves(struct curves *curves) {
    srand48(5);
    for (int f = 0; f < CURVES; ++f) {
        double truth[CURVE_P] = {0.1, 1, 0.4, 0.3, 3, -1, 0.4, 6, -1},
               *log_x = &curves->log_x[f * CURVE_POINTS];
        double *y = &curves->target[f * CURVE_POINTS];
        for (int p = 0; p < CURVE_P; ++p) {
            truth[p] += 0.05 * gauss();
            curves->starts[f * CURVE_P + p] = fmax(truth[p] + 0.2 * gauss(), p == 0 ? 0 : -INFINITY);
            curves->lower[f * CURVE_P + p] = p == 0 ? 0 : p == 5 || p == 8 ? -7 : -INFINITY;
            curves->upper[f * CURVE_P + p] = p == 5 || p == 8 ? 2 : INFINITY;
        }
        for (int i = 0; i < CURVE_POINTS; ++i) log_x[i] = 9.0 * i / (CURVE_POINTS - 1);
        allometer_law_evaluate_formed(&allometer_laws[ALLOMETER_LAW_bnsl_2], truth, (const double *[]){log_x},
                                      CURVE_POINTS, y, NULL);
        for (int i = 0; i < CURVE_POINTS; ++i) y[i] = log(y[i]) + 0.01 * gauss();
        curves->sets[f] = (struct allometer_fit_set){.first_unit = f * CURVE_POINTS, .n_units = CURVE_POINTS};
        curves->problems[f] = (struct allometer_fit_problem){.set = f};
    }
}

/* Fits n curves from `first` on; 0 if this machine has not the instruction set. */
static int fit_curves(const struct curves *curves, int first, int n, const char *set, int threads,
                      double *parameters, struct allometer_fit_outcome *outcomes) {
    struct allometer_device *device;
    struct allometer_error error = {0};
    const struct allometer_device_options options = {.threads = threads, .instruction_set = set};
    const struct allometer_fitting fitting = {
        .law = ALLOMETER_LAW_bnsl_2,
        .objective = ALLOMETER_OBJECTIVE_MSLE,
        .max_iterations = 400,
        .points = {.columns = {curves->log_x}, .target = curves->target},
        .sets = curves->sets,
        .lower = curves->lower,
        .upper = curves->upper,
        .problems = curves->problems + first,
        .starts = curves->starts + first * CURVE_P,
        .n_sets = CURVES,
        .n_problems = n,
        .parameters = parameters,
        .outcomes = outcomes};
    if (backend->open(&device, &options, &error) != ALLOMETER_OK) return 0;
    if (backend->fit(device, &fitting, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    backend->close(device);
    return 1;
}

/* Long fits wait for one another and then share lanes: neither may change what comes out. */
static void test_long_fits_in_any_company(void **state) {
    (void)state;
    static struct curves curves;
    static double all[CURVES * CURVE_P], some[CURVES * CURVE_P];
    static struct allometer_fit_outcome outcomes[CURVES], other[CURVES];
    make_curves(&curves);
    for (int i = 0; i < (backend == &allometer_cpu ? N_INSTRUCTION_SETS : 1); ++i) {
        const char *set = instruction_sets[i];
        int n_long = 0;
        if (!fit_curves(&curves, 0, CURVES, set, 1, all, outcomes)) {
            print_message("%s: skipped, not on this machine\n", set);
            continue;
        }
        for (int f = 0; f < CURVES; ++f) n_long += outcomes[f].iterations > LONG;
        print_message("%s: %d of %d fits took more than %d iterations\n", set, n_long, CURVES, LONG);
        assert_true(n_long > CURVES / 10 && n_long < CURVES * 9 / 10);
        for (int f = 0; f < CURVES; f += 3) { /* alone */
            fit_curves(&curves, f, 1, set, 1, some, other);
            assert_memory_equal(some, &all[f * CURVE_P], CURVE_P * sizeof *some);
            assert_memory_equal(other, &outcomes[f], sizeof *other);
        }
        for (int from = 1; from < 4; ++from) { /* beside others, on several threads */
            fit_curves(&curves, from, CURVES - from, set, from, some, other);
            assert_memory_equal(some, &all[from * CURVE_P], (size_t)(CURVES - from) * CURVE_P * sizeof *some);
            assert_memory_equal(other, &outcomes[from], (size_t)(CURVES - from) * sizeof *other);
        }
    }
}

/* The cost that a fit reports is that of its parameters. A break between the second and third point, with widths about a
   thirtieth of its distance to them: the law depends on its width in the last digits alone, and Newton's step for these
   few leads far away. */
static void test_cost_is_of_the_parameters(void **state) {
    (void)state;
    enum { POINTS = 32, P = CURVE_P, STARTS = 600 };
    static const double x[POINTS] = {102.32,  104.76,  156.85,  200.81,  248.31, 355.49,  358.67,  483.94,
                                     538.53,  824.81,  2040.9,  3188.7,  5079.7, 6065.5,  9651.2,  20604,
                                     20903,   46373,   46717,   51482,   59114,  67693,   2.998e5, 3.584e5,
                                     8.402e5, 9.848e5, 1.433e6, 1.976e6, 2.21e6, 3.806e6, 5.151e6, 9.736e6};
    static const double y[POINTS] = {10.3,  9.937, 8.607, 8.699, 8.075, 7.278, 7.342, 7,
                                     6.877, 5.912, 4.933, 4.294, 3.838, 3.664, 3.249, 2.63,
                                     2.592, 2.127, 2.08,  2.096, 1.979, 1.962, 1.472, 1.389,
                                     1.335, 1.292, 1.243, 1.208, 1.251, 1.164, 1.175, 1.129};
    static const double minimum[P] = {1.129, 11, 1.387, 3.194, 21.82, 2.024, -1.473, 4.683, -4.4},
                        lower[P] = {0,    -INFINITY, -INFINITY, -INFINITY, -INFINITY,
                                    -6.9, -INFINITY, -INFINITY, -6.9},
                        upper[P] = {INFINITY, INFINITY, INFINITY, INFINITY, 21.82,
                                    2.44,     INFINITY, 21.82,    2.44};
    static double log_x[POINTS], starts[STARTS * P], found[STARTS * P], told[STARTS], sums[STARTS];
    static struct allometer_fit_problem problems[STARTS];
    static struct allometer_fit_outcome outcomes[STARTS];
    const struct allometer_law *law = &allometer_laws[ALLOMETER_LAW_bnsl_2];
    const struct allometer_fitting fitting = {.law = ALLOMETER_LAW_bnsl_2,
                                              .objective = ALLOMETER_OBJECTIVE_MSE,
                                              .max_iterations = 400,
                                              .points = {.columns = {log_x}, .target = y},
                                              .sets = &(struct allometer_fit_set){.n_units = POINTS},
                                              .lower = lower,
                                              .upper = upper,
                                              .problems = problems,
                                              .starts = starts,
                                              .n_sets = 1,
                                              .n_problems = STARTS,
                                              .parameters = found,
                                              .outcomes = outcomes};
    srand48(6);
    for (int i = 0; i < POINTS; ++i) log_x[i] = log(x[i]);
    for (int i = 0; i < STARTS * P; ++i) {
        double start = minimum[i % P] + (i % P == P - 1 ? 5 * (drand48() - 0.5) : 0.02 * gauss());
        starts[i] = fmin(start, upper[i % P]);
    }
    run_fits(backend, &fitting);
    for (int f = 0; f < STARTS; ++f) {
        double values[POINTS];
        allometer_law_evaluate_formed(law, &found[f * P], (const double *[]){log_x}, POINTS, values, NULL);
        told[f] = outcomes[f].cost, sums[f] = 0;
        for (int i = 0; i < POINTS; ++i) sums[f] += pow(y[i] - values[i], 2);
    }
    assert_doubles_close("cost", told, sums, STARTS, 0, 1e-9);
}

/* Points without noise up to two thirds of a sharp break: a valley so narrow and bent that straight steps take a thousand
   iterations and more. The law is that of 4-digit addition in Caballero et al. 2023, figure 4. */
static void test_a_bent_valley_is_followed(void **state) {
    (void)state;
    enum { VALLEY_POINTS = 405, VALLEY_P = 6, STARTS = 24 };
    static double log_x[VALLEY_POINTS], y[VALLEY_POINTS];
    const double truth[VALLEY_P] = {0.41388453071629455, 0.82297856, 0.055077348404973955,
                                    5.662903816010331,   6.41769018, -2.82695114};
    const double lower[VALLEY_P] = {0, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -7};
    const double upper[VALLEY_P] = {INFINITY, INFINITY, INFINITY, INFINITY, 9, 2};
    double starts[STARTS * VALLEY_P], found[STARTS * VALLEY_P];
    const struct allometer_fit_set set = {.n_units = VALLEY_POINTS};
    const struct allometer_fit_problem problems[STARTS] = {{0}};
    struct allometer_fit_outcome outcomes[STARTS];
    for (int i = 0; i < STARTS * VALLEY_P; ++i)
        starts[i] = truth[i % VALLEY_P] * (0.95 + 0.002 * (i / VALLEY_P));
    for (int i = 0; i < VALLEY_POINTS; ++i) log_x[i] = log(i + 1);
    allometer_law_evaluate_formed(&allometer_laws[ALLOMETER_LAW_bnsl_1], truth, (const double *[]){log_x},
                                  VALLEY_POINTS, y, NULL);
    for (int i = 0; i < VALLEY_POINTS; ++i) y[i] = log(y[i]);
    const struct allometer_fitting fitting = {.law = ALLOMETER_LAW_bnsl_1,
                                              .objective = ALLOMETER_OBJECTIVE_MSLE,
                                              .max_iterations = 500,
                                              .points = {.columns = {log_x}, .target = y},
                                              .sets = &set,
                                              .lower = lower,
                                              .upper = upper,
                                              .problems = problems,
                                              .starts = starts,
                                              .n_sets = 1,
                                              .n_problems = STARTS,
                                              .parameters = found,
                                              .outcomes = outcomes};
    run_fits(backend, &fitting);
    int there = 0;
    for (int f = 0; f < STARTS; ++f) {
        if (outcomes[f].status > ALLOMETER_FIT_COST) continue;
        /* rounding of y, 1e-16, times what the valley is longer than wide, 1e11 */
        assert_doubles_close("parameters", &found[f * VALLEY_P], truth, VALLEY_P, 0, 1e-4);
        ++there;
    }
    print_message("%d of %d starts led to the end of the valley\n", there, STARTS);
    assert_true(there > STARTS / 2);
}

int main(void) {
    struct backend_under_test under_test = backend_under_test_open(0, 0); /* or this is skipped */
    backend = under_test.backend;
    backend_under_test_close(&under_test);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_law_is_the_same),
        cmocka_unit_test(test_long_fits_in_any_company),
        cmocka_unit_test(test_cost_is_of_the_parameters),
        cmocka_unit_test(test_a_bent_valley_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
