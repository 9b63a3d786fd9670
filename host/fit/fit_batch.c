/* Batches of problems for the solver. */
#include "fit_internal.h"

#include <string.h>

enum {
    MAX_ITERATIONS = 1000,      /* of one fit, by default */
    BATCH_PARAMETERS = 1 << 23, /* problems x P of one batch at most, or a group's own: 64 MB */
};

enum allometer_code fit_batch_make(struct fit_batch *batch, const struct fit_work *work, size_t capacity,
                                   struct allometer_error *error) {
    const struct allometer_fit_options *options = &work->fits->options;
    *batch = (struct fit_batch){0};
    batch->problems = fit_allocate(&batch->memory, capacity, sizeof *batch->problems);
    batch->parameters = fit_allocate(&batch->memory, capacity * (size_t)work->n_parameters, sizeof(double));
    struct allometer_fit_outcome *outcomes = fit_allocate(&batch->memory, capacity, sizeof *outcomes);
    if (!batch->problems || !batch->parameters || !outcomes) {
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu fits", capacity);
    }
    batch->fitting = (struct allometer_fitting){
        .law = (int32_t)work->fits->law->id,
        .program = work->fits->law->program,
        .objective = (int32_t)options->objective,
        .delta = options->delta,
        .max_iterations = options->max_iterations ? options->max_iterations : MAX_ITERATIONS,
        .seed = options->seed,
        .points = {.target = work->target, .weight = work->weight, .units = work->units},
        .sets = work->sets,
        .lower = work->lower,
        .upper = work->upper,
        .prior_mean = work->prior_mean,
        .prior_precision = work->prior_precision,
        .prior_reach = work->prior_reach,
        .problems = batch->problems,
        .starts = batch->parameters,
        .parameters = batch->parameters,
        .outcomes = outcomes,
        .n_sets = (int64_t)work->fits->n_groups,
    };
    for (int c = 0; c < work->n_columns; ++c) batch->fitting.points.columns[c] = work->columns[c];
    return ALLOMETER_OK;
}

void fit_batch_add(struct fit_batch *batch, const struct fit_work *work, size_t group, uint32_t resample,
                   const double *start) {
    size_t P = (size_t)work->n_parameters, f = (size_t)batch->fitting.n_problems++;
    batch->problems[f] = (struct allometer_fit_problem){.set = (int32_t)group, .resample = resample};
    memcpy(batch->parameters + f * P, start, P * sizeof *start);
}

enum allometer_code fit_batch_run(struct fit_batch *batch, const struct fit_work *work,
                                  struct allometer_error *error) {
    const struct allometer_fit_options *options = &work->fits->options;
    return options->backend->fit(options->device, &batch->fitting, error);
}

size_t fit_groups_per_batch(size_t problems, size_t P) {
    size_t n = BATCH_PARAMETERS / ((problems ? problems : 1) * P);
    return n ? n : 1;
}

int fit_is_minimum(int32_t status) {
    return status >= 0 && status <= ALLOMETER_FIT_COST;
}
