/* Levenberg-Marquardt, one problem per lane, in double precision: normal equations held in lane-private memory, bounds,
   masks for lanes that are done, which then take the next problem of the queue.

   Every operation on a lane's numbers depends on that lane alone, so that a fit's result does not depend on its
   neighbors. After Marquardt 1963, with the scaling of More 1978, the damping of Nielsen 1999 (but down to a tenth at a
   time), where residuals are large or parameters all but undetermined the second derivatives of fit_model.h, and where
   many steps have not been enough the bent ones of fit_path.h. */
#ifndef ALLOMETER_SOLVE_H
#define ALLOMETER_SOLVE_H

#include "fit_path.h"

/* The problems that one solver works through: order[next], order[next + step], ... below end. */
struct fit_queue {
    const int64_t *order; /* NULL: 0, 1, 2, ... */
    int64_t next, step, end;
    double *waiting; /* SOLVER_STATE(P) numbers of each problem that waits: room for so many */
    int64_t room, n_waiting;
};

/* What a solver knows of one lane: its problem, its scalars, its part of the store. */
#define SOLVER_STATE(P) (1 + SOLVER_SCALARS + SOLVER_STORE(P))

#define SOLVER_LAMBDA_START 1e-2
#define SOLVER_LAMBDA_LEAST 1e-14
#define SOLVER_LAMBDA_MOST  1e16
#define SOLVER_OFFSET       1e-20 /* promise / cost at which a fit is done */
#define SOLVER_RATE         1e-2  /* from promise to promise, at most, of what converges for sure */
#define SOLVER_LAST         1e-3  /* of a parameter, at most, that a step changes which is not tried */
#define SOLVER_NOISE        1e-13 /* promise / cost below which a change of the cost may be rounding */
#define SOLVER_PATIENCE     4     /* steps within noise that may fail to halve the promise */
#define SOLVER_COLLAPSE     1e-30 /* of an element of A's diagonal over the cost: no more matters */

/* What is known of the lane: to or from SOLVER_STATE(P) numbers. */
KERNEL void save_state(const struct solver *s, int lane, double *to) {
    *to++ = (double)s->problem[lane];
#if VD_LANES == 1 /* an index would keep them out of registers */
    memcpy(to, s->scalars, sizeof s->scalars);
    to += SOLVER_SCALARS;
#else
    for (int i = 0; i < SOLVER_SCALARS; ++i) *to++ = vd_get(&s->scalars[i], lane);
#endif
    for (int i = 0; i < SOLVER_STORE(s->n_parameters); ++i) to[i] = vd_get(&s->t[i], lane);
}

KERNEL void load_state(struct solver *s, int lane, const struct allometer_fitting *fitting,
                       const double *from, struct lane_points *points) {
    s->problem[lane] = (int64_t)*from++;
#if VD_LANES == 1
    memcpy(s->scalars, from, sizeof s->scalars);
    from += SOLVER_SCALARS;
#else
    for (int i = 0; i < SOLVER_SCALARS; ++i) vd_put(&s->scalars[i], lane, *from++);
#endif
    for (int i = 0; i < SOLVER_STORE(s->n_parameters); ++i) vd_put(&s->t[i], lane, from[i]);
    fill_rows(points, lane, fitting, fitting->problems[s->problem[lane]]);
}

KERNEL void start_problem(struct solver *s, int lane, const struct allometer_fitting *fitting, int64_t f,
                          struct lane_points *points) {
    int P = s->n_parameters;
    s->problem[lane] = f;
    fill_rows(points, lane, fitting, fitting->problems[f]);
    VD_UNROLL for (int p = 0; p < P; ++p) {
        int64_t at = (int64_t)fitting->problems[f].set * P + p;
        vd_put(&s->trial[p], lane, fitting->starts[f * P + p]);
        vd_put(&s->lower[p], lane, fitting->lower[at]);
        vd_put(&s->upper[p], lane, fitting->upper[at]);
        if (!fitting->prior_precision) continue;
        vd_put(&s->mean[p], lane, fitting->prior_mean[at]);
        vd_put(&s->precision[p], lane, fitting->prior_precision[at]);
        vd_put(&s->reach[p], lane, fitting->prior_reach[at]);
    }
    vd_put(&s->floor, lane, cost_floor(points, lane, fitting->objective != ALLOMETER_OBJECTIVE_MSE));
    vd_put(&s->status, lane, -1);
    vd_put(&s->iterations, lane, 0);
    s->fresh = vmd_or(s->fresh, vmd_of_lane(lane));
}

KERNEL void store_result(const struct solver *s, int lane, const struct allometer_fitting *fitting) {
    int64_t f = s->problem[lane];
    int P = s->n_parameters;
    VD_UNROLL for (int p = 0; p < P; ++p) fitting->parameters[f * P + p] = vd_get(&s->t[p], lane);
    fitting->outcomes[f].cost = vd_get(&s->cost, lane);
    fitting->outcomes[f].status = (int32_t)vd_get(&s->status, lane);
    fitting->outcomes[f].iterations = (int32_t)vd_get(&s->iterations, lane) - 1;
}

/* Gives an idle lane its next problem, or one that waits, or leaves it idle. */
KERNEL void refill(struct solver *s, int lane, const struct allometer_fitting *fitting,
                   struct fit_queue *queue, struct lane_points *points) {
    if (queue->next < queue->end) {
        int64_t f = queue->order ? queue->order[queue->next] : queue->next;
        queue->next += queue->step;
        start_problem(s, lane, fitting, f, points);
    } else if (queue->n_waiting) {
        const double *state = queue->waiting + --queue->n_waiting * SOLVER_STATE(s->n_parameters);
        load_state(s, lane, fitting, state, points);
    } else {
        s->problem[lane] = -1;
        points->n_rows[lane] = 0;
    }
}

/* The change of the cost that may be rounding: a share of the cost and, where residuals are but a little larger than the
   rounding of y itself, what that does to their squares. */
KERNEL vd cost_noise(const struct solver *s) {
    return vd_max(vd_set(SOLVER_NOISE) * s->cost, vd_set(4) * vd_sqrt(s->cost * s->floor));
}

/* Whether the trial is a step so long that with it a parameter ceases to matter, as b in exp(-b x), though the cost does not
   fall as much: a plateau, from which next to nothing leads back. Not where a bound is what makes it so. */
KERNEL vmd leads_to_plateau(const struct solver *s, int P) {
    vd zero = vd_set(0);
    vmd level = zero < zero, bounded = level;
    VD_UNROLL for (int j = 0; j < P; ++j) {
        vd left = s->a_trial[AT(j, j)] * s->cost, before = s->a[AT(j, j)] * s->cost_trial;
        level = vmd_or(level, left < vd_set(SOLVER_COLLAPSE) * before);
        vmd at_bound = vmd_or(s->trial[j] <= s->lower[j], s->trial[j] >= s->upper[j]);
        bounded = vmd_or(bounded, vmd_and(at_bound, vd_abs(s->trial[j] - s->t[j]) > zero));
    }
    return vmd_and(level, vmd_not(bounded));
}

/* Takes the trial where it is better, and sets the damping: Nielsen's rule. What the steps promised that were taken, or 0. */
KERNEL vd judge(struct solver *s, int P) {
    VD_FORGET();
    vmd plateau = leads_to_plateau(s, P);
    VD_FORGET();
    vd sum = s->cost_trial, gain = (s->cost - s->cost_trial) / s->promise;
    VD_UNROLL for (int j = 0; j < P; ++j) sum = sum + s->a_trial[AT(j, j)];
    vmd finite = vd_is_finite(sum), at_work = s->status < vd_set(0);
    vd noise = cost_noise(s);
    vmd in_noise = vmd_and(vmd_and(s->promise >= vd_set(0), s->promise <= noise),
                           vd_abs(s->cost - s->cost_trial) <= noise);
    vmd better = vmd_and(vmd_and(s->promise > vd_set(0), s->cost_trial < s->cost), vmd_not(plateau));
    vmd take = vmd_and(vmd_and(finite, at_work), vmd_or(s->fresh, vmd_or(better, in_noise)));

    vd shrink = vd_max(vd_set(0.1), vd_set(1) - (gain + gain - 1) * (gain + gain - 1) * (gain + gain - 1));
    shrink = vd_select(in_noise, vd_set(1), vd_min(shrink, vd_set(2)));
    s->lambda = s->lambda * vd_select(take, shrink, s->growth);
    s->growth = vd_select(take, vd_set(2), s->growth + s->growth);
    s->lambda =
        vd_select(s->fresh, vd_set(SOLVER_LAMBDA_START), vd_max(s->lambda, vd_set(SOLVER_LAMBDA_LEAST)));

    vmd learn = vmd_and(take, vmd_not(vmd_or(in_noise, s->fresh)));
    VD_UNROLL for (int j = 0; j < P; ++j) {
        s->t[j] = vd_select(vmd_or(take, s->fresh), s->trial[j], s->t[j]);
    }
    VD_UNROLL for (int j = 0; j < TRIANGLE(P); ++j) s->a[j] = vd_select(take, s->a_trial[j], s->a[j]);
    judge_curvature(s, learn, P);
    learn_curvature(s, learn, P);
    VD_FORGET();
    s->trust = vd_select(in_noise, vd_set(0), s->trust); /* what cannot be judged any more is not trusted */
    VD_UNROLL for (int j = 0; j < P; ++j) {
        s->g[j] = vd_select(take, s->g_trial[j], s->g[j]);
        vd diagonal = s->a_trial[AT(j, j)];
        vd larger = vd_max(diagonal, vd_select(s->fresh, vd_set(0), s->scale[j]));
        s->scale[j] = vd_select(take, larger, s->scale[j]);
    }
    s->cost = vd_select(vmd_or(take, s->fresh), s->cost_trial, s->cost);
    s->status = vd_select(vmd_and(s->fresh, vmd_not(finite)), vd_set(ALLOMETER_FIT_NOT_FINITE), s->status);
    s->least_promise = vd_select(s->fresh, vd_set(1.7976931348623157e308), s->least_promise);
    s->idle = vd_select(s->fresh, vd_set(0), s->idle);
    return vd_select(vmd_and(take, vmd_not(s->fresh)), s->promise, vd_set(0));
}

/* Whether the step at hand says that the lane is at its minimum: a status, or -1. */
KERNEL vd minimum(const struct solver *s, vd noise, int P) {
    vmd still = s->promise >= vd_set(0), within_noise = s->promise <= noise;
    VD_UNROLL for (int j = 0; j < P; ++j) {
        still = vmd_and(still, vd_abs(s->step[j]) <= vd_set(4.5e-16) * vd_abs(s->t[j]));
    }
    vd status = vd_select(still, vd_set(ALLOMETER_FIT_STEP), vd_set(-1));
    vmd no_better = vmd_and(within_noise, s->idle >= vd_set(SOLVER_PATIENCE));
    status = vd_select(vmd_and(no_better, s->promise >= vd_set(0)), vd_set(ALLOMETER_FIT_COST), status);
    vmd at_gradient = vmd_and(s->promise >= vd_set(0), s->promise <= vd_set(SOLVER_OFFSET) * s->cost);
    return vd_select(at_gradient, vd_set(ALLOMETER_FIT_GRADIENT), status);
}

/* Whether the step at hand is the last one and need not be tried: noise would hide what it changes, and at the rate at
   which the promises fell since the one `before` the next is none. Not a long one, which comes of a parameter that next to
   nothing depends on here, though far away much may. */
KERNEL vmd is_last(const struct solver *s, vd before, vd noise, int P) {
    vd rate = s->promise / before; /* NaN or infinite where nothing led here */
    vmd converges = vmd_and(rate >= vd_set(0), rate <= vd_set(SOLVER_RATE));
    vmd last = vmd_and(converges, rate * s->promise <= vd_set(SOLVER_OFFSET) * s->cost);
    VD_UNROLL for (int j = 0; j < P; ++j) {
        last = vmd_and(last, vd_abs(s->step[j]) <= vd_set(SOLVER_LAST) * vd_abs(s->t[j]));
    }
    return vmd_and(vmd_and(last, s->promise <= noise), vmd_not(s->damped));
}

/* The next trial of each lane, or the status with which it ends. before: what the steps promised that led here. */
KERNEL void propose(struct solver *s, vd before, int32_t max_iterations, int P) {
    vd zero = vd_set(0), noise = cost_noise(s);
    solve_step(s, s->lambda, P);
    vd status = minimum(s, noise, P);
    vmd unsure = vmd_and(status >= zero, s->damped);
    if (vmd_any(unsure)) { /* ask again almost without damping */
        s->lambda = vd_select(unsure, vd_min(s->lambda, vd_set(SOLVER_LAMBDA_LEAST)), s->lambda);
        solve_step(s, s->lambda, P);
        vd sure = minimum(s, noise, P);
        status = vd_select(vmd_and(unsure, s->promise >= zero), sure, status);
    }
    vmd last = vmd_and(vmd_and(s->status < zero, status < zero), is_last(s, before, noise, P));
    VD_UNROLL for (int j = 0; j < P; ++j) s->t[j] = vd_select(last, s->trial[j], s->t[j]);
    s->cost = vd_select(last, s->cost - s->promise, s->cost);
    status = vd_select(last, vd_set(ALLOMETER_FIT_GRADIENT), status);
    vd most = vd_set(1.7976931348623157e308);
    vmd within = vmd_and(s->promise >= zero, s->promise <= noise), above = s->promise > noise;
    vmd halved = vmd_and(within, s->promise < vd_set(0.5) * s->least_promise);
    s->least_promise = vd_select(above, most, vd_select(halved, s->promise, s->least_promise));
    s->idle = vd_select(vmd_or(above, halved), zero, s->idle + vd_select(within, vd_set(1), zero));
    status = vd_select(s->cost <= s->floor, vd_set(ALLOMETER_FIT_COST), status);
    status = vd_select(vmd_and(status<zero, s->lambda> vd_set(SOLVER_LAMBDA_MOST)),
                       vd_set(ALLOMETER_FIT_STALLED), status);
    status = vd_select(vmd_and(status < zero, s->iterations >= vd_set(max_iterations)),
                       vd_set(ALLOMETER_FIT_OUT_OF_ITERATIONS), status);
    s->status = vd_select(s->status < zero, status, s->status);
    s->iterations = s->iterations + vd_set(1);
}

/* Stores what is finished and hands out new problems; whether any lane has work. Lanes whose steps begin to bend wait for
   one another, so that those beside them do not pay for it. */
KERNEL int retire(struct solver *s, const struct allometer_fitting *fitting, struct fit_queue *queue,
                  struct lane_points *points) {
    unsigned done = vmd_bits(s->status >= vd_set(0));
    unsigned bend = vmd_bits(s->iterations == vd_set(SOLVER_BENDS_FROM)) & ~done;
    s->fresh = vmd_and(s->fresh, vmd_not(s->fresh));
    for (unsigned left = done; left; left &= left - 1) {
        int lane = __builtin_ctz(left);
        if (s->problem[lane] < 0) continue;
        store_result(s, lane, fitting);
        refill(s, lane, fitting, queue, points);
    }
    for (; bend && queue->next < queue->end && queue->n_waiting < queue->room; bend &= bend - 1) {
        int lane = __builtin_ctz(bend);
        save_state(s, lane, queue->waiting + queue->n_waiting++ * SOLVER_STATE(s->n_parameters));
        refill(s, lane, fitting, queue, points);
    }
    return vmd_any(s->status < vd_set(0));
}

/* Works through the queue. store: SOLVER_STORE(P) vd's; C columns. */
KERNEL void solve(const struct allometer_fitting *fitting, struct fit_queue *queue,
                  struct lane_points *points, law_function law, int P, int C, vd *store) {
    struct solver s = solver_on(store, P);
    for (int lane = 0; lane < VD_LANES; ++lane) refill(&s, lane, fitting, queue, points);
    for (int busy = s.problem[0] >= 0; busy;) {
        evaluate(&s, law, fitting, points, P, C);
        propose(&s, judge(&s, P), fitting->max_iterations, P);
        bend_step(&s, law, fitting, points, P, C);
        busy = retire(&s, fitting, queue, points);
    }
}

#endif
