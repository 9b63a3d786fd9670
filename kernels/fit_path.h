/* Geodesic acceleration: a step that bends with its valley (Transtrum and Sethna 2012, Improvements to the
   Levenberg-Marquardt algorithm for nonlinear least-squares minimization, arXiv:1201.5885). To the step s is added half of
   the acceleration b, (A + S + lambda D) b = sum w d r'', where r'' is the residual's second derivative along s. */
#ifndef ALLOMETER_FIT_PATH_H
#define ALLOMETER_FIT_PATH_H

#include "fit_step.h"

/* Steps bend from the first to the last of these iterations: r'' costs the law twice more, easy fits are done before, and
   what still creeps after creeps to a limit at infinity. */
#define SOLVER_BENDS_FROM 80
#define SOLVER_BENDS_TO   300
#define SOLVER_PROBE      0.1  /* of the step: where the law is tried for r'' */
#define SOLVER_BEND       0.75 /* times the step's length: a longer acceleration is none of the same valley */

/* Adds w d r'' of n points from row `first` to bend, P. ahead: t a little further along the step. */
KERNEL void add_bend(struct block *block, law_function law, const struct allometer_fitting *fitting,
                     const vd *t, const vd *ahead, const vd *step, const struct lane_points *points,
                     int32_t first, int n, int P, int C, vd *bend) {
    int on_logs = fitting->objective != ALLOMETER_OBJECTIVE_MSE;
    vd y_ahead[SOLVER_BLOCK];
    law(fitting, ahead, points, first, n, block);
    for (int i = 0; i < n; ++i) y_ahead[i] = block->y[i];
    law(fitting, t, points, first, n, block);
    weigh_errors(block, fitting, points, first, n, C, vd_set(0));
    for (int i = 0; i < n; ++i) {
        vd y = block->y[i], change = on_logs ? y * vd_log_u10(y_ahead[i] / y) : y_ahead[i] - y,
           line = vd_set(0);
        VD_UNROLL for (int j = 0; j < P; ++j) line = line + block->d[j][i] * step[j];
        block->pull[i] = block->weight[i] * (line - change * vd_set(1 / SOLVER_PROBE));
    }
    VD_UNROLL for (int j = 0; j < P; ++j) {
        for (int i = 0; i < n; ++i) bend[j] = bend[j] + block->pull[i] * block->d[j][i];
    }
}

/* Bends the trials of lanes that have been long under way. */
KERNEL void bend_step(struct solver *s, law_function law, const struct allometer_fitting *fitting,
                      const struct lane_points *points, int P, int C) {
    vd zero = vd_set(0), t[ALLOMETER_MAX_PARAMETERS], step[ALLOMETER_MAX_PARAMETERS];
    vd ahead[ALLOMETER_MAX_PARAMETERS], b[ALLOMETER_MAX_PARAMETERS], size = zero, size_step = zero;
    vmd bent = vmd_and(s->iterations > vd_set(SOLVER_BENDS_FROM), s->iterations <= vd_set(SOLVER_BENDS_TO));
    bent = vmd_and(bent, s->status < zero);
    if (!vmd_any(bent)) return;
    int32_t n = most_rows(points), whole = n - n % SOLVER_BLOCK;
    struct block block;
    VD_UNROLL for (int j = 0; j < P; ++j) {
        t[j] = s->t[j], step[j] = s->step[j], b[j] = zero;
        ahead[j] = t[j] + vd_set(SOLVER_PROBE) * step[j];
    }
    for (int32_t i = 0; i < whole; i += SOLVER_BLOCK) {
        add_bend(&block, law, fitting, t, ahead, step, points, i, SOLVER_BLOCK, P, C, b);
    }
    if (whole < n) add_bend(&block, law, fitting, t, ahead, step, points, whole, n - whole, P, C, b);
    VD_UNROLL for (int j = 0; j < P; ++j) { /* what goes to a bound goes there straight */
        vmd inside = vmd_and(s->trial[j] > s->lower[j], s->trial[j] < s->upper[j]);
        b[j] = vd_select(inside, vd_set(2 / SOLVER_PROBE) * b[j], zero);
    }
    solve_factored(s, b, P);
    VD_UNROLL for (int j = 0; j < P; ++j) {
        size = size + s->scale[j] * b[j] * b[j], size_step = size_step + s->scale[j] * step[j] * step[j];
    }
    bent = vmd_and(bent, size <= vd_set(SOLVER_BEND * SOLVER_BEND) * size_step);
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vd trial = vd_min(vd_max(s->trial[j] + vd_set(0.5) * b[j], s->lower[j]), s->upper[j]);
        s->trial[j] = vd_select(bent, trial, s->trial[j]);
        s->step[j] = vd_select(bent, trial - t[j], s->step[j]);
    }
}

#endif
