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

/* Where the options want the group predicted: NaN for so many times an x that it has not, or that overflows. */
static void fill_points(struct allometer_fits *fits, size_t g) {
    const struct allometer_fit_options *options = &fits->options;
    const struct allometer_fit_group *group = &fits->groups[g];
    const size_t n_at = (size_t)options->n_at, C = (size_t)fits->law->n_columns;
    for (size_t c = 0; n_at && c < C; ++c) {
        double largest = NAN;
        for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
            if (fits->train[i] && !fit_is_incomplete(fits, i)) largest = fmax(largest, fits->x[c][i]);
        }
        for (size_t i = 0; i < n_at; ++i) {
            const double at = options->at[i * C + c];
            const int is_factor = options->at_is_factor && options->at_is_factor[i * C + c];
            const double x = is_factor ? at * largest : at;
            fits->at_x[c][g * n_at + i] = isfinite(x) ? x : NAN;
        }
    }
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
    size_t n_at = fits->n_groups * (size_t)fits->options.n_at, C = (size_t)fits->law->n_columns;
    double *at = allocate_nan(fits, n_at * (C + 3));
    if (!at) return allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu predictions", n_at);
    for (size_t c = 0; c < C; ++c, at += n_at) fits->at_x[c] = at;
    for (size_t g = 0; g < fits->n_groups; ++g) fill_points(fits, g);
    fits->at_y = at, fits->at_lower = at + n_at, fits->at_upper = at + 2 * n_at;
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
