/* An average of laws, for who has no opinion on which holds: every candidate is fitted with weak prior knowledge of its
   parameters; a law weighs as much as the points speak for it and as it predicted the end of the points from those
   before; the prediction is the weighted mean of logarithms. How the constants were chosen, and what came of it:
   experiments/extrapolation. */
#include "fit_average.h"

#include <math.h>
#include <string.h>

#define EVIDENCE_POWER 0.333 /* scatter is not independent, and no law is true: evidence counts for less */
#define HELD_OUT_POWER 1.5   /* of the mean squared error beyond the cuts, to which weights are inverse */

static enum allometer_code allocate_average(struct average *average, struct allometer_error *error) {
    struct allometer_fits *fits = average->fits;
    size_t most = 0, C = average->n_candidates = (size_t)fits->law->n_candidates;
    for (size_t c = 0; c < C; ++c) {
        struct candidate *candidate = &average->candidates[c];
        candidate->law = &allometer_laws[fits->law->candidates[c]];
        candidate->n_parameters = (size_t)candidate->law->n_parameters;
        most = candidate->n_parameters > most ? candidate->n_parameters : most;
    }
    enum allometer_code code = fit_allocate_results(fits, most, error);
    double *weights = fit_allocate(&fits->memory, fits->n_groups * C, sizeof *weights);
    if (code == ALLOMETER_OK && !weights)
        code = allometer_fail(error, ALLOMETER_FAILED, "out of memory for %zu groups", fits->n_groups);
    for (size_t g = 0; g < fits->n_groups && code == ALLOMETER_OK; ++g) {
        fits->groups[g].weights = weights + g * C;
        for (size_t c = 0; c < C; ++c) fits->groups[g].weights[c] = NAN;
    }
    return code;
}

static int is_fitted(const struct candidate *candidate, size_t g) {
    return allometer_group_has_values(candidate->status[g * N_SPANS]) && isfinite(candidate->evidence[g]);
}

/* The logarithm of a law's weight, but for a constant. Cuts count where every law has something to say beyond them. */
static double log_weight(const struct average *average, size_t g, size_t c) {
    double noise = average->noise[g] * average->noise[g], sum = 0;
    int n = 0;
    for (size_t cut = 0; cut < N_CUTS; ++cut) {
        int known = 1;
        for (size_t other = 0; other < average->n_candidates; ++other) {
            const struct candidate *candidate = &average->candidates[other];
            known &= !is_fitted(candidate, g) || isfinite(candidate->held_out[g * N_CUTS + cut]);
        }
        if (known) sum += log(average->candidates[c].held_out[g * N_CUTS + cut] + noise), ++n;
    }
    return EVIDENCE_POWER * average->candidates[c].evidence[g] - (n ? HELD_OUT_POWER * sum / n : 0);
}

/* Weights that add up to 1; the index of the largest; n_candidates if no law could be fitted. */
static size_t weigh(struct average *average, size_t g) {
    size_t C = average->n_candidates, best = C;
    double *weights = average->fits->groups[g].weights, sum = 0;
    for (size_t c = 0; c < C; ++c) {
        if (!is_fitted(&average->candidates[c], g)) continue;
        weights[c] = log_weight(average, g, c);
        if (best == C || weights[c] > weights[best]) best = c;
    }
    if (best == C) return C;
    double most = weights[best];
    for (size_t c = 0; c < C; ++c) {
        weights[c] = isnan(weights[c]) ? 0 : exp(weights[c] - most);
        sum += weights[c];
    }
    for (size_t c = 0; c < C; ++c) weights[c] /= sum;
    return best;
}

/* Mean squared distance in log x of the points beyond a cut from the last point before it; 0: there are none. */
static double reach_beyond(const struct allometer_fits *spans, size_t g, size_t cut) {
    const struct allometer_fit_group *whole = &spans->groups[g * N_SPANS], *span = whole + 1 + cut;
    double last = 0, sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < span->n_rows; ++i) {
        size_t row = span->first_row + i;
        if (spans->train[row] && spans->x[0][row] > last) last = spans->x[0][row];
    }
    for (size_t i = 0; i < span->n_rows && last > 0; ++i) {
        if (spans->train[span->first_row + i] || !spans->train[whole->first_row + i]) continue;
        double distance = log(spans->x[0][span->first_row + i] / last);
        sum += distance * distance, ++n;
    }
    return n ? sum / (double)n : 0;
}

/* How the laws, each with its weight, erred beyond the cuts, but for scatter: what they will do beyond the points. */
static double drift_of(const struct average *average, size_t g) {
    const double *weights = average->fits->groups[g].weights;
    double sum = 0;
    int n = 0;
    for (size_t cut = 0; cut < N_CUTS; ++cut) {
        double error = 0, reach = reach_beyond(&average->spans, g, cut);
        for (size_t c = 0; c < average->n_candidates; ++c) {
            const struct candidate *candidate = &average->candidates[c];
            if (weights[c] > 0)
                error += weights[c] * (candidate->held_out[g * N_CUTS + cut] - candidate->variance[g]);
        }
        if (reach > 0 && isfinite(error)) sum += fmax(0, error) / reach, ++n;
    }
    return n ? sum / n : 0;
}

/* Parameters of the law that weighs most, with errors that count what was known before. */
static void describe_parameters(const struct average *average, size_t g, const struct candidate *candidate) {
    struct allometer_fit_group *group = &average->fits->groups[g];
    size_t P = candidate->n_parameters;
    double t = student_quantile(0.5 + 0.5 * average->fits->options.confidence, candidate->degrees[g]);
    memcpy(group->inner, candidate->parameters + g * N_SPANS * P, P * sizeof(double));
    for (size_t p = 0; p < P; ++p) {
        enum allometer_role role = candidate->law->parameters[p].role;
        double deviation = sqrt(candidate->covariance[(g * P + p) * P + p]);
        group->values[p] = allometer_role_outer(role, group->inner[p]);
        group->held[p] = candidate->held[g * P + p];
        group->errors[p] = deviation * (allometer_role_is_log(role) ? group->values[p] : 1);
        group->lower[p] = allometer_role_outer(role, group->inner[p] - t * deviation);
        if (role == ALLOMETER_ROLE_ASYMPTOTE) group->lower[p] = fmax(group->lower[p], 0);
        group->upper[p] = allometer_role_outer(role, group->inner[p] + t * deviation);
    }
}

static enum allometer_code describe_group(void *user, size_t g, struct allometer_error *error) {
    struct average *average = user;
    struct allometer_fits *fits = average->fits;
    struct allometer_fit_group *group = &fits->groups[g];
    size_t best = weigh(average, g), first = group->first_row, n = (size_t)fits->options.n_curve;
    const struct candidate *candidate = &average->candidates[best < average->n_candidates ? best : 0];
    group->status = candidate->status[g * N_SPANS];
    for (size_t i = first; i < first + group->n_rows; ++i) {
        int can_be_fitted = fits->x[0][i] > 0 && fits->y[i] > 0 && isfinite(fits->x[0][i] + fits->y[i]);
        group->n_train += fits->train[i] && can_be_fitted;
        group->n_test += !fits->train[i] && !isnan(fits->y[i]);
    }
    if (best == average->n_candidates) return ALLOMETER_OK;
    group->law = candidate->law;
    group->n_units = average->spans.groups[g * N_SPANS].n_units;
    if (candidate->resampled) group->n_resamples = candidate->n_resamples[g];
    average->drift[g] = drift_of(average, g);
    describe_parameters(average, g, candidate);
    enum allometer_code code =
        average_predict(average, g, fits->x[0] + first, fits->rows + first, group->n_rows, fits->yhat + first,
                        fits->options.bands ? fits->lower + first : NULL, fits->upper + first, error);
    const size_t n_at = (size_t)fits->options.n_at, at = g * n_at;
    if (code == ALLOMETER_OK && n_at)
        code = average_predict(average, g, fits->at_x[0] + at, NULL, n_at, fits->at_y + at,
                               fits->at_lower + at, fits->at_upper + at, error);
    group->rmsle_train = fit_rmsle(fits, group, 1);
    group->rmsle_test = fit_rmsle(fits, group, 0);
    group->objective = group->rmsle_train * group->rmsle_train;
    if (code != ALLOMETER_OK || n == 0 || !fit_curve_points(fits, group, fits->curve_x + g * n)) return code;
    return average_predict(average, g, fits->curve_x + g * n, NULL, n, fits->curve_y + g * n,
                           fits->curve_lower + g * n, fits->curve_upper + g * n, error);
}

/* What makes sense for one law only. */
static enum allometer_code check_options(const struct allometer_fits *fits, struct allometer_error *error) {
    const struct allometer_fit_options *options = &fits->options;
    const char *name = fits->law->name;
    if (options->objective != ALLOMETER_OBJECTIVE_MSLE)
        return allometer_fail(error, ALLOMETER_BAD_INPUT, "law %s averages logarithms: only objective msle",
                              name);
    if (options->n_settings)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "law %s has no parameter of its own: '%s' can be set where a law is named",
                              name, options->settings[0].parameter);
    if (options->keep_resamples)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "law %s has no parameters of its own: resamples are for a law that is named",
                              name);
    return ALLOMETER_OK;
}

enum allometer_code fit_average(struct allometer_fits *fits, struct allometer_error *error) {
    struct average average = {.fits = fits};
    enum allometer_code code = check_options(fits, error);
    if (code == ALLOMETER_OK) code = allocate_average(&average, error);
    if (code == ALLOMETER_OK) code = average_make_spans(&average, error);
    for (size_t c = 0; c < average.n_candidates && code == ALLOMETER_OK; ++c) {
        code = average_fit_candidate(&average, c, error);
    }
    for (size_t g = 0; g < fits->n_groups && code == ALLOMETER_OK; ++g) average_judge_candidates(&average, g);
    if (code == ALLOMETER_OK) code = fit_each_group(fits, 0, fits->n_groups, describe_group, &average, error);
    fit_memory_free(average.work.memory);
    fit_memory_free(average.memory);
    return code;
}
