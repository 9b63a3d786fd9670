/* Which hypotheses the data bear: likelihoods, and likelihood ratios. */
#include "cholesky.h"
#include "composite_sample.h"
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SQUARES  1e-200 /* of what fits exactly: its logarithm shall be a number */
#define LEAST_VARIANCE 1e-28  /* of a log ratio: less is rounding, */
#define SHARE_ROUNDING 1e-13  /* and so is this share of it */

/* Log likelihood of M normal residuals with that sum of squares, at their best variance. */
static double normal_likelihood(double M, double squares) {
    return -0.5 * M * (log(2 * M_PI * fmax(squares, LEAST_SQUARES) / M) + 1);
}

/* Into scratch, n * n + 2 n, the covariance of the residuals of n log ratios, of subtask kept[i] + 1 to subtask 0, with or
   without slopes: its lower triangle. */
static double *share_covariance(const struct sample *sample, const int32_t *kept, int32_t n, int with_slopes,
                                double *scratch) {
    const int32_t M = sample->M, K = sample->K;
    double *slope = scratch, *mean = slope + n, *S = mean + n, mean_x = 0, sxx = 0;
    memset(scratch, 0, (size_t)(n * n + 2 * n) * sizeof *scratch);
    for (int32_t m = 0; m < M; m++) mean_x += sample->total[m] / M;
#define RATIO(m, i) (sample->neurons[(m)*K + kept[i] + 1] - sample->neurons[(m)*K])
    for (int32_t m = 0; m < M; m++) {
        sxx += (sample->total[m] - mean_x) * (sample->total[m] - mean_x);
        for (int32_t i = 0; i < n; i++) mean[i] += RATIO(m, i) / M;
    }
    for (int32_t m = 0; m < M && with_slopes; m++)
        for (int32_t i = 0; i < n; i++) slope[i] += (sample->total[m] - mean_x) * RATIO(m, i) / sxx;
    for (int32_t m = 0; m < M; m++) {
        const double x = sample->total[m] - mean_x;
        for (int32_t i = 0; i < n; i++) {
            const double residual = RATIO(m, i) - mean[i] - slope[i] * x;
            for (int32_t j = 0; j <= i; j++)
                S[i * n + j] += residual * (RATIO(m, j) - mean[j] - slope[j] * x) / M;
        }
    }
#undef RATIO
    for (int32_t i = 0; i < n; i++) S[i * n + i] += SHARE_ROUNDING * S[i * n + i] + LEAST_VARIANCE;
    return S;
}

/* Which of the P ratios vary, and not only as others do: the shares of subtasks that always have as many neurons are one.
   Cholesky's method without the rows that have nothing left. */
static int32_t independent_shares(const struct sample *sample, int32_t *kept, double *scratch) {
    const int32_t P = sample->K - 1;
    int32_t n = 0;
    for (int32_t i = 0; i < P; i++) kept[i] = i;
    double *S = share_covariance(sample, kept, P, 0, scratch);
    for (int32_t i = 0; i < P; i++) {
        double *row = S + (int64_t)i * P, left = row[i];
        for (int32_t j = 0; j < n; j++) { /* row[kept[j]] comes behind what is written */
            const double *other = S + (int64_t)kept[j] * P;
            double sum = row[kept[j]];
            for (int32_t k = 0; k < j; k++) sum -= row[k] * other[k];
            row[j] = sum / other[j], left -= row[j] * row[j];
        }
        if (!(left > 1e3 * (SHARE_ROUNDING * row[i] + LEAST_VARIANCE))) continue;
        row[n] = sqrt(left), kept[n++] = i;
    }
    return n;
}

/* The probability that chi squared with n degrees of freedom is above x: of n - 2 degrees, and a term more (Abramowitz and
   Stegun 1964, 26.4.4 and 26.4.5). */
static double chi_squared_above(double x, int32_t n) {
    const double half = 0.5 * x;
    double at = n % 2 ? 0.5 : 1, probability = n % 2 ? erfc(sqrt(half)) : exp(-half);
    for (; at < 0.5 * n; at += 1) probability += exp(at * log(half) - half - lgamma(at + 1));
    return probability < 1 ? probability : isnan(x) ? NAN : 1;
}

/* Of two independent probabilities: how often a product of two numbers, each even between 0 and 1, is below theirs (Fisher
   1932, Statistical methods for research workers, section 21.1). */
static double combined(double one, double other) {
    const double product = one * other;
    return product > 0 ? product * (1 - log(product)) : product;
}

/* The best exponent for all subtasks, by weights that depend on it. */
static double find_common_exponent(const struct line *lines, int32_t K) {
    double exponent = 1;
    for (int32_t i = 0; i < 200; i++) {
        double weights = 0, sum = 0;
        for (int32_t k = 0; k < K; k++) {
            const double squares = line_residual(&lines[k], -exponent);
            const double weight = line_sxx(&lines[k]) / fmax(squares, LEAST_SQUARES);
            weights += weight, sum -= weight * line_slope(&lines[k]);
        }
        exponent = sum / weights;
    }
    return exponent;
}

/* clusters: what these tell; NULL where models are independent. scratch: K * K + 2 K. */
static void test_hypotheses(const struct sample *sample, const struct line *lines, const int32_t *kept,
                            int32_t P, const struct composite_probabilities *clusters, double *scratch,
                            struct composite *composite) {
    const int32_t K = sample->K;
    const double M = sample->M, exponent = find_common_exponent(lines, K);
    composite->common_exponent = exponent;
    double loss[3] = {0, 0, 0}, change[3] = {0, 0, 0}; /* with free, one, and unit exponents */
    for (int32_t k = 0; k < K; k++) {
        const struct line *line = &lines[k];
        const double squares[] = {line_residual(line, line_slope(line)), line_residual(line, -exponent),
                                  line_residual(line, -1)};
        for (int i = 0; i < 3; i++) {
            loss[i] += normal_likelihood(M, squares[i]);
            change[i] += (M - 2.5) * log(fmax(squares[i], LEAST_SQUARES) / fmax(squares[0], LEAST_SQUARES));
        }
    }
    const double with = 2 * cholesky_factor(share_covariance(sample, kept, P, 1, scratch), (size_t)P),
                 without = 2 * cholesky_factor(share_covariance(sample, kept, P, 0, scratch), (size_t)P);
    const double shares[] = {-0.5 * M * (P * log(2 * M_PI) + with + P),
                             -0.5 * M * (P * log(2 * M_PI) + without + P)};
    /* Hotelling's test: with one regressor and P variables, exactly Fisher's F */
    const double left = M - 1 - P, hotellings = P ? left / P * expm1(without - with) : 0;
    const struct composite_probabilities p =
        clusters ? *clusters
                 : (struct composite_probabilities){chi_squared_above(change[1], K - 1),
                                                    chi_squared_above(change[2], K),
                                                    P ? fisher_above(hotellings, P, left) : NAN};
    const int32_t all = 3 * K + 2 * P + P * (P + 1) / 2;
    const struct {
        const char *name, *meaning;
        int exponents, stay, fewer; /* stay: shares do; fewer parameters than the free law has */
        double probability;
    } rows[N_HYPOTHESES] = {
        [COMPOSITE_FREE] = {"free", "an exponent and a slope of the share for each subtask", 0, 0, 0, NAN},
        [COMPOSITE_ONE_EXPONENT] = {"one exponent", "the same for every subtask", 1, 0, K - 1,
                                    p.one_exponent},
        [COMPOSITE_ONE] = {"N^-1", "every exponent is 1", 2, 0, K, p.one},
        [COMPOSITE_SHARES] = {"shares stay", "every slope is 0", 0, 1, P, p.stay},
        [COMPOSITE_RESOURCE] = {"resource law", "N^-1, and shares stay", 2, 1, K + P,
                                P ? combined(p.one, p.stay) : p.one},
    };
    for (int i = 0; i < N_HYPOTHESES; i++) {
        struct composite_hypothesis *row = &composite->hypotheses[i];
        *row = (struct composite_hypothesis){.name = rows[i].name, .meaning = rows[i].meaning};
        row->n_parameters = all - rows[i].fewer;
        row->log_likelihood = loss[rows[i].exponents] + shares[rows[i].stay];
        row->aic = 2 * row->n_parameters - 2 * row->log_likelihood;
        row->bic = row->n_parameters * log(M) - 2 * row->log_likelihood;
        row->degrees = rows[i].fewer;
        row->ratio =
            i == COMPOSITE_FREE ? NAN : 2 * (composite->hypotheses[0].log_likelihood - row->log_likelihood);
        row->probability = rows[i].probability;
    }
}

int composite_test(const struct sample *sample, const struct line *lines, int in_clusters,
                   struct composite *composite) {
    const int32_t K = sample->K;
    double *scratch = malloc((size_t)(K * K + 2 * K) * sizeof *scratch);
    int32_t *kept = calloc((size_t)K, sizeof *kept);
    struct composite_probabilities clusters;
    const int ready = scratch && kept && (!in_clusters || composite_test_clusters(sample, lines, &clusters));
    if (ready) {
        const int32_t P = independent_shares(sample, kept, scratch);
        test_hypotheses(sample, lines, kept, P, in_clusters ? &clusters : NULL, scratch, composite);
    }
    free(scratch), free(kept);
    return ready;
}
