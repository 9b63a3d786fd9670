/* The average of laws: the weighted mean of their logarithms; an interval that holds the wanted share of the mixture of
   what each law predicts. */
#include "fit_average.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times the variance that a law claims beyond its scatter: so many times as much, beside the drift, covers what it should,
   measured where no law is true (experiments/extrapolation). */
#define LAWS_ARE_WRONG 2.0
enum { CHUNK = 256, BISECTIONS = 36 };

/* One law's prediction of log y. */
struct normal {
    double weight, mean, deviation;
};

/* A quantile of a mixture lies between those of its parts. */
static double mixture_quantile(const struct normal *parts, size_t n, double share) {
    double z = student_quantile(share, INFINITY), low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; ++i) {
        low = fmin(low, parts[i].mean + z * parts[i].deviation);
        high = fmax(high, parts[i].mean + z * parts[i].deviation);
    }
    for (int step = 0; step < BISECTIONS; ++step) {
        double middle = 0.5 * (low + high), below = 0;
        for (size_t i = 0; i < n; ++i) {
            below += parts[i].weight * 0.5 * erfc((parts[i].mean - middle) / parts[i].deviation * M_SQRT1_2);
        }
        if (below < share)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

/* The law's own variance of log y at a point: d' V d. */
static double law_variance(const double *d, const double *covariance, size_t P, double value) {
    double sum = 0;
    for (size_t j = 0; j < P; ++j) {
        for (size_t k = 0; k < P; ++k) sum += d[j] * covariance[j * P + k] * d[k];
    }
    return sum / (value * value);
}

/* Of a new y, over the mean weight. */
static double relative_weight(const struct average *average, size_t g, const size_t *rows, size_t i) {
    double own = rows && average->work.row_weights ? average->work.row_weights[rows[i]] : 0;
    return own > 0 && isfinite(own) ? own / average->mean_weight[g] : 1;
}

/* parts: n x C. Laws without a finite prediction take no part there. */
static void predict_chunk(const struct average *average, size_t g, const double *x, const size_t *rows,
                          size_t n, struct normal *parts, double *scratch) {
    size_t C = average->n_candidates;
    const double *weights = average->fits->groups[g].weights;
    double *values = scratch, *derivatives = scratch + CHUNK;
    double share = 0.5 + 0.5 * average->fits->options.confidence;
    memset(parts, 0, n * C * sizeof *parts);
    for (size_t c = 0; c < C; ++c) {
        if (!(weights[c] > 0)) continue;
        const struct candidate *candidate = &average->candidates[c];
        size_t P = candidate->n_parameters;
        /* few points tell little of the scatter: Student's quantile in place of the normal one's */
        double student = student_quantile(share, candidate->degrees[g]) / student_quantile(share, INFINITY);
        allometer_law_evaluate(candidate->law, candidate->parameters + g * N_SPANS * P, &x, n, values,
                               derivatives);
        for (size_t i = 0; i < n; ++i) {
            struct normal *part = &parts[i * C + c];
            double own = law_variance(derivatives + i * P, candidate->covariance + g * P * P, P, values[i]);
            double claimed = LAWS_ARE_WRONG * own + candidate->variance[g], outside = 0;
            double scatter = candidate->variance[g] / relative_weight(average, g, rows, i);
            double reach = LAWS_ARE_WRONG * own + student * student * scatter;
            if (x[i] > average->x_high[g]) outside = log(x[i] / average->x_high[g]);
            if (x[i] < average->x_low[g]) outside = log(average->x_low[g] / x[i]);
            /* laws that are less sure of this point weigh less */
            *part = (struct normal){weights[c] / sqrt(claimed), log(values[i]),
                                    sqrt(reach + average->drift[g] * outside * outside)};
            if (!isfinite(part->mean) || !isfinite(part->deviation)) part->weight = 0;
        }
    }
}

static size_t drop_weightless(struct normal *parts, size_t n) {
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) sum += parts[i].weight;
    for (size_t i = 0; i < n; ++i) {
        if (!(parts[i].weight > 0)) continue;
        parts[kept] = parts[i];
        parts[kept++].weight /= sum;
    }
    return kept;
}

enum allometer_code average_predict(const struct average *average, size_t g, const double *x,
                                    const size_t *rows, size_t n, double *yhat, double *lower, double *upper,
                                    struct allometer_error *error) {
    size_t C = average->n_candidates;
    double tail = 0.5 * (1 - average->fits->options.confidence);
    struct normal *parts = malloc(CHUNK * C * sizeof *parts);
    double *scratch = malloc(CHUNK * (ALLOMETER_MAX_PARAMETERS + 1) * sizeof *scratch);
    enum allometer_code code = ALLOMETER_OK;
    if (!parts || !scratch) code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for predictions");
    for (size_t begin = 0; begin < n && code == ALLOMETER_OK; begin += CHUNK) {
        size_t length = n - begin < CHUNK ? n - begin : CHUNK;
        predict_chunk(average, g, x + begin, rows ? rows + begin : NULL, length, parts, scratch);
        for (size_t i = 0; i < length; ++i) {
            struct normal *at = parts + i * C;
            size_t kept = drop_weightless(at, C);
            double mean = 0;
            for (size_t k = 0; k < kept; ++k) mean += at[k].weight * at[k].mean;
            yhat[begin + i] = kept ? exp(mean) : NAN;
            if (!lower) continue;
            lower[begin + i] = kept ? exp(mixture_quantile(at, kept, tail)) : NAN;
            upper[begin + i] = kept ? exp(mixture_quantile(at, kept, 1 - tail)) : NAN;
        }
    }
    free(parts);
    free(scratch);
    return code;
}
