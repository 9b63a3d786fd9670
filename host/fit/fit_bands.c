/* Where a new y would lie: the uncertainty of the law, from bootstrap minima or standard errors, and the scatter of
   the points around it, in the coordinates of the objective (y or log y). */
#include "fit_internal.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>

enum { CHUNK = 128 }; /* points at a time, so that memory stays small with many resamples */

/* The weights of new y in these rows of the table: their own, or that of the points where there is none. */
static void find_weights(const struct fit_work *work, const struct fit_precision *precision,
                         const size_t *rows, size_t n, double *weights) {
    for (size_t i = 0; i < n; ++i) {
        double own = rows && work->row_weights ? work->row_weights[rows[i]] : 0;
        weights[i] = own > 0 && isfinite(own) ? own : precision->mean_weight;
    }
}

/* Quantiles over the resamples of the law at x plus one of the errors, drawn anew; NaN where the law of one has no value. */
static void from_resamples(const struct fit_work *work, size_t group, const struct fit_precision *precision,
                           const double *const *columns, const double *weights, size_t n, const double *yhat,
                           double *scratch, double *lower, double *upper) {
    const struct allometer_fits *fits = work->fits;
    size_t R = precision->n_resamples, P = (size_t)work->n_parameters, n_errors = fits->groups[group].n_train;
    int on_logs = fit_on_logs(fits);
    double tail = 0.5 * (1 - fits->options.confidence), *values = scratch + CHUNK * R;
    uint64_t seed = fits->options.seed, stream = work->sets[group].stream;
    size_t first = fit_first_point(work, group);
    double center[CHUNK];
    for (size_t i = 0; i < n; ++i) center[i] = on_logs ? log(yhat[i]) : yhat[i];
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    for (size_t r = 0; r < R; ++r) {
        allometer_law_evaluate(fits->law, precision->resamples + r * P, columns, n, values, NULL);
        for (size_t i = 0; i < n; ++i) {
            /* the draws of resampling count resamples from 1: 0 is free for these */
            philox4x32_ctr_t at = {
                {(uint32_t)(r * CHUNK + i), 0, (uint32_t)stream, (uint32_t)(stream >> 32)}};
            uint32_t word = philox4x32(at, key).v[0];
            size_t drawn = (size_t)(((uint64_t)word * n_errors) >> 32);
            double error = precision->errors[drawn];
            if (work->weight) error *= sqrt(work->weight[first + drawn] / weights[i]);
            double value = !on_logs ? values[i] : values[i] <= 0 ? -INFINITY : log(values[i]);
            double off = value - center[i];
            if (precision->widening > 1 && isfinite(off)) value += (precision->widening - 1) * off;
            scratch[i * R + r] = value + error;
        }
    }
    for (size_t i = 0; i < n; ++i) {
        size_t n_known = 0;
        while (n_known < R && !isnan(scratch[i * R + n_known])) ++n_known;
        lower[i] = upper[i] = NAN;
        if (n_known < R) continue;
        sort_doubles(scratch + i * R, R);
        lower[i] = sorted_quantile(scratch + i * R, R, tail);
        upper[i] = sorted_quantile(scratch + i * R, R, 1 - tail);
    }
}

/* The delta method: law +- t * sqrt(d' C d + scatter / weight). */
static void from_errors(const struct fit_work *work, size_t group, const struct fit_precision *precision,
                        const double *const *columns, const double *weights, size_t n, double *scratch,
                        double *lower, double *upper) {
    const struct allometer_fits *fits = work->fits;
    size_t P = (size_t)work->n_parameters;
    int m = precision->n_free, on_logs = fit_on_logs(fits);
    double *derivatives = scratch, *values = scratch + CHUNK * P;
    double t = student_quantile(0.5 + 0.5 * fits->options.confidence, precision->degrees);
    allometer_law_evaluate(fits->law, fits->groups[group].inner, columns, n, values, derivatives);
    for (size_t i = 0; i < n; ++i) {
        double variance = 0, scale = on_logs ? 1 / values[i] : 1,
               center = on_logs ? log(values[i]) : values[i];
        for (int k = 0; k < m; ++k) {
            double along = 0;
            for (int j = 0; j < m; ++j)
                along += derivatives[i * P + (size_t)precision->free[j]] * precision->root[j * m + k];
            variance += along * along;
        }
        double reach = t * sqrt(variance * scale * scale + precision->scatter / weights[i]);
        lower[i] = center - reach;
        upper[i] = center + reach;
    }
}

enum allometer_code fit_bands(const struct fit_work *work, size_t group,
                              const struct fit_precision *precision, const double *const *columns,
                              const size_t *rows, size_t n, double *yhat, double *lower, double *upper,
                              struct allometer_error *error) {
    const struct allometer_fits *fits = work->fits;
    allometer_law_evaluate(fits->law, fits->groups[group].inner, columns, n, yhat, NULL);
    if (!lower) return ALLOMETER_OK;
    size_t R = precision->n_resamples,
           width = R > (size_t)work->n_parameters ? R : (size_t)work->n_parameters;
    double *scratch = malloc(CHUNK * (width + 1) * sizeof *scratch);
    if (!scratch)
        return allometer_fail(error, ALLOMETER_FAILED, "out of memory for the intervals of %zu points", n);
    for (size_t i = 0; i < n; i += CHUNK) {
        const double *part[ALLOMETER_MAX_LAW_COLUMNS];
        double weights[CHUNK];
        size_t length = n - i < CHUNK ? n - i : CHUNK;
        for (int c = 0; c < work->n_columns; ++c) part[c] = columns[c] + i;
        find_weights(work, precision, rows ? rows + i : NULL, length, weights);
        if (R)
            from_resamples(work, group, precision, part, weights, length, yhat + i, scratch, lower + i,
                           upper + i);
        else
            from_errors(work, group, precision, part, weights, length, scratch, lower + i, upper + i);
    }
    for (size_t i = 0; i < n && fit_on_logs(fits); ++i) {
        lower[i] = exp(lower[i]);
        upper[i] = exp(upper[i]);
    }
    free(scratch);
    return ALLOMETER_OK;
}
