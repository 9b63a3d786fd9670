/* The model of the cost that the solver steps by: its memory, its evaluation at a trial, and what a step teaches of it.

   Coordinates: t the parameters, d the derivatives of the law by them, A = sum w d d', g = sum w r d with the
   residuals r = target - law, cost = sum w r^2; a prior adds its share to all three. S stands for what A leaves out of
   half the cost's second derivatives, -sum w r d^2 law: it is learnt from how g changes (Dennis, Gay and Welsch 1981,
   An adaptive nonlinear least-squares algorithm), and is part of the model while that predicts the cost better.
   Symmetric matrices are stored as their lower triangle, row by row. */
#ifndef ALLOMETER_FIT_MODEL_H
#define ALLOMETER_FIT_MODEL_H

#include "fit_points.h"

#define TRIANGLE(P)     ((P) * ((P) + 1) / 2)
#define AT(j, k)        (TRIANGLE(j) + (k)) /* element j, k <= j */
#define SOLVER_VECTORS  11
#define SOLVER_SCALARS  12
#define SOLVER_STORE(P) (SOLVER_VECTORS * (P) + 4 * TRIANGLE(P)) /* vds that a solver needs */

struct solver {
    int n_parameters;
    vd *t, *trial, *g, *g_trial, *step, *lower, *upper; /* P each */
    vd *scale;                                          /* P: D, the largest diagonal of A so far */
    vd *mean, *precision, *reach;                       /* P: the prior */
    vd *a, *a_trial, *factor;                           /* triangles */
    vd *curvature;                                      /* triangle: S */
    union {
        struct {
            vd bend, trust; /* s'Ss of the step; 1 where S is part of the model, else 0 */
            vd cost, cost_trial, promise, lambda, growth, floor;
            vd least_promise;      /* so far */
            vd idle;               /* steps within noise since it was last halved */
            vd status, iterations; /* status: -1 while the lane is at work */
        };
        vd scalars[SOLVER_SCALARS];
    };
    vmd fresh;                 /* the trial is a start: there is nothing to compare it with */
    vmd damped;                /* the step at hand may be short for its damping */
    int64_t problem[VD_LANES]; /* -1: none */
};

KERNEL struct solver solver_on(vd *store, int P) {
    struct solver s;
    memset(&s, 0, sizeof s);
    s.n_parameters = P;
    for (int i = 0; i < SOLVER_STORE(P); ++i) store[i] = vd_set(0); /* lanes that never get a problem */
    s.t = store, s.trial = s.t + P, s.g = s.trial + P, s.g_trial = s.g + P, s.step = s.g_trial + P;
    s.lower = s.step + P, s.upper = s.lower + P, s.scale = s.upper + P;
    s.mean = s.scale + P, s.precision = s.mean + P, s.reach = s.precision + P;
    s.a = s.reach + P;
    s.a_trial = s.a + TRIANGLE(P);
    s.factor = s.a_trial + TRIANGLE(P);
    s.curvature = s.factor + TRIANGLE(P);
    return s;
}

/* Points that go through the law, the objective and the sums together: each of the three is short enough for the
   processor to work on several points at a time, where all of them in a row are not. */
#define SOLVER_BLOCK (VD_LANES > 1 ? 8 : 1)

struct block {
    vd y[SOLVER_BLOCK], weight[SOLVER_BLOCK], pull[SOLVER_BLOCK]; /* pull: weight times residual */
    vd d[ALLOMETER_MAX_PARAMETERS][SOLVER_BLOCK];
};

/* A law: fills y and d of the block, its values and derivatives by the parameters t, at n points from row `first`. Where it
   is known at run time alone which law it is, the fitting tells. */
typedef void (*law_function)(const struct allometer_fitting *fitting, const vd *t,
                             const struct lane_points *points, int32_t first, int n, struct block *block);

/* What each point adds to the cost, and its weight in g and A by the law's own derivatives. */
KERNEL vd weigh_errors(struct block *block, const struct allometer_fitting *fitting,
                       const struct lane_points *points, int32_t first, int n, int C, vd cost) {
    int on_logs = fitting->objective != ALLOMETER_OBJECTIVE_MSE;
    int is_huber = fitting->objective == ALLOMETER_OBJECTIVE_HUBER;
    vd delta = vd_set(fitting->delta), value[SOLVER_BLOCK], factors[SOLVER_BLOCK];
    if (on_logs) tile_log_inverse_u10(n, block->y, value, factors);
    for (int i = 0; i < n; ++i) {
        vd w = point_field(points, first + i, C + 1, C), factor = on_logs ? factors[i] : vd_set(1);
        vd r = point_field(points, first + i, C, C) - (on_logs ? value[i] : block->y[i]);
        vd loss = r * r;
        if (is_huber) {
            vd size = vd_abs(r);
            vmd outside = size > delta;
            loss = vd_select(outside, delta * (size + size - delta), loss);
            cost = cost + w * loss;
            w = vd_select(outside, w * (delta / size), w);
        } else {
            cost = cost + w * loss;
        }
        block->pull[i] = w * r * factor;
        block->weight[i] = w * factor * factor;
    }
    return cost;
}

KERNEL void add_up(const struct block *block, int n, int P, vd *g, vd *a) {
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vd pulled = g[j], weighted[SOLVER_BLOCK] = {vd_set(0)}; /* gcc does not see that it is filled */
        UNROLL for (int i = 0; i < n; ++i) {
            pulled = pulled + block->pull[i] * block->d[j][i];
            weighted[i] = block->weight[i] * block->d[j][i];
        }
        g[j] = pulled;
        VD_UNROLL for (int k = 0; k <= j; ++k) {
            vd sum = a[AT(j, k)];
            UNROLL for (int i = 0; i < n; ++i) sum = sum + weighted[i] * block->d[k][i];
            a[AT(j, k)] = sum;
        }
    }
}

KERNEL int32_t most_rows(const struct lane_points *points) {
    int32_t n = 0;
    for (int l = 0; l < VD_LANES; ++l) n = points->n_rows[l] > n ? points->n_rows[l] : n;
    return n;
}

/* Cost, g and A at the trial parameters. */
KERNEL void evaluate(struct solver *s, law_function law, const struct allometer_fitting *fitting,
                     const struct lane_points *points, int P, int C) {
    int32_t n = most_rows(points), whole = n - n % SOLVER_BLOCK;
    vd cost = vd_set(0), t[ALLOMETER_MAX_PARAMETERS];
    struct block block;
#if VD_LANES == 1 /* sums in registers */
    vd g[ALLOMETER_MAX_PARAMETERS], a[TRIANGLE(ALLOMETER_MAX_PARAMETERS)];
#else
    vd *g = s->g_trial, *a = s->a_trial;
#endif
    VD_UNROLL for (int j = 0; j < P; ++j) t[j] = s->trial[j], g[j] = vd_set(0);
    VD_UNROLL for (int j = 0; j < TRIANGLE(P); ++j) a[j] = vd_set(0);
    for (int32_t i = 0; i < whole; i += SOLVER_BLOCK) {
        law(fitting, t, points, i, SOLVER_BLOCK, &block);
        cost = weigh_errors(&block, fitting, points, i, SOLVER_BLOCK, C, cost);
        add_up(&block, SOLVER_BLOCK, P, g, a);
    }
    if (whole < n) {
        law(fitting, t, points, whole, n - whole, &block);
        cost = weigh_errors(&block, fitting, points, whole, n - whole, C, cost);
        add_up(&block, n - whole, P, g, a);
    }
#if VD_LANES == 1
    VD_UNROLL for (int j = 0; j < P; ++j) s->g_trial[j] = g[j];
    VD_UNROLL for (int j = 0; j < TRIANGLE(P); ++j) s->a_trial[j] = a[j];
#endif
    VD_UNROLL for (int j = 0; j < P; ++j) {
        if (!fitting->prior_precision) break;
        vd off = s->mean[j] - s->trial[j], share = off / s->reach[j];
        vd growth = vd_set(1) + share * share, weight = s->precision[j] / growth;
        cost = cost + s->precision[j] * s->reach[j] * s->reach[j] * vd_log_u10(growth);
        s->g_trial[j] = s->g_trial[j] + weight * off;
        s->a_trial[AT(j, j)] = s->a_trial[AT(j, j)] + weight;
    }
    s->cost_trial = cost;
}

/* S from the step that was taken: the least change of it, in the metric of the true curvature, after which S s is what
   A leaves unexplained of the change of g. It is first made smaller where it was too large along the step, so that it
   vanishes as the residuals do. */
KERNEL void learn_curvature(struct solver *s, vmd taken, int P) {
    vd change[ALLOMETER_MAX_PARAMETERS], missing[ALLOMETER_MAX_PARAMETERS], known[ALLOMETER_MAX_PARAMETERS];
    vd along = vd_set(0), missing_along = along, known_along = along, zero = along;
    VD_UNROLL for (int j = 0; j < P; ++j) {
        change[j] = s->g[j] - s->g_trial[j];
        missing[j] = change[j], known[j] = zero;
        VD_UNROLL for (int k = 0; k < P; ++k) {
            missing[j] = missing[j] - s->a_trial[k <= j ? AT(j, k) : AT(k, j)] * s->step[k];
        }
    }
    VD_FORGET();
    VD_UNROLL for (int j = 0; j < P; ++j) {
        VD_UNROLL for (int k = 0; k < P; ++k) {
            known[j] = known[j] + s->curvature[k <= j ? AT(j, k) : AT(k, j)] * s->step[k];
        }
        along = along + change[j] * s->step[j];
        missing_along = missing_along + missing[j] * s->step[j];
        known_along = known_along + known[j] * s->step[j];
    }
    vd size = vd_min(vd_set(1), vd_abs(missing_along) / vd_max(vd_abs(known_along), vd_set(1e-300)));
    vd inverse = vd_set(1) / along, twice = (missing_along - size * known_along) * inverse;
    VD_UNROLL for (int j = 0; j < P; ++j) missing[j] = missing[j] - size * known[j];
    taken = vmd_and(taken, along > zero);
    VD_FORGET();
    VD_UNROLL for (int j = 0; j < P; ++j) {
        VD_UNROLL for (int k = 0; k <= j; ++k) {
            vd *curvature = &s->curvature[AT(j, k)];
            vd update = missing[j] * change[k] + change[j] * missing[k] - twice * change[j] * change[k];
            update = size * *curvature + update * inverse;
            *curvature = vd_select(taken, vd_select(vd_is_finite(update), update, zero), *curvature);
        }
    }
}

/* Whether S is part of the model from here on: if it predicted the change of the cost better; a start knows none. */
KERNEL void judge_curvature(struct solver *s, vmd taken, int P) {
    vd without = s->promise + s->trust * s->bend, with = without - s->bend, change = s->cost - s->cost_trial;
    vd closer = vd_select(vd_abs(change - with) < vd_abs(change - without), vd_set(1), vd_set(0));
    s->trust = vd_select(s->fresh, vd_set(0), vd_select(taken, closer, s->trust));
    VD_UNROLL for (int j = 0; j < TRIANGLE(P); ++j) {
        s->curvature[j] = vd_select(s->fresh, vd_set(0), s->curvature[j]);
    }
}

#endif
