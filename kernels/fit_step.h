/* The step from the damped model within the bounds: s solves (A + S + lambda D) s = g and promises to lower the cost by
   2 g's - s'(A + S)s. */
#ifndef ALLOMETER_FIT_STEP_H
#define ALLOMETER_FIT_STEP_H

#include "fit_model.h"

#define SOLVER_PASSES 3    /* to find which bounds a step meets */
#define SOLVER_DAMPED 1e-3 /* of a pivot: damping that a step feels */

/* Element j, k <= j of the model's second derivatives: A, and S where it has proved its worth. */
KERNEL vd model_curve(const struct solver *s, int j, int k) {
    return s->a[AT(j, k)] + s->trust * s->curvature[AT(j, k)];
}

/* Solves for P right sides in place, by the factor at hand, whose pivots are stored as their inverses. */
KERNEL void solve_factored(const struct solver *s, vd *x, int P) {
    VD_UNROLL for (int j = 0; j < P; ++j) {
        VD_UNROLL for (int k = 0; k < j; ++k) x[j] = x[j] - s->factor[AT(j, k)] * x[k];
        x[j] = x[j] * s->factor[AT(j, j)];
    }
    VD_UNROLL for (int j = P - 1; j >= 0; --j) {
        VD_UNROLL for (int k = j + 1; k < P; ++k) x[j] = x[j] - s->factor[AT(k, j)] * x[k];
        x[j] = x[j] * s->factor[AT(j, j)];
    }
}

/* Solves (A + S + lambda D) s = g by Cholesky's method over the parameters that are open; the others move by `fixed`.
   Where the matrix is positive definite. */
KERNEL vmd solve_open(struct solver *s, vd lambda, const vmd *open, const vd *fixed, int P) {
    vd one = vd_set(1), zero = vd_set(0);
    vmd solvable = zero <= zero, damped = zero < zero;
    VD_FORGET();
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vd damping = lambda * vd_select(s->scale[j] > zero, s->scale[j], one), right = s->g[j];
        VD_UNROLL for (int k = 0; k < P; ++k) {
            right = right - (k < j ? model_curve(s, j, k) : model_curve(s, k, j)) * fixed[k];
        }
        right = vd_select(open[j], right, fixed[j]);
        VD_UNROLL for (int k = 0; k <= j; ++k) {
            vd sum = vd_select(vmd_and(open[j], open[k]), model_curve(s, j, k), zero);
            if (k == j) sum = vd_select(open[j], sum + damping, one);
            VD_UNROLL for (int i = 0; i < k; ++i) sum = sum - s->factor[AT(j, i)] * s->factor[AT(k, i)];
            if (k == j) {
                vmd positive = sum > zero;
                solvable = vmd_and(solvable, positive);
                damped = vmd_or(damped, vmd_and(open[j], damping > vd_set(SOLVER_DAMPED) * sum));
                s->factor[AT(j, j)] = vd_reciprocal_sqrt_u20(vd_select(positive, sum, one));
            } else {
                s->factor[AT(j, k)] = sum * s->factor[AT(k, k)];
            }
        }
        s->step[j] = right;
    }
    solve_factored(s, s->step, P);
    s->damped = damped;
    return solvable;
}

/* What the step promises by the model, and its part that is due to S. */
KERNEL void promise_of(struct solver *s, vmd solvable, int P) {
    vd promise = vd_set(0), bend = vd_set(0);
    VD_FORGET();
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vd pull = s->g[j] + s->g[j] - s->a[AT(j, j)] * s->step[j], turn = s->curvature[AT(j, j)] * s->step[j];
        VD_UNROLL for (int k = 0; k < j; ++k) {
            pull = pull - 2 * s->a[AT(j, k)] * s->step[k];
            turn = turn + 2 * s->curvature[AT(j, k)] * s->step[k];
        }
        promise = promise + pull * s->step[j];
        bend = bend + turn * s->step[j];
    }
    s->bend = bend;
    s->promise = vd_select(solvable, promise - s->trust * bend, vd_set(-1));
}

/* The step from the damped model within the bounds. A parameter that would cross a bound goes there and no further, and
   the others make the best of it. */
KERNEL void solve_step(struct solver *s, vd lambda, int P) {
    vd fixed[ALLOMETER_MAX_PARAMETERS], zero = vd_set(0);
    vmd open[ALLOMETER_MAX_PARAMETERS], solvable, crossing;
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vmd held = vmd_or(vmd_and(s->t[j] <= s->lower[j], s->g[j] <= zero),
                          vmd_and(s->t[j] >= s->upper[j], s->g[j] >= zero));
        open[j] = vmd_not(held);
        fixed[j] = zero;
    }
    VD_ROLL for (int pass = 0; pass < SOLVER_PASSES; ++pass) {
        solvable = solve_open(s, lambda, open, fixed, P);
        crossing = zero < zero;
        VD_UNROLL for (int j = 0; j < P; ++j) {
            s->trial[j] = vd_min(vd_max(s->t[j] + s->step[j], s->lower[j]), s->upper[j]);
            vmd outside = vmd_and(open[j], vmd_or(s->trial[j] <= s->lower[j], s->trial[j] >= s->upper[j]));
            fixed[j] = vd_select(outside, s->trial[j] - s->t[j], fixed[j]);
            open[j] = vmd_and(open[j], vmd_not(outside));
            crossing = vmd_or(crossing, outside);
        }
        if (!vmd_any(crossing)) break;
    }
    VD_UNROLL for (int j = 0; j < P; ++j) s->step[j] = vd_select(open[j], s->step[j], fixed[j]);
    promise_of(s, solvable, P);
}

#endif
