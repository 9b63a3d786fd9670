/* The laws as the solver calls them: at several points at once. */
#ifndef ALLOMETER_FIT_LAWS_H
#define ALLOMETER_FIT_LAWS_H

#include "fit_model.h"
#include "formula.h"
#include "law.h"

/* Makes of `value`, an expression of fitting, t, x and d as in law.h, the law_function solved_NAME of P parameters and C
   columns. */
#define LAW_OF_POINTS(name, value, P, C)                                                                     \
    KERNEL void solved_##name(const struct allometer_fitting *fitting, const vd *t,                          \
                              const struct lane_points *points, int32_t first, int n, struct block *block) { \
        vd x[ALLOMETER_MAX_LAW_COLUMNS], d[ALLOMETER_MAX_PARAMETERS];                                        \
        (void)fitting;                                                                                       \
        for (int i = 0; i < n; ++i) {                                                                        \
            VD_UNROLL for (int c = 0; c < (C); ++c) x[c] = point_field(points, first + i, c, C);             \
            block->y[i] = value;                                                                             \
            VD_UNROLL for (int j = 0; j < (P); ++j) block->d[j][i] = d[j];                                   \
        }                                                                                                    \
    }

/* The law_function of formulas. */
KERNEL void solved_formula(const struct allometer_fitting *fitting, const vd *t,
                           const struct lane_points *points, int32_t first, int n, struct block *block) {
    const struct allometer_program *program = fitting->program;
    const int P = program->n_parameters, C = program->n_columns, most = formula_most_points(program);
    struct formula_tape tape;
    for (int begin = 0, some; begin < n; begin += some) {
        some = n - begin < most ? n - begin : most;
        vd *x = formula_begin(program, t, some, &tape);
        for (int i = 0; i < some; ++i) {
            for (int c = 0; c < C; ++c) x[c * some + i] = point_field(points, first + begin + i, c, C);
        }
        const vd *y = formula_forward(program, some, &tape);
        formula_backward(program, some, &tape);
        for (int i = 0; i < some; ++i) {
            block->y[begin + i] = y[i];
            for (int j = 0; j < P; ++j) block->d[j][begin + i] = tape.pull[j * some + i];
        }
    }
}

#endif
