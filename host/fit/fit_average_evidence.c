/* What the points say for each law of an average, in view of how far their errors go together. */
#include "fit_average.h"
#include "cholesky.h"

#include <math.h>
#include <string.h>

#define VAGUE        9.0 /* variance of a parameter of which nothing is known: only ratios between laws matter */
#define NOISE_POINTS 1.0 /* points that the noise seen between neighbors counts for beside the residuals */

/* Factors the symmetric a (m, m) in place, and inverts it into `inverse`; half the logarithm of its determinant, or NaN if a is
   not positive definite. */
static double invert(double *a, double *inverse, size_t m) {
    double half_log = cholesky_factor(a, m);
    for (size_t column = 0; column < m && !isnan(half_log); ++column) {
        double *z = inverse + column * m;
        for (size_t j = 0; j < m; ++j) z[j] = j == column;
        cholesky_solve(a, m, z);
    }
    return half_log;
}

/* Laplace's approximation around the most probable parameters, with the variance of the scatter integrated out; of each
   point only the group's share counts. Gives the parameters that the points were used up for, and leaves the residuals in
   the group's points. */
static double find_evidence(const struct average *average, struct candidate *candidate, size_t g) {
    const struct fit_work *work = &candidate->work;
    size_t P = candidate->n_parameters, span = g * N_SPANS, n = work->fits->groups[span].n_train;
    size_t first = fit_first_point(work, span);
    const double *columns[] = {work->columns[0] + first};
    double *values = average->scratch, *derivatives = values + n, half_log_prior = 0;
    double h[ALLOMETER_MAX_PARAMETERS * ALLOMETER_MAX_PARAMETERS] = {0}, prior[ALLOMETER_MAX_PARAMETERS];
    double noise = average->noise[g] * average->noise[g], share = average->share[g];
    double n_seen = share * (double)n + NOISE_POINTS, scatter = NOISE_POINTS * noise;
    allometer_law_evaluate_formed(candidate->law, candidate->parameters + span * P, columns, n, values,
                                  derivatives);
    for (size_t i = 0; i < n; ++i) {
        double off = work->target[first + i] - log(values[i]);
        scatter += share * work->weight[first + i] * off * off;
        average->points[i] = (struct average_point){columns[0][i], off, i};
    }
    for (size_t i = 0; i < n; ++i) {
        double weight = share * work->weight[first + i] / (values[i] * values[i]) / (scatter / n_seen);
        const double *d = derivatives + i * P;
        for (size_t j = 0; j < P; ++j) {
            for (size_t k = 0; k <= j; ++k) h[j * P + k] += weight * d[j] * d[k];
        }
    }
    for (size_t p = 0; p < P; ++p) {
        size_t at = span * P + p;
        double off = (candidate->parameters[at] - work->prior_mean[at]) / work->prior_reach[at];
        double precision = work->prior_precision[at] / noise;
        if (precision == 0) precision = 1 / VAGUE, off = 0;
        prior[p] = precision / (1 + off * off);
        h[p * P + p] += prior[p];
        half_log_prior += 0.5 * log(precision) - 0.5 * (AVERAGE_TAIL + 1) * log1p(off * off);
    }
    double *covariance = candidate->covariance + g * P * P;
    candidate->evidence[g] = half_log_prior - invert(h, covariance, P) - 0.5 * n_seen * log(scatter);
    /* of the points, so many went into parameters that nothing was known of */
    double used = 0;
    for (size_t p = 0; p < P; ++p) {
        used += 1 - fmin(1, prior[p] * covariance[p * P + p]);
    }
    double degrees = fmax(n_seen - used, 1);
    candidate->variance[g] = scatter / degrees, candidate->degrees[g] = degrees;
    for (size_t i = 0; i < P * P; ++i) covariance[i] *= n_seen / degrees;
    if (candidate->resampled && candidate->n_resamples[g] >= ALLOMETER_FEWEST_RESAMPLES)
        memcpy(covariance, candidate->resampled + g * P * P, P * P * sizeof *covariance);
    return used;
}

/* What a point counts for by the residuals that find_evidence() has left: by clusters, where the user names them. */
static double share_of(const struct average *average, const struct candidate *candidate, size_t g,
                       double used) {
    const struct allometer_fit_group *group = &average->spans.groups[g * N_SPANS];
    const struct fit_work *work = &candidate->work;
    if (average->fits->options.cluster)
        return average_cluster_share(average->points, work->units + work->sets[g * N_SPANS].first_unit,
                                     group->n_units);
    return average_share(average->points, group->n_train, used);
}

void average_judge_candidates(struct average *average, size_t g) {
    double most = -INFINITY;
    average->share[g] = 1;
    for (int pass = 0; pass < 2; ++pass) {
        double share = average->share[g];
        for (size_t c = 0; c < average->n_candidates; ++c) {
            struct candidate *candidate = &average->candidates[c];
            if (!allometer_group_has_values(candidate->status[g * N_SPANS])) continue;
            double used = find_evidence(average, candidate, g);
            if (pass || !(candidate->evidence[g] > most)) continue;
            most = candidate->evidence[g];
            share = share_of(average, candidate, g, used);
        }
        average->share[g] = share;
    }
}
