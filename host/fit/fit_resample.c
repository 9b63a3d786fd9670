/* The bootstrap of every group, from its minimum. */
#include "fit_internal.h"

#include <string.h>

/* Keeps what the resample at hand gave, before those without a minimum are taken out. */
static void keep_resample(struct allometer_fits *fits, size_t g, size_t r, const double *inner,
                          int32_t status) {
    size_t P = (size_t)fits->law->n_parameters, at = g * (size_t)fits->options.bootstrap + r;
    fits->resample_status[at] = status;
    for (size_t p = 0; p < P && allometer_group_has_values(status); ++p) {
        fits->resamples[at * P + p] = fit_parameter_value(fits, (int)p, inner[p]);
    }
}

/* What describing the groups from `begin` on needs: the resamples of group g are the problems from first[g - begin] on. */
struct description {
    struct fit_work *work;
    struct fit_batch batch;
    size_t begin, *first;
};

/* Those of a group's resamples that reached a minimum, and everything that is reported of the group. */
static enum allometer_code describe_group(void *user, size_t g, struct allometer_error *error) {
    const struct description *of = user;
    size_t P = (size_t)of->work->n_parameters, first = of->first[g - of->begin], n = 0;
    for (size_t f = first; f < of->first[g - of->begin + 1]; ++f) {
        double *resample = of->batch.parameters + f * P;
        int32_t status = of->batch.fitting.outcomes[f].status;
        fit_order_breaks(of->work, g, resample);
        if (of->work->fits->resamples) keep_resample(of->work->fits, g, f - first, resample, status);
        if (fit_is_minimum(status))
            memmove(of->batch.parameters + (first + n++) * P, resample, P * sizeof(double));
    }
    return fit_describe_group(of->work, g, of->batch.parameters + first * P, n, error);
}

enum allometer_code fit_describe_groups(struct fit_work *work, size_t begin, size_t end,
                                        struct allometer_error *error) {
    size_t R = (size_t)work->fits->options.bootstrap;
    struct description of = {.work = work, .begin = begin};
    enum allometer_code code = fit_batch_make(&of.batch, work, (end - begin) * R, error);
    of.first = fit_allocate(&of.batch.memory, end - begin + 1, sizeof *of.first);
    if (code == ALLOMETER_OK && !of.first)
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu groups", end - begin);
    for (size_t g = begin; g < end && code == ALLOMETER_OK; ++g) {
        const struct allometer_fit_group *group = &work->fits->groups[g];
        for (size_t r = 1; r <= R && allometer_group_has_values(group->status); ++r)
            fit_batch_add(&of.batch, work, g, (uint32_t)r, group->inner);
        of.first[g - begin + 1] = (size_t)of.batch.fitting.n_problems;
    }
    if (code == ALLOMETER_OK && R) code = fit_batch_run(&of.batch, work, error);
    if (code == ALLOMETER_OK) code = fit_each_group(work->fits, begin, end, describe_group, &of, error);
    fit_memory_free(of.batch.memory);
    return code;
}

enum allometer_code fit_resample(const struct fit_work *work, size_t group, double *parameters, size_t *n,
                                 struct allometer_error *error) {
    size_t R = (size_t)work->fits->options.bootstrap, P = (size_t)work->n_parameters;
    struct fit_batch batch;
    enum allometer_code code = fit_batch_make(&batch, work, R, error);
    for (size_t r = 1; r <= R && code == ALLOMETER_OK; ++r)
        fit_batch_add(&batch, work, group, (uint32_t)r, work->fits->groups[group].inner);
    if (code == ALLOMETER_OK) code = fit_batch_run(&batch, work, error);
    *n = 0;
    for (size_t r = 0; r < R && code == ALLOMETER_OK; ++r) {
        if (fit_is_minimum(batch.fitting.outcomes[r].status))
            memcpy(parameters + (*n)++ * P, batch.parameters + r * P, P * sizeof(double));
    }
    fit_memory_free(batch.memory);
    return code;
}
