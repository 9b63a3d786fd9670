#include "laws.h"
#include "formula.h"
#include "law.h"

#include <math.h>
#include <string.h>

#define FIELD(name, role, unit) {name, ALLOMETER_ROLE_##role, unit},
#define PARAMETERS(function, name, other, formula, P, C, form, fields, source) \
    static const struct allometer_law_parameter parameters_##function[P] = {fields(FIELD)};
ALLOMETER_LAWS(PARAMETERS)

const struct allometer_law allometer_laws[ALLOMETER_LAW_COUNT] = {
#define LAW(function, name, other, formula, P, C, form, fields, source)                      \
    {ALLOMETER_LAW_##function, name, other, formula, source, P, C, ALLOMETER_COLUMNS_##form, \
     parameters_##function,    NULL, NULL,  0},
    ALLOMETER_LAWS(LAW)};

static const enum allometer_law_id all_candidates[] = {ALLOMETER_LAW_power,  ALLOMETER_LAW_power_offset,
                                                       ALLOMETER_LAW_m3,     ALLOMETER_LAW_m4,
                                                       ALLOMETER_LAW_bnsl_1, ALLOMETER_LAW_bnsl_2};
static const enum allometer_law_id break_candidates[] = {ALLOMETER_LAW_bnsl_0, ALLOMETER_LAW_bnsl_1,
                                                         ALLOMETER_LAW_bnsl_2, ALLOMETER_LAW_bnsl_3};

#define AVERAGE(called, text, of)                                                                            \
    {                                                                                                        \
        .id = ALLOMETER_LAW_COUNT, .name = called, .formula = text, .n_columns = 1,                          \
        .source = "weights from how well each predicts the end of the points from the others, and from its " \
                  "evidence",                                                                                \
        .form = ALLOMETER_COLUMNS_LOG, .candidates = of, .n_candidates = sizeof of / sizeof *of,             \
    }
const struct allometer_law allometer_averages[ALLOMETER_AVERAGE_COUNT] = {
    AVERAGE("auto", "average of power, power-offset, m3, m4, bnsl-1 and bnsl-2", all_candidates),
    AVERAGE("bnsl-auto", "average of bnsl-0, bnsl-1, bnsl-2 and bnsl-3", break_candidates),
};
#undef AVERAGE

static vd (*const functions[ALLOMETER_LAW_COUNT])(const vd *, const vd *, vd *) = {
#define FUNCTION(function, ...) law_##function,
    ALLOMETER_LAWS(FUNCTION)};

const struct allometer_law *allometer_law_find(const char *name) {
    if (!name) return NULL;
    for (int i = 0; i < ALLOMETER_LAW_COUNT; ++i) {
        const struct allometer_law *law = &allometer_laws[i];
        if (strcmp(name, law->name) == 0 || (law->other_name && strcmp(name, law->other_name) == 0))
            return law;
    }
    for (int i = 0; i < ALLOMETER_AVERAGE_COUNT; ++i) {
        if (strcmp(name, allometer_averages[i].name) == 0) return &allometer_averages[i];
    }
    return NULL;
}

int allometer_role_is_log(enum allometer_role role) {
    static const char is_log[ALLOMETER_ROLE_COUNT] = {
        [ALLOMETER_ROLE_SCALE] = 1,   [ALLOMETER_ROLE_SHAPE] = 1, [ALLOMETER_ROLE_POSITION] = 1,
        [ALLOMETER_ROLE_INVERSE] = 1, [ALLOMETER_ROLE_WIDTH] = 1, [ALLOMETER_ROLE_POSITIVE] = 1,
    };
    return is_log[role];
}

/* What fit_tighten_bounds does, in words. */
const char *allometer_role_bounds(enum allometer_role role) {
    static const char *const bounds[ALLOMETER_ROLE_COUNT] = {
        [ALLOMETER_ROLE_ASYMPTOTE] = ">= 0 if all y are",
        [ALLOMETER_ROLE_CEILING] = ">= 0 if all y are, <= the largest y + 100 (largest - smallest)",
        [ALLOMETER_ROLE_SHAPE] = "from 0.001 to 1000",
        [ALLOMETER_ROLE_POSITION] = "at most half the span of log x from the points",
        [ALLOMETER_ROLE_INVERSE] = "from exp(-20) / largest x to exp(20) / smallest x",
        [ALLOMETER_ROLE_WIDTH] = "from 0.001 to the span of log x, or to 2",
    };
    return bounds[role] ? bounds[role] : "";
}

double allometer_role_inner(enum allometer_role role, double value) {
    return allometer_role_is_log(role) ? log(value) : value;
}

double allometer_role_outer(enum allometer_role role, double coordinate) {
    return allometer_role_is_log(role) ? exp(coordinate) : coordinate;
}

static void evaluate_formula(const struct allometer_law *law, const double *parameters,
                             const double *const *columns, size_t n, double *values, double *derivatives) {
    const struct allometer_program *program = law->program;
    const size_t P = (size_t)law->n_parameters,
                 most = (size_t)formula_most_points(program) * (size_t)VD_LANES;
    vd t[ALLOMETER_MAX_PARAMETERS];
    struct formula_tape tape;
    for (size_t p = 0; p < P; ++p) t[p] = vd_set(parameters[p]);
    for (size_t first = 0, some; first < n; first += some) {
        some = n - first < most ? n - first : most;
        const int tile = (int)((some + VD_LANES - 1) / VD_LANES);
        vd *x = formula_begin(program, t, tile, &tape);
        for (int c = 0; c < law->n_columns; ++c) {
            for (int i = 0; i < tile * VD_LANES; ++i) {
                const double value = columns[c][first + ((size_t)i < some ? (size_t)i : 0)];
                vd_put(&x[c * tile + i / VD_LANES], i % VD_LANES, value);
            }
        }
        const vd *y = formula_forward(program, tile, &tape);
        if (derivatives) formula_backward(program, tile, &tape);
        for (int i = 0; (size_t)i < some; ++i) {
            const size_t at = first + (size_t)i;
            values[at] = vd_get(&y[i / VD_LANES], i % VD_LANES);
            for (size_t p = 0; derivatives && p < P; ++p) {
                const vd *pull = &tape.pull[(int)p * tile + i / VD_LANES];
                derivatives[at * P + p] = vd_get(pull, i % VD_LANES);
            }
        }
    }
}

static void evaluate(const struct allometer_law *law, const double *parameters, const double *const *columns,
                     int logs, size_t n, double *values, double *derivatives) {
    if (law->program) {
        evaluate_formula(law, parameters, columns, n, values, derivatives);
        return;
    }
    int P = law->n_parameters, C = law->n_columns;
    vd t[ALLOMETER_MAX_PARAMETERS], d[ALLOMETER_MAX_PARAMETERS], x[ALLOMETER_MAX_LAW_COLUMNS];
    for (int p = 0; p < P; ++p) t[p] = vd_set(parameters[p]);
    for (size_t i = 0; i < n; i += VD_LANES) {
        for (int c = 0; c < C; ++c) {
            for (size_t l = 0; l < VD_LANES; ++l) {
                double value = columns[c][i + l < n ? i + l : i];
                vd_put(&x[c], (int)l, logs ? log(value) : value);
            }
        }
        vd y = law->candidates ? vd_set(NAN) : functions[law->id](t, x, d);
        for (size_t l = 0; l < VD_LANES && i + l < n; ++l) {
            values[i + l] = vd_get(&y, (int)l);
            for (int p = 0; derivatives && p < P; ++p) {
                derivatives[(i + l) * (size_t)P + (size_t)p] = vd_get(&d[p], (int)l);
            }
        }
    }
}

void allometer_law_evaluate(const struct allometer_law *law, const double *parameters,
                            const double *const *columns, size_t n, double *values, double *derivatives) {
    evaluate(law, parameters, columns, law->form == ALLOMETER_COLUMNS_LOG, n, values, derivatives);
}

void allometer_law_evaluate_formed(const struct allometer_law *law, const double *parameters,
                                   const double *const *columns, size_t n, double *values,
                                   double *derivatives) {
    evaluate(law, parameters, columns, 0, n, values, derivatives);
}
