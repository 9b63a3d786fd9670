/* Hypotheses of models that belong to clusters: how far slopes are off, beside how much the clusters move them. */
#include "composite_sample.h"
#include "fit_internal.h"

#include <stdlib.h>
#include <string.h>

int32_t composite_cluster_lines(const struct sample *sample, double *clusters, struct line *lines) {
    const int32_t M = sample->M, K = sample->K;
    int32_t n = 0;
    memcpy(clusters, sample->cluster, (size_t)M * sizeof *clusters);
    sort_doubles(clusters, (size_t)M);
    for (int32_t m = 0; m < M; m++)
        if (m == 0 || clusters[m] != clusters[n - 1]) clusters[n++] = clusters[m];
    for (int32_t m = 0; m < M; m++) {
        const size_t cluster = sorted_below(clusters, (size_t)n, sample->cluster[m]);
        sample_add(sample, m, lines + cluster * (size_t)(2 * K));
    }
    return n;
}

/* The probability of n numbers as far from 0 as these, or farther; without cluster g they are moved[g * stride + i] higher.
   Their sum of squares over that of the jackknife's errors is nearly Fisher's F. A test that weighs every direction would take
   more clusters than numbers; this one does not ask for directions (Dempster 1958, A high dimensional two sample significance
   test), but for how many there are, if all counted the same: by the moments of Bai and Saranadasa 1996. */
static double probability_among_clusters(const double *values, const double *moved, int32_t n, int32_t G,
                                         int32_t stride) {
    const double degrees = G - 1;
    double sum = 0, trace = 0, squares = 0; /* of the covariance of the numbers */
    for (int32_t i = 0; i < n; i++) {
        sum += values[i] * values[i];
        for (int32_t j = 0; j < n; j++) {
            double covariance = 0;
            for (int32_t g = 0; g < G; g++) covariance += moved[g * stride + i] * moved[g * stride + j];
            covariance *= degrees / G;
            if (i == j) trace += covariance;
            squares += covariance * covariance;
        }
    }
    double directions = 1;
    if (G > 2) {
        const double unbiased =
            degrees * degrees / ((degrees - 1) * (degrees + 2)) * (squares - trace * trace / degrees);
        const double most = trace * trace - 2 * unbiased / degrees;
        directions = most < n * unbiased ? fmax(1, most / unbiased) : n;
    }
    return fisher_above(sum / trace, directions, directions * degrees);
}

int composite_test_clusters(const struct sample *sample, const struct line *lines,
                            struct composite_probabilities *probabilities) {
    const int32_t K = sample->K, n = 2 * K;
    const size_t M = (size_t)sample->M;
    struct line *within = calloc(M * (size_t)n, sizeof *within);
    double *clusters = malloc(M * sizeof *clusters), *moved = malloc(M * (size_t)n * sizeof *moved);
    double *off = malloc((size_t)n * sizeof *off), *units = malloc((size_t)n * sizeof *units);
    const int ready = within && clusters && moved && off && units;
    const int32_t G = ready ? composite_cluster_lines(sample, clusters, within) : 0;
    double weights = 0;
    for (int32_t i = 0; i < n && ready; i++) {
        const double slope = line_slope(&lines[i]), squares = line_residual(&lines[i], slope);
        /* one over the error that the slope has if models are independent */
        units[i] = sqrt(line_sxx(&lines[i]) * (lines[i].n - 2) / squares);
        off[i] = units[i] * (i < K ? slope + 1 : slope);
        if (i < K) weights += units[i] * units[i];
        for (int32_t g = 0; g < G; g++) {
            const struct line without = line_difference(lines[i], within[g * n + i]);
            moved[g * n + i] = units[i] * (line_slope(&without) - slope);
        }
    }
    if (ready) {
        probabilities->one = probability_among_clusters(off, moved, K, G, n);
        probabilities->stay = probability_among_clusters(off + K, moved + K, K, G, n);
        /* but for what is common to all exponents */
        for (int32_t g = -1; g < G; g++) {
            double *values = g < 0 ? off : moved + g * n, common = 0;
            for (int32_t i = 0; i < K; i++) common += values[i] * units[i] / weights;
            for (int32_t i = 0; i < K; i++) values[i] -= common * units[i];
        }
        probabilities->one_exponent = probability_among_clusters(off, moved, K, G, n);
    }
    free(within), free(clusters), free(moved), free(off), free(units);
    return ready;
}
