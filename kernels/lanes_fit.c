/* The fitting kernels of one instruction set: one solver for each law, and one for all formulas. */
#include "cpu_fit.h"
#include "formula.h"
#include "law.h"
#include "solve.h"

#define SOLVE_LAW(function, name, other, formula, P, C, ...)                                               \
    KERNEL vd value_##function(const struct allometer_fitting *fitting, const vd *t, const vd *x, vd *d) { \
        (void)fitting;                                                                                     \
        return law_##function(t, x, d);                                                                    \
    }                                                                                                      \
    static void solve_##function(const struct allometer_fitting *fitting, struct fit_queue *queue,         \
                                 struct lane_points *points) {                                             \
        vd store[SOLVER_STORE(P)];                                                                         \
        solve(fitting, queue, points, value_##function, P, C, store);                                      \
    }
ALLOMETER_LAWS(SOLVE_LAW)
#undef SOLVE_LAW

KERNEL vd value_formula(const struct allometer_fitting *fitting, const vd *t, const vd *x, vd *d) {
    return formula(fitting->program, t, x, d);
}

static void solve_formula(const struct allometer_fitting *fitting, struct fit_queue *queue,
                          struct lane_points *points) {
    vd store[SOLVER_STORE(ALLOMETER_MAX_PARAMETERS)];
    solve(fitting, queue, points, value_formula, fitting->program->n_parameters, fitting->program->n_columns,
          store);
}

static int32_t lanes(void) {
    return VD_LANES;
}

static int32_t state(const struct allometer_fitting *fitting) {
    return SOLVER_STATE(allometer_fitting_parameters(fitting));
}

static void solve_law(const struct allometer_fitting *fitting, const int64_t *order, int64_t n, double *rows,
                      double *waiting, int64_t room, int32_t *counts, int32_t capacity) {
    static void (*const solvers[])(const struct allometer_fitting *, struct fit_queue *,
                                   struct lane_points *) = {
#define SOLVER(function, ...) solve_##function,
        ALLOMETER_LAWS(SOLVER)
#undef SOLVER
            solve_formula,
    };
    struct fit_queue queue = {.order = order, .step = 1, .end = n, .waiting = waiting, .room = room};
    struct lane_points points = {.rows = rows,
                                 .counts = counts,
                                 .stride = VD_LANES,
                                 .capacity = capacity,
                                 .n_columns = allometer_fitting_columns(fitting)};
    solvers[fitting->law](fitting, &queue, &points);
}

const struct fit_kernels LANES_SYMBOL(fit_kernels_) = {.lanes = lanes, .state = state, .solve = solve_law};
