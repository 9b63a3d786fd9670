/* The fitting kernels: solve.h with a thread for a lane. Three of them, and none for a single law: which law it is all
   threads of a launch agree on, so that choosing it costs little beside its exponentials, and each kernel is compiled
   for every kind of device. */
#include "cuda_kernels.h"
#include "cuda_fit.h"
#include "formula.h"
#include "solve.h"

/* The law of the table that the fitting names, among those of MOST parameters or less. */
#define LAW_OF_TABLE(MOST)                                                                           \
    KERNEL vd law_of_table_##MOST(const struct allometer_fitting *fitting, const vd *t, const vd *x, \
                                  vd *d) {                                                           \
        switch (fitting->law) {                                                                      \
            ALLOMETER_LAWS(LAW_CASE_##MOST)                                                          \
        default:                                                                                     \
            return vd_set(NAN);                                                                      \
        }                                                                                            \
    }
#define LAW_CASE(function, P, MOST)       \
    case ALLOMETER_LAW_##function:        \
        if (P > MOST) return vd_set(NAN); \
        return law_##function(t, x, d);
#define LAW_CASE_6(function, name, other, formula, P, ...)  LAW_CASE(function, P, 6)
#define LAW_CASE_21(function, name, other, formula, P, ...) LAW_CASE(function, P, 21)
LAW_OF_TABLE(6)
LAW_OF_TABLE(21)
static_assert(CUDA_FIT_FEW_PARAMETERS == 6 && ALLOMETER_MAX_PARAMETERS == 21, "the cases of LAW_OF_TABLE");

KERNEL vd law_of_program(const struct allometer_fitting *fitting, const vd *t, const vd *x, vd *d) {
    return formula(fitting->program, t, x, d);
}

/* Works through every n-th problem, n being the number of threads. store: SOLVER_STORE(P). */
KERNEL void solve_share(const struct cuda_fit_launch *launch, law_function law, vd *store) {
    const int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x,
                  n_threads = (int64_t)gridDim.x * blockDim.x;
    struct fit_queue queue = {nullptr, launch->first + thread, n_threads, launch->end, nullptr, 0, 0};
    struct lane_points points = {launch->rows + thread,
                                 launch->counts + thread * launch->most_units,
                                 n_threads,
                                 launch->capacity,
                                 launch->n_columns,
                                 {0}};
    solve(&launch->fitting, &queue, &points, law, launch->n_parameters, launch->n_columns, store);
}

#define FIT_KERNEL(name, law, MOST)                            \
    static __global__ void __launch_bounds__(CUDA_FIT_TEAM, 4) \
        fit_##name(const struct cuda_fit_launch launch) {      \
        vd store[SOLVER_STORE(MOST)];                          \
        solve_share(&launch, law, store);                      \
    }                                                          \
    cuda_fit_function *const allometer_cuda_fit_##name = fit_##name;
FIT_KERNEL(few, law_of_table_6, CUDA_FIT_FEW_PARAMETERS)
FIT_KERNEL(many, law_of_table_21, ALLOMETER_MAX_PARAMETERS)
FIT_KERNEL(formula, law_of_program, ALLOMETER_MAX_PARAMETERS)
