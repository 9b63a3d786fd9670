/* Every row of the table of laws: its formula, its derivatives, and that it does not overflow where its value does not. */
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

#include "compare.h"
#include "draws.h"

enum { TRIALS = 200 };

/* A value of a parameter as the law's users would see it, in its own units. */
static double draw(enum allometer_role role) {
    switch (role) {
    case ALLOMETER_ROLE_ASYMPTOTE:
        return uniform(0, 1);
    case ALLOMETER_ROLE_CEILING:
        return uniform(5, 9);
    case ALLOMETER_ROLE_LEVEL:
        return uniform(-2, 2);
    case ALLOMETER_ROLE_SCALE:
        return exp(uniform(-1, 3));
    case ALLOMETER_ROLE_EXPONENT:
        return uniform(-0.5, 1.5);
    case ALLOMETER_ROLE_SHAPE:
        return exp(uniform(-1.5, 1.5));
    case ALLOMETER_ROLE_RATE:
        return uniform(-0.001, 0.01);
    case ALLOMETER_ROLE_POSITION:
        return exp(uniform(1, 6));
    case ALLOMETER_ROLE_INVERSE:
        return exp(uniform(-8, -2));
    case ALLOMETER_ROLE_WIDTH:
        return exp(uniform(-1.5, 0.5));
    default:
        fail();
        return 0;
    }
}

static void draw_parameters(const struct allometer_law *law, double *own, double *inner) {
    for (int p = 0; p < law->n_parameters; ++p) {
        own[p] = draw(law->parameters[p].role);
        inner[p] = allometer_role_inner(law->parameters[p].role, own[p]);
    }
}

static double value_at(const struct allometer_law *law, const double *inner, const double *x) {
    const double *columns[] = {&x[0], &x[1]};
    double value;
    allometer_law_evaluate(law, inner, columns, 1, &value, NULL);
    return value;
}

/* The formulas once more, as the papers print them, in each parameter's own units. */
static double plain_bnsl(const double *p, int n, double x) {
    double product = p[1] * pow(x, -p[2]);
    for (int i = 1; i <= n; ++i) {
        product *= pow(1 + pow(x / p[3 * i + 1], 1 / p[3 * i + 2]), -p[3 * i] * p[3 * i + 2]);
    }
    return p[0] + product;
}

/* By bisection: the left side of M4's equation rises from 0 at e_inf to infinity at e_0. */
static double plain_m4(const double *p, double x) {
    double low = p[0], high = p[1];
    for (int i = 0; i < 200; ++i) {
        double y = 0.5 * (low + high);
        if ((y - p[0]) / pow(p[1] - y, p[2]) < p[3] * pow(x, -p[4]))
            low = y;
        else
            high = y;
    }
    return 0.5 * (low + high);
}

static double plain(enum allometer_law_id law, const double *p, const double *x) {
    switch (law) {
    case ALLOMETER_LAW_power:
        return p[0] * pow(x[0], -p[1]);
    case ALLOMETER_LAW_power_offset:
        return p[0] + p[1] * pow(x[0], -p[2]);
    case ALLOMETER_LAW_exponential:
        return p[0] + p[1] * exp(-p[2] * x[0]);
    case ALLOMETER_LAW_logarithmic:
        return p[0] - p[1] * log(x[0]);
    case ALLOMETER_LAW_m3:
        return p[0] * pow(1 / x[0] + p[1], p[2]);
    case ALLOMETER_LAW_m4:
        return plain_m4(p, x[0]);
    case ALLOMETER_LAW_resource:
        return p[0] / x[0];
    case ALLOMETER_LAW_bnsl_0:
    case ALLOMETER_LAW_bnsl_1:
    case ALLOMETER_LAW_bnsl_2:
    case ALLOMETER_LAW_bnsl_3:
    case ALLOMETER_LAW_bnsl_4:
    case ALLOMETER_LAW_bnsl_5:
    case ALLOMETER_LAW_bnsl_6:
        return plain_bnsl(p, (int)law - ALLOMETER_LAW_bnsl_0, x[0]);
    case ALLOMETER_LAW_chinchilla:
        return p[0] + p[1] / pow(x[0], p[3]) + p[2] / pow(x[1], p[4]);
    case ALLOMETER_LAW_kaplan:
        return pow(pow(p[0] / x[0], p[2] / p[3]) + p[1] / x[1], p[3]);
    case ALLOMETER_LAW_COUNT:
        break;
    }
    return NAN;
}

static void test_formulas(void **state) {
    (void)state;
    for (int law = 0; law < ALLOMETER_LAW_COUNT; ++law) {
        double own[ALLOMETER_MAX_PARAMETERS], inner[ALLOMETER_MAX_PARAMETERS], actual[TRIALS],
            expected[TRIALS];
        for (int i = 0; i < TRIALS; ++i) {
            double x[2] = {exp(uniform(0, 7)), exp(uniform(0, 7))};
            draw_parameters(&allometer_laws[law], own, inner);
            actual[i] = value_at(&allometer_laws[law], inner, x);
            expected[i] = plain((enum allometer_law_id)law, own, x);
        }
        /* exponents up to 7 / 0.2 magnify the rounding of their arguments as much */
        assert_doubles_close(allometer_laws[law].name, actual, expected, TRIALS, 1e-15, 2e-14);
    }
}

/* Five-point differences with step h: truncation h^4 f'''''/30 and rounding 1e-16 f/h both stay below 1e-9 of the law's
   own size, even at the sharpest break drawn. */
static void test_derivatives(void **state) {
    (void)state;
    for (int law = 0; law < ALLOMETER_LAW_COUNT; ++law) {
        int P = allometer_laws[law].n_parameters;
        double own[ALLOMETER_MAX_PARAMETERS], inner[ALLOMETER_MAX_PARAMETERS];
        double actual[TRIALS * ALLOMETER_MAX_PARAMETERS], expected[TRIALS * ALLOMETER_MAX_PARAMETERS];
        for (int i = 0; i < TRIALS; ++i) {
            double x[2] = {exp(uniform(0, 7)), exp(uniform(0, 7))}, value, scale = 0;
            const double *columns[] = {&x[0], &x[1]};
            draw_parameters(&allometer_laws[law], own, inner);
            allometer_law_evaluate(&allometer_laws[law], inner, columns, 1, &value, &actual[i * P]);
            for (int p = 0; p < P; ++p) {
                /* a rate is multiplied by x, up to e^7 */
                double h = allometer_laws[law].parameters[p].role == ALLOMETER_ROLE_RATE ? 5e-7 : 5e-4;
                double at = inner[p], around[4];
                const double steps[4] = {-2 * h, -h, h, 2 * h};
                for (int k = 0; k < 4; ++k) {
                    inner[p] = at + steps[k];
                    around[k] = value_at(&allometer_laws[law], inner, x);
                }
                inner[p] = at;
                expected[i * P + p] = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * h);
                scale = fmax(scale, fmax(fabs(expected[i * P + p]), fabs(value)));
            }
            for (int p = 0; p < P; ++p) actual[i * P + p] /= scale, expected[i * P + p] /= scale;
        }
        assert_doubles_close(allometer_laws[law].name, actual, expected, (size_t)(TRIALS * P), 2e-9, 1e-8);
    }
}

/* (x/d)^(1/f) is 10^30000 and 10^-30000 here. */
static void test_sharp_breaks_do_not_overflow(void **state) {
    (void)state;
    double inner[] = {0.1, log(2.0), 0.3, 0.5, log(1e3), log(1e-3)};
    const double x[] = {1e-27, 1e33}, *columns[] = {x};
    double values[2], derivatives[2 * 6], expected[2];
    allometer_law_evaluate(&allometer_laws[ALLOMETER_LAW_bnsl_1], inner, columns, 2, values, derivatives);
    expected[0] = 0.1 + 2 * pow(1e-27, -0.3);
    expected[1] = 0.1 + 2 * pow(1e33, -0.3) * pow(1e30, -0.5);
    assert_doubles_close("far from the break", values, expected, 2, 0, 1e-12);
    for (int i = 0; i < 12; ++i) assert_true(isfinite(derivatives[i]));
}

/* Many points at once are the same numbers as one at a time, whatever is left over of a vector. */
static void test_points_are_independent(void **state) {
    (void)state;
    double x[7], together[7], alone[7], inner[] = {0.5, log(3.0), 0.4};
    const double *columns[] = {x};
    for (int i = 0; i < 7; ++i) x[i] = exp(uniform(0, 5));
    allometer_law_evaluate(&allometer_laws[ALLOMETER_LAW_power_offset], inner, columns, 7, together, NULL);
    for (int i = 0; i < 7; ++i)
        alone[i] = value_at(&allometer_laws[ALLOMETER_LAW_power_offset], inner, &x[i]);
    assert_memory_equal(together, alone, sizeof together);
}

static void test_names(void **state) {
    (void)state;
    assert_ptr_equal(allometer_law_find("m1"), &allometer_laws[ALLOMETER_LAW_power]);
    assert_null(allometer_law_find("no such law"));
    for (int law = 0; law < ALLOMETER_LAW_COUNT; ++law) {
        const struct allometer_law *row = &allometer_laws[law];
        assert_ptr_equal(allometer_law_find(row->name), row);
        assert_true(row->n_parameters >= 1 && row->n_parameters <= ALLOMETER_MAX_PARAMETERS);
        for (int p = 0; p < row->n_parameters; ++p) {
            for (int q = 0; q < p; ++q)
                assert_string_not_equal(row->parameters[p].name, row->parameters[q].name);
        }
    }
}

int main(void) {
    srand48(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_derivatives),
        cmocka_unit_test(test_sharp_breaks_do_not_overflow),
        cmocka_unit_test(test_points_are_independent),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
