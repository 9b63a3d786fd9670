/* The fitting kernels of one instruction set: one solver for each law, and one for all formulas. */
#include "cpu_fit.h"
#include "fit_laws.h"
#include "solve.h"

#define SOLVE_LAW(function, name, other, formula, P, C, ...)                                       \
    LAW_OF_POINTS(function, law_##function(t, x, d), P, C)                                         \
    static void solve_##function(const struct allometer_fitting *fitting, struct fit_queue *queue, \
                                 struct lane_points *points) {                                     \
        vd store[SOLVER_STORE(P)];                                                                 \
        solve(fitting, queue, points, solved_##function, P, C, store);                             \
    }
ALLOMETER_LAWS(SOLVE_LAW)
#undef SOLVE_LAW

/* A function of its own: the solver calls it in six places, each of which would hold all instructions. */
static __attribute__((noinline)) void run_formula(const struct allometer_fitting *fitting, const vd *t,
                                                  const struct lane_points *points, int32_t first, int n,
                                                  struct block *block) {
    solved_formula(fitting, t, points, first, n, block);
}

static void solve_formula(const struct allometer_fitting *fitting, struct fit_queue *queue,
                          struct lane_points *points) {
    vd store[SOLVER_STORE(ALLOMETER_MAX_PARAMETERS)];
    solve(fitting, queue, points, run_formula, fitting->program->n_parameters, fitting->program->n_columns,
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
