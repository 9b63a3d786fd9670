#include "fit_internal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct fit_memory {
    struct fit_memory *next;
    max_align_t bytes[];
};

void *fit_allocate(struct fit_memory **memory, size_t n, size_t size) {
    if (size && n > (SIZE_MAX - sizeof(struct fit_memory)) / size) return NULL;
    struct fit_memory *block = calloc(1, sizeof *block + n * size);
    if (!block) return NULL;
    block->next = *memory;
    *memory = block;
    return block->bytes;
}

void fit_memory_free(struct fit_memory *memory) {
    while (memory) {
        struct fit_memory *next = memory->next;
        free(memory);
        memory = next;
    }
}

static double *allocate_nan(struct allometer_fits *fits, size_t n) {
    double *values = fit_allocate(&fits->memory, n, sizeof *values);
    for (size_t i = 0; i < n && values; ++i) values[i] = NAN;
    return values;
}

enum allometer_code fit_allocate_results(struct allometer_fits *fits, size_t P,
                                         struct allometer_error *error) {
    size_t n_curve = fits->n_groups * (size_t)fits->options.n_curve;
    size_t n_reported = P + fits->options.n_quantities;
    double *arrays = allocate_nan(fits, fits->n_groups * (4 * n_reported + P));
    unsigned char *held = fit_allocate(&fits->memory, fits->n_groups * n_reported, sizeof *held);
    size_t n_resamples = fits->options.keep_resamples ? fits->n_groups * (size_t)fits->options.bootstrap : 0;
    if (n_resamples) {
        fits->resamples = allocate_nan(fits, n_resamples * P);
        fits->resample_status = fit_allocate(&fits->memory, n_resamples, sizeof *fits->resample_status);
        if (!fits->resamples || !fits->resample_status) {
            return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu resamples", n_resamples);
        }
    }
    size_t n_at = (size_t)fits->options.n_at, C = (size_t)fits->law->n_columns;
    double *at = allocate_nan(fits, n_at * (C + 3 * fits->n_groups));
    if (!at) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu predictions", n_at);
    for (size_t c = 0; c < C; ++c) {
        fits->at_x[c] = at + c * n_at;
        for (size_t i = 0; i < n_at; ++i) fits->at_x[c][i] = fits->options.at[i * C + c];
    }
    fits->at_y = at + C * n_at, fits->at_lower = fits->at_y + fits->n_groups * n_at;
    fits->at_upper = fits->at_lower + fits->n_groups * n_at;
    fits->yhat = allocate_nan(fits, fits->n_rows), fits->lower = allocate_nan(fits, fits->n_rows);
    fits->upper = allocate_nan(fits, fits->n_rows);
    fits->curve_x = allocate_nan(fits, n_curve), fits->curve_y = allocate_nan(fits, n_curve);
    fits->curve_lower = allocate_nan(fits, n_curve), fits->curve_upper = allocate_nan(fits, n_curve);
    if (!arrays || !held || !fits->yhat || !fits->lower || !fits->upper || !fits->curve_x || !fits->curve_y
        || !fits->curve_lower || !fits->curve_upper) {
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for results");
    }
    for (size_t g = 0; g < fits->n_groups; ++g, arrays += P, held += n_reported) {
        struct allometer_fit_group *group = &fits->groups[g];
        double **const reported[] = {&group->values, &group->errors, &group->lower, &group->upper};
        for (int i = 0; i < 4; ++i, arrays += n_reported) *reported[i] = arrays;
        group->inner = arrays, group->held = held;
        group->law = fits->law;
        group->objective = group->rmsle_train = group->rmsle_test = NAN;
    }
    return ALLOMETER_OK;
}
