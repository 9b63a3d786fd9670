/* The fitting kernels: solve.h with a thread for a lane. A law of up to CUDA_FIT_MOST_OWN parameters has a kernel of its
   own, in which the numbers of parameters and columns are constants, so that what is done for each point stays in
   registers; the others share one, and formulas have one. */
#include "cuda_kernels.h"
#include "cuda_fit.h"
#include "fit_laws.h"
#include "solve.h"

/* There the same code takes a register or two more. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
#define IS_BLACKWELL 1
#else
#define IS_BLACKWELL 0
#endif

/* Threads of a warp that are out of work before they take new problems: who takes one keeps the others waiting. */
enum { REFILL_AT = 6 };

/* Takes a problem of the queue, if there is one left. */
KERNEL int take_problem(struct solver *s, const struct cuda_fit_launch *launch, struct lane_points *points) {
    const int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const uint32_t i = atomicAdd(&launch->count->taken, 1u);
    points->rows = launch->rows + thread;
    points->counts = launch->counts + thread * launch->most_units;
    if (launch->before) {
        const uint32_t n = launch->before->waiting;
        if (i >= n || i >= launch->room) return 0;
        load_state(s, 0, &launch->fitting,
                   launch->waiting + (size_t)i * (size_t)SOLVER_STATE(s->n_parameters), points);
    } else {
        if (i >= launch->end - launch->first) return 0;
        start_problem(s, 0, &launch->fitting, launch->first + i, points);
    }
    return 1;
}

/* Whether the problem now waits for the next launch. */
KERNEL int let_wait(struct solver *s, const struct cuda_fit_launch *launch) {
    const uint32_t i = atomicAdd(&launch->count->waiting, 1u);
    if (i >= launch->room) return 0;
    save_state(s, 0, launch->wait + (size_t)i * (size_t)SOLVER_STATE(s->n_parameters));
    return 1;
}

/* Works through the queue that all threads of the launch share. store: SOLVER_STORE(P). */
KERNEL void solve_share(const struct cuda_fit_launch *launch, law_function law, int P, int C, vd *store) {
    const struct allometer_fitting *fitting = &launch->fitting;
    struct lane_points points = {};
    points.stride = (int64_t)gridDim.x * blockDim.x;
    points.capacity = launch->capacity;
    points.n_columns = C;
    struct solver s = solver_on(store, P);
    if (IS_BLACKWELL && P > 6)
        asm volatile("" : "+r"(s.n_parameters)); /* a loop unrolled would spill a register or two there */
    int busy = 0, more = 1;
    for (;;) {
        const int wanted = warp_count(!busy && more), at_work = warp_count(busy);
        if (wanted == 0 && at_work == 0) return;
        if (wanted >= REFILL_AT || at_work == 0) {
            if (!busy && more) busy = more = take_problem(&s, launch, &points);
        }
        if (!busy) continue;
        evaluate(&s, law, fitting, &points, P, C);
        propose(&s, judge(&s, s.n_parameters), fitting->max_iterations, s.n_parameters);
        bend_step(&s, law, fitting, &points, P, C);
        s.fresh = 0;
        if (s.status >= 0) {
            store_result(&s, 0, fitting);
            busy = 0;
        } else if (launch->wait_after > 0 && s.iterations == launch->wait_after) {
            busy = !let_wait(&s, launch);
        }
    }
}

/* The solver's memory, which the compiler must not see through: registers would not hold it. What is done for each point
   works on registers all the same. */
KERNEL vd *hidden(vd *store) {
    VD_HIDE(store);
    return store;
}

/* RESIDENT: how many blocks a multiprocessor should hold: as many as leave room for registers without spilling. */
#define FIT_KERNEL(name, law, RESIDENT, MOST, P, C)                   \
    static __global__ void __launch_bounds__(CUDA_FIT_TEAM, RESIDENT) \
        fit_##name(const struct cuda_fit_launch launch) {             \
        vd store[SOLVER_STORE(MOST)];                                 \
        solve_share(&launch, law, P, C, hidden(store));               \
    }
#define LAW_KERNEL(function, RESIDENT, P, C)               \
    LAW_OF_POINTS(function, law_##function(t, x, d), P, C) \
    FIT_KERNEL(function, solved_##function, RESIDENT, P, P, C)
LAW_KERNEL(resource, 16, 1, 1)
LAW_KERNEL(power, 16, 2, 1)
LAW_KERNEL(logarithmic, 16, 2, 1)
LAW_KERNEL(power_offset, 16, 3, 1) /* exponential and bnsl_0 too: the same function of what they read */
LAW_KERNEL(m3, 16, 3, 1)
LAW_KERNEL(kaplan, 12, 4, 2)
LAW_KERNEL(m4, 8, 5, 1)
LAW_KERNEL(chinchilla, 12, 5, 2)
LAW_KERNEL(bnsl_1, IS_BLACKWELL ? 8 : 12, 6, 1)
LAW_KERNEL(bnsl_2, 8, 9, 1)

#define N_BREAKS (fitting->law - ALLOMETER_LAW_bnsl_0)
LAW_OF_POINTS(bnsl, bnsl(N_BREAKS, t, x, d), 3 + 3 * N_BREAKS, 1)
FIT_KERNEL(bnsl, solved_bnsl, 12, ALLOMETER_MAX_PARAMETERS, launch.n_parameters, 1)
FIT_KERNEL(formula, solved_formula, 12, ALLOMETER_MAX_PARAMETERS, launch.n_parameters, launch.n_columns)

#define fit_exponential          fit_power_offset
#define fit_bnsl_0               fit_power_offset
#define fit_bnsl_3               fit_bnsl
#define fit_bnsl_4               fit_bnsl
#define fit_bnsl_5               fit_bnsl
#define fit_bnsl_6               fit_bnsl
#define KERNEL_OF(function, ...) fit_##function,
cuda_fit_function *const allometer_cuda_fit[] = {ALLOMETER_LAWS(KERNEL_OF) fit_formula};

/* From where steps bend to where they do so no more: what comes before, between and after is work of three kinds. */
const int32_t allometer_cuda_fit_wait_after[] = {SOLVER_BENDS_FROM, SOLVER_BENDS_TO};

int32_t allometer_cuda_fit_state(int32_t n_parameters) {
    return SOLVER_STATE(n_parameters);
}
